package wstrust

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/wssec"
)

// A GSSContext is an acceptor's GSS-API context (RFC 2743) with SPNEGO:
// *gss.Context of package kerberos/gss is one.
type GSSContext interface {
	// Step takes the client's next token and returns the one to send, nil for
	// none. When done, the context is established.
	Step(ctx context.Context, token []byte) (reply []byte, done bool, err error)
	// Client, Service, Groups and EndTime are of an established context: the
	// verified client, the principal that it called, its groups, and the ticket's
	// end.
	Client() (name, realm string)
	Service() string
	Groups() []string
	EndTime() time.Time
	// A context may have the method of wssec.VerifiedCredentials too, for the
	// security context that the negotiation comes to.

	// Wrap appends a Wrap token with the context's next sequence number.
	Wrap(dst, plaintext []byte, sealed bool) ([]byte, error)
	// Export returns the state of a half-open context, sealed. The context takes
	// no more tokens afterwards.
	Export(sealer wssec.StateSealer) ([]byte, error)
}

// An Acceptor makes GSS-API contexts. bindings are the application data of the
// channel's bindings (RFC 5929), several for alternatives. It is safe for
// concurrent use.
//
// A *gss.Acceptor of package kerberos/gss becomes one by a few lines that pass a
// gss.AcceptConfig with MechanismSPNEGO and a StateBinding to its methods of the
// same names; the example of Negotiator has them.
type Acceptor interface {
	// NewContext makes a context for one client.
	NewContext(bindings [][]byte) GSSContext
	// Resume goes on with a half-open context that was exported.
	Resume(ctx context.Context, bindings [][]byte, sealer wssec.StateSealer, sealed []byte) (GSSContext, error)
}

// ContextStore keeps half-open negotiations by id. It is an alias of an
// interface literal, as wssec's is.
type ContextStore = wssec.ContextStore

// A NegotiatorConfig configures a Negotiator. Acceptor, Contexts and
// AlgorithmSuite must be given.
type NegotiatorConfig struct {
	// Acceptor makes the GSS-API contexts.
	Acceptor Acceptor
	// Contexts is where the security contexts are issued that negotiations come
	// to.
	Contexts *wssec.SecurityContexts
	// AlgorithmSuite is that of the policy which the contexts are for: it bounds
	// the size of keys.
	AlgorithmSuite wssec.SuiteName
	// KeySize is that of keys, in bits, for clients that ask for none. 0 means
	// the suite's least.
	KeySize int
	// Lifetime is that of security contexts; none outlives the client's ticket.
	// 0 means 10 hours, as WCF has it.
	Lifetime time.Duration

	// HalfOpen keeps negotiations of several legs while they are under way: a few
	// kilobytes each, and as much as its PAC for a client whose mechListMIC is
	// still to come. Nil: memory, 10,000 of them at most and a sixteenth for one
	// client address.
	HalfOpen ContextStore
	// MaxOpen is how long a negotiation may take. 0 means 1 minute, as WCF has
	// it.
	MaxOpen time.Duration
	// Sealer seals what is kept meanwhile. Nil: a random key, that of this
	// process.
	Sealer wssec.StateSealer
	// Scope names the route: a negotiation is continued on its own alone.
	Scope string

	// Timestamps accepts messages with a Security header that holds a Timestamp
	// and nothing else, which clients have over transport, and answers with one.
	// Otherwise a message with a Security header is none of a negotiation.
	Timestamps bool
	// MaxAge is how long after its Created a message is accepted, ClockSkew by
	// how much clocks may differ. 0 means 5 minutes for either.
	MaxAge, ClockSkew time.Duration

	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
	// Rand supplies keys and identifiers. Nil: crypto/rand.
	Rand io.Reader
}

// A Negotiator is the accepting side of SPNEGO negotiations by WS-Trust, for one
// route. It is safe for concurrent use.
type Negotiator struct {
	cfg      NegotiatorConfig
	keySizes []int // in bits, that of the suite; the first is the default
}

// NewNegotiator makes a Negotiator; the error says what is wrong with cfg.
func NewNegotiator(cfg NegotiatorConfig) (*Negotiator, error) {
	suite, ok := wssec.LookupSuite(cfg.AlgorithmSuite)
	switch {
	case cfg.Acceptor == nil || cfg.Contexts == nil:
		return nil, errors.New("wstrust: a Negotiator needs an Acceptor and Contexts")
	case !ok:
		return nil, fmt.Errorf("wstrust: algorithm suite %q is not one of %q", cfg.AlgorithmSuite, wssec.SuiteNames())
	case min(cfg.Lifetime, cfg.MaxOpen, cfg.MaxAge, cfg.ClockSkew) < 0:
		return nil, errors.New("wstrust: a time of a Negotiator is negative")
	}
	n := &Negotiator{cfg: cfg, keySizes: keySizes(suite)}
	if cfg.KeySize != 0 && !slices.Contains(n.keySizes, cfg.KeySize) {
		return nil, fmt.Errorf("wstrust: a key of %d bits does not fit %s; %d do", cfg.KeySize, suite.Name, n.keySizes)
	}
	n.cfg.setDefaults(n.keySizes[0])
	return n, nil
}

func (cfg *NegotiatorConfig) setDefaults(keySize int) {
	cfg.KeySize = cmp.Or(cfg.KeySize, keySize)
	cfg.Lifetime = cmp.Or(cfg.Lifetime, defaultLifetime)
	cfg.MaxOpen = cmp.Or(cfg.MaxOpen, time.Minute)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 5*time.Minute)
	cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	cfg.Time, cfg.Rand = ofSystem(cfg.Time, cfg.Rand)
	if cfg.HalfOpen == nil {
		cfg.HalfOpen = store.NewMemory(store.MemoryConfig{MaxEntries: 10_000, MaxEntryBytes: 256 << 10, Time: cfg.Time})
	}
	if cfg.Sealer == nil {
		cfg.Sealer = seal.Random()
	}
}

// defaultLifetime is that of security contexts in WCF.
const defaultLifetime = 10 * time.Hour

// defaultSkew is the difference of clocks that Kerberos allows by default.
const defaultSkew = 5 * time.Minute

// ofSystem returns a clock and a source of random octets: those of the system
// for nil.
func ofSystem(now func() time.Time, random io.Reader) (func() time.Time, io.Reader) {
	if now == nil {
		now = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	return now, random
}

// keySizes returns the sizes in bits that keys under a suite can have, least
// first.
func keySizes(suite wssec.Suite) (sizes []int) {
	for _, bits := range []int{128, 192, 256} {
		if suite.MinKey <= bits/8 && bits/8 <= suite.MaxKey {
			sizes = append(sizes, bits)
		}
	}
	return sizes
}

// chooseKeySize returns the size to be used when a client asks for one; ok is
// false if it cannot have it.
func chooseKeySize(asked, standard int, sizes []int) (bits int, ok bool) {
	if asked == 0 {
		return standard, true
	}
	return asked, slices.Contains(sizes, asked)
}
