package wssec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// typed is a message whose Body has types of three kinds: of a prefix that its
// element uses, of one that the Envelope declares, of one that is declared on
// the element.
func typed(order string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="urn:safe" ` +
		`xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><s:Header>` +
		`<a:To xmlns:a="` + nsWSA + `">urn:svc</a:To></s:Header><s:Body>` + order + `</s:Body></s:Envelope>`
}

// TestVerifyAppliesContentPrefixes: under the rule covered, whose prefix
// another declaration could be given without a digest knowing is refused; under
// as-received it is accepted, and reported.
func TestVerifyAppliesContentPrefixes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		order   string
		list    string
		qnames  []string
		covered bool
	}{
		"declared by the Envelope":        {order: `<q:o xmlns:q="urn:q" i:type="t:Order"/>`},
		"declared on the element, as WCF": {order: `<q:o xmlns:q="urn:q" xmlns:u="urn:u" i:type="u:Order"/>`},
		"used by the element":             {order: `<q:o xmlns:q="urn:q" i:type="q:Order"/>`, covered: true},
		"listed, as CXF":                  {order: `<q:o xmlns:q="urn:q" i:type="t:Order"/>`, list: "i t", covered: true},
		"another one listed":              {order: `<q:o xmlns:q="urn:q" i:type="t:Order"/>`, list: "i u"},
		"value that nobody names":         {order: `<q:o xmlns:q="urn:q" kind="t:Order"/>`, covered: true},
		"attribute of the route":          {order: `<q:o xmlns:q="urn:q" kind="t:Order"/>`, qnames: []string{"kind"}},
		"element of the route": {order: `<q:o xmlns:q="urn:q">t:Order</q:o>`,
			qnames: []string{"{urn:x}y", "{urn:q}o"}},
		"element of the route, covered": {order: `<q:o xmlns:q="urn:q">q:Order</q:o>`, qnames: []string{"{urn:q}o"},
			covered: true},
	} {
		for form, change := range map[string]func(*wssec.Policy){
			"signed": func(*wssec.Policy) {}, "signed, then encrypted": func(p *wssec.Policy) { p.EncryptedParts.Body = true },
		} {
			if form != "signed" && tc.list != "" {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				ps := newPeers(t, signOnly(change), nil)
				ps.cfg.QNames = tc.qnames
				ps.service = ps.withTickets(t, ps)
				raw, _ := ps.request(t, typed(tc.order))
				if tc.list != "" {
					var err error
					if raw, err = wssec.ListPrefixes(ps.client, raw, ps.token.Key, tc.list); err != nil {
						t.Fatal(err)
					}
				}
				m, err := ps.verify(t, raw)
				if err != nil {
					t.Fatal(err)
				}
				reported := m.Facts().UncoveredPrefix
				if (reported == nil) != tc.covered {
					t.Errorf("as-received: %v", reported)
				}
				ps.cfg.ContentPrefixes = wssec.PrefixesCovered
				ps.service = ps.withTickets(t, ps)
				if _, err = ps.verify(t, raw); tc.covered && err != nil {
					t.Error(err)
				} else if !tc.covered {
					refused(t, err, wssec.CodeContentPrefix)
					if strings.Contains(err.Error(), "Order") || err.Error() != reported.Error() {
						t.Errorf("refused by %q, reported %q", err, reported)
					}
				}
			})
		}
	}
}

// TestVerifyReportsAChangedPrefix is the attack: no digest sees it. With a
// PrefixList one does.
func TestVerifyReportsAChangedPrefix(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	raw, _ := ps.request(t, typed(`<q:o xmlns:q="urn:q" i:type="t:Order"/>`))
	changed := replace(t, string(raw), `xmlns:t="urn:safe"`, `xmlns:t="urn:evil"`)
	m, err := ps.verify(t, []byte(changed))
	if err != nil || m.Facts().UncoveredPrefix == nil {
		t.Fatal(m, err)
	}
	listed, err := wssec.ListPrefixes(ps.client, raw, ps.token.Key, "t")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ps.verify(t, []byte(replace(t, string(listed), `xmlns:t="urn:safe"`, `xmlns:t="urn:evil"`)))
	refused(t, err, wssec.CodeDigestInvalid)
}

// TestVerifyAppliesContentPrefixesToASignedCiphertext: where the signature
// covers ciphertext, it covers what the plaintext declares. Ours repeats the
// declarations around it.
func TestVerifyAppliesContentPrefixesToASignedCiphertext(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(encryptFirst), nil)
	ps.cfg.ContentPrefixes = wssec.PrefixesCovered
	ps.service = ps.withTickets(t, ps)
	for _, prefix := range []string{"t", "u"} {
		raw, _ := ps.request(t, typed(`<q:o xmlns:q="urn:q" xmlns:u="urn:u" i:type="`+prefix+`:Order"/>`))
		if _, err := ps.verify(t, raw); err != nil {
			t.Error(err)
		}
		raw, _ = ps.request(t, typed(`<q:o xmlns:q="urn:q" xmlns:u="urn:u" i:type="nowhere:Order"/>`))
		_, err := ps.verify(t, raw)
		refused(t, err, wssec.CodeContentPrefix)
	}
}

func TestNewProcessorChecksContentPrefixes(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	for _, bad := range []string{"", "a:b", "{urn:q", "{urn:q}", "{urn:q}*", "{}a", "*"} {
		cfg := ps.cfg
		cfg.QNames = []string{bad}
		if _, err := wssec.NewProcessor(signOnly(), cfg); err == nil || !strings.Contains(err.Error(), "content-qnames") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	cfg := ps.cfg
	cfg.ContentPrefixes = "all"
	if _, err := wssec.NewProcessor(signOnly(), cfg); err == nil || !strings.Contains(err.Error(), "content-prefixes") {
		t.Error(err)
	}
	var coded interface{ ErrorCode() string }
	if err := error(&wssec.Error{Code: wssec.CodeContentPrefix}); !errors.As(err, &coded) ||
		coded.ErrorCode() != "content-prefix" {
		t.Error(err)
	}
}

// TestVerifyAcceptsThePrefixListsOfCXF checks what docs/operations.md has on
// its two implementations.
func TestVerifyAcceptsThePrefixListsOfCXF(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		// Timestamp, header blocks
		"KtpSymmetricAddressing":                   {`PrefixList="wsse soap"`, `PrefixList="soap"`},
		"KtpSymmetricSTRTransformDefaultNamespace": {`PrefixList="wsse #default soap"`, `"#default"`}, // and a Body
		"KtpSymmetric-stax":                        {`PrefixList=""`},
	} {
		msg := string(loadTranscript(t, name).file(t, "01-request.xml"))
		for _, list := range want {
			if !strings.Contains(msg, list) {
				t.Errorf("%s has no %s", name, list)
			}
		}
	}
}
