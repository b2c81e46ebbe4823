package wssec

import (
	"context"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/internal/pool"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// reserve calls Config.Reserve before octets are allocated.
func (p *Processor) reserve(ctx context.Context, octets int, at xmltext.Node) error {
	if p.cfg.Reserve == nil || octets == 0 {
		return nil
	}
	if err := p.cfg.Reserve(ctx, octets); err != nil {
		return &Error{Code: CodeNoMemory, Path: at.Path(), Err: err}
	}
	return nil
}

// release returns octets that are no longer held to Config.Reserve.
func (p *Processor) release(ctx context.Context, octets int) {
	if p.cfg.Reserve != nil && octets != 0 {
		_ = p.cfg.Reserve(ctx, -octets) // takes nothing, so it cannot fail
	}
}

// A plaintextReservation is the memory for the plaintext of an EncryptedData:
// its octets, and for their index a share that depends on their number alone.
// What a dense plaintext needs beyond that is reserved while it is scanned.
type plaintextReservation struct {
	v       *verification
	held    int   // what is reserved
	left    int   // of held, what is not used
	refused error // the error of Config.Reserve while the plaintext was scanned
}

// reservePlaintext reserves room, the octets of new memory for the plaintext of e,
// and what its index may take, before it is decrypted, so that a refusal discloses
// nothing of the plaintext. The plaintext has at most size octets. Before the HMAC is
// checked nothing may be reserved later, so an encrypted Signature gets all that its
// index could take.
func (v *verification) reservePlaintext(e *encryptedPart, room, size int) (*plaintextReservation, error) {
	index := pool.Size(size)
	if e.isSignature {
		index = xmltext.IndexBound(index)
	}
	if err := v.p.reserve(v.ctx, room+index, e.Node); err != nil {
		return nil, err
	}
	r := v.rooms.reservation.next()
	*r = plaintextReservation{v: v, held: room + index, left: index}
	return r, nil
}

// take is xmltext.Options.Reserve for the scan of the plaintext.
func (r *plaintextReservation) take(octets int) error {
	if more := octets - r.left; more > 0 {
		if err := r.v.p.reserve(r.v.ctx, more, xmltext.Node{}); err != nil {
			r.refused = err
			return err
		}
		r.held += more
		r.left += more
	}
	r.left -= octets
	return nil
}

// settle releases what the scan did not use and adds the rest to
// v.reserved.
func (r *plaintextReservation) settle() {
	r.v.p.release(r.v.ctx, r.left)
	r.v.reserved += r.held - r.left
	r.left, r.held = 0, 0
}

// sizes returns the octets that the protected message takes, and those that are
// held while it is written. Where the signature covers the ciphertext, the
// ciphertext is written twice before the message is assembled.
func (w *writer) sizes() (message, held int) {
	p := &w.p.policy
	start, _, _, end := w.env.Root.SourceRange()
	message = end - start + len(w.token)*4/3 + 12<<10
	for _, b := range w.env.blocks {
		message += 2 << 10 // tags and KeyInfo of an EncryptedHeader, its Reference
		if _, from, to, _ := b.SourceRange(); p.EncryptedParts.matches(b) {
			message += (to - from) / 2
		}
	}
	held = message
	if len(w.env.blocks) > 0 && !w.env.Header.IsZero() {
		_, from, to, _ := w.env.Header.SourceRange()
		held += 3*(to-from) + 4<<10*len(w.env.blocks) // the blocks, and one more in the making
	}
	if p.EncryptedParts.Body {
		_, size := plaintext(w.env.Body)
		_, from, to, _ := w.env.Body.SourceRange()
		cipher := base64.EncodedLen(size+64) + xmlenc.EndLen + 1<<10
		message += cipher - (to - from)
		held += cipher - (to - from)
		if p.SignedParts.Body && p.ProtectionOrder == EncryptBeforeSign {
			held += 2 * cipher
		}
	}
	return message, held
}
