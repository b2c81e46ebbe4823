package wssec_test

import (
	"strings"
	"testing"

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
func TestAMessageIsForThePolicyThatItWasMadeUnder(t *testing.T) {
	names := wssec.PresetNames()
	policies := presets(t, names...)
	choice, err := wssec.NewChoice(names, policies)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range policies {
		client, err := wssec.NewProcessor(p, wssec.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, omit := range []bool{false, true} {
			if omit && p.Binding != wssec.SymmetricBinding {
				continue
			}
			env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Body><q/></s:Body></s:Envelope>`), xmltext.Options{})
			if err != nil {
				t.Fatal(err)
			}
			out, _, err := client.ProtectRequest(nil, env, wssec.OutgoingToken{Token: []byte{0x60}, Key: wssec.NewKey(make([]byte, 16)), Omit: omit})
			if err != nil {
				t.Fatal(err)
			}
			if env, err = soap.Parse(out, xmltext.Options{}); err != nil {
				t.Fatal(err)
			}
			if got, err := choice.Of(env); err != nil || got != i {
				t.Errorf("%s, token omitted %v: %d, %v", names[i], omit, got, err)
			}
		}
	}
}

// What is for none of the policies is for none, and not for the nearest.
func TestAMessageForNoPolicyIsRefused(t *testing.T) {
	names := []string{"Kerberos", "KerberosOverTransport"}
	choice, err := wssec.NewChoice(names, presets(t, names...))
	if err != nil {
		t.Fatal(err)
	}
	const timestamp = `<u:Timestamp xmlns:u="` + wssec.NSWSU + `"/>`
	const signature = `<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"/>`
	const data = `<e:EncryptedData xmlns:e="http://www.w3.org/2001/04/xmlenc#"/><e:ReferenceList xmlns:e="http://www.w3.org/2001/04/xmlenc#"/>`
	const derived = `<c:DerivedKeyToken xmlns:c="http://schemas.xmlsoap.org/ws/2005/02/sc"/>`
	security := func(children string) string {
		return `<w:Security xmlns:w="` + wssec.NSWSSE + `">` + children + `</w:Security>`
	}
	for name, tt := range map[string]struct{ header, code string }{
		"no header":                   {"", "security-header-missing"},
		"two headers":                 {security("") + security(""), "security-header-duplicate"},
		"another actor's":             {`<w:Security xmlns:w="` + wssec.NSWSSE + `" s:actor="urn:x"/>`, "security-header-missing"},
		"nothing":                     {security(""), "policy-mismatch"},
		"a signature of each kind":    {security(timestamp + derived + data + signature), "policy-mismatch"},
		"a derived key too many":      {security(timestamp + derived + signature), "policy-mismatch"},
		"no timestamp":                {security(derived + data), "policy-mismatch"},
		"more elements than there be": {security(strings.Repeat("<x/>", 100)), "security-limit"},
	} {
		env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Header>`+tt.header+`</s:Header><s:Body/></s:Envelope>`), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = choice.Of(env)
		if coded, ok := err.(*wssec.Error); !ok || coded.ErrorCode() != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

// Policies that one message might meet both make no Choice.
func TestPoliciesThatAreNotToldApart(t *testing.T) {
	kerberos, transport := presets(t, "Kerberos")[0], presets(t, "KerberosOverTransport")[0]
	allowed, suite, actor, signOnly, raw := kerberos, kerberos, kerberos, kerberos, kerberos
	allowed.DerivedKeys = wssec.DerivedKeysAllowed
	suite.AlgorithmSuite = wssec.Basic256
	actor.Actor = "urn:other"
	signOnly.EncryptSignature, signOnly.EncryptedParts = false, wssec.Parts{}
	raw.DerivedKeys = wssec.DerivedKeysForbidden
	for name, tt := range map[string]struct {
		other wssec.Policy
		want  string // "" if they are told apart
	}{
		"derived keys left open": {allowed, "A and B are not told apart by what a message carries: an encrypted Signature, encrypted parts, a DerivedKeyToken, a Timestamp"},
		"another suite":          {suite, "A and B are not told apart"},
		"another actor":          {actor, "A and B are for Security headers of two actors"},
		"itself":                 {kerberos, "A and B are not told apart"},
		"signed only":            {signOnly, ""},
		"raw keys":               {raw, ""},
		"over transport":         {transport, ""},
	} {
		_, err := wssec.NewChoice([]string{"A", "B"}, []wssec.Policy{kerberos, tt.other})
		if tt.want == "" != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
