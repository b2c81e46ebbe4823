package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// CodeOK is the outcome of an exchange that went well; a SOAP fault that the
// backend meant is one.
const CodeOK = "ok"

// An event is what the log says of one exchange. It is filled along the way
// and written once. It belongs to one goroutine.
type event struct {
	logger *slog.Logger
	start  time.Time
	id     string // also sent to the backend as X-Request-Id
	route  string
	client string // its address, with the port if that of the connection is meant
	proxy  string // the other end of the connection, if that told the client's address
	from   netip.Addr
	policy string

	lease         *lease // nil for what reaches no route
	version       soap.Version
	principal     string
	service       string
	groups        int
	bytesIn       int
	bytesOut      int
	status        int
	backendStatus int
	stages        []slog.Attr
	notes         []slog.Attr // of those that verification asks
	err           error       // the first failure; nil is success
	logged        bool
}

func (g *Gateway) begin(r *http.Request, route string) *event {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	ev := &event{logger: g.cfg.Log, start: time.Now(), id: hex.EncodeToString(id[:]), route: route, client: r.RemoteAddr}
	var told bool
	if ev.from, told = g.cfg.clientAddress(r); told {
		ev.client, ev.proxy = ev.from.String(), r.RemoteAddr
	}
	return ev
}

type eventKey struct{}

// context is what verification gets, so that Note finds ev.
func (ev *event) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, eventKey{}, ev)
}

// Note adds attributes to the event of the exchange that ctx is of: a
// TokenVerifier knows more of a ticket than it returns. They must not be
// secret. It may be called while the verification runs, by its goroutine;
// without an exchange it does nothing.
func Note(ctx context.Context, attrs ...slog.Attr) {
	if ev, ok := ctx.Value(eventKey{}).(*event); ok {
		ev.notes = append(ev.notes, attrs...)
	}
}

// address is the client's without its port.
func (ev *event) address() string {
	if host, _, err := net.SplitHostPort(ev.client); err == nil {
		return host
	}
	return ev.client
}

// stage notes how long a stage took: defer ev.stage("read", time.Now()).
func (ev *event) stage(name string, since time.Time) {
	ev.stages = append(ev.stages, slog.Duration(name, time.Since(since)))
}

// verified notes who sent the message, and what verification spent its time on.
func (ev *event) verified(msg *wssec.Message) {
	name, realm := msg.Principal()
	ev.principal, ev.service = name+"@"+realm, msg.Service()
	ev.groups = len(msg.Groups())
	f := msg.Facts()
	if f.UncoveredPrefix != nil {
		ev.notes = append(ev.notes, slog.Group("accepted", "code", f.UncoveredPrefix.ErrorCode(), "error", f.UncoveredPrefix.Error()))
	}
	ev.stages = append(ev.stages, slog.Duration("ticket", f.TokenTime),
		slog.Duration("decrypt", f.DecryptTime), slog.Duration("digest", f.DigestTime))
}

func (ev *event) sent(a answer) { ev.status, ev.bytesOut = a.status, len(a.body) }

// failed keeps the first error: what follows from it would hide it.
func (ev *event) failed(err error) {
	if ev.err == nil {
		ev.err = err
	}
}

// held notes when a refusal will be written, and whether that is later than it
// should be.
func (ev *event) held(at time.Time, late bool) {
	ev.notes = append(ev.notes, slog.Duration("release", at.Sub(ev.start)))
	if late {
		ev.notes = append(ev.notes, slog.Bool("late", true))
	}
}

// forget lets go of what the written event was made of.
func (ev *event) forget() { ev.notes, ev.stages, ev.err = nil, nil, nil }

// log writes the event, unless it has been written: Info for success, Warn for what a client or a backend
// did wrong, Error for what should not happen.
func (ev *event) log() {
	if ev.logged {
		return
	}
	ev.logged = true
	level, code := slog.LevelInfo, CodeOK
	if ev.err != nil {
		level, code = slog.LevelWarn, codeOf(ev.err)
	}
	if code == string(CodeInternal) || code == string(CodeProtect) {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("id", ev.id), slog.String("code", code), slog.Int("status", ev.status),
		slog.String("route", ev.route), slog.String("policy", ev.policy), slog.String("client", ev.client),
		slog.String("principal", ev.principal), slog.String("service", ev.service),
		slog.Int("bytes_in", ev.bytesIn), slog.Int("bytes_out", ev.bytesOut),
		slog.Int("backend_status", ev.backendStatus),
		slog.Duration("total", time.Since(ev.start)), slog.Any("stages", slog.GroupValue(ev.stages...)),
	}
	if ev.proxy != "" {
		attrs = append(attrs, slog.String("proxy", ev.proxy))
	}
	if ev.groups > 0 {
		attrs = append(attrs, slog.Int("groups", ev.groups))
	}
	attrs = append(attrs, ev.notes...)
	var refused *wssec.Error
	if errors.As(ev.err, &refused) && refused.Askers != nil {
		attrs = append(attrs, slog.Any("askers", refused.Askers))
	}
	if ev.err != nil {
		attrs = append(attrs, slog.String("error", ev.err.Error()))
	}
	ev.logger.LogAttrs(context.Background(), level, "exchange", attrs...)
}

// codeOf gives the error's code in the catalogue.
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

// codeOfSyntax sorts the errors of the scanner by what an operator does about
// them; the error's text says exactly what was wrong and where.
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
