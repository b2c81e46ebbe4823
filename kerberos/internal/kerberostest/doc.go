// Package kerberostest has helpers for the tests of several Kerberos packages:
// a KDC in process with two services, a fixed clock, acceptors and clients, and
// checks of refusals.
package kerberostest
