package wsdl

import (
	"reflect"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// Whatever a WSDL holds: reading it ends, twice with the same result; every policy
// that comes of it can be enforced, signs the Body or relies on TLS, and has a
// token; every finding has a place in the document.
func FuzzReadPolicy(f *testing.F) {
	older, newer := wcf(wcfSymmetric(wcfConversation(wcfParts+wcfSymmetric(wcfSpnego, "Basic256"), ""),
		"Basic256"), wcfParts)
	for _, src := range []string{
		older, newer,
		description(policy(symmetricBinding(gssToken, `<sp:IncludeTimestamp `+
			`wsp:Optional="true"/>`)+"<wsam:Addressing/>"), bodyParts),
		description(policy("<wsp:ExactlyOne><http:NegotiateAuthentication/>"+transportBinding("")+"</wsp:ExactlyOne>"), ""),
		description(`<wsp:PolicyReference URI="#parts"/>`, `<wsp:PolicyReference URI="#parts"/>`),
	} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Parse("x", []byte(src), Options{MaxDocument: 1 << 20})
		if err != nil {
			return
		}
		lines := strings.Count(src, "\n") + 1
		for _, s := range d.Services {
			for _, p := range s.Ports {
				got, err := NewPolicyReader([]*Document{d}).Read(d, s, p)
				again, err2 := NewPolicyReader([]*Document{d}).Read(d, s, p)
				if (err == nil) != (err2 == nil) || !reflect.DeepEqual(got, again) {
					t.Fatalf("%+v, %v and then %+v, %v", got, err, again, err2)
				}
				if err == nil {
					checkReading(t, got, lines)
				}
			}
		}
	})
}

func checkReading(t *testing.T, got *PortPolicy, lines int) {
	t.Helper()
	for _, p := range got.Policies {
		if err := validate(p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		if p.ClientToken() == "" || p.Binding == wssec.SymmetricBinding && !p.SignedParts.Body || p.AllowPlainHTTP {
			t.Errorf("%+v protects nothing", p)
		}
		if p.Bootstrap != nil && isUnprotected(*p.Bootstrap) != got.UnprotectedBootstrap && len(got.Policies) == 1 {
			t.Errorf("%+v: UnprotectedBootstrap is %v", p.Bootstrap, got.UnprotectedBootstrap)
		}
	}
	for _, f := range append(got.Lacks, got.Notes...) {
		if f.Place.Line < 1 || f.Place.Column < 1 || f.Text == "" || f.Place.Line > lines && lines > 1 {
			t.Errorf("%+v has no place", f)
		}
	}
}
