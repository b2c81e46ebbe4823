package wssec

import (
	"slices"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestParseNameRejectsOtherForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]xmltext.Name{
		"{urn:a}To": {Space: "urn:a", Local: "To"},
		"{urn:a}*":  {Space: "urn:a", Local: "*"},
		"{u}_a-1.b": {Space: "u", Local: "_a-1.b"},
	} {
		if got, err := parseName(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "To", "{}To", "{urn:a}", "urn:a}To", "{*}To", "{urn a}To", "{{urn:a}To", "{urn:a}T o", "{urn:a}1", "{urn:a}a*",
	} {
		if got, err := parseName(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestPartsMatchHeaderBlocks: a name in Parts is that of a header block, or * for
// all of a namespace.
func TestPartsMatchHeaderBlocks(t *testing.T) {
	t.Parallel()
	parts := Parts{Headers: []string{"{urn:a}To", "{urn:b}*"}}
	for text, want := range map[string]bool{
		`<To xmlns="urn:a"/>`: true, `<x:To xmlns:x="urn:a"/>`: true, `<From xmlns="urn:a"/>`: false,
		`<To xmlns="urn:b"/>`: true, `<x xmlns="urn:b"/>`: true, `<To xmlns="urn:c"/>`: false, `<To/>`: false,
	} {
		if got := parts.matches(rootOf(t, text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for name, want := range map[xmltext.Name]bool{
		{Space: "urn:b", Local: "*"}: true, {Space: "urn:a", Local: "*"}: false, {Space: "urn:a", Local: "To"}: true,
	} {
		if got := parts.names(name); got != want {
			t.Errorf("%v: %t", name, got)
		}
	}
	if (Parts{Body: true}).matches(rootOf(t, `<To xmlns="urn:a"/>`)) || !(Parts{}).IsZero() || parts.IsZero() {
		t.Error("parts without header blocks match one, or IsZero is wrong")
	}
}

func TestNeedsTLSUnlessTheMessageIsProtected(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		p    Policy
		want bool
	}{
		{Policy{Binding: SymmetricBinding}, false},
		{Policy{Binding: TransportBinding}, true},
		{Policy{Binding: NoBinding}, true},
		{Policy{Binding: TransportBinding, AllowPlainHTTP: true}, false},
	} {
		if got := tt.p.NeedsTLS(); got != tt.want {
			t.Errorf("%+v: %t", tt.p, got)
		}
	}
}

// TestPolicyKnowsWhatAMessageCarries: what is signed and what may be encrypted
// follows from binding and tokens.
func TestPolicyKnowsWhatAMessageCarries(t *testing.T) {
	t.Parallel()
	type facts struct{ signs, encrypts, body, headers bool }
	endorsing := []SupportingToken{{KerberosToken, UseEndorsing}}
	for name, tt := range map[string]struct {
		p    Policy
		want facts
	}{
		"symmetric": {Policy{Binding: SymmetricBinding}, facts{signs: true}},
		"Body encrypted": {Policy{Binding: SymmetricBinding, EncryptedParts: Parts{Body: true}},
			facts{true, true, true, false}},
		"Signature encrypted": {Policy{Binding: SymmetricBinding, EncryptSignature: true},
			facts{signs: true, encrypts: true}},
		"header encrypted": {Policy{Binding: SymmetricBinding, EncryptedParts: Parts{Headers: []string{"{urn:a}b"}}},
			facts{true, true, false, true}},
		"optional": {Policy{Binding: SymmetricBinding, OptionalEncryptedParts: Parts{Body: true,
			Headers: []string{"{urn:a}b"}}},
			facts{true, false, true, true}},
		"endorsing": {Policy{Binding: TransportBinding, SupportingTokens: endorsing}, facts{signs: true}},
		"plain":     {Policy{Binding: NoBinding, SupportingTokens: []SupportingToken{{KerberosToken, UsePlain}}}, facts{}},
	} {
		p := tt.p
		if got := (facts{p.signs(), p.encrypts(), p.mayEncryptBody(), p.mayEncryptHeaders()}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// TestRequiredTokenNamesTypeAndSetting: an operator reads in a refusal which
// token the policy accepts.
func TestRequiredTokenNamesTypeAndSetting(t *testing.T) {
	t.Parallel()
	p := Policy{Binding: SymmetricBinding, ProtectionToken: KerberosToken}
	if got := p.requiredToken(); got != "kerberos (protection-token)" {
		t.Error(got)
	}
	p = Policy{Binding: TransportBinding, SupportingTokens: []SupportingToken{{KerberosToken, UseEndorsing}}}
	if got := p.requiredToken(); got != "kerberos (supporting-tokens)" {
		t.Error(got)
	}
}

// TestWithDefaultsFillsEveryRule: a rule without a value would be none of the
// cases of a check. MessageReplay follows the binding.
func TestWithDefaultsFillsEveryRule(t *testing.T) {
	t.Parallel()
	p := Policy{Binding: SymmetricBinding}.withDefaults()
	rules := []string{
		string(p.SignatureMethod), string(p.ProtectionOrder), string(p.DerivedKeys), string(p.Timestamp), string(p.Layout),
		string(p.KeyFit), string(p.STRTransform), string(p.OptionalAttributes), string(p.MessageReplay),
	}
	if slices.Contains(rules, "") || p.MaxAge <= 0 || p.ClockSkew <= 0 || p.TTL <= 0 {
		t.Errorf("%+v", p)
	}
	if p.MessageReplay != SwitchOn {
		t.Errorf("symmetric binding: message-replay is %q", p.MessageReplay)
	}
	if p = (Policy{Binding: SymmetricBinding, MessageReplay: SwitchOff}).withDefaults(); p.MessageReplay != SwitchOff {
		t.Error("a default replaces what was set")
	}
}
