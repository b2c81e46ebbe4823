package krbmsg_test

import (
	"encoding/hex"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

func TestGSSChecksumReadsAndRejectsForms(t *testing.T) {
	t.Parallel()
	const bound = "10000000" + "000102030405060708090a0b0c0d0e0f"
	for name, test := range map[string]struct {
		kind  int32
		sum   string
		ok    bool
		flags uint32
		cred  string
	}{
		"flags":                  {0x8003, bound + "3e000000", true, 0x3e, ""},
		"extensions are ignored": {0x8003, bound + "3e000000" + "00000000ff", true, 0x3e, ""},
		"credential":             {0x8003, bound + "01000000" + "01000200" + "abcd", true, 1, "abcd"},
		"extension behind it":    {0x8003, bound + "01000000" + "01000200" + "abcdef", true, 1, "abcd"},
		"another type":           {16, bound, true, 0, ""},
		"empty":                  {0x8003, "", false, 0, ""},
		"cut off":                {0x8003, bound + "3e0000", false, 0, ""},
		"bindings of 15 octets":  {0x8003, "0f000000" + bound[8:] + "3e000000", false, 0, ""},
		"delegation without one": {0x8003, bound + "01000000", false, 0, ""},
		"option is not 1":        {0x8003, bound + "01000000" + "02000200" + "abcd", false, 0, ""},
		"credential is cut off":  {0x8003, bound + "01000000" + "01000300" + "abcd", false, 0, ""},
	} {
		sum, err := hex.DecodeString(test.sum)
		if err != nil {
			t.Fatal(err)
		}
		c, err := (&krbmsg.Authenticator{CksumType: test.kind, Cksum: sum}).GSSChecksum()
		if (err == nil) != test.ok || c.Flags != test.flags && test.ok || hex.EncodeToString(c.KRBCred) != test.cred {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// The hash of RFC 4121 4.1.1.2 over the structure of RFC 2744 3.11,
// little-endian.
func TestBindingsHashCoversTypeAndData(t *testing.T) {
	t.Parallel()
	hashes := map[[16]byte]bool{}
	for _, data := range []string{"", "tls-server-end-point:a", "tls-server-end-point:b"} {
		for _, address := range []uint32{krbmsg.AddressUnspecified, krbmsg.AddressNull} {
			hashes[krbmsg.BindingsHash([]byte(data), address)] = true
		}
	}
	if len(hashes) != 6 {
		t.Errorf("%d different hashes of 6 bindings", len(hashes))
	}
	// MD5 of 20 zero octets, what all libraries have for empty bindings.
	empty := krbmsg.BindingsHash(nil, krbmsg.AddressUnspecified)
	if got := hex.EncodeToString(empty[:]); got != "441018525208457705bf09a8ee3c1093" {
		t.Error(got)
	}
}

func TestKnowsBindingsLooksIntoIfRelevant(t *testing.T) {
	t.Parallel()
	element := func(kind int64, data []byte) []byte {
		return der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(kind)),
			der.Field(1, der.TagOctetString, data))
	}
	list := func(elements ...[]byte) []byte { return der.Element(der.TagSequence, elements...) }
	cbt := element(krbmsg.ADAPOptions, []byte{0, 0x40, 0, 0})
	for name, test := range map[string]struct {
		data      []byte
		want, bad bool
	}{
		"none":                {nil, false, false},
		"in AD-IF-RELEVANT":   {element(krbmsg.ADIfRelevant, list(cbt)), true, false},
		"behind another":      {element(krbmsg.ADIfRelevant, list(element(99, nil), cbt)), true, false},
		"outside":             {cbt, false, false},
		"another option":      {element(krbmsg.ADIfRelevant, list(element(143, []byte{0, 0x80, 0, 0}))), false, false},
		"of a wrong length":   {element(krbmsg.ADIfRelevant, list(element(143, []byte{0, 0x40}))), false, false},
		"AD-IF-RELEVANT: bad": {element(krbmsg.ADIfRelevant, []byte{1}), false, true},
	} {
		got, err := (&krbmsg.Authenticator{AuthzData: test.data}).KnowsBindings()
		if got != test.want || (err != nil) != test.bad {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if krbmsg.KnownFlags&kerberos.GSSDeleg != 0 {
		t.Error("KnownFlags has GSSDeleg, which follows from a credential")
	}
}
