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

// Limits bounds what [Scan] and [Node.Graft] accept. A zero field means the
// documented default; a negative one means the ceiling. Each limit is
// inclusive: exactly that much is accepted.
//
// The index takes 40 octets per element, 20 per attribute and 12 per namespace
// declaration, and up to twice that for the room to grow. Three more bounds are
// fixed: 65,000 distinct prefixes and as many distinct namespace names in a
// message and its grafts, and four times MessageBytes for the namespace
// declarations that an exclusive canonicalizer might have to repeat.
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

// Options says how to scan. The zero value is the strict default.
type Options struct {
	Limits

	// Charset is the charset parameter of the HTTP Content-Type, or empty when
	// there is none. It must agree with the byte order mark and the XML
	// declaration (RFC 7303).
	Charset string

	// AllowPI accepts processing instructions, which SOAP forbids (SOAP 1.1
	// section 3, SOAP 1.2 section 5). They are then part of canonical forms.
	AllowPI bool

	// RelativeNamespaces accepts namespace names without a scheme, as some
	// services that never met Canonical XML have them. They are compared and
	// rendered as they are written.
	RelativeNamespaces bool

	// Reserve, if not nil, is asked before memory is allocated that grows with
	// the input: the index and what is kept of names, as they grow, and the
	// UTF-8 form of UTF-16. octets is negative when such memory is no longer
	// held. The sum of all calls is what the Doc keeps beside the source; after
	// an error it is zero. An error of Reserve ends the scan, as the cause of
	// its [*SyntaxError].
	Reserve func(octets int) error

	// Names says which declarations outside a plaintext names in it may use. It
	// is for [Node.Graft] alone.
	Names GraftNames
}

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
