package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/wssgate/wssgate/wssec"
)

// Policies are the protections that a route accepts. Each message has to have the
// one that it was made for, which is told by what it carries ([wssec.Choice]).
type Policies struct{ list []Policy }

// All returns them, at least one.
func (p Policies) All() []Policy { return p.list }

// UnmarshalText takes the names of presets, with commas between them.
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

// String returns the names that logs use.
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

// decodeNode takes a policy or a list of them.
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

// Policy is a protection that a route accepts. On a command line it is the
// name of a preset; in the file it may also be a mapping of the fields of
// [wssec.Policy], which may start from a preset:
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

// UnmarshalText takes the name of a preset.
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

// ReliesOnNothing reports whether the policy leaves it to TLS to protect messages,
// and takes them without.
func (p Policy) ReliesOnNothing() bool {
	return p.AllowPlainHTTP && p.Binding != wssec.SymmetricBinding
}

// String returns the name that logs use.
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

// decodeNode takes a name or a mapping.
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
	p.places = d.mapping(node, fields, setting+".")
	if _, named := p.places["name"]; !named && p.preset != "" {
		p.Name = p.preset + " (changed)"
	}
}
