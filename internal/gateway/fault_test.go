package gateway_test

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Whatever fails in ticket, signature, digest, decryption, plaintext, coverage
// or replay: status, headers and body are octet for octet the same, so nobody
// learns from an answer which it was. The log does.
func TestFaultIsOneForAllFailuresOfSecurity(t *testing.T) {
	t.Parallel()
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		t.Run(v.String(), func(t *testing.T) { securityFailuresLookTheSame(t, v) })
	}
}

func TestFaultNamesExpiredMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	policy, _ := wssec.Preset("Kerberos")
	policy.MessageReplay, policy.TokenOnce = "off", false
	late, err := wssec.NewProcessor(policy, wssec.Config{Time: func() time.Time { return time.Now().Add(-time.Hour) }})
	w.must(err)
	env, _ := soap.Parse([]byte(envelope(soap.V11, payload)), xmltext.Options{})
	msg, _, err := late.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	r := w.post(soap.V11, bytes.NewReader(msg))
	if f := w.plainFault(r); f.Subcode.Local != "MessageExpired" || w.code(1) != "message-expired" {
		t.Errorf("fault %+v, code %s", f, w.code(1))
	}
}

func securityFailuresLookTheSame(t *testing.T, v soap.Version) {
	w := newWorld(t)
	edit := func(old, new string) func() []byte {
		return func() []byte {
			msg, _ := w.protect(v, payload)
			out := regexp.MustCompile(old).ReplaceAll(msg, []byte(new))
			if bytes.Equal(out, msg) {
				t.Fatalf("%s changed nothing", old)
			}
			return out
		}
	}
	replayed, _ := w.protect(v, payload)
	w.post(v, bytes.NewReader(replayed))
	foreign := newWorld(t)
	ways := []struct {
		name    string
		message func() []byte
		code    string
	}{
		{"no header", func() []byte { return []byte(envelope(v, payload)) }, "security-header-missing"},
		{"ticket of another KDC", func() []byte { m, _ := foreign.protect(v, payload); return m }, "ticket-integrity"},
		{"replay", func() []byte { return replayed }, "ticket-replay"},
		{"garbage token", edit(`(?s)(<wsse:BinarySecurityToken[^>]*>)[^<]*`, "${1}YIIBAA=="), "token-malformed"},
		{"no base64", edit(`(?s)(<wsse:BinarySecurityToken[^>]*>)[^<]*`, "${1}!"), "invalid-security-token"},
		{"timestamp", edit(`<wsu:Created>20`, "<wsu:Created> 20"), ""},
		{"ciphertext of the signature", edit(`(<xenc:CipherValue>)[^<]{6}`, "${1}AAAAAA"), ""},
		{"ciphertext of the body", edit(`(Body.*<xenc:CipherValue>)[^<]{6}`, "${1}AAAAAA"), ""},
		{"body's padding", edit(`(Body.*)[^<]{6}(</xenc:CipherValue>)`, "${1}AAAAAA$2"), ""},
		{"algorithm", edit(`aes128-cbc`, "aes256-cbc"), ""},
		{"body in the clear", edit(`(Body[^>]*>)<xenc:EncryptedData.*</xenc:EncryptedData>(</s:Body>)`,
			"${1}"+payload+"$2"), ""},
		{"derived key", edit(`<wsc:Length>16`, "<wsc:Length>17"), ""},
		{"reference", edit(`<xenc:DataReference URI="#ED`, `<xenc:DataReference URI="#XX`), ""},
	}
	var first httpReply
	codes := map[string]bool{}
	for i, way := range ways {
		r := w.post(v, bytes.NewReader(way.message()))
		code := w.code(i + 2)
		codes[code] = true
		if way.code != "" && code != way.code {
			t.Errorf("%s: code %s, want %s: %v", way.name, code, way.code, w.event(i + 2)["error"])
		}
		r.Header.Del("Date")
		if i == 0 {
			first = r
			if f := w.plainFault(r); f.Subcode != (xmltext.Name{Space: wssec.NSWSSE, Local: "InvalidSecurity"}) {
				t.Errorf("fault %+v", f)
			}
			continue
		}
		if r.StatusCode != first.StatusCode || toJSON(t, r.Header) != toJSON(t, first.Header) ||
			!bytes.Equal(r.body, first.body) {
			t.Errorf("%s (%s): HTTP %d %v\n%s\ndiffers from HTTP %d %v\n%s", way.name, code, r.StatusCode, r.Header, r.body,
				first.StatusCode, first.Header, first.body)
		}
	}
	if w.calls() != 1 || len(codes) < 6 {
		t.Errorf("%d calls of the backend; the log tells apart only %v", w.calls(), codes)
	}
}

// A fault of the gateway to a message with WS-Addressing relates to it, under the
// signature: under a security context nothing else ties the two.
func TestFaultReplyRelatesToTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admit(access.Lists{AllowedRealms: []string{"OTHER.EXAMPLE"}}))
	for namespace, action := range map[string]string{
		soap.NSAddressing:   soap.NSAddressing + "/soap/fault",
		soap.NSAddressing04: soap.NSAddressing04 + "/fault",
	} {
		message := `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><w:MessageID xmlns:w="` + namespace +
			`">urn:uuid:1&amp;2</w:MessageID></s:Header><s:Body>` + payload + `</s:Body></s:Envelope>`
		msg, req := w.protectAs("alice", message)
		r := w.post(soap.V11, bytes.NewReader(msg))
		env, err := soap.Parse(r.body, xmltext.Options{})
		w.must(err)
		reply, err := w.client.VerifyReply(t.Context(), env, req, wssec.Channel{})
		w.must(err)
		blocks := map[string]string{}
		for _, n := range reply.Signed() {
			if n.Space() == namespace {
				blocks[n.Local()] = n.Text()
			}
		}
		if blocks["RelatesTo"] != "urn:uuid:1&2" || blocks["Action"] != action {
			t.Errorf("%s: signed are %v", namespace, blocks)
		}
	}
}
