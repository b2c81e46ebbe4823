package etype

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// A Key is a Kerberos protocol key: an encryption type and secret octets. It
// cannot be compared with ==, prints and marshals as its type only, and returns
// its octets by one method, [Key.ExposeKeyOctets]. The zero value is no key. It
// is safe for concurrent use, except for [Key.Wipe].
type Key struct {
	etype int32
	// state is a func because fmt prints any other kind, methods or not, if a
	// Key is an unexported field of what it prints. A func also keeps == from
	// compiling, which would not take constant time.
	state func() *keyState // nil for the zero Key
}

// keyState is what all copies of a Key share.
type keyState struct {
	secret [maxKeyLen]byte
	n      int                 // octets of secret
	own    AuthenticatorClock  // for authenticators under this key,
	clock  *AuthenticatorClock // unless this is set before the key is first used
}

// octets returns the secret octets themselves, not a copy.
func (k Key) octets() []byte {
	s := k.state()
	return s.secret[:s.n]
}

// NewKey returns a Key with a copy of octets. It returns an error if the
// encryption type is not supported or has keys of another length.
func NewKey(etype int32, octets []byte) (Key, error) {
	et, ok := ByID(etype)
	if !ok {
		return Key{}, unsupported(etype)
	}
	if len(octets) != et.KeyLen {
		return Key{}, fmt.Errorf("key of %d octets for %s, which has %d", len(octets), et.Name, et.KeyLen)
	}
	s := new(keyState)
	s.n = copy(s.secret[:], octets)
	return Key{etype: etype, state: func() *keyState { return s }}, nil
}

// unsupported is the error for an encryption type that [ByID] does not return.
func unsupported(id int32) error {
	if et := byID(id); et != nil {
		return fmt.Errorf("%s is not allowed with GODEBUG=fips140=only; use a key of type %d or %d", et.Name, AES256SHA2,
			AES128SHA2)
	}
	return fmt.Errorf("unsupported encryption type %d", id)
}

// Clone returns a Key with octets of its own, which shares the
// [AuthenticatorClock] of k.
func (k Key) Clone() Key {
	s := k.state()
	c := &keyState{secret: s.secret, n: s.n, clock: s.clock}
	if c.clock == nil {
		c.clock = &s.own
	}
	return Key{etype: k.etype, state: func() *keyState { return c }}
}

// Wipe overwrites the octets of k and its copies with zeros. No copy may be
// used afterwards or at the same time.
func (k Key) Wipe() {
	if k.state != nil {
		clear(k.state().secret[:])
	}
}

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k.state == nil }

// Etype returns the encryption type's number (IANA "Kerberos Encryption Type
// Numbers"); 0 for the zero Key.
func (k Key) Etype() int32 { return k.etype }

// Equal reports whether k and o have the same type and octets, which it
// compares in constant time.
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

// String returns the type, never the octets.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	return Name(k.etype) + " key (redacted)"
}

// Format writes [Key.String] for every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue returns [Key.String], so that logs have no octets.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns [Key.String], so that a Key does not leave the process by
// accident.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
