// Package valkey keeps state on a server that several processes share, and that
// speaks the protocol of Redis: Valkey, Redis, or a managed service of either, as
// one server, behind sentinels, or as a cluster.
//
//	server := valkey.Open(valkey.Config{URL: url, Log: log})
//	contexts := server.Entries("contexts", valkey.EntriesConfig{})
//	tickets := server.Records("tickets", local)
//
// [Entries] satisfy the interfaces of package wssec and its like (ContextStore);
// [Records] those of packages gss and wssec (ReplayStore, ReplayCache).
//
//	term                                  Go
//	connection, health, deadline          Server
//	entry, share of a client              Entries
//	replay record (RFC 4120 3.2.3)        Records
//	since when records are complete       Server.CompleteSince
//	client-side caching (RESP3 tracking)  Entries.Get
//	WAIT                                  Config.Replicas
//	circuit breaker                       Outage
//
// # What is on the server
//
// Keys begin with the prefix and a letter in braces, which a cluster places them
// by. A record is an empty value under the id, with a time to live. An entry is
// one value: until when it is good, whose share it counts against, and the
// octets that were given; beside it are sorted sets of the entries of all and of
// each client. A marker names the server's replication history and the time from
// which on its records are complete.
//
// # Security considerations
//
// What cannot be asked or remembered is an error, and callers refuse what it is
// about: a deadline that has passed, a server that is full, read-only or loading.
//
// A server that has lost what it had, as by a restart or FLUSHALL, must not make
// replays look new. So each record is entered together with a look at the marker.
// One that is missing, or that another history wrote, is replaced by one that
// begins now, and authenticators made before that are refused. A connection that
// is made anew is used for nothing before the marker was checked over it.
//
// Clocks matter twice: entries and records live 60 seconds longer than is asked
// for, and a node whose clock differs from the server's by more than 30 seconds
// is not served, so that no two nodes differ by more.
//
// Entries are sealed by those who enter them. Who can write to the server can
// remove a record, and so have a message accepted twice: see docs/operations.md
// for the ACL and the network that keep others off.
package valkey
