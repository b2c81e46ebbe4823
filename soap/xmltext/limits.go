package xmltext

import "math"

// Defaults of [Limits].
const (
	DefaultMessageBytes         = 32 << 20
	DefaultDepth                = 128
	DefaultElements             = 1_000_000
	DefaultAttributes           = 1_000_000
	DefaultAttributesPerElement = 256
	DefaultNamespacesInScope    = 512
	DefaultNameBytes            = 1024
	DefaultValueBytes           = 1 << 20
)

// Limits bounds what [Scan] and [Node.Graft] accept. A zero field stands for
// the documented default, a negative one for the ceiling. Each limit is
// inclusive: exactly that much is accepted.
//
// The index takes 40 octets per element, 20 per attribute and 12 per namespace
// declaration, and up to twice that for the room to grow. Three more bounds are
// fixed: 65,000 distinct prefixes and as many distinct namespace names in a
// message and its grafts, and, for the namespace declarations that an exclusive
// canonicalizer might have to repeat, 16 times the octets of the scan, or 1 MiB
// if that is more, and at most four times MessageBytes.
type Limits struct {
	MessageBytes         int // octets of the message as given and as UTF-8; default 32 MiB, ceiling 4 GiB - 2
	Depth                int // nested elements, the root being 1; default 128. Grafts count from the root of their host
	Elements             int // elements in one scan; default 1,000,000
	Attributes           int // attributes in one scan, namespace declarations included; default 1,000,000
	AttributesPerElement int // of one start tag, namespace declarations included; default 256
	NamespacesInScope    int // declarations on an element and its ancestors; default 512, ceiling 65,535
	NameBytes            int // octets of a qualified, namespace or target name; default 1,024, ceiling 65,535
	ValueBytes           int // octets of an attribute value as written; default 1 MiB
}

// Options configures [Scan] and [Node.Graft]. The zero value is the strict
// default.
type Options struct {
	Limits

	// Charset is the charset parameter of the HTTP Content-Type, or empty when
	// there is none. It must agree with the byte order mark and the XML
	// declaration (RFC 7303).
	Charset string

	// AllowPI accepts processing instructions, which SOAP forbids (SOAP 1.1
	// section 3, SOAP 1.2 section 5). They are then part of canonical forms.
	AllowPI bool

	// RelativeNamespaces accepts namespace names without a scheme, which some
	// services have although Canonical XML forbids them. They are compared and
	// rendered as they are written.
	RelativeNamespaces bool

	// Reserve, if not nil, is called before memory is allocated that grows with
	// the input: the index and the table of names, as they grow, and the UTF-8
	// form of UTF-16. octets is negative when such memory is no longer held.
	// The sum of all calls is what the Doc holds beside the source; after an
	// error it is zero. An error of Reserve ends the scan, as the cause of its
	// [*SyntaxError].
	Reserve func(octets int) error

	// Names is which declarations outside a plaintext the names in it may use.
	// Only [Node.Graft] uses it.
	Names GraftNames

	// Owner, if not nil, owns the memory of the plaintext: [Doc.Release] of the
	// host releases it, once nothing reads the plaintext any more. Only
	// [Node.Graft] uses it, and not where it fails.
	Owner Owner

	// Overwrite says that nobody reads src but through the Doc, so that
	// [Node.TakeText] may give octets of it to be written over. Only [Scan] uses it.
	Overwrite bool

	careful bool // scan without quick, in tests
	fresh   bool // use no tables of other messages, in tests
}

// An Owner of memory gets it back.
type Owner interface{ Release() }

// filled returns l with defaults and ceilings applied.
func (l Limits) filled() Limits {
	set := func(field *int, def, ceiling int) {
		if *field == 0 {
			*field = def
		}
		if *field < 0 || *field > ceiling {
			*field = ceiling
		}
	}
	const offsets = min(math.MaxUint32-1, math.MaxInt) // what an index entry can hold
	set(&l.MessageBytes, DefaultMessageBytes, offsets)
	set(&l.Depth, DefaultDepth, math.MaxInt32)
	set(&l.Elements, DefaultElements, math.MaxInt32)
	set(&l.Attributes, DefaultAttributes, math.MaxInt32)
	set(&l.AttributesPerElement, DefaultAttributesPerElement, math.MaxInt32)
	set(&l.NamespacesInScope, DefaultNamespacesInScope, math.MaxUint16)
	set(&l.NameBytes, DefaultNameBytes, math.MaxUint16)
	set(&l.ValueBytes, DefaultValueBytes, offsets)
	return l
}
