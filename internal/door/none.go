package door

import (
	"context"
	"log/slog"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// None returns the [Door] that admits every SOAP message and changes neither
// the message nor its reply. It does not authenticate clients.
func None() Door { return none{} }

type none struct{}

func (none) Name() string                 { return "none" }
func (none) Choose(Arrival) (Door, error) { return none{}, nil }
func (none) Policies() []wssec.Policy     { return nil }
func (none) AnsweredLate(error)           {}
func (none) Admit(_ context.Context, in Arrival) (Admitted, error) {
	return asReceived{env: in.Envelope}, nil
}

// asReceived is a message on a route without protection. Nobody has verified
// it.
type asReceived struct {
	forwarded
	env *soap.Envelope
}

func (asReceived) byDoor() {}

func (asReceived) Principal() (name, realm string, known bool) { return "", "", false }
func (asReceived) Service() string                             { return "" }
func (asReceived) Caller() Caller                              { return Caller{} }
func (asReceived) Groups() []string                            { return nil }
func (m asReceived) Envelope() *soap.Envelope                  { return m.env }
func (asReceived) Covers(xmltext.Node) bool                    { return false }
func (m asReceived) ForwardSize() int                          { return len(source(m.env)) }
func (asReceived) ProtectSize(*soap.Envelope) int              { return 0 }
func (asReceived) Authorized(context.Context) error            { return nil }
func (asReceived) Notes() (stages, notes []slog.Attr)          { return nil, nil }

func (m asReceived) Release() { m.env.Release() }

// AppendForward appends the whole envelope, but for what how replaces. Its rule
// has no effect: there is no protection that could leave a header block out.
func (m asReceived) AppendForward(dst []byte, how wssec.Forwarding) ([]byte, error) {
	if how.Replace == nil {
		return append(dst, source(m.env)...), nil
	}
	return rebuild(dst, m.env, how.Replace, nil), nil
}

// Protect returns the reply unchanged and uncopied, unless there are header
// blocks to add.
func (asReceived) Protect(
	_ context.Context, dst []byte, reply *soap.Envelope, own ...xmltext.Node,
) ([]byte, error) {
	if len(own) == 0 {
		return source(reply), nil
	}
	addressing := func(b xmltext.Node) ([]byte, bool) { return nil, soap.IsAddressing(b.Space()) }
	return rebuild(dst, reply, addressing, own), nil
}

// rebuild appends an envelope with other header blocks: what replace returns for
// those that it has, and further ones behind them. All else stays as it is.
func rebuild(dst []byte, env *soap.Envelope, replace func(xmltext.Node) ([]byte, bool), further []xmltext.Node) []byte {
	src := env.Root.Doc().Source()
	at, _, _, end := env.Root.SourceRange()
	for b := range env.Blocks() {
		if instead, replaced := replace(b); replaced {
			from, _, _, to := b.SourceRange()
			dst = append(append(dst, src[at:from]...), instead...)
			at = to
		}
	}
	if len(further) > 0 {
		dst, at = appendBlocks(dst, at, env, further)
	}
	return append(dst, src[at:end]...)
}

// appendBlocks appends the source of an envelope from at on up to the end of its
// header blocks, and further ones. It returns where the source goes on.
func appendBlocks(dst []byte, at int, env *soap.Envelope, further []xmltext.Node) ([]byte, int) {
	src := env.Root.Doc().Source()
	from, content, contentEnd, to := env.Header.SourceRange()
	missing, empty := env.Header.IsZero(), content == contentEnd && contentEnd == to // <Header/>
	switch {
	case missing:
		_, from, _, _ = env.Root.SourceRange()
		to = from
	case !empty:
		from, to = contentEnd, contentEnd
	}
	dst = append(dst, src[at:from]...)
	if missing || empty {
		dst = append(dst, `<h:Header xmlns:h="`+env.Version.Namespace()+`">`...)
	}
	for _, b := range further {
		dst = b.AppendSource(dst)
	}
	if missing || empty {
		dst = append(dst, `</h:Header>`...)
	}
	return dst, to
}

// ProtectOwn is Protect.
func (m asReceived) ProtectOwn(ctx context.Context, dst []byte, reply *soap.Envelope) ([]byte, error) {
	return m.Protect(ctx, dst, reply)
}

// source returns the octets of an envelope in UTF-8, without what surrounds the
// root element: comments, and an XML declaration that may name another
// encoding.
func source(env *soap.Envelope) []byte {
	start, _, _, end := env.Root.SourceRange()
	return env.Root.Doc().Source()[start:end]
}
