package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// checkWord finds texts that are not what they look like. Without quotes, no
// and off are switches in YAML 1.1 and to an operator who writes
// "principal-header: no", and 010 is the number 8. In double quotes \a is a
// bell.
func (d *fileDecoder) checkWord(node ast.Node, field reflect.Value, name, setting string) {
	switch field.Interface().(type) {
	case string:
		d.checkScalar(node, name, setting)
	case []string:
		if list, ok := node.(*ast.SequenceNode); ok {
			for _, v := range list.Values {
				d.checkScalar(v, name, setting)
			}
		}
	}
}

func (d *fileDecoder) checkScalar(node ast.Node, name, setting string) {
	t := node.GetToken()
	if _, scalar := node.(ast.ScalarNode); !scalar || slices.Contains(choices(name), t.Value) || hasWord(name, t.Value) {
		return
	}
	quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	_, isText := node.(*ast.StringNode)
	switch word := strings.ToLower(t.Value); {
	case strings.ContainsFunc(t.Value, unicode.IsControl) && quoted:
		d.find(place(d.name, t), setting, "holds a control character: in double quotes a backslash begins an escape",
			"write it in single quotes")
	case quoted || node.Type() == ast.LiteralType:
	case slices.Contains([]string{"no", "off", "yes", "on", "n", "y", "true", "false"}, word):
		cure := "write it in quotes to use it as a text"
		if mayBeEmpty(name) {
			cure += `; for none write ""`
		}
		d.find(place(d.name, t), setting, fmt.Sprintf("%s is a switch in YAML, but this setting takes a text", t.Value), cure)
	case !isText && textOfNumber(node) != t.Value: // 010 would be "8"
		d.find(place(d.name, t), setting, fmt.Sprintf("%s is a number, but this setting takes a text", t.Value),
			"write it in quotes")
	}
}

// textOfNumber returns the text that the decoder makes of a number.
func textOfNumber(node ast.Node) string {
	var text string
	if err := yaml.NodeToValue(node, &text); err != nil {
		return ""
	}
	return text
}

// choices returns the values of a setting that has few.
func choices(name string) []string {
	if _, list := Help(name); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// hasWord reports whether a word is one of the values of a setting that takes other
// texts too: admin: off.
func hasWord(name, word string) (has bool) {
	eachSetting(func(setting string, tag reflect.StructTag) {
		has = has || setting == name && slices.Contains(strings.Split(tag.Get("placeholder"), "|"), word)
	})
	return has
}

// isPath reports whether a setting names a file or directory.
func isPath(name string) (is bool) {
	eachSetting(func(setting string, tag reflect.StructTag) {
		kind := tag.Get("placeholder")
		is = is || setting == name && (kind == "FILE" || kind == "DIR")
	})
	return is
}

func eachSetting(f func(name string, tag reflect.StructTag)) {
	for _, v := range []any{&Process{}, &Route{}, &Service{}, &Listener{}} {
		forEachField(reflect.ValueOf(v).Elem(), func(name string, _ reflect.Value, tag reflect.StructTag) { f(name, tag) })
	}
}

// fromFolder makes a path of the file relative to the file's folder, in place
// of the working directory. It does not change it where these are the same.
func (d *fileDecoder) fromFolder(field reflect.Value) {
	folder := filepath.Dir(d.name)
	path, isFile := strings.CutPrefix(field.String(), "FILE:")
	if path == "" || filepath.IsAbs(path) || folder == "." {
		return
	}
	path = filepath.Join(folder, path)
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // so that what --check prints is good wherever it is saved
	}
	if isFile {
		path = "FILE:" + path
	}
	field.SetString(path)
}

// unknown returns the cure for a key that is not known in its place. It may be
// known elsewhere, when a line has lost its indentation.
func unknown(name, prefix string, known []string) string {
	for _, p := range []struct {
		where string
		in    any
		not   bool
	}{
		{"of the process: write it at the top level", &Process{}, prefix == ""},
		{"of a route: write it at the top level, or in an entry of routes:", &Route{}, prefix == "" ||
			strings.HasPrefix(prefix, "routes[") && !strings.HasSuffix(prefix, "policy.")},
		{"of a policy: indent it under policy:", &policyKeys{}, strings.HasSuffix(prefix, "policy.")},
		{"of a listener: write it in an entry of listeners:", &Listener{}, strings.HasPrefix(prefix, "listeners[")},
		{"of a service: write it in an entry of services:", &Service{}, strings.HasPrefix(prefix, "services[")},
	} {
		if _, there := fieldsOf(p.in)[name]; there && !p.not {
			return "it is a setting " + p.where
		}
	}
	return nearest(name, known)
}
