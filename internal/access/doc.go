// Package access decides which clients a route admits, once they are
// authenticated.
//
// A route has three lists of whom it admits, by principal, realm and group, and
// three of whom it denies. Each list of the first that is not empty has to
// admit a client, and none of the others may deny it.
//
// # Patterns
//
// Principals and realms are patterns in the text form of names
// (krb5_parse_name), in which "*" stands for any number of characters:
//
//	alice@EXAMPLE.COM     this principal
//	*@EXAMPLE.COM         every name of one component: alice, and not alice/admin
//	host/*@EXAMPLE.COM    host/a.example.com, and not host/a/b
//	*/admin@*             alice/admin of every realm
//	*.EXAMPLE.COM         EU.EXAMPLE.COM and A.EU.EXAMPLE.COM, and not EXAMPLE.COM
//
// A "*" stays within its component, or within the realm: names are compared
// component by component and not as text, so that a component with a "/" or "@"
// in it is never taken for two. A backslash makes the next character an ordinary
// one, "*" too. No other character is special.
//
// # Case
//
// Kerberos names are compared octet by octet, and so are those that a route
// admits. Active Directory takes no notice of case, and writes a name into the
// ticket as the client has typed it; so deny lists take no notice of case
// either. It also knows one account by several names: by that of a computer with
// and without "$", without accents, and by enterprise names (RFC 6806 5). The
// last can be recognized: who has a name with an "@" in it is denied where
// principals are. Against the others deny by a group or by the account's own SID.
//
// # Groups
//
// A client of which no group is known is not admitted where groups are listed,
// in either kind of list: its ticket may come without a PAC because it asked for
// that.
package access
