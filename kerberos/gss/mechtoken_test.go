package gss_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

func TestMechTokenTakesTheFirstMechanismsToken(t *testing.T) {
	t.Parallel()
	apReq := []byte("\x60\x0b\x06\x09" + krbmsg.OIDKRB5)
	list := krbmsg.MechTypeList(krbmsg.OIDKRB5, krbmsg.OIDNTLM)
	init := krbmsg.NegTokenInit{MechTypes: list, MechToken: apReq}
	for name, token := range map[string][]byte{
		"SPNEGO": init.Token(), "Kerberos": apReq, "a bare AP-REQ": {0x6e, 0}, "neither": []byte("x"), "nothing": {},
	} {
		want := token
		if name == "SPNEGO" {
			want = apReq
		}
		if got, err := gss.MechToken(token); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func TestMechTokenRefusesWhatNeedsAnAnswer(t *testing.T) {
	t.Parallel()
	ntlmFirst := krbmsg.NegTokenInit{
		MechTypes: krbmsg.MechTypeList(krbmsg.OIDNegoEx, krbmsg.OIDKRB5), MechToken: []byte("x"),
	}
	noToken := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDKRB5)}
	resp := krbmsg.NegTokenResp{ResponseToken: []byte("x")}
	for name, token := range map[string][]byte{
		"another mechanism first": ntlmFirst.Token(), "no mechToken": noToken.Token(), "a NegTokenResp": resp.Token(),
		"cut short": []byte("\x60\x0a\x06\x06" + krbmsg.OIDSPNEGO + "\xa0\x05"),
		"too large": make([]byte, kerberos.MaxTokenBytes+1),
	} {
		got, err := gss.MechToken(token)
		var e *kerberos.Error
		if !errors.As(err, &e) || got != nil {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func FuzzMechToken(f *testing.F) {
	list := krbmsg.MechTypeList(krbmsg.OIDKRB5)
	init := krbmsg.NegTokenInit{MechTypes: list, MechToken: []byte("token")}
	f.Add(init.Token())
	f.Fuzz(func(t *testing.T, token []byte) {
		got, err := gss.MechToken(token)
		if err == nil && !bytes.Contains(token, got) {
			t.Errorf("%x is not in %x", got, token)
		}
	})
}
