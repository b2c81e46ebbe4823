package door

import (
	"context"
	"log/slog"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// None returns the door that lets every SOAP message in, as it is, and sends the
// reply back as it is. It knows nobody.
func None() Door { return none{} }

type none struct{}

func (none) Name() string                        { return "none" }
func (none) Choose(*soap.Envelope) (Door, error) { return none{}, nil }
func (none) Policies() []wssec.Policy            { return nil }
func (none) AnsweredLate(error)                  {}
func (none) Admit(_ context.Context, in Arrival) (Admitted, error) {
	return asReceived{in.Envelope}, nil
}

// asReceived is a message that nobody has verified, on a route that asks for
// nothing else.
type asReceived struct{ env *soap.Envelope }

func (asReceived) byDoor() {}

func (asReceived) Principal() (name, realm string, known bool) { return "", "", false }
func (asReceived) Service() string                             { return "" }
func (asReceived) Groups() []string                            { return nil }
func (m asReceived) Envelope() *soap.Envelope                  { return m.env }
func (asReceived) Covers(xmltext.Node) bool                    { return false }
func (m asReceived) ForwardSize() int                          { return len(source(m.env)) }
func (asReceived) Authorized(context.Context) error            { return nil }
func (asReceived) Notes() (stages, notes []slog.Attr)          { return nil, nil }

// AppendForward appends the whole envelope. The rule is about what a protection
// does not cover, and there is none.
func (m asReceived) AppendForward(dst []byte, _ wssec.HeaderRule) ([]byte, error) {
	return append(dst, source(m.env)...), nil
}

// Protect returns the reply as it is, without a copy.
func (asReceived) Protect(_ context.Context, reply *soap.Envelope) ([]byte, error) {
	return source(reply), nil
}

// source returns the octets of an envelope, in UTF-8 and without what stands
// around the root element: a declaration of another encoding, comments.
func source(env *soap.Envelope) []byte {
	start, _, _, end := env.Root.SourceRange()
	return env.Root.Doc().Source()[start:end]
}
