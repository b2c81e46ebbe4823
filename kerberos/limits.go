package kerberos

import "time"

// DefaultMaxSkew is the usual limit for differing clocks (RFC 4120 1.6).
const DefaultMaxSkew = 5 * time.Minute

// MaxTokenBytes bounds a token before anything is done with it. Windows' MaxTokenSize ends at 65,535 octets; a
// delegated credential inside the authenticator comes on top.
const MaxTokenBytes = 128 << 10

// FormatTime returns a time as errors of these packages write it, with seconds and in UTC.
func FormatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
