package negotiate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// A ContextStore keeps sealed entries by id, each until a time. Implementations
// copy what they keep and are safe for concurrent use. It is an alias of an
// interface literal, so that neither side needs an import.
type ContextStore = interface {
	// Add enters entry unless there is one under id; the two are one atomic
	// step. It counts against the share of client, an address, the /64 of one, or a
	// name; stores may give the clients of one /48 a share too. Nothing live is evicted:
	// without room the error has a method Full() bool that returns true.
	Add(ctx context.Context, id string, entry []byte, client string, expires time.Time) (added bool, err error)
	// Get returns the entry, nil without one.
	Get(ctx context.Context, id string) (entry []byte, err error)
	// Swap puts entry in the place of old, if that is what is there, in one
	// atomic step.
	Swap(ctx context.Context, id string, old, entry []byte, expires time.Time) (swapped bool, err error)
	// Take returns the entry and removes it, in one atomic step; nil without
	// one.
	Take(ctx context.Context, id string) (entry []byte, err error)
}

// A StateSealer encrypts and authenticates state that leaves the process. What
// was sealed for one purpose does not open for another. It is that of package
// gss.
type StateSealer = gss.StateSealer

// Config configures an [Authenticator]. Only Acceptor is required.
type Config struct {
	// Acceptor accepts the tokens; [gss.Acceptor.ForServices] chooses the
	// services of a route.
	Acceptor *gss.Acceptor
	// Mechanism restricts the mechanisms. By default clients may speak SPNEGO,
	// or Kerberos without it.
	Mechanism gss.Mechanism
	// Delegation makes the credential that a client delegates available, see
	// [Identity.Delegated]. The client's ticket is kept with it where the Acceptor
	// has KeepTicket.
	Delegation bool
	// BindingRule is the rule for channel bindings. Bindings returns those of
	// the connection of a request: [kerberos.EndPointBinding] of the server's
	// certificate, of each while one is being replaced. It is not called for a
	// request without TLS, which has none.
	BindingRule gss.BindingRule
	Bindings    func(*http.Request) [][]byte

	// Authorize, if not nil, is called with the client of each request before
	// the request is admitted, a cookie set or the connection bound to the
	// client. After an error the request is answered with 403 and remembered by
	// nothing, a session that it has ends, and [Result.Err] is the error. The
	// request is as it was received; its body must not be read.
	Authorize func(*http.Request, *Identity) error

	// NoChallenge refuses a request without a token without inviting the client
	// to send one.
	NoChallenge bool
	// Invite invites a client whose token was refused to try again. Some clients
	// then try for ever.
	Invite bool
	// Application offers the scheme "Application Negotiate", which browsers
	// ignore, in place of Negotiate. Challenge has what the challenge announces.
	Application bool
	Challenge   ApplicationChallenge

	// BodyLater is for clients that send their body only after the context is
	// established: a POST, PUT or PATCH without a body that establishes one is
	// answered with 204, and the cookie names the context for exactly one more
	// request. Without it such a request is passed on like others.
	BodyLater bool
	// Session is how long a session cookie is valid, at most to the end of the
	// client's ticket. 0 means that each request needs a token.
	Session time.Duration
	// ConnectionBound accepts all later requests of an HTTP/1.x connection as
	// the client that it has authenticated, until its ticket ends. The server
	// needs [ConnContext]. Behind a proxy that sends requests of several clients
	// over one connection it would mix them up.
	ConnectionBound bool

	// CookieName is the name of the cookie; "" means "negotiate", followed by
	// eight digits of the Scope's hash if there is one. CookiePath is its path;
	// "" means "/". SameSite of the cookie is Lax by default: with
	// Strict, no negotiation of several legs succeeds for a client that follows
	// a link of another site.
	CookieName, CookiePath string
	SameSite               http.SameSite
	// SecureCookie sends cookies over TLS only, even if TLS ends in front of
	// this process. They always have the attribute if a request came by TLS.
	SecureCookie bool

	// Store keeps half-open negotiations and contexts that wait for a body. nil
	// means memory: 10,000 entries, and a sixteenth of them for one client
	// address.
	Store ContextStore
	// Sessions keeps the sessions that do not fit into a cookie: of clients in
	// many groups, or with a delegated credential. Of one client at one address
	// it has eight; one more takes the place of any of them. nil means Store. One
	// that holds entries of others in memory may have a method Current, as Get, that
	// returns what is there now: a session that another process has put in the place
	// of an older one is known at once then.
	Sessions ContextStore
	// Sealer seals cookies and what is kept. nil means a random key, that of
	// this process.
	Sealer StateSealer
	// Scope names the route. Cookies of one scope mean nothing in another, even
	// with the same Store and Sealer.
	Scope string
	// Accepts names what the Acceptor and Session accept, for whom the same Scope
	// may accept something else before or beside: cookies of another one mean
	// nothing. It has no effect on the default of CookieName.
	Accepts string
	// MaxOpen is how long a negotiation may take, and how long a context waits
	// for the body. 0 means 1 minute.
	MaxOpen time.Duration
	// ClientAddr returns the address of a client, for its share of the Store and
	// for tickets that are bound to addresses. nil means that of the connection.
	ClientAddr func(*http.Request) netip.Addr

	// Answer writes the status and body of an answer that does not come from the
	// handler; Result.Header is in the response already. nil means a line of
	// text.
	Answer func(http.ResponseWriter, *http.Request, *Result)
	// Time is the clock; nil means [time.Now].
	Time func() time.Time
}

// An Authenticator authenticates the clients of HTTP requests. It is safe for
// concurrent use.
type Authenticator struct{ cfg Config }

// New returns an Authenticator, or an error if cfg is invalid.
func New(cfg Config) (*Authenticator, error) {
	cfg.setDefaults()
	switch {
	case cfg.Acceptor == nil:
		return nil, errors.New("negotiate: Config needs an Acceptor")
	case !httpguts.ValidHeaderFieldName(cfg.CookieName) || !validPath(cfg.CookiePath):
		return nil, errors.New("negotiate: CookieName or CookiePath cannot be that of a cookie")
	case min(cfg.Session, cfg.MaxOpen) < 0:
		return nil, errors.New("negotiate: Session or MaxOpen is negative")
	case cfg.Challenge != (ApplicationChallenge{}) && !cfg.Application:
		return nil, errors.New("negotiate: Challenge has no effect without Application")
	}
	if err := cfg.Challenge.check(); err != nil {
		return nil, err
	}
	return &Authenticator{cfg}, nil
}

func (cfg *Config) setDefaults() {
	cfg.CookieName = cmp.Or(cfg.CookieName, defaultName(cfg.Scope))
	if cfg.Accepts != "" {
		cfg.Scope += "\n" + cfg.Accepts
	}
	cfg.CookiePath = cmp.Or(cfg.CookiePath, "/")
	cfg.SameSite = cmp.Or(cfg.SameSite, http.SameSiteLaxMode)
	cfg.MaxOpen = cmp.Or(cfg.MaxOpen, time.Minute)
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	if cfg.Store == nil {
		cfg.Store = store.NewMemory(store.MemoryConfig{MaxEntries: 10_000, MaxEntryBytes: maxEntry, Time: cfg.Time})
	}
	if cfg.Sessions == nil {
		cfg.Sessions = cfg.Store
	}
	if cfg.Sealer == nil {
		cfg.Sealer = seal.Random()
	}
	if cfg.ClientAddr == nil {
		cfg.ClientAddr = remoteAddr
	}
	if cfg.Answer == nil {
		cfg.Answer = writeText
	}
}

// defaultName returns the name of the cookie of a scope. Cookies of two routes,
// one below the other, must not have the same.
func defaultName(scope string) string {
	if scope == "" {
		return "negotiate"
	}
	sum := sha256.Sum256([]byte(scope))
	return "negotiate-" + hex.EncodeToString(sum[:4])
}

// maxEntry is the size of an entry with the largest PAC.
const maxEntry = 256 << 10

func validPath(path string) bool {
	for _, c := range []byte(path) {
		if c < ' ' || c > '~' || c == ';' {
			return false
		}
	}
	return path[0] == '/'
}

func remoteAddr(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone("")
}

// share returns the key of a client's share: its address, or the /64 of IPv6. The
// store sees to those who have more, as store.Memory does.
func share(a netip.Addr) string {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p.String()
}
