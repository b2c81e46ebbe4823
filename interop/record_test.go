package interop

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var record = flag.String("record", "",
	"`directory` to record conversations in: of CXF with CXF for transcripts/import.py, of the client in WCF's form "+
		"for transcripts/import_wcf.py")

// The ports of the lab's WSDL that -record records, each with CXF's DOM client
// and with its streaming one (suffix -stax).
var recorded = []string{
	"KtpSymmetric256Sha256", "KtpSymmetricAddressing", "KtpSymmetricDerived256", "KtpSymmetricDerivedEncryptBeforeSigning",
	"KtpSymmetricEncryptSignature-stax", "KtpSymmetricProtectTokens", "KtpSymmetricProtectTokens-stax",
	"KtpSymmetricSignOnly-stax",
	"KtpSymmetricSoap12",
	"KtpTransportEndorsingDerived", "KtpTransportEndorsingDerived-stax", "KtpTransportSignedEndorsing",
	"KtpTransportSignedEndorsing-stax",
}

func TestRecordCXFWithCXF(t *testing.T) {
	if *record == "" {
		t.Skip("records only with -record")
	}
	c := newCXF(t, startKDC(t))
	plain, tls := c.secureServer(t)
	copyFile(t, c.file("svc.keytab"), filepath.Join(*record, "svc.keytab"))
	for _, name := range recorded {
		port, streaming := strings.CutSuffix(name, "-stax")
		rec := &recorder{dir: filepath.Join(*record, name), target: plain}
		if strings.HasPrefix(port, "KtpTransport") {
			rec.target = tls
		}
		rec.conversation(t, c, port, streaming)
	}
}

// The forms of a token under the STR-Transform that CXF's server is sent: what
// WSS4J's API makes and CXF's own clients do not.
var recordedSTRTransform = []struct{ name, forms, words string }{
	{"KtpSymmetricSTRTransform", "prefixed,no-encoding-type",
		"no default namespace; the token of the second request has no EncodingType"},
	{"KtpSymmetricSTRTransformDefaultNamespace", "default,undeclared",
		"the Envelope declares a default namespace; the token of the second request undeclares it"},
}

func TestRecordWSS4JWithCXF(t *testing.T) {
	if *record == "" {
		t.Skip("records only with -record")
	}
	const port = "KtpSymmetricSTRTransform"
	c := newCXF(t, startKDC(t))
	plain, _ := c.secureServer(t)
	copyFile(t, c.file("svc.keytab"), filepath.Join(*record, "svc.keytab"))
	for _, r := range recordedSTRTransform {
		rec := &recorder{dir: filepath.Join(*record, r.name), target: plain}
		rec.record(t, port, c.words(t, port)+
			"; requests made with WSS4J's API (StrTransform), the token signed through the STR-Transform: "+r.words,
			func(url string) (string, error) {
				return c.run(t, "StrTransform", "-url", url+"/"+port, "-forms", r.forms)
			})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A recorder stands between client and server and writes what passes.
type recorder struct {
	dir    string // of the case
	target string // URL of the server

	mu sync.Mutex
	n  int // exchanges so far
}

// conversation has a CXF client make two calls through the recorder.
func (r *recorder) conversation(t *testing.T, c *cxf, port string, streaming bool) {
	t.Helper()
	args, client := []string{"-count", "2"}, "CXF's DOM client"
	if streaming {
		args, client = append(args, "-streaming"), "client is CXF's streaming (StAX) implementation"
	}
	r.record(t, port, c.words(t, port)+"; "+client, func(url string) (string, error) {
		return c.call(t, port, url+"/"+port, args...)
	})
}

// record keeps what client says and is told, and meta.json beside it. The
// client is given the recorder's URL.
func (r *recorder) record(t *testing.T, port, words string, client func(url string) (string, error)) {
	t.Helper()
	secure := strings.HasPrefix(r.target, "https")
	proxy := httptest.NewUnstartedServer(r)
	if secure {
		proxy.StartTLS()
	} else {
		proxy.Start()
	}
	defer proxy.Close()
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	captured := time.Now().UTC()
	if out, err := client(proxy.URL); err != nil {
		t.Errorf("%s: %v\n%s", r.dir, err, out)
	}
	meta, err := json.MarshalIndent(map[string]any{
		"policy": words, "policy_port": port + "Port", "tls_to_endpoint": secure,
		"captured": captured.Format(time.RFC3339), "client_principal": "alice@EXAMPLE.COM", "service_principal": service,
	}, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, "meta.json"), append(meta, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// words returns the policy of a port in words.
func (c *cxf) words(t *testing.T, port string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.build, "lab", "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct{ Words string }
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases[port].Words
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	body, _ := io.ReadAll(req.Body)
	req.Header.Set("Host", req.Host)
	r.write("request", fmt.Sprintf("%s %s HTTP/1.1", req.Method, req.URL.Path), req.Header, body)
	req.Header.Del("Host")

	up, err := http.NewRequestWithContext(req.Context(), req.Method, r.target+req.URL.Path, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	up.Header = req.Header
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(up)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	reply, _ := io.ReadAll(resp.Body)
	r.write("response", "HTTP/1.1 "+resp.Status, resp.Header, reply)
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	w.Write(reply)
}

// write keeps one message: start line and header fields in one file, the body
// in another.
func (r *recorder) write(kind, start string, h http.Header, body []byte) {
	lines := []string{start}
	for _, k := range slices.Sorted(maps.Keys(h)) {
		lines = append(lines, k+": "+strings.Join(h[k], ", "))
	}
	base := filepath.Join(r.dir, fmt.Sprintf("%02d-%s", r.n, kind))
	os.WriteFile(base+".headers", []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	os.WriteFile(base+".xml", body, 0o644)
}
