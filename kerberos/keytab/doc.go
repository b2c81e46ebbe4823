// Package keytab reads and writes MIT's keytab files, makes keys from
// passwords, chooses the key that decrypts a ticket, and follows a file while
// it is in use.
//
//	MIT's file format, 1 and 2       Load, Parse, Keytab.AppendBinary
//	ktutil addent, ktpass            FromPassword
//	key version (RFC 4120 5.2.9)     Entry.Kvno
//
// # Choice of the key
//
// The ticket names a principal, an encryption type and a key version (kvno).
// Keys of that principal and type are tried in this order: those of the same
// kvno (an entry that holds only 8 bits of it is compared by these); entries of
// kvno 0, which some tools write for all keys; then, unless only the exact
// version is wanted, the others, newest first. The last step keeps tickets
// usable through a change of keys, and lets keytabs with wrong versions work.
// It weakens nothing, since every key of the keytab decrypts tickets of its own
// kvno anyway. If no key fits, the error says what the keytab has and what the
// ticket wants.
//
// A [File] follows its file, and keeps replaced keys for the life of a ticket.
// A ticket that no key fits makes it look at the file, and a ticket of a newer
// key version than any in the file waits a moment for it to change. Anyone can
// claim a version, so such looks are rare, a file that did not change is not
// read, few tickets wait, and no client address can take all of their places.
//
// # Security considerations
//
// Errors never hold octets of the file. A printed keytab shows names and
// versions, never keys.
package keytab
