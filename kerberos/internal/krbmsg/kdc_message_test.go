package krbmsg_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestKDCUsageNumbersRC4(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		et          int32
		usage, want uint32
	}{
		{etype.RC4, krbmsg.UsageASReply, 8},
		{etype.RC4, krbmsg.UsageTGSReplySubkey, krbmsg.UsageTGSReplySubkey},
		{etype.AES256SHA1, krbmsg.UsageASReply, krbmsg.UsageASReply},
	} {
		if got := krbmsg.KDCUsage(test.et, test.usage); got != test.want {
			t.Errorf("etype %d, usage %d: %d", test.et, test.usage, got)
		}
	}
}

func TestServiceNameTypeFollowsTheName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name []string
		want int64
	}{
		{[]string{"krbtgt", "R"}, 2}, {[]string{"soap", "gw"}, 3}, {[]string{"alice"}, 1}, {[]string{"a", "b", "c"}, 1},
	} {
		if got := krbmsg.ServiceNameType(test.name); got != test.want {
			t.Errorf("%v: %d", test.name, got)
		}
	}
}

// paData returns elements of PA-DATA, as the content of their sequence.
func paData(elements ...[]byte) []byte { return slices.Concat(elements...) }

func TestParsePreauthReadsTypesInfoAndCookie(t *testing.T) {
	t.Parallel()
	entry := func(et int64, more ...[]byte) []byte {
		return der.Element(der.TagSequence, append([][]byte{der.Field(0, der.TagInteger, der.Integer(et))}, more...)...)
	}
	info := der.Element(der.TagSequence,
		entry(18, der.Field(1, der.TagGeneralString, []byte("SALT")), der.Field(2, der.TagOctetString, []byte{0, 0, 16, 0})),
		entry(23))
	a, err := krbmsg.ParsePreauth(paData(
		krbmsg.EncodePAData(99, nil),
		krbmsg.EncodePAData(krbmsg.PAEncTimestamp, nil),
		krbmsg.EncodePAData(krbmsg.PAETypeInfo2, info),
		krbmsg.EncodePAData(krbmsg.PAFXCookie, []byte("cookie"))))
	if err != nil || !a.Timestamp || !slices.Equal(a.Offered, []int32{99, 2, 19, 133}) || string(a.Cookie) != "cookie" {
		t.Fatalf("%+v, %v", a, err)
	}
	if len(a.Info) != 2 || a.Info[0].Salt != "SALT" || !a.Info[0].HasSalt ||
		!bytes.Equal(a.Info[0].Params, []byte{0, 0, 16, 0}) ||
		a.Info[1].Etype != 23 || a.Info[1].HasSalt {
		t.Errorf("%+v", a.Info)
	}
}

func TestParsePreauthBoundsElements(t *testing.T) {
	t.Parallel()
	one := krbmsg.EncodePAData(99, nil)
	if _, err := krbmsg.ParsePreauth(bytes.Repeat(one, krbmsg.MaxPAData)); err != nil {
		t.Error(err)
	}
	if _, err := krbmsg.ParsePreauth(bytes.Repeat(one, krbmsg.MaxPAData+1)); err == nil {
		t.Error("33 elements are read")
	}
	entry := der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(18)))
	info := der.Element(der.TagSequence, bytes.Repeat(entry, krbmsg.MaxPAData+1))
	if _, err := krbmsg.ParsePreauth(krbmsg.EncodePAData(krbmsg.PAETypeInfo2, info)); err == nil {
		t.Error("33 entries of ETYPE-INFO2 are read")
	}
}

// asRep returns an AS-REP with a ticket and no pre-authentication data.
func asRep(ticket []byte) []byte {
	return der.Element(der.TagApplication(11), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)),
		der.Field(1, der.TagInteger, der.Integer(11)),
		der.Field(3, der.TagGeneralString, []byte("EXAMPLE.COM")),
		der.Element(der.TagContext(4), krbmsg.EncodeName(1, []string{"alice"})),
		der.Element(der.TagContext(5), ticket),
		der.Element(der.TagContext(6), krbmsg.EncodeEncryptedData(18, []byte("cipher")))))
}

func TestParseKDCReplyReadsCleartextOfTheTicket(t *testing.T) {
	t.Parallel()
	ticket := ticketOf(t, krbtest.TicketOptions{}).Ticket
	b := asRep(ticket)
	r, err := krbmsg.ParseKDCReply(b, 11)
	if err != nil || string(r.Realm) != "EXAMPLE.COM" || string(r.SName.AppendText(nil)) != service ||
		string(r.CName.AppendText(nil)) != "alice" || !bytes.Equal(r.Ticket, ticket) || r.EncPart.Etype != 18 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := krbmsg.ParseKDCReply(b, 13); err == nil {
		t.Error("an AS-REP is read as TGS-REP")
	}
	for n := range b {
		if _, err := krbmsg.ParseKDCReply(b[:n], 11); err == nil {
			t.Errorf("%d of %d octets are read", n, len(b))
		}
	}
}

// Some KDCs put the tag of EncTGSRepPart into an AS-REP (RFC 4120 5.4.2).
func TestParseEncKDCRepPartAcceptsEitherTag(t *testing.T) {
	t.Parallel()
	part := func(tag byte) []byte {
		return der.Element(der.TagApplication(tag), der.Element(der.TagSequence,
			der.Field(0, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(18)),
				der.Field(1, der.TagOctetString, make([]byte, 32))),
			der.Field(1, der.TagSequence),
			der.Field(2, der.TagInteger, der.Integer(-1)),
			der.Field(4, der.TagBitString, der.Flags(kerberos.FlagInitial)),
			der.Field(5, der.TagGeneralizedTime, der.Time(now)),
			der.Field(7, der.TagGeneralizedTime, der.Time(now)),
			der.Field(9, der.TagGeneralString, []byte("R")),
			der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"krbtgt", "R"}))))
	}
	for tag, ok := range map[byte]bool{25: true, 26: true, 27: false} {
		e, err := krbmsg.ParseEncKDCRepPart(part(tag))
		if (err == nil) != ok || ok && (e.Nonce != 1<<32-1 || e.Flags != kerberos.FlagInitial || !e.StartTime.IsZero()) {
			t.Errorf("tag %d: %+v, %v", tag, e, err)
		}
	}
}
