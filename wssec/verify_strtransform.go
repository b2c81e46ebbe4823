package wssec

import (
	"slices"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// strTarget returns the token that a Reference with the STR-Transform covers
// (WSS §8.3): its URI names the SecurityTokenReference in this Signature's
// KeyInfo, which must refer to the token directly. A KeyIdentifier would have
// to be dereferenced to a token that is not in the message; no stack does that
// for Kerberos, and it is refused.
func (v *verification) strTarget(s *signature, r *xmldsig.Reference) (xmltext.Node, error) {
	str := s.KeyInfo.FirstChild()
	if id, ok := strID(str); !ok || "#"+id != r.URI {
		return xmltext.Node{}, errAt(CodeReference, r.Node,
			"the STR-Transform does not name the SecurityTokenReference of this Signature")
	}
	if countID(v.env, r.URI[1:]) != 1 {
		return xmltext.Node{}, errAt(CodeDuplicateID, r.Node, "more than one element has the Id of its URI")
	}
	ref := str.FirstChild()
	switch {
	case ref.Is(NSWSSE, "Reference"):
		uri, _ := ref.Attr("", "URI")
		n, err := v.ids.target(uri, ref)
		if err == nil && n.Parent() != v.security {
			err = errAt(CodeReference, ref, "does not lead to a token of this Security header")
		}
		return n, err
	case ref.Is(NSWSSE, "Embedded"):
		return ref.FirstChild(), nil
	}
	return xmltext.Node{}, errAt(CodeReference, ref, "the STR-Transform of a KeyIdentifier is refused")
}

// strC14N returns how the token is canonicalized. WSS §8.3 asks for xmlns=""
// where no default namespace is in scope. Where one is, WSS4J renders it, as if
// #default stood in a PrefixList, although the exclusive form without the list
// leaves it out.
func (v *verification) strC14N(r *xmldsig.Reference) xmltext.C14N {
	c := r.C14N
	if v.p.policy.STRTransform == STRWSS {
		c.DefaultNS = true
		c.Prefixes = slices.Concat(c.Prefixes, []string{"#default"})
	}
	return c
}

// strID returns the wsu:Id of a SecurityTokenReference.
func strID(str xmltext.Node) (string, bool) {
	if str.IsZero() || !str.Is(NSWSSE, "SecurityTokenReference") {
		return "", false
	}
	return str.Attr(NSWSU, "Id")
}
