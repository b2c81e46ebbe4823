package interop

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// addressed is a plain service that knows DoubleIt, of either SOAP version, and
// answers with the WS-Addressing headers that WCF's dispatcher needs.
func addressed(t *testing.T) string {
	message := regexp.MustCompile(`MessageID[^>]*>([^<]+)<`)
	number := regexp.MustCompile(`<numberToDouble>(\d+)</numberToDouble>`)
	addressing := regexp.MustCompile(`"(http://[\w./]+/addressing)"`)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		id, n, wsa := message.FindSubmatch(b), number.FindSubmatch(b), addressing.FindSubmatch(b)
		if id == nil || n == nil || wsa == nil {
			t.Errorf("the service got %s", b)
			return
		}
		soap, media := "http://www.w3.org/2003/05/soap-envelope", "application/soap+xml"
		if strings.Contains(string(b), nsSOAP) {
			soap, media = nsSOAP, "text/xml"
		}
		double, _ := strconv.Atoi(string(n[1]))
		w.Header().Set("Content-Type", media+"; charset=utf-8")
		fmt.Fprintf(w, `<s:Envelope xmlns:s="%s" xmlns:a="%s"><s:Header><a:Action>%s/DoubleIt/DoubleItResponse</a:Action>`+
			`<a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body><d:DoubleItResponse xmlns:d="%[3]s/DoubleIt">`+
			`<doubledNumber>%[5]d</doubledNumber></d:DoubleItResponse></s:Body></s:Envelope>`,
			soap, wsa[1], "http://www.example.org/schema", id[1], 2*double)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// servePresets starts the program with a route for each preset, and one,
// /other, for contexts that are foreign there.
func servePresets(t *testing.T, k *kdc, tls bool, settings map[string]any, presets ...string) *gateway {
	t.Helper()
	change := func(_ string, route map[string]any) {
		route["policy"] = strings.TrimPrefix(route["path"].(string), "/")
		if route["policy"] == "other" {
			route["policy"] = presets[0]
		}
	}
	return serveRoutes(t, program(t), k, addressed(t), tls, settings, change, append(presets, "other")...)
}

// play has the client play cases in both versions of WS-Trust.
func (g *gateway) play(t *testing.T, k *kdc, preset string, cases []string, args ...string) {
	t.Helper()
	for _, c := range cases {
		t.Run(preset+"/"+c, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat("/etc/gss/mech.d/mech.ntlmssp.conf"); err != nil && c == "mit-request-mic" {
				missing(t, "NTLM for MIT's library", "gss-ntlmssp")
			}
			where := []string{"--url", g.url + "/" + preset, "--other-url", g.url + "/other", "--case", c}
			if out, err := wcf(t, k, append(where, args...)...); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// The whole conversation that WCF's bindings have by default, in both versions
// of WS-Trust: negotiation, RST/SCT under its context, application messages,
// Cancel.
func TestClientInWCFsFormPlaysItsDefaultConversation(t *testing.T) {
	k := startKDC(t)
	g := servePresets(t, k, false, nil, "wsHttpBinding", "ws2007HttpBinding")
	g.play(t, k, "wsHttpBinding", []string{"conversation", "two-sessions", "renewed", "cancel-of-another",
		"bootstrap-context", "renewed-as-wcf", "wrong-renewal", "renewal-twice"})
	g.play(t, k, "ws2007HttpBinding", []string{"two-sessions"})
}

// A conversation over TLS, whose contexts are asked for and renewed under ones
// that are negotiated over TLS.
func TestClientInWCFsFormRenewsOverTLS(t *testing.T) {
	k := startKDC(t)
	change := func(_ string, route map[string]any) {
		route["policy"] = map[string]any{"preset": "SspiNegotiatedOverTransport",
			"supporting-tokens": []map[string]any{{"token": "secure-conversation", "use": "endorsing"}},
			"bootstrap":         "SspiNegotiatedOverTransport"}
	}
	g := serveRoutes(t, program(t), k, addressed(t), true, nil, change, "conversation")
	g.play(t, k, "conversation", []string{"renewed-over-transport"}, "--cacert", k.file("tls.crt"))
}

// WCF's mode without a session, and every form of a negotiation.
func TestClientInWCFsFormNegotiates(t *testing.T) {
	k := startKDC(t)
	g := servePresets(t, k, false, nil, "SspiNegotiated")
	g.play(t, k, "SspiNegotiated", []string{
		"negotiated", "request-mic", "request-mic-negoex", "mit-spnego", "interleaved", "spaces", "applies-to", "value-type",
		"key-sizes", "tampered", "mit-request-mic",
	})
	g.play(t, k, "SspiNegotiated", []string{"negotiated", "applies-to"}, "--soap", "1.1")
	g.play(t, k, "SspiNegotiated", []string{"negotiated", "applies-to"}, "--wsa", "2004")
}

// The negotiation is bound to the TLS channel, and the Wrap token rotated as
// Windows does it.
func TestClientInWCFsFormNegotiatesOverTLS(t *testing.T) {
	k := startKDC(t)
	settings := map[string]any{"channel-bindings": "required", "wrap-rrc": 28}
	g := servePresets(t, k, true, settings, "SspiNegotiatedOverTransport")
	g.play(t, k, "SspiNegotiatedOverTransport", []string{"over-transport", "over-transport-derived",
		"over-transport-stamped", "over-transport-to"}, "--cacert", k.file("tls.crt"))
}

// WCF signs with HMAC-SHA256 in the suites whose names end so, as the policy has
// to say: WS-SecurityPolicy has HMAC-SHA1 in all of them.
func TestClientInWCFsFormHasTheSuiteOfThePolicy(t *testing.T) {
	k := startKDC(t)
	suites := []string{"Basic128", "Basic192", "Basic256Sha256"}
	change := func(_ string, route map[string]any) {
		suite := strings.TrimPrefix(route["path"].(string), "/")
		policy := map[string]any{"preset": "SspiNegotiated", "algorithm-suite": suite}
		if strings.HasSuffix(suite, "Sha256") {
			policy["signature-method"] = "hmac-sha256"
		}
		route["policy"] = policy
	}
	g := serveRoutes(t, program(t), k, addressed(t), false, nil, change, suites...)
	for _, suite := range suites {
		g.play(t, k, suite, []string{"negotiated", "key-sizes"}, "--suite", suite)
	}
}

// A service that keeps its state in the token, as WCF's does without
// cancellation: the client sends the token back as it got it. Each message goes to
// another of two processes that have nothing but keys in common; where one Cancel
// or renewal has to hold, there is one.
func TestClientInWCFsFormReturnsTheStateInItsToken(t *testing.T) {
	k := startKDC(t)
	settings := map[string]any{"context-storage": "token", "state-keys": stateKeys(t)}
	g := servePresets(t, k, false, settings, "wsHttpBinding", "SspiNegotiated")
	g.play(t, k, "wsHttpBinding", []string{"conversation", "cookie", "renewed", "renewed-as-wcf", "cancel-of-another"},
		"--cookies")
	other := servePresets(t, k, false, settings, "wsHttpBinding", "SspiNegotiated")
	both := &gateway{url: inTurn(t, g.url, other.url)}
	both.play(t, k, "wsHttpBinding", []string{"cookie"}, "--cookies")
	both.play(t, k, "SspiNegotiated", []string{"negotiated"}, "--cookies")
}

// stateKeys makes a file for state-keys.
func stateKeys(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.keys")
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inTurn is the URL of a proxy that hands each request to the next of several.
func inTurn(t *testing.T, urls ...string) string {
	t.Helper()
	var next atomic.Uint32
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		target, err := url.Parse(urls[int(next.Add(1))%len(urls)])
		if err != nil {
			t.Error(err)
			return
		}
		r.SetURL(target)
		r.SetXForwarded()
	}})
	t.Cleanup(s.Close)
	return s.URL
}

// What an attacker or a broken client sends is refused with the fault that WCF
// expects, and leaves alone what others have begun.
func TestClientInWCFsFormIsRefused(t *testing.T) {
	k := startKDC(t)
	g := servePresets(t, k, false, nil, "SspiNegotiated")
	g.play(t, k, "SspiNegotiated", []string{
		"ntlm", "ntlm-only", "garbage", "replayed", "unknown-context", "leg-after-the-last", "first-leg-twice",
		"other-client",
		"absurd", "unknown-sct", "wrong-key", "changed-body", "message-twice", "unprotected", "foreign-route",
	})
}

// 160 negotiations in progress are 10 for a client address.
func TestClientInWCFsFormFindsTheServerBusy(t *testing.T) {
	k := startKDC(t)
	g := servePresets(t, k, false, map[string]any{"max-negotiations": 160}, "SspiNegotiated")
	g.play(t, k, "SspiNegotiated", []string{"full"}, "--many", "10", "--trust", "2005")
}

// What TestRecordClientInWCFsForm keeps, for transcripts/import_wcf.py.
var recordedInWCFsForm = map[string]string{"wsHttpBinding": "conversation", "SspiNegotiated": "negotiated"}

func TestRecordClientInWCFsForm(t *testing.T) {
	if *record == "" {
		t.Skip("records only with -record")
	}
	k := startKDC(t)
	g := servePresets(t, k, false, nil, "wsHttpBinding", "SspiNegotiated")
	dir := filepath.Join(*record, "wcf")
	copyFile(t, k.file("svc.keytab"), filepath.Join(dir, "svc.keytab"))
	for preset, c := range recordedInWCFsForm {
		if out, err := wcf(t, k, "--url", g.url+"/"+preset, "--case", c, "--transcript", dir); err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
	}
}
