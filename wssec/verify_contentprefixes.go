package wssec

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// ContentPrefixes is the rule for a signed part whose content holds a qualified
// name, as xsi:type="t:Order" does, with a prefix whose declaration no digest
// covers. Exclusive canonicalization has the declarations that names of
// elements and attributes use, and those of a PrefixList. Any other can be
// changed on the way, and with it the type.
type ContentPrefixes string

// The rules. The zero value stands for [PrefixesAsReceived].
const (
	PrefixesAsReceived ContentPrefixes = "as-received" // accept the part, see Facts.UncoveredPrefix
	PrefixesCovered    ContentPrefixes = "covered"     // refuse the message
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

// CheckQName returns an error unless text can be one of the QNames of a
// [Config]: "{namespace}local", or "local" without a namespace.
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
// there. The error names the attribute or element that holds the qualified
// name, which is xsi:type or in the configuration, and quotes no content.
func (v *verification) checkContentPrefixes() error {
	q := xmltext.QNames{Names: v.p.qnames, CiphertextSigned: v.p.policy.ProtectionOrder == EncryptBeforeSign}
	for _, part := range v.covered {
		if part.node.Parent() == v.security {
			continue // the Security header is read here and never forwarded
		}
		at, ok := part.node.UncoveredQName(part.c14n, q)
		if !ok {
			continue
		}
		err := errAt(CodeContentPrefix, part.node,
			"no digest covers the declaration of the prefix in the value of %s, so it can be changed on the way without "+
				"breaking the signature: let the client list the prefix in a PrefixList, or use it in the name of an "+
				"element or attribute (content-prefixes)", at)
		if v.p.cfg.ContentPrefixes == PrefixesCovered {
			return err
		}
		v.facts.UncoveredPrefix = err
		return nil
	}
	return nil
}
