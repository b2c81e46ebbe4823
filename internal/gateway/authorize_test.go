package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestAuthorization(t *testing.T) {
	tests := []struct {
		client             string
		principals, realms []string
		ok                 bool
	}{
		{"alice", nil, nil, true},
		{"alice", []string{"alice@EXAMPLE.COM"}, nil, true},
		{"bob", []string{"alice@EXAMPLE.COM"}, nil, false},
		{"Alice", []string{"alice@EXAMPLE.COM"}, nil, false},
		{"alice", []string{"alice@OTHER.COM"}, nil, false},
		{"alice", nil, []string{"EXAMPLE.COM"}, true},
		{"alice", nil, []string{"OTHER.COM"}, false},
		{"alice", []string{"alice@EXAMPLE.COM"}, []string{"OTHER.COM"}, false},
		{"alice/admin", []string{"alice@EXAMPLE.COM", "alice/admin@EXAMPLE.COM"}, []string{"OTHER.COM", "EXAMPLE.COM"}, true},
	}
	for _, tt := range tests {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			r.AllowedPrincipals, r.AllowedRealms = tt.principals, tt.realms
		})
		msg, req := w.protectAs(tt.client, envelope(soap.V11, payload))
		r := w.post(soap.V11, bytes.NewReader(msg))
		if tt.ok {
			if w.open(r, req); r.StatusCode != 200 || w.calls() != 1 {
				t.Errorf("%+v: HTTP %d, %d calls", tt, r.StatusCode, w.calls())
			}
			continue
		}
		// The client is known, so it gets a fault that it can verify.
		if f := w.openFault(r, req); f.Subcode.Local != "FailedAuthentication" || r.StatusCode != 500 || w.calls() != 0 || w.code(1) != "not-authorized" {
			t.Errorf("%+v: fault %+v, HTTP %d, %d calls, code %s", tt, f, r.StatusCode, w.calls(), w.code(1))
		}
	}
}

// Who may not call takes no room in the token cache, so that it cannot drive out
// the tokens of those who may. Alice's is there when the backend has her message.
func TestOnlyAuthorizedClientsAreRemembered(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.AllowedPrincipals = []string{"alice@EXAMPLE.COM"}
	})
	atBackend := -1
	w.backend = func(rw http.ResponseWriter, r *http.Request) { atBackend = w.tokens.Len(); echo(rw, r) }
	for _, tt := range []struct {
		client string
		tokens int
	}{{"mallory", 0}, {"alice", 1}, {"mallory", 1}, {"alice", 2}} {
		msg, _ := w.protectAs(tt.client, envelope(soap.V11, payload))
		w.post(soap.V11, bytes.NewReader(msg))
		if n := w.tokens.Len(); n != tt.tokens {
			t.Errorf("after a message of %s: %d tokens", tt.client, n)
		}
	}
	if atBackend != 2 {
		t.Errorf("%d tokens were known while the backend was asked", atBackend)
	}
}

// A prefix in content that no digest covers is accepted, and the event says so.
func TestPrefixesInContentAreTold(t *testing.T) {
	w := newWorld(t)
	for i, content := range []string{`<q:Ask xmlns:q="urn:q" xmlns:t="urn:t" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="t:Order"/>`, payload} {
		msg, _ := w.protect(soap.V11, content)
		if r := w.post(soap.V11, bytes.NewReader(msg)); r.StatusCode != 200 {
			t.Fatal(r.StatusCode)
		}
		w.code(i + 1)
		told, _ := w.events.all()[i]["accepted"].(map[string]any)
		if (told != nil) != (i == 0) || i == 0 && (told["code"] != "content-prefix" || !strings.Contains(told["error"].(string), "XMLSchema-instance}type")) {
			t.Errorf("%s: %v", content, told)
		}
	}
}

// Nothing of what a client writes about itself reaches the backend, under any
// spelling that a server may fold to the asserted one.
func TestClientsCannotAssertWhoTheyAre(t *testing.T) {
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.PassHeaders = []string{"X-Trace", "x_principal", "X-REALM", "X-Hop"}
	})
	var got http.Header
	w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header; echo(rw, r) }
	w.call("X-Principal: mallory@EXAMPLE.COM", "x-principal: mallory@EXAMPLE.COM", "X_Principal: mallory@EXAMPLE.COM",
		"X_PRINCIPAL: mallory@EXAMPLE.COM", "X-Realm: MALLORY", "x_realm: MALLORY", "Remote-User: mallory", "Authorization: Basic mallory",
		"Cookie: mallory=1", "X-Forwarded-For: mallory", "X-Request-Id: mallory", "Proxy-Authorization: mallory", "Te: trailers",
		"Connection: X-Hop, mallory", "X-Hop: mallory", "Mallory: 1", "X-Trace: passed", "Accept-Language: de", "SOAPAction: \"urn:ask\"")
	if text := toJSON(t, got); strings.Contains(strings.ToLower(text), "mallory") {
		t.Errorf("the backend got %s", text)
	}
	for name, want := range map[string]string{
		"X-Principal": "alice@EXAMPLE.COM", "X-Realm": "EXAMPLE.COM", "X-Trace": "passed", "Accept-Language": "de",
		"Soapaction": `"urn:ask"`, "Content-Type": "text/xml; charset=utf-8", "User-Agent": "wssgate",
	} {
		if len(got[name]) != 1 || got[name][0] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if id := got.Get("X-Request-Id"); id == "" || id != w.event(1)["id"] {
		t.Errorf("X-Request-Id %q is not the event's id %v", id, w.event(1)["id"])
	}
}

// What a client is called must arrive as it is: net/http trims white space, and
// servers split lists.
func TestNamesThatAHeaderWouldChangeAreRefused(t *testing.T) {
	w := newWorld(t)
	n := 0
	refused := func(client string, o krbtest.TokenOptions) {
		t.Helper()
		msg, req := w.protectWith(client, envelope(soap.V11, payload), o)
		f := w.openFault(w.post(soap.V11, bytes.NewReader(msg)), req)
		if n++; f.Subcode.Local != "FailedAuthentication" || w.code(n) != "not-authorized" || w.calls() != 0 {
			t.Errorf("%q %+v: fault %+v, code %s, %d calls", client, o.Ticket.ClientRealm, f, w.code(n), w.calls())
		}
	}
	for _, client := range []string{"alice ", " alice", "al ice", "alice,bob", ",", "alice\u00a0", "alice\u2028", "alice\u200b", "alice\u202e", "alice/x y"} {
		refused(client, krbtest.TokenOptions{})
	}
	for _, realm := range []string{"A@EXAMPLE.COM", "A/EXAMPLE.COM", `A\EXAMPLE.COM`, "A EXAMPLE.COM", "EXAMPLE.COM ", "A,EXAMPLE.COM"} {
		refused("alice", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: realm}, ClientRealm: realm})
	}
}

// SOAP 1.1 requires SOAPAction, also of us.
func TestSOAPActionIsAlwaysThere(t *testing.T) {
	w := newWorld(t)
	var got []string
	w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header["Soapaction"]; echo(rw, r) }
	if w.call(); len(got) != 1 || got[0] != `""` {
		t.Errorf("SOAPAction is %q", got)
	}
}

// The action of SOAP 1.2 is a parameter that we quote anew.
func TestActionOfSOAP12(t *testing.T) {
	for sent, want := range map[string]string{ // "": refused
		`application/soap+xml; charset=utf-8; action="urn:ask"`:              `application/soap+xml; charset=utf-8; action="urn:ask"`,
		`application/soap+xml; action="a\"; start=\"b\\"`:                    `application/soap+xml; charset=utf-8; action="a\"; start=\"b\\"`,
		`application/soap+xml; action*=utf-8''a%0d%0aX-Principal:%20mallory`: "",
		`application/soap+xml`: `application/soap+xml; charset=utf-8`,
		`Application/SOAP+XML; ACTION=ask; start-info="<mallory/>"`: `application/soap+xml; charset=utf-8; action="ask"`,
	} {
		w := newWorld(t)
		var got string
		w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header.Get("Content-Type"); echo(rw, r) }
		msg, _ := w.protect(soap.V12, payload)
		r := w.post(soap.V12, bytes.NewReader(msg), "Content-Type: "+sent)
		if got != want || want == "" && (r.StatusCode != 415 || w.code(1) != "media-type") {
			t.Errorf("%s arrives as %q, want %q", sent, got, want)
		}
	}
}

// Header blocks that nobody signed follow the route's rule.
func TestOtherHeaderBlocks(t *testing.T) {
	const plain = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><x:Trace xmlns:x="urn:x">t</x:Trace></s:Header><s:Body>` + payload + `</s:Body></s:Envelope>`
	const mandatory = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><x:Trace xmlns:x="urn:x" s:mustUnderstand="1">t</x:Trace></s:Header><s:Body>` + payload + `</s:Body></s:Envelope>`
	tests := []struct {
		rule    wssec.HeaderRule
		message string
		passed  bool
		code    string
	}{
		{wssec.DropHeaders, plain, false, "ok"},
		{wssec.PassHeaders, plain, true, "ok"},
		{wssec.RefuseHeaders, plain, false, "header-refused"},
		{wssec.DropHeaders, mandatory, false, "header-not-understood"},
		{wssec.PassHeaders, mandatory, true, "ok"},
	}
	for _, tt := range tests {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.OtherHeaders = tt.rule })
		passed := false
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			passed = bytes.Contains(b, []byte("urn:x"))
			r.Body = io.NopCloser(bytes.NewReader(b))
			echo(rw, r)
		}
		msg, req := w.protectAs("alice", tt.message)
		r := w.post(soap.V11, bytes.NewReader(msg))
		if passed != tt.passed || w.code(1) != tt.code {
			t.Errorf("%s: passed %v, code %s", tt.rule, passed, w.code(1))
		}
		if tt.code == "ok" {
			w.open(r, req)
		} else {
			w.openFault(r, req)
		}
	}
}
