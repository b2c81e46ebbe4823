package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// TestCodesExplainEachCodeOnce: cause and cure are sentences.
func TestCodesExplainEachCodeOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[wssec.Code]bool)
	for _, c := range wssec.Codes() {
		if c.Code == "" || seen[c.Code] {
			t.Errorf("%q is explained twice", c.Code)
		}
		seen[c.Code] = true
		for _, text := range []string{c.Cause, c.Cure} {
			if text == "" || strings.ToUpper(text[:1]) != text[:1] || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is not a sentence", c.Code, text)
			}
		}
	}
}
