package krbmsg

import (
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Authorization data types (RFC 4120 7.5.4) that need not be understood: AD-IF-RELEVANT says so of what it holds,
// AD-MANDATORY-FOR-KDC concerns KDCs only, and a PAC (AD-WIN2K-PAC) says who the client is and restricts nothing.
const (
	ADIfRelevant      = 1
	ADMandatoryForKDC = 8
	ADWin2kPAC        = 128
)

// ReadAuthzElement takes an element of AuthorizationData (RFC 4120 5.2.6) off *list.
func ReadAuthzElement(p *der.Parser, list *[]byte) (kind int32, data []byte) {
	entry := p.Next(list, der.TagSequence, "element")
	kind = p.Int32Field(&entry, 0, "ad-type")
	data = p.Field(&entry, 1, der.TagOctetString, "ad-data")
	p.End(entry, "element")
	return kind, data
}
