package xmltext

import (
	"bytes"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"pgregory.net/rapid"
)

// dsigCan reports whether d is within what goxmldsig canonicalizes correctly as
// a whole document. Outside it the library is known to be wrong: it stops at
// 1,000 elements, sorts attributes of several prefixes by local name, writes
// superfluous xmlns="", keeps literal white space in attribute values and has
// the names of the fourth edition of XML 1.0.
func dsigCan(d *Doc) bool {
	if len(d.elements) > 900 || nonASCIINames(d) || bytes.Contains(d.src, []byte("<?")) {
		return false
	}
	for i := range d.elements {
		first := uint16(prefixNone)
		for _, a := range d.attrsOf(uint32(i)) {
			if a.prefix != prefixNone && first != prefixNone && a.prefix != first {
				return false
			}
			first = max(first, a.prefix)
			if bytes.ContainsAny(d.rawValue(&a), "\t\r\n") {
				return false
			}
		}
	}
	for _, b := range d.bindings[firstBinding:] {
		if b.uri == uriNone || b.prefix == prefixXML || strings.Contains(d.names.uris.list[b.uri], " ") {
			return false // a space may have been a line end
		}
	}
	return !bytes.ContainsAny(d.src, "\t") && !bytes.Contains(d.src, []byte("xmlns:xml="))
}

// compareDsig compares the exclusive canonical forms of the whole document.
func compareDsig(t interface {
	Fatalf(format string, args ...any)
}, d *Doc) {
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(d.Source()); err != nil {
		t.Fatalf("etree: %v\n%q", err, d.Source())
	}
	want, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(tree.Root())
	if err != nil {
		t.Fatalf("goxmldsig: %v\n%q", err, d.Source())
	}
	if got := d.Root().AppendCanonical(nil, C14N{}); !bytes.Equal(got, want) {
		t.Fatalf("%q\n      got %q\ngoxmldsig %q", d.Source(), got, want)
	}
}

// TestAppendCanonicalAgreesWithGoxmldsig compares on generated documents.
func TestAppendCanonicalAgreesWithGoxmldsig(t *testing.T) {
	t.Parallel()
	drawn, compared := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		d, err := Scan([]byte(genDocument(rt, true)), Options{})
		if err != nil {
			rt.Fatal(err)
		}
		drawn++
		if dsigCan(d) {
			compared++
			compareDsig(rt, d)
		}
	})
	if compared < drawn/3 {
		t.Errorf("only %d of %d documents were within goxmldsig's limits", compared, drawn)
	}
}

// FuzzGoxmldsig compares on whatever the fuzzer finds that both can do.
func FuzzGoxmldsig(f *testing.F) {
	seedDocuments(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := Scan(src, Options{})
		if err != nil || !dsigCan(d) || bytes.HasPrefix(d.Source(), []byte("<?")) ||
			bytes.HasPrefix(d.Source(), []byte("\ufeff")) {
			return
		}
		compareDsig(t, d)
	})
}
