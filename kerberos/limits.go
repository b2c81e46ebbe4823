package kerberos

import "time"

// DefaultMaxSkew is the usual limit for clock skew (RFC 4120 1.6).
const DefaultMaxSkew = 5 * time.Minute

// MaxTokenBytes bounds a token before it is looked at. Windows' MaxTokenSize is
// at most 65,535 octets, and a delegated credential in the authenticator adds
// to that.
const MaxTokenBytes = 128 << 10

// FormatTime returns a time as the errors of these packages have it, in seconds
// and UTC.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
