package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The policies that CXF's clients are run with, and whether CXF's streaming
// client is run with them, too. That one
//   - fails against CXF's own server under three: it signs the plaintext in
//     spite of EncryptBeforeSigning, names the token of a derived key by a URI
//     without #, and leaves WS-Addressing headers unsigned;
//   - leaves the token unsigned under ProtectTokens, which CXF's server accepts;
//   - encrypts a Body that is only to be signed, which CXF's server accepts and
//     we do if the policy allows it: KtpSymmetricSignOnly-stax;
//   - derives no key for an endorsing signature in spite of RequireDerivedKeys,
//     which CXF's server refuses and we do not if the policy allows it:
//     KtpTransportEndorsingDerived-stax.
//
// testvectors/transcripts/*-stax has what it sends.
var overHTTP = []struct {
	port      string
	streaming bool
}{
	{"KtpSymmetric", true},
	{"KtpSymmetricDerived", false},
	{"KtpSymmetricEncryptBeforeSigning", false},
	{"KtpSymmetricEncryptSignature", true},
	{"KtpSymmetricDerivedEncryptSignature", false},
	{"KtpSymmetric256", true},
	{"KtpSymmetricTripleDes", true},
	{"KtpSymmetricGcm128", true},
	{"KtpSymmetricSignOnly", false},
	{"KtpSymmetric256Sha256", true},
	{"KtpSymmetricDerived256", false},
	{"KtpSymmetricDerivedEncryptBeforeSigning", false},
	{"KtpSymmetricProtectTokens", false},
	{"KtpSymmetricSoap12", true},
	{"KtpSymmetricAddressing", false},
}

// both clients
var overTLS = []string{"KtpTransport", "KtpTransportEndorsing", "KtpTransportSignedEndorsing", "KtpSupporting"}

// A CXF client's exit status 0 means that CXF verified our reply, decrypted it
// and found the right answer in it.
func TestCXFClientsAcceptOurReplies(t *testing.T) {
	c := newCXF(t, startKDC(t))
	backend, wssgate := c.backend(t), program(t)
	ports := []string{"KtpSymmetricSignOnly-stax"}
	for _, p := range overHTTP {
		ports = append(ports, p.port)
	}
	plain := serve(t, wssgate, c.kdc, backend, false, ports...)
	tls := serve(t, wssgate, c.kdc, backend, true,
		append(overTLS, "KtpTransportEndorsingDerived", "KtpTransportEndorsingDerived-stax")...)

	call := func(name string, g *gateway, port string, args ...string) {
		t.Run(port+"/"+name, func(t *testing.T) {
			t.Parallel()
			if out, err := c.call(t, strings.TrimSuffix(port, "-stax"), g.url+"/"+port, args...); err != nil {
				t.Errorf("CXF's client: %v\n%s", err, out)
			}
		})
	}
	for _, p := range overHTTP {
		call("DOM", plain, p.port, "-count", "3")
		if p.streaming {
			call("streaming", plain, p.port, "-count", "3", "-streaming")
		}
	}
	call("streaming", plain, "KtpSymmetricSignOnly-stax", "-count", "3", "-streaming")
	for _, port := range overTLS {
		call("DOM", tls, port, "-count", "3")
		call("streaming", tls, port, "-count", "3", "-streaming")
	}
	for _, port := range []string{"KtpSymmetric", "KtpSymmetricDerived", "KtpSymmetricEncryptBeforeSigning"} {
		call("20000 characters", plain, port, "-size", "20000", "-count", "10")
	}
	call("20000 characters, streaming, chunked", plain, "KtpSymmetric", "-size", "20000", "-count", "10",
		"-streaming", "-chunk")
	call("reply of a million characters", plain, "KtpSymmetric", "-size", "100", "-reply", "1000000")
	call("delegation", plain, "KtpSymmetric", "-deleg")
	call("offers h2c", plain, "KtpSymmetric", "-h2c")
	call("DOM", tls, "KtpTransportEndorsingDerived", "-count", "3")
	call("streaming", tls, "KtpTransportEndorsingDerived-stax", "-count", "3", "-streaming")
	call("20000 characters", tls, "KtpTransportEndorsing", "-size", "20000", "-count", "10")
}

// A client that sends its ticket once and then names it by SHA-1, as WCF does:
// made with WSS4J, since CXF never does so.
func TestWSS4JNamesAnEarlierTicket(t *testing.T) {
	const port = "KtpSymmetricKeyIdentifier"
	c := newCXF(t, startKDC(t))
	backend, calls := counting(t)
	g := serve(t, program(t), c.kdc, backend, false, port)
	out, err := c.run(t, "KeyIdClient", "-url", g.url+"/"+port, "-count", "4")
	if err != nil || calls.Load() != 4 {
		t.Errorf("%d calls of the service; client: %v\n%s", calls.Load(), err, out)
	}
}

// captured lets a CXF client make n requests and keeps them from reaching
// anything: messages with a valid ticket that nobody has seen.
func captured(t *testing.T, c *cxf, port string, n int) [][]byte {
	t.Helper()
	var (
		mu       sync.Mutex
		messages [][]byte
	)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		messages = append(messages, b)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer sink.Close()
	out, _ := c.call(t, port, sink.URL+"/"+port, "-count", fmt.Sprint(n)) // which fails: nobody answers
	if len(messages) != n {
		t.Fatalf("%d messages instead of %d from\n%s", len(messages), n, out)
	}
	return messages
}

// counting is a plain service in Go that knows only DoubleIt and counts its
// calls.
func counting(t *testing.T) (url string, calls *atomic.Int32) {
	calls = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		b, _ := io.ReadAll(r.Body)
		var n int
		if m := regexp.MustCompile(`<numberToDouble>(\d+)</numberToDouble>`).FindSubmatch(b); m != nil {
			fmt.Sscan(string(m[1]), &n)
		}
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body><di:DoubleItResponse `+
			`xmlns:di="http://www.example.org/schema/DoubleIt">`+
			`<doubledNumber>%d</doubledNumber></di:DoubleItResponse></soap:Body></soap:Envelope>`, nsSOAP, 2*n)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

// between replaces what stands between two marks.
func between(from, to string, edit func(string) string) func(string) string {
	re := regexp.MustCompile(`(?s)(` + from + `)(.*?)(` + to + `)`)
	return func(s string) string {
		loc := re.FindStringSubmatchIndex(s)
		return s[:loc[4]] + edit(s[loc[4]:loc[5]]) + s[loc[5]:]
	}
}

// other changes the first character of a text to another one of base64.
func other(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

// tail changes a character 30 from the end.
func tail(s string) string { return s[:len(s)-30] + other(s[len(s)-30:]) }

func TestChangedAndRepeatedRequestsAreRefused(t *testing.T) {
	const port = "KtpSymmetric"
	c := newCXF(t, startKDC(t))
	backend, calls := counting(t)
	g := serve(t, program(t), c.kdc, backend, false, port)

	// A body of the attacker's, and the genuine one moved to where it is not
	// looked for.
	wrap := func(s string) string {
		start, end := strings.Index(s, "<soap:Body"), strings.Index(s, "</soap:Body>")+len("</soap:Body>")
		body := s[start:end]
		s = s[:start] + `<soap:Body>` + doubleIt + `</soap:Body>` + s[end:]
		return strings.Replace(s, "</soap:Header>", `<x:w xmlns:x="urn:x">`+body+"</x:w></soap:Header>", 1)
	}
	remove := func(re string) func(string) string {
		return func(s string) string { return regexp.MustCompile(`(?s)`+re).ReplaceAllString(s, "") }
	}
	attacks := []struct {
		name string
		edit func(string) string
	}{
		{"ciphertext", between("<xenc:CipherValue>", "</xenc:CipherValue>", other)},
		{"end of ciphertext", between("<xenc:CipherValue>", "</xenc:CipherValue>", tail)},
		{"signature value", between("<ds:SignatureValue>", "</ds:SignatureValue>", other)},
		{"digest value", between("<ds:DigestValue>", "</ds:DigestValue>", other)},
		{"time of creation", between("<wsu:Created>", "</wsu:Created>", func(s string) string {
			if strings.HasSuffix(s, "0Z") {
				return s[:len(s)-2] + "1Z"
			}
			return s[:len(s)-2] + "0Z"
		})},
		{"authenticator", between("<wsse:BinarySecurityToken[^>]*>", "</wsse:BinarySecurityToken>", tail)},
		{"body in the clear", between(`<soap:Body[^>]*>`, "</soap:Body>", func(string) string { return doubleIt })},
		{"body wrapped", wrap},
		{"no timestamp", remove("<wsu:Timestamp.*</wsu:Timestamp>")},
		{"no signature", remove("<ds:Signature .*</ds:Signature>")},
		{"no security header", remove("<wsse:Security .*</wsse:Security>")},
	}
	messages := captured(t, c, port, len(attacks)+1)
	var first []byte
	for i, a := range attacks {
		changed := []byte(a.edit(string(messages[i])))
		if bytes.Equal(changed, messages[i]) {
			t.Fatalf("%s: the message is as it was", a.name)
		}
		status, fault := post(t, g.url+"/"+port, changed)
		if status != http.StatusInternalServerError || !bytes.Contains(fault, []byte("Fault>")) {
			t.Errorf("%s: HTTP %d\n%s", a.name, status, fault)
		}
		if first == nil {
			first = fault
		} else if !bytes.Equal(fault, first) {
			t.Errorf("%s: its fault tells it from the others:\n%s\n%s", a.name, fault, first)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Fatalf("the service was called %d times", n)
	}

	genuine := messages[len(attacks)]
	if status, reply := post(t, g.url+"/"+port, genuine); status != http.StatusOK || calls.Load() != 1 {
		t.Fatalf("the genuine message: HTTP %d, %d calls of the service\n%s", status, calls.Load(), reply)
	}
	if status, reply := post(t, g.url+"/"+port, genuine); status != http.StatusInternalServerError || calls.Load() != 1 {
		t.Errorf("the same message once more: HTTP %d, %d calls of the service\n%s", status, calls.Load(), reply)
	}
}

// Guards the tests above: a client that accepted any reply would let them pass.
func TestCXFRefusesChangedReplies(t *testing.T) {
	const port = "KtpSymmetric"
	c := newCXF(t, startKDC(t))
	backend, calls := counting(t)
	g := serve(t, program(t), c.kdc, backend, false, port)
	target, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		changed := between("SignatureValue>", "</", other)(string(b))
		r.Body = io.NopCloser(strings.NewReader(changed))
		return nil
	}
	s := httptest.NewServer(proxy)
	defer s.Close()
	out, err := c.call(t, port, s.URL+"/"+port, "-count", "2")
	if err == nil || !strings.Contains(out, "ok=0 of 2") || calls.Load() != 2 {
		t.Errorf("%d calls of the service; CXF's client: %v\n%s", calls.Load(), err, out)
	}
}
