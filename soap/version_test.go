package soap_test

import (
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestParseFindsTheVersion(t *testing.T) {
	t.Parallel()
	for ns, want := range map[string]soap.Version{soap.NS11: soap.V11, soap.NS12: soap.V12} {
		e, err := soap.Parse(envelope(ns, `<s:Header><h:h xmlns:h="urn:h"/></s:Header><s:Body/>`), xmltext.Options{})
		if err != nil || e.Version != want || e.Header.IsZero() || e.Body.IsZero() {
			t.Errorf("%s: %v, %v", ns, e, err)
		}
	}
}
