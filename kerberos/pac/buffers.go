package pac

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Types of buffers (MS-PAC 2.4) that are read. Others are ignored.
const (
	TypeLogonInfo       = 1
	TypeServerSignature = 6
	TypeKDCSignature    = 7
	TypeClientInfo      = 10
	TypeUPNDNSInfo      = 12
	TypeAttributes      = 17
	TypeRequestor       = 18
	pacHeader           = 8  // octets of PACTYPE before its buffers' descriptions
	pacBufferEntry      = 16 // octets of each description, PAC_INFO_BUFFER
	maxPACBuffers       = 64 // 19 types are known, and each comes once
)

// Buffers is PACTYPE (MS-PAC 2.3): a PAC, and where its buffers are.
type Buffers struct {
	raw  []byte
	List []Buffer
}

// A Buffer is PAC_INFO_BUFFER (MS-PAC 2.4): which octets of a PAC are of which
// type.
type Buffer struct {
	Kind       uint32 // Type… or another one of MS-PAC 2.4
	Start, End int    // of its octets, counted from the first of the PAC
}

// ParseBuffers reads the table of a PAC's buffers (MS-PAC 2.3). Buffers must
// lie behind it, at multiples of eight, and share no octets; each type comes
// once.
func ParseBuffers(b []byte) (p Buffers, err error) {
	r := reader{in: "PAC", b: b}
	p.raw = b
	n, version := r.uint32("cBuffers"), r.uint32("version")
	if r.err == nil && version != 0 {
		r.fail("version", "is not 0")
	}
	if r.err == nil && (n > maxPACBuffers || int(n) > r.left()/pacBufferEntry) {
		r.fail("cBuffers", fmt.Sprintf("%d buffers, limit %d and what fits", n, maxPACBuffers))
	}
	if r.err != nil {
		return p, r.err
	}
	p.List = make([]Buffer, 0, n)
	for range n {
		kind, size, offset := r.uint32("buffer"), r.uint32("buffer"), r.uint64("buffer")
		header := uint64(pacHeader + pacBufferEntry*n)
		if offset%8 != 0 || offset < header || offset > uint64(len(b)) || uint64(size) > uint64(len(b))-offset {
			r.fail("buffer", fmt.Sprintf("one of type %d lies outside, or at no multiple of 8", kind))
			break
		}
		added := Buffer{kind, int(offset), int(offset) + int(size)}
		for _, other := range p.List {
			if other.Kind == kind || added.Start < other.End && other.Start < added.End {
				r.fail("buffer", fmt.Sprintf("one of type %d comes twice, or overlaps another", kind))
			}
		}
		p.List = append(p.List, added)
	}
	return p, r.err
}

// find returns the only buffer of a type.
func (p *Buffers) find(kind uint32) (b Buffer, ok bool) {
	for _, b := range p.List {
		if b.Kind == kind {
			return b, true
		}
	}
	return b, false
}

// signature is PAC_SIGNATURE_DATA (MS-PAC 2.8).
type signature struct {
	kind  int32
	start int // of what is behind the type, in the PAC: the signature, and perhaps the number of a read-only KDC
	end   int // of the buffer
}

// signature reads the buffer of type 6 or 7; why is empty on success.
func (p *Buffers) signature(kind uint32, name string) (s signature, why string) {
	b, ok := p.find(kind)
	switch {
	case !ok:
		return s, "there is no " + name
	case b.End-b.Start < 4:
		return s, name + " is cut off"
	}
	return signature{int32(binary.LittleEndian.Uint32(p.raw[b.Start:])), b.Start + 4, b.End}, ""
}

// usagePAC is KERB_NON_KERB_CKSUM_SALT (MS-PAC 2.8.1).
const usagePAC = 17

// Verify checks the server signature (MS-PAC 2.8.1): over the whole PAC with
// all octets behind the types of server and KDC signature zero, the numbers of
// read-only KDCs included, under the service's key that opened the ticket, and
// of that key's type: a PAC cannot choose a weaker one. The error is a
// [*kerberos.Error].
func (p *Buffers) Verify(key etype.Key) error {
	server, why := p.signature(TypeServerSignature, "server signature")
	if why != "" {
		return kerberos.Errorf(kerberos.CodePACIntegrity, "%s", why)
	}
	kdc, why := p.signature(TypeKDCSignature, "KDC signature")
	if why != "" {
		return kerberos.Errorf(kerberos.CodePACIntegrity, "%s", why)
	}
	want, sum := etype.Checksum(key, usagePAC, p.zeroed(server, kdc)...)
	if server.kind != want {
		return kerberos.Errorf(kerberos.CodePACIntegrity, "server signature is of checksum type %d, and the service's key "+
			"of %s makes %d", server.kind, etype.Name(key.Etype()), want)
	}
	if len(sum) > server.end-server.start {
		return kerberos.Errorf(kerberos.CodePACIntegrity, "server signature is cut off")
	}
	if !hmac.Equal(sum, p.raw[server.start:server.start+len(sum)]) {
		return kerberos.Errorf(kerberos.CodePACIntegrity,
			"server signature does not fit: the PAC was altered, or signed with another key than the ticket's")
	}
	return nil
}

// zeroed returns the PAC in pieces, with zeros for the signatures.
func (p *Buffers) zeroed(a, b signature) [][]byte {
	if a.start > b.start {
		a, b = b, a
	}
	zero := make([]byte, max(a.end-a.start, b.end-b.start))
	return [][]byte{p.raw[:a.start], zero[:a.end-a.start], p.raw[a.end:b.start], zero[:b.end-b.start], p.raw[b.end:]}
}

// Parse reads the buffers. The result shares no memory with the PAC's octets.
func (p *Buffers) Parse() (*PAC, error) {
	pac := new(PAC)
	if sig, why := p.signature(TypeServerSignature, ""); why == "" {
		pac.SignatureType = sig.kind
	}
	if _, ok := p.find(TypeClientInfo); !ok {
		return nil, &der.SyntaxError{Field: "PAC", Why: "there is no CLIENT_INFO"}
	}
	for _, b := range p.List {
		pac.Types = append(pac.Types, b.Kind)
		if err := pac.Read(b.Kind, p.raw[b.Start:b.End]); err != nil {
			return nil, err
		}
	}
	return pac, nil
}

// Flags of UPN_DNS_INFO (MS-PAC 2.10).
const (
	upnMade     = 1 << 0
	upnExtended = 1 << 1
)

// parseUPNInfo reads UPN_DNS_INFO (MS-PAC 2.10): descriptions of texts, then
// the texts.
func parseUPNInfo(b []byte) (*UPNInfo, error) {
	r := reader{in: "PAC: UPN_DNS_INFO", b: b}
	type part struct{ size, offset uint16 }
	describe := func(field string) part { return part{r.uint16(field), r.uint16(field)} }
	upn, domain, flags := describe("Upn"), describe("DnsDomainName"), r.uint32("Flags")
	var sam, sid part
	if flags&upnExtended != 0 {
		sam, sid = describe("SamName"), describe("Sid")
	}
	header := r.pos
	cut := func(p part, field string) []byte {
		switch start, end := int(p.offset), int(p.offset)+int(p.size); {
		case r.err != nil || p.size == 0:
		case start < header || end > len(b):
			r.fail(field, "lies outside")
		default:
			return b[start:end]
		}
		return nil
	}
	u := &UPNInfo{Made: flags&upnMade != 0, Extraneous: flags &^ (upnMade | upnExtended)}
	u.UPN = r.name(cut(upn, "Upn"), "Upn")
	u.DNSDomain = r.name(cut(domain, "DnsDomainName"), "DnsDomainName")
	if flags&upnExtended != 0 {
		u.SAMName = r.name(cut(sam, "SamName"), "SamName")
		u.SID = r.sid(cut(sid, "Sid"), "Sid")
	}
	return u, r.err
}
