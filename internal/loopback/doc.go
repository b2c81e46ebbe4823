// Package loopback finds addresses for the servers of tests that are processes
// of their own and have to be told where to listen.
//
// A port that the system chose for a listener, and that is closed again, may be
// the next one that the system chooses for somebody else: a server of another
// test, or a client's end of a connection. So [Free] takes ports that the system
// never chooses, and no other test gets them while this process runs.
//
// # Security considerations
//
// Addresses are those of the loopback interface. Only tests import the package,
// and kerberos/krbtest, which starts KDCs for them.
package loopback
