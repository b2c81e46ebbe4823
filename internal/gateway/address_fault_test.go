package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A fault of the gateway relates to its message, protected like a reply, and has
// the action of faults: on a route that passes WS-Addressing, too.
func TestFaultsRelateToTheirMessages(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]option{
		"pass": nil, "terminate": {terminating}, "Body alone signed": {signingBodyAlone},
	} {
		w := newAddressed(t, append(options, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			r.Addresses = []string{"http://gw.example.com/svc"}
		})...)
		w.backend = answer(200, "text/html", "a page")
		for space, action := range map[string]string{
			soap.NSAddressing: soap.NSAddressing + "/soap/fault", soap.NSAddressing04: soap.NSAddressing04 + "/fault",
		} {
			for _, v := range []soap.Version{soap.V11, soap.V12} {
				r, req := w.send(v, requestBlocks(space))
				got, signed := w.properties(r, req, space)
				if got["Action"] != action || got["RelatesTo"] != requestID || signed != (name != "Body alone signed") {
					t.Errorf("%s, %s: %v, signed %v", name, v, got, signed)
				}
				// Faults of WS-Addressing 1.0 have an action of their own.
				blocks := strings.Replace(requestBlocks(space), "gw.example.com", "other.example.com", 1)
				r, req = w.send(v, blocks)
				got, _ = w.properties(r, req, space)
				if name != "Body alone signed" && (got["Action"] != space+"/fault" || got["RelatesTo"] != requestID) {
					t.Errorf("%s, %s, another address: %v", name, v, got)
				}
			}
		}
		if r, req := w.send(soap.V11, `<x:Other xmlns:x="urn:x"/>`); true {
			if got, _ := w.properties(r, req, ""); len(got) != 0 {
				t.Errorf("%s: a message without gets %v", name, got)
			}
		}
	}
}

// A refusal before anything is verified repeats the MessageID as it came, and is
// the same otherwise.
func TestRefusalsRelateToTheirMessages(t *testing.T) {
	t.Parallel()
	w := newAddressed(t)
	refusal := func(v soap.Version, blocks string) httpReply {
		msg, _ := w.protectAs("alice", withHeader(v, blocks))
		changed := bytes.Replace(msg, []byte("SignatureValue"), []byte("SignatureWalue"), 2)
		if bytes.Equal(changed, msg) { // it is encrypted
			changed = bytes.Replace(msg, []byte("<xenc:CipherValue>"), []byte("<xenc:CipherValue>AAAA"), 1)
		}
		return w.post(v, bytes.NewReader(changed))
	}
	for space, action := range map[string]string{
		soap.NSAddressing: soap.NSAddressing + "/soap/fault", soap.NSAddressing04: soap.NSAddressing04 + "/fault",
	} {
		for _, v := range []soap.Version{soap.V11, soap.V12} {
			r := refusal(v, requestBlocks(space))
			a := w.relation(r)
			if a.Namespace != space || a.Text(a.Action) != action || len(a.RelatesTo) != 1 ||
				a.RelatesTo[0].Text() != requestID {
				t.Errorf("%s, %s: %s", space, v, r.body)
			}
			other := refusal(v, strings.Replace(requestBlocks(space), ">urn:uuid:1", ">urn:uuid:3", 1))
			if string(other.body) != strings.Replace(string(r.body), ">urn:uuid:1", ">urn:uuid:3", 1) {
				t.Errorf("%s, %s: refusals differ in more than RelatesTo\n%s\n%s", space, v, r.body, other.body)
			}
		}
	}
	if w.calls() != 0 {
		t.Errorf("%d calls", w.calls())
	}
	// What cannot be read is not repeated, and changes nothing else.
	const space = soap.NSAddressing
	without := refusal(soap.V11, wsaAction(space, requestAction)).body
	for name, blocks := range map[string]string{
		"huge":    wsaBlock(space, "MessageID", strings.Repeat("m", 9<<10)),
		"long":    wsaBlock(space, "MessageID", strings.Repeat("m", 1<<10+1)), // 2048 refusals may wait
		"markup":  wsaBlock(space, "MessageID", "urn:<x>m</x>"),
		"another": `<w:MessageID xmlns:w="` + space + `" s:actor="urn:somebody">urn:m</w:MessageID>`,
		"none":    `<x:MessageID xmlns:x="urn:x">urn:m</x:MessageID>`,
	} {
		if got := refusal(soap.V11, wsaAction(space, requestAction)+blocks).body; !bytes.Equal(got, without) {
			t.Errorf("%s:\n%s\n%s", name, got, without)
		}
	}
	if got := refusal(soap.V11, `<x:Other xmlns:x="urn:x"/>`).body; bytes.Contains(got, []byte("addressing")) {
		t.Errorf("a message without: %s", got)
	}
}

// relation returns the addressing properties of an unprotected fault.
func (w *addressed) relation(r httpReply) soap.Addressing {
	w.t.Helper()
	env, err := soap.Parse(r.body, xmltext.Options{})
	w.must(err)
	a, err := env.Addressing()
	w.must(err)
	if _, isFault := env.Fault(); !isFault || r.StatusCode != http.StatusInternalServerError {
		w.t.Fatalf("HTTP %d, not a fault: %s", r.StatusCode, r.body)
	}
	return a
}

// A MessageID with characters of markup is text in all that repeats it.
func TestMessageIDIsText(t *testing.T) {
	t.Parallel()
	const id = `"]]><Action>'&` // after its references are resolved
	written := wsaBlock(soap.NSAddressing, "MessageID", `"]]&gt;&lt;Action&gt;'&amp;`)
	w := newAddressed(t, terminating)
	r, req := w.send(soap.V12, wsaAction(soap.NSAddressing, requestAction)+written)
	if got, _ := w.properties(r, req, soap.NSAddressing); got["RelatesTo"] != id || got["Action"] == "" {
		t.Errorf("reply: %v", got)
	}
	w.backend = answer(200, "text/html", "a page")
	r, req = w.send(soap.V12, wsaAction(soap.NSAddressing, requestAction)+written)
	if got, _ := w.properties(r, req, soap.NSAddressing); got["RelatesTo"] != id {
		t.Errorf("fault: %v", got)
	}
	r = w.post(soap.V12, strings.NewReader(withHeader(soap.V12, written)))
	if a := w.relation(r); len(a.RelatesTo) != 1 || a.RelatesTo[0].Text() != id {
		t.Errorf("refusal: %s", r.body)
	}
}

// Header blocks that two receivers would read differently make a message fail,
// also where one of them is under no signature: somebody between may have added
// it for the backend to find.
func TestContradictoryAddressingIsRefused(t *testing.T) {
	t.Parallel()
	const wsa, wsa04 = soap.NSAddressing, soap.NSAddressing04
	good := requestBlocks(wsa)
	next := func(v soap.Version, block string) string {
		role := map[soap.Version]string{soap.V11: ` s:actor="` + soap.ActorNext, soap.V12: ` s:role="` + soap.RoleNext}[v]
		return strings.Replace(block, " xmlns:w=", role+`" xmlns:w=`, 1)
	}
	for name, tt := range map[string]struct{ blocks, codes string }{
		"two To":     {good + wsaTo(wsa, "urn:b"), "InvalidAddressingHeader/InvalidCardinality"},
		"two Action": {good + wsaAction(wsa, requestAction), "InvalidAddressingHeader/InvalidCardinality"},
		"two MessageID": {good + wsaBlock(wsa, "MessageID", "urn:n"),
			"InvalidAddressingHeader/InvalidCardinality"},
		"two ReplyTo": {good + wsaReference(wsa, "ReplyTo", anonymous(wsa)),
			"InvalidAddressingHeader/InvalidCardinality"},
		"two for next":       {good + next(soap.V12, wsaTo(wsa, "urn:b")), "InvalidAddressingHeader/InvalidCardinality"},
		"both versions":      {good + wsaBlock(wsa04, "From", "<w:Address>urn:a</w:Address>"), "InvalidAddressingHeader"},
		"RelatesTo of other": {good + wsaBlock(wsa04, "RelatesTo", "urn:a"), "InvalidAddressingHeader"},
		"huge MessageID": {wsaAction(wsa, "urn:a") + wsaBlock(wsa, "MessageID", strings.Repeat("m", 9<<10)),
			"InvalidAddressingHeader"},
		"markup in MessageID": {wsaAction(wsa, "urn:a") + wsaBlock(wsa, "MessageID", "<x/>"), "InvalidAddressingHeader"},
		"no address":          {wsaBlock(wsa, "ReplyTo", "<w:Metadata/>"), "InvalidAddressingHeader/MissingAddressInEPR"},
		"two addresses": {wsaBlock(wsa, "FaultTo", "<w:Address>"+anonymous(wsa)+"</w:Address><w:Address>urn:a</w:Address>"),
			"InvalidAddressingHeader/InvalidEPR"},
		"address of 2004": {wsaBlock(wsa, "ReplyTo", `<o:Address xmlns:o="`+wsa04+`">`+anonymous(wsa)+"</o:Address>"),
			"InvalidAddressingHeader/MissingAddressInEPR"},
		"2004 in 2004": {requestBlocks(wsa04) + wsaTo(wsa04, "urn:b"), "InvalidMessageInformationHeader"},
	} {
		for mode, options := range map[string][]option{
			"pass": nil, "terminate": {terminating}, "unsigned": {signingBodyAlone},
		} {
			w := newAddressed(t, options...)
			r, req := w.send(soap.V12, tt.blocks)
			if f := w.openFault(r, req); faultCodes(f) != tt.codes || w.code(1) != "addressing-invalid" || w.calls() != 0 {
				t.Errorf("%s, %s: %s, code %s, %d calls", name, mode, faultCodes(f), w.code(1), w.calls())
			}
		}
	}
}

// Header blocks for another role are none of the message's properties.
func TestAddressingForAnotherRoleIsIgnored(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	other := func(block string) string {
		return strings.Replace(block, " xmlns:w=", ` s:actor="urn:somebody" xmlns:w=`, 1)
	}
	w := newAddressed(t, terminating)
	r, req := w.send(soap.V11, requestBlocks(space)+other(wsaTo(space, "urn:b"))+
		other(wsaBlock(space, "MessageID", "urn:n"))+other(wsaReference(space, "ReplyTo", space+"/none")))
	if got, _ := w.properties(r, req, space); got["RelatesTo"] != requestID || w.code(1) != "ok" || w.calls() != 1 {
		t.Errorf("%v, code %s", got, w.code(1))
	}
}

// A reply's signature vouches for no identifier that anybody could have written:
// under one key it would make the reply another request's.
func TestRepliesVouchForNoUnsignedMessageID(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	for name, headers := range map[string][]string{
		"signed RelatesTo": {"{" + space + "}RelatesTo"}, "signed Action": {"{" + space + "}Action"},
	} {
		w := newAddressed(t, terminating, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
			p.SignedParts.Headers = headers
		})
		r, req := w.send(soap.V11, requestBlocks(space))
		got, _ := w.properties(r, req, space)
		if _, relates := got["RelatesTo"]; got["Action"] == "" || relates != (name == "signed Action") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What was encrypted in the message is in no refusal, also when it had been
// decrypted before something else failed.
func TestRefusalsRepeatNothingEncrypted(t *testing.T) {
	t.Parallel()
	const space = soap.NSAddressing
	w := newAddressed(t, func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
		p.EncryptedParts.Headers = []string{"{" + space + "}MessageID"}
		p.EncryptSignature = false
	})
	msg, req := w.protectAs("alice", withHeader(soap.V11, wsaAction(space, "urn:a")+wsaBlock(space, "MessageID",
		"urn:secret")))
	if bytes.Contains(msg, []byte("urn:secret")) {
		t.Fatal("it is not encrypted")
	}
	r := w.post(soap.V11, bytes.NewReader(msg))
	if w.properties(r, req, space); w.code(1) != "ok" {
		t.Fatalf("code %s", w.code(1))
	}
	msg, _ = w.protectAs("alice", withHeader(soap.V11, wsaAction(space, "urn:a")+wsaBlock(space, "MessageID",
		"urn:secret")))
	for name, change := range map[string][2]string{
		"Body":      {"</s:Body>", " </s:Body>"},
		"Timestamp": {"</wsu:Timestamp>", " </wsu:Timestamp>"},
		"Action":    {">urn:a<", ">urn:b<"},
	} {
		changed := strings.Replace(string(msg), change[0], change[1], 1)
		r := w.post(soap.V11, strings.NewReader(changed))
		if a := w.relation(r); changed == string(msg) || a.Text(a.Action) == "" || len(a.RelatesTo) != 0 ||
			bytes.Contains(r.body, []byte("urn:secret")) {
			t.Errorf("%s: %s", name, r.body)
		}
	}
}
