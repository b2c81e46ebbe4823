package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/telemetry"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// CodeOK is the outcome of an exchange that succeeded. A SOAP fault of the
// backend is a success.
const CodeOK = "ok"

// An event is the log's record of one exchange. It is filled along the way and
// written once. The exchange does not read it.
type event struct {
	logger  *slog.Logger
	observe func(*Record)   // nil: nobody
	span    *telemetry.Span // nil: none
	start   time.Time
	id      string
	route   string
	client  string
	proxy   string // the other end of the connection, if the client's address is another one
	from    netip.Addr
	probes  *seldom
	policy  string

	method    string // of HTTP
	action    string // of HTTP, or of the message if it vouches for one
	operation string // name of the Body's first child, once the message is admitted
	probe     bool   // it reaches no route, and asks for nothing

	accepted      bool
	rule          string
	principal     string
	service       string
	groups        int
	bytesIn       int
	bytesOut      int
	status        int
	backendStatus int
	stages        []slog.Attr
	notes         []slog.Attr // see Note
	written       bool

	request *http.Request // for the span

	shadow  bool          // of a route that admits everything, and tries what it would admit
	verdict *Verdict      // of the trial; nil for none
	took    time.Duration // until the answer was written, if something came after it

	room   [8]slog.Attr // of stages, which are rarely more
	record Record       // of the written event, for observe
}

func newEvent(x *exchange, proxy string) *event {
	ev := &event{logger: x.g.cfg.Log, observe: x.g.cfg.Observe, span: x.g.cfg.Tracer.Begin(x.r.Header),
		start: time.Now(), id: x.id, client: x.client,
		proxy: proxy, from: x.from, probes: x.g.probes, method: bounded(x.r.Method, maxMethod), request: x.r}
	ev.stages = ev.room[:0]
	if x.rt != nil {
		ev.route, ev.policy, ev.shadow = x.rt.Name, x.rt.PolicyName, x.rt.tried != nil
	}
	if subject := clientSubject(x.r); subject != "" {
		ev.note(slog.String("client_certificate", subject))
	}
	return ev
}

// Note adds attributes to the event of the exchange of ctx. A TokenVerifier
// adds facts about tickets that it does not return, and a transport which backend
// it has chosen. The attributes must not be secret. Call Note during
// [door.Door.Admit], or RoundTrip of [Route.Transport], in its goroutine. Without
// an exchange it does nothing.
func Note(ctx context.Context, attrs ...slog.Attr) {
	if x, ok := exchangeOf(ctx); ok {
		x.log.note(attrs...)
	}
}

func (ev *event) note(attrs ...slog.Attr) { ev.notes = append(ev.notes, attrs...) }

// stage records the duration of a stage: defer ev.stage("read", time.Now()).
func (ev *event) stage(name string, since time.Time) {
	took := time.Since(since)
	ev.stages = append(ev.stages, slog.Duration(name, took))
	ev.span.Stage(name, since, since.Add(took))
}

// stageBackend is the stage in which the backend is asked.
const stageBackend = "backend"

// backendAnswered records the HTTP status of the backend's response.
func (ev *event) backendAnswered(status int) {
	ev.backendStatus = status
	ev.span.Answered(status)
}

// Bounds of what a client has written and an event repeats, in octets.
const maxMethod, maxAction, maxOperation = 20, 200, 200

// bounded returns s, cut to size octets.
func bounded(s string, size int) string {
	if len(s) > size {
		return strings.ToValidUTF8(s[:size], "") + "…"
	}
	return s
}

// asks records what a message asks for: an action, that of HTTP or of the message.
func (ev *event) asks(action string) { ev.action = bounded(soaphttp.PlainAction(action), maxAction) }

// operates records the operation of an admitted message.
func (ev *event) operates(env *soap.Envelope) {
	if n := env.Body.FirstChild(); !n.IsZero() {
		ev.operation = bounded("{"+n.Space()+"}"+n.Local(), maxOperation)
	}
}

// chosen records under which of a route's policies a message is verified.
func (ev *event) chosen(rt *route, d door.Door) {
	if d != rt.Door {
		ev.policy = d.Name()
	}
}

// admitted records the message's sender, and the durations of the door's
// stages.
func (ev *event) admitted(in door.Admitted) {
	if name, realm, known := in.Principal(); known {
		ev.principal = name + "@" + realm
	}
	ev.service, ev.groups = in.Service(), len(in.Groups())
	ev.operates(in.Envelope())
	stages, notes := in.Notes()
	ev.stages = append(ev.stages, stages...)
	for _, s := range stages {
		ev.span.Part(s.Key, s.Value.Duration())
	}
	ev.note(notes...)
}

// authenticated records the client of a request that an HTTP door has
// authenticated, and how.
func (ev *event) authenticated(i *negotiate.Identity) {
	name, realm := i.Client()
	ev.principal, ev.service, ev.groups = name+"@"+realm, i.Service(), len(i.Groups())
	ev.note(slog.String("authenticated_by", string(i.Source())))
}

// decided records whether the route admits the client, and by which rule.
func (ev *event) decided(d access.Decision) {
	ev.accepted, ev.rule = d.Admitted, d.Rule
	ev.note(slog.Bool("authorized", d.Admitted))
	if d.Rule != "" {
		ev.note(slog.String("rule", d.Rule))
	}
}

// notRemembered records that the client has to send its token again.
func (ev *event) notRemembered(err error) {
	ev.note(slog.String("token_not_remembered", err.Error()))
}

func (ev *event) sent(a answer) { ev.status, ev.bytesOut = a.status, len(a.body) }

// held records when a refusal will be written, and whether that is late.
func (ev *event) held(at time.Time, late bool) {
	ev.notes = append(ev.notes, slog.Int64("release_ns", int64(at.Sub(ev.start))))
	if late {
		ev.notes = append(ev.notes, slog.Bool("late", true))
	}
}

// forget releases what the written event was made of.
func (ev *event) forget() { ev.notes, ev.stages, ev.request, ev.record = nil, nil, nil, Record{} }

// write writes the event, unless it has been written. The level is Info for
// success, when err is nil, Warn for errors of clients and backends, and Error
// for those that should not happen.
func (ev *event) write(err error) {
	if ev.written {
		return
	}
	ev.written = true
	level, code := slog.LevelInfo, CodeOK
	if err != nil {
		level, code = slog.LevelWarn, codeOf(err)
	}
	switch code {
	case string(CodeInternal), string(CodeProtect):
		level = slog.LevelError
	case string(negotiate.CodeNoToken): // how each exchange with a browser begins
		level = slog.LevelInfo
	}
	if ev.verdict != nil && ev.verdict.Would != WouldAccept {
		level = max(level, slog.LevelWarn)
	}
	if ev.observe != nil {
		ev.fillRecord(code, err)
		ev.observe(&ev.record)
	}
	ev.endSpan(code, err != nil)
	unlogged := 0
	if ev.probe {
		level = slog.LevelInfo
		var now bool
		if unlogged, now = ev.probes.now("probe", ev.from); !now {
			return
		}
	}
	if !ev.logger.Enabled(context.Background(), level) {
		return
	}
	for i := range ev.stages { // in the text form, too, they are numbers
		if v := ev.stages[i].Value; v.Kind() == slog.KindDuration {
			ev.stages[i].Value = slog.Int64Value(int64(v.Duration()))
		}
	}
	list := attrLists.Get().(*attrList)
	defer list.free()
	attrs := append(list.attrs[:0],
		slog.String("id", ev.id), slog.String("code", code), slog.Int("status", ev.status),
		slog.String("route", ev.route), slog.String("policy", ev.policy), slog.String("client", ev.client),
		slog.String("principal", ev.principal), slog.String("service", ev.service),
		slog.Int("bytes_in", ev.bytesIn), slog.Int("bytes_out", ev.bytesOut),
		slog.Int("backend_status", ev.backendStatus),
		slog.String("method", ev.method), slog.Int64("total_ns", int64(ev.total())),
		slog.Any("stages_ns", slog.GroupValue(ev.stages...)),
	)
	if ev.action != "" {
		attrs = append(attrs, slog.String("action", ev.action))
	}
	if ev.operation != "" {
		attrs = append(attrs, slog.String("operation", ev.operation))
	}
	if ev.span != nil {
		traceID, spanID := ev.span.IDs()
		attrs = append(attrs, slog.String("trace_id", traceID), slog.String("span_id", spanID))
	}
	if ev.probe {
		attrs = append(attrs, slog.Bool("probe", true), slog.Int("unlogged", unlogged))
	}
	if ev.proxy != "" {
		attrs = append(attrs, slog.String("proxy", ev.proxy))
	}
	if ev.groups > 0 {
		attrs = append(attrs, slog.Int("groups", ev.groups))
	}
	attrs = append(attrs, ev.notes...)
	if ev.verdict != nil {
		attrs = append(attrs, ev.verdict.attrs()...)
	}
	var refused *wssec.Error
	if errors.As(err, &refused) && refused.Askers != nil {
		attrs = append(attrs, slog.Any("askers", refused.Askers))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	list.attrs = attrs
	ev.handle(level, attrs)
}

// handle writes the event's line.
func (ev *event) handle(level slog.Level, attrs []slog.Attr) {
	const message = "exchange"
	switch h := ev.logger.Handler().(type) {
	case attrHandler:
		_ = h.HandleAttrs(context.Background(), time.Now(), level, message, attrs)
	default:
		r := slog.NewRecord(time.Now(), level, message, 0) // a Logger would look for its caller
		r.AddAttrs(attrs...)
		_ = h.Handle(context.Background(), r)
	}
}

// An attrHandler is a [slog.Handler] that takes a record without a copy, as
// that of package jsonlog does.
type attrHandler interface {
	HandleAttrs(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error
}

// attrLists holds the lists that attributes of events were in.
var attrLists = sync.Pool{New: func() any { return &attrList{make([]slog.Attr, 0, usualAttrs)} }}

type attrList struct{ attrs []slog.Attr }

// free keeps l for another event, without the attributes.
func (l *attrList) free() {
	clear(l.attrs)
	attrLists.Put(l)
}

// endSpan ends the span of the exchange, with what the event has of it but for
// texts of errors: they may have names.
func (ev *event) endSpan(code string, failed bool) {
	if ev.span == nil {
		return
	}
	method, path, host, scheme, version := ev.asked()
	o := telemetry.Outcome{Name: method + " " + cmp.Or(ev.route, "unknown")}
	principal := ""
	if ev.span.ShowsPrincipals() {
		principal = ev.principal
	}
	if failed {
		o.Error = code
	}
	ev.span.End(o, telemetry.Text("http.request.method", method), telemetry.Text("url.path", path),
		telemetry.Text("url.scheme", scheme), telemetry.Text("server.address", host),
		telemetry.Text("network.protocol.version", version), telemetry.Text("http.route", ev.route),
		telemetry.Number("http.response.status_code", int64(ev.status)),
		telemetry.Text("client.address", hostOf(ev.client)),
		telemetry.Number("http.request.body.size", int64(ev.bytesIn)),
		telemetry.Number("http.response.body.size", int64(ev.bytesOut)),
		telemetry.Text("error.type", o.Error), telemetry.Text("enduser.id", principal),
		telemetry.Text("wssgate.exchange.id", ev.id), telemetry.Text("wssgate.policy", ev.policy),
		telemetry.Text("wssgate.service", ev.service), telemetry.Text("wssgate.action", ev.action),
		telemetry.Text("wssgate.operation", ev.operation))
}

// asked returns what the semantic conventions of HTTP want of a request.
func (ev *event) asked() (method, path, host, scheme, version string) {
	r := ev.request
	if scheme = "http"; r.TLS != nil {
		scheme = "https"
	}
	if version = "1.1"; r.ProtoMajor > 1 {
		version = "2"
	}
	path, host = bounded(r.URL.Path, maxAction), bounded(hostOf(r.Host), maxAction)
	return telemetry.Method(r.Method), path, host, scheme, version
}

// total returns the time from the header of the request to its answer.
func (ev *event) total() time.Duration {
	if ev.took > 0 {
		return ev.took
	}
	return time.Since(ev.start)
}

// usualAttrs is how many attributes an event has, and some more.
const usualAttrs = 24

// afterwards logs an error that came after the event was written. Before that
// it does nothing, for the event will have the error.
func (ev *event) afterwards(err error) {
	if ev.written {
		ev.logger.Error("exchange failed after its event", "id", ev.id, "error", err.Error())
	}
}

// undelivered logs that an answer has not reached the client, whose event had to
// be written before it.
func (ev *event) undelivered(err error) {
	ev.logger.Warn("answer not delivered", "id", ev.id, "code", string(CodeClientGone), "error", err.Error())
}

// codeOf returns the error's code in the [Catalogue].
func codeOf(err error) string {
	var coded interface{ ErrorCode() string }
	var syntax *xmltext.SyntaxError
	switch {
	case errors.As(err, &coded):
		return coded.ErrorCode()
	case errors.As(err, &syntax):
		return string(codeOfSyntax(syntax))
	}
	return string(CodeInternal)
}

// codeOfSyntax returns the code of a scanner's error. Codes differ in what an
// operator does about them; the error's text has the rule and the place.
func codeOfSyntax(err *xmltext.SyntaxError) Code {
	switch {
	case errors.Is(err, xmltext.ErrDoctype):
		return CodeXMLDoctype
	case errors.Is(err, xmltext.ErrPI):
		return CodeXMLInstruction
	case errors.Is(err, xmltext.ErrEncoding), errors.Is(err, xmltext.ErrCharset):
		return CodeXMLEncoding
	case errors.Is(err, xmltext.ErrLimit):
		return CodeXMLLimit
	}
	return CodeXMLSyntax
}

// A Record is what is known of an exchange at its end, for those who count and
// show exchanges. It holds no secret and nothing of a message. It is theirs until they
// return.
type Record struct {
	ID        string
	Code      string // [CodeOK], or one of the [Catalogue]
	Status    int    // of HTTP
	Route     string // its name; "" for a request that reached none
	Policy    string
	Client    string   // address
	Principal string   // name@REALM; "" if it is not known
	Service   string   // of the client's ticket
	Accepted  bool     // the client was admitted, whatever became of the request
	Method    string   // of HTTP
	Action    string   // SOAPAction, or that of the message; nobody vouches for it unless Accepted
	Operation string   // {namespace}name of the Body's first child; "" unless the message was admitted
	Probe     bool     // it reached no route, and asked for nothing
	Shadow    bool     // the route admits everything; Accepted is false then
	Verdict   *Verdict // of such a route, on a message that it has looked at; else nil
	Rule      string   // of the route's lists, that decided; "" for none

	BytesIn, BytesOut int
	BackendStatus     int // of HTTP; 0 if the backend has not answered

	Start  time.Time
	Total  time.Duration
	Stages []slog.Attr // durations; the receiver must not keep the slice

	TraceID string // of its trace, in hexadecimal; "" for none

	Err error // nil if Code is CodeOK
}

// fillRecord sets the Record of an event that ends with err.
func (ev *event) fillRecord(code string, err error) {
	traceID, _ := ev.span.IDs()
	ev.record = Record{TraceID: traceID, ID: ev.id, Code: code,
		Status: ev.status, Route: ev.route, Policy: ev.policy, Client: ev.client,
		Principal: ev.principal, Service: ev.service, Accepted: !ev.shadow && (ev.accepted || err == nil), Rule: ev.rule,
		Method: ev.method, Action: ev.action, Operation: ev.operation, Probe: ev.probe,
		Shadow: ev.shadow, Verdict: ev.verdict,
		BytesIn: ev.bytesIn, BytesOut: ev.bytesOut,
		BackendStatus: ev.backendStatus, Start: ev.start, Total: ev.total(), Stages: ev.stages, Err: err}
}
