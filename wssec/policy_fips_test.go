package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// FIPS140 names each setting that needs SHA-1 or 3DES, and no other.
func TestPolicyFIPS140NamesWhatNeedsSHA1(t *testing.T) {
	sha2 := func(p *wssec.Policy) {
		p.AlgorithmSuite, p.SignatureMethod = wssec.Basic256Sha256, wssec.HMACSHA256
		p.DerivedKeys = wssec.DerivedKeysForbidden
	}
	for _, test := range []struct {
		preset string
		change func(*wssec.Policy)
		want   string // the settings, in their order
	}{
		{"Kerberos", func(*wssec.Policy) {}, "signature-method digest-method derived-keys"},
		{"Kerberos", sha2, ""},
		{"Kerberos", func(p *wssec.Policy) { sha2(p); p.DigestMethod = wssec.DigestSHA1 }, "digest-method"},
		{"Kerberos", func(p *wssec.Policy) {
			sha2(p)
			p.AlgorithmSuite, p.DigestMethod = wssec.TripleDes, wssec.DigestSHA256
		}, "algorithm-suite"},
		{"Kerberos", func(p *wssec.Policy) { sha2(p); p.DerivedKeys = wssec.DerivedKeysAllowed }, "derived-keys"},
		{"SspiNegotiated", sha2, "protection-token"},
		{"SspiNegotiatedOverTransport", sha2, "protection-token"},
		{"KerberosToken", func(*wssec.Policy) {}, ""}, // signs nothing
	} {
		p, ok := wssec.Preset(test.preset)
		if !ok {
			t.Fatal(test.preset)
		}
		test.change(&p)
		var settings []string
		if err := p.FIPS140(); err != nil {
			for line := range strings.Lines(err.Error()) {
				setting, _, _ := strings.Cut(line, ":")
				settings = append(settings, setting)
			}
		}
		if got := strings.Join(settings, " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.preset, got, test.want)
		}
	}
}
