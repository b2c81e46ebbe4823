package wssec

import (
	"strings"
	"testing"
)

// TestPlaintextRepeatsDeclarationsUnlessThatDoublesTheBody: a receiver may parse
// the plaintext apart from the Body, and a backend must not make a small reply
// a large one.
func TestPlaintextRepeatsDeclarationsUnlessThatDoublesTheBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body    string
		repeats bool
	}{
		"one element":                  {`<p:a><p:b/></p:a>`, true},
		"two elements":                 {`<p:a/><p:b/>`, true},
		"text":                         {`words`, false},
		"nothing":                      {``, false},
		"more elements than 16 kB are": {strings.Repeat(`<p:a/>`, 1000), false},
	} {
		b := envelopeOf(t, "", tt.body).Body
		write, bound := plaintext(b)
		plain := string(write.append(nil))
		if len(plain) > bound {
			t.Errorf("%s: %d octets of plaintext, and the bound is %d", name, len(plain), bound)
		}
		if got := strings.Contains(plain, `xmlns:p="urn:p"`); got != tt.repeats {
			t.Errorf("%s: declarations repeated: %t", name, got)
		}
		if !tt.repeats && plain != tt.body {
			t.Errorf("%s: the plaintext differs from the source", name)
		}
	}
}

// TestDetachedWithAddsTheIdOnce: an element that has its wsu:Id is written as
// it is.
func TestDetachedWithAddsTheIdOnce(t *testing.T) {
	t.Parallel()
	w := writerOf(t, nil)
	env := envelopeOf(t, `<p:h a="1"/><p:i xmlns:u="`+NSWSU+`" u:Id="own"/>`, ``)
	w.env.Envelope = env
	h := env.Header.FirstChild()
	for n, want := range map[string]string{"H-x-1": "H-x-1", "own": "own"} {
		block := h
		if n == "own" {
			block = h.NextSibling()
		}
		id, err := w.idFor(block, "H")
		if err != nil || id.value != want {
			t.Errorf("%+v, %v", id, err)
		}
		written := rootOf(t, string(detachedWith(block, id)))
		if got, _ := written.Attr(NSWSU, "Id"); got != want || written.Name() != block.Name() {
			t.Errorf("%s: Id %q in %s", want, got, written.Doc().Source())
		}
	}
}
