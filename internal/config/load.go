package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Flags holds what the command line and the environment can set: the name of
// the file, and every setting. Its fields have the tags that package kong
// reads; the help texts are those of [Help].
type Flags struct {
	File string `yaml:"config" name:"config" short:"c" placeholder:"FILE"`
	Process
	Route
}

// Given maps the settings of [Flags] that the operator gave to how they were
// given: "policy" to "--policy" or "WSSGATE_POLICY". A setting that is not in
// it has the value of the file, or its default.
type Given map[string]string

// EnvironmentPrefix begins the names of all environment variables. See
// [Variable].
const EnvironmentPrefix = "WSSGATE"

// Variable returns the name of a setting's environment variable, such as
// WSSGATE_CLOCK_SKEW for clock-skew.
func Variable(setting string) string {
	return EnvironmentPrefix + "_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// UnknownVariables returns a finding for each WSSGATE_ variable that is not a
// setting, in an environment as [os.Environ] returns it: a typo there must not
// weaken a policy. It leaves out the variables that Kubernetes sets for a
// service called wssgate.
func UnknownVariables(environ []string) []Finding {
	injected := regexp.MustCompile(`^` + EnvironmentPrefix + `_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)$`)
	var known []string
	for setting := range fieldsOf(&Flags{}) {
		known = append(known, Variable(setting))
	}
	slices.Sort(known)
	var found []Finding
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvironmentPrefix+"_") || slices.Contains(known, name) || injected.MatchString(name) {
			continue
		}
		found = append(found, Finding{Origin: name, Problem: "unknown setting", Cure: nearest(name, known)})
	}
	return found
}

// Load returns the effective configuration of flags and environment, the file
// that they name, if any, and the defaults. The error is an [*Error] with every
// finding.
func Load(flags *Flags, given Given) (*Config, error) {
	l := newLoader(flags.File, given["config"])
	if flags.File != "" {
		if err := l.readFile(flags.File); err != nil {
			return nil, err
		}
	}
	return l.finish(flags, given)
}

// Parse returns what [Load] does for a file of that name with this text, without
// flags and environment.
func Parse(name string, text []byte) (*Config, error) {
	l := newLoader(name, "")
	root, err := parseFile(name, text)
	if err != nil {
		return nil, err
	}
	if root != nil {
		l.file(name, root)
	}
	return l.finish(&Flags{File: name}, nil)
}

// newLoader returns a loader with the defaults alone.
func newLoader(file, how string) *loader {
	l := &loader{origins: origins{"config": how}}
	l.settings = Flags{File: file}
	setDefaults(&l.settings.Process)
	setDefaults(&l.settings.Route)
	return l
}

// finish returns the configuration once the file has been read.
func (l *loader) finish(flags *Flags, given Given) (*Config, error) {
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

// A loader merges the layers, weakest first.
type loader struct {
	relayAlone bool // settings of [RelayFlags] only

	settings Flags // Process, and the route settings of the top level
	routes   []routeNode
	services []Service

	listeners    []Listener
	certificates []Certificate
	decode       *fileDecoder // nil without a file
	origins      origins
	findings     []Finding

	serviceEntries     []string // where the file has each of services
	listenerEntries    []string // and of listeners
	certificateEntries []string // and of certificates
}

// overlay copies what was given on the command line or in the environment over
// the values of the file and the defaults.
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

// isEmpty reports whether a value came of an empty word on the command line or
// in the environment. Mostly that is a shell variable that is not set, and an
// empty allow-list allows everyone.
func isEmpty(field reflect.Value) bool {
	switch v := field.Interface().(type) {
	case string:
		return strings.TrimSpace(v) == ""
	case Backends:
		return isEmpty(reflect.ValueOf([]string(v)))
	case []string:
		return !slices.ContainsFunc(v, func(s string) bool { return strings.TrimSpace(s) != "" })
	}
	return false
}

// mayBeEmpty reports whether "" is a documented value of a setting.
func mayBeEmpty(name string) bool {
	return slices.Contains([]string{"principal-header", "realm-header", "groups-header", "assertion-header",
		"client-certificate-header"}, name)
}

// routesOrOne returns the configuration with the routes of the file, each
// starting from the top level, or with the top level as the single route.
func (l *loader) routesOrOne(given Given) *Config {
	cfg := &Config{Process: l.settings.Process, Services: l.services, origins: l.origins, serviceEntries: l.serviceEntries,
		Listeners: l.listeners, listenerEntries: l.listenerEntries,
		Certificates: l.certificates, certificateEntries: l.certificateEntries}
	if len(cfg.Listeners) == 0 {
		cfg.Listeners = []Listener{cfg.ownListener()}
	}
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
		l.find(how, "path", "applies to no route: the file has routes:", "give each entry of routes: its own path")
	}
	return cfg
}

// refuseConflicts adds a finding for each flag and variable that a route of the
// file sets too. Either precedence would surprise somebody.
func (l *loader) refuseConflicts(given Given, own map[string]string) {
	for _, name := range sorted(own) {
		if how, ok := given[name]; ok {
			l.find(how, name, "the route sets it too, at "+own[name], "remove one of the two")
		}
	}
}

// originsOfRoute records the origins of the values of route i: its own entry,
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

// origins maps settings to the origins of their values: "gate.yaml:3:1",
// "--listen", "WSSGATE_LISTEN". A setting that is not in it has its default.
type origins map[string]string

// of returns "" for a default.
func (o origins) of(name string) string { return o[name] }

func routePrefix(i int) string { return fmt.Sprintf("routes[%d].", i) }

// setDefaults sets each field to the value of its default tag.
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

// fieldsOf returns the fields of the struct that v points to, by the names of
// their settings.
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

// readFile reads a file of at most fileLimit octets.
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
