// Package xmltext is the XML engine under the SOAP stack: a strict scanner, a
// flat index over one retained buffer, and the only canonicalizer.
//
// A message is scanned once, by [Scan]. The result, a [Doc], is the message's
// own octets plus a table of positions; a [Node] is one element of it. Policy,
// key look-up, digests, decryption and forwarding all read through that index,
// so no second parser can interpret the octets differently.
//
// # Profile
//
// Scan accepts the XML that SOAP allows and refuses the rest: UTF-8, its subset
// US-ASCII, or UTF-16 with a byte order mark or a charset that names the order of
// octets, XML 1.0 (5th edition) characters and names, namespaces in XML 1.0, one
// root element, the five predefined entities and character references. It refuses
// a document type declaration, any other entity, processing instructions (unless
// [Options].AllowPI), undeclared and reserved prefixes, attributes that are
// duplicates by expanded name, relative namespace names (on which Canonical XML
// fails) and everything
// over its [Limits]. Every refusal is a [*SyntaxError] with the octet offset,
// the path of the enclosing element and one of the Err… values.
//
// # Terms
//
//	Specification                               Go
//	------------------------------------------  ----------------------------
//	XML 1.0: document, well-formedness          Doc, SyntaxError
//	XML Namespaces 1.0: expanded name           Name
//	XML Namespaces 1.0: namespace in scope      Node.LookupNamespace
//	XML 1.0 3.3.3: normalised attribute value   Node.Attr
//	XML 1.0 2.11: end-of-line handling          Node.AppendText
//	Exclusive XML Canonicalization 1.0          Exclusive
//	Canonical XML 1.0                           Inclusive10
//	Canonical XML 1.1                           Inclusive11
//	C14N: apex of the document subset           receiver of AppendCanonical
//	Exc-C14N: PrefixList                        C14N.Prefixes
//	WSS 1.1 8.3: STR-Transform, xmlns=""        C14N.DefaultNS
//	XML Encryption 3.1: Type                    GraftElement, GraftContent
//	XML Encryption 4.2: replacement             Node.Graft
//
// # Grafts
//
// Decryption changes no octet that anybody reads. [Node.Graft] scans the plaintext as
// a second small buffer, in the namespace scope of the parent of the
// EncryptedData, and remembers that it stands in that element's place. Walkers
// and canonicalizers cross the seam; the EncryptedData itself remains readable
// through the Node that the caller holds. [Options].Names refuses names in the
// plaintext that use declarations which no signature covers.
//
// Of a large message the plaintext may stand where its ciphertext stood, whose
// element has no text then ([Node.TakeText]); and what is only to be written as a
// whole needs no index of its inside ([Node.Prune]).
//
// # Security considerations
//
// The input is hostile. Scan works in linear time, checks sizes before it
// allocates, and needs at most a small multiple of the message for its index
// (see [Limits]). It never panics and never modifies the input; the caller must
// not modify it either as long as the Doc is in use.
//
// Comments are not part of canonical forms without comments: text on both
// sides of one is one text to [Node.Text] as it is to the digest, and
// [Node.AppendDetached] drops comments from what is forwarded.
//
// A [Doc] is safe for concurrent use by readers; [Node.Graft] and [Doc.Release]
// are writers. After Release a Doc is empty, so that what still uses it fails and
// does not read the index of another message.
//
// Canonical forms can be longer than the message, because an exclusive
// canonicalizer repeats a namespace declaration on every element that needs it.
// Scan bounds the sum of these repetitions too.
package xmltext
