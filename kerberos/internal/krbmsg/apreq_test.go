package krbmsg_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const service = "soap/gw.example.com"

var now = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

// newKDC returns a KDC with one service and a fixed clock.
func newKDC() *krbtest.KDC {
	k := krbtest.New(krbtest.Config{Time: func() time.Time { return now }})
	k.AddService(service)
	return k
}

// ticketOf returns a ticket of alice for the service.
func ticketOf(t testing.TB, o krbtest.TicketOptions) kerberos.Credential {
	t.Helper()
	c, err := newKDC().Ticket("alice", service, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseAPReqReadsCleartext(t *testing.T) {
	t.Parallel()
	token, _, err := newKDC().Token("alice", service, krbtest.TokenOptions{Bare: true, APOptions: krbmsg.APMutualRequired,
		Ticket: krbtest.TicketOptions{Etype: etype.AES128SHA2, WrittenKvno: 1<<32 - 1, SessionEtype: etype.AES256SHA1}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := krbmsg.ParseAPReq(token)
	if err != nil {
		t.Fatal(err)
	}
	if r.Options != krbmsg.APMutualRequired || string(r.Realm) != "EXAMPLE.COM" ||
		string(r.SName.AppendText(nil)) != service || r.Ticket.Etype != etype.AES128SHA2 ||
		r.Ticket.Kvno != 1<<32-1 || r.Authenticator.Etype != etype.AES256SHA1 || r.Authenticator.Kvno != 0 {
		t.Errorf("%+v", r)
	}
}

func TestParseAPReqRejectsBadFields(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]krbtest.TokenOptions{
		"AP-REQ: pvno":     {PVNO: 4},
		"AP-REQ: msg-type": {MsgType: 15},
		"Ticket: tkt-vno":  {Ticket: krbtest.TicketOptions{TktVno: 4}},
		"Ticket: sname":    {Ticket: krbtest.TicketOptions{Name: []string{"a\nb"}}},
		"Ticket: realm":    {Ticket: krbtest.TicketOptions{Realm: "A\x7f"}},
	} {
		o.Bare = true
		token, _, err := newKDC().Token("alice", service, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := krbmsg.ParseAPReq(token); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestParseAPReqRejectsEveryTruncation(t *testing.T) {
	t.Parallel()
	token, _, err := newKDC().Token("alice", service, krbtest.TokenOptions{Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	for n := range token {
		if _, err := krbmsg.ParseAPReq(token[:n]); err == nil {
			t.Errorf("%d of %d octets are read", n, len(token))
		}
	}
	if _, err := krbmsg.ParseAPReq(append(token, 0)); err == nil {
		t.Error("an octet more is read")
	}
}

func TestParseEncTicketPartUsesAuthTimeWithoutStartTime(t *testing.T) {
	t.Parallel()
	authTime := now.Truncate(time.Second)
	part := func(start []byte) []byte {
		return der.Element(der.TagApplication(3), der.Element(der.TagSequence,
			der.Field(0, der.TagBitString, der.Flags(kerberos.FlagInitial)),
			der.Field(1, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(18)),
				der.Field(1, der.TagOctetString, make([]byte, 32))),
			der.Field(2, der.TagGeneralString, []byte("R")),
			der.Element(der.TagContext(3), krbmsg.EncodeName(1, []string{"alice"})),
			der.Field(4, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(1)),
				der.Field(1, der.TagOctetString, nil)),
			der.Field(5, der.TagGeneralizedTime, der.Time(authTime)),
			start,
			der.Field(7, der.TagGeneralizedTime, der.Time(authTime.Add(time.Hour)))))
	}
	start := authTime.Add(time.Minute)
	for _, test := range []struct {
		field []byte
		want  time.Time
	}{{nil, authTime}, {der.OptionalTime(6, start), start}} {
		p, err := krbmsg.ParseEncTicketPart(part(test.field))
		if err != nil || !p.StartTime.Equal(test.want) || p.HasAddrList || p.Flags != kerberos.FlagInitial {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestTicketInClearReadsNameAndKey(t *testing.T) {
	t.Parallel()
	r, err := krbmsg.TicketInClear(ticketOf(t, krbtest.TicketOptions{Etype: etype.RC4, WrittenKvno: 7}).Ticket)
	if err != nil || string(r.SName.AppendText(nil)) != service || r.Ticket.Etype != etype.RC4 || r.Ticket.Kvno != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := krbmsg.TicketInClear([]byte{0x61, 0}); err == nil {
		t.Error("an empty ticket is read")
	}
}
