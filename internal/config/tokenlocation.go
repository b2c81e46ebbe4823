package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/wssec"
)

// TokenLocations are the places where the messages of a route may have their
// token, at least one. In the file an XPath expression may also be a mapping,
// which binds prefixes:
//
//	token-location:
//	  - xpath: //app:Ticket
//	    namespaces: {app: "urn:app"}
type TokenLocations struct{ list location.Locations }

// All returns the places. The caller must not modify the slice.
func (t TokenLocations) All() location.Locations { return t.list }

// UnmarshalText parses places, separated by commas, or one XPath expression,
// which may have commas.
func (t *TokenLocations) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), ",")
	if strings.HasPrefix(strings.TrimSpace(string(text)), "xpath:") {
		parts = []string{string(text)}
	}
	var all TokenLocations
	for _, part := range parts {
		l, err := location.Parse(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		all.list = append(all.list, l)
	}
	*t = all
	return nil
}

// String returns the places, separated by commas.
func (t TokenLocations) String() string { return t.list.String() }

// xpathKeys are the keys of a mapping under token-location:.
type xpathKeys struct {
	XPath      string            `yaml:"xpath"`
	Namespaces map[string]string `yaml:"namespaces"`
}

// MarshalYAML returns the place, or a list of several.
func (t TokenLocations) MarshalYAML() (any, error) {
	var all []any
	for _, l := range t.list {
		if len(l.Namespaces()) == 0 {
			all = append(all, l.String())
			continue
		}
		bound := yaml.MapSlice{}
		for _, prefix := range slices.Sorted(maps.Keys(l.Namespaces())) {
			bound = append(bound, yaml.MapItem{Key: prefix, Value: l.Namespaces()[prefix]})
		}
		all = append(all, yaml.MapSlice{
			{Key: "xpath", Value: strings.TrimPrefix(l.String(), "xpath:")}, {Key: "namespaces", Value: bound},
		})
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

// decodeNode decodes a place or a list of places.
func (t *TokenLocations) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	nodes := []ast.Node{node}
	if list, ok := node.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	if len(nodes) == 0 {
		d.find(place(d.name, node.GetToken()), setting, "is an empty list", "name a place, such as security-header")
	}
	t.list = nil
	for _, n := range nodes {
		l, err := decodeLocation(n)
		if err != nil {
			d.find(place(d.name, startOf(n)), setting, err.Error(), "")
			continue
		}
		t.list = append(t.list, l)
	}
}

// decodeLocation decodes the text of a place, or a mapping with an expression.
func decodeLocation(node ast.Node) (location.Location, error) {
	if _, mapping := node.(ast.MapNode); !mapping {
		if _, scalar := node.(ast.ScalarNode); !scalar {
			return location.Location{}, errors.New("is neither a place nor a mapping of xpath and namespaces")
		}
		return location.Parse(node.GetToken().Value)
	}
	var keys xpathKeys
	if err := yaml.NodeToValue(node, &keys, yaml.Strict()); err != nil {
		return location.Location{}, fmt.Errorf("is not xpath: with namespaces: %s", syntaxFinding("", err).Problem)
	}
	return location.ParseXPath(keys.XPath, keys.Namespaces)
}

// tokenLocation checks that the policy and the places of tokens go together: a
// token outside of the Security header is of Kerberos, and nothing signs it.
func (k *checker) tokenLocation(r *Route) {
	places := r.TokenLocation.list
	k.repeatedLocation(places)
	k.tokenHeaders(r)
	if places.IsDefault() || len(places) == 0 || len(r.Policy.list) == 0 {
		return
	}
	p := &r.Policy.list[0]
	contradicts := func(why, cure string) {
		k.find("token-location", fmt.Sprintf("%s contradicts policy %s%s, %s", places, r.Policy, k.at("policy"), why), cure)
	}
	switch signed := p.signedToken(); {
	case len(r.Policy.list) > 1:
		contradicts("which is several: they are told apart by what stands in the Security header",
			"give each a route of its own")
	case p.ClientToken() != wssec.KerberosToken:
		contradicts(fmt.Sprintf("under which clients send a %s token, and never a Kerberos token", p.ClientToken()),
			"remove token-location, or take a policy with a kerberos token")
	case signed != "":
		contradicts(fmt.Sprintf("which asks for a signature over the token (%s): nothing signs one that stands elsewhere",
			signed), "remove one of the two")
	}
}

// signedToken returns the setting by which the policy wants its token signed in
// the message, "" if it does not.
func (p *Policy) signedToken() string {
	for _, t := range p.SupportingTokens {
		if t.Use == wssec.UseSignedEndorsing && p.Binding == wssec.NoBinding {
			return "use: signed-endorsing"
		}
	}
	if p.ProtectTokens {
		return "protect-tokens"
	}
	return ""
}

func (k *checker) repeatedLocation(places location.Locations) {
	seen := map[string]bool{}
	for _, l := range places {
		if seen[l.String()] {
			k.find("token-location", fmt.Sprintf("%s is listed twice", l), "remove one of the two")
		}
		seen[l.String()] = true
	}
}

// tokenHeaders checks that the HTTP header of a token is not passed to the
// backend, and is none that means something else.
func (k *checker) tokenHeaders(r *Route) {
	for _, l := range r.TokenLocation.list {
		name := l.Header()
		if name == "" {
			continue
		}
		if name != "Authorization" && (reserved(name) || clientsOwn(name)) {
			k.find("token-location", fmt.Sprintf("%q is a header that HTTP needs, or that means something else", name),
				"use another name such as X-Token")
		}
		for _, passed := range r.PassHTTPHeaders {
			if headerKey(passed) == headerKey(name) {
				k.find("token-location", fmt.Sprintf("%s would reach the backend with the token: pass-http-headers%s lists %q",
					l, k.at("pass-http-headers"), passed), "remove one of the two: whoever has the token may use it")
			}
		}
	}
}
