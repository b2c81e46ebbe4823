package testvectors

import "embed"

// Files holds the vectors, at the paths that README.md describes:
// transcripts/<case>/case.yaml and the files that it names. It is never written
// to and may be read concurrently.
//
//go:embed README.md transcripts
var Files embed.FS
