package xmltext_test

import (
	"errors"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestScanAcceptsRelativeNamespacesIfAllowed(t *testing.T) {
	t.Parallel()
	const src = `<a xmlns="Contracts"><p:b xmlns:p="../x"></p:b></a>`
	if _, err := xmltext.Scan([]byte(src), xmltext.Options{}); !errors.Is(err, xmltext.ErrRelativeNamespace) {
		t.Error(err)
	}
	d, err := xmltext.Scan([]byte(src), xmltext.Options{RelativeNamespaces: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Root().AppendCanonical(nil, xmltext.C14N{})); got != src || !d.Root().Is("Contracts", "a") {
		t.Error(got)
	}
}
