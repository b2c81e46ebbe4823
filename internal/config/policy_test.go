package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPolicyMayBeAMapping(t *testing.T) {
	cfg, err := load(t, oneRoute+`
policy:
  preset: Kerberos
  derived-keys: allowed
  signed-parts: {body: true, headers: ["{urn:x}*"]}
  max-age: 90s
`, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.Routes[0].Policy.All()[0]
	if p.DerivedKeys != "allowed" || p.MaxAge != 90*time.Second || !p.EncryptSignature || p.Name != "Kerberos (changed)" ||
		!cmp.Equal(p.SignedParts.Headers, []string{"{urn:x}*"}) {
		t.Errorf("got %+v", p.Policy)
	}
}

// actor is a text or a list, and what --check prints of it can be read again.
func TestPolicyMayHaveSeveralActors(t *testing.T) {
	for text, want := range map[string][]string{
		"urn:a": {"urn:a"}, `["urn:a"]`: {"urn:a"}, `["urn:a", "urn:b"]`: {"urn:a", "urn:b"},
	} {
		cfg, err := load(t, oneRoute+"policy: {preset: Kerberos, actor: "+text+"}\n"+
			`forward-actors: ["urn:c"]`+"\nunderstood-headers: [\"{urn:x}*\"]\n", Flags{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := &cfg.Routes[0]
		if got := r.Policy.All()[0].Actors; !cmp.Equal(got, want) {
			t.Errorf("%s: %q", text, got)
		}
		if !cmp.Equal(r.ForwardActors, []string{"urn:c"}) || !cmp.Equal(r.UnderstoodHeaders, []string{"{urn:x}*"}) {
			t.Errorf("%q, %q", r.ForwardActors, r.UnderstoodHeaders)
		}
	}
}
