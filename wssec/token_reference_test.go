package wssec_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// TestVerifyAcceptsTheReferenceFormsOfPeers takes requests apart that peers
// write with fewer attributes, an embedded token, or white space in base64.
func TestVerifyAcceptsTheReferenceFormsOfPeers(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	bst := find(t, msg, `<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`)
	token := find(t, bst, `>([^<]*)<`)
	direct := find(t, msg, `<wsse:Reference URI="#BST[^>]*></wsse:Reference>`)
	hash := wssec.HashToken(ps.token.Token)
	keyID := `<wsse:KeyIdentifier ValueType="` + wssec.KerberosAPREQSHA1 + `">` +
		base64.StdEncoding.EncodeToString(hash[:]) + `</wsse:KeyIdentifier>`
	for name, m := range map[string]string{
		"no EncodingType": replace(t, msg, ` EncodingType="`+wssec.EncodingBase64+`"`, ""),
		"no ValueType on references": strings.ReplaceAll(strings.ReplaceAll(msg, direct,
			replace(t, direct, ` ValueType="`+wssec.GSSKerberosAPREQ+`"`, "")), ` wsse11:TokenType="`+wssec.GSSKerberosAPREQ+
			`"`, ""),
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
		"HexBinary": {replace(t, msg, "#Base64Binary", "#HexBinary"), wssec.CodeInvalidToken},
		"X.509": {replace(t, bstOf(msg, bst), wssec.GSSKerberosAPREQ, "urn:x509"),
			wssec.CodeUnsupportedToken},
		"bare type, framed": {strings.ReplaceAll(msg, wssec.GSSKerberosAPREQ, wssec.KerberosAPREQ),
			wssec.CodeInvalidToken},
		"ValueType disagrees": {strings.Replace(msg, direct, replace(t, direct, "AP_REQ", "AP_REQ4120"), 1),
			wssec.CodeReference},
		"no '#'":           {strings.ReplaceAll(msg, `URI="#BST`, `URI="BST`), wssec.CodeTokenUnavailable},
		"token not base64": {replace(t, msg, token, "!"+token), wssec.CodeInvalidToken},
		"empty token":      {replace(t, msg, token, ""), wssec.CodeInvalidToken},
		"two tokens": {replace(t, msg, bst, bst+strings.ReplaceAll(bst, "BST-", "XST-")),
			wssec.CodeUnsupportedToken},
		"UsernameToken beside": {replace(t, msg, bst, bst+`<wsse:UsernameToken/>`), wssec.CodeUnsupportedToken},
		"another token's hash": {strings.ReplaceAll(msg, direct,
			replace(t, keyID, base64.StdEncoding.EncodeToString(hash[:]), "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
			wssec.CodeTokenUnavailable},
		"KeyName": {strings.ReplaceAll(msg, direct,
			`<ds:KeyName xmlns:ds="http://www.w3.org/2000/09/xmldsig#">x</ds:KeyName>`), wssec.CodeUnsupportedToken},
		"reference to the Body": {strings.ReplaceAll(msg, `<wsse:Reference URI="#BST`, `<wsse:Reference URI="#B`),
			wssec.CodeReference},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(x.msg))
			refused(t, err, x.code)
		})
	}
}

// bstOf returns the message from its token on, so that a replacement hits the
// token first.
func bstOf(msg, bst string) string {
	i := strings.Index(msg, bst)
	return msg[:i] + msg[i:]
}
