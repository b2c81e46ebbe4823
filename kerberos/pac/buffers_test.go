package pac_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// domainLogon returns what a domain's KDC writes of alice: groups that count,
// and some that do not.
func domainLogon() *krbtest.PACLogon {
	return &krbtest.PACLogon{
		Name: "alice", FullName: "Alice\tLiddell", Server: "DC1", Domain: "EXAMPLE", DomainID: "S-1-5-21-11-22-33",
		UserID: 1104, PrimaryGroup: 513,
		Groups:         []krbtest.PACGroup{{ID: 513}, {ID: 1105}, {ID: 1106, Attributes: 3}, {ID: 1107, Attributes: 0x14}},
		Extra:          []krbtest.PACSID{{SID: "S-1-18-1"}, {SID: "S-1-5-21-44-55-66-513", Attributes: 0x10}},
		ResourceDomain: "S-1-5-21-77-88-99", Resource: []krbtest.PACGroup{{ID: 1110}},
	}
}

// signed returns a PAC of alice, signed with key.
func signed(t testing.TB, o krbtest.PACOptions, et int32, key []byte) []byte {
	t.Helper()
	b, err := o.Bytes(&krbtest.TicketOptions{Etype: et, ClientName: []string{"alice"},
		AuthTime: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verify parses the table of a PAC and checks its signature.
func verify(b []byte, et int32, octets []byte) error {
	key, err := etype.NewKey(et, octets)
	if err != nil {
		return err
	}
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		return err
	}
	return buffers.Verify(key)
}

func wantIntegrity(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, &kerberos.Error{Code: kerberos.CodePACIntegrity}) {
		t.Errorf("%s: %v", name, err)
	}
}

func TestVerifyAcceptsTheServicesKeyOnly(t *testing.T) {
	t.Parallel()
	for _, et := range etype.All() {
		for _, rodc := range []bool{false, true} {
			octets := krbtest.RandomKey(et.ID)
			b := signed(t, krbtest.PACOptions{Logon: domainLogon(), RODC: rodc}, et.ID, octets)
			if err := verify(b, et.ID, octets); err != nil {
				t.Errorf("%s, read-only KDC %t: %v", et.Name, rodc, err)
			}
			wantIntegrity(t, et.Name+", another key", verify(b, et.ID, krbtest.RandomKey(et.ID)))
		}
	}
}

// Every octet is under the signature but those of the two signatures and, of a
// read-only KDC, their numbers (MS-PAC 2.8.1).
func TestVerifyRejectsEveryAlteredOctet(t *testing.T) {
	t.Parallel()
	octets := krbtest.RandomKey(18)
	b := signed(t, krbtest.PACOptions{Logon: domainLogon()}, 18, octets)
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		t.Fatal(err)
	}
	free := func(n int) bool { // an octet of the KDC's signature
		return slices.ContainsFunc(buffers.List, func(f pac.Buffer) bool {
			return f.Kind == pac.TypeKDCSignature && n >= f.Start+4 && n < f.End
		})
	}
	for n := range b {
		altered := slices.Clone(b)
		altered[n] ^= 1
		if err := verify(altered, 18, octets); (err == nil) != free(n) {
			t.Errorf("octet %d of %d altered: %v", n, len(b), err)
		}
	}
}

// A PAC must not choose a weaker checksum than the key's.
func TestVerifyRejectsOtherChecksumTypes(t *testing.T) {
	t.Parallel()
	octets := krbtest.RandomKey(18)
	for name, o := range map[string]krbtest.PACOptions{
		"RC4's":                    {Key: krbtest.RandomKey(23), Etype: 23},
		"the key's octets for RC4": {Key: octets[:16], Etype: 23},
		"type 15 written":          {SigType: 15},
		"no server signature":      {Without: []uint32{krbtest.PACServerSig}},
		"no KDC signature":         {Without: []uint32{krbtest.PACKDCSig}},
	} {
		wantIntegrity(t, name, verify(signed(t, o, 18, octets), 18, octets))
	}
}

func TestParseBuffersRejectsBadTables(t *testing.T) {
	t.Parallel()
	whole := signed(t, krbtest.PACOptions{Logon: domainLogon()}, 18, krbtest.RandomKey(18))
	le := binary.LittleEndian
	for name, change := range map[string]func(b []byte) []byte{
		"empty":                func([]byte) []byte { return nil },
		"version 1":            func(b []byte) []byte { b[4] = 1; return b },
		"65 buffers":           func(b []byte) []byte { le.PutUint32(b, 65); return append(b, make([]byte, 2000)...) },
		"2³²-1 buffers":        func(b []byte) []byte { le.PutUint32(b, 1<<32-1); return b },
		"offset in the table":  func(b []byte) []byte { le.PutUint64(b[16:], 8); return b },
		"offset unaligned":     func(b []byte) []byte { b[16] |= 4; return b },
		"offset outside":       func(b []byte) []byte { le.PutUint64(b[16:], 1<<64-8); return b },
		"size of 2³²-1":        func(b []byte) []byte { le.PutUint32(b[12:], 1<<32-1); return b },
		"buffers that overlap": func(b []byte) []byte { copy(b[32:40], b[16:24]); return b },
		"a type twice":         func(b []byte) []byte { copy(b[24:28], b[8:12]); return b },
	} {
		if _, err := pac.ParseBuffers(change(slices.Clone(whole))); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	if _, err := pac.ParseBuffers(whole); err != nil {
		t.Error(err)
	}
}

// A PAC of maxPACBuffers, 64, is read, and not one of 65.
func TestParseBuffersReadsAsManyAsTheLimit(t *testing.T) {
	t.Parallel()
	for n, ok := range map[uint32]bool{64: true, 65: false} {
		b := make([]byte, 8+16*n)
		binary.LittleEndian.PutUint32(b, n)
		for i := range n { // empty ones behind the table
			binary.LittleEndian.PutUint32(b[8+16*i:], 100+i)
			binary.LittleEndian.PutUint64(b[16+16*i:], uint64(len(b)))
		}
		if p, err := pac.ParseBuffers(b); ok != (err == nil) || ok && len(p.List) != int(n) {
			t.Errorf("%d buffers: %v", n, err)
		}
	}
}

func TestParseNeedsClientInfo(t *testing.T) {
	t.Parallel()
	o := krbtest.PACOptions{Without: []uint32{krbtest.PACClientInfo}}
	buffers, err := pac.ParseBuffers(signed(t, o, 18, krbtest.RandomKey(18)))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := buffers.Parse(); err == nil {
		t.Errorf("%+v", p)
	}
}

func TestParseReadsUPNInfo(t *testing.T) {
	t.Parallel()
	read := func(u krbtest.PACUPN) (*pac.PAC, error) {
		buffers, err := pac.ParseBuffers(signed(t, krbtest.PACOptions{UPN: &u}, 18, krbtest.RandomKey(18)))
		if err != nil {
			t.Fatal(err)
		}
		return buffers.Parse()
	}
	p, err := read(krbtest.PACUPN{UPN: "alice@example.com", DNSDomain: "EXAMPLE.COM", SAMName: "alice",
		SID: "S-1-5-21-11-22-33-1104", Flags: 1})
	want := pac.UPNInfo{UPN: "alice@example.com", DNSDomain: "EXAMPLE.COM", Made: true, SAMName: "alice",
		SID: "S-1-5-21-11-22-33-1104"}
	if err != nil || *p.UPN != want || p.User() != want.SID {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := read(krbtest.PACUPN{UPN: "a\x1b[2Jb"}); err == nil {
		t.Errorf("control characters are read: %+v", p.UPN)
	}
}
