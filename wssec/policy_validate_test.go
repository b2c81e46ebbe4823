package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestValidateRejectsPoliciesThatProtectLessThanTheySeem(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]wssec.Policy{
		"binding": {},
		"protection-token": {Binding: wssec.SymmetricBinding, AlgorithmSuite: wssec.Basic128,
			SignedParts: wssec.Parts{Body: true}},
		"algorithm-suite":  symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = "Basic64" }),
		"signed-parts":     symmetric(func(p *wssec.Policy) { p.SignedParts = wssec.Parts{} }),
		"signature-method": symmetric(func(p *wssec.Policy) { p.SignatureMethod = "hmac-md5" }),
		"digest-method":    symmetric(func(p *wssec.Policy) { p.DigestMethod = "md5" }),
		"{namespace}local": symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"To"} }),
		"token-once": symmetric(func(p *wssec.Policy) {
			p.TokenOnce, p.Timestamp = true, wssec.TimestampOptional
		}),
		"message-replay": symmetric(func(p *wssec.Policy) { p.TokenOnce, p.MessageReplay = true, wssec.SwitchOff }),
		"encrypted-parts": {Binding: wssec.TransportBinding, AlgorithmSuite: wssec.Basic128,
			EncryptedParts: wssec.Parts{Body: true}, SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken,
				Use: wssec.UseEndorsing}}},
		"supporting-tokens": {Binding: wssec.TransportBinding},
		"signature-confirmation": {Binding: wssec.NoBinding, SignatureConfirmation: true,
			SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UsePlain}}},
		"max-age": symmetric(func(p *wssec.Policy) { p.MaxAge = -1 }),
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

// An actor is a URI of which the policy decides something: next and the
// ultimate receiver are wssgate's in any case.
func TestValidateRejectsActorsThatNameNobodyElse(t *testing.T) {
	t.Parallel()
	for want, actors := range map[string][]string{
		"":                         {"urn:a", "http://gw.example.com/"},
		"actor: \"\" is not a URI": {"urn:a", ""},
		`"urn:a b" is not a URI`:   {"urn:a b"},
		"is there twice":           {"urn:a", "urn:b", "urn:a"},
		"in any case":              {soap.RoleNext},
		"a role of ours":           {soap.ActorNext},
		"ultimateReceiver":         {soap.RoleUltimateReceiver},
		"nobody's":                 {soap.RoleNone},
		"xxx":                      {strings.Repeat("x", 3000)},
	} {
		err := symmetric(func(p *wssec.Policy) { p.Actors = actors }).Validate()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || len(err.Error()) > 300) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
