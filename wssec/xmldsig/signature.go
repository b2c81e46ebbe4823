package xmldsig

import (
	"crypto/hmac"
	"crypto/subtle"
	"fmt"
	"hash"
	"strings"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Limits on the size of a signature. BSP has none; WCF allows 100 references,
// Santuario 30.
const (
	MaxReferences = 64
	maxValueLen   = 256 // characters of a base64 digest or signature value
	maxPrefixes   = 64  // prefixes in one PrefixList
)

// Signature is a ds:Signature as [Parse] returns it. Nothing in it has been
// verified.
type Signature struct {
	Node       xmltext.Node
	SignedInfo xmltext.Node
	C14NMethod string       // URI of CanonicalizationMethod
	C14N       xmltext.C14N // its InclusiveNamespaces
	Method     string       // URI of SignatureMethod
	References []Reference
	Value      []byte       // decoded SignatureValue
	KeyInfo    xmltext.Node // zero if absent

	room [maxDigest]byte // of Value
	few  [4]Reference    // of References
}

// Reference is a ds:Reference of a [Signature].
type Reference struct {
	Node         xmltext.Node
	URI          string // "#id"; nothing else is accepted
	STRTransform bool   // the one Transform is the STR-Transform
	C14NMethod   string // URI of the canonicalization: the Transform, or the STR-Transform's parameter
	C14N         xmltext.C14N
	DigestMethod string
	Digest       []byte // decoded DigestValue

	room [maxDigest]byte // of Digest
}

// errorf makes an error about an element of a signature.
func errorf(n xmltext.Node, format string, args ...any) error {
	return fmt.Errorf("xmldsig: %s: %s", n.Path(), fmt.Sprintf(format, args...))
}

// Parse parses a Signature in the shape that BSP 1.1 allows: SignedInfo,
// SignatureValue, KeyInfo?, nothing else. Every part must have exactly the
// children that the specification names. The error has the path of the element
// that is wrong. Parse verifies nothing.
func Parse(n xmltext.Node) (*Signature, error) {
	s := new(Signature)
	if err := s.Parse(n); err != nil {
		return nil, err
	}
	return s, nil
}

// Parse sets s, which has to be zero, to what the function Parse returns: a
// Signature is a kilobyte, which a caller may have already.
func (s *Signature) Parse(n xmltext.Node) error {
	var few [fewChildren]xmltext.Node
	kids, err := children(few[:0], n, 3)
	if err != nil {
		return err
	}
	if len(kids) < 2 || !kids[0].Is(NS, "SignedInfo") || !kids[1].Is(NS, "SignatureValue") {
		return errorf(n, "expected SignedInfo, SignatureValue and an optional KeyInfo")
	}
	s.Node, s.SignedInfo = n, kids[0]
	if len(kids) == 3 {
		if !kids[2].Is(NS, "KeyInfo") {
			return errorf(kids[2], "only KeyInfo may follow SignatureValue")
		}
		s.KeyInfo = kids[2]
	}
	if s.Value, err = value(s.room[:0], kids[1]); err != nil {
		return err
	}
	return s.parseSignedInfo()
}

func (s *Signature) parseSignedInfo() error {
	var few [fewChildren]xmltext.Node
	kids, err := children(few[:0], s.SignedInfo, MaxReferences+2)
	if err != nil {
		return err
	}
	if len(kids) < 3 || !kids[0].Is(NS, "CanonicalizationMethod") || !kids[1].Is(NS, "SignatureMethod") {
		return errorf(s.SignedInfo, "expected CanonicalizationMethod, SignatureMethod and at least one Reference")
	}
	if s.C14NMethod, s.C14N, err = c14nMethod(kids[0]); err != nil {
		return err
	}
	// An empty SignatureMethod rules out HMACOutputLength, with which a sender
	// could ask for a comparison of a few bits (CVE-2009-0217, BSP R5401).
	if c := kids[1].FirstChild(); !c.IsZero() || kids[1].HasMixedText() {
		return errorf(kids[1], "SignatureMethod has parameters; HMACOutputLength is refused (BSP R5401)")
	}
	s.Method, _ = kids[1].Attr("", "Algorithm")
	if n := len(kids) - 2; n <= len(s.few) {
		s.References = s.few[:n]
	} else {
		s.References = make([]Reference, n)
	}
	for i, k := range kids[2:] {
		if err := s.References[i].parse(k); err != nil {
			return err
		}
	}
	return nil
}

// parse reads one Reference: Transforms with one Transform, DigestMethod,
// DigestValue.
func (r *Reference) parse(n xmltext.Node) error {
	var few [fewChildren]xmltext.Node
	kids, err := children(few[:0], n, 3)
	if err != nil {
		return err
	}
	if !n.Is(NS, "Reference") || len(kids) != 3 || !kids[0].Is(NS, "Transforms") ||
		!kids[1].Is(NS, "DigestMethod") || !kids[2].Is(NS, "DigestValue") {
		return errorf(n, "expected a Reference that holds Transforms, DigestMethod and DigestValue")
	}
	r.Node = n
	r.URI, _ = n.Attr("", "URI")
	if len(r.URI) < 2 || r.URI[0] != '#' {
		return errorf(n, "URI is not of the form #id; only parts of this message can be signed")
	}
	if err := r.parseTransform(kids[0]); err != nil {
		return err
	}
	if c := kids[1].FirstChild(); !c.IsZero() {
		return errorf(c, "unexpected element: digest algorithms have no parameters")
	}
	r.DigestMethod, _ = kids[1].Attr("", "Algorithm")
	r.Digest, err = value(r.room[:0], kids[2])
	return err
}

func (r *Reference) parseTransform(ts xmltext.Node) error {
	var few [fewChildren]xmltext.Node
	kids, err := children(few[:0], ts, 1)
	if err != nil {
		return err
	}
	if len(kids) != 1 || !kids[0].Is(NS, "Transform") {
		return errorf(ts, "expected exactly one Transform")
	}
	t := kids[0]
	if alg, _ := t.Attr("", "Algorithm"); alg != STRTransform {
		r.C14NMethod, r.C14N, err = c14nMethod(t)
		return err
	}
	r.STRTransform = true
	p := t.FirstChild()
	if p.IsZero() || p.Local() != "TransformationParameters" || !p.NextSibling().IsZero() {
		return errorf(t, "the STR-Transform has no TransformationParameters (WSS §8.3)")
	}
	m := p.FirstChild()
	if m.IsZero() || !m.Is(NS, "CanonicalizationMethod") || !m.NextSibling().IsZero() {
		return errorf(p, "expected exactly one CanonicalizationMethod")
	}
	r.C14NMethod, r.C14N, err = c14nMethod(m)
	return err
}

// c14nMethod reads an Algorithm with an optional InclusiveNamespaces (exc-c14n
// §3). Prefixes may stand in any order, with any white space (BSP R5414,
// R5415).
func c14nMethod(n xmltext.Node) (string, xmltext.C14N, error) {
	var c xmltext.C14N
	alg, _ := n.Attr("", "Algorithm")
	var few [fewChildren]xmltext.Node
	kids, err := children(few[:0], n, 1)
	if err != nil || len(kids) == 0 {
		return alg, c, err
	}
	list, ok := kids[0].Attr("", "PrefixList")
	if !kids[0].Is(NSEC, "InclusiveNamespaces") || !ok || !kids[0].FirstChild().IsZero() {
		return alg, c, errorf(kids[0], "expected InclusiveNamespaces with a PrefixList")
	}
	c.Prefixes = strings.Fields(list)
	if len(c.Prefixes) > maxPrefixes {
		return alg, c, errorf(kids[0], "PrefixList has more than %d prefixes", maxPrefixes)
	}
	return alg, c, nil
}

// fewChildren is how many children an element usually has at most.
const fewChildren = 6

// children appends the child elements of n, at most max, without text between
// them, to kids, which is empty.
func children(kids []xmltext.Node, n xmltext.Node, max int) ([]xmltext.Node, error) {
	for c := range n.Children() {
		if len(kids) == max {
			return nil, errorf(c, "unexpected element")
		}
		kids = append(kids, c)
	}
	if n.HasMixedText() {
		return nil, errorf(n, "text between elements")
	}
	return kids, nil
}

// value appends what a short base64 value stands for.
func value(dst []byte, n xmltext.Node) ([]byte, error) {
	if _, start, end, _ := n.SourceRange(); end-start > maxValueLen || !n.FirstChild().IsZero() {
		return nil, errorf(n, "value is not text of at most %d characters", maxValueLen)
	}
	text, ok := n.PlainText()
	if !ok {
		text = n.AppendText(nil)
	}
	out, err := base64.AppendDecode(dst, text)
	if err != nil {
		return nil, errorf(n, "value is not base64")
	}
	return out, nil
}

// CheckValue computes the HMAC over the canonical SignedInfo with h, which
// [SignatureMethod.New] returned, and reports whether it is the SignatureValue.
// The comparison takes constant time.
func (s *Signature) CheckValue(h hash.Hash) bool {
	if err := s.SignedInfo.WriteCanonical(h, s.C14N); err != nil {
		return false
	}
	return hmac.Equal(h.Sum(nil), s.Value)
}

// Verify is CheckValue with a key.
func (s *Signature) Verify(m SignatureMethod, key []byte) bool {
	h := m.MAC(key)
	defer h.Free()
	if err := s.SignedInfo.WriteCanonical(h, s.C14N); err != nil {
		return false
	}
	return hmac.Equal(h.Value(), s.Value)
}

// IsDigest reports whether value is the DigestValue. The comparison takes constant
// time.
func (r *Reference) IsDigest(value []byte) bool {
	return subtle.ConstantTimeCompare(value, r.Digest) == 1
}

// CheckDigest reports whether the digest in h is the DigestValue. The
// comparison takes constant time.
func (r *Reference) CheckDigest(h hash.Hash) bool {
	var buf [64]byte
	return subtle.ConstantTimeCompare(h.Sum(buf[:0]), r.Digest) == 1
}
