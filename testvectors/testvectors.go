package testvectors

import "embed"

// Files holds the vectors, at the paths that README.md describes. It is never
// written to and may be read concurrently.
//
//go:embed README.md transcripts cases c14n kerberos wstrust derivedkeys http attacks
//go:embed check.py krb5.py index.json schema.json
var Files embed.FS
