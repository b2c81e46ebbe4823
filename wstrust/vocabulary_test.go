package wstrust

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

var versions = []Version{Feb2005, V13}

// scan returns the root of XML text.
func scan(t testing.TB, text string) xmltext.Node {
	t.Helper()
	doc, err := xmltext.Scan([]byte(text), xmltext.Options{})
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc.Root()
}

func key(n int) wssec.Key {
	octets := make([]byte, n)
	for i := range octets {
		octets[i] = byte(i)
	}
	return wssec.NewKey(octets)
}

const appliesTo = `<wsp:AppliesTo xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><a:EndpointReference ` +
	`xmlns:a="http://www.w3.org/2005/08/addressing"><a:Address>http://gw.example/svc</a:Address>` +
	`</a:EndpointReference></wsp:AppliesTo>`

func TestRequestIsReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, r := range []RequestSecurityToken{
			{RequestType: Issue, Context: `uuid-"9c"-1`, TokenType: v.TokenType(), AppliesTo: []byte(appliesTo),
				KeySize:  256,
				Exchange: &BinaryExchange{ValueType: Feb2005.SPNEGO(), Token: []byte("token")}},
			{RequestType: Issue, TokenType: v.TokenType(), KeySize: 128, Entropy: key(32), ComputedKey: v.PSHA1()},
			{RequestType: Renew, Target: &ContextReference{Identifier: "urn:uuid:7c1f", Instance: "urn:uuid:8"}},
			{RequestType: Cancel, Target: &ContextReference{Identifier: "uuid:7c1f"}},
		} {
			r.Version = v
			text := r.Append(nil)
			if strings.Contains(string(text), "/>") || strings.Contains(string(text), "> ") {
				t.Errorf("empty-element tag or white space in %s", text)
			}
			got, err := ReadRequest(scan(t, string(text)))
			if err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if !got.Entropy.Equal(r.Entropy) {
				t.Error("another entropy")
			}
			got.Entropy, r.Entropy = wssec.Key{}, wssec.Key{}
			if !reflect.DeepEqual(*got, r) {
				t.Errorf("read %+v\nof %+v", *got, r)
			}
		}
	}
}

func TestResponsesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)
	for _, v := range versions {
		final := &RequestSecurityTokenResponse{Version: v, Context: "uuid-1", TokenType: v.TokenType(),
			Token:     &SecurityContextToken{ContextReference{"urn:uuid:7c", "urn:uuid:8"}, "uuid-c8-5", []byte("state")},
			AppliesTo: []byte(appliesTo), Proof: &ProofToken{Wrapped: []byte("wrapped")}, Created: at,
			Expires: at.Add(10 * time.Hour),
			KeySize: 256, Exchange: &BinaryExchange{ValueType: v.SPNEGO(), Token: []byte("token")}}
		second := &RequestSecurityTokenResponse{Version: v, Context: "uuid-1", Authenticator: make([]byte, 32)}
		computed := &RequestSecurityTokenResponse{Version: v, Proof: &ProofToken{ComputedKey: v.PSHA1()}}
		cancelled := &RequestSecurityTokenResponse{Version: v, Cancelled: true}
		text := AppendCollection(nil, v, final, second, computed, cancelled)
		if strings.Contains(string(text), "/>") || strings.Contains(string(text), "> ") {
			t.Errorf("empty-element tag or white space in %s", text)
		}
		got, err := ReadResponses(scan(t, string(text)))
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for _, r := range got {
			r.element = xmltext.Node{}
		}
		if want := []*RequestSecurityTokenResponse{final, second, computed, cancelled}; !reflect.DeepEqual(got,
			want) {
			t.Errorf("read other responses than were written: %s", text)
		}

		secret := &RequestSecurityTokenResponse{Version: v, Proof: &ProofToken{Secret: key(32)}, Entropy: key(24)}
		got, err = ReadResponses(scan(t, string(secret.Append(nil))))
		if err != nil || len(got) != 1 || !got[0].Proof.Secret.Equal(key(32)) || !got[0].Entropy.Equal(key(24)) {
			t.Errorf("secrets: %v", err)
		}
	}
}

// The order is that of WCF's writer: readers in the field know no other.
func TestResponseHasTheOrderOfWCF(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := &RequestSecurityTokenResponse{Version: Feb2005, Context: "c", TokenType: Feb2005.TokenType(),
		Token: &SecurityContextToken{ContextReference{Identifier: "urn:uuid:7c"}, "i", nil}, AppliesTo: []byte(appliesTo),
		Proof: &ProofToken{Wrapped: []byte{1}}, Created: at, Expires: at.Add(time.Hour), KeySize: 256,
		Exchange: &BinaryExchange{ValueType: Feb2005.SPNEGO(), Token: []byte{2}}}
	var names []string
	for c := range scan(t, string(r.Append(nil))).Children() {
		names = append(names, c.Local())
	}
	want := "TokenType RequestedSecurityToken AppliesTo RequestedAttachedReference RequestedUnattachedReference " +
		"RequestedProofToken Lifetime KeySize BinaryExchange"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestReadersRefuse(t *testing.T) {
	t.Parallel()
	const start = `<t:RequestSecurityToken xmlns:t="` + NSTrust05 + `" Context="c">`
	const issue = `<t:RequestType>` + NSTrust05 + `/Issue</t:RequestType>`
	const exchange = `<t:BinaryExchange ValueType="` + NSTrust05 + `/spnego" EncodingType="` +
		wssec.EncodingBase64 + `">YQ==</t:BinaryExchange>`
	for name, body := range map[string]string{
		"text between elements": issue + "x" + exchange,
		"two BinaryExchanges":   issue + exchange + exchange,
		"no RequestType":        exchange,
		"unknown RequestType":   `<t:RequestType>` + NSTrust13 + `/Issue</t:RequestType>` + exchange,
		"ValueType of TLS":      issue + strings.Replace(exchange, "/spnego", "/tlsnego", 1),
		"ValueType absent":      issue + strings.Replace(exchange, `ValueType="`+NSTrust05+`/spnego" `, "", 1),
		"EncodingType absent": issue + strings.Replace(exchange, ` EncodingType="`+wssec.EncodingBase64+`"`,
			"", 1),
		"no base64":               issue + strings.Replace(exchange, "YQ==", "Y!==", 1),
		"base64 with stray bits":  issue + strings.Replace(exchange, "YQ==", "YR==", 1),
		"empty BinaryExchange":    issue + strings.Replace(exchange, "YQ==", "", 1),
		"an element in the text":  issue + strings.Replace(exchange, "YQ==", "YQ<x></x>==", 1),
		"negative KeySize":        issue + `<t:KeySize>-1</t:KeySize>` + exchange,
		"KeySize without digits":  issue + `<t:KeySize> </t:KeySize>` + exchange,
		"absurd KeySize":          issue + `<t:KeySize>99999999999999</t:KeySize>` + exchange,
		"entropy too short":       issue + `<t:Entropy><t:BinarySecret>YQ==</t:BinarySecret></t:Entropy>`,
		"entropy of another form": issue + `<t:Entropy><x></x></t:Entropy>`,
		"AppliesTo too large": issue + `<AppliesTo xmlns="` + nsPolicy04 + `">` + strings.Repeat("x",
			maxAppliesTo) + `</AppliesTo>` + exchange,
		"Cancel without target": `<t:RequestType>` + NSTrust05 + `/Cancel</t:RequestType>`,
		"CancelTarget empty": `<t:RequestType>` + NSTrust05 +
			`/Cancel</t:RequestType><t:CancelTarget></t:CancelTarget>`,
		"CancelTarget of unknowns": `<t:RequestType>` + NSTrust05 +
			`/Cancel</t:RequestType><t:CancelTarget><x></x></t:CancelTarget>`,
	} {
		_, err := ReadRequest(scan(t, start+body+`</t:RequestSecurityToken>`))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeInvalidRequest || e.Path == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := strings.Replace(start, `"c"`, `"`+strings.Repeat("c", maxContext+1)+`"`, 1)
	if _, err := ReadRequest(scan(t, long+issue+exchange+`</t:RequestSecurityToken>`)); err == nil {
		t.Error("a Context of any length")
	}
}

// Optional children that are not known, or of no use here, are passed over.
func TestUnknownChildrenArePassedOver(t *testing.T) {
	t.Parallel()
	r, err := ReadRequest(scan(t,
		`<wst:RequestSecurityToken xmlns:wst="`+NSTrust13+`" Context="_e0"><wst:Renewing/><x xmlns="urn:x"/>`+
			`<wst:RequestType>`+NSTrust13+`/Issue</wst:RequestType><wst:KeyType>`+NSTrust13+
			`/SymmetricKey</wst:KeyType></wst:RequestSecurityToken>`))
	if err != nil || r.RequestType != Issue || r.Context != "_e0" || r.Version != V13 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The vector of the protocol's description, computed by other code: secret
// 00..1f, H = SHA-1("abc").
func TestAuthenticatorVector(t *testing.T) {
	t.Parallel()
	h := sha1.Sum([]byte("abc"))
	const want = "20fba1bd2eb6bc60a4d67b01aea4dc411d65f1648767cac19b134a2bee7a1122"
	if got := hex.EncodeToString(Authenticator(key(32), h[:])); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTranscriptLeavesWhiteSpaceBetweenElementsOut(t *testing.T) {
	t.Parallel()
	sum := func(text string) string {
		h := newTranscript()
		h.add(scan(t, text))
		return hex.EncodeToString(h.sum())
	}
	plain := sum(`<a b="&gt; &lt; &quot;"><c>x y</c><d></d></a>`)
	for _, same := range []string{
		"<a b=\"&gt; &lt; &quot;\">\n  <c>x y</c>\r\n\t<d> </d>\n</a>",
		`<a b="> &lt; &quot;" ><!-- a comment --><c><![CDATA[x y]]></c><d/></a>`,
	} {
		if sum(same) != plain {
			t.Errorf("%s differs", same)
		}
	}
	for _, other := range []string{
		`<a b="&gt; &lt; &quot;"><c>x  y</c><d></d></a>`, `<a b="&gt; &lt; &quot;"><c> x y</c><d></d></a>`,
		`<a b="&gt;  &lt; &quot;"><c>x y</c><d></d></a>`, `<a b="&gt; &lt; &quot;"><c>x y</c><d>&#13;</d></a>`,
	} {
		if sum(other) == plain {
			t.Errorf("%s does not differ", other)
		}
	}
}

// Whoever changes a message changes its hash, whichever octet it is.
func TestEveryOctetIsInTheTranscript(t *testing.T) {
	t.Parallel()
	r := RequestSecurityToken{Version: V13, RequestType: Issue, Context: "c", TokenType: V13.TokenType(),
		AppliesTo: []byte(appliesTo), KeySize: 256,
		Exchange: &BinaryExchange{ValueType: V13.SPNEGO(), Token: []byte("token")}}
	text := r.Append(nil)
	sum := func(n xmltext.Node) string {
		h := newTranscript()
		h.add(n)
		return string(h.sum())
	}
	plain, changed := sum(scan(t, string(text))), 0
	for i := range text {
		for _, c := range []byte("X9 \"") {
			other := bytes.Clone(text)
			if other[i] = c; other[i] == text[i] {
				continue
			}
			doc, err := xmltext.Scan(other, xmltext.Options{})
			if err != nil {
				continue
			}
			if changed++; sum(doc.Root()) == plain {
				t.Errorf("%q for %q at %d is not noticed", other[i], text[i], i)
			}
		}
	}
	if changed < len(text) {
		t.Errorf("%d changes to %d octets", changed, len(text))
	}
}

// What the server hashes of its last RSTR before it has a key and what a client
// makes of the RSTR received are one.
func TestFinalResponseIsHashedWithoutTokenAndProof(t *testing.T) {
	t.Parallel()
	// AppliesTo with a prefix of ours, bound otherwise around it and alike in it.
	awkward := `<AppliesTo xmlns="` + nsPolicy15 + `" xmlns:o="urn:x"><t:y xmlns:t="` + NSTrust05 +
		`" o:z=""></t:y></AppliesTo>`
	r := &RequestSecurityTokenResponse{Version: Feb2005, Context: "c", AppliesTo: []byte(awkward),
		Token: &SecurityContextToken{ContextReference{Identifier: "urn:uuid:7c"}, "i", nil},
		Proof: &ProofToken{Wrapped: []byte{1}}, KeySize: 128}
	written, received := newTranscript(), newTranscript()
	if err := written.addWritten(r.append(nil, false)); err != nil {
		t.Fatal(err)
	}
	root := scan(t, string(AppendCollection(nil, Feb2005, r)))
	if err := received.addFinal(root.FirstChild()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written.sum(), received.sum()) {
		t.Error("client and server hash differently")
	}
}

func TestTranscriptGoesOnFromItsState(t *testing.T) {
	t.Parallel()
	a := newTranscript()
	a.add(scan(t, `<a>1</a>`))
	state, err := a.state()
	if err != nil {
		t.Fatal(err)
	}
	b, err := restoreTranscript(state)
	if err != nil {
		t.Fatal(err)
	}
	a.add(scan(t, `<b/>`))
	b.add(scan(t, `<b/>`))
	if !bytes.Equal(a.sum(), b.sum()) {
		t.Error("sums differ")
	}
}

// FuzzReadRequest: what is read is written so that it reads the same.
func FuzzReadRequest(f *testing.F) {
	for _, v := range versions {
		r := RequestSecurityToken{Version: v, RequestType: Issue, Context: "c", TokenType: v.TokenType(),
			AppliesTo: []byte(appliesTo), KeySize: 256,
			Entropy: key(32), ComputedKey: v.PSHA1(), Exchange: &BinaryExchange{ValueType: v.SPNEGO(),
				Token: []byte("token")}}
		f.Add(r.Append(nil))
		r = RequestSecurityToken{Version: v, RequestType: Renew, Target: &ContextReference{"urn:uuid:1",
			"urn:uuid:2"}}
		f.Add(r.Append(nil))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := xmltext.Scan(text, xmltext.Options{})
		if err != nil {
			return
		}
		r, err := ReadRequest(doc.Root())
		if err != nil {
			return
		}
		again, err := ReadRequest(scan(t, string(r.Append(nil))))
		if err != nil {
			t.Fatalf("%v in %s", err, r.Append(nil))
		}
		if !again.Entropy.Equal(r.Entropy) {
			t.Fatal("another entropy")
		}
		again.Entropy, r.Entropy = wssec.Key{}, wssec.Key{}
		if !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v\n%+v", again, r)
		}
	})
}

// FuzzReadResponses: what is read is written so that it reads the same, and the
// Authenticator's two ways of leaving token and proof out agree.
func FuzzReadResponses(f *testing.F) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)
	for _, v := range versions {
		r := &RequestSecurityTokenResponse{Version: v, Context: "uuid-1", TokenType: v.TokenType(),
			Token:   &SecurityContextToken{ContextReference{"urn:uuid:7c", "urn:uuid:8"}, "uuid-c8-5", nil},
			Proof:   &ProofToken{Wrapped: []byte("wrapped")},
			Created: at, Expires: at.Add(10 * time.Hour), KeySize: 256,
			Exchange: &BinaryExchange{ValueType: v.SPNEGO(), Token: []byte("token")}}
		f.Add(AppendCollection(nil, v, r, &RequestSecurityTokenResponse{Version: v, Context: "uuid-1",
			Authenticator: make([]byte, 32)}))
		f.Add((&RequestSecurityTokenResponse{Version: v, Proof: &ProofToken{Secret: key(16)}, Entropy: key(32),
			Cancelled: true}).Append(nil))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := xmltext.Scan(text, xmltext.Options{})
		if err != nil {
			return
		}
		all, err := ReadResponses(doc.Root())
		if err != nil {
			return
		}
		for _, r := range all {
			written := r.Append(nil)
			again, err := ReadResponses(scan(t, string(written)))
			if err != nil {
				t.Fatalf("%v in %s", err, written)
			}
			a, b := newTranscript(), newTranscript()
			if err := errors.Join(a.addWritten(r.append(nil, false)), b.addFinal(again[0].element)); err != nil ||
				!bytes.Equal(a.sum(), b.sum()) {
				t.Fatalf("%v; hashed differently: %s", err, written)
			}
			if !bytes.Equal(again[0].Append(nil)[:min(64, len(written))], written[:min(64, len(written))]) ||
				!reflect.DeepEqual(again[0].Token, r.Token) {
				t.Fatalf("%s\n%s", written, again[0].Append(nil))
			}
		}
	})
}
