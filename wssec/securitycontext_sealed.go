package wssec

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// A sealed context is not kept by the service. All of it is in the Cookie of its
// SecurityContextToken, sealed for scope and Identifier, and comes back in each
// message, as in WCF's services without cancellation. What the token cannot say,
// since it was issued before, is in the store: that the context was cancelled, or
// renewed.

// maxContextCookie bounds a Cookie in octets. A client with 1,000 groups takes
// half of it.
const maxContextCookie = 16 << 10

// sealedID is what a sealed context is sealed for.
func (c *SecurityContexts) sealedID(identifier string) string {
	return "sealed context v1 " + c.cfg.Scope + " " + identifier
}

// changesID is what the store knows the changes of a sealed context by.
func (c *SecurityContexts) changesID(identifier string) string {
	return "changes of a sealed context v1 " + c.cfg.Scope + " " + identifier
}

// Cookie returns what the SecurityContextToken of a context has to hold beside
// Identifier and Instance, for the answer to the request that issued or renewed
// it: its state, sealed. It is nil for contexts that are kept.
func (c *SecurityContexts) Cookie(sc SecurityContext) ([]byte, error) {
	if !c.cfg.Sealed {
		return nil, nil
	}
	sc.Cookie = nil
	if err := sc.check(); err != nil {
		return nil, fmt.Errorf("wssec: security context: %w", err)
	}
	cookie, err := c.cfg.Sealer.Seal(c.sealedID(sc.Identifier), (&contextEntry{sc: sc}).append(nil))
	if err != nil {
		return nil, fmt.Errorf("wssec: security context: %w", err)
	}
	if len(cookie) > maxContextCookie {
		return nil, fmt.Errorf("wssec: security context: its state takes %d octets, with the names of %d groups, and a "+
			"token has room for %d", len(cookie), len(sc.Groups), maxContextCookie)
	}
	return cookie, nil
}

// open returns the context that a Cookie holds. Nothing else is said of one that
// does not open: it may be of another route, another token, or nobody's.
func (c *SecurityContexts) open(identifier string, cookie []byte) (*contextEntry, error) {
	switch {
	case !isIdentifier(identifier):
		return nil, errContext(CodeContextUnknown, "the Identifier is none that we issue")
	case len(cookie) == 0:
		return nil, errContext(CodeContextCookie, "the context comes without its Cookie, and its state is nowhere else")
	case len(cookie) > maxContextCookie:
		return nil, errContext(CodeContextCookie, "a Cookie of %d octets; ours have %d at most", len(cookie),
			maxContextCookie)
	}
	id := c.sealedID(identifier)
	plain, err := c.cfg.Sealer.Open(id, cookie)
	var e *contextEntry
	if err == nil {
		e, err = decodeContext(plain)
	}
	if err == nil && (e.cancelled || e.givenUp || e.previous != nil) {
		err = errContextEntry
	}
	if err != nil {
		return nil, errContext(CodeContextCookie, "the Cookie was not sealed here for this Identifier: %w", err)
	}
	e.sc.Identifier = id[len(id)-len(identifier):] // identifier may be a part of the message
	return e, nil
}

// lookupSealed is Lookup of sealed contexts. A store that fails ends none of
// them: what it would know is only that a few were cancelled or renewed.
func (c *SecurityContexts) lookupSealed(ctx context.Context, identifier, instance string, cookie []byte) (
	SecurityContext, error) {
	e, err := c.open(identifier, cookie)
	if err != nil {
		return SecurityContext{}, err
	}
	if e.sc.Instance != instance {
		return SecurityContext{}, errContext(CodeContextInstance, "the Cookie is that of another Instance")
	}
	now := c.cfg.Time()
	if err := e.checkLive(now); err != nil {
		return SecurityContext{}, err
	}
	changes, _, failed := c.changes(ctx, identifier, c.cfg.Store.Get)
	if failed != nil && (failed.Code != CodeContextStore || ctx.Err() != nil || !c.cfg.GoOnWithoutStore) {
		return SecurityContext{}, failed
	}
	err = changes.check(e, now)
	if current := c.current(); current != nil && mayBeOld(err) {
		// A store that fails now changes nothing: the refusal stays.
		if changes, _, failed := c.changes(ctx, identifier, current); failed == nil {
			err = changes.check(e, now)
		}
	}
	if err != nil {
		return SecurityContext{}, err
	}
	e.sc.Cookie = bytes.Clone(cookie)
	return e.sc, nil
}

// contextChanges are what became of a sealed context after its first token was
// issued. The zero value is nothing.
type contextChanges struct {
	cancelled bool
	instance  string    // the current one, "" if it was never renewed
	previous  string    // the one before
	until     time.Time // until when that is good; zero if the context was never renewed
	expires   time.Time // when the last of its tokens does
}

// check reports whether a token of the context is good, and until when.
func (s *contextChanges) check(e *contextEntry, now time.Time) error {
	switch {
	case s.cancelled:
		return errContext(CodeContextCancelled, "the context was cancelled")
	case s.until.IsZero() || e.sc.Instance == s.instance:
		return nil
	case e.sc.Instance != s.previous:
		return errContext(CodeContextInstance, "the Instance is not the current one of the context")
	case !now.Before(s.until):
		return errContext(CodeContextInstance, "the context was renewed, and the key before is no longer good")
	}
	if s.until.Before(e.sc.Expires) {
		e.sc.Expires = s.until
	}
	return nil
}

// changes returns what the store has of a sealed context, and the entry as it is
// there, nil for none. An entry that is not ours ends the context: whoever can
// write to the store makes none live again.
func (c *SecurityContexts) changes(ctx context.Context, identifier string, read readEntry) (
	contextChanges, []byte, *Error) {
	id := c.changesID(identifier)
	entry, err := read(ctx, id)
	switch {
	case err != nil:
		return contextChanges{}, nil, &Error{Code: CodeContextStore, Err: err}
	case entry == nil:
		return contextChanges{}, nil, nil
	}
	var s contextChanges
	plain, err := c.cfg.Sealer.Open(id, entry)
	if err == nil {
		s, err = decodeChanges(plain)
	}
	if err != nil {
		return s, entry, errContext(CodeContextUnknown, "what the store has of its changes is not what we sealed: %w",
			err)
	}
	return s, entry, nil
}

// append appends the changes as octets: 1 if cancelled, the Instances, the times.
func (s *contextChanges) append(dst []byte) []byte {
	cancelled := byte(0)
	if s.cancelled {
		cancelled = 1
	}
	dst = appendText(appendText(append(dst, cancelled), s.instance), s.previous)
	return appendTime(appendTime(dst, s.until), s.expires)
}

// decodeChanges reads what append wrote, and nothing else.
func decodeChanges(b []byte) (s contextChanges, err error) {
	d := entryDecoder{rest: string(b)}
	cancelled, ok := d.octet()
	if !ok || cancelled > 1 || !d.text(&s.instance) || !d.text(&s.previous) || !d.time(&s.until) ||
		!d.time(&s.expires) || len(d.rest) > 0 {
		return s, errContextEntry
	}
	s.cancelled = cancelled == 1
	return s, nil
}

// changeSealed enters what f makes of the changes so far, for a token that is
// good.
func (c *SecurityContexts) changeSealed(ctx context.Context, identifier string, cookie []byte,
	f func(now time.Time, token *SecurityContext, s *contextChanges) error) error {
	e, err := c.open(identifier, cookie)
	if err != nil {
		return err
	}
	id := c.changesID(identifier)
	for range maxChanges {
		now := c.cfg.Time()
		if err := e.checkLive(now); err != nil {
			return err
		}
		s, entry, failed := c.changes(ctx, identifier, c.cfg.Store.Get)
		if failed != nil {
			return failed
		}
		if err := s.check(e, now); err != nil {
			return err
		}
		s.expires = latest(s.expires, e.sc.Expires)
		if err := f(now, &e.sc, &s); err != nil {
			return err
		}
		done, err := c.enterChanges(ctx, id, entry, &s, e.sc.shareOf())
		if err != nil {
			return &Error{Code: CodeContextStore, Err: err}
		}
		if done {
			return nil
		}
	}
	return &Error{Code: CodeContextStore, Err: errChanged}
}

// enterChanges puts changes into the store, in the place of entry or where there
// is none. They stay there a while longer than any token is good: the clock of
// another node may be behind.
func (c *SecurityContexts) enterChanges(ctx context.Context, id string, entry []byte, s *contextChanges,
	client string) (bool, error) {
	sealed, err := c.cfg.Sealer.Seal(id, s.append(nil))
	if err != nil {
		return false, err
	}
	until := s.expires.Add(rememberGone)
	if entry == nil {
		return c.cfg.Store.Add(ctx, id, sealed, client, until)
	}
	return c.cfg.Store.Swap(ctx, id, entry, sealed, until)
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// renewSealed is Renew of a sealed context, whose Cookie is that of the token
// before.
func (c *SecurityContexts) renewSealed(ctx context.Context, next SecurityContext) error {
	return c.changeSealed(ctx, next.Identifier, next.Cookie,
		func(now time.Time, token *SecurityContext, s *contextChanges) error {
			current := token.Instance
			if !s.until.IsZero() {
				current = s.instance
			}
			if err := token.checkNext(&next, current, s.previous); err != nil {
				return err
			}
			s.instance, s.previous, s.until = next.Instance, current, now.Add(overlap)
			s.expires = latest(s.expires, next.Expires)
			return nil
		})
}

// cancelSealed is Cancel of a sealed context. It is remembered for as long as any
// of its tokens would be good.
func (c *SecurityContexts) cancelSealed(ctx context.Context, identifier string, cookie []byte) error {
	return c.changeSealed(ctx, identifier, cookie, func(_ time.Time, _ *SecurityContext, s *contextChanges) error {
		*s = contextChanges{cancelled: true, expires: s.expires}
		return nil
	})
}

// cookieOf reads the Cookie of a SecurityContextToken, nil if there is none.
func cookieOf(n xmltext.Node) (cookie []byte, err error) {
	for c := range n.Children() {
		if !c.Is(nsMicrosoft, "Cookie") {
			continue
		}
		if cookie != nil {
			return nil, errAt(CodeInvalidToken, c, "a second Cookie in one SecurityContextToken")
		}
		most := 2 * base64.EncodedLen(maxContextCookie) // with room for white space
		if _, start, end, _ := c.SourceRange(); end-start > most || !c.FirstChild().IsZero() {
			return nil, errAt(CodeContextCookie, c, "is not base64 of at most %d octets", maxContextCookie)
		}
		if cookie, err = base64.AppendDecode([]byte{}, []byte(c.Text())); err != nil {
			return nil, errAt(CodeContextCookie, c, "is not base64")
		}
	}
	return cookie, nil
}

// appendGroups appends a list of texts, of which those of one domain begin alike:
// each has how many octets it shares with the one before, and the rest.
func appendGroups(dst []byte, groups []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(groups)))
	before := ""
	for _, g := range groups {
		same := 0
		for same < min(len(g), len(before)) && g[same] == before[same] {
			same++
		}
		dst = appendText(binary.AppendUvarint(dst, uint64(same)), g[same:])
		before = g
	}
	return dst
}

// groups reads what appendGroups wrote. What they take together is bounded too:
// by sharing, a few octets could stand for very many.
func (d *entryDecoder) groups(groups *[]string) bool {
	n, ok := d.number(maxContextGroups)
	if !ok || 2*n > len(d.rest) {
		return false
	}
	var list []string
	before, octets := "", 0
	for range n {
		var rest string
		same, ok := d.number(len(before))
		if !ok || !d.text(&rest) || same+len(rest) > maxContextText ||
			same < len(before) && rest != "" && rest[0] == before[same] {
			return false
		}
		g := before[:same] + rest
		if octets += len(g); octets > maxContextGroupOctets {
			return false
		}
		list, before = append(list, g), g
	}
	*groups = list
	return true
}
