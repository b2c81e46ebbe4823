// Package nodes holds the tests of several gateways that are one: three `wssgate
// serve` processes with one store, a balancer in front that hands each request to
// the next of them, and clients that notice nothing. It has no API.
//
//	TestNodesUnderLoad           kill -9, rolling restart, key rotation, failover
//	TestOneAuthenticatorOnAllNodes  one token, presented at once everywhere
//
// The servers are redis-server and redis-sentinel of Debian. A test whose server
// is not installed skips and names the package; with CI=true in the environment it
// fails. Nothing runs with -short. The flags -load and -rounds make the tests as
// long as .ci/long has them.
//
// # Security considerations
//
// Everything listens on the loopback network and uses throw-away keys in temporary
// directories.
package nodes
