// Package keytab reads and writes MIT's keytab files, makes keys of passwords,
// chooses the key that opens a ticket, and follows a file while it is in use.
//
//	MIT's file format, 1 and 2       Load, Parse, Keytab.AppendBinary
//	ktutil addent, ktpass            FromPassword
//	key version (RFC 4120 5.2.9)     Entry.Kvno
//
// # Choice of the key
//
// The ticket names a principal, an encryption type and a key version (kvno).
// Keys of that principal and type are tried in this order: the very kvno (an
// entry that holds only 8 bits of it is compared by these); entries of kvno 0,
// which some tools write for all keys; then, unless only the exact version is
// wanted, the others, newest first. The last step lets tickets live through a
// change of keys, and keytabs with wrong numbers work; it weakens nothing,
// since every key of the keytab opens tickets of its own kvno anyway. When no
// key fits, the error says what the keytab has and what the ticket wants.
//
// A File follows its file, and keeps replaced keys for the life of a ticket. A
// ticket for which there is no key makes it look at the file, and one of a
// newer key version than any waits for it a moment. That version is anybody's
// claim, so looks are few, a file that did not change is not read, and not
// many wait, of which no client address keeps the places from another.
//
// # Security considerations
//
// Errors never hold octets of the file. What is printed of a keytab has names
// and versions, never keys.
package keytab
