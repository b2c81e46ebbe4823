package door_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

const to = `<a:To xmlns:a="` + soap.NSAddressing + `">http://gw.example.com/quotes</a:To>`

func TestSecurityAdmitsTheClientOfTheTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.security(w.preset("Kerberos"))
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	if strings.Contains(string(message), "what is it worth") {
		t.Fatal("the client has not encrypted its message")
	}
	in := w.admit(d, message)
	name, realm, known := in.Principal()
	if name != "alice" || realm != "EXAMPLE.COM" || !known {
		t.Errorf("client %s@%s, known %t", name, realm, known)
	}
	if got := in.Service(); got != service+"@EXAMPLE.COM" {
		t.Errorf("service %s", got)
	}
	if text := in.Envelope().Body.FirstChild().Text(); text != "what is it worth" {
		t.Errorf("Body %q", text)
	}
}

func TestSecurityForwardsThePlaintextWithoutItsHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	in := w.admit(w.security(w.preset("Kerberos")), message)
	if in.Answers() {
		t.Error("the door answers a message for the backend")
	}
	if own, err := in.Answer(t.Context()); err == nil {
		t.Errorf("the door has answered %s", own)
	}
	forward, err := in.AppendForward([]byte("before"), wssec.Forwarding{})
	w.must(err)
	got, kept := strings.CutPrefix(string(forward), "before")
	if !kept || !strings.Contains(got, ">what is it worth</q:Ask>") || strings.Contains(got, "Security") {
		t.Errorf("forwarded %s", forward)
	}
	if size := in.ForwardSize(); size < len(got) {
		t.Errorf("ForwardSize %d, forwarded %d octets", size, len(got))
	}
}

func TestSecurityRefusesWhatIsNotProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.security(w.preset("Kerberos"))
	protected, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	for name, message := range map[string]string{
		"no Security header": envelope("", payload),
		"a changed octet":    strings.Replace(string(protected), "<xenc:CipherValue>", "<xenc:CipherValue>AAAA", 1),
	} {
		if message == string(protected) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if in, err := d.Admit(t.Context(), w.arrival([]byte(message))); err == nil || in != nil {
			t.Errorf("%s: %v, %v", name, in, err)
		}
	}
	fresh, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	w.admit(d, fresh)
}

func TestSecurityProtectsTheReplyForItsClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.client(w.preset("Kerberos"))
	message, request := w.protect(client, envelope("", payload))
	in := w.admit(w.security(w.preset("Kerberos")), message)
	reply, err := in.Protect(t.Context(), nil, w.parse([]byte(envelope("", answer))))
	w.must(err)
	if strings.Contains(string(reply), "42.50") {
		t.Errorf("the reply is not encrypted: %s", reply)
	}
	verified, err := client.VerifyReply(t.Context(), w.parse(reply), request, wssec.Channel{})
	w.must(err)
	if text := verified.Envelope().Body.FirstChild().Text(); text != "42.50" {
		t.Errorf("Body %q", text)
	}
}

func TestSecurityCoversSignedHeaderBlocksAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope(to, payload))
	message = withBlock(message, `<x:Extra xmlns:x="urn:x"/>`)
	in := w.admit(w.security(w.preset("Kerberos")), message)
	if !in.Covers(w.block(in.Envelope(), "To")) {
		t.Error("the signed wsa:To is not covered")
	}
	if in.Covers(w.block(in.Envelope(), "Extra")) {
		t.Error("a block that anybody can have added is covered")
	}
}

func TestSecurityCoversAllHeaderBlocksUnderTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.preset("KerberosOverTransport")
	message, _ := w.protect(w.client(p), envelope("", payload))
	in := w.admit(w.security(p), withBlock(message, `<x:Extra xmlns:x="urn:x"/>`))
	if !in.Covers(w.block(in.Envelope(), "Extra")) {
		t.Error("TLS does not cover a block, under a policy that relies on it")
	}
}

// TLS may end before the service's own network, so a policy that does not rely
// on it does not count it.
func TestSecurityDoesNotCountTLSUnderASymmetricBinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	in := w.admit(w.security(w.preset("Kerberos")), withBlock(message, `<x:Extra xmlns:x="urn:x"/>`))
	if in.Covers(w.block(in.Envelope(), "Extra")) {
		t.Error("TLS covers a block under the policy Kerberos")
	}
}

func TestSecurityRemembersTheTokenOfAnAuthorizedClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.preset("Kerberos")
	p.TokenOnce = true
	message, _ := w.protect(w.client(p), envelope("", payload))
	in := w.admit(w.security(p), message)
	if n := w.tokens.Len(); n != 0 {
		t.Fatalf("%d tokens are remembered before their client is authorized", n)
	}
	w.must(in.Authorized(t.Context()))
	if n := w.tokens.Len(); n != 1 {
		t.Errorf("%d tokens are remembered", n)
	}
}

func TestSecurityNotesTimesAndUncoveredPrefixes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const typed = `<q:Ask xmlns:q="urn:q" xmlns:t="urn:t" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" ` +
		`i:type="t:Order"/>`
	for body, noted := range map[string]bool{payload: false, typed: true} {
		message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", body))
		stages, notes := w.admit(w.security(w.preset("Kerberos")), message).Notes()
		var names []string
		for _, s := range stages {
			names = append(names, s.Key)
		}
		if got := strings.Join(names, " "); got != "ticket decrypt digest" {
			t.Errorf("stages %s", got)
		}
		if len(notes) == 1 != noted || noted && !strings.Contains(notes[0].String(), "content-prefix") {
			t.Errorf("%s: notes %v", body, notes)
		}
	}
}

func TestSecurityHasTheOnePolicyOfItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.security(w.preset("KerberosToken"))
	if d.Name() != "KerberosToken" || len(d.Policies()) != 1 || d.Policies()[0].Name != "KerberosToken" {
		t.Errorf("%s, %v", d.Name(), d.Policies())
	}
	if chosen, err := d.Choose(w.arrival([]byte(envelope("", payload)))); chosen != door.Door(d) || err != nil {
		t.Errorf("%v, %v", chosen, err)
	}
}

// Four late failures of a key that was named by its hash count as forty.
func TestSecurityAnsweredLateSuspendsTheKeySooner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.preset("Kerberos")
	p.EncryptSignature, p.MessageReplay = false, wssec.SwitchOn
	processor, err := wssec.NewProcessor(p, wssec.Config{Tokens: oneKey{}, Replay: w.replay})
	w.must(err)
	d := door.NewSecurity(p.Name, processor)
	for i := range 6 {
		token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
		w.must(err)
		outgoing := wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets()), Omit: true}
		message, _, err := w.client(p).ProtectRequest(nil, w.parse([]byte(envelope("", payload))), outgoing)
		w.must(err)
		_, err = d.Admit(t.Context(), w.arrival(message))
		if suspended := strings.Contains(err.Error(), string(wssec.CodeTokenSuspended)); suspended != (i >= 4) {
			t.Errorf("failure %d: %v", i, err)
		}
		d.AnsweredLate(err)
	}
}

// oneKey remembers one key under every hash.
type oneKey struct{ wssec.TokenCache }

func (oneKey) GetToken(context.Context, wssec.TokenHash) (wssec.CachedToken, bool, error) {
	key := wssec.NewKey(make([]byte, 32))
	return wssec.CachedToken{ValueType: wssec.GSSKerberosAPREQ, Key: key, EndTime: time.Now().Add(time.Hour)}, true, nil
}

// A reply is protected in the room that its door has asked for, so that the
// caller can give it memory that was used before.
func TestProtectedReplyFitsItsSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	in := w.admit(w.security(w.preset("Kerberos")), message)
	for _, size := range []int{0, 6 << 10, 40 << 10} {
		for _, header := range []string{"", to + `<o:Other xmlns:o="urn:o"/>`} {
			reply := w.parse([]byte(envelope(header, "<a>"+strings.Repeat("a", size)+"</a>")))
			room := make([]byte, 0, in.ProtectSize(reply))
			out, err := in.Protect(t.Context(), room, reply)
			if err != nil || &out[0] != &room[:1][0] || cap(room) > 2*size+24<<10 {
				t.Errorf("%d octets: %v, %d octets where there is room for %d", size, err, len(out), cap(room))
			}
		}
	}
}
