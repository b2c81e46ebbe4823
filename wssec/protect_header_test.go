package wssec

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// writerOf returns a writer for a message under a symmetric policy, with a key
// of 16 octets.
func writerOf(t testing.TB, change func(*Policy)) *writer {
	t.Helper()
	p := Policy{
		Binding: SymmetricBinding, ProtectionToken: KerberosToken, AlgorithmSuite: Basic128,
		SignedParts: Parts{Body: true}, MessageReplay: SwitchOff,
	}
	if change != nil {
		change(&p)
	}
	processor, err := NewProcessor(p, Config{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return &writer{
		p: processor, env: partsOf(envelopeOf(t, "", `<q/>`), p.Actors...), suffix: "x",
		key: baseKey{octets: make([]byte, 16), profile: kerberosProfile{}, tokenType: GSSKerberosAPREQ},
	}
}

// TestArrangeWritesTheListBeforeWhatItOpens: a receiver processes the header in
// its order, so what it undoes first stands first (SP §6.3).
func TestArrangeWritesTheListBeforeWhatItOpens(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		order  ProtectionOrder
		listed []string // the parts
		all    []string // and the encrypted Signature
		want   string
	}{
		"signed":                          {SignBeforeEncrypt, nil, nil, "token S"},
		"signed, then encrypted":          {SignBeforeEncrypt, []string{"B"}, []string{"B"}, "token [B] S"},
		"and the Signature":               {SignBeforeEncrypt, []string{"B"}, []string{"B", "S"}, "token [B S] S"},
		"encrypted, then signed":          {EncryptBeforeSign, []string{"B"}, []string{"B"}, "token S [B]"},
		"and then the Signature":          {EncryptBeforeSign, []string{"B"}, []string{"B", "S"}, "token [S] S [B]"},
		"only the Signature is encrypted": {EncryptBeforeSign, nil, []string{"S"}, "token [S] S"},
	} {
		w := writerOf(t, func(p *Policy) { p.ProtectionOrder = tt.order })
		w.encrypted = tt.all
		got := string(w.arrange([]byte("token"), []byte(" S"), tt.listed))
		got = strings.NewReplacer(`<xenc:ReferenceList xmlns:xenc="`+nsXenc+`">`, " [", `</xenc:ReferenceList>`, "]",
			`"/><xenc:DataReference URI="#`, " ", `<xenc:DataReference URI="#`, "", `"/>`, "").Replace(got)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestPlaceTimestampFollowsTheLayout(t *testing.T) {
	t.Parallel()
	for layout, want := range map[Layout]string{
		LayoutLax: "TScontent", LayoutStrict: "TScontent", LayoutLaxTimestampFirst: "TScontent",
		LayoutLaxTimestampLast: "contentTS",
	} {
		w := writerOf(t, func(p *Policy) { p.Layout = layout })
		w.timestamp = []byte("TS")
		if got := string(w.placeTimestamp([]byte("content"))); got != want {
			t.Errorf("%s: %s", layout, got)
		}
	}
}

// TestSecurityHeaderIsMandatoryAndForItsActor: the actor is escaped, and has the
// name of the SOAP version.
func TestSecurityHeaderIsMandatoryAndForItsActor(t *testing.T) {
	t.Parallel()
	for version, want := range map[soap.Version]string{soap.V11: "actor", soap.V12: "role"} {
		w := writerOf(t, nil)
		w.actor = `urn:a"&<`
		w.env.Envelope = &soap.Envelope{Version: version, Body: w.env.Body, Root: w.env.Root}
		header, err := xmltext.Scan(w.appendSecurity(nil, []byte(`<c/>`)), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := header.Root()
		must, _ := n.Attr(version.Namespace(), "mustUnderstand")
		actor, _ := n.Attr(version.Namespace(), want)
		if !n.Is(NSWSSE, "Security") || must != "1" || actor != `urn:a"&<` || !n.FirstChild().Is("", "c") {
			t.Errorf("%v: %s", version, header.Source())
		}
	}
	if got := writerOf(t, nil).appendSecurity(nil, nil); bytes.Contains(got, []byte("actor")) {
		t.Errorf("an actor without one: %s", got)
	}
}

func TestSignsTokenUnderTokenProtection(t *testing.T) {
	t.Parallel()
	endorsing := func(use TokenUse) func(*Policy) {
		return func(p *Policy) {
			p.Binding, p.ProtectionToken = TransportBinding, ""
			p.SupportingTokens = []SupportingToken{{KerberosToken, use}}
		}
	}
	for name, tt := range map[string]struct {
		change func(*Policy)
		want   bool
	}{
		"symmetric":        {nil, false},
		"protect-tokens":   {func(p *Policy) { p.ProtectTokens = true }, true},
		"endorsing":        {endorsing(UseEndorsing), false},
		"signed-endorsing": {endorsing(UseSignedEndorsing), true},
	} {
		if got := writerOf(t, tt.change).signsToken(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
