package door

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Security is the [Door] of messages with a wsse:Security header (WSS 1.1.1
// §5), verified under one policy.
type Security struct {
	name      string
	processor *wssec.Processor
	tokens    Tokens
}

// Tokens holds where the tokens of a door's messages stand. The zero value means
// the Security header.
type Tokens struct {
	// Locations are the places where a message may have its token. Nil means the
	// Security header.
	Locations *location.Current
	// Unwrap returns the Kerberos token in a token that was found outside the
	// Security header: that of a SPNEGO token, or the token itself. It is
	// required with Locations.
	Unwrap func(token []byte) ([]byte, error)
	// Reserve, if not nil, is called with the octets that a search will hold,
	// and with the negative number after it, as [wssec.Config].Reserve is.
	Reserve func(ctx context.Context, octets int) error
}

// NewSecurity returns the door of a [wssec.Processor]. The name is that of its
// policy.
func NewSecurity(name string, p *wssec.Processor) *Security {
	return &Security{name: name, processor: p}
}

// WithTokens returns the door for messages whose tokens stand elsewhere.
func (s *Security) WithTokens(t Tokens) *Security { return &Security{s.name, s.processor, t} }

// Name returns the policy's name.
func (s *Security) Name() string { return s.name }

// Choose returns s.
func (s *Security) Choose(Arrival) (Door, error) { return s, nil }

// Policies returns the one policy, with its defaults filled in.
func (s *Security) Policies() []wssec.Policy { return []wssec.Policy{s.processor.Policy()} }

// Admit verifies and decrypts the message with [wssec.Processor.Verify].
func (s *Security) Admit(ctx context.Context, in Arrival) (Admitted, error) {
	v, err := s.verify(ctx, in)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (s *Security) verify(ctx context.Context, in Arrival) (*verified, error) {
	var err error
	if in.Channel.Token, err = s.detached(ctx, in); err != nil {
		return nil, err
	}
	msg, err := s.processor.Verify(ctx, in.Envelope, in.Channel)
	if err != nil {
		return nil, err
	}
	return &verified{
		Message: msg, processor: s.processor,
		byTLS: in.Channel.TLS && s.processor.Policy().Binding != wssec.SymmetricBinding,
	}, nil
}

// detached returns the message's token if it does not stand in the Security
// header for us; nil if it does, or if there is none and it might.
func (s *Security) detached(ctx context.Context, in Arrival) (*wssec.DetachedToken, error) {
	places := s.tokens.Locations.Load()
	if len(places) == 0 || places.IsDefault() {
		return nil, nil
	}
	found, err := s.find(ctx, places, in)
	switch {
	case err != nil:
		return nil, err
	case found.IsZero() && places.HasSecurityHeader():
		return nil, nil
	case found.IsZero():
		return nil, &wssec.Error{Code: wssec.CodeTokenMissing,
			Err: fmt.Errorf("no token at %s (token-location)", places)}
	}
	octets, err := s.tokens.Unwrap(found.Octets)
	if err != nil {
		return nil, &wssec.Error{Code: wssec.CodeFailedAuth, Path: found.Node.Path(), Err: err}
	}
	return &wssec.DetachedToken{Octets: octets, Node: found.Node}, nil
}

// find looks for the token, with the memory that this takes.
func (s *Security) find(ctx context.Context, places location.Locations, in Arrival) (location.Found, error) {
	if octets := places.Memory(in.Envelope.Doc); octets > 0 && s.tokens.Reserve != nil {
		if err := s.tokens.Reserve(ctx, octets); err != nil {
			return location.Found{}, &wssec.Error{Code: wssec.CodeNoMemory, Err: err}
		}
		defer func() { _ = s.tokens.Reserve(ctx, -octets) }()
	}
	return places.Find(location.Message{
		Envelope: in.Envelope, Actors: s.processor.Policy().Actors, Header: in.Header, Query: in.Query,
	})
}

// AnsweredLate counts the failure tenfold against the key that the message
// named ([wssec.Processor.AnsweredLate]).
func (s *Security) AnsweredLate(err error) { s.processor.AnsweredLate(err) }

// verified is a message that a Processor has verified.
type verified struct {
	forwarded
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

// Caller returns the client of the ticket, or of the one that the security
// context was issued for.
func (v *verified) Caller() Caller {
	name, realm := v.Message.Principal()
	return Caller{Name: name, Realm: realm, Known: true, Groups: v.Groups(), Service: v.Service(),
		Expires: v.TicketEndTime(), credentials: v.Credentials()}
}

// Covers reports whether the signature covers a header block, or TLS does so
// under a policy that relies on it.
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

// ForwardSize includes what AppendForward leaves out.
func (v *verified) ForwardSize() int {
	facts := v.Facts()
	return len(v.Envelope().Doc.Source()) - facts.CiphertextBytes + facts.PlaintextBytes
}

// ProtectSize returns the room that Protect makes sure of, or a little more: for
// a Security header, for what protects each header block, and for the reply in
// base64.
func (v *verified) ProtectSize(reply *soap.Envelope) int {
	size := 14<<10 + len(reply.Doc.Source())/8*11
	for range reply.Blocks() {
		size += 2 << 10
	}
	return size
}

// Protect protects the reply under the key of the request.
func (v *verified) Protect(
	ctx context.Context, dst []byte, reply *soap.Envelope, own ...xmltext.Node,
) ([]byte, error) {
	return v.processor.Protect(ctx, dst, reply, v.Message, own...)
}

// ProtectOwn is Protect with all header blocks.
func (v *verified) ProtectOwn(ctx context.Context, dst []byte, reply *soap.Envelope) ([]byte, error) {
	return v.processor.ProtectOwn(ctx, dst, reply, v.Message)
}

// Authorized remembers the client's token, so that later messages may name it
// by its hash.
func (v *verified) Authorized(ctx context.Context) error { return v.Remember(ctx) }

// Notes returns the durations of the steps of verification, and what it
// accepted though no digest covers it.
func (v *verified) Notes() (stages, notes []slog.Attr) {
	f := v.Facts()
	if p := f.UncoveredPrefix; p != nil {
		notes = append(notes, slog.Group("accepted", "code", p.ErrorCode(), "error", p.Error()))
	}
	return []slog.Attr{slog.Duration("ticket", f.TokenTime), slog.Duration("decrypt", f.DecryptTime),
		slog.Duration("digest", f.DigestTime)}, notes
}
