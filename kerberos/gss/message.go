package gss

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// Reasons why a per-message token is refused, with the status of RFC 2743
// 1.2.1.1. A [*MessageError] wraps one of them.
var (
	ErrMessageToken = errors.New("malformed token") // GSS_S_DEFECTIVE_TOKEN
	// GSS_S_BAD_SIG
	ErrMessageIntegrity = errors.New("integrity check failed")
	ErrMessageDirection = errors.New("token of our own side: reflected")                    // GSS_S_BAD_SIG
	ErrMessageReplay    = errors.New("token was received before")                           // GSS_S_DUPLICATE_TOKEN
	ErrMessageOld       = errors.New("token is too old to tell whether it came before")     // GSS_S_OLD_TOKEN
	ErrMessageGap       = errors.New("token is ahead of its turn")                          // GSS_S_GAP_TOKEN
	ErrMessageLimit     = errors.New("RC4 context or message beyond what RFC 4757 permits") // GSS_S_FAILURE
)

// A MessageError is the reason why a per-message token was refused or could not
// be made. It is for operators and holds no secret and no plaintext.
type MessageError struct {
	Detail string // what was found; may be empty
	Err    error  // one of the ErrMessage… values
}

// Error returns the reason and the detail.
func (e *MessageError) Error() string {
	s := "kerberos: per-message token: " + e.Err.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns the ErrMessage… value.
func (e *MessageError) Unwrap() error { return e.Err }

func refuseMessage(err error, format string, args ...any) error {
	return &MessageError{Detail: fmt.Sprintf(format, args...), Err: err}
}

// A MessageConfig describes the security context of a [MessageProtection].
type MessageConfig struct {
	// Key is the initiator's subkey, else the ticket's session key. Its type
	// chooses the tokens: RFC 4121 for AES, RFC 4757 for RC4.
	Key etype.Key
	// AcceptorSubkey is the subkey of the AP-REP, or the zero Key without one.
	// If set it protects all tokens that are sent. An initiator then accepts
	// only tokens under it; an acceptor also those under Key, since the
	// initiator may have sent some before it got the AP-REP (RFC 4121 2,
	// 4.2.2). RC4 tokens cannot name it, so neither key may be RC4's.
	AcceptorSubkey etype.Key
	// Acceptor is set on the acceptor's side.
	Acceptor bool
	// SendSequence and ReceiveSequence are the numbers of the first token in
	// each direction: the initiator's is the authenticator's seq-number, the
	// acceptor's is the AP-REP's, and without AP-REP the initiator's.
	SendSequence, ReceiveSequence uint32
	// Order is the rule for the sequence of received tokens. The zero value,
	// [InSequence], is the strictest.
	Order MessageOrder
	// SealedRRC and IntegrityRRC are the right rotation counts of Wrap tokens
	// that are sent, with and without confidentiality (RFC 4121 4.2.5). 0,
	// which MIT uses, is right for peers that read a token as a whole. Windows
	// uses 28 and 12 with etypes 17 and 18, for header and checksum first. RC4
	// tokens have none.
	SealedRRC, IntegrityRRC uint16
}

// A MessageOrder is a rule for the sequence numbers of received tokens, Wrap
// and MIC together (RFC 2743 1.2.3).
type MessageOrder int

const (
	// InSequence accepts tokens in sequence only: for GSS_C_SEQUENCE_FLAG.
	InSequence MessageOrder = iota
	// NoReplay accepts tokens in any order, none twice, and none that is 64 or
	// more behind the newest: for GSS_C_REPLAY_FLAG without
	// GSS_C_SEQUENCE_FLAG.
	NoReplay
	// AnyOrder ignores sequence numbers: for contexts with neither flag.
	AnyOrder
)

// A MessageProtection makes and checks the per-message tokens of one
// established security context (RFC 2743 2.3, RFC 4121 4.2, RFC 4757 7). It is
// safe for concurrent use; tokens are numbered in the order of the calls.
type MessageProtection struct {
	format messageFormat
	order  MessageOrder
	limit  int // octets of a message
	work   rotations

	mu      sync.Mutex
	send    uint64 // the next number
	left    uint64 // how many tokens may still be sent
	receive window
}

// A messageFormat is one of the two formats of tokens. It returns sequence
// numbers that have passed the integrity check.
type messageFormat interface {
	wrap(w *rotation, dst, plaintext []byte, seq uint64, sealed bool) []byte
	unwrap(w *rotation, dst, token []byte) (out []byte, seq uint64, sealed bool, err error)
	mic(dst, message []byte, seq uint64) []byte
	verifyMIC(message, token []byte) (seq uint64, err error)
}

// NewMessageProtection returns the protection of a new context. It returns an
// error if there is no key, or the keys do not go together.
func NewMessageProtection(cfg MessageConfig) (*MessageProtection, error) {
	if cfg.Key.IsZero() {
		return nil, errors.New("kerberos: per-message tokens without a key")
	}
	if cfg.Order < InSequence || cfg.Order > AnyOrder {
		return nil, fmt.Errorf("kerberos: no such message order: %d", cfg.Order)
	}
	m := &MessageProtection{order: cfg.Order, limit: math.MaxInt, send: uint64(cfg.SendSequence), left: 1<<64 - 1}
	mask := uint64(1<<64 - 1)
	switch {
	case cfg.Key.Etype() != etype.RC4 && cfg.AcceptorSubkey.Etype() != etype.RC4:
		m.format = newCFXTokens(&cfg)
	case !cfg.AcceptorSubkey.IsZero():
		return nil, errors.New("kerberos: an acceptor's subkey in a context with an RC4 key")
	default:
		m.format = newRC4Tokens(cfg.Key, cfg.Acceptor)
		m.limit = krbmsg.RC4MaxMessage
		mask = 1<<32 - 1
		m.left = 1 << 32 // after that the keys of encrypted tokens would repeat
	}
	m.receive = newWindow(uint64(cfg.ReceiveSequence), mask)
	return m, nil
}

// number returns the next number to send.
func (m *MessageProtection) number() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return 0, refuseMessage(ErrMessageLimit, "all sequence numbers are used up")
	}
	m.left--
	m.send++
	return m.send - 1, nil
}

// nextToSend returns the number of the next token, for a context that is
// exported.
func (m *MessageProtection) nextToSend() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint32(m.send)
}

// received records the number of an authentic token, or refuses it.
func (m *MessageProtection) received(seq uint64) error {
	if m.order == AnyOrder {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.receive.take(seq, m.order == InSequence)
}

// Wrap appends a Wrap token that holds plaintext (GSS_Wrap, RFC 4121 4.2.6.2):
// encrypted if sealed, else in clear with a checksum. The plaintext must not
// lie in dst's spare capacity. It returns an error, a [*MessageError], only
// with RC4: for a message of almost 16 MiB, and after 2³² tokens.
func (m *MessageProtection) Wrap(dst, plaintext []byte, sealed bool) ([]byte, error) {
	if len(plaintext) > m.limit { // before it takes a number, which the peer would miss
		return nil, refuseMessage(ErrMessageLimit, "message of %d octets, limit %d", len(plaintext), m.limit)
	}
	seq, err := m.number()
	if err != nil {
		return nil, err
	}
	w := m.work.get()
	defer m.work.put(w)
	return m.format.wrap(w, dst, plaintext, seq, sealed), nil
}

// Unwrap checks a peer's Wrap token and appends its plaintext (GSS_Unwrap, RFC
// 2743 2.3.4). It reports whether the token was sealed, that is encrypted: a
// caller that needs confidentiality must check. The token must not lie in dst's
// spare capacity, which is overwritten even if the token is refused. Errors are
// of type [*MessageError]; a refused token does not use up its sequence number.
func (m *MessageProtection) Unwrap(dst, token []byte) (plaintext []byte, sealed bool, err error) {
	w := m.work.get()
	defer m.work.put(w)
	out, seq, sealed, err := m.format.unwrap(w, dst, token)
	if err != nil {
		return nil, false, err
	}
	if err := m.received(seq); err != nil {
		clear(out[len(dst):])
		return nil, false, err
	}
	return out, sealed, nil
}

// MIC returns a MIC token for a message (GSS_GetMIC, RFC 4121 4.2.6.1). It
// returns an error, a [*MessageError], only with RC4: after 2³² tokens.
func (m *MessageProtection) MIC(message []byte) (token []byte, err error) {
	seq, err := m.number()
	if err != nil {
		return nil, err
	}
	return m.format.mic(nil, message, seq), nil
}

// VerifyMIC checks a peer's MIC token for a message (GSS_VerifyMIC, RFC 2743
// 2.3.2). Errors are of type [*MessageError]; a refused token does not use up
// its sequence number.
func (m *MessageProtection) VerifyMIC(message, token []byte) error {
	seq, err := m.format.verifyMIC(message, token)
	if err != nil {
		return err
	}
	return m.received(seq)
}

// rotations holds unused ones. The zero value is ready to use.
type rotations struct{ pool sync.Pool }

func (r *rotations) get() *rotation {
	if w, ok := r.pool.Get().(*rotation); ok {
		return w
	}
	return new(rotation)
}

// put returns w to the pool, wiped, unless it has become large.
func (r *rotations) put(w *rotation) {
	clear(w.octets)
	if cap(w.octets) <= 32<<10 {
		r.pool.Put(w)
	}
}

// A window records which numbers were received: the newest and the 63 before
// it.
type window struct {
	next uint64 // one more than the newest
	seen uint64 // bit n: next-1-n was received
	mask uint64 // of the numbers, which wrap around to 0
}

// newWindow returns a window that expects first. Numbers before it count as
// received, so that they are refused.
func newWindow(first, mask uint64) window { return window{next: first, seen: 1<<64 - 1, mask: mask} }

// take records a number that was not received before; with strict it must be
// the next. A refused number changes nothing.
func (v *window) take(seq uint64, strict bool) error {
	ahead, behind := (seq-v.next)&v.mask, (v.next-1-seq)&v.mask
	switch {
	case ahead == 0 || ahead <= v.mask/2 && !strict:
		v.seen = v.seen<<(ahead+1) | 1
		v.next = (seq + 1) & v.mask
		return nil
	case ahead <= v.mask/2:
		return refuseMessage(ErrMessageGap, "number %d, expected %d", seq, v.next)
	case behind >= 64:
		return refuseMessage(ErrMessageOld, "number %d, expected %d", seq, v.next)
	case v.seen>>behind&1 == 1:
		return refuseMessage(ErrMessageReplay, "number %d, expected %d", seq, v.next)
	}
	v.seen |= 1 << behind
	return nil
}
