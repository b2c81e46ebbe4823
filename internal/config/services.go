package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/wssgate/wssgate/kerberos"
)

// Service is an entry of "services:" in the file: principals and their keys
// under a name, for the routes that name it by kerberos-service. Tags are those
// of [Process]; a value that is not given is not printed.
type Service struct {
	// Name is what routes call it.
	Name string `yaml:"name"`

	// Keytab is the keytab with the keys. A service has this or PasswordFile.
	Keytab string `yaml:"keytab,omitempty" placeholder:"FILE"`
	// PasswordFile is a file with the account's password, from which the keys
	// are made. Further lines are earlier passwords.
	PasswordFile string `yaml:"password-file,omitempty" placeholder:"FILE"`

	// Principals are those that tickets may be for. It is optional if the
	// keytab holds only one.
	Principals []string `yaml:"principals,omitempty"`
	// AnyPrincipal accepts every principal that the keytab holds, now or later.
	AnyPrincipal bool `yaml:"any-principal,omitempty"`

	// Salt is the account's salt, with PasswordFile. Empty means realm and name
	// of the principal.
	Salt string `yaml:"salt,omitempty"`
	// Kvno is the version of the keys of the first line of PasswordFile. Zero
	// means that they fit any.
	Kvno uint32 `yaml:"kvno,omitempty"`
	// Iterations is the count of the key derivation, with PasswordFile. Zero
	// means that of the encryption type.
	Iterations uint32 `yaml:"iterations,omitempty"`

	// Disabled makes the routes of this service refuse every request.
	Disabled bool `yaml:"disabled,omitempty"`
}

func servicePrefix(i int) string { return fmt.Sprintf("services[%d].", i) }

// ServiceOf returns the service of a route and its index in Services: the
// service that it names, else one of its own keytab and principal, with index
// -1.
func (c *Config) ServiceOf(r *Route) (Service, int) {
	i := slices.IndexFunc(c.Services, func(s Service) bool { return s.Name == r.KerberosService })
	if r.KerberosService != "" && i >= 0 {
		return c.Services[i], i
	}
	own := Service{Keytab: r.Keytab}
	if r.Service != "" {
		own.Principals = []string{r.Service}
	}
	return own, -1
}

// RefuseService is [Config.Refuse] for a setting of Services[i].
func (c *Config) RefuseService(i int, setting, problem, cure string) error {
	return c.refuse(servicePrefix(i), setting, problem, cure)
}

// serviceList decodes the entries of services:.
func (d *fileDecoder) serviceList(node ast.Node, into *[]Service) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		d.find(place(d.name, node.GetToken()), "services", "is not a list of services",
			"begin each service with \"- name: …\"")
		return
	}
	for i, entry := range list.Values {
		var s Service
		for setting, how := range d.mapping(entry, fieldsOf(&s), servicePrefix(i)) {
			d.origins[servicePrefix(i)+setting] = how
		}
		d.serviceEntries = append(d.serviceEntries, place(d.name, startOf(entry)))
		*into = append(*into, s)
	}
}

// services checks the services, each by itself.
func (k *checker) services() {
	names := map[string]int{}
	for i := range k.cfg.Services {
		s := &k.cfg.Services[i]
		k.prefix, k.entry = servicePrefix(i), k.cfg.serviceEntries[i]
		first, taken := names[s.Name]
		switch {
		case s.Name == "":
			k.findEntry("name", "is required", "write name: in this entry of services:")
		case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(s.Name):
			k.find("name", fmt.Sprintf("%q is not a plain name", s.Name), "write letters, digits, dots and dashes")
		case taken:
			k.find("name", fmt.Sprintf("%q is the name of service %d already", s.Name, first+1),
				"give each service its own name")
		}
		names[s.Name] = i
		k.keysOf(s)
		k.principalsOf(s)
	}
	k.prefix, k.entry = "", ""
}

// keysOf checks the source of a service's keys.
func (k *checker) keysOf(s *Service) {
	switch {
	case s.Keytab != "" && s.PasswordFile != "":
		k.find("password-file", "stands beside keytab, and keys come from one of the two", "remove one of them")
	case s.Keytab == "" && s.PasswordFile == "" && !s.Disabled:
		k.findEntry("keytab", "is required", "write keytab: or password-file: in this entry of services:")
	}
	if s.PasswordFile != "" {
		return
	}
	for _, name := range []string{"salt", "kvno", "iterations"} {
		if !fieldsOf(s)[name].IsZero() {
			k.find(name, "has no password-file beside it", "remove it: a keytab has finished keys")
		}
	}
}

// principalsOf checks a service's principals. An empty list must not mean that
// any principal is accepted.
func (k *checker) principalsOf(s *Service) {
	_, given := k.cfg.origins[k.prefix+"principals"]
	switch {
	case given && len(s.Principals) == 0:
		k.find("principals", "is empty", "name the principals, or set any-principal: true")
	case s.AnyPrincipal && given:
		k.find("any-principal", "stands beside principals, which it makes void", "remove one of the two")
	case s.AnyPrincipal && s.PasswordFile != "":
		k.find("any-principal", "does not go with password-file: keys are made for a principal", "name the principals")
	case s.PasswordFile != "" && len(s.Principals) == 0 && !s.Disabled:
		k.findEntry("principals", "is required with password-file", "name the principals, with realm")
	}
	for _, text := range s.Principals {
		p, err := kerberos.ParsePrincipal(text)
		switch {
		case err != nil:
			k.find("principals", fmt.Sprintf("%q is not a service principal", text),
				"write it as soap/gw.example.com@EXAMPLE.COM")
		case p.Realm == "" && s.PasswordFile != "":
			k.find("principals", fmt.Sprintf("%q names no realm, which keys of a password depend on", text),
				"write it as soap/gw.example.com@EXAMPLE.COM")
		}
	}
}

// credential checks that a route names a service, or has a keytab of its own.
func (k *checker) credential(r *Route) {
	if r.KerberosService == "" {
		if r.Keytab == "" {
			k.missing("keytab")
		}
		if _, err := kerberos.ParsePrincipal(r.Service); r.Service != "" && err != nil {
			k.find("service", fmt.Sprintf("%q is not a service principal", r.Service),
				"write it as soap/gw.example.com@EXAMPLE.COM")
		}
		return
	}
	var names []string
	for _, s := range k.cfg.Services {
		names = append(names, s.Name)
	}
	switch {
	case len(names) == 0:
		k.find("kerberos-service",
			fmt.Sprintf("%q is not defined: the configuration has no services:", r.KerberosService),
			"define it in the file, or give keytab and service instead")
	case !slices.Contains(names, r.KerberosService):
		k.find("kerberos-service", fmt.Sprintf("%q is not among services:", r.KerberosService),
			nearest(r.KerberosService, names))
	}
	for _, own := range []struct{ setting, value string }{{"keytab", r.Keytab}, {"service", r.Service}} {
		if own.value != "" {
			k.find("kerberos-service",
				fmt.Sprintf("the route has %s too%s, and a service has its own", own.setting, k.at(own.setting)),
				"remove one of the two")
		}
	}
}

// at returns the place of a setting in parentheses, or "" if it is not known.
func (k *checker) at(setting string) string {
	if how := k.cfg.origins.of(k.prefix + setting); how != "" {
		return " (" + how + ")"
	}
	return ""
}

// findEntry adds a finding about a setting that an entry of the file lacks.
func (k *checker) findEntry(name, problem, cure string) {
	k.findings = append(k.findings, Finding{Origin: k.entry, Setting: name, Problem: problem, Cure: cure})
}
