// Package kerberostest has what tests of several rooms of Kerberos share: a KDC in process with two services, a fixed clock,
// acceptors and clients that must be made, and what refusals must say.
package kerberostest
