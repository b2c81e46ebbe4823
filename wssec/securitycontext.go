package wssec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// A SecurityContext is what a SecurityContextToken stands for: an authenticated
// client and a key that both sides have (WS-SecureConversation §2).
type SecurityContext struct {
	// Identifier names the context: an absolute URI of at most 256 printable
	// ASCII characters, opaque and compared exactly.
	Identifier string
	// Instance names the current key, in the same form; "" before a renewal.
	Instance string
	// Token is the token of a policy that it may be used as:
	// SpnegoContextToken or SecureConversationToken.
	Token TokenType
	// Namespace is the version of WS-SecureConversation that it was issued
	// under: NSWSC05 or NSWSC13.
	Namespace string

	Name, Realm string   // client principal
	Service     string   // service principal
	Groups      []string // of the client, by the ticket's PAC

	Created, Expires time.Time // from when and until when it is good
	TicketEnd        time.Time // of the ticket that it was issued for; zero if not known
	Key              Key       // 16 to 64 octets

	// Credentials are those of the client's token, see [VerifiedCredentials]: of
	// 48 KiB at most, nil without.
	Credentials []byte

	// Cookie is what a service has put into the token for itself, as WCF's does
	// that keeps no state. Its client sends it back in each message. A context
	// that a Processor has accepted has the Cookie that came with it if its
	// SecurityContexts are Sealed, and else none.
	Cookie []byte
}

// sctURI returns the type of SecurityContextTokens of a version. It allocates
// nothing: each reference of a message is compared with it.
func sctURI(namespace string) string {
	if namespace == NSWSC13 {
		return NSWSC13 + "/sct"
	}
	return NSWSC05 + "/sct"
}

// maxIdentifier bounds Identifiers and Instances.
const maxIdentifier = 256

// check reports what is wrong with a context that is to be issued.
func (sc *SecurityContext) check() error {
	switch {
	case !isIdentifier(sc.Identifier) || sc.Instance != "" && !isIdentifier(sc.Instance):
		return fmt.Errorf("the Identifier or Instance is not a URI of at most %d printable ASCII characters", maxIdentifier)
	case sc.Token != SpnegoContextToken && sc.Token != SecureConversationToken:
		return fmt.Errorf("token type %q is not %q or %q", sc.Token, SpnegoContextToken, SecureConversationToken)
	case !isSC(sc.Namespace):
		return fmt.Errorf("namespace %q is none of WS-SecureConversation", sc.Namespace)
	case sc.Key.Len() < 16 || sc.Key.Len() > 64:
		return fmt.Errorf("a key of %d octets; it has 16 to 64", sc.Key.Len())
	case !sc.Created.Before(sc.Expires):
		return errors.New("it expires before it is created")
	case !sc.TicketEnd.IsZero() && sc.Expires.After(sc.TicketEnd):
		return errors.New("it expires after the client's ticket")
	case len(sc.Cookie) > 0:
		return errors.New("a Cookie, which is another service's")
	case len(sc.Credentials) > maxContextCredentials:
		return fmt.Errorf("credentials of %d octets; %d are the most", len(sc.Credentials), maxContextCredentials)
	case len(sc.Groups) > maxContextGroups:
		return fmt.Errorf("more than %d groups", maxContextGroups)
	case sumOf(sc.Groups) > maxContextGroupOctets:
		return fmt.Errorf("names of groups that take more than %d octets", maxContextGroupOctets)
	}
	for _, s := range append([]string{sc.Name, sc.Realm, sc.Service}, sc.Groups...) {
		if len(s) > maxContextText {
			return fmt.Errorf("a name of %d octets; %d are the most", len(s), maxContextText)
		}
	}
	return nil
}

// sumOf returns how many octets texts have together.
func sumOf(texts []string) (octets int) {
	for _, s := range texts {
		octets += len(s)
	}
	return octets
}

// checkNext reports what is wrong with next as a renewal of sc, whose Instances
// so far are current and previous.
func (sc *SecurityContext) checkNext(next *SecurityContext, current, previous string) error {
	switch {
	case sc.Token != next.Token || sc.Name != next.Name || sc.Realm != next.Realm || sc.Service != next.Service:
		return errors.New("wssec: security context: it is another client's, or of another type")
	case next.Instance == sc.Instance || next.Instance == current || next.Instance == previous:
		return errors.New("wssec: security context: the Instance is not new")
	}
	return nil
}

// shareOf returns whose share of a store the context takes. A KDC may let a
// client spell its name in upper and lower case as it likes, and a share for each
// spelling would be none.
func (sc *SecurityContext) shareOf() string {
	client := clientName{sc.Name, sc.Realm}.folded()
	return client.name + "@" + client.realm
}

// isIdentifier reports whether s can be an Identifier or Instance.
func isIdentifier(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxIdentifier
}

// ContextStore keeps sealed entries by id, each until a time. Implementations
// copy what they keep and are safe for concurrent use. It is an alias of an
// interface literal, so that neither side needs an import.
type ContextStore = interface {
	// Add enters entry unless there is one under id; the two are one atomic
	// step. It counts against the share of client. Nothing live is evicted:
	// without room the error has a method Full() bool that returns true.
	Add(ctx context.Context, id string, entry []byte, client string, expires time.Time) (added bool, err error)
	// Get returns the entry, nil without one. A store that holds entries of other
	// nodes in memory may have a method Current, as Get, for what is there now: it is
	// asked where a context may have been renewed meanwhile.
	Get(ctx context.Context, id string) (entry []byte, err error)
	// Swap puts entry in the place of old, if that is what is there, in one
	// atomic step.
	Swap(ctx context.Context, id string, old, entry []byte, expires time.Time) (swapped bool, err error)
	// Take returns the entry and removes it, in one atomic step; nil without
	// one.
	Take(ctx context.Context, id string) (entry []byte, err error)
}

// StateSealer encrypts and authenticates state that leaves the process. What was
// sealed for one purpose does not open for another.
type StateSealer = interface {
	Seal(purpose string, plaintext []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
}

// ContextsConfig configures SecurityContexts. The zero value is ready, for one
// route of one process.
type ContextsConfig struct {
	// Store keeps the contexts. Nil: memory, 100,000 contexts and 64 MiB at
	// most.
	Store ContextStore
	// Sealer seals what is stored, also in memory. Nil: a random key, that of
	// this process.
	Sealer StateSealer
	// Scope names the route. Contexts of one scope are unknown in another, even
	// in the same Store and under the same Sealer.
	Scope string
	// Sealed keeps no context: its state is in the Cookie of its token, sealed
	// ([SecurityContexts.Cookie]), so that every node with the keys of Sealer
	// takes it and no Store has to. A client that does not send the token back
	// as it got it is refused. Store then has what a token cannot say: which
	// contexts were cancelled or renewed. A node without that Store accepts
	// their tokens until they expire.
	Sealed bool
	// GoOnWithoutStore accepts Sealed contexts while Store fails, those that
	// were cancelled or renewed among them. Without it nothing is accepted.
	GoOnWithoutStore bool
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
}

// SecurityContexts are the contexts of one route. They are safe for concurrent
// use.
type SecurityContexts struct{ cfg ContextsConfig }

// How long a context is kept beyond its use.
const (
	// overlap is how long the key before a renewal stays good, for messages
	// under way.
	overlap = 5 * time.Minute
	// rememberGone is how long one that has expired, or was cancelled, is
	// distinguished from one that never was.
	rememberGone = 10 * time.Minute
)

// NewSecurityContexts makes the contexts of a route, none at first.
func NewSecurityContexts(cfg ContextsConfig) *SecurityContexts {
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	if cfg.Store == nil {
		cfg.Store = store.NewMemory(store.MemoryConfig{Time: cfg.Time})
	}
	if cfg.Sealer == nil {
		cfg.Sealer = seal.Random()
	}
	return &SecurityContexts{cfg}
}

// Issue enters a new context, unless contexts are Sealed: then it looks whether
// sc is complete and the rest is in its Cookie. It fails if the Identifier is in use, or if sc is
// not complete; if the store has no room the error has a method Full() bool that
// returns true.
func (c *SecurityContexts) Issue(ctx context.Context, sc SecurityContext) error {
	if err := sc.check(); err != nil {
		return fmt.Errorf("wssec: security context: %w", err)
	}
	if c.cfg.Sealed {
		return nil
	}
	id := c.id(sc.Identifier)
	entry, err := c.seal(id, &contextEntry{sc: sc})
	if err != nil {
		return fmt.Errorf("wssec: security context: %w", err)
	}
	cancelled, err := c.cfg.Store.Get(ctx, c.cancelledID(sc.Identifier))
	added := false
	if err == nil && cancelled == nil {
		added, err = c.cfg.Store.Add(ctx, id, entry, sc.shareOf(), sc.Expires.Add(rememberGone))
	}
	if err == nil && !added {
		err = errors.New("its Identifier is in use")
	}
	if err != nil {
		return fmt.Errorf("wssec: security context: %w", err)
	}
	return nil
}

// Renew sets in a live context a new Instance, Key, Created and Expires. Client,
// Service and Token stay as they are and next has the same; its Groups,
// Credentials and TicketEnd replace those before. Messages under the key before are accepted for
// five minutes more, or until that would have expired. The error is an *Error if
// the context is not live. The Cookie of next is that of the context before; for
// the new one call [SecurityContexts.Cookie] afterwards.
func (c *SecurityContexts) Renew(ctx context.Context, next SecurityContext) error {
	checked := next
	checked.Cookie = nil
	if err := checked.check(); err != nil {
		return fmt.Errorf("wssec: security context: %w", err)
	}
	if c.cfg.Sealed {
		return c.renewSealed(ctx, next)
	}
	next = checked
	return c.change(ctx, next.Identifier, func(now time.Time, was *contextEntry) (*contextEntry, time.Time, error) {
		old, before := &was.sc, was.sc.Instance
		if was.previous != nil {
			before = was.previous.instance
		}
		if err := old.checkNext(&next, old.Instance, before); err != nil {
			return nil, time.Time{}, err
		}
		until := now.Add(overlap)
		if old.Expires.Before(until) {
			until = old.Expires
		}
		previous := &contextKey{instance: old.Instance, key: old.Key, expires: until}
		return &contextEntry{sc: next, previous: previous}, next.Expires.Add(rememberGone), nil
	})
}

// Cancel ends a live context, with its Cookie if it has one: from now on nothing
// is accepted under it. The error is an *Error if the context is not live.
func (c *SecurityContexts) Cancel(ctx context.Context, identifier string, cookie []byte) error {
	if c.cfg.Sealed {
		return c.cancelSealed(ctx, identifier, cookie)
	}
	return c.change(ctx, identifier, func(now time.Time, _ *contextEntry) (*contextEntry, time.Time, error) {
		c.rememberCancelled(ctx, identifier, now.Add(rememberGone))
		return &contextEntry{cancelled: true}, now, nil // it takes none of its client's room any more
	})
}

// rememberCancelled enters that a context is cancelled, for the log: without room
// for that it will be unknown. As long as there is an entry of the context itself,
// that is what counts.
func (c *SecurityContexts) rememberCancelled(ctx context.Context, identifier string, until time.Time) {
	id := c.cancelledID(identifier)
	if sealed, err := c.seal(id, &contextEntry{cancelled: true}); err == nil {
		_, _ = c.cfg.Store.Add(ctx, id, sealed, cancelledShare, until)
	}
}

// cancelledShare is the client that cancelled contexts count against, all
// together. No client has this name.
const cancelledShare = "cancelled"

// cancelledID is what the store knows a context by that was cancelled.
func (c *SecurityContexts) cancelledID(identifier string) string {
	return "cancelled context v1 " + c.cfg.Scope + " " + identifier
}

// giveUp keeps a context no longer than one that was cancelled, if its current key
// is key, which is suspended: only a new key can make it of use again. Otherwise
// whoever makes contexts be suspended would fill the share of their client. A
// Sealed context takes no room.
func (c *SecurityContexts) giveUp(ctx context.Context, identifier string, key Key) error {
	if c.cfg.Sealed {
		return nil
	}
	return c.change(ctx, identifier, func(now time.Time, was *contextEntry) (*contextEntry, time.Time, error) {
		if was.givenUp || !was.sc.Key.Equal(key) {
			return nil, time.Time{}, errUnchanged
		}
		return &contextEntry{givenUp: true, sc: was.sc, previous: was.previous}, now.Add(rememberGone), nil
	})
}

var errUnchanged = errors.New("wssec: security context: nothing to change")

// maxChanges bounds how often a change is begun anew because another one was
// faster.
const maxChanges = 16

// change replaces the entry of a live context by what f makes of it.
func (c *SecurityContexts) change(ctx context.Context, identifier string,
	f func(now time.Time, was *contextEntry) (*contextEntry, time.Time, error)) error {
	for range maxChanges {
		id, entry, e, err := c.get(ctx, identifier, c.cfg.Store.Get)
		if err != nil {
			return err
		}
		now := c.cfg.Time()
		if err := e.checkLive(now); err != nil {
			return err
		}
		next, expires, err := f(now, e)
		if err != nil {
			return err
		}
		sealed, err := c.seal(id, next)
		if err != nil {
			return fmt.Errorf("wssec: security context: %w", err)
		}
		swapped, err := c.cfg.Store.Swap(ctx, id, entry, sealed, expires)
		if err != nil {
			return &Error{Code: CodeContextStore, Err: err}
		}
		if swapped {
			return nil
		}
	}
	return &Error{Code: CodeContextStore, Err: errChanged}
}

var errChanged = errors.New("the context changed all the while")

// Lookup returns the live context with this Identifier, whose Key is that of
// Instance. cookie is the Cookie of its token if contexts are Sealed, and else
// not looked at. The error is an *Error with the code CodeContextUnknown,
// CodeContextExpired, CodeContextCancelled, CodeContextInstance, CodeContextCookie
// or, if the store failed, CodeContextStore.
func (c *SecurityContexts) Lookup(ctx context.Context, identifier, instance string, cookie []byte) (
	SecurityContext, error) {
	if c.cfg.Sealed {
		return c.lookupSealed(ctx, identifier, instance, cookie)
	}
	now := c.cfg.Time()
	sc, err := c.lookup(ctx, identifier, instance, now, c.cfg.Store.Get)
	if current := c.current(); current != nil && mayBeOld(err) {
		return c.lookup(ctx, identifier, instance, now, current)
	}
	return sc, err
}

func (c *SecurityContexts) lookup(ctx context.Context, identifier, instance string, now time.Time, read readEntry) (
	SecurityContext, error) {
	_, _, e, err := c.get(ctx, identifier, read)
	if err != nil {
		return SecurityContext{}, err
	}
	if err := e.checkLive(now); err != nil {
		return SecurityContext{}, err
	}
	return e.instance(instance, now)
}

// A readEntry is a method of a [ContextStore] that returns an entry.
type readEntry = func(ctx context.Context, id string) ([]byte, error)

// current returns how a store that holds entries in memory is asked for what is
// there now: its method Current. It is nil for other stores.
func (c *SecurityContexts) current() readEntry {
	if s, ok := c.cfg.Store.(interface {
		Current(ctx context.Context, id string) ([]byte, error)
	}); ok {
		return s.Current
	}
	return nil
}

// mayBeOld reports whether a context may have been refused by an entry from before
// its renewal at another node.
func mayBeOld(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == CodeContextInstance || e.Code == CodeContextExpired)
}

// get finds and opens the entry of a context.
func (c *SecurityContexts) get(ctx context.Context, identifier string, read readEntry) (
	id string, sealed []byte, e *contextEntry, err error) {
	if !isIdentifier(identifier) {
		return "", nil, nil, errContext(CodeContextUnknown, "the Identifier is none that we issue")
	}
	id = c.id(identifier)
	sealed, err = read(ctx, id)
	if err == nil && sealed == nil {
		id = c.cancelledID(identifier)
		sealed, err = read(ctx, id)
	}
	switch {
	case err != nil:
		return "", nil, nil, &Error{Code: CodeContextStore, Err: err}
	case sealed == nil:
		return "", nil, nil, errContext(CodeContextUnknown,
			"there is no context with this Identifier here: it was never issued on this route, or is long gone")
	}
	plain, err := c.cfg.Sealer.Open(id, sealed)
	if err == nil {
		e, err = decodeContext(plain)
	}
	if err != nil {
		return "", nil, nil, errContext(CodeContextUnknown, "what the store has for it is not what we sealed: %w", err)
	}
	e.sc.Identifier = id[len(id)-len(identifier):] // identifier may be a part of the message
	return id, sealed, e, nil
}

// id is what the store knows a context by, and what its entry is sealed for:
// kind and version, scope and Identifier. An Identifier has no space in it, so
// no two scopes have an id in common; an entry that is put in the place of
// another does not open.
func (c *SecurityContexts) id(identifier string) string {
	return "context v1 " + c.cfg.Scope + " " + identifier
}

func (c *SecurityContexts) seal(id string, e *contextEntry) ([]byte, error) {
	return c.cfg.Sealer.Seal(id, e.append(nil))
}

// checkLive reports whether messages under the context can be accepted.
func (e *contextEntry) checkLive(now time.Time) error {
	switch {
	case e.cancelled:
		return errContext(CodeContextCancelled, "the context was cancelled")
	case !now.Before(e.sc.Expires):
		return errContext(CodeContextExpired, "the context expired at %s", e.sc.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// instance returns the context with the key of an Instance: the current one, or
// the one before as long as that is good.
func (e *contextEntry) instance(instance string, now time.Time) (SecurityContext, error) {
	sc := e.sc
	switch p := e.previous; {
	case instance == sc.Instance:
		return sc, nil
	case p == nil || instance != p.instance:
		return SecurityContext{}, errContext(CodeContextInstance, "the context has no such Instance")
	case !now.Before(p.expires):
		return SecurityContext{}, errContext(CodeContextInstance,
			"the context was renewed, and the key before is no longer good")
	default:
		sc.Instance, sc.Key, sc.Expires = p.instance, p.key, p.expires
		return sc, nil
	}
}

// errContext makes an Error about a context that a message names.
func errContext(code Code, format string, args ...any) *Error {
	return errAt(code, xmltext.Node{}, format, args...)
}
