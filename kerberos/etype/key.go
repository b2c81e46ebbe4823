package etype

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// A Key is a Kerberos protocol key: an encryption type and secret octets. It cannot be compared with ==, prints and
// marshals as its type only, and gives its octets through one method. The zero Key is no key.
type Key struct {
	etype int32
	// state is a func, because fmt looks into all else, methods or not, when a Key is an unexported field of what it
	// prints. It also makes == not compile, which would not take constant time.
	state func() *keyState // nil for the zero Key
}

// keyState is what all copies of a Key share.
type keyState struct {
	secret [maxKeyLen]byte
	n      int                 // octets of secret
	own    AuthenticatorClock  // of the authenticators under this key,
	clock  *AuthenticatorClock // unless this is set before the key is first used
}

// octets are the secret octets themselves, not a copy.
func (k Key) octets() []byte {
	s := k.state()
	return s.secret[:s.n]
}

// NewKey makes a Key from a copy of octets. The length must be the encryption type's (RFC 3961, 8009, 4757).
func NewKey(etype int32, octets []byte) (Key, error) {
	et, ok := ByID(etype)
	if !ok {
		return Key{}, fmt.Errorf("unsupported encryption type %d", etype)
	}
	if len(octets) != et.KeyLen {
		return Key{}, fmt.Errorf("key of %d octets for %s, which has %d", len(octets), et.Name, et.KeyLen)
	}
	s := new(keyState)
	s.n = copy(s.secret[:], octets)
	return Key{etype: etype, state: func() *keyState { return s }}, nil
}

// Clone returns a Key with octets of its own, whose authenticators are counted with those of k.
func (k Key) Clone() Key {
	s := k.state()
	c := &keyState{secret: s.secret, n: s.n, clock: s.clock}
	if c.clock == nil {
		c.clock = &s.own
	}
	return Key{etype: k.etype, state: func() *keyState { return c }}
}

// Wipe makes the octets of k and its copies zero. Nobody may use them any more, nor at the same time.
func (k Key) Wipe() {
	if k.state != nil {
		clear(k.state().secret[:])
	}
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.state == nil }

// Etype returns the encryption type's number (IANA "Kerberos Encryption Type Numbers"); 0 for the zero Key.
func (k Key) Etype() int32 { return k.etype }

// Equal compares type and octets, these in constant time.
func (k Key) Equal(o Key) bool {
	if k.IsZero() || o.IsZero() {
		return k.IsZero() && o.IsZero()
	}
	return k.etype == o.etype && subtle.ConstantTimeCompare(k.octets(), o.octets()) == 1
}

// ExposeKeyOctets returns a copy of the secret octets. Never log them.
func (k Key) ExposeKeyOctets() []byte {
	if k.IsZero() {
		return nil
	}
	return bytes.Clone(k.octets())
}

// String names the type, never the octets.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	return Name(k.etype) + " key (redacted)"
}

// Format prints String for every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue returns what String does.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns what String does: a Key does not leave the process by accident.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
