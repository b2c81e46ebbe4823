package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// newWatched returns the operator of a configuration, whose exchanges are traced to
// c.
func newWatched(t *testing.T, cfg *config.Config, log *slog.Logger, c *telemetrytest.Collector) (*Operator, Config) {
	t.Helper()
	tracer, err := telemetry.New(telemetry.Config{Getenv: c.Getenv(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tracer.Close(context.Background()) })
	keys, replay := NewKeyring(cfg, log), MemoryReplay(cfg)
	o := newOperator(&Program{Settings: cfg, Log: log}, keys, replay, watchers{tracer: tracer})
	return o, Config{cfg, keys, replay, log, o, nil}
}

// metricsOf returns what /metrics answers.
func metricsOf(o *Operator) string {
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
	return w.Body.String()
}

// TestRequestsToKDCsAreSeen: those for an exchange are in its trace, as part of the
// call to the backend that they are for; and the metrics have who asks.
func TestRequestsToKDCsAreSeen(t *testing.T) {
	t.Parallel()
	w := newS4UWorld(t)
	w.kdc.AllowDelegation(service, behind)
	w.kdc.AllowAnyProtocol(service)
	for credential, by := range map[string]string{"s4u2self": "s4u", "gateway": "gateway"} {
		c := telemetrytest.Start(t)
		cfg := loadConfig(t, fmt.Sprintf("backend: %s/soap\nkeytab: %s\nservice: %s\nkrb5-conf: %s\n"+
			"backend-policy: Kerberos\nbackend-service: %s\nbackend-credential: %s\n",
			w.secured, w.keytab, service, w.krb5Conf, behind, credential))
		o, ac := newWatched(t, cfg, slog.New(slog.NewJSONHandler(&w.log, nil)), c)
		g, err := New(ac)
		if err != nil {
			t.Fatal(err)
		}
		w.gateway = g
		if status, code, _ := w.call(0); status != http.StatusOK {
			t.Fatalf("%s: HTTP %d %s", credential, status, code)
		}
		spans := c.Wait(t, 7)
		backend, kdc := telemetrytest.Named(t, spans, "backend"), telemetrytest.Named(t, spans, "kdc")
		if kdc.Parent != backend.ID || kdc.Attrs["wssgate.kerberos.realm"] != realm || kdc.Start.Before(backend.Start) {
			t.Errorf("%s: %+v in %+v", credential, kdc, backend)
		}
		text := metricsOf(o)
		n := slices.IndexFunc(strings.Split(text, "\n"), func(line string) bool {
			return strings.HasPrefix(line, `wssgate_kdc_seconds_count{by="`+by+`",outcome="ok"}`) &&
				!strings.HasSuffix(line, " 0")
		})
		if n < 0 || !strings.Contains(text, `wssgate_backend_seconds_count{route="/"} 1`) ||
			!strings.Contains(text, `wssgate_spans_total{outcome="sent"}`) {
			t.Errorf("%s: %s", credential, text)
		}
	}
}

// TestRelayedRequestsAreSeen: the request to the KDC is in the trace of the client,
// and counted, also when no KDC answers.
func TestRelayedRequestsAreSeen(t *testing.T) {
	t.Parallel()
	for name, kdc := range map[string]string{"ok": startKDC(t), "failed": "127.0.0.1:1"} {
		c := telemetrytest.Start(t)
		conf := filepath.Join(t.TempDir(), "krb5.conf")
		text := "[realms]\n" + krbtest.DefaultRealm + " = {\nkdc = tcp/" + kdc + "\n}\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "relay.yaml")
		text = fmt.Sprintf("kdc-realms: [%s]\nkdc-krb5-conf: %q\nkdc-timeout: 2s\n", krbtest.DefaultRealm, conf)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.LoadRelay(&config.RelayFlags{File: file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		o, _ := newWatched(t, cfg, log, c)
		relay, err := newRelay(cfg, log, func() *Operator { return o })
		if err != nil {
			t.Fatal(err)
		}
		defer relay.Close()
		h := withRelay(cfg, relay, o.tracer, nil, http.NotFoundHandler())
		var trace string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			trace = "4bf92f3577b34da6a3ce929d0e0e4736"
			h.ServeHTTP(w, r)
		}))
		defer s.Close()
		if err := probe(t, s.URL+cfg.KDCProxyPath); (err == nil) != (name == "ok") {
			t.Errorf("%s: %v", name, err)
		}
		spans := c.Wait(t, 2)
		root, child := telemetrytest.Named(t, spans, "POST "+cfg.KDCProxyPath), telemetrytest.Named(t, spans, "kdc")
		if root.TraceID != trace || child.Parent != root.ID || child.Failed != (name == "failed") ||
			root.Failed != child.Failed {
			t.Errorf("%s: %+v", name, spans)
		}
		if got := metricsOf(o); !strings.Contains(got, `wssgate_kdc_seconds_count{by="relay",outcome="`+name+`"}`) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestCheckRefusesTheEnvironment: before anything listens.
func TestCheckRefusesTheEnvironment(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	cfg := loadConfig(t, "backend: http://127.0.0.1:1/\nstandard: none\nadmin: 'off'\nlisten: 127.0.0.1:0\n")
	log := slog.New(slog.DiscardHandler)
	for name, err := range map[string]error{"check": Check(cfg, log),
		"serve": Serve(t.Context(), &Program{Settings: cfg, Log: log})} {
		if err == nil || !strings.Contains(err.Error(), `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; write http/protobuf`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
