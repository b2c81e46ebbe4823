package kerberos

import (
	"context"
	"testing"
	"time"
	"unicode/utf8"
)

// answering is a KDC with one answer.
type answering []byte

func (a answering) Exchange(context.Context, string, []byte) ([]byte, error) { return a, nil }

// FuzzProbeReply: whatever a KDC answers, the facts are bounded and can be printed.
func FuzzProbeReply(f *testing.F) {
	info := derElement(tagSequence, derElement(tagSequence, derField(0, tagInteger, derInteger(18)), derField(1, tagGeneralString, []byte("EXAMPLE.COMalice"))))
	method := derElement(tagSequence, derElement(tagSequence, derField(1, tagInteger, derInteger(paETypeInfo2)), derField(2, tagOctetString, info)))
	f.Add(derElement(tagApplication(30), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)), derField(1, tagInteger, derInteger(30)),
		derField(4, tagGeneralizedTime, derTime(time.Unix(1, 0))), derField(5, tagInteger, derInteger(7)), derField(6, tagInteger, derInteger(25)),
		derField(9, tagGeneralString, []byte("EXAMPLE.COM")), derElement(tagContext(10), derName(2, []string{"krbtgt", "EXAMPLE.COM"})),
		derField(12, tagOctetString, method))))
	enc := derElement(tagSequence, derField(0, tagInteger, derInteger(18)), derField(1, tagInteger, derInteger(3)), derField(2, tagOctetString, make([]byte, 64)))
	ticket := derElement(tagApplication(1), derElement(tagSequence, derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagGeneralString, []byte("EXAMPLE.COM")), derElement(tagContext(2), derName(1, []string{"soap", "gw"})), derElement(tagContext(3), enc)))
	f.Add(derElement(tagApplication(11), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)), derField(1, tagInteger, derInteger(11)),
		derField(3, tagGeneralString, []byte("EXAMPLE.COM")), derElement(tagContext(4), derName(1, []string{"soap", "gw"})),
		derElement(tagContext(5), ticket), derElement(tagContext(6), enc))))
	for _, seed := range [][]byte{{}, {0x7e}, {0x6b, 0x80}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := ProbeKDC(context.Background(), answering(b),
			Principal{Components: []string{"a"}, Realm: "R"}, Principal{Components: []string{"b"}})
		if err != nil {
			return
		}
		if len(facts.Keys) > maxPAData {
			t.Errorf("%d keys", len(facts.Keys))
		}
		for _, k := range facts.Keys {
			if len(k.Salt) > 4*maxNameBytes || !utf8.ValidString(k.Salt) {
				t.Errorf("salt %q", k.Salt)
			}
		}
		if facts.Error != nil && (facts.ServiceKvno != 0 || !utf8.ValidString(facts.Error.Error())) {
			t.Errorf("%+v", facts)
		}
	})
}
