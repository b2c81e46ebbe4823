package gss

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// What can be wrong with a per-message token; a *MessageError wraps one of them. Beside each is the status of RFC 2743
// 1.2.1.1. No data of a refused token is ever returned.
var (
	ErrMessageToken     = errors.New("malformed token")                                     // GSS_S_DEFECTIVE_TOKEN
	ErrMessageIntegrity = errors.New("integrity check failed")                              // GSS_S_BAD_SIG, for all of the cryptography
	ErrMessageDirection = errors.New("token of our own side: reflected")                    // GSS_S_BAD_SIG
	ErrMessageReplay    = errors.New("token was received before")                           // GSS_S_DUPLICATE_TOKEN
	ErrMessageOld       = errors.New("token is too old to tell whether it came before")     // GSS_S_OLD_TOKEN
	ErrMessageGap       = errors.New("token is ahead of its turn")                          // GSS_S_GAP_TOKEN
	ErrMessageLimit     = errors.New("RC4 context or message beyond what RFC 4757 permits") // GSS_S_FAILURE
)

// A MessageError is a per-message token that was refused, or could not be made. It holds no secret and nothing that was
// decrypted, and is for operators.
type MessageError struct {
	Detail string // what was found; may be empty
	Err    error  // one of the ErrMessage… values
}

// Error returns the kind and the words.
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

// A MessageConfig is what a MessageProtection needs to know of its security context.
type MessageConfig struct {
	// Key is the initiator's subkey, else the ticket's session key. Its type chooses the tokens: RFC 4121 for AES, RFC
	// 4757 for RC4.
	Key etype.Key
	// AcceptorSubkey is the subkey of the AP-REP, or the zero Key without one. It then protects all that is sent; an
	// initiator accepts nothing else, an acceptor also Key, since the initiator may have sent before the AP-REP came
	// (RFC 4121 2, 4.2.2). RC4 tokens cannot name it, so neither key may be RC4's.
	AcceptorSubkey etype.Key
	// Acceptor says that this side accepted the context. False: it initiated it.
	Acceptor bool
	// SendSequence and ReceiveSequence are the numbers of the first token in each direction: the initiator's is the
	// authenticator's seq-number, the acceptor's is the AP-REP's, and without AP-REP the initiator's.
	SendSequence, ReceiveSequence uint32
	// Order is what is demanded of the sequence of received tokens. The zero value demands most.
	Order MessageOrder
	// SealedRRC and IntegrityRRC are the right rotation counts of Wrap tokens that are sent, with and without
	// confidentiality (RFC 4121 4.2.5). 0 as MIT has it is right for all that read a token as a whole. Windows sends 28
	// and 12 for etypes 17 and 18, header and checksum first. RC4 tokens have none.
	SealedRRC, IntegrityRRC uint16
}

// A MessageOrder is a demand on the sequence numbers of received tokens, Wrap and MIC together (RFC 2743 1.2.3).
type MessageOrder int

const (
	// InSequence accepts each token in its turn only: for GSS_C_SEQUENCE_FLAG.
	InSequence MessageOrder = iota
	// NoReplay accepts tokens in any order, none twice, and none that is 64 or more behind the newest: for
	// GSS_C_REPLAY_FLAG without GSS_C_SEQUENCE_FLAG.
	NoReplay
	// AnyOrder does not look at sequence numbers: for contexts with neither flag.
	AnyOrder
)

// A MessageProtection makes and checks the per-message tokens of one established security context (RFC 2743 2.3, RFC
// 4121 4.2, RFC 4757 7). It is safe for concurrent use; tokens are numbered in the order of the calls.
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

// A messageFormat is one of the two families of tokens. Numbers that are received have passed the integrity check.
type messageFormat interface {
	wrap(w *rotation, dst, plaintext []byte, seq uint64, sealed bool) []byte
	unwrap(w *rotation, dst, token []byte) (out []byte, seq uint64, sealed bool, err error)
	mic(dst, message []byte, seq uint64) []byte
	verifyMIC(message, token []byte) (seq uint64, err error)
}

// NewMessageProtection begins the exchange of messages. It fails without a key, and for keys that do not go together.
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
		m.left = 1 << 32 // then the keys of sealed tokens would repeat
	}
	m.receive = newWindow(uint64(cfg.ReceiveSequence), mask)
	return m, nil
}

// number takes the next number to send.
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

// nextToSend is the number of the next token, for a context that goes on elsewhere.
func (m *MessageProtection) nextToSend() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint32(m.send)
}

// received notes the number of an authentic token, or refuses it.
func (m *MessageProtection) received(seq uint64) error {
	if m.order == AnyOrder {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.receive.take(seq, m.order == InSequence)
}

// Wrap appends a Wrap token that holds plaintext (GSS_Wrap, RFC 4121 4.2.6.2): encrypted when sealed, else in clear
// under a checksum. The plaintext must not lie in dst's spare capacity. The error, a *MessageError, is for RC4 only: a
// message of almost 16 MB or the context's 2³²nd token.
func (m *MessageProtection) Wrap(dst, plaintext []byte, sealed bool) ([]byte, error) {
	if len(plaintext) > m.limit { // before it takes a number, whose absence the peer would see
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

// Unwrap checks a peer's Wrap token and appends what it holds (GSS_Unwrap). It reports whether that was sealed: who
// needs confidentiality has to look. The token must not lie in dst's spare capacity, which is overwritten even when the
// token is refused. Errors are of type *MessageError; a token that was refused can be received again, in its turn.
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

// MIC makes a MIC token for a message (GSS_GetMIC, RFC 4121 4.2.6.1). The error, a *MessageError, is for RC4 only: the
// context's 2³²nd token.
func (m *MessageProtection) MIC(message []byte) (token []byte, err error) {
	seq, err := m.number()
	if err != nil {
		return nil, err
	}
	return m.format.mic(nil, message, seq), nil
}

// VerifyMIC checks a peer's MIC token for a message (GSS_VerifyMIC). Errors are of type *MessageError; a token that was
// refused can be received again, in its turn.
func (m *MessageProtection) VerifyMIC(message, token []byte) error {
	seq, err := m.format.verifyMIC(message, token)
	if err != nil {
		return err
	}
	return m.received(seq)
}

// rotations holds what nobody uses; the zero value is ready.
type rotations struct{ pool sync.Pool }

func (r *rotations) get() *rotation {
	if w, ok := r.pool.Get().(*rotation); ok {
		return w
	}
	return new(rotation)
}

// put gives w back, wiped, unless it has become large.
func (r *rotations) put(w *rotation) {
	clear(w.octets)
	if cap(w.octets) <= 32<<10 {
		r.pool.Put(w)
	}
}

// A window knows which numbers were received: the newest and the 63 before it.
type window struct {
	next uint64 // one more than the newest
	seen uint64 // bit n: next-1-n was received
	mask uint64 // of the numbers, which go on with 0
}

// newWindow expects first. Numbers before it count as received, so that they are refused.
func newWindow(first, mask uint64) window { return window{next: first, seen: 1<<64 - 1, mask: mask} }

// take notes a number that was not there yet; with strict it must be the next. A refused number changes nothing.
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
