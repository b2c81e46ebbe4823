package wssec_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// own parses a message whose octets are its own.
func own(t *testing.T, msg []byte) *soap.Envelope {
	t.Helper()
	env, err := soap.Parse(bytes.Clone(msg), xmltext.Options{Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestVerifyDecryptsALargeMessageInItsOwnPlace: and a small one, or one that others
// may read, elsewhere. What is forwarded is the same.
func TestVerifyDecryptsALargeMessageInItsOwnPlace(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]wssec.ProtectionOrder{
		"sign before encrypt": wssec.SignBeforeEncrypt, "encrypt before sign": wssec.EncryptBeforeSign,
	} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.ProtectionOrder = order }), nil)
		for size, want := range map[int]bool{1 << 10: false, 2 << 20: true} {
			msg, _ := ps.request(t, message(size))
			var forwards []string
			for _, overwrite := range []bool{false, true} {
				env := own(t, msg)
				if !overwrite {
					env = parse(t, msg)
				}
				m, err := ps.service.Verify(t.Context(), env, secure())
				if err != nil {
					t.Fatal(err)
				}
				text, err := forwarded(m)
				if err != nil {
					t.Fatal(err)
				}
				forwards = append(forwards, text)
				src := env.Doc.Source()
				inPlace := bytes.Contains(src, []byte("</o:"))
				if inPlace != (want && overwrite) {
					t.Errorf("%s, %d octets, overwrite %v: in place %v", name, size, overwrite, inPlace)
				}
				m.Release()
				if bytes.Contains(src, []byte("</o:")) {
					t.Errorf("%s, %d octets: the plaintext is there after Release", name, size)
				}
			}
			if forwards[0] != forwards[1] {
				t.Errorf("%s, %d octets: other octets are forwarded", name, size)
			}
		}
	}
}

// TestRefusedMessageKeepsNoPlaintextInItsPlace: neither if the plaintext is not
// well-formed nor if the digest is wrong.
func TestRefusedMessageKeepsNoPlaintextInItsPlace(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	wssec.DecryptInPlaceFrom(ps.service, 0)
	msg, _ := ps.request(t, message(1<<10))
	cipher := find(t, string(msg), `<xenc:EncryptedData.*<xenc:CipherValue>([^<]*)<`)
	at := bytes.Index(msg, []byte(cipher))
	for name, change := range map[string]func([]byte){
		"a changed octet":     func(b []byte) { b[at+len(cipher)/2] ^= 1 },
		"not base64":          func(b []byte) { b[at+len(cipher)/2] = '*' },
		"not base64, the end": func(b []byte) { b[at+len(cipher)-1] = '*' },
		"cut":                 func(b []byte) { copy(b[at+len(cipher)-4:], "    ") },
	} {
		env := own(t, msg)
		src := env.Doc.Source()
		change(src)
		if _, err := ps.service.Verify(t.Context(), env, secure()); err == nil {
			t.Errorf("%s is accepted", name)
		}
		if bytes.Contains(src, []byte("</o:")) {
			t.Errorf("%s: the plaintext is there", name)
		}
	}
}

// TestVerifiedLargeMessageHoldsALittleMoreThanTwiceItsOctets: the message with the
// plaintext in it, and the index of that; once it is pruned, a little more than
// the octets.
func TestVerifiedLargeMessageHoldsALittleMoreThanTwiceItsOctets(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, message(4<<20))
	live := func() float64 {
		var m runtime.MemStats
		for range 3 { // pools keep what they had for two
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / float64(len(msg))
	}
	before := live()
	m, err := ps.service.Verify(t.Context(), own(t, msg), secure())
	if err != nil {
		t.Fatal(err)
	}
	verified := live() - before
	m.Body().Prune()
	pruned := live() - before
	t.Logf("%.2f times the message, pruned %.2f", verified, pruned)
	if verified > 2.2 || pruned > 1.1 {
		t.Errorf("%.2f and %.2f times the message", verified, pruned)
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(msg)
}
