package wstrust

import (
	"crypto/sha1"
	"encoding"
	"errors"
	"hash"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// The Authenticator of a SPNEGO negotiation proves to both sides that they have
// seen the same messages: it is over the RST and every RSTR, in both
// directions, in order.
//
//	H            = SHA-1(C(m1) || C(m2) || … || C(final'))
//	CombinedHash = P_SHA1(issued key, "AUTH-HASH" || H), 256 bits
//
// C is Exclusive XML Canonicalization 1.0 without comments of the RST or RSTR
// as apex, without text of white space alone (WCF's readers drop it). final' is
// the last RSTR without RequestedSecurityToken and RequestedProofToken.

// authenticatorLen is the length of a CombinedHash, whatever that of the key.
const authenticatorLen = 32

// Authenticator returns the CombinedHash of a negotiation. key is the issued
// one; digest is H, the SHA-1 of the canonical forms of its messages: each RST
// and RSTR in order, of the last one without RequestedSecurityToken and
// RequestedProofToken. testvectors has examples (hash-inputs).
func Authenticator(key wssec.Key, digest []byte) []byte {
	return wssec.DeriveKey(key.ExposeSecretOctets(), "AUTH-HASH", digest, 0, authenticatorLen)
}

// transcript is H so far. SHA-1 is what the protocol has.
type transcript struct{ h hash.Hash }

func newTranscript() transcript { return transcript{sha1.New()} }

// maxMessage bounds the canonical form of a message: two of the longest tokens.
const maxMessage = 2 * maxExchange

// add enters a message of the negotiation.
func (t transcript) add(n xmltext.Node) error {
	canonical, err := canonicalOf(n, maxMessage)
	t.h.Write(canonical)
	return err
}

// addWritten enters a message that this side has written.
func (t transcript) addWritten(message []byte) error {
	doc, err := xmltext.Scan(message, xmltext.Options{})
	if err != nil {
		return err // a bug, or a Version that is none
	}
	return t.add(doc.Root())
}

// addFinal enters the last RSTR as received.
func (t transcript) addFinal(n xmltext.Node) error {
	canonical, err := canonicalOf(n, maxMessage)
	if err != nil {
		return err
	}
	doc, err := xmltext.Scan(canonical, xmltext.Options{})
	if err != nil {
		return err
	}
	from := 0
	for c := range doc.Root().Children() {
		if versionOf(c.Space()) != 0 && (c.Local() == "RequestedSecurityToken" || c.Local() == "RequestedProofToken") {
			start, _, _, end := c.SourceRange()
			t.h.Write(canonical[from:start])
			from = end
		}
	}
	t.h.Write(canonical[from:])
	return nil
}

// sum returns H.
func (t transcript) sum() []byte { return t.h.Sum(nil) }

// state returns what restore goes on with. It is no secret: the messages are in
// clear.
func (t transcript) state() ([]byte, error) { return t.h.(encoding.BinaryMarshaler).MarshalBinary() }

func restoreTranscript(state []byte) (transcript, error) {
	t := newTranscript()
	return t, t.h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
}

// canonicalOf returns the canonical form of an element, without white space
// between elements, if it has at most so many octets. It may have a hundred times
// those of its source, since it repeats namespace names.
func canonicalOf(n xmltext.Node, most int) ([]byte, error) {
	b := boundedBuffer{most: most}
	if err := n.WriteCanonical(&b, xmltext.C14N{}); err != nil {
		return nil, errAt(CodeInvalidRequest, n, "more than %d octets in canonical form", most)
	}
	return dropWhiteSpace(b.octets), nil
}

// A boundedBuffer keeps what is written to it, up to most octets.
type boundedBuffer struct {
	octets []byte
	most   int
}

var errFull = errors.New("buffer is full")

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(p) > b.most-len(b.octets) {
		return 0, errFull
	}
	b.octets = append(b.octets, p...)
	return len(p), nil
}

// dropWhiteSpace removes text that is white space alone from a canonical form,
// in place. There are no comments and CDATA sections in it, and < stands for
// itself where a tag begins only; but > may stand in attribute values.
func dropWhiteSpace(canonical []byte) []byte {
	out := canonical[:0]
	for i := 0; i < len(canonical); {
		end := tagEnd(canonical, i)
		out = append(out, canonical[i:end]...)
		text := end
		for end < len(canonical) && canonical[end] != '<' {
			end++
		}
		if !isWhiteSpace(canonical[text:end]) {
			out = append(out, canonical[text:end]...)
		}
		i = end
	}
	return out
}

// tagEnd returns the offset behind the tag that begins at i.
func tagEnd(canonical []byte, i int) int {
	quoted := false
	for ; i < len(canonical); i++ {
		switch canonical[i] {
		case '"':
			quoted = !quoted
		case '>':
			if !quoted {
				return i + 1
			}
		}
	}
	return i
}

func isWhiteSpace(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\n' {
			return false
		}
	}
	return true
}
