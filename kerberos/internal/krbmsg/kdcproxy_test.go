package krbmsg

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// Written by hand: "abc" for the domain A, and its parts.
const proxyMessage = "3010" + "a009" + "0407" + "00000003" + "616263" + "a103" + "1b01" + "41"

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKDCProxyMessageHasTheFormOfTheSpecification(t *testing.T) {
	t.Parallel()
	m, err := ParseKDCProxyMessage(unhex(t, proxyMessage))
	if err != nil || string(m.Message) != "abc" || m.TargetDomain != "A" || m.Hint != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if got := hex.EncodeToString(m.Encode()); got != proxyMessage {
		t.Errorf("%s, want %s", got, proxyMessage)
	}
	m, err = ParseKDCProxyMessage(unhex(t, "300b"+"a009"+"0407"+"00000003"+"616263"))
	if err != nil || m.TargetDomain != "" {
		t.Errorf("without a domain: %+v, %v", m, err)
	}
	const apples = "300d" + "a006" + "0404" + "6a023000" + "a103" + "1b01" + "41"
	m, err = ParseKDCProxyMessage(unhex(t, apples))
	if err != nil || hex.EncodeToString(m.Message) != "6a023000" || !m.Unframed || m.TargetDomain != "A" {
		t.Errorf("without the message's length: %+v, %v", m, err)
	}
	if got := hex.EncodeToString(m.Encode()); got != apples {
		t.Errorf("%s, want %s", got, apples)
	}
	m, err = ParseKDCProxyMessage(KDCProxyMessage{Message: []byte("x"), TargetDomain: "A.B", Hint: 1 << 30}.Encode())
	if err != nil || m.Hint != 1<<30 || m.TargetDomain != "A.B" {
		t.Errorf("with a hint: %+v, %v", m, err)
	}
}

func TestParseKDCProxyMessageRefusesWhatIsNotOne(t *testing.T) {
	t.Parallel()
	long := KDCProxyMessage{Message: []byte("x"), TargetDomain: strings.Repeat("A", kerberos.MaxNameBytes+1)}
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"another tag":              unhex(t, "31"+proxyMessage[2:]),
		"cut off":                  unhex(t, proxyMessage[:len(proxyMessage)-2]),
		"octets behind":            unhex(t, proxyMessage+"00"),
		"indefinite length":        unhex(t, "3080"+proxyMessage[4:]+"0000"),
		"no message":               unhex(t, "3005"+"a103"+"1b01"+"41"),
		"no length":                unhex(t, "3006"+"a004"+"0402"+"6162"),
		"length too large":         unhex(t, strings.Replace(proxyMessage, "00000003", "00000004", 1)),
		"length too small":         unhex(t, strings.Replace(proxyMessage, "00000003", "00000002", 1)),
		"no length, cut off":       unhex(t, "3005"+"a003"+"0401"+"6a"),
		"no length, octets behind": unhex(t, "3007"+"a005"+"0403"+"6a0000"),
		"length of 2^31":           unhex(t, strings.Replace(proxyMessage, "00000003", "80000003", 1)),
		"UTF8String":               unhex(t, strings.Replace(proxyMessage, "1b01", "0c01", 1)),
		"control character":        unhex(t, proxyMessage[:len(proxyMessage)-2]+"00"),
		"domain before":            unhex(t, "3010"+"a103"+"1b01"+"41"+"a009"+"0407"+"00000003"+"616263"),
		"field of no number":       unhex(t, "3010"+"a009"+"0407"+"00000003"+"616263"+"a303"+"1b01"+"41"),
		"long domain":              long.Encode(),
	} {
		if m, err := ParseKDCProxyMessage(b); err == nil || m.Message != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// FuzzKDCProxyMessage: what is read is written so that it is read the same, in
// hardly more octets than it came in, and the message is a part of the input.
func FuzzKDCProxyMessage(f *testing.F) {
	f.Add(unhex(f, proxyMessage))
	f.Add(KDCProxyMessage{Message: []byte("\x6a\x02\x30\x00"), TargetDomain: "A", Unframed: true}.Encode())
	f.Add(KDCProxyMessage{Message: make([]byte, 300), TargetDomain: "EXAMPLE.COM", Hint: 7}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseKDCProxyMessage(b)
		if err != nil {
			return
		}
		again := m.Encode()
		got, err := ParseKDCProxyMessage(again)
		if err != nil || !bytes.Equal(got.Message, m.Message) || got.TargetDomain != m.TargetDomain || got.Hint != m.Hint ||
			got.Unframed != m.Unframed {
			t.Errorf("%+v was written as %x, which is %+v, %v", m, again, got, err)
		}
		if len(again) > len(b)+8 || !bytes.Contains(b, m.Message) || !kerberos.LegalName(m.TargetDomain) {
			t.Errorf("%x was read as %+v", b, m)
		}
	})
}

// passwordRequest returns a request of the password protocol.
func passwordRequest(version uint16, apReq, priv []byte) []byte {
	n := 6 + len(apReq) + len(priv)
	b := []byte{byte(n >> 8), byte(n), byte(version >> 8), byte(version), byte(len(apReq) >> 8), byte(len(apReq))}
	return append(append(b, apReq...), priv...)
}

func clearAPReq(realm string, service ...string) []byte {
	return der.Element(der.TagApplication(14), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagInteger, der.Integer(14)),
		der.Field(2, der.TagBitString, der.Flags(0)),
		der.Element(der.TagContext(3), der.Element(der.TagApplication(1), der.Element(der.TagSequence,
			der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagGeneralString, []byte(realm)),
			der.Element(der.TagContext(2), EncodeName(2, service)),
			der.Element(der.TagContext(3), EncodeEncryptedData(18, []byte("ticket")))))),
		der.Element(der.TagContext(4), EncodeEncryptedData(18, []byte("authenticator")))))
}

func TestParsePasswordRequest(t *testing.T) {
	t.Parallel()
	apReq, priv := clearAPReq("A", "kadmin", "changepw"), der.Element(der.TagApplication(21), []byte("x"))
	good := passwordRequest(1, apReq, priv)
	for name, b := range map[string][]byte{"change": good, "set": passwordRequest(0xff80, apReq, priv)} {
		r, err := ParsePasswordRequest(b)
		if err != nil || string(r.Realm) != "A" || string(r.SName.AppendText(nil)) != "kadmin/changepw" {
			t.Errorf("%s: %s, %v", name, r.Realm, err)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"header alone":    passwordRequest(1, nil, nil),
		"cut off":         good[:len(good)-1],
		"octets behind":   append(bytes.Clone(good), 0),
		"version":         passwordRequest(2, apReq, priv),
		"no KRB-PRIV":     passwordRequest(1, apReq, nil),
		"two KRB-PRIV":    passwordRequest(1, apReq, append(bytes.Clone(priv), priv...)),
		"AP-REQ too long": append(append(bytes.Clone(good[:4]), 0xff, 0xff), good[6:]...),
		"another message": passwordRequest(1, der.Element(der.TagApplication(10)), priv),
	} {
		if _, err := ParsePasswordRequest(b); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzPasswordRequest: a request that is read has a ticket of a legal realm and
// service, and says its own length.
func FuzzPasswordRequest(f *testing.F) {
	f.Add(passwordRequest(1, clearAPReq("A", "kadmin", "changepw"), der.Element(der.TagApplication(21), []byte("x"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParsePasswordRequest(b)
		if err != nil {
			return
		}
		if len(b) < 6 || int(b[0])<<8|int(b[1]) != len(b) || !kerberos.LegalName(string(r.Realm)) ||
			len(r.SName.Components()) == 0 {
			t.Errorf("%x was read as %+v", b, r)
		}
	})
}
