package wstrust

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// halfOpenState is what is kept of a negotiation between two legs, beside the
// sealed state of the GSS-API context.
type halfOpenState struct {
	Version    Version
	Legs       int       // messages of the client that have come
	Until      time.Time // when the negotiation must be over
	ValueType  string    // of the BinaryExchange, as the client spells it
	KeySize    int       // in bits
	AppliesTo  []byte    // of the RST
	Transcript []byte    // of what was exchanged so far

	gss []byte
}

// id names a negotiation: nobody else's messages go on with it, nor those that
// came by another route.
func (n *Negotiator) id(client, context string) string {
	h := sha256.New()
	for _, part := range []string{n.cfg.Scope, client, context} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part)
	}
	return "negotiation " + hex.EncodeToString(h.Sum(nil))
}

// shareOf returns whom the negotiations of a client address count against: the
// address or, for IPv6, its /64, since a subscriber has at least that. The store
// sees to those who have more, as store.Memory does.
func shareOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	network, _ := a.Prefix(64) // of an IPv6 address it never fails
	return network.String()
}

// purpose is what an entry is sealed for: kind and version, and its place.
func (s *negotiation) purpose() string { return "wstrust negotiation v1 " + s.id }

// keep enters the negotiation in the store until the client's next message.
func (s *negotiation) keep(ctx context.Context) error {
	entry, err := s.seal()
	if err != nil {
		return &Error{Code: CodeStore, Err: fmt.Errorf("state of a negotiation: %w", err)}
	}
	added, err := s.n.cfg.HalfOpen.Add(ctx, s.id, entry, shareOf(s.client), s.Until)
	switch {
	case err != nil:
		return storeError(ctx, err)
	case !added:
		return errContextInUse(s.m)
	}
	return nil
}

// seal returns the sealed entry: the length of the fields, the fields and the
// state of the context.
func (s *negotiation) seal() (entry []byte, err error) {
	if s.Transcript, err = s.hash.state(); err != nil {
		return nil, err
	}
	if s.gss, err = s.context.Export(s.n.cfg.Sealer); err != nil {
		return nil, err
	}
	fields, err := json.Marshal(&s.halfOpenState)
	if err != nil {
		return nil, err
	}
	plain := binary.BigEndian.AppendUint32(nil, uint32(len(fields)))
	return s.n.cfg.Sealer.Seal(s.purpose(), append(append(plain, fields...), s.gss...))
}

// take takes the negotiation out of the store: of several messages one goes on
// with it.
func (s *negotiation) take(ctx context.Context) error {
	entry, err := s.n.cfg.HalfOpen.Take(ctx, s.id)
	if err != nil {
		return storeError(ctx, err)
	}
	if entry == nil {
		return errAt(CodeUnknownContext, s.m.element,
			"no negotiation of this client address waits under Context %.60q", s.m.context)
	}
	if err := s.open(entry); err != nil {
		return errAt(CodeUnknownContext, s.m.element,
			"what the store has of the negotiation is not what we sealed: %w", err)
	}
	if now := s.n.cfg.Time(); !now.Before(s.Until) {
		return errAt(CodeUnknownContext, s.m.element, "the negotiation had to be over %v ago",
			now.Sub(s.Until).Round(time.Millisecond))
	}
	return nil
}

// open is the opposite of seal.
func (s *negotiation) open(entry []byte) error {
	plain, err := s.n.cfg.Sealer.Open(s.purpose(), entry)
	if err != nil {
		return err
	}
	if len(plain) < 4 || uint64(binary.BigEndian.Uint32(plain)) > uint64(len(plain)-4) {
		return errors.New("it is too short")
	}
	end := 4 + binary.BigEndian.Uint32(plain)
	if err := json.Unmarshal(plain[4:end], &s.halfOpenState); err != nil {
		return err
	}
	s.gss = plain[end:]
	s.Legs++
	s.hash, err = restoreTranscript(s.Transcript)
	return err
}
