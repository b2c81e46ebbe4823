package assembly

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/internal/telemetry/telemetrytest"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
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

// newTracedRelay returns the relay of a configuration with further settings, for the
// realm of a KDC, and its operator. It is traced to c.
func newTracedRelay(t *testing.T, address, settings string, c *telemetrytest.Collector) (
	*config.Config, *kdcproxy.Relay, *Operator) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	text := "[realms]\n" + krbtest.DefaultRealm + " = {\nkdc = tcp/" + address + "\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "relay.yaml")
	text = fmt.Sprintf("kdc-realms: [%s]\nkdc-krb5-conf: %q\n%s", krbtest.DefaultRealm, conf, settings)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadRelay(&config.RelayFlags{File: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	o, _ := newWatched(t, cfg, log, c)
	relay, err := newRelay(cfg, o.tracer, log, func() *Operator { return o })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(relay.Close)
	return cfg, relay, o
}

// TestRelayedRequestsAreSeen: the request to the KDC is in the trace of the client,
// and counted, also when no KDC answers.
func TestRelayedRequestsAreSeen(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"ok": startKDC(t), "failed": "127.0.0.1:1"} {
		c := telemetrytest.Start(t)
		cfg, relay, o := newTracedRelay(t, address, "kdc-timeout: 2s\n", c)
		h := withRelay(cfg, relay, o.tracer, nil, http.NotFoundHandler())
		const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
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

// A keptRequest is an [kdc.Exchanger] that keeps what is to be sent.
type keptRequest struct{ octets []byte }

func (k *keptRequest) Exchange(_ context.Context, _ string, request []byte) ([]byte, error) {
	k.octets = bytes.Clone(request)
	return nil, io.EOF
}

// loginOf returns an AS-REQ of a client.
func loginOf(t *testing.T, client string) []byte {
	realm, k := krbtest.DefaultRealm, new(keptRequest)
	_, _ = kdc.Probe(t.Context(), k, kerberos.Principal{Components: []string{client}, Realm: realm},
		kerberos.Principal{Components: []string{"krbtgt", realm}, Realm: realm})
	return k.octets
}

// TestRelayedMessagesAreSeen: those that come by WebSocket, TCP and UDP are spans as
// requests by HTTP are, without names. What is the client's fault is no error of ours.
func TestRelayedMessagesAreSeen(t *testing.T) {
	t.Parallel()
	running, login := startKDC(t), loginOf(t, "alice")
	for _, x := range []struct {
		kdc    string
		octets []byte
		span   string
		code   any
		failed bool
	}{
		{running, login, "AS-REQ ", nil, false},
		{"127.0.0.1:1", login, "AS-REQ ", string(kdcproxy.CodeKDC), true},
		{running, login[:1], "unknown ", string(kdcproxy.CodeMalformed), false},
	} {
		for via, protocol := range map[string][2]string{"websocket": {"tcp", "websocket"}, "tcp": {"tcp", "kerberos"},
			"udp": {"udp", "kerberos"}} {
			c := telemetrytest.Start(t)
			_, relay, _ := newTracedRelay(t, x.kdc, "kdc-timeout: 30s\n", c)
			sendTo(t, relay, via, x.octets)
			want := 2
			if x.span == "unknown " {
				want = 1
			}
			spans := c.Wait(t, want)
			root := telemetrytest.Named(t, spans, x.span+via)
			if root.Parent != "" || root.Failed != x.failed || root.Kind != v1.Span_SPAN_KIND_SERVER ||
				root.Attrs["error.type"] != x.code || root.Attrs["network.transport"] != protocol[0] ||
				root.Attrs["network.protocol.name"] != protocol[1] || root.Attrs["client.address"] != "127.0.0.1" ||
				len(spans) != want {
				t.Errorf("%s: %+v", via, spans)
			}
			if want == 2 {
				asked := telemetrytest.Named(t, spans, "kdc")
				if asked.TraceID != root.TraceID || asked.Parent != root.ID || asked.Failed != x.failed ||
					asked.Attrs["wssgate.kerberos.realm"] != krbtest.DefaultRealm {
					t.Errorf("%s: %+v", via, spans)
				}
			}
			if text := fmt.Sprint(spans); strings.Contains(text, "alice") || strings.Contains(text, "krbtgt") {
				t.Errorf("%s: %s", via, text)
			}
		}
	}
}

// sendTo sends octets to a relay, which serves until the end of the test.
func sendTo(t *testing.T, relay *kdcproxy.Relay, via string, octets []byte) {
	t.Helper()
	var conn net.Conn
	var err error
	switch via {
	case "websocket":
		s := httptest.NewServer(relay.WebSocket())
		t.Cleanup(func() { relay.Close(); s.Close() })
		c, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: "ws" + strings.TrimPrefix(s.URL, "http")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		_, _ = c.Exchange(t.Context(), krbtest.DefaultRealm, octets)
		return
	case "tcp":
		ln, failed := net.Listen("tcp", "127.0.0.1:0")
		if failed != nil {
			t.Fatal(failed)
		}
		go func() { _ = relay.ServeTCP(ln) }()
		conn, err = net.Dial("tcp", ln.Addr().String())
		octets = append(binary.BigEndian.AppendUint32(nil, uint32(len(octets))), octets...)
	case "udp":
		pc, failed := net.ListenPacket("udp", "127.0.0.1:0")
		if failed != nil {
			t.Fatal(failed)
		}
		go func() { _ = relay.ServeUDP(pc) }()
		conn, err = net.Dial("udp", pc.LocalAddr().String())
	}
	if err == nil {
		t.Cleanup(func() { conn.Close() })
		_, err = conn.Write(octets)
	}
	if err != nil {
		t.Fatal(err)
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
