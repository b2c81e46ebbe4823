package assembly

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A Keyring holds the keys of all services, of TLS and of state, and follows their
// files. Routes that use one keytab share it.
type Keyring struct {
	cfg      *config.Config
	log      *slog.Logger
	files    []*keyFile
	state    *seal.Ring // nil before stateKeys
	followed []*followed
	backends []*backendTLS
	signers  []*assertionKeys

	mu       sync.Mutex      // protects what a reload changes: cfg, files
	opened   []*keyFile      // since the last reload began, by what it made
	watching context.Context // of Watch; nil before
	running  sync.WaitGroup  // what Watch has begun
}

// A keyFile is a keytab, or a file with the passwords that keys are made from.
type keyFile struct {
	*keytab.File
	id     string
	what   string             // the setting that names it
	forget context.CancelFunc // ends its watch; nil before

	mu    sync.Mutex
	users []keyUser
}

// A keyUser is a route that accepts tickets with the keys of a file.
type keyUser struct {
	path     string
	acceptor *gss.Acceptor
}

// NewKeyring returns a Keyring without files. [New] opens those of its routes.
func NewKeyring(cfg *config.Config, log *slog.Logger) *Keyring { return &Keyring{cfg: cfg, log: log} }

// A credential is what a route accepts tickets with.
type credential struct {
	config.Service
	file       *keyFile // nil if it is disabled, or the route accepts no tickets
	principals []string // none: every principal of the file, now and later

	// refuse returns the error for one of its settings, with the setting's
	// place.
	refuse func(setting, problem, cure string) error
}

// of returns the credential of route i. It opens the file if no route has
// opened it before.
func (k *Keyring) of(i int) (*credential, error) {
	if k.cfg.Routes[i].Standard == config.StandardNone {
		return &credential{}, nil // it accepts no tickets
	}
	service, at := k.cfg.ServiceOf(&k.cfg.Routes[i])
	c := &credential{Service: service, principals: service.Principals}
	c.refuse = func(setting, problem, cure string) error {
		switch {
		case at >= 0:
			return k.cfg.RefuseService(at, setting, problem, cure)
		case setting == "principals":
			setting = "service"
		}
		return k.cfg.Refuse(i, setting, problem, cure)
	}
	if c.Disabled {
		return c, nil
	}
	var err error
	if c.file, err = k.open(c); err != nil {
		return nil, err
	}
	if all := c.file.Keytab().Principals(); len(c.principals) == 0 && !c.AnyPrincipal {
		if len(all) > 1 {
			return nil, c.refuse("principals",
				fmt.Sprintf("is not given, and keytab %s holds %d principals: %v", c.Keytab, len(all), all), cureOfSeveral(at))
		}
		c.principals = []string{all[0].String()} // not what the file may hold later
	}
	return c, nil
}

// lacks returns the error for a file without keys for a route; err is that of
// [gss.NewAcceptor].
func (c *credential) lacks(err error) error {
	var e *kerberos.Error
	switch {
	case errors.As(err, &e) && e.Code == kerberos.CodeNoEtype:
		return c.refuse(c.file.what, e.Detail,
			"give the service's account AES keys and export its keytab anew; while it has RC4 alone: allow-rc4")
	case errors.As(err, &e) && e.Code == kerberos.CodeNoPrincipal:
		return c.refuse("principals", e.Detail,
			"write it as klist -ekt "+c.file.Path()+" does, or export its keys to this file")
	}
	return c.refuse("principals", err.Error(), "")
}

// cureOfSeveral returns the cure for a keytab of several principals of which a
// service (-1: a route) names none.
func cureOfSeveral(service int) string {
	if service >= 0 {
		return "set principals: to those of this service, or any-principal: true"
	}
	return "set service: to the one of this route"
}

// open returns the file of a credential.
func (k *Keyring) open(c *credential) (*keyFile, error) {
	path, what, id := c.Keytab, "keytab", "keytab "+filepath.Clean(strings.TrimPrefix(c.Keytab, "FILE:"))
	cure := cureReadable
	fc := keytab.FileConfig{Keep: k.cfg.KeepOldKeys}
	if fc.Keep == 0 {
		fc.Keep = -1
	}
	if c.PasswordFile != "" {
		path, what = c.PasswordFile, "password-file"
		id = fmt.Sprintf("passwords %+v", c.Service) // which says how its keys are made
		cure = "name a file that this process can read, with the account's password in its first line"
		fc.Parse = passwords(c.Service)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		if f.id == id {
			k.opened = append(k.opened, f)
			return f, nil
		}
	}
	f := &keyFile{id: id, what: what}
	fc.Notify = func(e keytab.Event) { k.event(f, e) }
	var err error
	if f.File, err = keytab.OpenFile(path, fc); err != nil {
		problem, cure := fileProblem(path, err, cure)
		return nil, c.refuse(what, problem, cure)
	}
	warnIfReadable(f.Path(), what, k.log)
	k.opened = append(k.opened, f)
	k.files = append(slices.Clip(k.files), f) // a copy: a reload may take it back
	k.watch(f)
	return f, nil
}

// watch follows a file, if Watch runs.
func (k *Keyring) watch(f *keyFile) {
	if k.watching == nil || f.forget != nil {
		return
	}
	ctx, cancel := context.WithCancel(k.watching)
	f.forget = cancel
	k.running.Go(func() { f.Watch(ctx) })
}

// use records that a route accepts tickets with the keys of a file. It replaces
// the route's earlier record.
func (f *keyFile) use(path string, a *gss.Acceptor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users = append(slices.DeleteFunc(f.users, func(u keyUser) bool { return u.path == path }), keyUser{path, a})
}

// keep forgets the routes that do not accept tickets with the keys of f any more.
func (f *keyFile) keep(paths []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users = slices.DeleteFunc(f.users, func(u keyUser) bool { return !slices.Contains(paths, u.path) })
}

// Watch follows changes of the files until ctx ends, and reloads them all at
// SIGHUP. Once Watch has returned, the signal no longer ends the process. Stop
// ends the watch, too, and returns when its goroutines have ended.
func (k *Keyring) Watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	k.mu.Lock()
	k.watching = ctx
	for _, f := range k.files {
		k.watch(f)
	}
	k.mu.Unlock()
	k.running.Go(func() {
		ticks := time.NewTicker(lookEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				k.look()
			case <-hangup:
				k.reload()
			}
		}
	})
	return func() {
		cancel()
		k.running.Wait()
		signal.Stop(hangup)
	}
}

// use makes the Keyring that of another configuration, with the same listeners. The
// routes of that may open further files. Undo takes all back; done stops following
// the files that no route of it has.
func (k *Keyring) use(next *config.Config) (undo, done func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg, files := k.cfg, k.files
	k.cfg, k.opened = next, nil
	undo = func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.forget(func(f *keyFile) bool { return slices.Contains(files, f) })
		k.cfg = cfg
		k.forgetFiles()
	}
	done = func() {
		users := map[*keyFile][]string{}
		for i := range next.Routes {
			if c, err := k.of(i); err == nil && c.file != nil {
				users[c.file] = append(users[c.file], next.Routes[i].Name())
			}
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.forget(func(f *keyFile) bool { return slices.Contains(k.opened, f) })
		for _, f := range k.files {
			f.keep(users[f])
		}
		k.forgetFiles()
	}
	return undo, done
}

// forgetFiles stops following the files, other than keytabs, that no route has. The
// caller holds the mutex.
func (k *Keyring) forgetFiles() {
	gone := func(of func(*config.Route) bool) bool {
		return !slices.ContainsFunc(k.cfg.Routes, func(r config.Route) bool { return of(&r) })
	}
	var left []*followed
	k.backends = slices.DeleteFunc(slices.Clone(k.backends), func(b *backendTLS) bool {
		if !gone(func(r *config.Route) bool { return backendFiles(r) == b.files }) {
			return false
		}
		left = append(left, b.followed...)
		return true
	})
	k.signers = slices.DeleteFunc(slices.Clone(k.signers), func(s *assertionKeys) bool {
		if !gone(func(r *config.Route) bool { return r.AssertionKey == s.path }) {
			return false
		}
		left = append(left, s.followed)
		return true
	})
	k.followed = slices.DeleteFunc(slices.Clone(k.followed), func(f *followed) bool { return slices.Contains(left, f) })
}

// forget stops following the keytabs that are not kept.
func (k *Keyring) forget(keep func(*keyFile) bool) {
	k.files = slices.DeleteFunc(slices.Clone(k.files), func(f *keyFile) bool {
		if keep(f) {
			return false
		}
		if f.forget != nil {
			f.forget()
		}
		return true
	})
}

// reload reads all files, at SIGHUP, and logs the result of each.
func (k *Keyring) reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.files {
		change, err := f.Reload()
		if err != nil {
			k.failed(f, "SIGHUP", err)
			continue
		}
		k.reloaded(f, "SIGHUP", change)
	}
	for _, f := range k.followed {
		k.loadAgain(f, "SIGHUP")
	}
}

// stateKeys returns the keys of state-keys, or a random one that lives with the
// process. It fails if the file cannot be read.
func (k *Keyring) stateKeys() (*seal.Ring, error) {
	path := k.cfg.StateKeys
	switch {
	case k.state != nil:
		return k.state, nil
	case path == "":
		k.state = seal.NewRing(seal.Random())
		return k.state, nil
	}
	keys, err := k.loadStateKeys()
	if err != nil {
		return nil, err
	}
	k.state = seal.NewRing(keys)
	k.follow("state-keys", []string{path}, func() (string, error) {
		keys, err := k.loadStateKeys()
		if err != nil {
			return "", err
		}
		added, removed := k.state.Replace(keys)
		return fmt.Sprintf("%v, %d of them new; %d removed", keys, added, removed), nil
	})
	return k.state, nil
}

func (k *Keyring) loadStateKeys() (seal.Keys, error) {
	keys, err := seal.Load(k.cfg.StateKeys)
	if err != nil {
		return keys, k.cfg.Refuse(-1, "state-keys", strings.TrimPrefix(err.Error(), "state keys: "), stateKeysCure(err))
	}
	warnIfReadable(k.cfg.StateKeys, "state-keys", k.log)
	return keys, nil
}

// stateKeysCure returns what to do about a key file that was refused.
func stateKeysCure(err error) string {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return "name a key file that this process can read"
	}
	return "write one key a line, each made by: openssl rand -base64 32"
}

// certificates returns those of listener i, which follow their files, with that of
// the authorities of client certificates; nil if it has none.
func (k *Keyring) certificates(i int) (*gateway.Certificates, error) {
	l := &k.cfg.Listeners[i]
	all, rules, err := loadTLS(k.cfg, i, k.log)
	if err != nil || all == nil {
		return nil, err
	}
	used := gateway.NewCertificates(all, rules)
	follow := func(what string, paths []string, describe func([]tls.Certificate) string) {
		k.follow(what, paths, func() (string, error) {
			next, rules, err := loadTLS(k.cfg, i, k.log)
			if err != nil {
				return "", err
			}
			used.Replace(next, rules)
			return describe(next), nil
		})
	}
	for j, c := range k.cfg.CertificatesOf(l) {
		follow("tls-cert", []string{c.TLSCert, c.TLSKey}, func(all []tls.Certificate) string {
			return "good until " + all[j].Leaf.NotAfter.UTC().Format(time.RFC3339)
		})
	}
	if l.AsksClients() {
		follow("tls-client-ca", []string{l.TLSClientCA}, func([]tls.Certificate) string {
			return "authorities of client certificates"
		})
	}
	return used, nil
}

// event logs what a file has noticed by itself.
func (k *Keyring) event(f *keyFile, e keytab.Event) {
	switch {
	case e.NoNotices != nil:
		k.log.Warn("changes of this file are noticed late: the system sends no notices of them",
			"setting", f.what, "file", f.Path(), "error", e.NoNotices.Error(),
			"cure", "raise fs.inotify.max_user_instances or max_user_watches, or send SIGHUP after a change")
	case e.Err != nil:
		k.failed(f, string(e.Cause), e.Err)
	case len(e.Dropped) > 0:
		k.log.Info("old keys are dropped", "setting", f.what, "file", f.Path(), "keys", strings.Join(e.Dropped, ", "))
	default:
		k.reloaded(f, string(e.Cause), e.Change)
	}
}

func (k *Keyring) failed(f *keyFile, cause string, err error) {
	k.log.Error("keys not reloaded; the last good ones stay in use", "setting", f.what, "file", f.Path(), "cause", cause,
		"error", strings.TrimPrefix(err.Error(), "keytab: "))
}

// reloaded logs what has changed, and which routes can accept nothing any more.
func (k *Keyring) reloaded(f *keyFile, cause string, change keytab.Change) {
	k.log.Info("keys reloaded", "setting", f.what, "file", f.Path(), "cause", cause, "change", change.String())
	if change.IsEmpty() {
		return
	}
	warnIfReadable(f.Path(), f.what, k.log)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.users {
		if err := u.acceptor.Validate(); err != nil {
			k.log.Error("a route lacks keys since the change",
				"path", u.path, "setting", f.what, "file", f.Path(), "error", err.Error(),
				"cure", "export the service's keys to the file anew")
		}
	}
}
