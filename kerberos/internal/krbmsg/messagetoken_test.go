package krbmsg_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

func TestReadMessageHeaderReadsWrapAndMIC(t *testing.T) {
	t.Parallel()
	wrap := []byte("\x05\x04\x07\xff\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x09")
	h, ok := krbmsg.ReadMessageHeader(append(bytes.Clone(wrap), "body"...))
	if want := (krbmsg.MessageHeader{Wrap: true, Flags: 7, EC: 0x102, RRC: 0x304, Seq: 9}); !ok || h != want {
		t.Errorf("%+v, %t, want %+v", h, ok, want)
	}
	mic := []byte("\x04\x04\x01\xff\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\x00\x01")
	h, ok = krbmsg.ReadMessageHeader(mic)
	if want := (krbmsg.MessageHeader{Flags: 1, Seq: 1<<63 + 1}); !ok || h != want {
		t.Errorf("%+v, %t, want %+v", h, ok, want)
	}
	for what, token := range map[string][]byte{
		"nothing": nil, "cut off": wrap[:15], "another token id": append([]byte{6}, wrap[1:]...),
		"Wrap without its filler": bytes.Replace(wrap, []byte{0xff}, []byte{0}, 1),
		"MIC without its filler":  bytes.Replace(mic, []byte{0xff, 0x80}, []byte{0, 0x80}, 1),
	} {
		if h, ok := krbmsg.ReadMessageHeader(token); ok {
			t.Errorf("%s: %+v", what, h)
		}
	}
}

func TestReadRC4TokenTakesATokenApart(t *testing.T) {
	t.Parallel()
	body := []byte("12345678sequencechecksumpayload")
	token := der.Element(der.TagApplication(0), der.Element(der.TagOID, []byte(krbmsg.OIDKRB5)), body)
	got, err := krbmsg.ReadRC4Token(token)
	if err != nil || string(got.Header) != "12345678" || string(got.SndSeq) != "sequence" ||
		string(got.Sum) != "checksum" || string(got.Payload) != "payload" {
		t.Errorf("%q, %v", got, err)
	}
	const none = "GSS-API token: a frame that holds no per-message token of RFC 4757"
	for what, token := range map[string][]byte{
		"another mechanism": der.Element(der.TagApplication(0), der.Element(der.TagOID, []byte(krbmsg.OIDNTLM)), body),
		"cut off":           der.Element(der.TagApplication(0), der.Element(der.TagOID, []byte(krbmsg.OIDKRB5)), body[:23]),
	} {
		if _, err := krbmsg.ReadRC4Token(token); err == nil || err.Error() != none {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := krbmsg.ReadRC4Token(body); err == nil {
		t.Error("octets without a frame are read")
	}
}

func TestNamesOfMechanismsAndStates(t *testing.T) {
	t.Parallel()
	for oid, want := range map[string]string{
		krbmsg.OIDKRB5: "krb5", krbmsg.OIDMSKRB5: "MS-krb5", krbmsg.OIDOldKRB5: "krb5-old", krbmsg.OIDSPNEGO: "SPNEGO",
		krbmsg.OIDNTLM: "NTLM", krbmsg.OIDNegoEx: "NEGOEX", krbmsg.OIDIAKERB: "IAKERB", krbmsg.OIDU2U: "krb5-user-to-user",
		"\x2a\x03\x84\x05": "1.2.3.517", "\x78": "2.40", "": "", "\x80\x01": "OID content 8001",
		strings.Repeat("\x2a", 33): "OID of 33 octets, content " + strings.Repeat("2a", 32) + "...",
	} {
		if got := krbmsg.MechName(oid); got != want {
			t.Errorf("%x is %q, want %q", oid, got, want)
		}
		kerberos := oid == krbmsg.OIDKRB5 || oid == krbmsg.OIDMSKRB5 || oid == krbmsg.OIDOldKRB5
		if krbmsg.IsKerberos(oid) != kerberos {
			t.Errorf("%x: Kerberos is %t", oid, !kerberos)
		}
	}
	for state, want := range map[krbmsg.NegState]string{krbmsg.NegAbsent: "absent",
		krbmsg.NegAcceptCompleted: "accept-completed", krbmsg.NegAcceptIncomplete: "accept-incomplete",
		krbmsg.NegReject: "reject", krbmsg.NegRequestMIC: "request-mic"} {
		if got := state.String(); got != want {
			t.Errorf("%d is %q, want %q", state, got, want)
		}
	}
}

func TestNegTokenInitIsReadAsWritten(t *testing.T) {
	t.Parallel()
	first := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDNegoEx, krbmsg.OIDKRB5), MechToken: []byte("ap")}
	for _, t1 := range []krbmsg.NegTokenInit{first, {MechTypes: first.MechTypes, Hints: true}} {
		got, resp, err := krbmsg.ParseNegotiationToken(t1.Token())
		if err != nil || resp != nil || !bytes.Equal(got.MechTypes, t1.MechTypes) || len(got.Mechs) != 2 ||
			got.Mechs[0] != krbmsg.OIDNegoEx || got.Mechs[1] != krbmsg.OIDKRB5 ||
			!bytes.Equal(got.MechToken, t1.MechToken) || got.Hints != t1.Hints {
			t.Errorf("%+v becomes %+v, %v", t1, got, err)
		}
	}
}

func TestReadAddressTakesOneAddress(t *testing.T) {
	t.Parallel()
	list := append(der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(krbmsg.AddressIPv4)),
		der.Field(1, der.TagOctetString, []byte{192, 0, 2, 1})), 0x30, 0)
	p := der.Parser{In: "caddr"}
	if kind, octets := krbmsg.ReadAddress(&p, &list); p.Err != nil || kind != krbmsg.AddressIPv4 ||
		string(octets) != "\xc0\x00\x02\x01" {
		t.Errorf("%d, %x, %v", kind, octets, p.Err)
	}
	const want = "caddr: addr-type: missing or cut off"
	if krbmsg.ReadAddress(&p, &list); p.Err == nil || p.Err.Error() != want {
		t.Errorf("%v, want %s", p.Err, want)
	}
}
