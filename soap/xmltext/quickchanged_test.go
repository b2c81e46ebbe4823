package xmltext

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/testvectors"
)

var quickChanges = flag.Int("quick-changes", 20, "how often each envelope is changed in the comparison of quick "+
	"with the rest of the scanner")

// quickInserts are what quick leaves to others, what is wrong, and what is
// nearly so.
var quickInserts = []string{
	"<", ">", "/", "=", `"`, "'", "&", " ", "\t", "\n", "\r", "\r\n", ":", ";", "]", "]]>", "]]&gt;",
	"-", ".", "0", "_",
	"&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#xD;", "&#xA;", "&#x9;", "&#13;", "&#xd;", "&#0;",
	"&#xFFFE;", "&am", "&x;",
	"<!-- > -->", "<!-- -- -->", "<![CDATA[<>]]>", "<?p > ?>", "<!DOCTYPE a>", "<a/>", "<a></a>",
	"<a>", "</a>", "<a b=\">\"/>",
	"<a b=''/>", `<a b="1" b="2"/>`, `<a b="1" a="2"/>`, "<a />", "<a></a >", "<:a/>", "<a:/>",
	"<a:b:c/>", "<1/>", "</>", "<>",
	` xmlns=""`, ` xmlns="urn:d"`, ` xmlns:q="urn:q"`, ` xmlns:soap="urn:s"`, ` xmlns:q=""`,
	` xmlns:q="q"`, ` xml:id="i"`,
	` xmlns:xml="http://www.w3.org/XML/1998/namespace"`,
	` xmlns:q="http://www.w3.org/XML/1998/namespace"`, ` xmlns:xmlns="urn:x"`,
	` q:a="1"`, ` abcdefgh1="" abcdefgh0=""`, ` a="" a=""`, "\x00", "\x01", "\x0b", "\x1f", "\x7f",
	"\u0080", "\u0085", "\u00a0",
	"\u2028", "\ufffd", "\ufffe", "\uffff", "\ufeff", "é", "𐍈", "\U0001fffe", "\x80", "\xc0\x80",
	"\xe0\x80\xaf", "\xed\xa0\x80",
	"\xf4\x90\x80\x80", "\xf0\x9f", "\xff\xfe", strings.Repeat("n", 56), strings.Repeat("n", 57),
	strings.Repeat("n", 64),
}

// envelopes returns messages of the transcripts, each once with a part that
// quick takes for usual.
func envelopes(t testing.TB) (all [][]byte) {
	files, err := fs.Glob(testvectors.Files, "transcripts/*/01-request*.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := fs.ReadFile(testvectors.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) < 16<<10 {
			all = append(all, b)
		}
	}
	return append(all, benchDocument(3000))
}

// changed returns a copy of msg with octets put in, taken out or moved, and with
// text behind the first tag, so that masks begin anywhere.
func changed(r *rand.Rand, msg []byte) []byte {
	first := bytes.IndexByte(msg, '>') + 1
	out := slices.Concat(msg[:first], bytes.Repeat([]byte{'x'}, r.IntN(64)), msg[first:])
	for range 1 + r.IntN(3) {
		at := r.IntN(len(out))
		if r.IntN(3) > 0 { // where markup is
			at = markupNear(out, at)
		}
		end := min(len(out), at+r.IntN(3))
		switch insert := quickInserts[r.IntN(len(quickInserts))]; r.IntN(5) {
		case 0:
			out = slices.Delete(out, at, end)
		case 1:
			from := r.IntN(len(out))
			out = slices.Insert(out, at, bytes.Clone(out[from:min(len(out), from+r.IntN(80))])...)
		default:
			out = slices.Replace(out, at, end, []byte(insert)...)
		}
	}
	if r.IntN(4) == 0 {
		out = out[:r.IntN(len(out)+1)]
	}
	return out
}

// markupNear returns the place of markup from at on, or one beside it.
func markupNear(b []byte, at int) int {
	if n := bytes.IndexAny(b[at:], "<>\"'=/ &:"); n >= 0 {
		return at + n + at%2
	}
	return at
}

// TestQuickMakesTheSameIndexOfChangedEnvelopes also compares what is reserved,
// and how a scan ends for which nothing more is.
func TestQuickMakesTheSameIndexOfChangedEnvelopes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	accepted, total := 0, 0
	plaintext := []byte(usualMarkup + "<p:a>x</p:a>" + usualMarkup)
	failed := func(format string, args ...any) { t.Fatalf(fmt.Sprintf("seed %d: ", seed)+format, args...) }
	for _, msg := range envelopes(t) {
		for range *quickChanges {
			src := changed(r, msg)
			opt := Options{AllowPI: r.IntN(2) == 0, RelativeNamespaces: r.IntN(2) == 0}
			if r.IntN(3) == 0 {
				opt.Limits = someLimits(r)
			}
			if total++; sameIndex(fatal(failed), src, opt) {
				accepted++
			}
			sameReserve(fatal(failed), src, opt, r.IntN(40<<10))
			opt.Names = GraftNames(r.IntN(3))
			sameGraft(fatal(failed), changed(r, plaintext), opt)
		}
	}
	if accepted == 0 || accepted == total {
		t.Errorf("%d of %d changed envelopes are well-formed", accepted, total)
	}
	t.Logf("quick: %d changed envelopes, %d of them well-formed", total, accepted)
}

// someLimits returns limits that messages reach.
func someLimits(r *rand.Rand) Limits {
	return Limits{
		Depth: 2 + r.IntN(12), Elements: 10 + r.IntN(200), Attributes: 10 + r.IntN(100), AttributesPerElement: 1 + r.IntN(8),
		NamespacesInScope: 2 + r.IntN(12), NameBytes: 8 + r.IntN(150), ValueBytes: 20 + r.IntN(200),
	}
}

// sameGraft is sameIndex for a plaintext, and compares the canonical forms of the
// whole document.
func sameGraft(t interface{ Fatalf(string, ...any) }, plain []byte, opt Options) {
	const host = `<q:E xmlns:q="urn:q" xmlns:p="urn:p"><q:B>x<q:C>y</q:C><q:D>c</q:D>z</q:B></q:E>`
	var docs [2]*Doc
	var errs [2]string
	for i := range docs {
		d, err := Scan([]byte(host), Options{})
		if err != nil {
			t.Fatalf("%v", err)
		}
		opt.careful, opt.fresh = i == 1, i == 1
		errs[i] = fmt.Sprint(Node{d, 3}.Graft(plain, GraftContent, opt))
		docs[i] = d
	}
	if errs[0] != errs[1] {
		t.Fatalf("%q: %s, carefully %s", plain, errs[0], errs[1])
	}
	if len(docs[0].grafts) == 0 {
		return
	}
	g := docs[1].graftAt(3)
	compareIndex(t, docs[0].graftAt(3), g)
	for _, list := range [][]element{docs[1].elements, g.elements} {
		for i := range list {
			list[i].flags |= varied
		}
	}
	for _, m := range methods {
		c := C14N{Method: m.method}
		if a, b := docs[0].Root().AppendCanonical(nil, c), docs[1].Root().AppendCanonical(nil, c); !bytes.Equal(a, b) {
			t.Fatalf("%s of graft %q:\n%q, element by element\n%q", m.name, plain, a, b)
		}
	}
	docs[0].Release()
}

// fatal is a Fatalf that says more.
type fatal func(format string, args ...any)

func (f fatal) Fatalf(format string, args ...any) { f(format, args...) }

// sameReserve compares the calls of Reserve, which fails above limit octets.
func sameReserve(t interface{ Fatalf(string, ...any) }, src []byte, opt Options, limit int) {
	var calls [2][]int
	var errs [2]string
	for i := range calls {
		held := 0
		opt.careful = i == 1
		opt.fresh = true
		opt.Reserve = func(n int) error {
			if n != 0 {
				calls[i] = append(calls[i], n)
			}
			if held += n; held > limit {
				held -= n
				return ErrLimit
			}
			return nil
		}
		d, err := Scan(src, opt)
		if errs[i] = fmt.Sprint(err); err != nil && (held != 0 || d != nil) {
			t.Fatalf("%d octets are held after %v", held, err)
		}
	}
	if !slices.Equal(calls[0], calls[1]) || errs[0] != errs[1] {
		t.Fatalf("%q with %d octets:\n%v, %s, carefully\n%v, %s", src, limit, calls[0], errs[0], calls[1], errs[1])
	}
}
