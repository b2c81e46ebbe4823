package krbmsg_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestParseNegotiationTokenReadsInits(t *testing.T) {
	t.Parallel()
	types := krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5, krbtest.OIDNTLM)
	for name, token := range map[string]krbtest.NegTokenInit{
		"NegTokenInit":    {MechTypes: types, MechToken: []byte("token"), MIC: []byte("mic")},
		"NegTokenInit2":   {MechTypes: types, MechToken: []byte("token"), MIC: []byte("mic"), Hints: true},
		"without a frame": {MechTypes: types, MechToken: []byte("token"), MIC: []byte("mic"), NoFrame: true},
	} {
		init, resp, err := krbmsg.ParseNegotiationToken(token.Token())
		if err != nil || resp != nil {
			t.Fatalf("%s: %v, %v", name, resp, err)
		}
		if !bytes.Equal(init.MechTypes, types) || string(init.MechToken) != "token" ||
			string(init.MechListMIC) != "mic" || init.Hints != token.Hints ||
			!slices.Equal(init.Mechs, []string{krbmsg.OIDMSKRB5, krbmsg.OIDKRB5, krbmsg.OIDNTLM}) {
			t.Errorf("%s: %+v", name, init)
		}
	}
}

func TestParseNegotiationTokenReadsResps(t *testing.T) {
	t.Parallel()
	for _, want := range []krbmsg.NegTokenResp{
		{State: krbmsg.NegAbsent},
		{State: krbmsg.NegReject},
		{State: krbmsg.NegRequestMIC, SupportedMech: krbmsg.OIDKRB5, ResponseToken: []byte("t"), MechListMIC: []byte("m")},
	} {
		_, got, err := krbmsg.ParseNegotiationToken(want.Token())
		if err != nil || got.State != want.State || got.SupportedMech != want.SupportedMech ||
			!bytes.Equal(got.ResponseToken, want.ResponseToken) || !bytes.Equal(got.MechListMIC, want.MechListMIC) {
			t.Errorf("%+v: %+v, %v", want, got, err)
		}
	}
	// Windows 2000 repeats the token in the place of the MIC.
	twice := krbmsg.NegTokenResp{ResponseToken: []byte("token"), MechListMIC: []byte("token")}
	if _, got, err := krbmsg.ParseNegotiationToken(twice.Token()); err != nil || got.MechListMIC != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseNegotiationTokenRejectsBadTokens(t *testing.T) {
	t.Parallel()
	whole := krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: []byte("token")}.Token()
	many := krbtest.MechTypes(slices.Repeat([][]byte{krbtest.OIDKRB5}, krbmsg.MaxMechTypes+1)...)
	for name, token := range map[string][]byte{
		"empty":             {},
		"an AP-REQ":         {0x6e, 0},
		"another mechanism": krbtest.Frame(nil, []byte{}, []byte{0xa0, 0}),
		"no mechanism":      krbtest.NegTokenInit{MechTypes: krbtest.MechTypes()}.Token(),
		"33 mechanisms":     krbtest.NegTokenInit{MechTypes: many}.Token(),
		"unknown state":     krbtest.NegTokenResp{State: 4}.Token(),
		"octets behind":     append(slices.Clone(whole), 0),
	} {
		if init, resp, err := krbmsg.ParseNegotiationToken(token); err == nil {
			t.Errorf("%s: %v, %v", name, init, resp)
		}
	}
	for n := range whole {
		if _, _, err := krbmsg.ParseNegotiationToken(whole[:n]); err == nil {
			t.Errorf("%d of %d octets are read", n, len(whole))
		}
	}
}

func TestOIDTextIsBounded(t *testing.T) {
	t.Parallel()
	for oid, want := range map[string]string{
		"":                         "",
		krbmsg.OIDKRB5:             "1.2.840.113554.1.2.2",
		"\x2b\x06":                 "1.3.6",
		"\x88\x37":                 "2.999",
		"\x2b\x80\x01":             "OID content 2b8001", // not minimal
		"\x2b\x86":                 "OID content 2b86",   // cut off
		strings.Repeat("\x01", 33): "OID of 33 octets, content " + strings.Repeat("01", 32) + "...",
	} {
		if got := krbmsg.OIDText(oid); got != want {
			t.Errorf("%x: %q, want %q", oid, got, want)
		}
	}
}

func TestNoKerberosNamesTheOffer(t *testing.T) {
	t.Parallel()
	e := krbmsg.NoKerberos(&krbmsg.NegTokenInit{Mechs: []string{krbmsg.OIDNegoEx, krbmsg.OIDNTLM}})
	if e.Code != kerberos.CodeNTLM || !strings.Contains(e.Detail, "NEGOEX, NTLM") {
		t.Error(e)
	}
	e = krbmsg.NoKerberos(&krbmsg.NegTokenInit{Mechs: []string{"\x2a\x03"}})
	if e.Code != kerberos.CodeNegotiation || !strings.Contains(e.Detail, "1.2.3") {
		t.Error(e)
	}
}
