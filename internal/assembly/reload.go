package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/systemd"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// Load loads the configuration of a running gateway again, from where it was
// loaded at its start. Nil means that it is not loaded again.
type Load func() (*config.Config, error)

// A reloader is the [http.Handler] of the gateway that runs. It replaces it by that
// of a changed configuration, whole or not at all. Exchanges in progress end with
// the gateway that they began with.
type reloader struct {
	*Program
	assembler *assembler
	relay     *kdcproxy.Relay // nil for none
	gateway   atomic.Pointer[gateway.Gateway]
	running   *config.Config
}

// newReloader makes the gateway of the program's settings.
func newReloader(p *Program, c Config, relay *kdcproxy.Relay) (*reloader, error) {
	a, err := newAssembler(c)
	if err != nil {
		return nil, err
	}
	r := &reloader{Program: p, assembler: a, relay: relay, running: c.Settings}
	r.gateway.Store(a.running)
	return r, nil
}

// ServeHTTP serves the gateway that runs.
func (r *reloader) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.gateway.Load().ServeHTTP(w, req)
}

// watch applies changes at SIGHUP, and when the configuration's file changes, until
// ctx ends. Stop ends it, too, and returns when its goroutine has ended.
func (r *reloader) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	file := r.follow()
	var running sync.WaitGroup
	running.Go(func() {
		looks := time.NewTicker(lookEvery)
		defer looks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-looks.C:
				if file.changed() {
					r.reload("watch")
				}
			case <-hangup:
				file.taken()
				r.reload("SIGHUP")
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		signal.Stop(hangup)
	}
}

// follow returns the file of the configuration as it is now.
func (r *reloader) follow() *followed {
	f := &followed{what: "config"}
	if r.ConfigFile != "" && r.Load != nil {
		f.paths = []string{r.ConfigFile}
	}
	f.taken()
	f.last = f.used
	return f
}

// reload loads the configuration, and applies it.
func (r *reloader) reload(cause string) {
	_ = systemd.Notify(systemd.Reloading())
	defer func() { _ = systemd.Notify(systemd.Ready) }()
	next, err := r.load()
	if err == nil {
		err = r.apply(next)
	}
	r.assembler.Operator.loaded(err)
	if err != nil {
		r.Log.Error("configuration not reloaded; the running one stays in use", "cause", cause, "error", err.Error())
		return
	}
	changes := append([]string{}, r.running.Changes(next)...)
	r.Log.Info("configuration reloaded", "cause", cause, "changes", changes)
	if len(changes) > 0 {
		r.running = next
		logRoutes(next, r.assembler.Keys, r.Log)
	}
}

// load loads the configuration. The running one is applied again if there is no
// other: its krb5.conf may have changed.
func (r *reloader) load() (*config.Config, error) {
	if r.Load == nil {
		return r.running, nil
	}
	return r.Load()
}

// apply makes a configuration the running one, unless it fails.
func (r *reloader) apply(next *config.Config) error {
	if err := r.running.NeedsRestart(next); err != nil {
		return err
	}
	if len(r.running.Changes(next)) == 0 {
		return applyRelay(r.relay, next)
	}
	undo, done := r.assembler.Keys.use(next)
	g, commit, err := r.assembler.assemble(next)
	if err == nil {
		err = applyRelay(r.relay, next)
	}
	if err != nil {
		undo()
		return err
	}
	commit()
	r.gateway.Store(g)
	r.setLevel(next)
	done()
	return nil
}

// setLevel sets the level of the log, if it has changed: the operator may have set
// another one.
func (r *reloader) setLevel(next *config.Config) {
	var level slog.Level
	if next.LogLevel != r.running.LogLevel && r.Level != nil && level.UnmarshalText([]byte(next.LogLevel)) == nil {
		r.Level.Set(level)
	}
}

// onHangup calls f at SIGHUP until ctx ends. Stop ends it, too, and returns when
// its goroutine has ended.
func onHangup(ctx context.Context, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				f()
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		signal.Stop(hangup)
	}
}
