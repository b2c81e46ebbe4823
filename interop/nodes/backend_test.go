package nodes

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// A recorder is the backend. It knows which requests clients have sent in earnest,
// each once, and counts what comes.
type recorder struct {
	url string

	mu      sync.Mutex
	sent    map[string]bool
	arrived map[string]int
	wrong   []string
}

// caller is who all requests are of.
const caller = "alice@" + realm

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{sent: map[string]bool{}, arrived: map[string]int{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// register returns an id for a request that is about to be sent.
func (r *recorder) register(worker string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := fmt.Sprintf("id-%s-%d", worker, len(r.sent))
	r.sent[id] = true
	return id
}

var idPattern = regexp.MustCompile(`(?:id|forged)-[A-Za-z0-9-]+`)

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	id := idPattern.FindString(string(body))
	if req.URL.Query().Has("id") {
		id = req.URL.Query().Get("id")
	}
	r.mu.Lock()
	r.arrived[id]++
	switch name := req.Header.Get("X-Wssgate-Principal"); {
	case !r.sent[id]:
		r.wrong = append(r.wrong, fmt.Sprintf("%q, which nobody has sent in earnest", id))
	case r.arrived[id] > 1:
		r.wrong = append(r.wrong, fmt.Sprintf("%q for the %d. time", id, r.arrived[id]))
	case name != caller:
		r.wrong = append(r.wrong, fmt.Sprintf("%q of %q", id, name))
	}
	r.mu.Unlock()
	w.Header().Set("Content-Type", soap.V11.ContentType())
	fmt.Fprintf(w, `<s:Envelope xmlns:s="%s"><s:Body><Done xmlns="urn:q">%s</Done></s:Body></s:Envelope>`, soap.NS11, id)
}

// times returns how often a request has arrived.
func (r *recorder) times(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrived[id]
}

// check reports what should not have come.
func (r *recorder) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.wrong {
		if i < 20 {
			t.Errorf("the backend got %s", w)
		}
	}
}

// question is a message with an id.
func question(id string) []byte {
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="%s"><s:Body><Ask xmlns="urn:q">%s</Ask></s:Body></s:Envelope>`,
		soap.NS11, id)
}
