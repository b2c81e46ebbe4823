package wssec

import (
	"encoding/binary"
	"errors"
	"time"
)

// contextEntry is what the store has of a context, sealed: all but the
// Identifier, which is part of what it is sealed for.
type contextEntry struct {
	cancelled bool // nothing else is known of it
	givenUp   bool // it is not kept until it expires, see giveUp
	sc        SecurityContext
	previous  *contextKey // the key before the last renewal
}

// contextKey is a key of a context that was renewed.
type contextKey struct {
	instance string
	key      Key
	expires  time.Time
}

// Bounds on what is decoded. A PAC has some hundred groups at most.
const (
	maxContextText   = 1 << 10
	maxContextGroups = 4 << 10
	// maxContextGroupOctets bounds the names of all groups together.
	maxContextGroupOctets = 256 << 10
	// maxContextCredentials leaves room for the rest in an entry of 64 KiB, the
	// most that stores keep.
	maxContextCredentials = 48 << 10
)

// The octets that begin an entry. What follows: token type, namespace; Created,
// Expires and TicketEnd; the texts; the key; groups; credentials; the previous key. Numbers
// are unsigned varints, but for times, which are eight octets.
const (
	entryLive      = 1
	entryCancelled = 2
	entryGivenUp   = 3
)

// contextTypes and contextNamespaces are numbered by their place.
func contextTypes() [2]TokenType   { return [...]TokenType{SpnegoContextToken, SecureConversationToken} }
func contextNamespaces() [2]string { return [...]string{NSWSC05, NSWSC13} }

// append appends the entry as octets.
func (e *contextEntry) append(dst []byte) []byte {
	if e.cancelled {
		return append(dst, entryCancelled)
	}
	sc, kind := &e.sc, byte(entryLive)
	if e.givenUp {
		kind = entryGivenUp
	}
	dst = append(dst, kind, place(contextTypes(), sc.Token), place(contextNamespaces(), sc.Namespace))
	for _, t := range [...]time.Time{sc.Created, sc.Expires, sc.TicketEnd} {
		dst = appendTime(dst, t)
	}
	for _, s := range [...]string{sc.Instance, sc.Name, sc.Realm, sc.Service, string(sc.Key.octets)} {
		dst = appendText(dst, s)
	}
	dst = appendGroups(dst, sc.Groups)
	dst = appendText(dst, string(sc.Credentials))
	if p := e.previous; p != nil {
		dst = appendText(dst, p.instance)
		dst = appendText(dst, string(p.key.octets))
		dst = appendTime(dst, p.expires)
	}
	return dst
}

func place[T comparable](list [2]T, v T) byte {
	for i := range list {
		if list[i] == v {
			return byte(i)
		}
	}
	return byte(len(list))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendTime writes nanoseconds since 1970, 0 for the zero time.
func appendTime(dst []byte, t time.Time) []byte {
	var n int64
	if !t.IsZero() {
		n = t.UnixNano()
	}
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}

var errContextEntry = errors.New("not an entry of a security context")

// decodeContext reads what append wrote, and nothing else.
func decodeContext(b []byte) (*contextEntry, error) {
	d := entryDecoder{rest: string(b)}
	e := &contextEntry{}
	switch kind, ok := d.octet(); {
	case !ok || kind < entryLive || kind > entryGivenUp:
		return nil, errContextEntry
	case kind == entryGivenUp:
		e.givenUp = true
	case kind == entryCancelled:
		e.cancelled = true
		if len(d.rest) > 0 {
			return nil, errContextEntry
		}
		return e, nil
	}
	if !d.context(&e.sc) {
		return nil, errContextEntry
	}
	if len(d.rest) > 0 {
		e.previous = &contextKey{}
		if !d.text(&e.previous.instance) || !d.key(&e.previous.key) || !d.time(&e.previous.expires) || len(d.rest) > 0 {
			return nil, errContextEntry
		}
	}
	return e, nil
}

// entryDecoder reads an entry; each of its methods reports whether there was
// what it wants. Texts are parts of the one string.
type entryDecoder struct{ rest string }

func (d *entryDecoder) context(sc *SecurityContext) bool {
	token, ok1 := d.octet()
	namespace, ok2 := d.octet()
	types, namespaces := contextTypes(), contextNamespaces()
	if !ok1 || !ok2 || int(token) >= len(types) || int(namespace) >= len(namespaces) {
		return false
	}
	sc.Token, sc.Namespace = types[token], namespaces[namespace]
	if !d.time(&sc.Created) || !d.time(&sc.Expires) || !d.time(&sc.TicketEnd) ||
		!d.text(&sc.Instance) || !d.text(&sc.Name) || !d.text(&sc.Realm) || !d.text(&sc.Service) || !d.key(&sc.Key) ||
		!d.groups(&sc.Groups) {
		return false
	}
	var credentials string
	if !d.textOf(&credentials, maxContextCredentials) {
		return false
	}
	if credentials != "" {
		sc.Credentials = []byte(credentials)
	}
	return true
}

func (d *entryDecoder) octet() (byte, bool) {
	if len(d.rest) == 0 {
		return 0, false
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b, true
}

// number reads a number of at most max, in its shortest form.
func (d *entryDecoder) number(max int) (int, bool) {
	v, n := binary.Uvarint([]byte(d.rest[:min(len(d.rest), binary.MaxVarintLen32)]))
	if n <= 0 || v > uint64(max) || n > 1 && d.rest[n-1] == 0 {
		return 0, false
	}
	d.rest = d.rest[n:]
	return int(v), true
}

func (d *entryDecoder) text(s *string) bool { return d.textOf(s, maxContextText) }

// textOf reads a text of at most max octets.
func (d *entryDecoder) textOf(s *string, max int) bool {
	n, ok := d.number(max)
	if !ok || n > len(d.rest) {
		return false
	}
	*s = d.rest[:n]
	d.rest = d.rest[n:]
	return true
}

func (d *entryDecoder) key(k *Key) bool {
	var s string
	if !d.text(&s) {
		return false
	}
	*k = Key{octets: []byte(s)}
	return true
}

func (d *entryDecoder) time(t *time.Time) bool {
	if len(d.rest) < 8 {
		return false
	}
	if n := int64(binary.BigEndian.Uint64([]byte(d.rest[:8]))); n != 0 {
		*t = time.Unix(0, n)
	}
	d.rest = d.rest[8:]
	return true
}
