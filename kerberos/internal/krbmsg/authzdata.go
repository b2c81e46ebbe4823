package krbmsg

import (
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Authorization data types (RFC 4120 7.5.4) that need not be understood:
// AD-IF-RELEVANT says so of what it holds, AD-MANDATORY-FOR-KDC concerns KDCs
// only, and a PAC (AD-WIN2K-PAC) says who the client is and restricts nothing.
const (
	ADIfRelevant      = 1
	ADMandatoryForKDC = 8
	ADWin2kPAC        = 128
)

// Address types (RFC 4120 7.5.3).
const (
	AddressIPv4    = 2
	AddressNetBIOS = 20
	AddressIPv6    = 24
)

// ReadAddress takes an element of HostAddresses (RFC 4120 5.2.5) off *list.
func ReadAddress(p *der.Parser, list *[]byte) (kind int32, octets []byte) {
	entry := p.Next(list, der.TagSequence, "entry")
	kind = p.Int32Field(&entry, 0, "addr-type")
	octets = p.Field(&entry, 1, der.TagOctetString, "address")
	p.End(entry, "entry")
	return kind, octets
}

// ReadAuthzElement takes an element of AuthorizationData (RFC 4120 5.2.6) off
// *list.
func ReadAuthzElement(p *der.Parser, list *[]byte) (kind int32, data []byte) {
	entry := p.Next(list, der.TagSequence, "element")
	kind = p.Int32Field(&entry, 0, "ad-type")
	data = p.Field(&entry, 1, der.TagOctetString, "ad-data")
	p.End(entry, "element")
	return kind, data
}
