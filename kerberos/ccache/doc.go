// Package ccache reads and writes credential caches of MIT's file format, 3
// and 4: the tickets of a client with their session keys. Handle them like
// passwords.
//
//	credential cache file            Load, Parse, Cache.WriteFile
//	X-CACHECONF entries              left out
//
// # Security considerations
//
// Errors hold positions, never octets of the file. A cache is written readable
// by its owner only, and put in place by a rename.
package ccache
