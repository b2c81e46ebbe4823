package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/internal/admin"
	"github.com/wssgate/wssgate/internal/audit"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/systemd"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// An Operator is the operator's side of a gateway: an [admin.Admin] that is told of
// its exchanges, and asks for its state.
type Operator struct {
	*admin.Admin
	watchers
	keys     *Keyring
	replay   ReplayStores
	contexts atomic.Pointer[contextStores]
	gateway  atomic.Pointer[gateway.Gateway]
	sets     atomic.Pointer[[]*backendSet]
	settings atomic.Pointer[admin.Configuration]
}

// watchers are those of an Operator that a process may be without.
type watchers struct {
	audit   *audit.Log
	tracer  *telemetry.Tracer
	clients *adminClients
}

// newOperator returns the Operator of a gateway that [New] then makes with it.
func newOperator(p *Program, keys *Keyring, replay ReplayStores, w watchers) *Operator {
	o := &Operator{keys: keys, replay: replay, watchers: w}
	o.settings.Store(&admin.Configuration{File: p.ConfigFile, Loaded: time.Now()})
	o.Admin = admin.New(admin.Config{
		Version: p.Version, Level: p.level(), Log: p.Log, Routes: routesOf(p.Settings, keys),
		Hosts: p.Settings.AdminHosts, Protect: w.clients.protect(),
		ShowPrincipals: p.Settings.AdminShowPrincipals, Use: o.use, Keys: keys.keyFiles, State: o.state,
		Backends: o.backends, Configuration: func() admin.Configuration { return *o.settings.Load() },
		Traces: o.traces(), JWKS: keys.jwks, Unready: o.unready, Doctor: p.Doctor, Explain: explain(),
	})
	return o
}

// Observe counts an exchange, and writes it to the audit log.
func (o *Operator) Observe(r *gateway.Record) {
	o.audit.Write(r)
	o.Admin.Observe(r)
}

// traces returns what counts the spans that are sent and lost, nil if none are.
func (o *Operator) traces() func() (sent, lost uint64) {
	if o.tracer == nil {
		return nil
	}
	return o.tracer.Counts
}

// unready returns why no requests should come.
func (o *Operator) unready() []string {
	why := append(o.keys.unready(), o.replay.stores.Outages()...)
	if lost, err := o.audit.Failing(); err != nil {
		why = append(why, fmt.Sprintf("the audit log cannot be written (%v); %d lines are lost", err, lost))
	}
	return why
}

// openAudit opens the audit log, nil if there is none.
func openAudit(cfg *config.Config, log *slog.Logger) (*audit.Log, error) {
	if cfg.AuditLog == "" {
		return nil, nil
	}
	trail, err := audit.Open(cfg.AuditLog, log)
	if err != nil {
		return nil, cfg.Refuse(-1, "audit-log", err.Error(), "name a file that this process can write")
	}
	return trail, nil
}

// followAudit opens the audit log anew at SIGHUP, until ctx ends or stop is called.
func followAudit(ctx context.Context, trail *audit.Log, log *slog.Logger) (stop func()) {
	if trail == nil {
		return func() {}
	}
	return onHangup(ctx, func() {
		if err := trail.Reopen(); err != nil {
			log.Error("the audit log is not opened anew; the file that was open stays in use", "error", err.Error())
		}
	})
}

// explain returns the causes and cures of the catalogue.
func explain() func(code string) (cause, cure string) {
	entries := map[string]gateway.Entry{}
	for _, e := range gateway.Catalogue() {
		entries[e.Code] = e
	}
	return func(code string) (cause, cure string) { return entries[code].Cause, entries[code].Cure }
}

// loaded records that the configuration was loaded again, and taken if err is nil.
func (o *Operator) loaded(err error) {
	if o == nil {
		return
	}
	now := *o.settings.Load()
	if now.Failing = ""; err != nil {
		now.Failing = err.Error()
	} else {
		now.Loaded = time.Now()
	}
	o.settings.Store(&now)
}

// backends returns what is known of the backends of routes.
func (o *Operator) backends() (list []admin.Backend) {
	sets := o.sets.Load()
	if sets == nil {
		return nil
	}
	for _, set := range *sets {
		for _, b := range set.Status() {
			list = append(list, admin.Backend{Route: set.route, Name: b.Name, Out: b.Out})
		}
	}
	return list
}

// runs records which gateway runs, of which configuration and with which backends.
func (o *Operator) runs(g *gateway.Gateway, cfg *config.Config, contexts *contextStores, sets map[string]*backendSet) {
	all := slices.Collect(maps.Values(sets))
	o.sets.Store(&all)
	o.contexts.Store(contexts)
	o.gateway.Store(g)
	o.SetRoutes(routesOf(cfg, o.keys))
}

func (o *Operator) use() gateway.Use {
	if g := o.gateway.Load(); g != nil {
		return g.Use()
	}
	return gateway.Use{}
}

func (o *Operator) state() (s admin.State) {
	s.TicketRecords, s.MessageRecords = lengthOf(o.replay.Tickets), lengthOf(o.replay.Messages)
	if c := o.contexts.Load(); c != nil {
		s.Contexts, s.Negotiations = lengthOf(c.contexts), lengthOf(c.halfOpen)
	}
	return s
}

// lengthOf returns how many records a store has, 0 for one that does not say.
func lengthOf(store any) int {
	if s, ok := store.(interface{ Len() int }); ok {
		return s.Len()
	}
	return 0
}

// ticket counts a ticket that was accepted.
func (o *Operator) ticket(f gss.Facts) {
	if o != nil {
		o.Ticket(etype.Name(f.TicketEtype), etype.Name(f.KeyEtype), !f.Fallback, f.Skew)
	}
}

// routesOf returns what the status page says of the routes.
func routesOf(cfg *config.Config, keys *Keyring) (list []admin.Route) {
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		rt := admin.Route{Name: r.Name(), Standard: r.Standard, Service: keys.serviceOf(i),
			Backend: withoutUsers(r.Backend), KeyFile: keys.fileOf(i)}
		switch r.Standard {
		case config.StandardNone:
			rt.Policy = "nothing: messages pass as they are"
		case config.StandardHTTP:
			rt.Policy = "HTTP Negotiate"
		default:
			rt.Policy = r.Policy.String()
		}
		if rt.Shadow = r.Shadow; r.Shadow {
			rt.Policy = "nothing: messages pass as received, and are tried under " + r.Policy.String()
		}
		service, _ := cfg.ServiceOf(r)
		rt.Disabled = service.Disabled
		list = append(list, rt)
	}
	return list
}

// withoutUsers returns URLs without users and passwords.
func withoutUsers(backends config.Backends) string {
	var texts []string
	for _, text := range backends {
		u, err := url.Parse(text)
		if err != nil {
			return ""
		}
		u.User = nil
		texts = append(texts, u.String())
	}
	return strings.Join(texts, ", ")
}

// openAdmin opens the operator's listener. Where nobody has written its address
// and it is taken, as by another gateway of this machine, there is none.
func openAdmin(cfg *config.Config, log *slog.Logger) (net.Listener, error) {
	if !cfg.HasAdmin() {
		return nil, nil
	}
	ln, err := admin.Listen(cfg.Admin)
	switch {
	case err == nil:
		return ln, nil
	case cfg.AdminGiven():
		return nil, cfg.Refuse(-1, "admin", err.Error(), listenCure(err))
	}
	log.Warn("no operator's listener", "admin", cfg.Admin, "error", err.Error(),
		"cure", "give each process an admin address of its own, or admin off")
	return nil, nil
}

// tellSystemd notifies systemd that the process serves, and that it ends when ctx
// does. In between it notifies it, in time for WatchdogSec=, that the process is
// alive: that the budget, which every exchange takes, is to be had.
func (o *Operator) tellSystemd(ctx context.Context, log *slog.Logger) (stop func()) {
	tell := func(states ...string) {
		if err := systemd.Notify(states...); err != nil {
			log.Warn("systemd is not told", "error", err.Error())
		}
	}
	tell(systemd.Ready)
	unhook := context.AfterFunc(ctx, func() { tell(systemd.Stopping) })
	end := systemd.Watchdog(func(context.Context) bool {
		o.use()
		return true
	})
	return func() {
		unhook()
		end()
	}
}

// serveAdmin serves the operator's listener, if there is one. When ctx ends it goes
// on and says that the process is about to end, until stop is called.
func (o *Operator) serveAdmin(ctx context.Context, ln net.Listener, log *slog.Logger) (stop func()) {
	if ln == nil {
		return func() {}
	}
	log.Info("serving the operator", "admin", ln.Addr().String())
	end := o.Serve(ln)
	forget := context.AfterFunc(ctx, o.Drain)
	return func() {
		forget()
		end()
	}
}

// fileOf returns the path of the file with the keys of route i, or "".
func (k *Keyring) fileOf(i int) string {
	c, err := k.of(i)
	if err != nil || c.file == nil {
		return ""
	}
	return c.file.Path()
}

// keyFiles returns the files with keys as they are now, for the operator.
func (k *Keyring) keyFiles() (list []admin.KeyFile) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		status := f.Status()
		kf := admin.KeyFile{Path: f.Path(), Taken: status.Taken, Keys: newest(f.Keytab())}
		if status.Err != nil {
			kf.Failing = status.Err.Error()
		}
		list = append(list, kf)
	}
	return list
}

// newest returns the newest key of each principal and encryption type.
func newest(kt *keytab.Keytab) (list []admin.Key) {
	for _, e := range kt.Entries() {
		key := admin.Key{Principal: e.Principal.String(), Etype: etype.Name(e.Etype), Kvno: e.Kvno, Made: e.Timestamp}
		i := slices.IndexFunc(list, func(o admin.Key) bool {
			return o.Principal == key.Principal && o.Etype == key.Etype
		})
		switch {
		case i < 0:
			list = append(list, key)
		case list[i].Kvno < key.Kvno:
			list[i] = key
		}
	}
	return list
}

// unready returns why tickets are not accepted: files that have no keys any more.
func (k *Keyring) unready() (why []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		if len(f.Keytab().Principals()) == 0 {
			why = append(why, fmt.Sprintf("%s %s has no keys: export the keytab anew", f.what, f.Path()))
		}
	}
	return why
}
