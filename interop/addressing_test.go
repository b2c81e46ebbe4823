package interop

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// An unaddressed is a plain service of either SOAP version that knows no
// WS-Addressing. It doubles, takes notes (one-way), and answers all else with a
// fault.
type unaddressed struct {
	url       string
	calls     atomic.Int32
	addressed atomic.Int32 // messages that had something of WS-Addressing
}

func newUnaddressed(t *testing.T) *unaddressed {
	number := regexp.MustCompile(`<numberToDouble>(\d+)</numberToDouble>`)
	u := &unaddressed{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		u.calls.Add(1)
		env, err := soap.Parse(b, xmltext.Options{})
		if err != nil {
			t.Errorf("the service got %s: %v", b, err)
			return
		}
		if a, _ := env.Addressing(); a.Namespace != "" {
			u.addressed.Add(1)
		}
		w.Header().Set("Content-Type", env.Version.ContentType())
		body := `<s:Fault><faultcode>s:Server</faultcode><faultstring>only doubles</faultstring></s:Fault>`
		switch n := number.FindSubmatch(b); {
		case n != nil:
			double, _ := strconv.Atoi(string(n[1]))
			body = fmt.Sprintf(`<d:DoubleItResponse xmlns:d="http://www.example.org/schema/DoubleIt"><doubledNumber>%d`+
				`</doubledNumber></d:DoubleItResponse>`, 2*double)
		case strings.Contains(string(b), ":Note"):
			w.WriteHeader(http.StatusAccepted)
			return
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintf(w, `<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>`, env.Version.Namespace(), body)
	}))
	t.Cleanup(s.Close)
	u.url = s.URL
	return u
}

// CXF's clients with WS-Addressing, under a signature and over TLS, are served by
// a service that knows none: replies, faults, and one-way messages.
func TestCXFClientsWithAddressingAreServedByAServiceWithout(t *testing.T) {
	c := newCXF(t, startKDC(t))
	wssgate := program(t)
	for port, of := range map[string]string{ // whose policy is served
		"KtpSymmetricAddressing": "KtpSymmetricAddressing", "KtpTransportAddressing": "KtpTransportEndorsing",
	} {
		policy, secure := policyOf(t, of), strings.HasPrefix(port, "KtpTransport")
		change := func(url string, route map[string]any) {
			route["policy"], route["addresses"] = policy, []string{url}
			if strings.HasSuffix(url, "/other") {
				route["addresses"] = []string{"http://other.example.com/"}
			}
		}
		backend := newUnaddressed(t)
		settings := map[string]any{"addressing": "terminate", "wsa-to": "required"}
		g := serveRoutes(t, wssgate, c.kdc, backend.url, secure, settings, change, port, "other")
		t.Run(port, func(t *testing.T) {
			if out, err := c.call(t, port, g.url+"/"+port, "-count", "3"); err != nil {
				t.Errorf("CXF's client: %v\n%s\n%s", err, out, g.log)
			}
			if out, err := c.call(t, port, g.url+"/"+port, "-size", "5"); err == nil || !strings.Contains(out, "only doubles") {
				t.Errorf("a fault of the service: %v\n%s\n%s", err, out, g.log)
			}
			if out, err := c.call(t, port, g.url+"/other"); err == nil || !strings.Contains(out, "for another address") {
				t.Errorf("a fault of wssgate: %v\n%s\n%s", err, out, g.log)
			}
			if out, err := c.call(t, port, g.url+"/"+port, "-note", "-count", "2"); err != nil {
				t.Errorf("one-way: %v\n%s\n%s", err, out, g.log)
			}
			if calls, addressed := backend.calls.Load(), backend.addressed.Load(); calls != 6 || addressed != 0 {
				t.Errorf("%d calls of the service, %d with WS-Addressing", calls, addressed)
			}
		})
	}
}

// CXF's client marks wsa:To and wsa:Action as mandatory if it is told to. Under a
// policy that signs the Body alone nothing protects them, and over TLS the channel
// does: a service that knows no WS-Addressing serves it all the same.
func TestCXFClientsMayMarkAddressingAsMandatory(t *testing.T) {
	c := newCXF(t, startKDC(t))
	wssgate := program(t)
	for port, secure := range map[string]bool{"KtpSymmetric": false, "KtpTransport": true} {
		backend := newUnaddressed(t)
		seen := &atomic.Int32{} // messages with a mandatory block of WS-Addressing
		g := serveWith(t, wssgate, c.kdc, backend.url, secure, map[string]any{"addressing": "terminate"}, port)
		between := watching(t, g.url, secure, func(b []byte) {
			env, err := soap.Parse(b, xmltext.Options{})
			if err != nil {
				t.Errorf("the client sent %s: %v", b, err)
				return
			}
			a, _ := env.Addressing()
			for _, n := range []xmltext.Node{a.To, a.Action} {
				if must, _ := env.MustUnderstand(n); !n.IsZero() && must {
					seen.Add(1)
				}
			}
		})
		t.Run(port, func(t *testing.T) {
			if out, err := c.call(t, port, between+"/"+port, "-addressing", "-count", "2"); err != nil {
				t.Errorf("CXF's client: %v\n%s\n%s", err, out, g.log)
			}
			if seen.Load() != 4 || backend.calls.Load() != 2 || backend.addressed.Load() != 0 {
				t.Errorf("%d mandatory blocks, %d calls, %d with WS-Addressing", seen.Load(), backend.calls.Load(),
					backend.addressed.Load())
			}
		})
	}
}

// watching stands in front of target and shows what passes to look.
func watching(t *testing.T, target string, secure bool, look func(message []byte)) (front string) {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, // the lab's own certificate
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		look(b)
		r.Body = io.NopCloser(bytes.NewReader(b))
		proxy.ServeHTTP(w, r)
	}))
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL
}

// Guards the tests above: where nobody answers for WS-Addressing, CXF's client
// takes no reply.
func TestCXFClientsWithAddressingNeedIt(t *testing.T) {
	const port = "KtpSymmetricAddressing"
	c := newCXF(t, startKDC(t))
	backend := newUnaddressed(t)
	g := serve(t, program(t), c.kdc, backend.url, false, port)
	out, err := c.call(t, port, g.url+"/"+port)
	if err == nil || backend.calls.Load() != 1 || backend.addressed.Load() != 1 {
		t.Errorf("%v, %d calls, %d with WS-Addressing\n%s\n%s", err, backend.calls.Load(), backend.addressed.Load(), out,
			g.log)
	}
}

// A client in WCF's form, which marks wsa:To and wsa:Action as mandatory, and
// which takes no reply without wsa:Action and wsa:RelatesTo, too: under a
// signature and over TLS, with and without a session.
func TestClientInWCFsFormIsServedByAServiceWithoutAddressing(t *testing.T) {
	k := startKDC(t)
	for preset, args := range map[string][]string{
		"SspiNegotiated": nil, "wsHttpBinding": nil, "SspiNegotiatedOverTransport": {"--cacert", k.file("tls.crt")},
	} {
		cases := map[string][]string{"SspiNegotiated": {"negotiated"}, "wsHttpBinding": {"conversation"},
			"SspiNegotiatedOverTransport": {"over-transport"}}[preset]
		backend := newUnaddressed(t)
		change := func(_ string, route map[string]any) { route["policy"] = preset }
		g := serveRoutes(t, program(t), k, backend.url, args != nil, map[string]any{"addressing": "terminate"}, change,
			preset)
		t.Run("", func(t *testing.T) {
			g.play(t, k, preset, cases, args...)
			if preset != "wsHttpBinding" {
				g.play(t, k, preset, cases, append([]string{"--wsa", "2004"}, args...)...)
			}
		})
		if backend.calls.Load() == 0 || backend.addressed.Load() != 0 {
			t.Errorf("%s: %d calls of the service, %d with WS-Addressing", preset, backend.calls.Load(),
				backend.addressed.Load())
		}
	}
}
