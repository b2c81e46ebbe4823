package wssec_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyRejectsDerivedKeyTokensOutOfBounds(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysRequired }), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal(err)
	}
	length, offset := `<wsc:Length>16</wsc:Length>`, `<wsc:Offset>0</wsc:Offset>`
	nonce := find(t, msg, `<wsc:Nonce>([^<]*)</wsc:Nonce>`)
	for name, x := range map[string]struct {
		msg  string
		code wssec.Code
	}{
		"Length 0":  {replace(t, msg, length, `<wsc:Length>0</wsc:Length>`), wssec.CodeDerivedKey},
		"Length 65": {replace(t, msg, length, `<wsc:Length>65</wsc:Length>`), wssec.CodeDerivedKey},
		"Length 8":  {replace(t, msg, length, `<wsc:Length>8</wsc:Length>`), wssec.CodeKeyLength},
		"Length -1": {replace(t, msg, length, `<wsc:Length>-1</wsc:Length>`), wssec.CodeDerivedKey},
		"Length huge": {replace(t, msg, length, `<wsc:Length>99999999999999999999</wsc:Length>`),
			wssec.CodeDerivedKey},
		"Offset 65": {replace(t, msg, offset, `<wsc:Offset>65</wsc:Offset>`), wssec.CodeDerivedKey},
		"Offset and Generation": {replace(t, msg, offset, offset+`<wsc:Generation>1</wsc:Generation>`),
			wssec.CodeDerivedKey},
		"Generation too large": {replace(t, msg, offset, `<wsc:Generation>64</wsc:Generation>`), wssec.CodeDerivedKey},
		"Properties":           {replace(t, msg, offset, `<wsc:Properties/>`), wssec.CodeDerivedKey},
		"Nonce twice":          {replace(t, msg, offset, `<wsc:Nonce>AAAA</wsc:Nonce>`), wssec.CodeDerivedKey},
		"Nonce long":           {replace(t, msg, nonce, strings.Repeat("A", 400)), wssec.CodeDerivedKey},
		"Nonce missing":        {replace(t, msg, `<wsc:Nonce>`+nonce+`</wsc:Nonce>`, ""), wssec.CodeDerivedKey},
		"Label long": {replace(t, msg, offset, `<wsc:Label>`+strings.Repeat("l", 129)+`</wsc:Label>`),
			wssec.CodeDerivedKey},
		"another Label": {replace(t, msg, offset, `<wsc:Label>l</wsc:Label>`), wssec.CodeSignatureInvalid},
		"Algorithm": {replace(t, msg, `<wsc:DerivedKeyToken `, `<wsc:DerivedKeyToken Algorithm="urn:x" `),
			wssec.CodeUnsupportedAlg},
		"key itself": {strings.Replace(msg, find(t, msg, `<ds:KeyInfo.*?</ds:KeyInfo>`),
			`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`+
				find(t, msg, `<wsse:SecurityTokenReference.*?</wsse:SecurityTokenReference>`)+`</ds:KeyInfo>`, 1),
			wssec.CodeDerivedKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(x.msg))
			refused(t, err, x.code)
		})
	}
	forbids := newPeers(t, symmetric(), nil)
	forbids.client, forbids.token = ps.client, ps.token
	_, err := forbids.verify(t, raw)
	if err == nil {
		t.Error("derived keys were accepted where the policy forbids them")
	}
}

// TestDeriveKeyVectors are computed from the definition of P_SHA1, with the
// default label.
func TestDeriveKeyVectors(t *testing.T) {
	t.Parallel()
	secret, nonce := make([]byte, 32), make([]byte, 16)
	for i := range secret {
		secret[i] = byte(i)
	}
	for i := range nonce {
		nonce[i] = byte(16 + i)
	}
	for offset, want := range map[int]string{
		0:  "ecc4e7eb31407de608151895c0e352b5cdd47a1373a9daf8a1efe20c8bc46475",
		24: "a1efe20c8bc464753fd6c3cb14cec8566ed95744a3c33ff6443cd39bc81fed95",
	} {
		if got := hex.EncodeToString(wssec.DeriveKey(secret, wssec.DefaultLabel, nonce, offset, 32)); got != want {
			t.Errorf("offset %d: %s, want %s", offset, got, want)
		}
	}
}
