package xmltext

import (
	"testing"
)

// TestStartTagDeclaresWhatItUses: an exclusive form declares a prefix where an
// element or attribute uses it and no output ancestor has declared the same, in
// the order of the prefixes (Exclusive XML Canonicalization 1.0, 3).
func TestStartTagDeclaresWhatItUses(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`<a xmlns="urn:d" xmlns:z="urn:z" xmlns:b="urn:b"/>`: `<a xmlns="urn:d"></a>`,
		`<z:a xmlns:z="urn:z" xmlns:b="urn:b" b:c=""/>`:      `<z:a xmlns:b="urn:b" xmlns:z="urn:z" b:c=""></z:a>`,
		`<p:a xmlns:p="urn:1"><p:b/><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b></p:a>`: `<p:a xmlns:p="urn:1"><p:b>` +
			`</p:b><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"></p:c></p:b></p:a>`,
		`<a xmlns:p="urn:p"><p:b/><p:b/></a>`: `<a><p:b xmlns:p="urn:p"></p:b><p:b xmlns:p="urn:p"></p:b></a>`,
		`<a xmlns="urn:d"><b xmlns=""/></a>`:  `<a xmlns="urn:d"><b xmlns=""></b></a>`,
		`<a xml:lang="en" c="" b=""/>`:        `<a b="" c="" xml:lang="en"></a>`,
	} {
		if got := string(mustScan(t, doc).Root().AppendCanonical(nil, C14N{})); got != want {
			t.Errorf("%s\n got %s\nwant %s", doc, got, want)
		}
	}
}
