// Package der reads and writes the DER that Kerberos uses (X.690). Lengths may
// be longer than they need to be, as MIT's reader takes them; nothing is
// allocated by an announced length.
package der
