// Package doctor finds out why a gateway does not work, before a client does:
// it looks at the keytabs of a configuration, at the KDC and its clock, at DNS
// and krb5.conf, at backends and TLS, and says for each what is well, what is
// not, and what to do about it.
//
// It changes nothing. It writes no file, binds no port and takes no lock. It
// asks the KDC for tickets with the keys of the keytab, which is what they are
// for; a key that the KDC has refused is not tried again, nor one equal to it
// under another name, so that no account is locked out. A backend is asked with
// OPTIONS, which is safe (RFC 9110 9.2.1), and without the password in its URL.
//
// Everything that waits has a limit ([Config.Timeout]). The checks run at the
// same time and are reported in a fixed order. Nothing that is reported holds a
// key, a password or a token.
package doctor
