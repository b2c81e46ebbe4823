// Package nodes holds the tests of gateways as processes under load: several that
// are one, with one store and a balancer in front that hands each request to the
// next of them; one for hours; and one while what it needs fails. Clients notice
// nothing, or get a clear answer. It has no API.
//
//	TestNodesUnderLoad           kill -9, rolling restart, key rotation, failover
//	TestOneAuthenticatorOnAllNodes  one token, presented at once everywhere
//	TestSessionsInTheStoreOutliveTheirNode  sessions of HTTP without room in a cookie
//	TestSoak                     two hours of mixed load with reloads
//	TestFaults…                  kill -9 of a node alone, faults of the backend, the
//	                             keytab and the disk, no descriptors, many
//	                             connections, large messages
//
//	world_test.go, backend_test.go, balancer_test.go   KDC, files and processes; backend; balancer
//	load_test.go, legs_test.go       clients of each kind, and attackers
//	nodes_test.go, authenticator_test.go, sessions_test.go, recipe_test.go   tests
//	                                 of several nodes
//	soak_test.go                     TestSoak, and what an operator does meanwhile
//	soak_load_test.go, soak_bad_test.go  its clients; what must not pass
//	soak_series_test.go              samples of a node, and whether they are flat
//	faults_test.go                   what clients get, counted
//	faults_…_test.go                 TestFaults…
//
// The servers are redis-server and redis-sentinel of Debian. A test whose server
// is not installed skips and names the package; with CI=true in the environment it
// fails. Nothing runs with -short. The flags -load, -rounds, -soak and -faults make
// the tests as long as .ci/long has them.
//
// # Security considerations
//
// Everything listens on the loopback network and uses throw-away keys in temporary
// directories.
package nodes
