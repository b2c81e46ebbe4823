package negotiate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// Each code of the package is in its catalogue, once, with a cause and a cure,
// and is none of package kerberos.
func TestCodesHaveCauseAndCure(t *testing.T) {
	t.Parallel()
	var codes []kerberos.Code
	for _, info := range negotiate.Codes() {
		if !strings.HasPrefix(string(info.Code), "negotiate-") || !strings.HasSuffix(info.Cause, ".") ||
			!strings.HasSuffix(info.Cure, ".") {
			t.Errorf("%+v", info)
		}
		codes = append(codes, info.Code)
	}
	for _, info := range kerberos.Codes() {
		if slices.Contains(codes, info.Code) {
			t.Errorf("%s is one of package kerberos too", info.Code)
		}
	}
	want := []kerberos.Code{negotiate.CodeNoToken, negotiate.CodeAuthorization, negotiate.CodeUnknown, negotiate.CodeFull,
		negotiate.CodeStore, negotiate.CodeSession, negotiate.CodeChallenge, negotiate.CodeNotMutual,
		negotiate.CodeServerRefused}
	if !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
}
