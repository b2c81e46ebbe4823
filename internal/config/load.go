package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Flags is what a command line and the environment can set: the place of the
// file, and every setting. Its fields carry the tags that kong reads.
type Flags struct {
	File string `yaml:"config" name:"config" short:"c" placeholder:"FILE" help:"YAML file with these settings, and with routes: for more than one route."`
	Process
	Route
}

// Given holds which settings of [Flags] were really given, and how the
// operator wrote them: "policy" -> "--policy" or "WSSGATE_POLICY".
type Given map[string]string

// EnvironmentPrefix begins the name of every environment variable; the rest is
// the setting's name in capitals, with "_" for "-".
const EnvironmentPrefix = "WSSGATE"

// Variable returns the environment variable of a setting.
func Variable(setting string) string {
	return EnvironmentPrefix + "_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// Load builds the effective configuration from flags and environment, the file
// that they name (none is fine), and the defaults. The error is an [*Error]
// with every finding, or the error of reading the file.
func Load(flags *Flags, given Given) (*Config, error) {
	l := &loader{origins: origins{"config": given["config"]}}
	l.settings = Flags{File: flags.File}
	setDefaults(&l.settings.Process)
	setDefaults(&l.settings.Route)
	if flags.File != "" {
		if err := l.readFile(flags.File); err != nil {
			return nil, err
		}
	}
	l.overlay(flags, given)
	cfg := l.routesOrOne(given)
	if len(l.findings) == 0 {
		l.findings = cfg.check()
	}
	if len(l.findings) > 0 {
		return nil, &Error{Findings: l.findings}
	}
	return cfg, nil
}

// A loader collects the layers, weakest first.
type loader struct {
	settings Flags // Process, and the route settings of the top level
	routes   []routeNode
	services []Service
	decode   *fileDecoder // nil without a file
	origins  origins
	findings []Finding

	serviceEntries []string // where the file has each of services
}

// overlay copies what was given on the command line or in the environment over
// what the file and the defaults say.
func (l *loader) overlay(flags *Flags, given Given) {
	from, to := fieldsOf(flags), fieldsOf(&l.settings)
	for _, name := range sorted(given) {
		how := given[name]
		field, ok := to[name]
		switch {
		case !ok:
		case isEmpty(from[name]) && !mayBeEmpty(name):
			l.find(how, name, "is empty", "unset it, or write the value")
		default:
			field.Set(from[name])
			l.origins[name] = how
		}
	}
}

// isEmpty knows what an empty word on a command line or in the environment
// turns into. It is a variable that was not expanded more often than a wish,
// and an empty allow-list allows everyone.
func isEmpty(field reflect.Value) bool {
	switch v := field.Interface().(type) {
	case string:
		return strings.TrimSpace(v) == ""
	case []string:
		return !slices.ContainsFunc(v, func(s string) bool { return strings.TrimSpace(s) != "" })
	}
	return false
}

// mayBeEmpty names the settings of which "" is a documented value.
func mayBeEmpty(name string) bool { return name == "principal-header" || name == "realm-header" }

// routesOrOne resolves the routes of the file against the top level, or makes
// the top level the single route.
func (l *loader) routesOrOne(given Given) *Config {
	cfg := &Config{Process: l.settings.Process, Services: l.services, origins: l.origins, serviceEntries: l.serviceEntries}
	if l.routes == nil {
		l.originsOfRoute(0, nil)
		cfg.Routes = []Route{l.settings.Route}
		return cfg
	}
	for i, node := range l.routes {
		route := l.settings.Route
		route.Path = ""
		cfg.entries = append(cfg.entries, place(l.decode.name, startOf(node.node)))
		own := l.decode.mapping(node.node, fieldsOf(&route), routePrefix(i))
		l.originsOfRoute(i, own)
		l.refuseConflicts(given, own)
		cfg.Routes = append(cfg.Routes, route)
	}
	if how, ok := l.origins["path"]; ok {
		l.find(how, "path", "does not say which route it is for", "give each entry of routes: its own path")
	}
	return cfg
}

// refuseConflicts reports each flag and variable that a route of the file sets
// for itself: whichever of the two won, somebody would be surprised.
func (l *loader) refuseConflicts(given Given, own map[string]string) {
	for _, name := range sorted(own) {
		if how, ok := given[name]; ok {
			l.find(how, name, "the route sets it too, at "+own[name], "remove one of the two")
		}
	}
}

// originsOfRoute records where route i has its values from: its own entry,
// else the top level, else the defaults.
func (l *loader) originsOfRoute(i int, own map[string]string) {
	for name := range fieldsOf(&Route{}) {
		if how, ok := own[name]; ok {
			l.origins[routePrefix(i)+name] = how
		} else if how, ok := l.origins[name]; ok {
			l.origins[routePrefix(i)+name] = how
		}
	}
}

func (l *loader) find(origin, setting, problem, cure string) {
	l.findings = append(l.findings, Finding{Origin: origin, Setting: setting, Problem: problem, Cure: cure})
}

// origins holds where a value came from: "gate.yaml:3:1", "--listen",
// "WSSGATE_LISTEN"; a name that is missing has its default.
type origins map[string]string

// of returns "" for a default.
func (o origins) of(name string) string { return o[name] }

func routePrefix(i int) string { return fmt.Sprintf("routes[%d].", i) }

// setDefaults returns each field the value of its default tag.
func setDefaults(v any) {
	forEachField(reflect.ValueOf(v).Elem(), func(name string, field reflect.Value, tag reflect.StructTag) {
		text, ok := tag.Lookup("default")
		if !ok {
			return
		}
		if err := yaml.Unmarshal([]byte(text), field.Addr().Interface()); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", name, err)) // a wrong tag; every test comes here
		}
	})
}

// fieldsOf maps the names of settings to the fields of the struct that v
// points to.
func fieldsOf(v any) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	forEachField(reflect.ValueOf(v).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
		fields[name] = field
	})
	return fields
}

// forEachField calls f for each field with a yaml name, going into embedded
// structs, in the order of declaration.
func forEachField(v reflect.Value, f func(name string, field reflect.Value, tag reflect.StructTag)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case field.Anonymous && name == "":
			forEachField(v.Field(i), f)
		case name != "" && name != "-":
			f(name, v.Field(i), field.Tag)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readFile reads at most fileLimit octets: a configuration is written by hand.
func readFile(name string) ([]byte, error) {
	const fileLimit = 4 << 20
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err == nil && len(data) > fileLimit {
		err = errors.New(name + ": configuration file is larger than 4 MiB")
	}
	return data, err
}
