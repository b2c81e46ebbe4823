package assembly

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
)

// flushTime is how long the end of the process waits for the collector of traces.
const flushTime = 5 * time.Second

// openTracer returns the tracer that the variables OTEL_… describe, nil for none.
// End sends what waits.
func openTracer(cfg *config.Config, version string, log *slog.Logger) (t *telemetry.Tracer, end func(), err error) {
	t, err = telemetry.New(telemetry.Config{Getenv: os.Getenv, Version: version, Log: log,
		ShowPrincipals: cfg.AdminShowPrincipals})
	if err != nil {
		return nil, nil, refusedTraces(err)
	}
	if t != nil {
		log.Info("traces", "collector", t.Collector())
	}
	return t, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		t.Close(ctx)
	}, nil
}

// refusedTraces returns the error of a variable OTEL_…, which is a setting as those
// of the configuration are.
func refusedTraces(err error) error {
	return &config.Error{Findings: []config.Finding{{Problem: err.Error()}}}
}

// Who asks KDCs, for the metrics.
const (
	askedByGateway   = "gateway"   // for tickets in its own name
	askedByDelegated = "delegated" // for those in the name of a client that delegates
	askedByS4U       = "s4u"       // for those by MS-SFU, and the logins that they need
	askedByRelay     = "relay"
)

// A watchedKDC reports how long each request to KDCs has taken.
type watchedKDC struct {
	kdc.Exchanger
	operator *Operator
	by       string
}

// Exchange implements [kdc.Exchanger].
func (w watchedKDC) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	began := time.Now()
	reply, err := w.Exchanger.Exchange(ctx, realm, request)
	w.operator.asked(ctx, w.by, realm, began, err)
	return reply, err
}

// asked counts a request to KDCs, and records it in the trace of the exchange that
// it is for.
func (o *Operator) asked(ctx context.Context, by, realm string, began time.Time, err error) {
	took := time.Since(began)
	telemetry.FromContext(ctx).Asked("kdc", began, began.Add(took), err != nil,
		telemetry.Text("wssgate.kerberos.realm", realm))
	if o != nil {
		o.KDC(by, took, err == nil)
	}
}

// traced returns a handler whose requests are traced under a name.
func traced(t *telemetry.Tracer, name string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := t.Begin(r.Header)
		watched := &statusWriter{ResponseWriter: w}
		defer func() {
			method := telemetry.Method(r.Method)
			outcome := telemetry.Outcome{Name: method + " " + name}
			if watched.status >= http.StatusInternalServerError {
				outcome.Error = http.StatusText(watched.status)
			}
			span.End(outcome, telemetry.Text("http.request.method", method), telemetry.Text("http.route", name),
				telemetry.Number("http.response.status_code", int64(watched.status)))
		}()
		next.ServeHTTP(watched, r.WithContext(telemetry.NewContext(r.Context(), span)))
	})
}

// tracedRelay returns the [kdcproxy.Config] Begun by which the relay's requests by
// WebSocket, TCP and UDP are traced, nil for none. Each is a trace of its own: a
// Kerberos message has no trace context. What a request has of names is not recorded.
func tracedRelay(t *telemetry.Tracer) func(context.Context, kdcproxy.Via) (context.Context, func(kdcproxy.Event)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, _ kdcproxy.Via) (context.Context, func(kdcproxy.Event)) {
		span := t.Begin(nil)
		return telemetry.NewContext(ctx, span), func(e kdcproxy.Event) { endRelayed(span, e) }
	}
}

func endRelayed(span *telemetry.Span, e kdcproxy.Event) {
	outcome := telemetry.Outcome{Name: cmp.Or(string(e.Kind), "unknown") + " " + string(e.Via)}
	transport, protocol, code, client := "tcp", "kerberos", "", ""
	switch e.Via {
	case kdcproxy.ViaUDP:
		transport = "udp"
	case kdcproxy.ViaWebSocket:
		protocol = "websocket"
	}
	if e.Code != kdcproxy.CodeOK {
		code = string(e.Code)
	}
	if isOurs(e.Code) {
		outcome.Error = code
	}
	if e.Client.IsValid() {
		client = e.Client.String()
	}
	span.End(outcome, telemetry.Text("network.transport", transport), telemetry.Text("network.protocol.name", protocol),
		telemetry.Text("client.address", client), telemetry.Text("error.type", code),
		telemetry.Text("wssgate.kerberos.request", string(e.Kind)))
}

// isOurs reports whether a request has failed by no fault of its client: as by HTTP,
// where such a span is no error either.
func isOurs(code kdcproxy.Code) bool {
	return slices.ContainsFunc(kdcproxy.Codes(), func(c kdcproxy.CodeInfo) bool {
		return c.Code == code && c.Status >= http.StatusInternalServerError
	})
}

// A statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for an [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
