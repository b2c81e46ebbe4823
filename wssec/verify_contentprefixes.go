package wssec

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// ContentPrefixes says what is done with a signed part whose content holds a
// qualified name, as xsi:type="t:Order" does, with a prefix that the digest
// says nothing of. Exclusive canonicalization has the declarations that names
// of elements and attributes use, and those of a PrefixList; any other can be
// changed on the way, and the type with it.
type ContentPrefixes string

// The rules. The zero value is PrefixesAsReceived.
const (
	PrefixesAsReceived ContentPrefixes = "as-received" // accept it, see Facts.UncoveredPrefix
	PrefixesCovered    ContentPrefixes = "covered"     // refuse it
)

// parseQNames reads Config.QNames: "{namespace}local", or "local" without a
// namespace.
func parseQNames(texts []string) (names []xmltext.Name, err error) {
	for _, text := range texts {
		name, err := parseQName(text)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func parseQName(text string) (xmltext.Name, error) {
	name := xmltext.Name{Local: text}
	if strings.HasPrefix(text, "{") {
		name, _ = parseName(text)
	}
	if !isNCName(name.Local) {
		return name, fmt.Errorf("%q is not of the form {namespace}local or local", text)
	}
	return name, nil
}

// CheckQName reports whether text can be one of Config.QNames.
func CheckQName(text string) error {
	_, err := parseQName(text)
	return err
}

// covered is a node that a valid Reference covers, and how it was
// canonicalized.
type covered struct {
	node xmltext.Node
	c14n xmltext.C14N
}

// checkContentPrefixes applies ContentPrefixes to the Body and the header
// blocks that the signature covers. It comes last, when all of the plaintext is
// there. Log and error have the holder's name, which the schema or the route
// tells, and nothing of the content.
func (v *verification) checkContentPrefixes() error {
	q := xmltext.QNames{Names: v.p.qnames, CiphertextSigned: v.p.policy.ProtectionOrder == EncryptBeforeSign}
	for _, part := range v.covered {
		if part.node.Parent() == v.security {
			continue // read here, and not for its QNames
		}
		at, ok := part.node.UncoveredQName(part.c14n, q)
		if !ok {
			continue
		}
		err := errAt(CodeContentPrefix, part.node,
			"%s in it has a prefix whose declaration is in no digest: something between can change what it means; "+
				"the client lists it in a PrefixList, or uses it in a name of an element or attribute (content-prefixes)", at)
		if v.p.cfg.ContentPrefixes == PrefixesCovered {
			return err
		}
		v.facts.UncoveredPrefix = err
		return nil
	}
	return nil
}
