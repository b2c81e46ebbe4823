package wstrust

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

const nsWSA10 = "http://www.w3.org/2005/08/addressing"

// peersRST puts children into an RST of 1.3, under the prefix t.
func peersRST(attributes, children string) string {
	return `<t:RequestSecurityToken xmlns:t="` + NSTrust13 + `" xmlns:wsu="` + wssec.NSWSU + `" ` + attributes + `>` +
		children +
		`</t:RequestSecurityToken>`
}

const (
	peersIssue    = `<t:RequestType>` + NSTrust13 + `/Issue</t:RequestType>`
	peersExchange = `<t:BinaryExchange ValueType="` + NSTrust05 + `/spnego" EncodingType="` + wssec.EncodingBase64 +
		`">YWJj</t:BinaryExchange>`
	peersEntropy = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// Forms in which clients in the field write an RST: WCF, CXF, Metro, Rampart, and
// what XML libraries make of them on the way.
func TestReadRequestReadsTheFormsOfPeers(t *testing.T) {
	t.Parallel()
	exchange := func(text string) string { return strings.Replace(peersExchange, "YWJj", text, 1) }
	secret := func(attributes string) string {
		return `<t:Entropy><t:BinarySecret ` + attributes + `>` + peersEntropy + `</t:BinarySecret></t:Entropy>`
	}
	abc := func(r *RequestSecurityToken) bool { return r.Exchange != nil && string(r.Exchange.Token) == "abc" }
	entropy := func(r *RequestSecurityToken) bool { return r.Entropy.Equal(key(32)) }
	for name, c := range map[string]struct {
		text string
		ok   func(*RequestSecurityToken) bool
	}{
		"default namespace": {`<RequestSecurityToken xmlns="` + NSTrust13 + `" Context="c"><RequestType>` + NSTrust13 +
			`/Issue</RequestType><BinaryExchange EncodingType="` + wssec.EncodingBase64 + `" ValueType="` + NSTrust13 +
			`/spnego">YWJj</BinaryExchange></RequestSecurityToken>`, abc},
		"a prefix on each element": {peersRST("", `<a:RequestType xmlns:a="`+NSTrust13+`">`+NSTrust13+
			`/Issue</a:RequestType>`+peersExchange), abc},
		"indented":                     {peersRST("", "\r\n\t"+peersIssue+"\r\n\t"+peersExchange+"\r\n"), abc},
		"comments between elements":    {peersRST("", `<!-- a -->`+peersIssue+`<!-- b -->`+peersExchange), abc},
		"base64 in lines":              {peersRST("", peersIssue+exchange("\n  YW\r\n  Jj\n")), abc},
		"base64 in lines of Santuario": {peersRST("", peersIssue+exchange("YW&#13;\nJj&#xD;\n")), abc},
		"base64 in a CDATA section":    {peersRST("", peersIssue+exchange("<![CDATA[YWJj]]>")), abc},
		"a comment in base64":          {peersRST("", peersIssue+exchange("YW<!-- x -->Jj")), abc},
		"further attributes": {peersRST(`xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="false" wsu:Id="r"`,
			peersIssue+strings.Replace(peersExchange, " ", ` wsu:Id="b" `, 1)), abc},
		"exchange first": {peersRST("", peersExchange+peersIssue), abc},
		"white space around URIs": {peersRST("", "<t:TokenType>\n "+V13.TokenType()+"\t</t:TokenType><t:RequestType> "+
			NSTrust13+"/Issue\n</t:RequestType>"), func(r *RequestSecurityToken) bool {
			return r.TokenType == V13.TokenType() && r.RequestType == Issue
		}},
		"a URI in a CDATA section": {peersRST("", `<t:RequestType><![CDATA[`+NSTrust13+`]]>/Issue</t:RequestType>`),
			func(r *RequestSecurityToken) bool { return r.RequestType == Issue }},
		"white space around KeySize": {peersRST("", peersIssue+"<t:KeySize>\n 256 </t:KeySize>"),
			func(r *RequestSecurityToken) bool { return r.KeySize == 256 }},
		"KeySize with zeros before it": {peersRST("", peersIssue+"<t:KeySize>0128</t:KeySize>"),
			func(r *RequestSecurityToken) bool { return r.KeySize == 128 }},
		"Context with references": {peersRST(`Context="uuid-&#x39;&amp;&quot;-1"`, peersIssue),
			func(r *RequestSecurityToken) bool { return r.Context == `uuid-9&"-1` }},
		"no Context, as Metro and Rampart": {peersRST("", peersIssue+secret("")), entropy},
		"entropy first, as Rampart": {peersRST("", secret(`Type="`+NSTrust13+`/Nonce"`)+peersIssue+
			`<t:Lifetime><wsu:Created>2026-11-29T00:00:00.000Z</wsu:Created>`+
			`<wsu:Expires>2026-11-29T00:05:00.000Z</wsu:Expires></t:Lifetime>`), entropy},
		"entropy with an Id": {peersRST("", peersIssue+secret(`wsu:Id="uuid-1" Type="`+NSTrust13+`/Nonce"`)),
			entropy},
		"entropy of the type by default": {peersRST("", peersIssue+secret(`Type="`+NSTrust13+`/SymmetricKey"`)), entropy},
		"KeyType and algorithms, as Metro": {peersRST("", peersIssue+secret("")+
			`<t:KeyType>`+NSTrust13+`/SymmetricKey</t:KeyType>`+
			`<t:ComputedKeyAlgorithm>`+V13.PSHA1()+`</t:ComputedKeyAlgorithm><t:EncryptWith>urn:x</t:EncryptWith>`), entropy},
		"Renewing and Claims, as CXF's STS": {peersRST("", peersIssue+peersExchange+
			`<t:Renewing Allow="true"/><t:Claims Dialect="urn:d"><x xmlns="urn:x"/></t:Claims>`), abc},
	} {
		r, err := ReadRequest(scan(t, c.text))
		if err != nil || !c.ok(r) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// AppliesTo is of WS-Policy, of which WCF and CXF have different versions.
func TestAppliesToIsReadInBothVersionsOfPolicy(t *testing.T) {
	t.Parallel()
	for space, want := range map[string]bool{nsPolicy04: true, nsPolicy15: true,
		"http://www.w3.org/2006/07/ws-policy": false, NSTrust13: false} {
		r, err := ReadRequest(scan(t, peersRST("", peersIssue+`<p:AppliesTo xmlns:p="`+space+`">`+
			`<a:EndpointReference xmlns:a="`+nsWSA10+`"><a:Address>http://gw/</a:Address></a:EndpointReference></p:AppliesTo>`)))
		if err != nil || (r.AppliesTo != nil) != want ||
			want && !strings.HasPrefix(string(r.AppliesTo), `<p:AppliesTo xmlns:p="`+space) {
			t.Errorf("%s: %s, %v", space, r.AppliesTo, err)
		}
	}
}

// What a comment stands in is read whole: text that ends at one would be another
// value than a reader sees who drops comments.
func TestCommentsDoNotCutValues(t *testing.T) {
	t.Parallel()
	for name, children := range map[string]string{
		"RequestType": `<t:RequestType>` + NSTrust13 + `/Issue<!-- -->r</t:RequestType>`,
		"KeySize":     peersIssue + `<t:KeySize>256<!-- -->x</t:KeySize>`,
		"exchange":    peersIssue + strings.Replace(peersExchange, "YWJj", "YWJj<!-- -->!", 1),
	} {
		if r, err := ReadRequest(scan(t, peersRST("", children))); err == nil {
			t.Errorf("%s: read %+v", name, r)
		}
	}
	r, err := ReadRequest(scan(t, peersRST("", `<t:RequestType>`+NSTrust13+`/Cancel</t:RequestType><t:CancelTarget>`+
		`<c:SecurityContextToken xmlns:c="`+wssec.NSWSC13+
		`"><c:Identifier>urn:a<!-- -->b</c:Identifier></c:SecurityContextToken></t:CancelTarget>`)))
	if err != nil || r.Target.Identifier != "urn:ab" {
		t.Errorf("Identifier: %+v, %v", r, err)
	}
}

// What the specification does not allow, or is of another one.
func TestReadRequestRefusesForeignForms(t *testing.T) {
	t.Parallel()
	secret := func(valueType string) string {
		return peersIssue + `<t:Entropy><t:BinarySecret Type="` + valueType + `">` + peersEntropy +
			`</t:BinarySecret></t:Entropy>`
	}
	for name, text := range map[string]string{
		"WS-Trust of 2004": strings.ReplaceAll(peersRST("", peersIssue), NSTrust13,
			"http://schemas.xmlsoap.org/ws/2004/04/trust"),
		"RequestType of an STS":   peersRST("", `<t:RequestType>`+NSTrust13+`/Validate</t:RequestType>`),
		"ValueType in WS-Trust":   peersRST("", peersIssue+strings.Replace(peersExchange, " ValueType", " t:ValueType", 1)),
		"EncodingType HexBinary":  peersRST("", peersIssue+strings.Replace(peersExchange, "#Base64Binary", "#HexBinary", 1)),
		"an asymmetric key":       peersRST("", secret(NSTrust13+"/AsymmetricKey")),
		"a nonce of 2005":         peersRST("", secret(NSTrust05+"/Nonce")),
		"base64 for URLs":         peersRST("", peersIssue+strings.Replace(peersExchange, "YWJj", "_-__", 1)),
		"base64 without padding":  peersRST("", peersIssue+strings.Replace(peersExchange, "YWJj", "YQ", 1)),
		"KeySize with a sign":     peersRST("", peersIssue+`<t:KeySize>+256</t:KeySize>`),
		"KeySize in other digits": peersRST("", peersIssue+`<t:KeySize>２５６</t:KeySize>`),
	} {
		if r, err := ReadRequest(scan(t, text)); err == nil {
			t.Errorf("%s: read %+v", name, r)
		}
	}
	r, err := ReadRequest(scan(t, peersRST(`t:Context="c"`, peersIssue)))
	if err != nil || r.Context != "" {
		t.Errorf("a Context in a namespace: %+v, %v", r, err)
	}
}

// Targets of Renew and Cancel: WCF and Metro send a reference with ValueType,
// Rampart one without, CXF the token itself.
func TestTargetsAreReadInTheFormsOfPeers(t *testing.T) {
	t.Parallel()
	const prefix = `<t:CancelTarget xmlns:o="` + wssec.NSWSSE + `" xmlns:c="` + wssec.NSWSC13 + `">`
	reference := func(attributes, content string) string {
		return `<o:SecurityTokenReference wsu:Id="str" ` + attributes + `>` + content + `</o:SecurityTokenReference>`
	}
	a, b := ContextReference{Identifier: "urn:uuid:a"}, ContextReference{"urn:uuid:a", "urn:uuid:b"}
	for name, c := range map[string]struct {
		target string
		want   ContextReference
	}{
		"WCF": {reference("", `<o:Reference URI="urn:uuid:a" ValueType="`+V13.TokenType()+`"></o:Reference>`), a},
		"WCF, of a renewed key": {reference("", `<o:Reference URI="urn:uuid:a" c:Instance="urn:uuid:b" ValueType="`+
			V13.TokenType()+`"/>`), b},
		"TokenType of WSS 1.1": {reference(`xmlns:k="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd" `+
			`k:TokenType="`+V13.TokenType()+`"`, `<o:Reference URI="urn:uuid:a"/>`), a},
		"Rampart, without ValueType": {reference("", `<o:Reference URI="urn:uuid:a"/>`), a},
		"CXF": {`<c:SecurityContextToken wsu:Id="sctId-1"><c:Identifier>urn:uuid:a</c:Identifier>` +
			`</c:SecurityContextToken>`, a},
		"CXF, of a renewed key": {`<c:SecurityContextToken><c:Identifier> urn:uuid:a
			</c:Identifier><c:Instance>urn:uuid:b</c:Instance></c:SecurityContextToken>`, b},
		"WCF's token with a cookie": {`<c:SecurityContextToken><c:Identifier>urn:uuid:a</c:Identifier><d:Cookie xmlns:d="` +
			nsMicrosoft + `">AAEC</d:Cookie></c:SecurityContextToken>`, a},
		"indented": {"\n  " + reference("", "\n    "+`<o:Reference URI="urn:uuid:a"/>`+"\n  ") + "\n", a},
	} {
		r, err := ReadRequest(scan(t, peersRST("", `<t:RequestType>`+NSTrust13+`/Cancel</t:RequestType>`+prefix+c.target+
			`</t:CancelTarget>`)))
		if err != nil || *r.Target != c.want {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// peersRSTR puts children into an RSTR of 1.3, under the prefix t.
func peersRSTR(children string) string {
	return `<t:RequestSecurityTokenResponse xmlns:t="` + NSTrust13 + `" xmlns:wsu="` + wssec.NSWSU + `" xmlns:c="` +
		wssec.NSWSC13 + `" xmlns:e="` + nsXenc + `">` + children + `</t:RequestSecurityTokenResponse>`
}

// Forms in which services in the field write an RSTR.
func TestReadResponsesReadsTheFormsOfPeers(t *testing.T) {
	t.Parallel()
	type rstr = RequestSecurityTokenResponse
	wrapped := func(algorithm string) string {
		return `<t:RequestedProofToken><e:EncryptedKey Id="k"><e:EncryptionMethod Algorithm="` + algorithm +
			`"/><e:CipherData>` +
			"<e:CipherValue>\nYW&#13;\nJj</e:CipherValue></e:CipherData></e:EncryptedKey></t:RequestedProofToken>"
	}
	lifetime := func(created, expires string) string {
		return `<t:Lifetime><wsu:Created>` + created + `</wsu:Created><wsu:Expires>` + expires + `</wsu:Expires></t:Lifetime>`
	}
	hour := func(r *rstr) bool { return r.Expires.Sub(r.Created) == time.Hour }
	abc := func(r *rstr) bool { return r.Proof != nil && string(r.Proof.Wrapped) == "abc" }
	secret := func(r *rstr) bool { return r.Proof != nil && r.Proof.Secret.Equal(key(32)) }
	proof := func(attributes string) string {
		return `<t:RequestedProofToken><t:BinarySecret ` + attributes + `>` + peersEntropy +
			`</t:BinarySecret></t:RequestedProofToken>`
	}
	for name, c := range map[string]struct {
		text string
		ok   func(*rstr) bool
	}{
		"key wrapped by WCF":                      {peersRSTR(wrapped(GSSWrap)), abc},
		"key wrapped by CXF":                      {peersRSTR(wrapped(NSTrust13 + "/spnego#GSS_Wrap")), abc},
		"secret of WCF and Rampart, without Type": {peersRSTR(proof("")), secret},
		"secret of Metro": {peersRSTR(proof(`Type="` + NSTrust13 + `/SymmetricKey"`)),
			secret},
		"secret of CXF, and of Metro that returns the client's": {peersRSTR(proof(`Type="` + NSTrust13 + `/Nonce"`)), secret},
		"entropy without Type": {peersRSTR(`<t:Entropy><t:BinarySecret>` + peersEntropy + `</t:BinarySecret></t:Entropy>`),
			func(r *rstr) bool { return r.Entropy.Equal(key(32)) }},
		"computed key with white space": {peersRSTR("<t:RequestedProofToken>\n <t:ComputedKey>\n" + V13.PSHA1() +
			"\n</t:ComputedKey>\n</t:RequestedProofToken>"), func(r *rstr) bool { return r.Proof.ComputedKey == V13.PSHA1() }},
		"token without Id": {peersRSTR(`<t:RequestedSecurityToken><c:SecurityContextToken>` +
			`<c:Identifier>urn:a</c:Identifier></c:SecurityContextToken></t:RequestedSecurityToken>`),
			func(r *rstr) bool { return r.Token.Identifier == "urn:a" && r.Token.ID == "" }},
		"token, indented, with comments": {peersRSTR("<t:RequestedSecurityToken>\n<!-- x --><SecurityContextToken xmlns=\"" +
			wssec.NSWSC13 + "\">\n<Identifier>\nurn:a </Identifier>\n<Instance>urn:b</Instance>" +
			"</SecurityContextToken>\n</t:RequestedSecurityToken>"),
			func(r *rstr) bool { return r.Token.ContextReference == ContextReference{"urn:a", "urn:b"} }},
		"Lifetime of WCF":            {peersRSTR(lifetime("2026-11-29T00:00:00.000Z", "2026-11-29T01:00:00.000Z")), hour},
		"Lifetime without fractions": {peersRSTR(lifetime("2026-11-29T00:00:00Z", "2026-11-29T01:00:00Z")), hour},
		"Lifetime of ticks": {peersRSTR(lifetime("2026-11-29T00:00:00.1234567Z", "2026-11-29T01:00:00.1234567Z")),
			hour},
		"Lifetime of another zone": {peersRSTR(lifetime("2026-11-29T02:00:00.5+02:00", "2026-11-29T01:00:00.5Z")), hour},
		"Lifetime in lines":        {peersRSTR(lifetime("\n2026-11-29T00:00:00Z\n", " 2026-11-29T01:00:00Z\t")), hour},
		"cancelled, empty element": {peersRSTR(`<t:RequestedTokenCancelled/>`), func(r *rstr) bool { return r.Cancelled }},
		"cancelled, in a collection": {`<t:RequestSecurityTokenResponseCollection xmlns:t="` + NSTrust13 + `">` +
			peersRSTR("<t:RequestedTokenCancelled>\n</t:RequestedTokenCancelled>") +
			`</t:RequestSecurityTokenResponseCollection>`,
			func(r *rstr) bool { return r.Cancelled }},
		"CombinedHash in lines": {peersRSTR("<t:Authenticator>\n<t:CombinedHash>\nYW\nJj</t:CombinedHash>\n" +
			"</t:Authenticator>"),
			func(r *rstr) bool { return string(r.Authenticator) == "abc" }},
	} {
		r, err := ReadResponses(scan(t, c.text))
		if err != nil || len(r) != 1 || !c.ok(r[0]) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// WCF's service keeps nothing of a context that it need not be asked to cancel:
// all of it is in a Cookie in the token, which the client has to send back. In the
// negotiation that is the default of WCF's bindings in code.
func TestCookieOfTheServiceIsKept(t *testing.T) {
	t.Parallel()
	i, _, s := begun(t, InitiatorConfig{}, 1)
	s.before = func(r *RequestSecurityTokenResponse) { r.Token.Cookie = []byte("state") }
	if _, err := i.Step(t.Context(), s.finish()); err != nil || string(i.Established().Cookie) != "state" {
		t.Fatalf("%v, %+v", err, i.Established())
	}
	const start = `<t:RequestedSecurityToken xmlns:d="` + nsMicrosoft +
		`"><c:SecurityContextToken><c:Identifier>urn:a</c:Identifier>`
	const end = `</c:SecurityContextToken></t:RequestedSecurityToken>`
	for name, c := range map[string]struct{ text, want string }{
		"in lines":     {"<d:Cookie>c3R\r\n hdGU=</d:Cookie>", "state"},
		"of another":   {`<d:Cookie xmlns:d="urn:x">c3RhdGU=</d:Cookie>`, ""},
		"no base64":    {`<d:Cookie>c3Rh!</d:Cookie>`, "refused"},
		"two":          {`<d:Cookie>c3Rh</d:Cookie><d:Cookie>c3Rh</d:Cookie>`, "refused"},
		"far too long": {`<d:Cookie>` + strings.Repeat("c3Rh", maxCookie/4+1) + `</d:Cookie>`, "refused"},
	} {
		r, err := ReadResponses(scan(t, peersRSTR(start+c.text+end)))
		if c.want == "refused" {
			if err == nil {
				t.Errorf("%s: read", name)
			}
		} else if err != nil || string(r[0].Token.Cookie) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TokenType and KeySize are optional in an answer (WS-Trust §4.2): the token itself
// says what it is, and the key how long.
func TestInitiatorTakesAnswersWithoutOptionalElements(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		i, _, s := begun(t, InitiatorConfig{Version: v}, 1)
		s.before = func(r *RequestSecurityTokenResponse) { r.TokenType, r.KeySize = "", 0 }
		if _, err := i.Step(t.Context(), s.finish()); err != nil || !i.Established().Key.Equal(s.key) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

// Proofs that no service of ours can mean.
func TestReadResponsesRefusesForeignProofs(t *testing.T) {
	t.Parallel()
	for name, proof := range map[string]string{
		"key wrapped for a certificate": `<e:EncryptedKey>` +
			`<e:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><e:CipherData>` +
			`<e:CipherValue>YWJj</e:CipherValue></e:CipherData></e:EncryptedKey>`,
		"key wrapped in TLS": `<e:EncryptedKey>` +
			`<e:EncryptionMethod Algorithm="http://schemas.xmlsoap.org/2005/02/trust/tlsnego#TLS_Wrap"/><e:CipherData>` +
			`<e:CipherValue>YWJj</e:CipherValue></e:CipherData></e:EncryptedKey>`,
		"key by reference": `<e:EncryptedKey><e:EncryptionMethod Algorithm="` + GSSWrap +
			`"/><e:CipherData><e:CipherReference URI="http://x/"/></e:CipherData></e:EncryptedKey>`,
		"asymmetric key": `<t:BinarySecret Type="` + NSTrust13 + `/AsymmetricKey">` + peersEntropy + `</t:BinarySecret>`,
		"two proofs": `<t:ComputedKey>` + NSTrust13 + `/CK/PSHA1</t:ComputedKey><t:BinarySecret>` + peersEntropy +
			`</t:BinarySecret>`,
		"nothing": ``,
	} {
		text := peersRSTR(`<t:RequestedProofToken>` + proof + `</t:RequestedProofToken>`)
		if r, err := ReadResponses(scan(t, text)); err == nil {
			t.Errorf("%s: read %+v", name, r[0])
		}
	}
}

// Of a request whose answer holds no proof the key is the requestor's entropy
// (WS-Trust §4.4.4), which services choose that add none.
func TestRequesterTakesItsOwnEntropyForKey(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		r, err := NewRequester(RequesterConfig{Version: v, AlgorithmSuite: wssec.Basic256,
			Time: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		req, err := r.Issue()
		if err != nil {
			t.Fatal(err)
		}
		issued := &RequestSecurityTokenResponse{
			Version: v, TokenType: v.TokenType(), Created: noon, Expires: noon.Add(time.Hour),
			Token: &SecurityContextToken{ContextReference: ContextReference{Identifier: "urn:a"}, ID: "x"},
		}
		sc, err := req.Answer(answer(t, issued.Append(nil)).Body)
		if err != nil || !sc.Key.Equal(req.entropy) {
			t.Errorf("%v: %+v, %v", v, sc, err)
		}
		issued.Entropy = key(32)
		if sc, err := req.Answer(answer(t, issued.Append(nil)).Body); err == nil {
			t.Errorf("%v: entropy of the service, and no ComputedKey: %+v", v, sc)
		}
	}
}
