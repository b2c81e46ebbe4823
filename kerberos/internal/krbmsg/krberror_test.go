package krbmsg_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// A refusal that depends on a key must not differ by the keys that there are
// (RFC 4120 3.2.3 has KRB_AP_ERR_BADKEYVER for one of them).
func TestKRBErrorOfHidesKeysFromPeers(t *testing.T) {
	t.Parallel()
	for _, c := range []kerberos.Code{kerberos.CodeNoKvno, kerberos.CodeTicketIntegrity, kerberos.CodeTicketMalformed,
		kerberos.CodeAuthIntegrity, kerberos.CodeAuthMalformed} {
		if got := krbmsg.KRBErrorOf(c); got != kerberos.KRBErrModified {
			t.Errorf("%s is answered with %d", c, got)
		}
	}
	for c, want := range map[kerberos.Code]int32{
		kerberos.CodeService:        kerberos.KRBErrNotUs,
		kerberos.CodeNoPrincipal:    kerberos.KRBErrNotUs,
		kerberos.CodeEtype:          kerberos.KRBErrEtype,
		kerberos.CodeNoEtype:        kerberos.KRBErrEtype,
		kerberos.CodeTicketExpired:  kerberos.KRBErrTicketExpired,
		kerberos.CodeTicketNotYet:   kerberos.KRBErrTicketNotYet,
		kerberos.CodeTicketInvalid:  kerberos.KRBErrTicketNotYet,
		kerberos.CodeClientMismatch: kerberos.KRBErrBadMatch,
		kerberos.CodeSkew:           kerberos.KRBErrSkew,
		kerberos.CodeClientRealm:    kerberos.KRBErrPolicy,
		kerberos.CodeAddress:        kerberos.KRBErrBadAddress,
		kerberos.CodeReplay:         kerberos.KRBErrRepeat,
		kerberos.CodeBindings:       kerberos.KRBErrGeneric,
	} {
		if got := krbmsg.KRBErrorOf(c); got != want {
			t.Errorf("%s is answered with %d, want %d", c, got, want)
		}
	}
}

func TestParseKRBErrorReadsWhatWasAppended(t *testing.T) {
	t.Parallel()
	p := der.Parser{}
	b := der.Element(der.TagContext(0), krbmsg.EncodeName(2, []string{"soap", "gw.example.com"}))
	name := krbmsg.ReadName(&p, &b, 0, "")
	e, err := krbmsg.ParseKRBError(krbmsg.AppendKRBError(nil, kerberos.KRBErrSkew, now, []byte("EXAMPLE.COM"), name))
	if err != nil || e.Code != kerberos.KRBErrSkew || !e.Time.Equal(now) || e.Realm != "EXAMPLE.COM" ||
		e.Service != service || e.Text != "" || e.Data != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

// Senders leave the service empty, and their texts are for people.
func TestParseKRBErrorIsLenientWithNamesAndTexts(t *testing.T) {
	t.Parallel()
	fields := func(pvno int64, sname []byte, text string) []byte {
		return der.Element(der.TagApplication(30), der.Element(der.TagSequence,
			der.Field(0, der.TagInteger, der.Integer(pvno)),
			der.Field(1, der.TagInteger, der.Integer(30)),
			der.Field(4, der.TagGeneralizedTime, der.Time(now)),
			der.Field(5, der.TagInteger, der.Integer(0)),
			der.Field(6, der.TagInteger, der.Integer(60)),
			der.Field(9, der.TagGeneralString, []byte("R\xff")),
			der.Element(der.TagContext(10), sname),
			der.Field(11, der.TagGeneralString, []byte(text))))
	}
	e, err := krbmsg.ParseKRBError(fields(5, krbmsg.EncodeName(0, nil), strings.Repeat("x\xff", 9999)+"\x00"))
	if err != nil || e.Service != "" || !utf8.ValidString(e.Realm+e.Text) || len(e.Text) > 4*kerberos.MaxNameBytes {
		t.Errorf("%v", err)
	}
	if _, err := krbmsg.ParseKRBError(fields(4, krbmsg.EncodeName(0, nil), "")); err == nil {
		t.Error("protocol version 4 is read")
	}
}
