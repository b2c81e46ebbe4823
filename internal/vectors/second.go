package vectors

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	dsig "github.com/russellhaering/goxmldsig"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// SecondOpinion counts canonical forms that goxmldsig made too; their digests
// follow.
type SecondOpinion struct {
	Agreed    int `json:"agreed"`    // octet for octet the same
	Disagreed int `json:"disagreed"` // others, which are problems
	Unable    int `json:"outside"`   // parts beyond what goxmldsig gets right
}

// String words the counts.
func (s SecondOpinion) String() string {
	return fmt.Sprintf("second opinion of goxmldsig on canonical forms and digests: %d agree, %d disagree, %d are "+
		"outside its limits", s.Agreed, s.Disagreed, s.Unable)
}

func (s *SecondOpinion) Add(o SecondOpinion) {
	s.Agreed += o.Agreed
	s.Disagreed += o.Disagreed
	s.Unable += o.Unable
}

// count adds what goxmldsig says of one part.
func (s *SecondOpinion) count(opinion string) {
	switch opinion {
	case agrees:
		s.Agreed++
	case disagrees:
		s.Disagreed++
	default:
		s.Unable++
	}
}

// ask has goxmldsig canonicalize what a message's signature covers, and its
// Body. A difference is an error.
func (s *SecondOpinion) ask(msg *wssec.Message) error {
	for _, n := range append([]xmltext.Node{msg.Body()}, msg.Signed()...) {
		if !within(n) {
			s.Unable++
			continue
		}
		ours := n.AppendCanonical(nil, xmltext.C14N{})
		theirs, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(n.Element())
		if err != nil || !bytes.Equal(ours, theirs) {
			s.Disagreed++
			return fmt.Errorf("%s: canonical form differs from goxmldsig's (%v)\nours   %s\ntheirs %s", n.Path(), err,
				ours,
				theirs)
		}
		s.Agreed++
	}
	return nil
}

// compare has goxmldsig canonicalize the apex of a vector.
func (s *SecondOpinion) compare(o *Outcome, apex xmltext.Node, ours []byte, prefixes []string) {
	opinion := secondOpinion(apex, xmltext.C14N{Prefixes: prefixes}, ours, sha256.New())
	if s.count(opinion); opinion == disagrees {
		o.Problem = "canonical form differs from goxmldsig's"
	}
}

// within reports whether goxmldsig is right about n: it stops at 1,000
// elements, sorts attributes of several namespaces by prefix where exclusive
// canonicalization sorts by namespace name, writes xmlns="" where no default
// namespace was written, and leaves white space in attribute values as it is.
func within(n xmltext.Node) bool {
	const limit = 1000
	elements, ok := 1, isSimple(n)
	for d := range n.Descendants() {
		elements++
		ok = ok && isSimple(d)
	}
	return ok && elements < limit
}

// isSimple looks at one element.
func isSimple(n xmltext.Node) bool {
	spaces := map[string]bool{}
	for name, value := range n.Attrs() {
		if name.Space != "" {
			spaces[name.Space] = true
		}
		if len(spaces) > 1 || strings.ContainsAny(value, "\t\r\n") {
			return false
		}
	}
	if n.Space() != "" {
		return true
	}
	for p := n.Parent(); !p.IsZero(); p = p.Parent() {
		if uri, _ := p.LookupNamespace(""); uri != "" {
			return false
		}
	}
	return true
}
