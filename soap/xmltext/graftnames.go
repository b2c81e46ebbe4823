package xmltext

// GraftNames says which namespace declarations outside a plaintext its element
// and attribute names may use. A signature over the ciphertext does not cover
// the declarations around it that the signed element does not use itself;
// whoever changes those must not change what the names in the plaintext mean.
type GraftNames uint8

const (
	NamesInScope GraftNames = iota // every declaration in scope, as XML Encryption has it
	NamesParent                    // the prefix of the name of the element around the plaintext
	NamesOwn                       // none
)

// fromOutside reports whether a name with this prefix uses a declaration
// outside the plaintext that it may not use.
func (s *scanner) fromOutside(prefix uint16) bool {
	a := s.active[prefix]
	if int(a.binding) >= s.given || a.uri == uriNone || prefix == prefixXML {
		return false
	}
	parent := Node{s.doc.host, s.doc.hostIndex}.Parent()
	return s.opt.Names != NamesParent || parent.element().prefix != prefix
}
