package client_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/wstrust"
)

// Many calls at a time negotiate once.
func TestNegotiatedTokensAreNegotiatedOnce(t *testing.T) {
	t.Parallel()
	s := newTrustService(t, "wsHttpBinding")
	c := s.client("wsHttpBinding", func(cfg *client.Config) { cfg.Addressing = soap.NSAddressing })
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			request := client.Request{Message: envelope(soap.V12, "", ask), Action: "urn:ask"}
			if _, err := c.Call(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if s.negotiations.Load() != 1 || s.issued.Load() != 1 {
		t.Errorf("%d negotiations, %d issued", s.negotiations.Load(), s.issued.Load())
	}
}

// With a service that keeps its state in the token, as WCF's can.
func TestNegotiatedTokenIsSentWithTheCookieOfTheService(t *testing.T) {
	t.Parallel()
	const cookie = `<d:Cookie xmlns:d="` + client.NSMicrosoft + `">c3RhdGU=</d:Cookie>`
	s := newTrustService(t, "SspiNegotiated")
	s.reply = func(kind string, r *soaphttp.Reply) {
		if kind == "negotiation" {
			r.Message = bytes.Replace(r.Message, []byte("</c:SecurityContextToken>"),
				[]byte(cookie+"</c:SecurityContextToken>"), 1)
		}
	}
	var messages int
	c := s.client("SspiNegotiated", func(cfg *client.Config) {
		cfg.Trace = func(m client.Traced) {
			if m.Sent && m.Kind == "message" && bytes.Contains(m.Wire, []byte(cookie)) {
				messages++
			}
		}
	})
	for range 2 {
		if _, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)}); err != nil {
			t.Fatal(err)
		}
	}
	if messages != 2 {
		t.Errorf("%d messages have the Cookie", messages)
	}
}

// What a negotiation that somebody meddles with leads to: no call, and a code that
// says so.
func TestNegotiateRefusesAnswers(t *testing.T) {
	t.Parallel()
	edit := func(old, replacement string) func(*soaphttp.Reply) {
		return func(r *soaphttp.Reply) {
			changed := strings.Replace(string(r.Message), old, replacement, 1)
			if changed == string(r.Message) {
				t.Errorf("nothing to change: %s", old)
			}
			r.Message = []byte(changed)
		}
	}
	for what, a := range map[string]struct {
		change func(*soaphttp.Reply)
		code   client.Code
		words  string
	}{
		"another Context": {edit(`Context="uuid-`, `Context="uuid-x`), client.CodeNegotiation,
			"not that of this negotiation"},
		"no Authenticator": {cutOut("<t:RequestSecurityTokenResponse ", "</t:RequestSecurityTokenResponseCollection>"),
			client.CodeNegotiation, "no Authenticator"},
		"another key size":   {edit("<t:KeySize>256<", "<t:KeySize>128<"), client.CodeNegotiation, "KeySize 128"},
		"another request":    {edit("RelatesTo xmlns", "RelatesTo x='y' xmlns"), "", ""},
		"of another request": {edit("urn:uuid:", "urn:uuid:x"), client.CodeNegotiation, "relates to"},
		"a fault": {func(r *soaphttp.Reply) {
			r.Message = (&soap.Fault{Reason: "no"}).AppendEnvelope(nil,
				soap.V12)
		}, client.CodeRefused, `"no"`},
		"nothing": {func(r *soaphttp.Reply) { r.Message = nil }, client.CodeNegotiation, "answers nothing"},
		"HTML":    {func(r *soaphttp.Reply) { r.Message = []byte("<html/>") }, client.CodeNoSOAP, ""},
	} {
		s := newTrustService(t, "SspiNegotiated")
		s.reply = func(kind string, r *soaphttp.Reply) {
			if kind == "negotiation" {
				a.change(r)
			}
		}
		_, err := s.client("SspiNegotiated", nil).Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)})
		if codeOf(err) != a.code || err != nil && !strings.Contains(err.Error(), a.words) {
			t.Errorf("%s: %v", what, err)
		}
		if want := map[bool]int32{true: 1}[a.code == ""]; s.calls.Load() != want {
			t.Errorf("%s: %d calls", what, s.calls.Load())
		}
	}
}

// cutOut takes out what stands between the last from and the to behind it.
func cutOut(from, to string) func(*soaphttp.Reply) {
	return func(r *soaphttp.Reply) {
		text := string(r.Message)
		at := strings.LastIndex(text, from)
		end := at + strings.Index(text[at:], to)
		r.Message = []byte(text[:at] + text[end:])
	}
}

// CXF's server proves nothing: who says so gets along with it, and nobody else.
func TestNegotiateWithoutAuthenticator(t *testing.T) {
	t.Parallel()
	for _, said := range []bool{false, true} {
		s := newTrustService(t, "SspiNegotiated")
		s.reply = func(kind string, r *soaphttp.Reply) {
			if kind == "negotiation" {
				cutOut("<t:RequestSecurityTokenResponse ", "</t:RequestSecurityTokenResponseCollection>")(r)
				cutOut("<t:BinaryExchange", "</t:RequestSecurityTokenResponse>")(r)
			}
		}
		c := s.client("SspiNegotiated", func(cfg *client.Config) { cfg.NoAuthenticator, cfg.Trust = said, wstrust.V13 })
		_, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)})
		if said && err != nil || !said && (codeOf(err) != client.CodeNegotiation || !strings.Contains(err.Error(),
			"does not prove who it is")) {
			t.Errorf("said %v: %v", said, err)
		}
	}
}
