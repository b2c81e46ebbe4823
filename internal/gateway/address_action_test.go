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

func withHeader(v soap.Version, header string) string {
	return `<s:Envelope xmlns:s="` + v.Namespace() + `"><s:Header>` + header + `</s:Header><s:Body>` + payload +
		`</s:Body></s:Envelope>`
}

func wsaAction(space, text string) string {
	return `<w:Action xmlns:w="` + space + `">` + text + `</w:Action>`
}

// A client's signature is over wsa:Action; SOAPAction anybody on the way can
// write. The backend dispatches on what was signed.
func TestChooseActionTakesTheSignedAction(t *testing.T) {
	t.Parallel()
	const wsa, wsa04 = "http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	get := wsaAction(wsa, "urn:Get")
	const v11, v12 = "SOAPAction: ", `Content-Type: application/soap+xml; charset=utf-8; action=`
	tests := []struct {
		version      soap.Version
		block, sent  string
		want         string // "!" and a code: refused
		otherHeaders wssec.HeaderRule
	}{
		{soap.V11, get, v11 + `"urn:Get"`, `"urn:Get"`, ""},
		{soap.V11, get, v11 + `urn:Get`, `"urn:Get"`, ""},
		{soap.V11, get, v11 + `""`, `"urn:Get"`, ""},
		{soap.V11, get, "Accept: */*", `"urn:Get"`, ""},
		{soap.V11, get, v11 + `"urn:Delete"`, "!action-mismatch", ""},
		{soap.V11, get, v11 + `urn:Delete`, "!action-mismatch", ""},
		{soap.V11, get, v11 + `"urn:get"`, "!action-mismatch", ""},
		{soap.V11, get, v11 + `"`, "!action-mismatch", ""},
		{soap.V11, wsaAction(wsa04, "\n urn:Get "), v11 + `"urn:Get"`, `"urn:Get"`, ""},
		{soap.V11, wsaAction(wsa04, "urn:Get"), v11 + `"urn:Delete"`, "!action-mismatch", ""},
		{soap.V11, get + wsaAction(wsa04, "urn:Get"), v11 + `""`, "!addressing-invalid", ""},
		{soap.V11, get + wsaAction(wsa04, "urn:Delete"), v11 + `""`, "!addressing-invalid", ""},
		{soap.V11, get + wsaAction(wsa, "urn:Delete"), v11 + `"urn:Delete"`, "!addressing-invalid", ""},
		{soap.V11, wsaAction(wsa, `a" x="b`), "Accept: */*", "!action-mismatch", ""},
		{soap.V11, wsaAction(wsa, "a&#10;X-Principal: mallory"), "Accept: */*", "!action-mismatch", ""},
		{soap.V11, wsaAction(wsa, "urn:<x/>Get"), "Accept: */*", "!addressing-invalid", ""},
		{soap.V12, get, v12 + `"urn:Get"`, `application/soap+xml; charset=utf-8; action="urn:Get"`, ""},
		{soap.V12, get, `Content-Type: application/soap+xml; charset=utf-8`,
			`application/soap+xml; charset=utf-8; action="urn:Get"`, ""},
		{soap.V12, get, v12 + `"urn:Delete"`, "!action-mismatch", ""},
		// What is not signed says nothing.
		{soap.V11, wsaAction("urn:other", "urn:Get"), v11 + `"urn:Delete"`, `"urn:Delete"`, wssec.PassHeaders},
	}
	for _, tt := range tests {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.OtherHeaders = tt.otherHeaders })
		var got string
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			if got = r.Header.Get("SOAPAction"); tt.version == soap.V12 {
				got = r.Header.Get("Content-Type")
			}
			echo(rw, r)
		}
		msg, req := w.protectAs("alice", withHeader(tt.version, tt.block))
		r := w.post(tt.version, bytes.NewReader(msg), tt.sent)
		code, refused := strings.CutPrefix(tt.want, "!")
		if !refused {
			if got != tt.want || w.code(1) != "ok" {
				t.Errorf("%s with %s arrives as %s, code %s", tt.sent, tt.block, got, w.code(1))
			}
			continue
		}
		if f := w.openFault(r, req); f.Code != soap.Sender || w.calls() != 0 || w.code(1) != code {
			t.Errorf("%s with %s: fault %+v, code %s, %d calls", tt.sent, tt.block, f, w.code(1), w.calls())
		}
	}
}

// Under a policy that relies on TLS, TLS covers wsa:Action.
func TestChooseActionTakesTheActionUnderTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
		*p, _ = wssec.Preset("KerberosOverTransport")
		r.TLSOffloaded = true
	})
	msg, _ := w.protectAs("alice", withHeader(soap.V11, wsaAction("http://www.w3.org/2005/08/addressing", "urn:Get")))
	if w.post(soap.V11, bytes.NewReader(msg), `SOAPAction: "urn:Delete"`); w.code(1) != "action-mismatch" ||
		w.calls() != 0 {
		t.Errorf("code %s", w.code(1))
	}
}

// One that the policy does not sign is no better than the one in HTTP: it does
// not take its place. Two that differ would be read in two ways by two backends.
func TestChooseActionTakesNoUnsignedAction(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]struct{ got, code string }{
		`"urn:Get"`: {`"urn:Get"`, "ok"}, `""`: {`""`, "ok"}, `"urn:Ask"`: {"", "action-mismatch"},
	} {
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, p *wssec.Policy) {
			p.SignedParts.Headers = nil
			r.OtherHeaders = wssec.PassHeaders
		})
		var got string
		w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r.Header.Get("SOAPAction"); echo(rw, r) }
		msg, _ := w.protectAs("alice", withHeader(soap.V11, wsaAction("http://www.w3.org/2005/08/addressing", "urn:Get")))
		if w.post(soap.V11, bytes.NewReader(msg), "SOAPAction: "+sent); got != want.got || w.code(1) != want.code {
			t.Errorf("SOAPAction %s arrives as %s, code %s", sent, got, w.code(1))
		}
	}
}
