package wssec_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

func TestVerifyAcceptsAnEncryptedKeyUnderTheTicketsKey(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]wssec.Policy{
		"raw": symmetric(), "Basic256": symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }),
	} {
		t.Run(name, func(t *testing.T) {
			ps := newPeers(t, policy, nil)
			fresh := make([]byte, 32)
			rand.Read(fresh)
			msg, sent, err := wssec.ProtectUnderEncryptedKey(ps.client, parse(t, []byte(plainOrder)), ps.token, fresh)
			if err != nil {
				t.Fatal(err)
			}
			m, err := ps.verify(t, msg)
			if err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			if !m.Key().Equal(wssec.NewKey(fresh)) {
				t.Error("not the fresh key")
			}
			reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
			if err != nil || !bytes.Contains(reply, []byte("#EncryptedKeySHA1")) {
				t.Fatalf("%v\n%s", err, reply)
			}
			_ = sent
			wrapped := find(t, string(msg), `<xenc:EncryptedKey.*?<xenc:CipherValue>([^<]*)<`)
			bad := []byte(wrapped)
			bad[4] ^= 1
			_, err = ps.verify(t, []byte(replace(t, string(msg), wrapped, string(bad))))
			refused(t, err, wssec.CodeDecryption, wssec.CodeTokenUnavailable)
		})
	}
}

// TestVerifyAcceptsAKeyWrapWithADigest: older releases of WSS4J write a
// ds:DigestMethod for AES key wrap, which has no use for one.
func TestVerifyAcceptsAKeyWrapWithADigest(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _, err := wssec.ProtectUnderEncryptedKey(ps.client, parse(t, []byte(plainOrder)), ps.token, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	method := find(t, string(raw), `<xenc:EncryptionMethod Algorithm="[^"]*kw-[^"]*"/>`)
	with := func(content string) []byte {
		return []byte(replace(t, string(raw), method, strings.TrimSuffix(method, "/>")+">"+content+
			"</xenc:EncryptionMethod>"))
	}
	if _, err := ps.verify(t, with(`<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" `+
		`Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>`)); err != nil {
		t.Error(err)
	}
	_, err = ps.verify(t, with(`<xenc:KeySize>256</xenc:KeySize>`))
	refused(t, err, wssec.CodeSecurityInvalid)
}

// The key wrap is the suite's, even if the token's key does for another one and
// all else is right.
func TestVerifyRequiresTheKeyWrapOfTheSuite(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	fresh := make([]byte, 16)
	raw, _, err := wssec.ProtectUnderEncryptedKey(ps.client, parse(t, []byte(plainOrder)), ps.token, fresh)
	if err != nil {
		t.Fatal(err)
	}
	rewrapped, err := xmlenc.WrapKey(ps.token.Key.ExposeSecretOctets()[:32], fresh)
	if err != nil {
		t.Fatal(err)
	}
	before := find(t, string(raw), `<xenc:EncryptedKey.*?<xenc:CipherValue>([^<]*)<`)
	wrapped, err := base64.StdEncoding.DecodeString(before)
	if err != nil {
		t.Fatal(err)
	}
	text := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	was, is := sha1.Sum(wrapped), sha1.Sum(rewrapped)
	msg := strings.NewReplacer(xmlenc.KWAES128, xmlenc.KWAES256, before, text(rewrapped), text(was[:]),
		text(is[:])).Replace(string(raw))
	_, err = ps.verify(t, []byte(msg))
	refused(t, err, wssec.CodeUnsupportedAlg, wssec.CodeTokenUnavailable)
}
