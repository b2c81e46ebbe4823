// Package redistest starts servers for tests: redis-server or Valkey, alone, with
// replicas and sentinels, or as a cluster; and a proxy that stands for a bad
// network.
//
//	server := redistest.Start(t)
//	server.Do("FLUSHALL")
//
// A test whose program is not installed is skipped and names the package of
// Debian; in continuous integration it fails.
//
// Each server listens at an address of its own of the loopback network, so that no
// two tests want the same port, and a server that is started again has the one
// that it had.
package redistest
