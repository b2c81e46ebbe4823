package wsdl

import (
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Bounds of the normal form of a policy, which is exponential in its size.
const (
	// maxAlternatives limits the alternatives of a policy, those of nested
	// policies included.
	maxAlternatives = 128
	// maxPolicySteps limits the elements looked at and the assertions copied for
	// the policies of all ports.
	maxPolicySteps = 2_000_000
)

// An assertion is one of an alternative (WS-Policy 1.5 §3.1). Where it has a
// nested policy, that has one alternative.
type assertion struct {
	in     *Document
	node   xmltext.Node
	nested alternative
	// optional is there if a client may do without it: wsp:Optional, or
	// wsp:Ignorable.
	optional bool
}

// is reports whether the assertion is the one of WS-SecurityPolicy, in any
// version, with that local name.
func (a assertion) is(local string) bool {
	return isSecuritySpace(a.node.Space()) && a.node.Local() == local
}

// An alternative is a collection of assertions that hold together. Its capacity
// is its length, so that what is appended to two copies does not meet.
type alternative []assertion

// A normalizer makes the normal form of policies (WS-Policy 1.5 §4.1): a list of
// alternatives, none where nobody can meet the policy.
type normalizer struct {
	documents []*Document
	steps     int
	active    []xmltext.Node                       // the references that lead here, against loops
	known     map[subject]map[string][]alternative // of attachments, by their node and URI
}

// step counts work, and is the error of too much of it.
func (z *normalizer) step(d *Document, n xmltext.Node, cost int) error {
	if z.steps += cost; z.steps > maxPolicySteps {
		return d.Errorf(n, "the policies are too large: their normal form takes more than %d steps",
			maxPolicySteps)
	}
	return nil
}

// attachment returns the alternatives of a policy that is attached to an element.
func (z *normalizer) attachment(d *Document, a Attachment) ([]alternative, error) {
	switch {
	case a.URI == "" && !a.Policy.IsZero():
		return z.all(d, a.Policy)
	case IsPolicyElement(a.Node, "PolicyReference"):
		return z.reference(d, a.Node)
	}
	return z.referred(d, a.Node, a.URI)
}

// all returns the alternatives of the children of an operator of which each has
// to hold: wsp:Policy and wsp:All.
func (z *normalizer) all(d *Document, n xmltext.Node) ([]alternative, error) {
	result := []alternative{{}}
	for c := range n.Children() {
		more, err := z.child(d, c)
		if err != nil {
			return nil, err
		}
		if result, err = z.product(d, c, result, more); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// one returns those of wsp:ExactlyOne.
func (z *normalizer) one(d *Document, n xmltext.Node) ([]alternative, error) {
	var result []alternative
	for c := range n.Children() {
		more, err := z.child(d, c)
		if err != nil {
			return nil, err
		}
		if result = append(result, more...); len(result) > maxAlternatives {
			return nil, tooMany(d, c)
		}
	}
	return result, nil
}

func tooMany(d *Document, n xmltext.Node) error {
	return d.Errorf(n, "the policy has more than %d alternatives", maxAlternatives)
}

// product returns each alternative of a with each of b.
func (z *normalizer) product(d *Document, n xmltext.Node, a, b []alternative) ([]alternative, error) {
	if len(a)*len(b) > maxAlternatives {
		return nil, tooMany(d, n)
	}
	var result []alternative
	for _, x := range a {
		for _, y := range b {
			if err := z.step(d, n, len(x)+len(y)); err != nil {
				return nil, err
			}
			result = append(result, slices.Clip(slices.Concat(x, y)))
		}
	}
	return result, nil
}

// child returns the alternatives of a child of an operator: another operator, a
// reference, or an assertion.
func (z *normalizer) child(d *Document, n xmltext.Node) ([]alternative, error) {
	if err := z.step(d, n, 1); err != nil {
		return nil, err
	}
	switch {
	case IsPolicyElement(n, "Policy"), IsPolicyElement(n, "All"):
		return z.all(d, n)
	case IsPolicyElement(n, "ExactlyOne"):
		return z.one(d, n)
	case IsPolicyElement(n, "PolicyReference"):
		return z.reference(d, n)
	case isPolicySpace(n.Space()):
		return nil, d.Errorf(n, "%s is no operator of WS-Policy that wssgate knows", n.Local())
	}
	return z.assertion(d, n)
}

// reference returns the alternatives of the policy that n names (WS-Policy 1.5
// §4.3.4).
func (z *normalizer) reference(d *Document, n xmltext.Node) ([]alternative, error) {
	uri, _ := n.Attr("", "URI")
	if _, given := n.Attr("", "Digest"); given {
		return nil, d.Errorf(n, "the Digest of a PolicyReference is not checked; remove it")
	}
	return z.referred(d, n, uri)
}

// referred returns the alternatives of the policy of that URI; n names it.
func (z *normalizer) referred(d *Document, n xmltext.Node, uri string) ([]alternative, error) {
	policy, in, ok := FindPolicy(z.documents, d, uri)
	switch {
	case !ok:
		return nil, d.Errorf(n, "there is no policy %.200q in the documents read", uri)
	case slices.Contains(z.active, policy):
		return nil, d.Errorf(n, "the policy %.200q contains a reference to itself", uri)
	}
	z.active = append(z.active, policy)
	defer func() { z.active = z.active[:len(z.active)-1] }()
	return z.all(in, policy)
}

// assertion returns the alternatives of an assertion: one for each of its nested
// policy, and one without it if it is optional (WS-Policy 1.5 §4.3.1).
func (z *normalizer) assertion(d *Document, n xmltext.Node) ([]alternative, error) {
	optional, err := policyFlag(d, n, "Optional")
	if err != nil {
		return nil, err
	}
	ignorable, err := policyFlag(d, n, "Ignorable")
	if err != nil {
		return nil, err
	}
	bare := assertion{in: d, node: n, optional: optional || ignorable}
	var result []alternative
	policy, err := nestedPolicy(d, n)
	if err != nil {
		return nil, err
	}
	if policy.IsZero() {
		result = []alternative{{bare}}
	} else {
		nested, err := z.all(d, policy)
		if err != nil {
			return nil, err
		}
		for _, alt := range nested {
			with := bare
			with.nested = alt
			result = append(result, alternative{with})
		}
	}
	if bare.optional {
		result = append(result, alternative{})
	}
	return result, nil
}

// nestedPolicy returns the wsp:Policy in an assertion, zero if it has none.
func nestedPolicy(d *Document, n xmltext.Node) (policy xmltext.Node, err error) {
	for c := range n.Children() {
		if IsPolicyElement(c, "Policy") {
			if !policy.IsZero() {
				return policy, d.Errorf(c, "%s has two nested policies", n.Local())
			}
			policy = c
		}
	}
	return policy, nil
}

// policyFlag returns an attribute of WS-Policy of type xs:boolean.
func policyFlag(d *Document, n xmltext.Node, local string) (bool, error) {
	for name, value := range n.Attrs() {
		if isPolicySpace(name.Space) && name.Local == local {
			return boolean(d, n, local, value)
		}
	}
	return false, nil
}

// boolean parses an xs:boolean.
func boolean(d *Document, n xmltext.Node, name, value string) (bool, error) {
	switch trimmed(value) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, d.Errorf(n, "%s=%s is neither true nor false", name, fmt.Sprintf("%.40q", value))
}
