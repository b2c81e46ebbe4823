package wssec_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestAnEncryptedKeyUnderTheTicketsKeySignsAndEncrypts(t *testing.T) {
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

func TestSTRTransformCoversTheToken(t *testing.T) {
	for form, defaultNS := range map[wssec.STRForm]bool{wssec.STRWSS: true, wssec.STRWCF: false} {
		t.Run(string(form), func(t *testing.T) {
			ps := newPeers(t, symmetric(func(p *wssec.Policy) {
				p.ProtectTokens, p.STRTransform, p.EncryptedParts.Body = true, form, false
			}), nil)
			msg, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, defaultNS)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ps.verify(t, msg); err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			other, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, !defaultNS)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ps.verify(t, other)
			refused(t, err, wssec.CodeDigestInvalid)
		})
	}
}

// KeyInfo is not signed: whoever can change a message can choose what the
// SecurityTokenReference leads to.
func TestSTRTransformNeedsTheTokenInTheMessage(t *testing.T) {
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.ProtectTokens, p.EncryptedParts.Body = true, false }), nil)
	raw, err := wssec.ProtectWithSTRTransform(ps.client, parse(t, []byte(plainOrder)), ps.token, true)
	if err != nil {
		t.Fatal(err)
	}
	msg := string(raw)
	direct := find(t, msg, `<wsse:Reference URI="#BST[^>]*></wsse:Reference>`)
	hash := wssec.HashToken(ps.token.Token)
	keyID := `<wsse:KeyIdentifier ValueType="` + wssec.KerberosAPREQSHA1 + `">` + base64.StdEncoding.EncodeToString(hash[:]) + `</wsse:KeyIdentifier>`
	for name, m := range map[string]string{
		"KeyIdentifier":              replace(t, msg, direct, keyID),
		"another Id":                 replace(t, msg, `wsu:Id="STR-1"`, `wsu:Id="STR-2"`),
		"no Id":                      replace(t, msg, ` wsu:Id="STR-1"`, ``),
		"a second element of the Id": replace(t, msg, `</s:Header>`, `<x xmlns="urn:x" xmlns:wsu="`+wssec.NSWSU+`" wsu:Id="STR-1"/></s:Header>`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(m))
			refused(t, err, wssec.CodeReference, wssec.CodeDuplicateID)
		})
	}
}

// TestReferenceFormsOfPeers takes requests apart that peers write with fewer attributes,
// an embedded token, or white space in base64.
func TestReferenceFormsOfPeers(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	bst := find(t, msg, `<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`)
	token := find(t, bst, `>([^<]*)<`)
	direct := find(t, msg, `<wsse:Reference URI="#BST[^>]*></wsse:Reference>`)
	hash := wssec.HashToken(ps.token.Token)
	keyID := `<wsse:KeyIdentifier ValueType="` + wssec.KerberosAPREQSHA1 + `">` + base64.StdEncoding.EncodeToString(hash[:]) + `</wsse:KeyIdentifier>`
	for name, m := range map[string]string{
		"no EncodingType":            replace(t, msg, ` EncodingType="`+wssec.EncodingBase64+`"`, ""),
		"no ValueType on references": strings.ReplaceAll(strings.ReplaceAll(msg, direct, replace(t, direct, ` ValueType="`+wssec.GSSKerberosAPREQ+`"`, "")), ` wsse11:TokenType="`+wssec.GSSKerberosAPREQ+`"`, ""),
		"AP_REQ1510":                 strings.ReplaceAll(msg, wssec.GSSKerberosAPREQ, wssec.GSSKerberosAPREQ1510),
		"AP_REQ4120":                 strings.ReplaceAll(msg, wssec.GSSKerberosAPREQ, wssec.GSSKerberosAPREQ4120),
		"KeyIdentifier beside token": strings.ReplaceAll(msg, direct, keyID),
		"embedded":                   replace(t, replace(t, msg, bst, ""), direct, `<wsse:Embedded>`+bst+`</wsse:Embedded>`),
		"base64 in lines":            replace(t, msg, token, "\n  "+token[:64]+"&#13;\n\t"+token[64:]+" "),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "embedded" {
				m = strings.Replace(m, direct, keyID, 1)
			}
			if _, err := ps.verify(t, []byte(m)); err != nil {
				t.Fatalf("%v\n%s", err, m)
			}
		})
	}
	for name, x := range map[string]struct {
		msg  string
		code wssec.Code
	}{
		"HexBinary":             {replace(t, msg, "#Base64Binary", "#HexBinary"), wssec.CodeInvalidToken},
		"X.509":                 {replace(t, bstOf(msg, bst), wssec.GSSKerberosAPREQ, "urn:x509"), wssec.CodeUnsupportedToken},
		"bare type, framed":     {strings.ReplaceAll(msg, wssec.GSSKerberosAPREQ, wssec.KerberosAPREQ), wssec.CodeInvalidToken},
		"ValueType disagrees":   {strings.Replace(msg, direct, replace(t, direct, "AP_REQ", "AP_REQ4120"), 1), wssec.CodeReference},
		"no '#'":                {strings.ReplaceAll(msg, `URI="#BST`, `URI="BST`), wssec.CodeTokenUnavailable},
		"token not base64":      {replace(t, msg, token, "!"+token), wssec.CodeInvalidToken},
		"empty token":           {replace(t, msg, token, ""), wssec.CodeInvalidToken},
		"two tokens":            {replace(t, msg, bst, bst+strings.ReplaceAll(bst, "BST-", "XST-")), wssec.CodeUnsupportedToken},
		"UsernameToken beside":  {replace(t, msg, bst, bst+`<wsse:UsernameToken/>`), wssec.CodeUnsupportedToken},
		"another token's hash":  {strings.ReplaceAll(msg, direct, replace(t, keyID, base64.StdEncoding.EncodeToString(hash[:]), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")), wssec.CodeTokenUnavailable},
		"KeyName":               {strings.ReplaceAll(msg, direct, `<ds:KeyName xmlns:ds="http://www.w3.org/2000/09/xmldsig#">x</ds:KeyName>`), wssec.CodeUnsupportedToken},
		"reference to the Body": {strings.ReplaceAll(msg, `<wsse:Reference URI="#BST`, `<wsse:Reference URI="#B`), wssec.CodeReference},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(x.msg))
			refused(t, err, x.code)
		})
	}
}

// bstOf gives the message from its token on, so that a replacement hits the token first.
func bstOf(msg, bst string) string {
	i := strings.Index(msg, bst)
	return msg[:i] + msg[i:]
}

func TestDerivedKeyTokensStayWithinBounds(t *testing.T) {
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
		"Length 0":              {replace(t, msg, length, `<wsc:Length>0</wsc:Length>`), wssec.CodeDerivedKey},
		"Length 65":             {replace(t, msg, length, `<wsc:Length>65</wsc:Length>`), wssec.CodeDerivedKey},
		"Length 8":              {replace(t, msg, length, `<wsc:Length>8</wsc:Length>`), wssec.CodeKeyLength},
		"Length -1":             {replace(t, msg, length, `<wsc:Length>-1</wsc:Length>`), wssec.CodeDerivedKey},
		"Length huge":           {replace(t, msg, length, `<wsc:Length>99999999999999999999</wsc:Length>`), wssec.CodeDerivedKey},
		"Offset 65":             {replace(t, msg, offset, `<wsc:Offset>65</wsc:Offset>`), wssec.CodeDerivedKey},
		"Offset and Generation": {replace(t, msg, offset, offset+`<wsc:Generation>1</wsc:Generation>`), wssec.CodeDerivedKey},
		"Generation too large":  {replace(t, msg, offset, `<wsc:Generation>64</wsc:Generation>`), wssec.CodeDerivedKey},
		"Properties":            {replace(t, msg, offset, `<wsc:Properties/>`), wssec.CodeDerivedKey},
		"Nonce twice":           {replace(t, msg, offset, `<wsc:Nonce>AAAA</wsc:Nonce>`), wssec.CodeDerivedKey},
		"Nonce long":            {replace(t, msg, nonce, strings.Repeat("A", 400)), wssec.CodeDerivedKey},
		"Nonce missing":         {replace(t, msg, `<wsc:Nonce>`+nonce+`</wsc:Nonce>`, ""), wssec.CodeDerivedKey},
		"Label long":            {replace(t, msg, offset, `<wsc:Label>`+strings.Repeat("l", 129)+`</wsc:Label>`), wssec.CodeDerivedKey},
		"another Label":         {replace(t, msg, offset, `<wsc:Label>l</wsc:Label>`), wssec.CodeSignatureInvalid},
		"Algorithm":             {replace(t, msg, `<wsc:DerivedKeyToken `, `<wsc:DerivedKeyToken Algorithm="urn:x" `), wssec.CodeUnsupportedAlg},
		"key itself":            {strings.Replace(msg, find(t, msg, `<ds:KeyInfo.*?</ds:KeyInfo>`), `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`+find(t, msg, `<wsse:SecurityTokenReference.*?</wsse:SecurityTokenReference>`)+`</ds:KeyInfo>`, 1), wssec.CodeDerivedKey},
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

// TestDeriveKeyVectors are computed from the definition of P_SHA1, with the default label.
func TestDeriveKeyVectors(t *testing.T) {
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

func TestAShortKeyIsNotUsedUnderALongerName(t *testing.T) {
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }), nil)
	ps.token.Key = wssec.NewKey(make([]byte, 16))
	_, _, err := ps.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
	refused(t, err, wssec.CodeKeyLength)
}

// TestNothingIsProtectedWithoutAKey: a Message of another policy brings none.
func TestNothingIsProtectedWithoutAKey(t *testing.T) {
	bare := newPeers(t, preset(t, "KerberosToken"), nil)
	msg, _ := bare.request(t, plainOrder)
	m, err := bare.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	for _, derived := range []wssec.DerivedKeysRule{wssec.DerivedKeysForbidden, wssec.DerivedKeysRequired} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys, p.EncryptedParts.Body = derived, false }), nil)
		_, err = ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		refused(t, err, wssec.CodeKeyLength)
		ps.token.Key = wssec.Key{}
		_, _, err = ps.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
		refused(t, err, wssec.CodeKeyLength)
	}
}

func TestPoliciesThatProtectLessThanTheySeemAreRefused(t *testing.T) {
	for want, p := range map[string]wssec.Policy{
		"binding":                {},
		"protection-token":       {Binding: wssec.SymmetricBinding, AlgorithmSuite: wssec.Basic128, SignedParts: wssec.Parts{Body: true}},
		"algorithm-suite":        symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = "Basic64" }),
		"signed-parts":           symmetric(func(p *wssec.Policy) { p.SignedParts = wssec.Parts{} }),
		"signature-method":       symmetric(func(p *wssec.Policy) { p.SignatureMethod = "hmac-md5" }),
		"digest-method":          symmetric(func(p *wssec.Policy) { p.DigestMethod = "md5" }),
		"{namespace}local":       symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"To"} }),
		"token-once":             symmetric(func(p *wssec.Policy) { p.TokenOnce, p.Timestamp = true, wssec.TimestampOptional }),
		"message-replay":         symmetric(func(p *wssec.Policy) { p.TokenOnce, p.MessageReplay = true, wssec.SwitchOff }),
		"encrypted-parts":        {Binding: wssec.TransportBinding, AlgorithmSuite: wssec.Basic128, EncryptedParts: wssec.Parts{Body: true}, SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseEndorsing}}},
		"supporting-tokens":      {Binding: wssec.TransportBinding},
		"signature-confirmation": {Binding: wssec.NoBinding, SignatureConfirmation: true, SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UsePlain}}},
		"max-age":                symmetric(func(p *wssec.Policy) { p.MaxAge = -1 }),
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, name := range wssec.PresetNames() {
		if err := preset(t, name).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAReplyUnderTransportCarriesATimestamp(t *testing.T) {
	ps := newPeers(t, preset(t, "KerberosOverTransport"), nil)
	msg, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, []byte(plainOrder)), sent, secure())
	refused(t, err, wssec.CodeSecurityMissing)
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil || !bytes.Contains(reply, []byte("Timestamp")) || bytes.Contains(reply, []byte("Signature")) {
		t.Errorf("%v\n%s", err, reply)
	}
}

// TestAKeyWrapMayNameADigest: older releases of WSS4J write a ds:DigestMethod for AES key wrap,
// which has no use for one.
func TestAKeyWrapMayNameADigest(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	raw, _, err := wssec.ProtectUnderEncryptedKey(ps.client, parse(t, []byte(plainOrder)), ps.token, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	method := find(t, string(raw), `<xenc:EncryptionMethod Algorithm="[^"]*kw-[^"]*"/>`)
	with := func(content string) []byte {
		return []byte(replace(t, string(raw), method, strings.TrimSuffix(method, "/>")+">"+content+"</xenc:EncryptionMethod>"))
	}
	if _, err := ps.verify(t, with(`<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>`)); err != nil {
		t.Error(err)
	}
	_, err = ps.verify(t, with(`<xenc:KeySize>256</xenc:KeySize>`))
	refused(t, err, wssec.CodeSecurityInvalid)
}
