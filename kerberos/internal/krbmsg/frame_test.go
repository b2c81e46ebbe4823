package krbmsg_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// frame returns a GSS-API initial token with a mechanism and a body.
func frame(oid, body string) []byte {
	return der.Element(der.TagApplication(0), der.Element(der.TagOID, []byte(oid)), []byte(body))
}

func TestUnframeReturnsTheAPReq(t *testing.T) {
	t.Parallel()
	apReq := der.Element(der.TagApplication(14), []byte("content"))
	for name, token := range map[string][]byte{
		"bare":             apReq,
		"krb5":             krbmsg.AppendFrame(nil, krbmsg.TokAPREQ, apReq),
		"Microsoft's krb5": frame(krbmsg.OIDMSKRB5, krbmsg.TokAPREQ+string(apReq)),
		"old krb5":         frame(krbmsg.OIDOldKRB5, krbmsg.TokAPREQ+string(apReq)),
	} {
		if got, err := krbmsg.Unframe(token); err != nil || !bytes.Equal(got, apReq) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func TestUnframeNamesWhatItRejects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token string
		want  kerberos.Code
	}{
		"empty":                {"", kerberos.CodeTokenMalformed},
		"text":                 {"Negotiate", kerberos.CodeTokenMalformed},
		"too large":            {strings.Repeat("\x6e", kerberos.MaxTokenBytes+1), kerberos.CodeTokenTooLarge},
		"NTLM":                 {"NTLMSSP\x00\x01\x00\x00\x00", kerberos.CodeNTLM},
		"NTLM in a frame":      {string(frame(krbmsg.OIDNTLM, "")), kerberos.CodeNTLM},
		"NegTokenInit":         {"\xa0\x00", kerberos.CodeSPNEGO},
		"NegTokenResp":         {"\xa1\x00", kerberos.CodeSPNEGO},
		"SPNEGO":               {string(frame(krbmsg.OIDSPNEGO, "\xa0\x00")), kerberos.CodeSPNEGO},
		"user-to-user":         {string(frame(krbmsg.OIDU2U, krbmsg.TokAPREQ)), kerberos.CodeMechanism},
		"IAKERB":               {string(frame(krbmsg.OIDIAKERB, krbmsg.TokAPREQ)), kerberos.CodeMechanism},
		"another mechanism":    {string(frame("\x2a\x03", krbmsg.TokAPREQ)), kerberos.CodeMechanism},
		"AP-REP":               {string(frame(krbmsg.OIDKRB5, krbmsg.TokAPREP)), kerberos.CodeMechanism},
		"KRB-ERROR":            {string(frame(krbmsg.OIDKRB5, krbmsg.TokError)), kerberos.CodeMechanism},
		"another identifier":   {string(frame(krbmsg.OIDKRB5, "\x09\x09")), kerberos.CodeMechanism},
		"no token identifier":  {string(frame(krbmsg.OIDKRB5, "\x01")), kerberos.CodeTokenMalformed},
		"frame without an OID": {string(der.Element(der.TagApplication(0))), kerberos.CodeTokenMalformed},
		"octets behind":        {string(frame(krbmsg.OIDKRB5, krbmsg.TokAPREQ)) + "\x00", kerberos.CodeTokenMalformed},
	} {
		_, err := krbmsg.Unframe([]byte(test.token))
		if e, ok := err.(*kerberos.Error); !ok || e.Code != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
