package wssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

func presets(t *testing.T, names ...string) (all []wssec.Policy) {
	for _, name := range names {
		p, ok := wssec.Preset(name)
		if !ok {
			t.Fatal(name)
		}
		all = append(all, p)
	}
	return all
}

// A message is for the policy that it was made under, by what stands in clear.
func TestChoiceFindsThePolicyOfAMessage(t *testing.T) {
	for _, context := range [][]string{{"SspiNegotiated", "SspiNegotiatedOverTransport"}, {"wsHttpBinding"},
		{"SecureConversation"}} {
		t.Run(context[0], func(t *testing.T) {
			t.Parallel()
			testChoice(t, append([]string{"Kerberos", "KerberosOverTransport", "KerberosToken"}, context...))
		})
	}
}

func testChoice(t *testing.T, names []string) {
	policies := presets(t, names...)
	choice, err := wssec.NewChoice(names, policies)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range policies {
		expectChoice(t, choice, p, "urn:op", i, false)
		if b := p.Bootstrap; b != nil {
			expectChoice(t, choice, *b, "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/SCT", i, true)
			expectChoice(t, choice, *b, "http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/SCT", i, true)
		}
	}
}

// expectChoice makes messages with an action under p, with its token and
// without, and compares what they are for with index and bootstrap.
func expectChoice(t *testing.T, choice *wssec.Choice, p wssec.Policy, action string, index int, bootstrap bool) {
	t.Helper()
	client, err := wssec.NewProcessor(p, wssec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	tok := wssec.OutgoingToken{Token: []byte{0x60}, Key: wssec.NewKey(make([]byte, 16))}
	if token := tokenOf(p); token != wssec.KerberosToken {
		sc := contextOf(token, time.Now())
		tok = wssec.OutgoingToken{Context: &sc}
	}
	for _, omit := range []bool{false, true} {
		if tok.Omit = omit; omit && tok.Context == nil && p.Binding != wssec.SymmetricBinding {
			continue
		}
		env := parse(t, []byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Header><a:Action xmlns:a="`+nsWSA+`">`+action+
			`</a:Action></s:Header><s:Body><q/></s:Body></s:Envelope>`))
		out, _, err := client.ProtectRequest(nil, env, tok)
		if err != nil {
			t.Fatal(err)
		}
		if got, boot, err := choice.Of(parse(t, out)); err != nil || got != index || boot != bootstrap {
			t.Errorf("%s, token omitted %v: %d %v, %v; want %d %v", p.Name, omit, got, boot, err, index, bootstrap)
		}
	}
}

// What is for none of the policies is for none, and not for the nearest.
func TestChoiceRejectsAMessageForNoPolicy(t *testing.T) {
	t.Parallel()
	names := []string{"Kerberos", "KerberosOverTransport"}
	choice, err := wssec.NewChoice(names, presets(t, names...))
	if err != nil {
		t.Fatal(err)
	}
	const timestamp = `<u:Timestamp xmlns:u="` + wssec.NSWSU + `"/>`
	const signature = `<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"/>`
	const data = `<e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#"/><e:ReferenceList ` +
		`xmlns:e="http://www.w3.org/2001/04/xmlenc#"/>`
	const derived = `<c:DerivedKeyToken xmlns:c="http://schemas.xmlsoap.org/ws/2005/02/sc"/>`
	security := func(children string) string {
		return `<w:Security xmlns:w="` + wssec.NSWSSE + `">` + children + `</w:Security>`
	}
	for name, tt := range map[string]struct{ header, code string }{
		"no header":   {"", "security-header-missing"},
		"two headers": {security("") + security(""), "security-header-duplicate"},
		"another actor's": {`<w:Security xmlns:w="` + wssec.NSWSSE + `" s:actor="urn:x"/>`,
			"security-header-missing"},
		"nothing":                     {security(""), "policy-mismatch"},
		"a signature of each kind":    {security(timestamp + derived + data + signature), "policy-mismatch"},
		"a derived key too many":      {security(timestamp + derived + signature), "policy-mismatch"},
		"no timestamp":                {security(derived + data), "policy-mismatch"},
		"more elements than there be": {security(strings.Repeat("<x/>", 100)), "security-limit"},
	} {
		env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Header>`+tt.header+
			`</s:Header><s:Body/></s:Envelope>`), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = choice.Of(env)
		if coded, ok := err.(*wssec.Error); !ok || coded.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// Policies that one message might meet both make no Choice.
func TestNewChoiceRejectsPoliciesThatOneMessageFits(t *testing.T) {
	t.Parallel()
	kerberos, transport := presets(t, "Kerberos")[0], presets(t, "KerberosOverTransport")[0]
	allowed, suite, actor, signOnly, raw := kerberos, kerberos, kerberos, kerberos, kerberos
	allowed.DerivedKeys = wssec.DerivedKeysAllowed
	suite.AlgorithmSuite = wssec.Basic256
	actor.Actors = []string{"urn:other"}
	signOnly.EncryptSignature, signOnly.EncryptedParts = false, wssec.Parts{}
	raw.DerivedKeys = wssec.DerivedKeysForbidden
	for name, tt := range map[string]struct {
		other wssec.Policy
		want  string // "" if no message fits both
	}{
		"derived keys left open": {allowed, "a message with an encrypted Signature, encrypted parts, a " +
			"DerivedKeyToken, a Timestamp, a Kerberos token, " +
			"without Signature, SecurityContextToken fits both A and B"},
		"another suite":  {suite, "a message with an encrypted Signature"},
		"another actor":  {actor, "A and B take the Security headers of different actors"},
		"itself":         {kerberos, "a message with an encrypted Signature"},
		"signed only":    {signOnly, ""},
		"raw keys":       {raw, ""},
		"over transport": {transport, ""},
	} {
		_, err := wssec.NewChoice([]string{"A", "B"}, []wssec.Policy{kerberos, tt.other})
		if tt.want == "" != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A SecurityContextToken alone says who the client is under some policies, over
// TLS. Whoever listens to messages of another policy over plain HTTP would have
// the tokens of all clients.
func TestNewChoiceRejectsTokensAloneBesideMessagesThatShowThem(t *testing.T) {
	t.Parallel()
	bearer := func(token wssec.TokenType) wssec.Policy {
		p := presets(t, "SspiNegotiatedOverTransport")[0]
		p.SupportingTokens = []wssec.SupportingToken{{Token: token, Use: wssec.UsePlain}}
		if p.SignedParts = (wssec.Parts{}); token == wssec.SecureConversationToken {
			p.Bootstrap = &presets(t, "KerberosOverTransport")[0]
		}
		return p
	}
	plainHTTP := presets(t, "SspiNegotiatedOverTransport")[0]
	plainHTTP.AllowPlainHTTP = true
	spnego, conversation := bearer(wssec.SpnegoContextToken), bearer(wssec.SecureConversationToken)
	for name, tt := range map[string]struct {
		bearer, other wssec.Policy
		refused       bool
	}{
		"negotiated, message security":     {spnego, presets(t, "SspiNegotiated")[0], true},
		"negotiated, plain HTTP allowed":   {spnego, plainHTTP, true},
		"negotiated, in a bootstrap":       {spnego, presets(t, "wsHttpBinding")[0], true},
		"negotiated, over TLS":             {spnego, presets(t, "SspiNegotiatedOverTransport")[0], false},
		"negotiated, Kerberos":             {spnego, presets(t, "Kerberos")[0], false},
		"conversation, message security":   {conversation, presets(t, "SecureConversation")[0], true},
		"conversation, negotiated context": {conversation, presets(t, "SspiNegotiated")[0], false},
		"conversation, another's renewal":  {conversation, overTLSFromMessages(t), true},
	} {
		for i, pair := range [][]wssec.Policy{{tt.bearer, tt.other}, {tt.other, tt.bearer}} {
			_, err := wssec.NewChoice([]string{"A", "B"}, pair)
			if (err != nil) != tt.refused || err != nil && !strings.Contains(err.Error(), "show theirs") {
				t.Errorf("%s, order %d: %v", name, i, err)
			}
		}
	}
}

// overTLSFromMessages is a conversation over TLS whose contexts are asked for, and
// renewed, by messages that need none.
func overTLSFromMessages(t *testing.T) wssec.Policy {
	p := presets(t, "KerberosOverTransport")[0]
	p.SupportingTokens = []wssec.SupportingToken{{Token: wssec.SecureConversationToken, Use: wssec.UseEndorsing}}
	p.Bootstrap = &presets(t, "SspiNegotiated")[0]
	return p
}
