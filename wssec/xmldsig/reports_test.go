package xmldsig_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// Signatures that others verified, as was reported, with more or with other
// content than what was signed.
func TestParseRefusesReportedSignatures(t *testing.T) {
	t.Parallel()
	msg := signed(t)
	info := msg[strings.Index(msg, "<ds:SignedInfo"):strings.Index(msg, "<ds:SignatureValue")]
	reference := msg[strings.Index(msg, "<ds:Reference"):strings.Index(msg, "</ds:SignedInfo>")]
	value := msg[strings.Index(msg, "<ds:SignatureValue"):strings.Index(msg, "<ds:KeyInfo")]
	for name, x := range map[string][2]string{
		"a SignedInfo before the signed one": {info, strings.Replace(info, "#B-1", "#B-2", 1) + info},
		"a SignedInfo behind the signed one": {info, info + strings.Replace(info, "#B-1", "#B-2", 1)},
		"two SignatureValues":                {value, value + value},
		"a Reference that SignedInfo wraps":  {reference, "<ds:SignedInfo>" + reference + "</ds:SignedInfo>"},
		"an element inside of DigestValue":   {"<ds:DigestValue>", "<ds:DigestValue><ds:x/>"},
		"a Reference outside of SignedInfo":  {"</ds:SignedInfo>", "</ds:SignedInfo>" + reference},
		"the enveloped transform before ours": {"<ds:Transforms>",
			`<ds:Transforms><ds:Transform Algorithm="` + xmldsig.NS + `enveloped-signature"/>`},
	} {
		changed := strings.Replace(msg, x[0], x[1], 1)
		if changed == msg {
			t.Fatalf("%s: nothing is changed", name)
		}
		if _, err := xmldsig.Parse(node(t, changed)); err == nil {
			t.Errorf("%s is parsed", name)
		}
	}
}

// A comment in a value separates nothing: the value is the whole text, for Parse
// as for the canonical form, which has no comments.
func TestParseReadsValuesAcrossComments(t *testing.T) {
	t.Parallel()
	msg := signed(t)
	for _, element := range []string{"DigestValue", "SignatureValue"} {
		start := strings.Index(msg, "<ds:"+element+">") + len("<ds:"+element+">")
		end := start + strings.Index(msg[start:], "<")
		want, err := base64.StdEncoding.DecodeString(msg[start:end])
		if err != nil {
			t.Fatal(err)
		}
		for _, changed := range []string{
			msg[:start] + "<!-- x -->" + msg[start:], msg[:start+4] + "<!-- x -->" + msg[start+4:],
			msg[:end] + "<!-- x -->" + msg[end:],
		} {
			s, err := xmldsig.Parse(node(t, changed))
			if err != nil {
				t.Errorf("%s: %v", element, err)
				continue
			}
			got := s.Value
			if element == "DigestValue" {
				got = s.References[0].Digest
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is %x, want %x", element, got, want)
			}
		}
	}
}

// No digest or HMAC is an empty value, which others took for a failure of their
// own, or for no check at all.
func TestEmptyValuesMatchNothing(t *testing.T) {
	t.Parallel()
	msg := signed(t)
	for _, element := range []string{"DigestValue", "SignatureValue"} {
		start := strings.Index(msg, "<ds:"+element+">") + len("<ds:"+element+">")
		s, err := xmldsig.Parse(node(t, msg[:start]+msg[start+strings.Index(msg[start:], "<"):]))
		if err != nil {
			continue // refused at once
		}
		m, _ := xmldsig.LookupSignature(s.Method)
		d, _ := xmldsig.LookupDigest(s.References[0].DigestMethod)
		if s.Verify(m, []byte("key")) || element == "DigestValue" && s.References[0].CheckDigest(d.New()) {
			t.Errorf("an empty %s matches", element)
		}
	}
	if _, ok := xmldsig.LookupDigest(xmldsig.NS + "sha256"); ok {
		t.Error("an algorithm with the namespace of XML Signature in place of XML Encryption is known")
	}
}
