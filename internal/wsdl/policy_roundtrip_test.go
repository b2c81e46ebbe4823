package wsdl

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// publishedAs returns a WSDL with one port that has these policies.
func publishedAs(t *testing.T, addressing Addressing, policies ...wssec.Policy) string {
	t.Helper()
	a, err := WritePolicies(policies, addressing)
	if err != nil {
		t.Fatal(err)
	}
	reference := func(policy string) string {
		if policy == "" {
			return ""
		}
		_, id, _ := strings.Cut(policy, `wsu:Id="`)
		id, _, _ = strings.Cut(id, `"`)
		return `<wsp:PolicyReference URI="#` + id + `"/>`
	}
	src := description(reference(a.Endpoint), "")
	for _, message := range []string{"<w:input>", "<w:output>"} {
		src = strings.Replace(src, message, message+reference(a.Message), 1)
	}
	return strings.Replace(src, "</w:definitions>", a.Endpoint+a.Message+"</w:definitions>", 1)
}

// What a gateway publishes of each preset is read as that preset.
func TestPresetsAreReadAsTheyAreWritten(t *testing.T) {
	for _, name := range wssec.PresetNames() {
		preset, _ := wssec.Preset(name)
		got := readPort(t, publishedAs(t, AddressingRequired, preset), "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 || got.Addressing.Line == 0 {
			t.Errorf("%s: %+v, lacking %v", name, got.Policies, got.Lacks)
			continue
		}
		again := PresetOf(got.Policies[0])
		if again != name && !(again == "wsHttpBinding" && name == "ws2007HttpBinding") { // which are one policy
			t.Errorf("%s is read as %q: %+v", name, again, got.Policies[0])
		}
	}
}

// So is every policy of the lab, and several of one route.
func TestPoliciesAreReadAsTheyAreWritten(t *testing.T) {
	d, err := Parse("lab.wsdl", []byte(lab(t)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Services[0].Ports {
		first, err := NewPolicyReader([]*Document{d}).Read(d, d.Services[0], p)
		if err != nil || len(first.Policies) != 1 {
			continue
		}
		got := readPort(t, publishedAs(t, AddressingUnsaid, first.Policies...), "")
		if len(got.Policies) != 1 || len(got.Lacks) > 0 || !isPreset(got.Policies[0], first.Policies[0]) {
			t.Errorf("%s: %+v, lacking %v, is not %+v", p.Name, got.Policies, got.Lacks, first.Policies)
		}
	}
	kerberos, _ := wssec.Preset("Kerberos")
	spnego, _ := wssec.Preset("SspiNegotiated")
	got := readPort(t, publishedAs(t, AddressingOptional, kerberos, spnego), "")
	if len(got.Policies) != 2 || PresetOf(got.Policies[0]) != "Kerberos" ||
		PresetOf(got.Policies[1]) != "SspiNegotiated" ||
		len(got.Lacks) > 0 || got.Addressing.Line == 0 {
		t.Errorf("%+v, lacking %v", got.Policies, got.Lacks)
	}
}
