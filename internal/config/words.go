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

// checkWord finds texts that are not what they look like: without quotes no and
// off are a switch to a reader of YAML 1.1 and to whoever wrote
// "principal-header: no", and 010 is the number 8; in double quotes \a is a
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
	if _, scalar := node.(ast.ScalarNode); !scalar || slices.Contains(choices(name), t.Value) {
		return
	}
	quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	_, isText := node.(*ast.StringNode)
	switch word := strings.ToLower(t.Value); {
	case strings.ContainsFunc(t.Value, unicode.IsControl) && quoted:
		d.find(place(d.name, t), setting, "holds a control character: in double quotes a backslash begins an escape", "write it in single quotes")
	case quoted || node.Type() == ast.LiteralType:
	case slices.Contains([]string{"no", "off", "yes", "on", "n", "y", "true", "false"}, word):
		cure := "write it in quotes if it is meant"
		if mayBeEmpty(name) {
			cure += `; for none write ""`
		}
		d.find(place(d.name, t), setting, fmt.Sprintf("%s is a switch in YAML, and this setting is a text", t.Value), cure)
	case !isText && textOfNumber(node) != t.Value: // 010 would be "8"
		d.find(place(d.name, t), setting, fmt.Sprintf("%s is a number, and this is a text", t.Value), "write it in quotes")
	}
}

// textOfNumber is what the decoder makes of a number that is to be a text.
func textOfNumber(node ast.Node) string {
	var text string
	if err := yaml.NodeToValue(node, &text); err != nil {
		return ""
	}
	return text
}

// choices are the values of a setting that has few.
func choices(name string) (list []string) {
	eachSetting(func(setting string, tag reflect.StructTag) {
		if values := tag.Get("enum"); setting == name && values != "" {
			list = strings.Split(values, ",")
		}
	})
	return list
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
	for _, v := range []any{&Process{}, &Route{}, &Service{}} {
		forEachField(reflect.ValueOf(v).Elem(), func(name string, _ reflect.Value, tag reflect.StructTag) { f(name, tag) })
	}
}

// fromFolder makes a path of the file one that counts from the file's folder
// and not from where the process was started. It stays as it is where these are
// the same.
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

// unknown words the cure for a key that is not known where it stands: it may be
// known elsewhere, which is how lines look whose indentation was lost.
func unknown(name, prefix string, known []string) string {
	for _, p := range []struct {
		where string
		in    any
		not   bool
	}{
		{"of the process: write it at the top level", &Process{}, prefix == ""},
		{"of a route: write it at the top level, or in an entry of routes:", &Route{}, prefix == "" || strings.HasPrefix(prefix, "routes[") && !strings.HasSuffix(prefix, "policy.")},
		{"of a policy: indent it under policy:", &policyKeys{}, strings.HasSuffix(prefix, "policy.")},
		{"of a service: write it in an entry of services:", &Service{}, strings.HasPrefix(prefix, "services[")},
	} {
		if _, there := fieldsOf(p.in)[name]; there && !p.not {
			return "it is a setting " + p.where
		}
	}
	return nearest(name, known)
}
