// Package etype implements the encryption types of Kerberos: keys, key
// derivation, encryption and checksums.
//
//	specification                              Go
//	EncryptionKey (RFC 4120 5.2.9)             Key
//	encryption type (RFC 3961 3)               Type, ByID, ByName, All
//	key usage, Ke, Ki (RFC 3961 5.3, 8009 5)   NewUsageKey, UsageKey
//	Kc (RFC 3961 5.3, 8009 5)                  NewChecksumKey, ChecksumKey
//	get_mic (RFC 3961 3, 4757 4)               Checksum
//	string-to-key (RFC 3962 4, 8009 4, 4757 2) StringToKey
//	random-to-key (RFC 3961 3)                 GenerateKey
//
// # Security considerations
//
// Keys print and marshal as their type; only [Key.ExposeKeyOctets] returns
// their octets. Integrity is checked before a plaintext is returned, in
// constant time. RC4 (23) is broken and is here for peers that have nothing
// else; the caller decides whether it is allowed. The iteration count of a
// password's key, which a KDC chooses, is bounded below and above.
package etype
