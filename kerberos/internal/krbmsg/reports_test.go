package krbmsg_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// Tokens that others did not read, or wrote wrong, as was reported. In hexadecimal,
// by hand.
func TestParseNegotiationTokenOfReports(t *testing.T) {
	t.Parallel()
	const (
		krb5  = "06092a864886f712010202"
		ms    = "06092a864882f712010202"
		mech  = "a30b" + "0409" + "6d6563684c6973744d"
		tok   = "a205" + "0403" + "746f6b"
		token = "a207" + "0405" + "746f6b656e"
	)
	for name, c := range map[string]struct {
		hex  string
		want func(*krbmsg.NegTokenInit, *krbmsg.NegTokenResp) bool
	}{
		"request flags before the token": {"a01e" + "301c" + "a00d" + "300b" + krb5 + "a104" + "03020106" + tok,
			func(i *krbmsg.NegTokenInit, _ *krbmsg.NegTokenResp) bool {
				return string(i.MechToken) == "tok" && i.ReqFlags != nil
			}},
		"Microsoft's mechanism before the real one": {"a023" + "3021" + "a018" + "3016" + ms + krb5 + tok,
			func(i *krbmsg.NegTokenInit, _ *krbmsg.NegTokenResp) bool {
				return string(i.MechToken) == "tok" && len(i.Mechs) == 2 && i.Mechs[0] == krbmsg.OIDMSKRB5
			}},
		"a rejection with the mechanism's error": {"a110" + "300e" + "a003" + "0a0102" + token,
			func(_ *krbmsg.NegTokenInit, r *krbmsg.NegTokenResp) bool {
				return r.State == krbmsg.NegReject && string(r.ResponseToken) == "token"
			}},
		"a MIC in the place that the specification has": {"a114" + "3012" + "a003" + "0a0100" + mech,
			func(_ *krbmsg.NegTokenInit, r *krbmsg.NegTokenResp) bool {
				return r.State == 0 && string(r.MechListMIC) == "mechListM"
			}},
		"nothing but a state": {"a107" + "3005" + "a003" + "0a0100",
			func(_ *krbmsg.NegTokenInit, r *krbmsg.NegTokenResp) bool { return r.State == 0 }},
		"no state but a token": {"a10b" + "3009" + token,
			func(_ *krbmsg.NegTokenInit, r *krbmsg.NegTokenResp) bool { return r.State == krbmsg.NegAbsent }},
	} {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(name, err)
		}
		init, resp, err := krbmsg.ParseNegotiationToken(b)
		if err != nil || !c.want(init, resp) {
			t.Errorf("%s: %+v, %+v, %v", name, init, resp, err)
		}
	}
	for name, token := range map[string]string{
		"a mechanism in a SEQUENCE of its own": "a116" + "3014" + "a003" + "0a0100" + "a10d" + "300b" + krb5,
		"a MIC in the place of none":           "a114" + "3012" + "a003" + "0a0100" + "a4" + mech[2:],
	} {
		b, err := hex.DecodeString(token)
		if err != nil {
			t.Fatal(name, err)
		}
		if init, resp, err := krbmsg.ParseNegotiationToken(b); err == nil {
			t.Errorf("%s: %+v, %+v", name, init, resp)
		}
	}
	// accept-completed is 0, and is written all the same.
	done := krbmsg.NegTokenResp{SupportedMech: krbmsg.OIDKRB5}
	if got := hex.EncodeToString(done.Token()); !strings.HasPrefix(got, "a1143012a0030a0100a10b"+krb5) {
		t.Errorf("%s", got)
	}
}
