package krbtest

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Types of PAC buffers (MS-PAC 2.4).
const (
	PACLogonInfo  = 1
	PACServerSig  = 6
	PACKDCSig     = 7
	PACClientInfo = 10
	PACUPNDNSInfo = 12
	PACAttributes = 17
	PACRequestor  = 18
)

// PACOptions are the content of a ticket's PAC, and what to do to it. Zero
// values mean what MIT's KDC puts there: no LOGON_INFO.
type PACOptions struct {
	ClientName string    // "" means the ticket's
	AuthTime   time.Time // zero means the ticket's
	Logon      *PACLogon
	UPN        *PACUPN
	More       []PACBuffer // after the others
	Without    []uint32    // types to leave out

	Etype    int32                   // of Key; 0 means that of the service's key
	Key      []byte                  // signs instead of the service's key
	SigType  int32                   // written as the server signature's type, when not 0
	RODC     bool                    // put the number of a read-only KDC after the signatures
	Unsigned func(pac []byte) []byte // changes the PAC before it is signed
	Signed   func(pac []byte) []byte // changes the PAC after it was signed
	// Wrap makes AuthorizationData of the element AD-WIN2K-PAC; nil means in
	// AD-IF-RELEVANT.
	Wrap func(element []byte) (authzData []byte)
}

// PACLogon is the content of LOGON_INFO (MS-PAC 2.5). All texts and lists may
// be empty.
type PACLogon struct {
	Name, FullName, Server, Domain string
	DomainID                       string // SID; "" means "S-1-5-21-1-2-3"
	UserID, PrimaryGroup           uint32
	Groups                         []PACGroup
	UserFlags                      uint32 // besides those that lists need
	Extra                          []PACSID
	ResourceDomain                 string
	Resource                       []PACGroup
	NoListFlags                    bool // without the flags that lists need
}

// A PACGroup is a group by its relative identifier; Attributes 0 means 7:
// mandatory, by default, enabled.
type PACGroup struct{ ID, Attributes uint32 }

// A PACSID is a group by its SID; Attributes 0 means 7.
type PACSID struct {
	SID        string
	Attributes uint32
}

// PACUPN is the content of UPN_DNS_INFO (MS-PAC 2.10). With SAMName it has the
// extension.
type PACUPN struct {
	UPN, DNSDomain, SAMName, SID string
	Flags                        uint32
}

// A PACBuffer is one buffer of a PAC.
type PACBuffer struct {
	Type uint32
	Data []byte
}

// SIDBytes returns the packet form of a SID (MS-DTYP 2.4.2.2).
func SIDBytes(sid string) []byte {
	var numbers []uint64
	for _, s := range strings.Split(sid, "-")[2:] {
		v, err := strconv.ParseUint(s, 0, 48)
		if err != nil {
			panic("krbtest: " + err.Error())
		}
		numbers = append(numbers, v)
	}
	b := []byte{1, byte(len(numbers) - 1), byte(numbers[0] >> 40), byte(numbers[0] >> 32)}
	b = binary.BigEndian.AppendUint32(b, uint32(numbers[0]))
	for _, v := range numbers[1:] {
		b = le32(b, uint32(v))
	}
	return b
}

func le16(b []byte, v int) []byte    { return binary.LittleEndian.AppendUint16(b, uint16(v)) }
func le32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// UTF16 returns the text in little-endian UTF-16.
func UTF16(s string) (b []byte) {
	for _, c := range utf16.Encode([]rune(s)) {
		b = le16(b, int(c))
	}
	return b
}

// FileTime returns a FILETIME (MS-DTYP 2.3.3).
func FileTime(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64((t.Unix()+11_644_473_600)*10_000_000+int64(t.Nanosecond()/100)))
}

// ndr holds the fixed part of a structure and what it points to.
type ndr struct {
	fixed, deferred []byte
	pointers        uint32
}

// pointer adds a pointer to the next part of deferred, or a null pointer.
func (n *ndr) pointer(there bool) bool {
	if !there {
		n.fixed = le32(n.fixed, 0)
		return false
	}
	n.pointers++
	n.fixed = le32(n.fixed, 0x20000+4*n.pointers)
	return true
}

func pad(b []byte, to int) []byte {
	for len(b)%to != 0 {
		b = append(b, 0)
	}
	return b
}

func (n *ndr) text(s string) {
	chars := UTF16(s)
	n.fixed = le16(le16(n.fixed, len(chars)), len(chars))
	if n.pointer(s != "") {
		count := uint32(len(chars) / 2)
		n.deferred = append(le32(le32(le32(pad(n.deferred, 4), count), 0), count), chars...)
	}
}

func (n *ndr) groups(list []PACGroup) {
	n.fixed = le32(n.fixed, uint32(len(list)))
	if n.pointer(len(list) > 0) {
		n.deferred = le32(pad(n.deferred, 4), uint32(len(list)))
		for _, g := range list {
			n.deferred = le32(le32(n.deferred, g.ID), or(g.Attributes, 7))
		}
	}
}

func (n *ndr) sid(sid string) {
	if n.pointer(sid != "") {
		n.deferred = n.appendSID(n.deferred, sid)
	}
}

func (n *ndr) appendSID(b []byte, sid string) []byte {
	octets := SIDBytes(sid)
	return append(le32(pad(b, 4), uint32(octets[1])), octets...)
}

func (n *ndr) sids(list []PACSID) {
	n.fixed = le32(n.fixed, uint32(len(list)))
	if n.pointer(len(list) > 0) {
		n.deferred = le32(pad(n.deferred, 4), uint32(len(list)))
		for _, s := range list {
			n.pointers++
			n.deferred = le32(le32(n.deferred, 0x20000+4*n.pointers), or(s.Attributes, 7))
		}
		for _, s := range list {
			n.deferred = n.appendSID(n.deferred, s.SID)
		}
	}
}

// Bytes returns LOGON_INFO, KERB_VALIDATION_INFO in NDR (MS-PAC 2.5, MS-RPCE
// 2.2.6).
func (l *PACLogon) Bytes() []byte {
	var n ndr
	never := []byte("\xff\xff\xff\xff\xff\xff\xff\x7f")
	n.fixed = slices.Concat(FileTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)), never, never, make([]byte, 16), never)
	n.text(l.Name)
	n.text(l.FullName)
	for range 4 {
		n.text("")
	}
	n.fixed = le32(le32(le32(n.fixed, 0), l.UserID), l.PrimaryGroup)
	n.groups(l.Groups)
	flags := l.UserFlags
	if !l.NoListFlags && len(l.Extra) > 0 {
		flags |= 0x20
	}
	if !l.NoListFlags && len(l.Resource) > 0 {
		flags |= 0x200
	}
	n.fixed = append(le32(n.fixed, flags), make([]byte, 16)...)
	n.text(l.Server)
	n.text(l.Domain)
	n.sid(or(l.DomainID, "S-1-5-21-1-2-3"))
	n.fixed = append(n.fixed, make([]byte, 8+4+7*4)...)
	n.sids(l.Extra)
	n.sid(l.ResourceDomain)
	n.groups(l.Resource)
	object := pad(slices.Concat([]byte{4, 0, 2, 0}, n.fixed, n.deferred), 8)
	return slices.Concat([]byte("\x01\x10\x08\x00\xcc\xcc\xcc\xcc"), le32(nil, uint32(len(object))),
		make([]byte, 4), object)
}

// Bytes returns UPN_DNS_INFO (MS-PAC 2.10).
func (u *PACUPN) Bytes() []byte {
	parts := [][]byte{UTF16(u.UPN), UTF16(u.DNSDomain)}
	flags, header := u.Flags, 12
	if u.SAMName != "" {
		parts = append(parts, UTF16(u.SAMName), SIDBytes(u.SID))
		flags |= 2
		header = 20
	}
	var fixed, texts []byte
	for i, p := range parts {
		texts = pad(texts, 8)
		fixed = le16(le16(fixed, len(p)), (header+7)/8*8+len(texts))
		if i == 1 {
			fixed = le32(fixed, flags)
		}
		texts = append(texts, p...)
	}
	return append(pad(fixed, 8), texts...)
}

// clientInfo returns PAC_CLIENT_INFO (MS-PAC 2.7).
func clientInfo(name string, t time.Time) []byte {
	chars := UTF16(name)
	return append(le16(FileTime(t), len(chars)), chars...)
}

// BuildPAC returns a PAC with these buffers (MS-PAC 2.3), each at a multiple of
// eight.
func BuildPAC(buffers ...PACBuffer) []byte {
	b := le32(le32(nil, uint32(len(buffers))), 0)
	offset := 8 + 16*len(buffers)
	var data []byte
	for _, buffer := range buffers {
		b = le32(le32(b, buffer.Type), uint32(len(buffer.Data)))
		b = binary.LittleEndian.AppendUint64(b, uint64(offset+len(data)))
		data = pad(append(data, buffer.Data...), 8)
	}
	return append(b, data...)
}

// pacSigTypes are the checksum types of encryption types, with their lengths.
var pacSigTypes = map[int32]struct {
	kind int32
	size int
}{17: {15, 12}, 18: {16, 12}, 19: {19, 16}, 20: {20, 24}, 23: {-138, 16}}

// PACSignature returns a buffer of type 6 or 7 with room for the signature of a
// key's encryption type.
func PACSignature(kind uint32, etype, sigType int32, rodc bool) PACBuffer {
	s := pacSigTypes[etype]
	data := append(le32(nil, uint32(or(sigType, s.kind))), make([]byte, s.size)...)
	if rodc {
		data = append(data, 7, 0)
	}
	return PACBuffer{kind, data}
}

// SignPAC fills in the server and KDC signatures in place, with gokrb5's
// checksums (MS-PAC 2.8.1). It finds them by the table's types and offsets.
func SignPAC(pac []byte, etype int32, key []byte) error {
	whole := slices.Clone(pac)
	for _, kind := range []uint32{PACServerSig, PACKDCSig} {
		if octets := pacBufferOf(whole, kind); len(octets) > 4 {
			clear(octets[4:])
		}
	}
	for _, kind := range []uint32{PACServerSig, PACKDCSig} {
		octets := pacBufferOf(pac, kind)
		size := pacSigTypes[etype].size
		if len(octets) < 4+size {
			continue
		}
		data := whole
		if kind == PACKDCSig {
			other := sha512.Sum512(append([]byte("krbtgt "), key...)) // in place of krbtgt's, which no test needs
			data, key = slices.Clone(pacBufferOf(pac, PACServerSig)), other[:KeyLen(etype)]
		}
		e, err := crypto.GetEtype(etype)
		if err != nil {
			return fmt.Errorf("krbtest: %w", err)
		}
		sum, err := e.GetChecksumHash(key, data, 17)
		if err != nil {
			return fmt.Errorf("krbtest: %w", err)
		}
		copy(octets[4:], sum[:size])
	}
	return nil
}

// pacBufferOf returns the first buffer of a type, in place, or nil if there is
// none or it lies outside.
func pacBufferOf(pac []byte, kind uint32) []byte {
	for i := range int(binary.LittleEndian.Uint32(pac)) {
		if 8+16*i+16 > len(pac) {
			return nil
		}
		entry := pac[8+16*i:]
		size, offset := uint64(binary.LittleEndian.Uint32(entry[4:])), binary.LittleEndian.Uint64(entry[8:])
		if binary.LittleEndian.Uint32(entry) == kind && offset+size <= uint64(len(pac)) {
			return pac[offset : offset+size]
		}
	}
	return nil
}

// Bytes returns the PAC of a ticket, signed with the service's key.
func (p *PACOptions) Bytes(t *TicketOptions, serviceKey []byte) ([]byte, error) {
	etype, key := or(p.Etype, t.Etype), serviceKey
	if p.Key != nil {
		key = p.Key
	}
	var buffers []PACBuffer
	add := func(b PACBuffer) {
		if !slices.Contains(p.Without, b.Type) {
			buffers = append(buffers, b)
		}
	}
	if p.Logon != nil {
		add(PACBuffer{PACLogonInfo, p.Logon.Bytes()})
	}
	add(PACBuffer{PACClientInfo,
		clientInfo(or(p.ClientName, strings.Join(t.ClientName, "/")), or(p.AuthTime, t.AuthTime))})
	if p.UPN != nil {
		add(PACBuffer{PACUPNDNSInfo, p.UPN.Bytes()})
	}
	for _, b := range p.More {
		add(b)
	}
	add(PACSignature(PACServerSig, etype, p.SigType, p.RODC))
	add(PACSignature(PACKDCSig, etype, 0, p.RODC))
	pac := BuildPAC(buffers...)
	if p.Unsigned != nil {
		pac = p.Unsigned(pac)
	}
	if err := SignPAC(pac, etype, key); err != nil {
		return nil, err
	}
	if p.Signed != nil {
		pac = p.Signed(pac)
	}
	return pac, nil
}

// AuthzElement returns one element of AuthorizationData (RFC 4120 5.2.6).
func AuthzElement(kind int64, data []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			integer(b, 0, kind)
			octets(b, 1, data)
		})
	})
}

// AuthzSequence returns AuthorizationData, such as AD-IF-RELEVANT holds.
func AuthzSequence(elements ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(elements...)) })
	})
}

// authz returns the content of the ticket's AuthorizationData: the PAC in
// AD-IF-RELEVANT (MS-PAC 3.1).
func (p *PACOptions) authz(pac []byte) []byte {
	element := AuthzElement(128, pac)
	if p.Wrap != nil {
		return p.Wrap(element)
	}
	return AuthzElement(1, AuthzSequence(element))
}
