package wsdl

import (
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// written parses the policies of an endpoint as they are written.
func written(t *testing.T, a Addressing, policies ...wssec.Policy) (endpoint, message string) {
	t.Helper()
	out, err := WritePolicies(policies, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{out.Endpoint, out.Message} {
		if text == "" {
			continue
		}
		d, err := Parse("policy", []byte(text), Options{})
		if err != nil || d.Kind != KindPolicy {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return out.Endpoint, out.Message
}

func preset(t *testing.T, name string) wssec.Policy {
	t.Helper()
	p, ok := wssec.Preset(name)
	if !ok {
		t.Fatal(name)
	}
	return p
}

func TestEveryPresetIsWritten(t *testing.T) {
	for _, name := range wssec.PresetNames() {
		endpoint, message := written(t, AddressingUnsaid, preset(t, name))
		symmetric := preset(t, name).Binding == wssec.SymmetricBinding
		if strings.Contains(endpoint, "<sp:SymmetricBinding>") != symmetric || (message != "") != symmetric {
			t.Errorf("%s: %s\n%s", name, endpoint, message)
		}
	}
}

// Each row is a policy and what a client has to be told of it.
func TestEveryPropertyHasItsAssertion(t *testing.T) {
	symmetric := func(change func(*wssec.Policy)) wssec.Policy {
		p := wssec.Policy{Binding: wssec.SymmetricBinding, ProtectionToken: wssec.KerberosToken,
			AlgorithmSuite: wssec.Basic128, SignedParts: wssec.Parts{Body: true}}
		change(&p)
		return p
	}
	transport := func(use wssec.TokenUse, token wssec.TokenType) wssec.Policy {
		return wssec.Policy{Binding: wssec.TransportBinding, AlgorithmSuite: wssec.Basic256,
			SupportingTokens: []wssec.SupportingToken{{Token: token, Use: use}}}
	}
	kerberos := symmetric(func(*wssec.Policy) {})
	for _, c := range []struct {
		name     string
		policy   wssec.Policy
		has, not []string
	}{
		{"plain", kerberos, []string{"<sp:Basic128/>", "<sp:Lax/>", "<sp:IncludeTimestamp/>", "<sp:Wss11>",
			"<sp:OnlySignEntireHeadersAndBody/>", "<sp:WssGssKerberosV5ApReqToken11/>", "/IncludeToken/AlwaysToRecipient\"",
			"<sp:SignedParts><sp:Body/></sp:SignedParts>"},
			[]string{"EncryptedParts", "EncryptSignature", "EncryptBefore", "DerivedKeys", "ProtectTokens", "Trust1",
				"<!--", "SignatureConfirmation"}},
		{"token once", symmetric(func(p *wssec.Policy) { p.TokenOnce = true }), []string{"/IncludeToken/Once\""}, nil},
		{"derived keys", symmetric(func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysRequired }),
			[]string{"<sp:RequireDerivedKeys/>"}, []string{"<!--"}},
		{"derived keys allowed", symmetric(func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysAllowed }),
			[]string{"<sp:RequireDerivedKeys/>", "without derived keys, too"}, nil},
		{"encrypt before sign", symmetric(func(p *wssec.Policy) {
			p.ProtectionOrder, p.EncryptedParts.Body = wssec.EncryptBeforeSign, true
		}), []string{"<sp:EncryptBeforeSigning/>", "<sp:EncryptedParts><sp:Body/></sp:EncryptedParts>"}, nil},
		{"signature and tokens", symmetric(func(p *wssec.Policy) {
			p.EncryptSignature, p.ProtectTokens, p.SignatureConfirmation = true, true, true
		}), []string{"<sp:EncryptSignature/>", "<sp:ProtectTokens/>", "<sp:RequireSignatureConfirmation/>"}, nil},
		{"headers", symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{urn:a&b}*", "{urn:c}d"} }),
			[]string{`<sp:Header Namespace="urn:a&amp;b"/><sp:Header Name="d" Namespace="urn:c"/>`}, nil},
		{"no timestamp", symmetric(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampForbidden }), nil,
			[]string{"IncludeTimestamp"}},
		{"optional timestamp", symmetric(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampOptional }),
			[]string{"IncludeTimestamp", "may be left out"}, nil},
		{"strict", symmetric(func(p *wssec.Policy) { p.Layout = wssec.LayoutStrict }), []string{"<sp:Strict/>"}, nil},
		{"first", symmetric(func(p *wssec.Policy) { p.Layout = wssec.LayoutLaxTimestampFirst }),
			[]string{"<sp:LaxTsFirst/>"},
			nil},
		{"last", symmetric(func(p *wssec.Policy) { p.Layout = wssec.LayoutLaxTimestampLast }),
			[]string{"<sp:LaxTsLast/>"}, nil},
		{"signature method", symmetric(func(p *wssec.Policy) { p.SignatureMethod = wssec.HMACSHA256 }),
			[]string{"hmac-sha256"}, nil},
		{"digest of the suite", symmetric(func(p *wssec.Policy) { p.DigestMethod = wssec.DigestSHA1 }), nil,
			[]string{"<!--"}},
		{"digest", symmetric(func(p *wssec.Policy) { p.DigestMethod = wssec.DigestSHA512 }), []string{"sha512"}, nil},
		{"actor", symmetric(func(p *wssec.Policy) { p.Actors = []string{"urn:a--b"} }), []string{"ws-security.actor"},
			[]string{"urn:a--b"}},
		{"SPNEGO", symmetric(func(p *wssec.Policy) { p.ProtectionToken = wssec.SpnegoContextToken }),
			[]string{"<sp:SpnegoContextToken "}, []string{"Kerberos"}},
		{"conversation", symmetric(func(p *wssec.Policy) {
			p.ProtectionToken, p.Bootstrap = wssec.SecureConversationToken, &kerberos
		}), []string{"<sp:SecureConversationToken ", "<sp:BootstrapPolicy><wsp:Policy><sp:SymmetricBinding>", "<sp:Trust13>",
			"<sp:KerberosToken "}, nil},
		{"TLS", transport(wssec.UsePlain, wssec.KerberosToken), []string{"<sp:TransportBinding>", "<sp:HttpsToken>",
			"<sp:SupportingTokens><wsp:Policy><sp:KerberosToken "}, []string{"SignedParts"}},
		{"signed", transport(wssec.UseSigned, wssec.KerberosToken), []string{"<sp:SignedSupportingTokens>"}, nil},
		{"endorsing", transport(wssec.UseEndorsing, wssec.SpnegoContextToken),
			[]string{"<sp:EndorsingSupportingTokens><wsp:Policy><sp:SpnegoContextToken "}, nil},
		{"both", transport(wssec.UseSignedEndorsing, wssec.KerberosToken),
			[]string{"<sp:SignedEndorsingSupportingTokens>"}, nil},
		{"no binding", wssec.Policy{Binding: wssec.NoBinding,
			SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UsePlain}}},
			[]string{"<wsp:All><sp:SupportingTokens>"}, []string{"AlgorithmSuite", "HttpsToken", "Wss11"}},
	} {
		endpoint, message := written(t, AddressingUnsaid, c.policy)
		all := endpoint + message
		for _, want := range c.has {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, all)
			}
		}
		for _, not := range c.not {
			if strings.Contains(all, not) {
				t.Errorf("%s: %s in\n%s", c.name, not, all)
			}
		}
	}
	for _, s := range wssec.SuiteNames() {
		kerberos.AlgorithmSuite = s
		if endpoint, _ := written(t, AddressingUnsaid, kerberos); !strings.Contains(endpoint, ":"+string(s)) {
			t.Errorf("no suite %s in\n%s", s, endpoint)
		}
	}
}

// What the signature of a supporting token covers is said there: the parts of
// messages under TLS are TLS's.
func TestPartsOfAnEndorsingTokenStandWithIt(t *testing.T) {
	p := preset(t, "KerberosOverTransport")
	p.SignedParts.Body = true
	endpoint, message := written(t, AddressingUnsaid, p)
	if message != "" || !strings.Contains(endpoint, "<sp:SignedParts><sp:Body/></sp:SignedParts></wsp:Policy>"+
		"</sp:EndorsingSupportingTokens>") {
		t.Errorf("%s\n%s", endpoint, message)
	}
}

// If the parts differ among several policies, each alternative has its own: a
// client would else combine those of one with the binding of another.
func TestSeveralPoliciesAreAlternatives(t *testing.T) {
	kerberos, spnego, tls := preset(t, "Kerberos"), preset(t, "SspiNegotiated"), preset(t, "KerberosOverTransport")
	endpoint, message := written(t, AddressingUnsaid, kerberos, spnego)
	if strings.Count(endpoint, "<wsp:All>") != 2 || strings.Contains(endpoint, "SignedParts") || message == "" {
		t.Errorf("of the same parts: %s\n%s", endpoint, message)
	}
	endpoint, message = written(t, AddressingUnsaid, kerberos, tls)
	if strings.Count(endpoint, "<wsp:All>") != 2 || strings.Count(endpoint, "SignedParts>") != 2 || message != "" {
		t.Errorf("of others: %s\n%s", endpoint, message)
	}
}

func TestAddressingIsAskedForOrOffered(t *testing.T) {
	for a, want := range map[Addressing]string{
		AddressingOptional: `<wsam:Addressing xmlns:wsam="` + NamespaceWSAM + `" wsp:Optional="true">`,
		AddressingRequired: `<wsam:Addressing xmlns:wsam="` + NamespaceWSAM + `">`,
	} {
		if endpoint, _ := written(t, a, preset(t, "Kerberos")); !strings.Contains(endpoint, want) {
			t.Error(endpoint)
		}
	}
}

func TestAPolicyThatNoAssertionSaysIsRefused(t *testing.T) {
	p := wssec.Policy{Name: "own", Binding: wssec.NoBinding, AlgorithmSuite: wssec.Basic128,
		SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseEndorsing}}}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	_, err := WritePolicies([]wssec.Policy{preset(t, "Kerberos"), p}, AddressingUnsaid)
	if err == nil || !strings.Contains(err.Error(), "policy own: supporting-tokens: without a binding") {
		t.Error(err)
	}
}

// The notes go into comments of XML.
func TestNotesAreComments(t *testing.T) {
	p := preset(t, "SspiNegotiatedOverTransport")
	p.Actors, p.SignatureMethod, p.AllowPlainHTTP = []string{"urn:a"}, wssec.HMACSHA512, true
	notes := notesOf(&p)
	if len(notes) != 4 || slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, "--") }) {
		t.Error(notes)
	}
}
