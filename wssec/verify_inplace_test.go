package wssec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

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

// TestVerdictInPlaceIsTheSame whatever the policy is, and however a CipherValue, each
// of them or the last, is written. What is refused leaves nothing reserved, and nothing
// of the plaintext is left in any case.
func TestVerdictInPlaceIsTheSame(t *testing.T) {
	t.Parallel()
	ways := map[string]func(string) string{
		"as it is":  func(s string) string { return s },
		"lines":     func(s string) string { return "\r\n" + strings.Join(strings.SplitAfter(s, "A"), "\r\n") },
		"spaces":    func(s string) string { return " \n\t" + strings.Join(strings.SplitAfter(s, "B"), "\n  ") + " " },
		"reference": func(s string) string { return fmt.Sprintf("&#%d;", s[0]) + s[1:] },
		"CDATA":     func(s string) string { return s[:8] + "<![CDATA[" + s[8:] + "]]>" },
		"comment":   func(s string) string { return s[:9] + "<!--" + s + "-->" + s[9:] },
		"element":   func(s string) string { return s[:9] + "<x/>" + s[9:] },
		"greater":   func(s string) string { return s[:9] + ">" + s[9:] },
		"bracket":   func(s string) string { return s + "]" },
		"empty":     func(string) string { return "" }, "white space": func(string) string { return " \n " },
		"short": func(s string) string { return s[:8] }, "less": func(s string) string { return s[:len(s)-4] },
		"more": func(s string) string { return s + "AAAA" }, "padding": func(s string) string { return s + "=" },
		"other": func(s string) string { return strings.ToUpper(s) },
		"twice": func(s string) string { return s + s },
	}
	value := regexp.MustCompile(`(</xenc:EncryptionMethod>|<xenc:EncryptionMethod[^>]*/>|</[a-z0-9]+:KeyInfo>)` +
		`<xenc:CipherData><xenc:CipherValue>([^<]*)<`)
	accepted, all := 0, 0
	for name, policy := range policies(t) {
		if policy.Binding != wssec.SymmetricBinding || policy.EncryptedParts.IsZero() {
			continue
		}
		ps := newPeers(t, policy, nil)
		ps.cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
		wire, _ := ps.request(t, message(600))
		places := value.FindAllSubmatchIndex(wire, -1)
		if len(places) == 0 {
			t.Fatalf("%s: no CipherValue in %s", name, wire)
		}
		for way, write := range ways {
			for _, from := range []int{0, len(places) - 1} {
				msg, end := []byte(nil), 0
				for _, p := range places[from:] {
					msg = append(append(msg, wire[end:p[4]]...), write(string(wire[p[4]:p[5]]))...)
					end = p[5]
				}
				msg = append(msg, wire[end:]...)
				want, refused := inPlace(t, ps, msg, false)
				for encoding, text := range map[string][]byte{"UTF-8": msg, "UTF-16": wide(msg)} {
					got, err := inPlace(t, ps, text, true)
					if got != want || fmt.Sprint(err) != fmt.Sprint(refused) {
						t.Errorf("%s, %s, %s: %v\n%s\nelse %v\n%s", name, way, encoding, err, got, refused, want)
					}
				}
				if way == "as it is" && refused != nil {
					t.Errorf("%s: %v", name, refused)
				}
				if all++; refused == nil {
					accepted++
				}
			}
		}
	}
	t.Logf("%d messages, %d of them accepted", all, accepted)
}

// wide returns a message in UTF-16.
func wide(msg []byte) (out []byte) {
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(string(msg)))...) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return out
}

// inPlace returns the meaning of a message that is decrypted in its own place, or not.
func inPlace(t *testing.T, ps *peers, msg []byte, overwrite bool) (string, error) {
	t.Helper()
	var m meter
	service := metered(t, ps, &m)
	wssec.DecryptInPlaceFrom(service, 0)
	env, err := soap.Parse(bytes.Clone(msg), xmltext.Options{Overwrite: overwrite})
	if err != nil {
		return "", err
	}
	src := env.Doc.Source()
	verified, err := service.Verify(t.Context(), env, secure())
	text := ""
	if err == nil {
		text, err = forwarded(verified)
		for _, n := range append(verified.Signed(), verified.Encrypted()...) {
			text += "\n" + n.Path()
		}
		verified.Release()
	} else {
		env.Release()
		if m.held != 0 {
			t.Errorf("%v: %d octets are reserved", err, m.held)
		}
	}
	if bytes.Contains(src, []byte("</o:")) {
		t.Errorf("%v: the plaintext is there", err)
	}
	return text, err
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
