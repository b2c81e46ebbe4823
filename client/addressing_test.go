package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// With its header blocks a message is the same otherwise: Body and other blocks
// keep their octets.
func FuzzAddressed(f *testing.F) {
	f.Add(string(envelope(soap.V11, "", ask)), "http://a/", "urn:ask")
	f.Add(string(envelope(soap.V12, "<s:Header/>", "")), "http://a/?b&c", "<urn")
	f.Add(`<Envelope xmlns="`+soap.NS12+`"><!-- <Header> --><Header ><x:a xmlns:x="urn:x">b</x:a></Header><Body/>`+
		`</Envelope>`, "", "a")
	f.Fuzz(func(t *testing.T, message, to, action string) {
		env, err := soap.Parse([]byte(message), xmltext.Options{})
		if err != nil {
			return
		}
		for b := range env.Blocks() {
			if soap.IsAddressing(b.Space()) {
				return
			}
		}
		got, err := client.Addressed(env, soap.NSAddressing, to, action)
		if err != nil {
			return
		}
		if string(got.Body.AppendCanonical(nil, xmltext.C14N{})) != string(env.Body.AppendCanonical(nil, xmltext.C14N{})) {
			t.Errorf("another Body: %s", got.Doc.Source())
		}
		blocks := 0
		for range got.Blocks() {
			blocks++
		}
		for range env.Blocks() {
			blocks--
		}
		id := client.AddressingText(got, "MessageID")
		if blocks != 4 || !strings.HasPrefix(id, "urn:uuid:") || client.AddressingText(got, "To") != strings.TrimSpace(to) {
			t.Errorf("%d blocks more, id %q, to %q: %s", blocks, id, client.AddressingText(got, "To"), got.Doc.Source())
		}
	})
}

// A service that marks its header blocks of WS-Addressing as mandatory under a
// policy that does not protect them is understood.
func TestCallUnderstandsUnprotectedAddressing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: {preset: KerberosToken, allow-plain-http: true}")
	header := func(block string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", soap.V12.ContentType())
			_, _ = rw.Write(envelope(soap.V12, `<s:Header>`+block+`</s:Header>`, "<a/>"))
		}
	}
	c := w.client("KerberosToken", func(cfg *client.Config) { cfg.Policy.AllowPlainHTTP = true })
	for space, code := range map[string]client.Code{soap.NSAddressing: "", soap.NSAddressing04: "",
		"urn:x": client.CodeUnverified} {
		w.backend = header(`<w:Action xmlns:w="` + space + `" s:mustUnderstand="1">urn:answer</w:Action>`)
		reply, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask), Action: "urn:ask"})
		if codeOf(err) != code || err == nil && strings.Contains(string(reply.Message), "urn:answer") {
			t.Errorf("%s: %v", space, err)
		}
	}
}

// A client is the ultimate receiver of replies: it ignores mandatory blocks for
// other nodes (SOAP 1.2 §2.6), and fails on those for itself.
func TestCallIgnoresBlocksForOtherActors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "policy: {preset: KerberosToken, allow-plain-http: true}")
	c := w.client("KerberosToken", func(cfg *client.Config) { cfg.Policy.AllowPlainHTTP = true })
	for role, code := range map[string]client.Code{"urn:other": "", soap.RoleNone: "",
		soap.RoleNext: client.CodeUnverified} {
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", soap.V12.ContentType())
			_, _ = rw.Write(envelope(soap.V12, `<s:Header><x:h xmlns:x="urn:x" s:mustUnderstand="1" s:role="`+role+
				`"/></s:Header>`, "<a/>"))
		}
		reply, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask), Action: "urn:ask"})
		if codeOf(err) != code || err == nil && strings.Contains(string(reply.Message), "urn:x") {
			t.Errorf("%s: %v", role, err)
		}
	}
}
