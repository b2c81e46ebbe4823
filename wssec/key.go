package wssec

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Key is a secret symmetric key. It cannot be compared with ==, prints as
// "[redacted]" wherever it is formatted or logged, and returns its octets only
// from [Key.ExposeSecretOctets]. The zero value is no key. It is immutable and
// safe for concurrent use.
type Key struct {
	_      [0]func() // makes the type incomparable
	octets []byte
}

// NewKey copies octets into a [Key].
func NewKey(octets []byte) Key { return Key{octets: append([]byte(nil), octets...)} }

// Len returns the length in octets, 0 for the zero Key.
func (k Key) Len() int { return len(k.octets) }

// Equal reports in constant time whether two keys are equal.
func (k Key) Equal(o Key) bool { return subtle.ConstantTimeCompare(k.octets, o.octets) == 1 }

// ExposeSecretOctets returns the key octets. Callers must not modify, log or
// keep them.
func (k Key) ExposeSecretOctets() []byte { return k.octets }

const redacted = "[redacted]"

// String redacts.
func (k Key) String() string { return redacted }

// GoString redacts.
func (k Key) GoString() string { return redacted }

// Format redacts under every verb.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// LogValue redacts.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts, and with it JSON and YAML.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
