package negotiate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// entryID returns the id in the store of what a cookie names. It says nothing
// about the secret: who reads the store has no cookie.
func (a *Authenticator) entryID(c cookie) string {
	name := c.value
	if c.kind == kindSession {
		name = c.value[:slotBytes]
	}
	return "http negotiate " + hex.EncodeToString(digest(a.cfg.Scope, string(c.kind), string(name)))
}

// digest returns a SHA-256 digest of parts, none of which runs into the next.
func digest(parts ...string) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = io.WriteString(h, part)
	}
	return h.Sum(nil)
}

func (a *Authenticator) storeOf(kind byte) ContextStore {
	if kind == kindSession {
		return a.cfg.Sessions
	}
	return a.cfg.Store
}

// purpose returns what an entry is sealed for: its place, so that it is of no
// use in another one.
func purpose(id string) string { return "v1 " + id }

// sessionPurpose returns what the record in a cookie is sealed for.
func (a *Authenticator) sessionPurpose() string { return "http negotiate session v1 " + a.cfg.Scope }

// keep enters an entry in the store under a new secret, and sets the cookie.
func (q *request) keep(h http.Header, kind byte, entry []byte, until time.Time) error {
	c := cookie{kind, make([]byte, secretBytes)}
	_, _ = rand.Read(c.value) // never fails
	id := q.a.entryID(c)
	sealed, err := q.a.cfg.Sealer.Seal(purpose(id), entry)
	if err != nil {
		return storeError(err)
	}
	added, err := q.a.storeOf(kind).Add(q.ctx, id, sealed, share(q.addr), until)
	switch {
	case err != nil:
		return storeError(err)
	case !added:
		return storeError(errors.New("the id of a new entry was taken"))
	}
	q.setCookie(h, c, until)
	if kind == kindLeg {
		q.connection.setLeg(c)
	}
	return nil
}

// look returns the entry that a cookie names, nil if there is none, and removes
// it if once is set.
func (q *request) look(c cookie, once bool) ([]byte, error) {
	get := q.a.storeOf(c.kind).Get
	if once {
		get = q.a.storeOf(c.kind).Take
	}
	return q.open(c, get)
}

// open returns the entry that get finds for a cookie.
func (q *request) open(c cookie, get func(context.Context, string) ([]byte, error)) ([]byte, error) {
	id := q.a.entryID(c)
	sealed, err := get(q.ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	if sealed == nil {
		return nil, nil
	}
	entry, err := q.a.cfg.Sealer.Open(purpose(id), sealed)
	if err != nil {
		return nil, nil // by another key: as good as none
	}
	return entry, nil
}

// storeError returns an error of the store with its code.
func storeError(err error) error {
	var full interface{ Full() bool }
	if errors.As(err, &full) && full.Full() {
		return &kerberos.Error{Code: CodeFull, Detail: "a negotiation or context cannot be kept", Err: err}
	}
	return &kerberos.Error{Code: CodeStore, Detail: "a negotiation or context cannot be kept", Err: err}
}

// keepLeg keeps a half-open context until the client's next token.
func (q *request) keepLeg(h http.Header, c *gss.Context) error {
	state, err := c.Export(q.a.cfg.Sealer)
	if err != nil {
		return storeError(err)
	}
	return q.keep(h, kindLeg, state, q.now.Add(q.a.cfg.MaxOpen))
}

// keepContext keeps an established context for one more request.
func (q *request) keepContext(h http.Header, i *Identity) error {
	entry, until, err := q.marshal(i, q.a.cfg.MaxOpen)
	if err != nil {
		return err
	}
	return q.keep(h, kindContext, entry, until)
}

// keepSession sets the session cookie, and reports whether it did. A record that
// is too long for it, or has credentials, is kept in the store. A
// ticket that has ended already, within the skew of clocks, has no session.
func (q *request) keepSession(h http.Header, i *Identity) (kept bool, err error) {
	entry, until, err := q.marshal(i, q.a.cfg.Session)
	if err != nil || !q.now.Before(until) {
		return false, err
	}
	if i.record.Credentials == nil {
		sealed, err := q.a.cfg.Sealer.Seal(q.a.sessionPurpose(), entry)
		if err != nil {
			return false, storeError(err)
		}
		if c := (cookie{kindSealed, sealed}); len(c.String()) <= maxCookie {
			q.setCookie(h, c, until)
			return true, nil
		}
	}
	err = q.keepInSlot(h, i, entry, until)
	return err == nil, err
}

// sessionSlots is how many sessions the store has for one client at one address.
// A client that sends a token with each request would else fill it.
const sessionSlots = 8

// slot returns the name of a slot of a client.
func (q *request) slot(i *Identity, n int) []byte {
	return digest("slot", q.a.cfg.Scope, i.record.Principal.String(), share(q.addr), strconv.Itoa(n))
}

// freeSlot returns the slot of the session that the client's cookie names, else
// any. What is in it gives way.
func (q *request) freeSlot(i *Identity) []byte {
	for n := range sessionSlots {
		if s := q.slot(i, n); q.cookie.kind == kindSession && bytes.Equal(q.cookie.value[:slotBytes], s) {
			return s
		}
	}
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails
	return q.slot(i, int(b[0])%sessionSlots)
}

// keepInSlot enters a session in a slot of its client, and sets the cookie: the
// name of the slot and a new secret, whose digest is in the entry.
func (q *request) keepInSlot(h http.Header, i *Identity, entry []byte, until time.Time) error {
	c := cookie{kindSession, append(q.freeSlot(i), make([]byte, secretBytes)...)}
	_, _ = rand.Read(c.value[slotBytes:]) // never fails
	id := q.a.entryID(c)
	sealed, err := q.a.cfg.Sealer.Seal(purpose(id), append(digest(string(c.value[slotBytes:])), entry...))
	if err != nil {
		return storeError(err)
	}
	if err := q.put(id, sealed, until); err != nil {
		return storeError(err)
	}
	q.setCookie(h, c, until)
	return nil
}

// put enters an entry in the place of whatever has its id.
func (q *request) put(id string, sealed []byte, until time.Time) error {
	for range 10 { // others may put one there at the same time
		if added, err := q.a.cfg.Sessions.Add(q.ctx, id, sealed, share(q.addr), until); added || err != nil {
			return err
		}
		old, err := q.a.cfg.Sessions.Get(q.ctx, id)
		if err != nil {
			return err
		}
		if swapped, err := q.a.cfg.Sessions.Swap(q.ctx, id, old, sealed, until); swapped || err != nil {
			return err
		}
	}
	return errors.New("the entry changed all the while")
}

// A currentStore holds entries in memory, and can say what is there now.
type currentStore interface {
	Current(ctx context.Context, id string) ([]byte, error)
}

// session returns the entry of the session that the cookie names, nil if there is
// none. An entry of another session may be the one that this has replaced, and be
// held in memory still.
func (q *request) session() ([]byte, error) {
	entry, err := q.look(q.cookie, false)
	if s, ok := q.a.cfg.Sessions.(currentStore); ok && len(entry) > 0 && q.recordIn(entry) == nil {
		entry, err = q.open(q.cookie, s.Current)
	}
	return q.recordIn(entry), err
}

// recordIn returns the record in the entry of a session, nil if that is another one
// than the cookie's.
func (q *request) recordIn(entry []byte) []byte {
	want := digest(string(q.cookie.value[slotBytes:]))
	if len(entry) < len(want) || subtle.ConstantTimeCompare(entry[:len(want)], want) != 1 {
		return nil
	}
	return entry[len(want):]
}

// earliest returns the earlier time; b counts if it is not zero.
func earliest(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// marshal returns the record of an identity, good for a time; that of a session
// not beyond the client's ticket, and what it has delegated: a handler that finds
// its credential over would have no way to ask for another.
func (q *request) marshal(i *Identity, lifetime time.Duration) (entry []byte, until time.Time, err error) {
	rec := i.record
	rec.Until = q.now.Add(lifetime)
	if lifetime == q.a.cfg.Session {
		rec.Until = earliest(rec.Until, rec.Ends)
		for _, d := range rec.credentials().Delegated {
			rec.Until = earliest(rec.Until, d.EndTime)
		}
	}
	if entry, err = json.Marshal(&rec); err != nil {
		return nil, rec.Until, storeError(err)
	}
	return entry, rec.Until, nil
}

// remembered returns the client that the cookie names, nil if there is none.
func (q *request) remembered() (*Identity, error) {
	var entry []byte
	var err error
	source := FromSession
	switch q.cookie.kind {
	case kindContext:
		source = FromContext
		entry, err = q.look(q.cookie, true)
	case kindSession:
		entry, err = q.session()
	case kindSealed:
		entry, _ = q.a.cfg.Sealer.Open(q.a.sessionPurpose(), q.cookie.value)
	}
	if err != nil || entry == nil {
		return nil, err
	}
	i := &Identity{source: source}
	if json.Unmarshal(entry, &i.record) != nil || !q.now.Before(i.record.Until) {
		return nil, nil // we sealed it, so it is of another version, or has expired
	}
	if q.a.cfg.BindingRule == gss.BindingsRequired && (!i.record.Bound || q.r.TLS == nil) {
		return nil, nil // begun under another rule, or taken to another channel
	}
	return i, nil
}
