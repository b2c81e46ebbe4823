package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// maxConnections is for hundreds that are slow, beside which a probe is answered.
	maxConnections = 1024
	maxHeader      = 64 << 10 // a Negotiate token with many groups
	headerTimeout  = 5 * time.Second
	idleTimeout    = time.Minute
	// writeTimeout is longer than the longest profile that is usual, a minute.
	writeTimeout = 3 * time.Minute
)

// Listen opens the address of an [Admin]: host:port, or unix: and the path of a
// socket, which is its owner's and group's alone. A socket that a process has left
// behind is replaced, and one that a process listens at is not.
func Listen(address string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		return net.Listen("tcp", address)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			_ = c.Close()
			return nil, errors.New("another process listens at " + path)
		}
		_ = os.Remove(path)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

// Serve answers requests at ln until stop is called, which returns when none is
// answered any more.
func (a *Admin) Serve(ln net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	srv := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(netutil.LimitListener(ln, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			a.cfg.Log.Error("the operator's listener ends", "error", err.Error())
		}
	}()
	return func() {
		cancel()
		_ = srv.Close()
		<-done
	}
}
