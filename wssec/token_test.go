package wssec

import (
	"slices"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// TestProfileOfFindsOneProfile: what one profile takes for its token, or for a
// name of it, no other does.
func TestProfileOfFindsOneProfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]tokenProfile{
		`<t:BinarySecurityToken xmlns:t="` + NSWSSE + `"/>`:   kerberosProfile{},
		`<t:EncryptedKey xmlns:t="` + nsXenc + `"/>`:          encryptedKeyProfile{},
		`<t:SecurityContextToken xmlns:t="` + NSWSC05 + `"/>`: contextProfile{},
		`<t:SecurityContextToken xmlns:t="` + NSWSC13 + `"/>`: contextProfile{},
		`<t:SecurityContextToken xmlns:t="` + NSWSSE + `"/>`:  nil,
		`<t:EncryptedData xmlns:t="` + nsXenc + `"/>`:         nil,
		`<t:DerivedKeyToken xmlns:t="` + NSWSC13 + `"/>`:      nil,
		`<BinarySecurityToken/>`:                              nil,
	} {
		doc, err := xmltext.Scan([]byte(text), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := profileOf(doc.Root()); got != want {
			t.Errorf("%s: %T, want %T", text, got, want)
		}
		takers := 0
		for _, p := range tokenProfiles() {
			if p.is(doc.Root()) {
				takers++
			}
		}
		if takers > 1 {
			t.Errorf("%s is a token of %d types", text, takers)
		}
	}
	for name, want := range map[tokenName]tokenProfile{
		{valueType: KerberosAPREQSHA1}: kerberosProfile{},
		{valueType: EncryptedKeySHA1}:  encryptedKeyProfile{},
		{valueType: GSSKerberosAPREQ}:  nil,
		{}:                             nil,
		{valueType: NSWSC05 + "/sct"}:  nil,
		{valueType: NSWSC05 + "/sct", uri: "urn:x"}:   contextProfile{},
		{valueType: NSWSC13 + "/sct", uri: "#uuid:x"}: contextProfile{},
		{uri: "urn:x"}: contextProfile{},
		{uri: "#x"}:    nil,
		{valueType: NSWSC13 + "/dk", uri: "urn:x"}:    nil,
		{valueType: KerberosAPREQSHA1, uri: "urn:x"}:  nil,
		{valueType: EncryptedKeySHA1, uri: "#absent"}: nil,
	} {
		if got := profileNamed(name); got != want {
			t.Errorf("%+v: %T, want %T", name, got, want)
		}
	}
}

// TestPolicyTokensHaveAProfile: a name in a policy is one of a
// profile, and no profile but the EncryptedKey's is without.
func TestPolicyTokensHaveAProfile(t *testing.T) {
	t.Parallel()
	if got := policyTokens(); !slices.Equal(got, []TokenType{KerberosToken, SpnegoContextToken,
		SecureConversationToken}) {
		t.Errorf("%q", got)
	}
	p := Policy{Binding: SymmetricBinding, ProtectionToken: "x509", AlgorithmSuite: Basic128,
		SignedParts: Parts{Body: true}}
	if p.Validate() == nil {
		t.Error("a protection token without a profile is accepted")
	}
	p.ProtectionToken = KerberosToken
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

// TestTokenProfilesTakeNoMemory: every message looks at the profiles several
// times.
func TestTokenProfilesTakeNoMemory(t *testing.T) {
	n := xmltext.Node{}
	if got := testing.AllocsPerRun(100, func() { profileOf(n); profileNamed(tokenName{}) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
