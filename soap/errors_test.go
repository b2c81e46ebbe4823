package soap_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// TestCodesExplainEachCodeOnce: cause and cure are sentences.
func TestCodesExplainEachCodeOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[soap.Code]bool)
	for _, c := range soap.Codes() {
		if c.Code == "" || seen[c.Code] {
			t.Errorf("%q is explained twice", c.Code)
		}
		seen[c.Code] = true
		for _, text := range []string{c.Cause, c.Cure} {
			if strings.ToUpper(text[:1]) != text[:1] || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is not a sentence", c.Code, text)
			}
		}
	}
}

// TestErrorHasPathAndCause: an operator finds the element and the rule.
func TestErrorHasPathAndCause(t *testing.T) {
	t.Parallel()
	_, err := soap.Parse(envelope(soap.NS11, `<s:Body/><x xmlns="urn:x"/>`), xmltext.Options{})
	var e *soap.Error
	if !errors.As(err, &e) || e.ErrorCode() != "envelope-invalid" || e.Path != "/Envelope/x" {
		t.Fatalf("%#v", err)
	}
	if got := err.Error(); got != "soap: /Envelope/x: an element after the Body" {
		t.Error(got)
	}
}
