package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// Nothing of what a client writes about itself reaches the backend, under any
// spelling that a server may fold to the asserted one.
func TestBackendHeaderCarriesNoAssertionsOfClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.PassHeaders = []string{"X-Trace", "x_principal", "X-REALM", "X-Hop"}
	})
	var got http.Header
	w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header; echo(rw, r) }
	w.call("X-Principal: mallory@EXAMPLE.COM", "x-principal: mallory@EXAMPLE.COM", "X_Principal: mallory@EXAMPLE.COM",
		"X_PRINCIPAL: mallory@EXAMPLE.COM", "X-Realm: MALLORY", "x_realm: MALLORY", "Remote-User: mallory",
		"Authorization: Basic mallory",
		"Cookie: mallory=1", "X-Forwarded-For: mallory", "X-Request-Id: mallory", "Proxy-Authorization: mallory",
		"Te: trailers",
		"Connection: X-Hop, mallory", "X-Hop: mallory", "Mallory: 1", "X-Trace: passed", "Accept-Language: de",
		"SOAPAction: \"urn:ask\"")
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

// SOAP 1.1 requires SOAPAction, also of us.
func TestBackendHeaderAlwaysHasSOAPAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got []string
	w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header["Soapaction"]; echo(rw, r) }
	if w.call(); len(got) != 1 || got[0] != `""` {
		t.Errorf("SOAPAction is %q", got)
	}
}

// The action of SOAP 1.2 is a parameter that we quote anew.
func TestBackendHeaderPassesTheActionOfSOAP12(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{ // "": refused
		`application/soap+xml; charset=utf-8; action="urn:ask"`: `application/soap+xml; charset=utf-8; ` +
			`action="urn:ask"`,
		`application/soap+xml; action="a\"; start=\"b\\"`: `application/soap+xml; charset=utf-8; ` +
			`action="a\"; start=\"b\\"`,
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
