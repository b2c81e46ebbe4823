// Package doctor checks a configuration and what a gateway with it needs: the
// keytabs, FIPS 140-3 mode, the KDCs and their clocks, those of the relay, DNS and krb5.conf, lists
// of clients, backends and TLS. Each
// [Result] has what was found and, if it is not well, what to do about it.
//
// It changes nothing. It writes no file, binds no port and takes no lock. It
// asks the KDC for tickets with the keys of the keytab. A key that the KDC has
// refused is not tried again, nor one equal to it under another name, so that
// no account is locked out. A backend gets an OPTIONS request, which is safe
// (RFC 9110 9.2.1), without the password in its URL.
//
// Everything that waits has a limit ([Config.Timeout]). The checks run at the
// same time and are reported in a fixed order. Nothing that is reported holds a
// key, a password or a token.
package doctor
