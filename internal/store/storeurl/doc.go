// Package storeurl reads the addresses of stores that several processes share:
// servers that speak the protocol of Redis, as Valkey does.
//
//	redis://user@host:6379/0                  one server
//	rediss://host                             with TLS
//	redis+sentinel://host1,host2:26379/name   the primary that sentinels name
//	redis+cluster://host1,host2               a cluster, found by any of its nodes
//
// valkey in the place of redis means the same, as in valkeys+sentinel://.
//
//	term                          Go
//	ACL user                      URL.User
//	primary's name at sentinels   URL.Primary
//
// # Security considerations
//
// An address has no password: it stands in command lines, in configurations that
// are printed and in logs. One that has a password is refused, and the error does
// not repeat it.
package storeurl
