package nodes

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
)

// A recorder is the backend. It knows which requests clients have sent in earnest,
// each once, and counts what comes.
type recorder struct {
	url    string
	server *httptest.Server

	mu      sync.Mutex
	ids     int
	sent    map[string]bool
	arrived map[string]int
	wrong   []string
}

// caller is who all requests are of, but those below plainPath, whose clients
// nobody knows.
const caller, plainPath = "alice@" + realm, "/plain"

// A message with slowMark takes the backend so long.
const slowMark, slow = "<Slowly/>", 300 * time.Millisecond

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{sent: map[string]bool{}, arrived: map[string]int{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url, r.server = s.URL, s
	return r
}

// register returns an id for a request that is about to be sent.
func (r *recorder) register(worker string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids++
	id := fmt.Sprintf("id-%s-%d", worker, r.ids)
	r.sent[id] = true
	return id
}

// settle ends a request that was answered. It reports whether it has come once;
// if it came again, nobody would have sent it in earnest.
func (r *recorder) settle(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.arrived[id]
	delete(r.sent, id)
	delete(r.arrived, id)
	if n != 1 {
		return fmt.Errorf("%s was answered and came to the backend %d times", id, n)
	}
	return nil
}

var idPattern = regexp.MustCompile(`(?:id|forged)-[A-Za-z0-9-]+`)

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	id := idPattern.FindString(string(body))
	if req.URL.Query().Has("id") {
		id = req.URL.Query().Get("id")
	}
	of := caller
	if strings.HasPrefix(req.URL.Path, plainPath) {
		of = ""
	}
	r.mu.Lock()
	r.arrived[id]++
	switch name := req.Header.Get("X-Wssgate-Principal"); {
	case !r.sent[id]:
		r.wrong = append(r.wrong, fmt.Sprintf("%q, which nobody has sent in earnest", id))
	case r.arrived[id] > 1:
		r.wrong = append(r.wrong, fmt.Sprintf("%q for the %d. time", id, r.arrived[id]))
	case name != of:
		r.wrong = append(r.wrong, fmt.Sprintf("%q of %q", id, name))
	}
	r.mu.Unlock()
	if bytes.Contains(body, []byte(slowMark)) {
		time.Sleep(slow)
	}
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
