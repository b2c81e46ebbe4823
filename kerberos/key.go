package kerberos

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// A Key is a Kerberos protocol key: an encryption type and secret octets. It cannot be compared with ==, prints and
// marshals as its type only, and gives its octets through one method. The zero Key is no key.
type Key struct {
	_     [0]func() // == would not take constant time
	etype int32
	// Behind a pointer because fmt prints unexported fields of an enclosing struct without asking for their methods.
	secret *secret
}

// secret has room for the longest key; Key.octets cuts it to size.
type secret [maxKeyLen]byte

// NewKey makes a Key from a copy of octets. The length must be the encryption type's (RFC 3961, 8009, 4757).
func NewKey(etype int32, octets []byte) (Key, error) {
	et, ok := enctypeByID(etype)
	if !ok {
		return Key{}, fmt.Errorf("unsupported encryption type %d", etype)
	}
	if len(octets) != et.keyLen {
		return Key{}, fmt.Errorf("key of %d octets for %s, which has %d", len(octets), et.name, et.keyLen)
	}
	k := Key{etype: etype, secret: new(secret)}
	copy(k.secret[:], octets)
	return k, nil
}

// octets are the secret octets themselves, not a copy.
func (k Key) octets() []byte {
	et, ok := enctypeByID(k.etype)
	if !ok || k.secret == nil {
		return nil
	}
	return k.secret[:et.keyLen]
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.secret == nil }

// Etype is the encryption type's number (IANA "Kerberos Encryption Type Numbers"); 0 for the zero Key.
func (k Key) Etype() int32 { return k.etype }

// Equal compares type and octets, these in constant time.
func (k Key) Equal(o Key) bool {
	if k.IsZero() || o.IsZero() {
		return k.IsZero() && o.IsZero()
	}
	return k.etype == o.etype && subtle.ConstantTimeCompare(k.octets(), o.octets()) == 1
}

// ExposeKeyOctets gives a copy of the secret octets. Never log them.
func (k Key) ExposeKeyOctets() []byte {
	return bytes.Clone(k.octets())
}

// String names the type, never the octets.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	return EtypeName(k.etype) + " key (redacted)"
}

// Format prints String for every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String: a Key does not leave the process by accident.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
