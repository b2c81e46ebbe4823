package assembly

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/internal/backend"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
)

// A backendSet is what sends the requests of routes to their backends. It stays when
// the configuration is reloaded and says the same of it, and with it what is known
// of the backends' health, and connections.
type backendSet struct {
	*backend.Set
	secure *backendTLS
	route  string
}

// setTransport sets what sends the requests of route i to its backends.
func (a *assembler) setTransport(route *gateway.Route, cfg *config.Config, i int) error {
	if route.Disabled {
		return nil
	}
	r := &cfg.Routes[i]
	secure, err := a.Keys.backendTLS(i)
	if err != nil {
		return err
	}
	key := strings.Join(append([]string{r.Name(), r.Standard, r.BackendTimeout.String(), r.BackendConnectTimeout.String(),
		r.BackendCA, r.BackendCert, r.BackendKey, r.BackendServerName}, r.Backend...), "\n")
	set := a.sets[key]
	if set == nil {
		made, err := a.newSet(cfg, i, secure)
		if err != nil {
			return err
		}
		set = &backendSet{made, secure, r.Name()}
	}
	a.next[key], route.Transport = set, set.Set
	return nil
}

// newSet makes the set of the backends of a route.
func (a *assembler) newSet(cfg *config.Config, i int, secure *backendTLS) (*backend.Set, error) {
	r := &cfg.Routes[i]
	list, err := r.Backend.All()
	if err != nil {
		return nil, cfg.Refuse(i, "backend", err.Error(), "write it as http://localhost:9100/service")
	}
	bc := backend.Config{
		Transport: gateway.NewTransport(), ConnectTimeout: r.BackendConnectTimeout, TLS: secure.config,
		Log: a.Log.With("route", r.Name()),
	}
	if r.Standard == config.StandardHTTP { // its responses pass, however long they take
		bc.ResponseTimeout = r.BackendTimeout
	}
	for _, b := range list {
		bc.Targets = append(bc.Targets,
			backend.Target{Name: b.Name, Scheme: b.URL.Scheme, Host: b.URL.Host, Socket: b.Socket})
	}
	if len(list) > 1 {
		bc.Report = noteBackend
	}
	set, err := backend.New(bc)
	if err != nil {
		return nil, cfg.Refuse(i, "backend", err.Error(), "")
	}
	return set, nil
}

// takeSets makes the sets of the routes that were assembled last those that run. Of
// the others the idle connections are closed; exchanges in progress go on.
func (a *assembler) takeSets() {
	for key, set := range a.next {
		if a.sets[key] == nil {
			a.Keys.usedBy(set, true)
		}
	}
	for key, set := range a.sets {
		if a.next[key] == nil {
			a.Keys.usedBy(set, false)
			set.CloseIdleConnections()
		}
	}
	a.sets = a.next
}

// usedBy records that a set uses what it connects with, or does not any more.
func (k *Keyring) usedBy(set *backendSet, used bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	users := slices.DeleteFunc(slices.Clone(set.secure.users), func(s *backend.Set) bool { return s == set.Set })
	if used {
		users = append(users, set.Set)
	}
	set.secure.users = users
}

// noteBackend adds which backend got the message to the event of the exchange,
// and which took nothing of it.
func noteBackend(ctx context.Context, target string, before []string) {
	gateway.Note(ctx, slog.String("backend", target))
	if len(before) > 0 {
		gateway.Note(ctx, slog.Any("backends_failed", before))
	}
}

// A backendTLS is what routes trust backends by, and show themselves by. Routes
// with the same files share it.
type backendTLS struct {
	files    backend.TLSFiles
	current  atomic.Pointer[tls.Config]
	users    []*backend.Set
	followed []*followed
}

func (b *backendTLS) config() *tls.Config { return b.current.Load() }

// backendTLS returns what route i connects to its backends with. Its files are
// followed. New connections are made with what they hold then; the idle ones
// are closed.
func (k *Keyring) backendTLS(i int) (*backendTLS, error) {
	cfg := k.cfg // that of now: route i may be another one later
	files := backendFiles(&cfg.Routes[i])
	for _, b := range k.backends {
		if b.files == files {
			return b, nil
		}
	}
	b := &backendTLS{files: files}
	load := func() (string, error) {
		next, err := files.Load()
		if err != nil {
			return "", refuseBackendFile(cfg, i, err)
		}
		b.current.Store(next)
		for _, set := range b.users {
			set.CloseIdleConnections()
		}
		return k.describe(files, next), nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	if files.CA != "" {
		b.followed = append(b.followed, k.follow("backend-ca", []string{files.CA}, load))
	}
	if files.Certificate != "" {
		b.followed = append(b.followed, k.follow("backend-cert", []string{files.Certificate, files.Key}, load))
	}
	k.backends = append(k.backends, b)
	return b, nil
}

func backendFiles(r *config.Route) backend.TLSFiles {
	return backend.TLSFiles{CA: r.BackendCA, Certificate: r.BackendCert, Key: r.BackendKey,
		ServerName: r.BackendServerName}
}

// refuseBackendFile returns the error for a file that [backend.TLSFiles] could
// not load, with the setting that names it.
func refuseBackendFile(cfg *config.Config, i int, err error) error {
	setting, cure := "backend-cert", "give a PEM certificate chain and its key"
	var file *backend.FileError
	switch r := &cfg.Routes[i]; {
	case !errors.As(err, &file):
	case file.Path == r.BackendCA:
		setting, cure = "backend-ca", "give a file with the PEM certificates of the authorities, and nothing else"
	case file.Path == r.BackendKey:
		setting = "backend-key"
	}
	return cfg.Refuse(i, setting, err.Error(), cure)
}

// describe returns what is known of loaded files, and warns of a key that others
// can read.
func (k *Keyring) describe(files backend.TLSFiles, c *tls.Config) string {
	if files.Certificate == "" {
		return "authorities of backends"
	}
	warnIfReadable(files.Key, "backend-key", k.log)
	return "certificate good until " + c.Certificates[0].Leaf.NotAfter.UTC().Format(time.RFC3339)
}
