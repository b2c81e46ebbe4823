package krbmsg_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

var s4uAlice = kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"}

// valueOf returns the value of the one element of PA-DATA.
func valueOf(t *testing.T, paData []byte, kind int32) []byte {
	t.Helper()
	v, err := krbmsg.FindPAData(paData, kind)
	if err != nil || v == nil {
		t.Fatalf("PA-DATA %d: %x, %v", kind, v, err)
	}
	return v
}

// TestS4UUserVerifies: PA-S4U-X509-USER is taken under the key and the nonce of
// the request only, unaltered.
func TestS4UUserVerifies(t *testing.T) {
	t.Parallel()
	for _, et := range []int32{17, 18, 19, 20} {
		key, err := etype.GenerateKey(et)
		if err != nil {
			t.Fatal(err)
		}
		another, _ := etype.GenerateKey(et)
		value := valueOf(t, krbmsg.EncodeS4UUser(s4uAlice, 7, key), krbmsg.PAS4UX509User)
		u, err := krbmsg.ParseS4UUser(value)
		if err != nil || u.Client.String() != s4uAlice.String() {
			t.Fatal(u.Client, err)
		}
		// The request asks for a checksum of its own in the reply, so a request that is
		// sent back is none.
		if err := u.Verify(7, key); err == nil {
			t.Error("a request was taken for a reply")
		}
		reply := replyOf(t, value, key)
		if u, err = krbmsg.ParseS4UUser(reply); err != nil {
			t.Fatal(err)
		}
		if err := u.Verify(7, key); err != nil {
			t.Error(err)
		}
		if u.Verify(8, key) == nil || u.Verify(7, another) == nil {
			t.Error("a reply of another request was taken")
		}
		for i := range reply {
			altered := bytes.Clone(reply)
			altered[i] ^= 1
			if u, err := krbmsg.ParseS4UUser(altered); err == nil && u.Verify(7, key) == nil {
				t.Errorf("etype %d: octet %d altered, and taken", et, i)
			}
		}
	}
}

// replyOf returns a PA-S4U-X509-USER with the checksum of a reply.
func replyOf(t *testing.T, value []byte, key etype.Key) []byte {
	t.Helper()
	p := der.Parser{In: "PA-S4U-X509-USER"}
	seq := p.Whole(value, der.TagSequence, "sequence")
	id := p.Next(&seq, der.TagContext(0), "user-id")
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	kind, sum := etype.Checksum(key, 27, id)
	return der.Element(der.TagSequence, der.Element(der.TagContext(0), id),
		der.Field(1, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(kind))),
			der.Field(1, der.TagOctetString, sum)))
}

// TestResourceBasedIsFoundInPAData: the bit of PA-PAC-OPTIONS, and nothing that
// looks like it.
func TestResourceBasedIsFoundInPAData(t *testing.T) {
	t.Parallel()
	options := func(flags uint32) []byte {
		return krbmsg.EncodePAData(krbmsg.PAPACOptions,
			der.Element(der.TagSequence, der.Field(0, der.TagBitString, der.Flags(flags))))
	}
	for _, c := range []struct {
		paData   []byte
		has, bad bool
	}{
		{nil, false, false},
		{krbmsg.EncodePACOptions(), true, false},
		{slices.Concat(krbmsg.EncodePAData(165, []byte{1}), krbmsg.EncodePACOptions()), true, false},
		{options(0xe0000000), false, false},
		{options(0xf0000000), true, false},
		{krbmsg.EncodePAData(krbmsg.PAPACOptions, []byte{0x30}), false, true},
		{slices.Concat(krbmsg.EncodePACOptions(), []byte{1, 2, 3}), false, true},
	} {
		if has, err := krbmsg.HasResourceBased(c.paData); has != c.has || (err != nil) != c.bad {
			t.Errorf("%x: %v, %v", c.paData, has, err)
		}
	}
}

// TestFindPADataRefusesTwo: of two elements of a type none is the right one.
func TestFindPADataRefusesTwo(t *testing.T) {
	t.Parallel()
	one := krbmsg.EncodePAData(130, []byte("x"))
	if v, err := krbmsg.FindPAData(one, 129); v != nil || err != nil {
		t.Error(v, err)
	}
	if _, err := krbmsg.FindPAData(slices.Concat(one, one), 130); err == nil {
		t.Error("two elements of a type were taken")
	}
}

// TestRequestsWithAdditionalTicketsAreRead: what S4U2Proxy adds to a request
// leaves the rest of it.
func TestRequestsWithAdditionalTicketsAreRead(t *testing.T) {
	t.Parallel()
	ticket := der.Element(der.TagApplication(1), []byte("ticket"))
	q := krbmsg.KDCRequest{Realm: "A", Service: []string{"HTTP/b@A"}, ServiceType: krbmsg.NameEnterprise,
		Options: krbmsg.KDCClientInAddl, Till: krbmsg.NoEnd(), Nonce: 5, Etypes: []int32{18}, Tickets: [][]byte{ticket}}
	body := q.Body()
	if !bytes.Contains(body, ticket) {
		t.Error("the ticket is not in the body")
	}
	r, _, err := krbmsg.ParseKDCRequest(krbmsg.EncodeKDCRequest(12, nil, body), 12)
	if err != nil || r.Options != q.Options || r.Nonce != 5 || !slices.Equal(r.Service, q.Service) {
		t.Errorf("%+v, %v", r, err)
	}
}

// FuzzS4UUser: no octets panic, what is read has a legal name, and only who has
// the key has it verified.
func FuzzS4UUser(f *testing.F) {
	key, err := etype.NewKey(18, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	another, _ := etype.GenerateKey(18)
	paData := krbmsg.EncodeS4UUser(s4uAlice, 7, key)
	value, _ := krbmsg.FindPAData(paData, krbmsg.PAS4UX509User)
	f.Add(value)
	f.Add(paData)
	f.Add(krbmsg.EncodePACOptions())
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = krbmsg.HasResourceBased(b)
		if v, err := krbmsg.FindPAData(b, krbmsg.PAS4UX509User); err == nil && v != nil {
			b = v
		}
		u, err := krbmsg.ParseS4UUser(b)
		if err != nil {
			return
		}
		if len(u.Client.Components) == 0 || u.Client.Realm == "" {
			t.Errorf("read %s", u.Client)
		}
		if u.Verify(7, another) == nil {
			t.Error("verified under a key that nobody has")
		}
	})
}
