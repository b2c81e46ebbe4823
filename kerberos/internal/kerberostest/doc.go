// Package kerberostest has what the tests of several packages of Kerberos share: a KDC in process with two services, a
// fixed clock, acceptors and clients that must be made, and what refusals must say.
package kerberostest
