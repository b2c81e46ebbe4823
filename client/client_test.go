package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/mtom"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

func TestCallReturnsTheVerifiedReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		var traced []client.Traced
		c := w.client("Kerberos", func(cfg *client.Config) {
			cfg.Trace = func(m client.Traced) { traced = append(traced, m) }
		})
		reply, err := c.Call(t.Context(), client.Request{Message: envelope(v, "", ask), Action: "urn:ask"})
		if err != nil {
			t.Fatal(err)
		}
		if reply.Status != 200 || reply.Version != v || !bytes.Contains(reply.Message, []byte("what is it worth")) ||
			bytes.Contains(reply.Message, []byte("Security")) {
			t.Errorf("%v: %d %v %s", v, reply.Status, reply.Version, reply.Message)
		}
		r := w.seen[len(w.seen)-1]
		if media := r.Header.Get("Content-Type") + r.Header.Get("SOAPAction"); !strings.Contains(media, `"urn:ask"`) {
			t.Errorf("%v: the backend is told %v", v, r.Header)
		}
		if r.Header.Get("X-Wssgate-Principal") != "alice@EXAMPLE.COM" {
			t.Errorf("%v: the backend is told of %q", v, r.Header.Get("X-Wssgate-Principal"))
		}
		if len(traced) != 2 || !traced[0].Sent || traced[1].Sent || traced[0].Kind != "message" ||
			traced[1].Kind != "message" ||
			bytes.Contains(traced[0].Wire, []byte("worth")) || !bytes.Contains(traced[0].Plain, []byte("worth")) ||
			bytes.Contains(traced[1].Wire, []byte("worth")) || !bytes.Contains(traced[1].Plain, []byte("worth")) {
			t.Errorf("%v: traced %+v", v, traced)
		}
	}
}

// A reply by MTOM has its ciphertext in a part. It is verified, and returned as
// one envelope; one whose parts were changed is refused.
func TestCallReadsRepliesByMTOM(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	question := strings.Repeat("what is it worth ", 200)
	change := []byte(nil)
	w.between = func(resp *http.Response) {
		envelope, err := io.ReadAll(resp.Body)
		w.must(err)
		body, contentType, err := mtom.Append(nil, envelope, mtom.Form{Version: soap.V11}, xmltext.Options{})
		w.must(err)
		if !bytes.Contains(body, []byte("application/octet-stream")) {
			t.Errorf("no attachment: %.300s", body)
		}
		at := bytes.LastIndex(body, []byte("\r\n--")) - len(change)
		copy(body[at:], change)
		resp.Header.Set("Content-Type", contentType)
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
	}
	message := envelope(soap.V11, "", `<q:Ask xmlns:q="urn:q">`+question+`</q:Ask>`)
	reply, err := w.client("Kerberos", nil).Call(t.Context(), client.Request{Message: message})
	if err != nil || !bytes.Contains(reply.Message, []byte(question)) {
		t.Errorf("error %v", err)
	}
	change = []byte("changed")
	if reply, err := w.client("Kerberos", nil).Call(t.Context(), client.Request{Message: message}); err == nil {
		t.Errorf("returns %s", reply.Message)
	}
}

// A reply that is not the service's to this request is an error, and nothing of
// it comes back.
func TestCallRefusesOtherReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	c := w.client("Kerberos", func(cfg *client.Config) { cfg.MaxReply = 100_000 })
	var earlier []byte
	w.between = func(r *http.Response) { earlier = body(r) }
	if _, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)}); err != nil {
		t.Fatal(err)
	}
	plain := envelope(soap.V11, "", "<a/>")
	fault := (&soap.Fault{Code: soap.Sender, Reason: "go away"}).AppendEnvelope(nil, soap.V11)
	for what, a := range map[string]struct {
		between func(*http.Response)
		code    client.Code
		words   string
	}{
		"unprotected":        {func(r *http.Response) { replaced(r, plain) }, client.CodeUnverified, ""},
		"of another request": {func(r *http.Response) { replaced(r, earlier) }, client.CodeUnverified, ""},
		"changed":            {func(r *http.Response) { replaced(r, changed(body(r))) }, client.CodeUnverified, ""},
		"unsigned":           {func(r *http.Response) { replaced(r, unsigned(body(r))) }, client.CodeUnverified, ""},
		"no XML":             {func(r *http.Response) { replaced(r, []byte("<html>")) }, client.CodeNoSOAP, ""},
		"HTML": {func(r *http.Response) { r.Header.Set("Content-Type", "text/html") }, client.CodeNoSOAP,
			`Content-Type is "text/html"`},
		"another version": {func(r *http.Response) { r.Header.Set("Content-Type", soap.V12.ContentType()) },
			client.CodeNoSOAP, "application/soap+xml"},
		"another version inside": {func(r *http.Response) { replaced(r, envelope(soap.V12, "", "")) }, client.CodeNoSOAP,
			"soap-version-mismatch"},
		"nothing": {func(r *http.Response) { replaced(r, nil); r.Header.Del("Content-Type") }, client.CodeNoSOAP,
			""},
		"larger than is read": {func(r *http.Response) { replaced(r, make([]byte, 100_001)) }, client.CodeNoSOAP,
			"more than 100000 octets"},
		"compressed": {func(r *http.Response) { r.Header.Set("Content-Encoding", "br") }, client.CodeNoSOAP,
			"content-encoding"},
		"cut off": {func(r *http.Response) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("<a"),
				cut{}))
		}, client.CodeNetwork, "cut"},
		"a fault in clear": {func(r *http.Response) { replaced(r, fault); r.StatusCode = 500 }, client.CodeRefused,
			"go away"},
		"a redirection": {func(r *http.Response) {
			r.StatusCode = 307
			r.Header.Set("Location", w.url)
			r.Header.Del("Content-Type")
		},
			client.CodeNoSOAP, "not followed"},
		"a challenge": {func(r *http.Response) {
			r.StatusCode = 401
			r.Header.Set("WWW-Authenticate", "Negotiate")
			r.Header.Del("Content-Type")
		}, client.CodeNoSOAP, "Negotiate"},
	} {
		w.between, w.seen = a.between, nil
		reply, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
		if reply != nil || codeOf(err) != a.code || !strings.Contains(err.Error(), a.words) ||
			strings.Contains(err.Error(), "worth") {
			t.Errorf("%s: %v, %v", what, reply, err)
		}
		if len(w.seen) != 1 {
			t.Errorf("%s: the service was asked %d times", what, len(w.seen))
		}
		if e := new(client.Error); errors.As(err, &e) && (e.Fault != nil) != (a.code == client.CodeRefused) {
			t.Errorf("%s: fault %v", what, e.Fault)
		}
	}
}

// changed changes one letter of the last ciphertext.
func changed(wire []byte) []byte {
	out := bytes.Clone(wire)
	at := bytes.LastIndex(out, []byte("CipherValue>"))
	at = bytes.LastIndex(out[:at], []byte("CipherValue>")) + 20
	out[at] = map[bool]byte{true: 'B', false: 'A'}[out[at] == 'A']
	return out
}

// unsigned leaves the Security header out.
func unsigned(wire []byte) []byte {
	from, to := bytes.Index(wire, []byte("<wsse:Security")), bytes.Index(wire, []byte("</wsse:Security>"))
	return append(bytes.Clone(wire[:from]), wire[to+len("</wsse:Security>"):]...)
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, errors.New("cut") }

// A fault that verifies is the service's; the error has it whole.
func TestCallReturnsAVerifiedFaultAsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	w.backend = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", soap.V11.ContentType())
		rw.WriteHeader(500)
		_, _ = rw.Write((&soap.Fault{Code: soap.Receiver, Reason: "no such share"}).AppendEnvelope(nil, soap.V11))
	}
	_, err := w.client("Kerberos", nil).Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.CodeFault || e.Fault.Reason != "no such share" || e.Status != 500 ||
		!bytes.Contains(e.Reply.Message, []byte("no such share")) || !strings.Contains(err.Error(), "no such share") {
		t.Errorf("%v %+v", err, e)
	}
}

// A fault in clear may mean that the service has got new keys: the next call asks
// the KDC again. Nothing else makes it do so.
func TestCallForgetsTheTicketAfterAFaultInClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	c := w.client("Kerberos", nil)
	before, err := w.tickets.ServiceTicket(t.Context(), testService)
	w.must(err)
	for what, change := range map[string]struct {
		between func(*http.Response)
		forgets bool
	}{
		"a changed reply":  {func(r *http.Response) { replaced(r, changed(body(r))) }, false},
		"a fault in clear": {func(r *http.Response) { replaced(r, (&soap.Fault{}).AppendEnvelope(nil, soap.V11)) }, true},
	} {
		w.between = change.between
		_, _ = c.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
		after, err := w.tickets.ServiceTicket(t.Context(), testService)
		w.must(err)
		if forgot := !bytes.Equal(before.Ticket, after.Ticket); forgot != change.forgets {
			t.Errorf("%s: the ticket is another one: %v", what, forgot)
		}
		before = after
	}
}

func TestCallDistinguishesNoAnswerAndNoTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	nobody := w.client("Kerberos", func(cfg *client.Config) { cfg.URL = "http://127.0.0.1:1/svc" })
	_, err := nobody.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
	if codeOf(err) != client.CodeNetwork {
		t.Errorf("nobody listens: %v", err)
	}
	stranger := w.client("Kerberos", func(cfg *client.Config) { cfg.Service = "soap/elsewhere.example.com" })
	_, err = stranger.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
	if codeOf(err) != client.CodeTicket {
		t.Errorf("no such service: %v", err)
	}
	_, err = nobody.Call(t.Context(), client.Request{Message: []byte("<a/>")})
	if codeOf(err) != client.CodeMessage {
		t.Errorf("no message: %v", err)
	}
	if len(w.seen) != 0 {
		t.Error("the service was asked")
	}
}

// A service that says nothing is given up after Timeout, also while it sends its
// answer octet by octet.
func TestCallGivesUpSlowServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = rw.Write([]byte("<"))
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	var err error
	// The KDC is slow too.
	for timeout := 300 * time.Millisecond; err == nil || codeOf(err) == client.CodeTicket; timeout *= 4 {
		c := w.client("Kerberos", func(cfg *client.Config) { cfg.URL, cfg.Timeout = slow.URL, timeout })
		_, err = c.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
	}
	if codeOf(err) != client.CodeNetwork || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestCallTakesOneWayMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	w.backend = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) }
	reply, err := w.client("Kerberos", nil).Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
	if err != nil || reply.Message != nil || reply.Status != http.StatusAccepted {
		t.Errorf("%+v, %v", reply, err)
	}
}

// Header blocks of WS-Addressing are added where there are none, signed, and the
// reply has to relate to them.
func TestCallAddsAddressing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	for _, ns := range []string{soap.NSAddressing, soap.NSAddressing04} {
		var to, id string
		relates := func(id string) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", soap.V12.ContentType())
				_, _ = rw.Write(envelope(soap.V12, `<s:Header><w:RelatesTo xmlns:w="`+ns+`">`+id+`</w:RelatesTo></s:Header>`,
					"<a/>"))
			}
		}
		c := w.client("Kerberos", func(cfg *client.Config) { cfg.Addressing = ns })
		for _, header := range []string{"", "<s:Header/>", `<s:Header><x:y xmlns:x="urn:x">z</x:y></s:Header>`} {
			w.backend = func(rw http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				to, id = between(string(b), "To", ns), between(string(b), "MessageID", ns)
				relates(id)(rw, r)
			}
			_, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, header, ask), Action: `"urn:ask"`})
			if err != nil || to != w.url || !strings.HasPrefix(id, "urn:uuid:") {
				t.Errorf("%s %s: to %q, id %q: %v", ns, header, to, id, err)
			}
		}
		w.backend = relates("urn:uuid:another")
		_, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask), Action: "urn:ask"})
		if codeOf(err) != client.CodeUnverified || !strings.Contains(err.Error(), "RelatesTo") {
			t.Errorf("a reply to another request: %v", err)
		}
		_, err = c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)})
		if codeOf(err) != client.CodeMessage || !strings.Contains(err.Error(), "action") {
			t.Errorf("no action: %v", err)
		}
	}
}

// between returns the text of the first element with a local name.
func between(s, local, ns string) string {
	_, s, _ = strings.Cut(s, ":"+local)
	if tag, _, _ := strings.Cut(s, ">"); !strings.Contains(tag, ns) {
		return "in another namespace"
	}
	_, s, _ = strings.Cut(s, ">")
	s, _, _ = strings.Cut(s, "<")
	return s
}

// What cannot work is refused at once, with the reason.
func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: Kerberos")
	kerberos, _ := wssec.Preset("Kerberos")
	overTransport, _ := wssec.Preset("KerberosOverTransport")
	for words, change := range map[string]func(*client.Config){
		"needs Service and Tickets": func(c *client.Config) { c.Tickets = nil },
		"needs Service":             func(c *client.Config) { c.Service = "" },
		"no http or https URL":      func(c *client.Config) { c.URL = "ftp://a/" },
		"no namespace":              func(c *client.Config) { c.Addressing = "urn:x" },
		"binding":                   func(c *client.Config) { c.Policy = wssec.Policy{} },
		"the URL is http":           func(c *client.Config) { c.Policy = overTransport },
		"in the Security header": func(c *client.Config) {
			c.Policy.ProtectTokens, c.TokenTo = true, func(*http.Request, []byte) error { return nil }
		},
	} {
		cfg := client.Config{URL: w.url, Service: testService, Policy: kerberos, Tickets: w.tickets}
		change(&cfg)
		if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func TestCodesExplainsEveryCode(t *testing.T) {
	t.Parallel()
	seen := map[client.Code]bool{}
	for _, c := range client.Codes() {
		if seen[c.Code] || c.Cause == "" || c.Cure == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
	for _, c := range []client.Code{client.CodeMessage, client.CodeTicket, client.CodeNetwork, client.CodeNoSOAP,
		client.CodeRefused, client.CodeUnverified, client.CodeFault,
		client.CodeNegotiation} {
		if !seen[c] {
			t.Errorf("%s is not explained", c)
		}
	}
}

// Every preset with a SecurityContextToken, in both versions of WS-Trust and of
// SOAP: calls share one context, and it is cancelled where that is done.
func TestCallSharesASecurityContext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		preset                 string
		negotiations, operated int32
	}{
		{"SspiNegotiated", 1, 0}, {"SspiNegotiatedOverTransport", 1, 0}, {"SecureConversation", 0, 1}, {"wsHttpBinding", 1,
			1}, {"ws2007HttpBinding", 1, 1},
	} {
		for _, v := range []wstrust.Version{wstrust.Feb2005, wstrust.V13} {
			for _, soapVersion := range []soap.Version{soap.V11, soap.V12} {
				s := newTrustService(t, c.preset)
				calls := s.client(c.preset, func(cfg *client.Config) { cfg.Trust = v })
				for range 2 {
					reply, err := calls.Call(t.Context(), client.Request{Message: envelope(soapVersion, "", ask)})
					if err != nil || !bytes.Contains(reply.Message, []byte("what is it worth")) {
						t.Fatalf("%s %v %v: %v, %v", c.preset, v, soapVersion, reply, err)
					}
				}
				if err := calls.Close(t.Context()); err != nil {
					t.Errorf("%s %v: close: %v", c.preset, v, err)
				}
				if s.negotiations.Load() != c.negotiations || s.issued.Load() != c.operated ||
					s.cancelled.Load() != c.operated || s.calls.Load() != 2 {
					t.Errorf("%s %v: %d negotiations, %d issued, %d cancelled, %d calls", c.preset, v,
						s.negotiations.Load(), s.issued.Load(), s.cancelled.Load(), s.calls.Load())
				}
			}
		}
	}
}

// A bootstrap whose Body anybody can read gives the key away.
func TestNewRefusesAnUnprotectedBootstrap(t *testing.T) {
	t.Parallel()
	s := newTrustService(t, "SecureConversation")
	cfg := client.Config{URL: s.web.URL, Service: testService, Tickets: s.tickets, Policy: s.messages.Policy()}
	bootstrap := *cfg.Policy.Bootstrap
	bootstrap.EncryptedParts.Body = false
	cfg.Policy.Bootstrap = &bootstrap
	if _, err := client.New(cfg); err == nil || !strings.Contains(err.Error(), "entropies") {
		t.Error(err)
	}
}
