package door

import (
	"context"
	"log/slog"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Security is the door of messages with a wsse:Security header.
type Security struct {
	name      string
	processor *wssec.Processor
}

// NewSecurity returns the door of a Processor, under the name of its policy.
func NewSecurity(name string, p *wssec.Processor) *Security { return &Security{name, p} }

// Name returns the policy's name.
func (s *Security) Name() string { return s.name }

// Choose returns s.
func (s *Security) Choose(*soap.Envelope) (Door, error) { return s, nil }

// Policies returns the policy, with its defaults filled in.
func (s *Security) Policies() []wssec.Policy { return []wssec.Policy{s.processor.Policy()} }

// Admit verifies and decrypts the message.
func (s *Security) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	msg, err := s.processor.Verify(ctx, in.Envelope, in.Channel)
	if err != nil {
		return nil, err
	}
	return &verified{
		Message: msg, processor: s.processor,
		byTLS: in.Channel.TLS && s.processor.Policy().Binding != wssec.SymmetricBinding,
	}, nil
}

// AnsweredLate counts the failure tenfold against the key that it was about.
func (s *Security) AnsweredLate(err error) { s.processor.AnsweredLate(err) }

// verified is a message that a Processor has verified.
type verified struct {
	*wssec.Message
	processor *wssec.Processor
	byTLS     bool // the channel protects what the signature does not cover
}

func (*verified) byDoor() {}

// Principal returns the client of the ticket.
func (v *verified) Principal() (name, realm string, known bool) {
	name, realm = v.Message.Principal()
	return name, realm, true
}

// Covers reports whether the signature covers a header block, or TLS does under
// a policy that relies on it.
func (v *verified) Covers(block xmltext.Node) bool {
	if v.byTLS {
		return true
	}
	for _, n := range v.Signed() {
		if n == block {
			return true
		}
	}
	return false
}

// ForwardSize counts what is left out, too.
func (v *verified) ForwardSize() int {
	facts := v.Facts()
	return len(v.Envelope().Doc.Source()) - facts.CiphertextBytes + facts.PlaintextBytes
}

// Protect protects the reply under the key of the request.
func (v *verified) Protect(ctx context.Context, reply *soap.Envelope) ([]byte, error) {
	return v.processor.Protect(ctx, nil, reply, v.Message)
}

// Authorized remembers the client's token.
func (v *verified) Authorized(ctx context.Context) error { return v.Remember(ctx) }

// Notes returns what the verification spent its time on.
func (v *verified) Notes() (stages, notes []slog.Attr) {
	f := v.Facts()
	if p := f.UncoveredPrefix; p != nil {
		notes = append(notes, slog.Group("accepted", "code", p.ErrorCode(), "error", p.Error()))
	}
	return []slog.Attr{slog.Duration("ticket", f.TokenTime), slog.Duration("decrypt", f.DecryptTime), slog.Duration("digest", f.DigestTime)}, notes
}
