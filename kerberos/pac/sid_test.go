package pac_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

func TestParseSIDReadsAndRejectsTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"S-1-5-21-1004336348-1177238915-682003330-512", "S-1-5-32-544", "S-1-1-0", "S-1-18-1",
		"S-1-0xffffffffffff-4294967295", "S-1-4294967295-1",
		"S-1-5" + strings.Repeat("-1", 15)} { // maxSubAuthorities
		if sid, err := pac.ParseSID(text); err != nil || string(sid) != text || sid.String() != text {
			t.Errorf("%s: %v, %v", text, sid, err)
		}
	}
	for _, text := range []string{"", "S", "S-1", "s-1-5-32-544", "S-2-5-32-544", "S-1-5-32-544-", "S-1-5-032-544",
		"S-1-5--544", "S-1-5-4294967296",
		"S-1-281474976710656-1", "S-1-281474976710655-1", "S-1-0x5-1", "S-1-5-+1", " S-1-5-32-544", `EXAMPLE\Domain Admins`,
		"S-1-5" + strings.Repeat("-1", 16)} {
		if sid, err := pac.ParseSID(text); err == nil || sid != "" {
			t.Errorf("%q is %q", text, sid)
		}
	}
}

// FuzzParseSID: what is parsed has one text, and the packet form of the tests'
// own writer goes back to it.
func FuzzParseSID(f *testing.F) {
	f.Add("S-1-5-21-1-2-3-512")
	f.Add("S-1-0x0000000000ff-1")
	f.Fuzz(func(t *testing.T, text string) {
		sid, err := pac.ParseSID(text)
		if err != nil {
			return
		}
		if string(sid) != text || !bytes.HasPrefix(krbtest.SIDBytes(text), []byte{1}) {
			t.Errorf("%q is %q", text, sid)
		}
	})
}
