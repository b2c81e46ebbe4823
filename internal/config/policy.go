package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// ContextInToken is the context-storage with which the state of a security
// context is in its token.
const ContextInToken = "token"

// Policies are the policies that a route accepts. Each message is verified
// under the one that it was made for ([wssec.Choice]).
type Policies struct{ list []Policy }

// All returns the policies, at least one. The caller must not modify the slice.
func (p Policies) All() []Policy { return p.list }

// UnmarshalText parses names of presets, separated by commas.
func (p *Policies) UnmarshalText(text []byte) error {
	var all Policies
	for name := range strings.SplitSeq(string(text), ",") {
		var one Policy
		if err := one.UnmarshalText([]byte(strings.TrimSpace(name))); err != nil {
			return err
		}
		all.list = append(all.list, one)
	}
	*p = all
	return nil
}

// String returns the names of the policies, separated by commas.
func (p Policies) String() string {
	var names []string
	for _, one := range p.list {
		names = append(names, one.String())
	}
	return strings.Join(names, ", ")
}

// MarshalYAML returns the policy, or a list of several.
func (p Policies) MarshalYAML() (any, error) {
	if len(p.list) == 1 {
		return p.list[0].MarshalYAML()
	}
	return p.list, nil
}

// decodeNode decodes a policy or a list of policies.
func (p *Policies) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	nodes := []ast.Node{node}
	if list, ok := node.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	if len(nodes) == 0 {
		d.find(place(d.name, node.GetToken()), setting, "is an empty list", "name a policy")
	}
	p.list = make([]Policy, len(nodes))
	for i := range nodes {
		p.list[i].decodeNode(d, nodes[i], setting)
	}
}

// Policy is a policy that a route accepts. On the command line it is the name
// of a preset ([wssec.Preset]); in the file it may also be a mapping of the
// fields of [wssec.Policy], which may start from a preset:
//
//	policy:
//	  preset: Kerberos
//	  derived-keys: allowed
type Policy struct {
	wssec.Policy
	preset string            // "" if the operator wrote all fields
	custom bool              // differs from the preset
	places map[string]string // where the file has each key
}

// policyKeys are the keys of a mapping under policy:.
type policyKeys struct {
	wssec.Policy
	Preset string `yaml:"preset"`
}

// UnmarshalText parses the name of a preset.
func (p *Policy) UnmarshalText(text []byte) error {
	policy, ok := wssec.Preset(string(text))
	if !ok {
		return errors.New(unknownPreset(string(text)))
	}
	*p = Policy{Policy: policy, preset: string(text)}
	return nil
}

func unknownPreset(name string) string {
	return fmt.Sprintf("no policy is called %q; the presets are %s, and in the file policy: can be a mapping",
		name, strings.Join(wssec.PresetNames(), ", "))
}

// ReliesOnNothing reports whether the policy relies on TLS to protect messages,
// and accepts them without TLS.
func (p Policy) ReliesOnNothing() bool {
	return p.AllowPlainHTTP && p.Binding != wssec.SymmetricBinding
}

// String returns the policy's name for logs.
func (p Policy) String() string {
	if p.Name != "" {
		return p.Name
	}
	return "custom"
}

// MarshalYAML returns the preset's name, or all fields.
func (p Policy) MarshalYAML() (any, error) {
	if p.preset != "" && !p.custom {
		return p.preset, nil
	}
	return p.Policy, nil
}

// decodeNode decodes a name or a mapping.
func (p *Policy) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	entries, ok := node.(ast.MapNode)
	if !ok {
		if err := p.UnmarshalText([]byte(node.GetToken().Value)); err != nil {
			d.find(place(d.name, node.GetToken()), setting, err.Error(), "")
		}
		return
	}
	*p = Policy{custom: true}
	for it := entries.MapRange(); it.Next(); {
		if it.Key().GetToken().Value == "preset" {
			p.decodeNode(d, it.Value(), setting+".preset")
		}
	}
	p.custom = true
	fields := fieldsOf(&p.Policy)
	fields["preset"] = reflect.ValueOf(&p.preset).Elem()
	var bootstrap Policy
	fields["bootstrap"] = reflect.ValueOf(&bootstrap).Elem()
	actors := actorList{&p.Actors}
	fields["actor"] = reflect.ValueOf(&actors).Elem()
	p.places = d.mapping(node, fields, setting+".")
	if _, given := p.places["bootstrap"]; given {
		p.Bootstrap = &bootstrap.Policy
	}
	if _, named := p.places["name"]; !named && p.preset != "" {
		p.Name = p.preset + " (changed)"
	}
}

// actorList is the list of a policy's actors, which may be a single text.
type actorList struct{ list *[]string }

// decodeNode decodes an actor or a list of them.
func (a actorList) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	nodes := []ast.Node{node}
	if list, ok := node.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	*a.list = make([]string, len(nodes))
	for i := range nodes {
		d.value(nodes[i], reflect.ValueOf(&(*a.list)[i]).Elem(), setting)
	}
}

// roles checks that the actors behind the route are those of other nodes, and
// that understood header blocks are named in full.
func (k *checker) roles(r *Route) {
	for _, actor := range r.ForwardActors {
		switch err := wssec.CheckActor(actor); {
		case err != nil && actor != soap.RoleNone:
			k.find("forward-actors", err.Error(), "")
		case slices.ContainsFunc(r.Policy.list, func(p Policy) bool { return slices.Contains(p.Actors, actor) }):
			k.find("forward-actors", fmt.Sprintf("%q is wssgate's own role, by actor of the policy", actor),
				"remove it here or there")
		}
	}
	for _, name := range r.UnderstoodHeaders {
		if err := wssec.CheckHeaderName(name); err != nil {
			k.find("understood-headers", err.Error(), "write it as {namespace}name or {namespace}*")
		}
		if strings.HasPrefix(name, "{"+wssec.NSWSSE+"}") {
			k.find("understood-headers", "a wsse:Security header for wssgate is processed, and never passed on",
				"remove it; for another actor's see forward-actors")
		}
	}
}
