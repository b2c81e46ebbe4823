package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/wssec"
)

// ordinary are words with a hyphen that name nothing of wssgate.
var ordinary = []string{"user-to-user", "re-formats", "pre-authentication", "one-time", "ticket-granting",
	"well-formed", "allow-list"}

// What a cure names exists: settings, keys of a policy or service, flags,
// subcommands.
func TestCuresNameSettingsThatExist(t *testing.T) {
	names := settingNames(reflect.TypeFor[config.Flags](), reflect.TypeFor[config.Service](),
		reflect.TypeFor[wssec.Policy]())
	names = append(names, "routes", "services", "preset")
	for _, name := range names {
		_, choices := config.Help(name)
		names = append(names, strings.Split(choices, ",")...) // values
	}
	var commandNames, flags []string
	k, err := kong.New(new(commands), kong.Vars{"policies": "", "version": ""}, kong.Name("wssgate"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range k.Model.Children {
		commandNames = append(commandNames, n.Name)
		for _, f := range n.Flags {
			flags = append(flags, f.Name, "no-"+f.Name)
		}
	}
	var codes []string
	for _, e := range gateway.Catalogue() {
		codes = append(codes, e.Code)
	}
	hyphenated := regexp.MustCompile(`(^|[ (:"])(-{0,2}[a-z]+(?:-[a-z0-9]+)+|-{2}[a-z]+)\b`)
	assigned := regexp.MustCompile(`(^|[ (])([a-z][a-z-]*): (?:true|false|auto|optional|lax|pass|drop|off|of the|of ` +
		`its)\b`)
	called := regexp.MustCompile(`wssgate ([a-z]+)`)
	check := func(code, word string) {
		flag, isFlag := strings.CutPrefix(word, "--")
		switch {
		case isFlag && !slices.Contains(flags, flag):
			t.Errorf("%s: there is no flag %s", code, word)
		case !isFlag && !slices.Contains(names, word) && !slices.Contains(codes, word) && !slices.Contains(ordinary, word):
			t.Errorf("%s: there is no setting %s", code, word)
		}
	}
	for _, e := range gateway.Catalogue() {
		for _, m := range hyphenated.FindAllStringSubmatch(e.Cure+" "+e.Cause, -1) {
			check(e.Code, m[2])
		}
		for _, m := range assigned.FindAllStringSubmatch(e.Cure, -1) {
			check(e.Code, m[2])
		}
		for _, m := range called.FindAllStringSubmatch(e.Cure, -1) {
			if !slices.Contains(commandNames, m[1]) {
				t.Errorf("%s: there is no wssgate %s", e.Code, m[1])
			}
		}
		for _, vague := range []string{"key source", "trusted client realms", "the configuration", "state keys",
			"replay stores more", "for negotiation", "do not demand", "Config."} {
			if strings.Contains(e.Cure, vague) && !e.Elsewhere() {
				t.Errorf("%s: %q is a term of the library; name the setting", e.Code, vague)
			}
		}
	}
}

// settingNames are the yaml names of all fields of structs, embedded ones
// included.
func settingNames(types ...reflect.Type) (names []string) {
	for _, t := range types {
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if name != "" {
				names = append(names, name)
			}
			if f.Anonymous {
				names = append(names, settingNames(f.Type)...)
			}
		}
	}
	return names
}
