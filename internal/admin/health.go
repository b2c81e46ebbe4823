package admin

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/kerberos/negotiate"
)

func (a *Admin) healthz(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") }

// readyz answers 503 with a line for each reason for which no requests should
// come.
func (a *Admin) readyz(w http.ResponseWriter, _ *http.Request) {
	if why := a.unready(); len(why) > 0 {
		writeText(w, http.StatusServiceUnavailable, strings.Join(why, "\n")+"\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

func (a *Admin) unready() (why []string) {
	if a.draining.Load() {
		why = append(why, "stopping: exchanges in progress are finished, and new ones should go elsewhere")
	}
	if a.cfg.Unready != nil {
		why = append(why, a.cfg.Unready()...)
	}
	return why
}

// jwks answers the keys by which backends verify assertions (RFC 7517 5).
func (a *Admin) jwks(w http.ResponseWriter, _ *http.Request) {
	var set []byte
	if a.cfg.JWKS != nil {
		set = a.cfg.JWKS()
	}
	if set == nil {
		writeText(w, http.StatusNotFound, "no route has an assertion-key\n")
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(set)
}

func (a *Admin) level(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, strings.ToLower(a.cfg.Level.Level().String())+"\n")
}

// setLevel sets the level of the log to that of the body: debug, info, warn or
// error.
func (a *Admin) setLevel(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 100))
	var level slog.Level
	if err == nil {
		err = level.UnmarshalText([]byte(strings.TrimSpace(string(body))))
	}
	if err != nil {
		writeText(w, http.StatusBadRequest, "the body is no level: write debug, info, warn or error\n")
		return
	}
	before := a.cfg.Level.Level()
	a.cfg.Level.Set(level)
	a.cfg.Log.Warn("log level set", "level", level.String(), "before", before.String(), "by", clientOf(r))
	writeText(w, http.StatusOK, strings.ToLower(level.String())+"\n")
}

// clientOf returns who has sent a request: the principal, where somebody asks for
// it, else the address.
func clientOf(r *http.Request) string {
	if i, ok := negotiate.FromRequestContext(r.Context()); ok {
		name, realm := i.Client()
		return name + "@" + realm
	}
	return r.RemoteAddr
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, text)
}
