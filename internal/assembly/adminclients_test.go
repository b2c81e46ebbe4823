package assembly

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const adminService = "HTTP/gw.example.com"

// TestOperatorsClientsAreAsked: who is listed may use the listener, with a ticket;
// others may not, and nobody may without one but probes and scrapers.
func TestOperatorsClientsAreAsked(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, service, adminService)
	keytab := w.keytab("svc.keytab", service)
	cfg := loadConfig(t, fmt.Sprintf("backend: http://127.0.0.1:1/\nkeytab: %s\nadmin-keytab: %s\n"+
		"admin-allowed-principals: ['alice@%s', '*/admin@%[3]s']\n", keytab,
		w.keytab("admin.keytab", adminService), realm))
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	clients, err := openAdminClients(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	keys := NewKeyring(cfg, log)
	p := &Program{Settings: cfg, Log: log, Level: level}
	o := newOperator(p, keys, MemoryReplay(cfg), watchers{clients: clients})
	h := o.Handler()
	do := func(method, path, client, body string) int {
		t.Helper()
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		if client != "" {
			token, _, err := w.kdc.Token(client, adminService, krbtest.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if challenge := rec.Header().Get("WWW-Authenticate"); rec.Code == http.StatusUnauthorized &&
			client == "" && challenge != "Negotiate" {
			t.Errorf("%s: challenge %q", path, challenge)
		}
		return rec.Code
	}
	for _, path := range []string{"/", "/page.css", "/log-level", "/jwks", "/debug/pprof/", "/debug/pprof/profile",
		"/nowhere"} {
		if status := do(http.MethodGet, path, "", ""); status != http.StatusUnauthorized {
			t.Errorf("%s without a ticket: HTTP %d", path, status)
		}
		if status := do(http.MethodGet, path, "mallory", ""); status != http.StatusForbidden &&
			status != http.StatusUnauthorized {
			t.Errorf("%s for mallory: HTTP %d", path, status)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		if status := do(method, "/log-level", "", "debug"); status != http.StatusUnauthorized || level.Level() != 0 {
			t.Errorf("%s without a ticket: HTTP %d, level %v", method, status, level)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status := do(http.MethodGet, path, "", ""); status != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, status)
		}
	}
	for _, client := range []string{"alice", "bob/admin"} {
		if status := do(http.MethodGet, "/", client, ""); status != http.StatusOK {
			t.Errorf("for %s: HTTP %d", client, status)
		}
	}
	if status := do(http.MethodPut, "/log-level", "alice", "debug"); status != http.StatusOK ||
		level.Level() != slog.LevelDebug {
		t.Errorf("HTTP %d, level %v", status, level)
	}
	for _, want := range []string{`"by":"alice@` + realm,
		`"msg":"refused at the operator's listener","principal":"mallory@` + realm} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("no %s in\n%s", want, w.log.String())
		}
	}
}

// TestOperatorsClientsAreRefusedAtStart: what cannot ask anybody.
func TestOperatorsClientsAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, service)
	keytab := w.keytab("svc.keytab", service)
	log := slog.New(slog.DiscardHandler)
	for file, want := range map[string]string{
		keytab:                         "admin-keytab: has no key of HTTP/HOST",
		filepath.Join(w.dir, "absent"): "admin-keytab: ",
	} {
		cfg := loadConfig(t, fmt.Sprintf("backend: http://127.0.0.1:1/\nkeytab: %s\nadmin-keytab: %s\n"+
			"admin-allowed-principals: [alice@%s]\n", keytab, file, realm))
		if err := Check(cfg, log); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
