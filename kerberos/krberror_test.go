package kerberos

import (
	"strings"
	"testing"
	"time"
)

func TestKRBErrorNamesCodeAndBoundsText(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := &KRBError{Code: KRBErrSkew, Time: clock, Realm: "R", Service: "soap/a", Text: strings.Repeat("x", 999) + "\n"}
	text := e.Error()
	for _, want := range []string{
		"KRB-ERROR 37 (KRB_AP_ERR_SKEW)", `of "soap/a@R"`, "its clock has 2026-11-22T12:00:00Z",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
	if len(text) > 400 || strings.Contains(text, "\n") {
		t.Errorf("%d octets: %q", len(text), text)
	}
	if got := (&KRBError{Code: 9999}).Error(); got != "KRB-ERROR 9999 (unknown)" {
		t.Error(got)
	}
}
