package doctor_test

import (
	"testing"

	"github.com/wssgate/wssgate/internal/doctor"
)

// What a route and its keytab ask for outside FIPS 140-3 is named, with the
// setting, in that mode alone.
func TestCheckFIPSNamesWhatIsOutside(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.cfg.FIPS = func() (bool, bool) { return false, false }
	if l := lines(c.run(), "fips140"); len(l) != 0 {
		t.Errorf("outside of that mode: %+v", l)
	}
	c.cfg.FIPS = func() (bool, bool) { return true, false }
	service := soap + "@EXAMPLE.COM"
	c.expectOf("fips140",
		"warn fips140 route /: policy Kerberos: signature-method: HMAC-SHA1 … set hmac-sha256",
		"warn fips140 route /: policy Kerberos: digest-method: the digest is SHA-1",
		"warn fips140 route /: policy Kerberos: derived-keys: keys are derived by P_SHA-1",
		"warn fips140 route /: channel-bindings: they are an MD5",
		"warn fips140 "+service+": has keys of aes256-cts-hmac-sha1-96 alone, which need HMAC-SHA1")
	c.cfg.FIPS = func() (bool, bool) { return true, true }
	if l := lines(c.run(), "fips140"); len(l) != 6 || l[5].Status != doctor.Fail {
		t.Errorf("enforced: %+v", l)
	}
	c.set("policy", "{preset: Kerberos, algorithm-suite: Basic256Sha256, signature-method: hmac-sha256, "+
		"derived-keys: forbidden}")
	c.set("channel-bindings", "off")
	c.keytab("keytab", k.Entries([]string{soap}, 20, 18)...)
	c.expectOf("fips140")
	if l := lines(c.run(), "fips140"); len(l) != 2 || l[1].Found != "has keys of aes256-cts-hmac-sha384-192" {
		t.Errorf("%+v", l)
	}
}
