package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A Keyring has the keys of all services: one file for each path, whatever the
// number of routes that use it.
type Keyring struct {
	cfg   *config.Config
	log   *slog.Logger
	files []*keyFile
}

// A keyFile is a keytab, or a file with passwords that keys are made of.
type keyFile struct {
	*keytab.File
	id    string
	what  string // the setting that names it
	users []keyUser
}

// A keyUser is a route that accepts tickets with the keys of a file.
type keyUser struct {
	path     string
	acceptor *gss.Acceptor
}

// NewKeyring returns a Keyring without files; [New] opens those of its routes.
func NewKeyring(cfg *config.Config, log *slog.Logger) *Keyring { return &Keyring{cfg: cfg, log: log} }

// A credential is what a route accepts tickets with.
type credential struct {
	config.Service
	file       *keyFile // nil if it is disabled, or the route accepts no tickets
	principals []string // none: every principal of the file, now and later

	// refuse makes the error for a setting of it, with the place of the
	// setting.
	refuse func(setting, problem, cure string) error
}

// of finds the credential of route i, and opens its file if no route did
// before.
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
			return nil, c.refuse("principals", fmt.Sprintf("is not given, and keytab %s holds %d principals: %v", c.Keytab, len(all), all), cureOfSeveral(at))
		}
		c.principals = []string{all[0].String()} // not what the file may hold later
	}
	return c, nil
}

// lacks makes the error for a file without keys for a route; err is an
// Acceptor's.
func (c *credential) lacks(err error) error {
	var e *kerberos.Error
	switch {
	case errors.As(err, &e) && e.Code == kerberos.CodeNoEtype:
		return c.refuse(c.file.what, e.Detail, "give the service's account AES keys and export its keytab anew; while it has RC4 alone: allow-rc4")
	case errors.As(err, &e) && e.Code == kerberos.CodeNoPrincipal:
		return c.refuse("principals", e.Detail, "write it as klist -ekt "+c.file.Path()+" does, or export its keys to this file")
	}
	return c.refuse("principals", err.Error(), "")
}

// cureOfSeveral is the cure of a keytab of several principals, of which a
// service (-1: a route) names none.
func cureOfSeveral(service int) string {
	if service >= 0 {
		return "say which of them this service is, or any-principal: true"
	}
	return "say which of them this route accepts"
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
		path, what, id = c.PasswordFile, "password-file", "password of "+c.Name
		cure = "name a file that this process can read, with the account's password in its first line"
		fc.Parse = passwords(c.Service)
	}
	for _, f := range k.files {
		if f.id == id {
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
	k.files = append(k.files, f)
	return f, nil
}

// use notes that a route accepts tickets with a file's keys, in the place of
// what was noted of it before.
func (f *keyFile) use(path string, a *gss.Acceptor) {
	f.users = append(slices.DeleteFunc(f.users, func(u keyUser) bool { return u.path == path }), keyUser{path, a})
}

// Watch follows the files until ctx ends, and reloads them all at SIGHUP. When
// it has returned, that signal no longer ends the process; stop waits until all
// is quiet.
func (k *Keyring) Watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var running sync.WaitGroup
	for _, f := range k.files {
		running.Go(func() { f.Watch(ctx) })
	}
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				k.reload()
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		signal.Stop(hangup)
	}
}

// reload reads all files, for SIGHUP, and logs for each what came of it.
func (k *Keyring) reload() {
	for _, f := range k.files {
		change, err := f.Reload()
		if err != nil {
			k.failed(f, "SIGHUP", err)
			continue
		}
		k.reloaded(f, "SIGHUP", change)
	}
}

// event logs what a file noticed by itself.
func (k *Keyring) event(f *keyFile, e keytab.Event) {
	switch {
	case e.NoNotices != nil:
		k.log.Warn("changes of this file are noticed late: the system gives no notice of them", "setting", f.what, "file", f.Path(),
			"error", e.NoNotices.Error(), "cure", "raise fs.inotify.max_user_instances or max_user_watches, or send SIGHUP after a change")
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

// reloaded logs what changed, and which routes can accept nothing any more.
func (k *Keyring) reloaded(f *keyFile, cause string, change keytab.Change) {
	k.log.Info("keys reloaded", "setting", f.what, "file", f.Path(), "cause", cause, "change", change.String())
	if change.IsEmpty() {
		return
	}
	warnIfReadable(f.Path(), f.what, k.log)
	for _, u := range f.users {
		if err := u.acceptor.Validate(); err != nil {
			k.log.Error("a route lacks keys since the change", "path", u.path, "setting", f.what, "file", f.Path(), "error", err.Error(),
				"cure", "export the service's keys to the file anew")
		}
	}
}
