package kdc

import (
	"context"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// answering is a KDC with one answer.
type answering []byte

func (a answering) Exchange(context.Context, string, []byte) ([]byte, error) { return a, nil }

// FuzzProbeReply: whatever a KDC answers, the facts are bounded and can be
// printed.
func FuzzProbeReply(f *testing.F) {
	info := der.Element(der.TagSequence, der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(18)),
		der.Field(1, der.TagGeneralString, []byte("EXAMPLE.COMalice"))))
	method := der.Element(der.TagSequence,
		der.Element(der.TagSequence, der.Field(1, der.TagInteger, der.Integer(krbmsg.PAETypeInfo2)),
			der.Field(2, der.TagOctetString, info)))
	f.Add(der.Element(der.TagApplication(30), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagInteger, der.Integer(30)),
		der.Field(4, der.TagGeneralizedTime, der.Time(time.Unix(1, 0))), der.Field(5, der.TagInteger, der.Integer(7)),
		der.Field(6, der.TagInteger, der.Integer(25)),
		der.Field(9, der.TagGeneralString, []byte("EXAMPLE.COM")),
		der.Element(der.TagContext(10), krbmsg.EncodeName(2, []string{"krbtgt", "EXAMPLE.COM"})),
		der.Field(12, der.TagOctetString, method))))
	enc := der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(18)),
		der.Field(1, der.TagInteger, der.Integer(3)), der.Field(2, der.TagOctetString, make([]byte, 64)))
	ticket := der.Element(der.TagApplication(1),
		der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)),
			der.Field(1, der.TagGeneralString, []byte("EXAMPLE.COM")),
			der.Element(der.TagContext(2), krbmsg.EncodeName(1, []string{"soap", "gw"})), der.Element(der.TagContext(3), enc)))
	f.Add(der.Element(der.TagApplication(11), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagInteger, der.Integer(11)),
		der.Field(3, der.TagGeneralString, []byte("EXAMPLE.COM")),
		der.Element(der.TagContext(4), krbmsg.EncodeName(1, []string{"soap", "gw"})),
		der.Element(der.TagContext(5), ticket), der.Element(der.TagContext(6), enc))))
	for _, seed := range [][]byte{{}, {0x7e}, {0x6b, 0x80}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := Probe(context.Background(), answering(b),
			kerberos.Principal{Components: []string{"a"}, Realm: "R"}, kerberos.Principal{Components: []string{"b"}})
		if err != nil {
			return
		}
		if len(facts.Keys) > krbmsg.MaxPAData {
			t.Errorf("%d keys", len(facts.Keys))
		}
		for _, k := range facts.Keys {
			if len(k.Salt) > 4*kerberos.MaxNameBytes || !utf8.ValidString(k.Salt) {
				t.Errorf("salt %q", k.Salt)
			}
		}
		if facts.Error != nil && (facts.ServiceKvno != 0 || !utf8.ValidString(facts.Error.Error())) {
			t.Errorf("%+v", facts)
		}
	})
}
