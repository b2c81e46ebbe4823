package doctor

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// maxServices limits how many principals are checked.
const maxServices = 64

// A keytabFile is a keytab of the configuration, or a file with a password,
// read once.
type keytabFile struct {
	path     string
	password bool           // keys are made of it
	salt     string         // and of this, if it was given
	keytab   *keytab.Keytab // nil when it could not be read
	err      error
}

// A service is a principal that routes accept tickets for.
type service struct {
	kerberos.Principal // with realm, unless the keytab does not have it
	file               *keytabFile
	known              bool // the keytab has it
	routes             []*config.Route
}

// allowsRC4 reports whether every route of the service accepts RC4.
func (s *service) allowsRC4() bool {
	return !slices.ContainsFunc(s.routes, func(r *config.Route) bool { return !r.AllowRC4 })
}

// paths returns the paths of the routes.
func (s *service) paths() string {
	var list []string
	for _, r := range s.routes {
		list = append(list, r.Name())
	}
	return strings.Join(list, ", ")
}

// entries returns the keytab's keys of a principal, newest first.
func (f *keytabFile) entries(p kerberos.Principal) (list []keytab.Entry) {
	if f.keytab == nil {
		return nil
	}
	for _, e := range f.keytab.Entries() {
		if e.Principal.String() == p.String() {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b keytab.Entry) int { return cmp.Compare(b.Kvno, a.Kvno) })
	return list
}

// findServices reads the keytabs and lists what the routes accept.
func (d *doctor) findServices() {
	files := map[string]*keytabFile{}
	services := map[string]*service{}
	for i := range d.Settings.Routes {
		r := &d.Settings.Routes[i]
		if r.Standard == config.StandardNone {
			continue
		}
		from, _ := d.Settings.ServiceOf(r)
		if from.Disabled {
			d.disabled = append(d.disabled, r.Name())
			continue
		}
		file := d.fileOf(from, files)
		for _, p := range accepted(&from, file) {
			key := file.path + "\x00" + p.String()
			s := services[key]
			if s == nil && len(d.services) == maxServices {
				d.more++
				continue
			}
			if s == nil {
				s = &service{Principal: p, file: file, known: len(file.entries(p)) > 0}
				services[key] = s
				d.services = append(d.services, s)
			}
			s.routes = append(s.routes, r)
			if p.Realm != "" && d.realms[p.Realm] == nil {
				d.realms[p.Realm] = d.newRealm(p.Realm)
			}
		}
	}
}

// fileOf reads the keys of a service, once for each file.
func (d *doctor) fileOf(s config.Service, files map[string]*keytabFile) *keytabFile {
	f := &keytabFile{path: strings.TrimPrefix(s.Keytab, "FILE:")}
	key := f.path
	if s.PasswordFile != "" {
		f.path, f.password, f.salt = s.PasswordFile, true, s.Salt
		key = s.PasswordFile + "\x00" + s.Name // the keys depend on the service too
	}
	if files[key] == nil {
		f.keytab, f.err = d.Keys(s)
		files[key] = f
		d.keytabs = append(d.keytabs, f)
	}
	return files[key]
}

// accepted returns the principals that a service accepts tickets for: those
// that it names, in every realm of the keytab if they name none, or all of the
// keytab.
func accepted(s *config.Service, f *keytabFile) (list []kerberos.Principal) {
	var all []kerberos.Principal
	if f.keytab != nil {
		all = f.keytab.Principals()
	}
	if len(s.Principals) == 0 {
		return all
	}
	for _, text := range s.Principals {
		want, err := kerberos.ParsePrincipal(text)
		if err != nil {
			continue // config has refused it
		}
		named := slices.DeleteFunc(slices.Clone(all), func(p kerberos.Principal) bool { return p.Name() != want.Name() })
		if want.Realm != "" || len(named) == 0 {
			named = []kerberos.Principal{want}
		}
		list = append(list, named...)
	}
	return list
}

// A realm is what is known of a realm's KDCs. The first check that needs it
// finds it out.
type realm struct {
	name     string
	kdcs     func() ([]kdcPlace, []Result) // where they are, and what is to be said about that
	probes   func() []*kdcProbe            // what each answers
	sessions func() *realmTickets          // what the keytabs get from them
}

// newRealm. The time of a check does not bound the work that it shares with
// others, each of whose questions is bounded by itself: the check that happens
// to come first must not end it for them.
func (d *doctor) newRealm(name string) *realm {
	r := &realm{name: name}
	type located struct {
		places  []kdcPlace
		results []Result
	}
	locate := sync.OnceValue(func() located {
		a, res := d.locateKDCs(name)
		return located{a, res}
	})
	r.kdcs = func() ([]kdcPlace, []Result) { l := locate(); return l.places, l.results }
	r.probes = sync.OnceValue(func() []*kdcProbe { return d.probeKDCs(r) })
	r.sessions = sync.OnceValue(func() *realmTickets { return d.getTickets(r) })
	return r
}

// realmNames are sorted.
func (d *doctor) realmNames() (names []string) {
	for name := range d.realms {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// servicesOf are the services of a realm that the keytabs have keys for.
func (d *doctor) servicesOf(realm string) (list []*service) {
	for _, s := range d.services {
		if s.Realm == realm && s.known {
			list = append(list, s)
		}
	}
	return list
}

// clientOf is a service of the realm, in whose name a KDC is asked whether it
// is there; of a realm without services, a name that nobody has.
func (d *doctor) clientOf(realm string) kerberos.Principal {
	if i := slices.IndexFunc(d.services, func(s *service) bool { return s.Realm == realm }); i >= 0 {
		return d.services[i].Principal
	}
	return kerberos.Principal{Components: []string{"kdcproxy-probe"}, Realm: realm}
}
