package gateway

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// CodeOK is the outcome of an exchange that went well; a SOAP fault that the
// backend meant is one.
const CodeOK = "ok"

// An event is what the log says of one exchange. It is filled along the way
// and written once; nothing that the exchange goes by is read from it.
type event struct {
	logger *slog.Logger
	start  time.Time
	id     string
	route  string
	client string
	proxy  string // the other end of the connection, if that told the client's address
	policy string

	principal     string
	service       string
	groups        int
	bytesIn       int
	bytesOut      int
	status        int
	backendStatus int
	stages        []slog.Attr
	notes         []slog.Attr // of those that a door asks
	written       bool
}

func newEvent(x *exchange, proxy string) *event {
	ev := &event{logger: x.g.cfg.Log, start: time.Now(), id: x.id, client: x.client, proxy: proxy}
	if x.rt != nil {
		ev.route, ev.policy = x.rt.Path, x.rt.PolicyName
	}
	return ev
}

// Note adds attributes to the event of the exchange that ctx is of: a
// TokenVerifier knows more of a ticket than it returns. They must not be
// secret. It may be called while a door admits, by its goroutine; without an
// exchange it does nothing.
func Note(ctx context.Context, attrs ...slog.Attr) {
	if x, ok := exchangeOf(ctx); ok {
		x.log.note(attrs...)
	}
}

func (ev *event) note(attrs ...slog.Attr) { ev.notes = append(ev.notes, attrs...) }

// stage notes how long a stage took: defer ev.stage("read", time.Now()).
func (ev *event) stage(name string, since time.Time) {
	ev.stages = append(ev.stages, slog.Duration(name, time.Since(since)))
}

// chosen notes which of a route's policies a message is held to.
func (ev *event) chosen(rt *route, d door.Door) {
	if d != rt.Door {
		ev.policy = d.Name()
	}
}

// admitted notes who sent the message, and what the door spent its time on.
func (ev *event) admitted(in door.Admitted) {
	if name, realm, known := in.Principal(); known {
		ev.principal = name + "@" + realm
	}
	ev.service, ev.groups = in.Service(), len(in.Groups())
	stages, notes := in.Notes()
	ev.stages = append(ev.stages, stages...)
	ev.note(notes...)
}

// notRemembered notes that the client has to send its token again.
func (ev *event) notRemembered(err error) {
	ev.note(slog.String("token_not_remembered", err.Error()))
}

func (ev *event) sent(a answer) { ev.status, ev.bytesOut = a.status, len(a.body) }

// held notes when a refusal will be written, and whether that is later than it
// should be.
func (ev *event) held(at time.Time, late bool) {
	ev.notes = append(ev.notes, slog.Duration("release", at.Sub(ev.start)))
	if late {
		ev.notes = append(ev.notes, slog.Bool("late", true))
	}
}

// forget lets go of what the written event was made of.
func (ev *event) forget() { ev.notes, ev.stages = nil, nil }

// write writes the event, unless it has been written: Info for success, when err
// is nil, Warn for what a client or a backend did wrong, Error for what should
// not happen.
func (ev *event) write(err error) {
	if ev.written {
		return
	}
	ev.written = true
	level, code := slog.LevelInfo, CodeOK
	if err != nil {
		level, code = slog.LevelWarn, codeOf(err)
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
	if errors.As(err, &refused) && refused.Askers != nil {
		attrs = append(attrs, slog.Any("askers", refused.Askers))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
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
