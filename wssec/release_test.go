package wssec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// overwrite does to a message what its owner may do once it is released.
func overwrite(src []byte) {
	for i := range src {
		src[i] = '!'
	}
}

// verifyOwn is verify of a message that the caller overwrites: env has to be
// released.
func (ps *peers) verifyOwn(t testing.TB, src []byte) (*wssec.Message, *soap.Envelope, error) {
	t.Helper()
	env := parse(t, src)
	m, err := remembered(ps.service.Verify(t.Context(), env, secure()))
	return m, env, err
}

// TestReleaseOverwritesThePlaintext: the next message that gets its memory finds
// nothing there.
func TestReleaseOverwritesThePlaintext(t *testing.T) {
	t.Parallel()
	to := "{" + nsWSA + "}To"
	ps := newPeers(t, symmetric(func(p *wssec.Policy) {
		p.EncryptSignature = true
		p.SignedParts.Headers, p.EncryptedParts.Headers = []string{to}, []string{to}
	}), nil)
	msg, _ := ps.request(t, message(600))
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	var plaintexts [][]byte
	for _, n := range append(m.Encrypted(), m.Body().FirstChild()) {
		if src := n.Doc().Source(); len(src) > 0 && n.Doc() != m.Envelope().Doc {
			plaintexts = append(plaintexts, src)
		}
	}
	if len(plaintexts) != 3 {
		t.Fatalf("%d plaintexts of Signature, To and Body", len(plaintexts))
	}
	m.Release()
	for _, p := range plaintexts {
		if n := len(p) - bytes.Count(p, []byte{0}); n > 0 {
			t.Errorf("%d of %d octets of a plaintext are still there", n, len(p))
		}
	}
	m.Release() // does nothing
}

// TestRefusalOverwritesThePlaintext: with the envelope, which stays the caller's,
// where it was grafted, and at once where it was not.
func TestRefusalOverwritesThePlaintext(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, message(600))
	at := bytes.LastIndex(msg, []byte("</xenc:CipherValue>")) - 40
	msg[at] ^= 1 // the Body's last blocks: its digest is wrong, or its end
	_, env, err := ps.verifyOwn(t, msg)
	refused(t, err, wssec.CodeDigestInvalid, wssec.CodePlaintext, wssec.CodeDecryption)
	first := env.Body.FirstChild()
	src := first.Doc().Source()
	env.Release()
	if first.Doc() != env.Doc && len(bytes.Trim(src, "\x00")) > 0 {
		t.Error("the plaintext of a message that was refused is still there")
	}
}

// TestWhatOutlivesAMessageIsNoPartOfIt: names, keys, facts, remembered tokens and
// contexts, what a client keeps, and errors are the same when the message was
// released and its octets were overwritten.
func TestWhatOutlivesAMessageIsNoPartOfIt(t *testing.T) {
	t.Parallel()
	for name, policy := range policies(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy.Name = name
			ps := newPeers(t, policy, nil)
			extra := `<s:Header><x:Extra xmlns:x="urn:extra" s:mustUnderstand="1" x:b="c"/>`
			src, sent := ps.request(t, strings.Replace(message(600), "<s:Header>", extra, 1))
			m, _, err := ps.verifyOwn(t, src)
			if err != nil {
				t.Fatal(err)
			}
			reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
			if err != nil {
				t.Fatal(err)
			}
			_, notUnderstood := m.AppendForward(nil, wssec.Forwarding{})
			client, realm := m.Principal()
			sc, under := m.Context()
			kept := []any{client, realm, m.Service(), m.Groups(), under, sc, m.TicketEndTime(), m.Facts(), notUnderstood,
				wssec.FaultFor(notUnderstood)}
			asSent, key := m.AsSent(), wssec.NewKey(m.Key().ExposeSecretOctets())
			before := fmt.Sprintf("%+v", kept)
			m.Release()
			overwrite(src)
			if after := fmt.Sprintf("%+v", kept); after != before {
				t.Errorf("kept\n%s\nand then\n%s", before, after)
			}
			if !m.Key().Equal(key) {
				t.Error("the key is another")
			}
			late, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
			if err != nil {
				t.Fatal(err)
			}
			for what, request := range map[string]*wssec.Request{"the client's": sent, "the service's": asSent} {
				for which, reply := range map[string][]byte{"reply": reply, "reply to a released message": late} {
					if _, err := ps.client.VerifyReply(t.Context(), parse(t, bytes.Clone(reply)), request, secure()); err != nil {
						t.Errorf("%s, by %s request: %v", which, what, err)
					}
				}
			}
			if policy.TokenOnce || ps.token.Context != nil {
				ps.token.Omit = true
				src, _ = ps.request(t, plainOrder) // names what the service remembers
				m, env, err := ps.verifyOwn(t, src)
				if err != nil {
					t.Fatal(err)
				}
				overwrite(src)
				env.Release()
				if again, _ := m.Principal(); again != client {
					t.Errorf("client %s, remembered %s", client, again)
				}
				if again, _ := m.Context(); again.Identifier != sc.Identifier {
					t.Errorf("context %q, remembered %q", sc.Identifier, again.Identifier)
				}
			}
		})
	}
}

// TestErrorsOutliveTheMessage: of messages that were changed anywhere.
func TestErrorsOutliveTheMessage(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for name, policy := range map[string]wssec.Policy{
		"symmetric": symmetric(), "context": preset(t, "SspiNegotiated"), "Kerberos": preset(t, "Kerberos"),
	} {
		ps := newPeers(t, policy, nil)
		msg, _ := ps.request(t, plainOrder)
		for range 300 {
			src := bytes.Clone(msg)
			for range 1 + r.IntN(3) {
				src[r.IntN(len(src))] = "<>&\"'/= :aA9#"[r.IntN(13)]
			}
			env, err := soap.Parse(src, xmltext.Options{})
			if err == nil {
				_, err = ps.service.Verify(t.Context(), env, secure())
			}
			if err == nil {
				continue
			}
			fault := wssec.FaultFor(err)
			before := fmt.Sprintf("%v %+v %s", err, fault, fault.AppendEnvelope(nil, soap.V12))
			if env != nil {
				env.Release()
			}
			overwrite(src)
			if after := fmt.Sprintf("%v %+v %s", err, fault, fault.AppendEnvelope(nil, soap.V12)); after != before {
				t.Errorf("%s: error\n%s\nand then\n%s", name, before, after)
			}
		}
	}
}

// TestReleasedMessagesBesideOthers runs exchanges at once, whose memory is
// overwritten when they end: with the race detector, that no two share any.
func TestReleasedMessagesBesideOthers(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	var all sync.WaitGroup
	for worker := range 4 {
		plain := strings.ReplaceAll(message(200+700*worker), "order", fmt.Sprintf("order%d", worker))
		msg, sent := ps.request(t, plain)
		want := content(parse(t, []byte(plain)).Body)
		all.Go(func() {
			src, reply := make([]byte, len(msg)), make([]byte, len(plain))
			for range 60 {
				copy(src, msg)
				copy(reply, plain)
				m, _, err := ps.verifyOwn(t, src)
				if err != nil {
					t.Error(err)
					return
				}
				fwd, err := m.AppendForward(nil, wssec.Forwarding{})
				if err != nil || content(parse(t, fwd).Body) != want {
					t.Errorf("%v; forwarded\n%s", err, fwd)
				}
				env := parse(t, reply)
				out, err := ps.service.Protect(t.Context(), nil, env, m)
				if err != nil {
					t.Error(err)
					return
				}
				env.Release()
				m.Release()
				overwrite(reply)
				overwrite(src)
				back, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure())
				if err != nil || content(back.Body()) != want {
					t.Errorf("%v; the reply has another Body", err)
					return
				}
				back.Release()
			}
		})
	}
	all.Wait()
}

// TestRefusedMemoryReleasesThePlaintextOnce: whichever reservation is refused, no
// two messages get the memory of the plaintext. A smaller index than estimated
// fails without harm: the message is then accepted.
func TestRefusedMemoryReleasesThePlaintextOnce(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	text := func(c string) string { return "<q><![CDATA[" + strings.Repeat(c, 60<<10) + "]]></q>" }
	msg, _ := ps.request(t, around(text("<"))) // estimated to be elements
	first, _ := ps.request(t, around(text("1")))
	second, _ := ps.request(t, around(text("2")))
	refusals := 0
	for n := 1; ; n++ {
		m := &meter{refuse: n}
		env := parse(t, msg)
		_, err := remembered(metered(t, ps, m).Verify(t.Context(), env, secure()))
		if m.calls < n {
			break
		}
		if err != nil {
			refusals++
		}
		env.Release()
		a, errA := ps.verify(t, first)
		b, errB := ps.verify(t, second)
		if errA != nil || errB != nil || a.Body().FirstChild().Text() != strings.Repeat("1", 60<<10) {
			t.Fatalf("reservation %d was refused: %v; then %v, %v, and two messages have one memory", n, err, errA, errB)
		}
		a.Release()
		b.Release()
	}
	if refusals == 0 {
		t.Error("nothing was refused")
	}
}
