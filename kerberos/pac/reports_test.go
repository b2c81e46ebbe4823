package pac_test

import (
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// PACs that others refused, as was reported: with buffers that are empty, as
// Windows writes claims of who has none, with credentials for whoever logs on with
// a smart card, with types of later Windows, and without LOGON_INFO, as MIT's KDC
// writes them.
func TestParseReadsReportedPACs(t *testing.T) {
	t.Parallel()
	key := krbtest.RandomKey(18)
	for name, o := range map[string]krbtest.PACOptions{
		"empty claims of the client and the device": {Logon: domainLogon(),
			More: []krbtest.PACBuffer{{Type: 13}, {Type: 14}, {Type: 15}}},
		"credentials": {Logon: domainLogon(),
			More: []krbtest.PACBuffer{{Type: 2, Data: []byte("\x00\x00\x00\x00\x12\x00\x00\x00sealed")}}},
		"claims that are compressed": {Logon: domainLogon(),
			More: []krbtest.PACBuffer{{Type: 13, Data: []byte("\x01\x10\x08\x00\xcc\xcc\xcc\xccrest")}}},
		"a type of a later Windows": {Logon: domainLogon(), More: []krbtest.PACBuffer{{Type: 4711, Data: []byte("x")}}},
		"no LOGON_INFO":             {},
	} {
		b := signed(t, o, 18, key)
		if err := verify(b, 18, key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, err := parse(b)
		if err != nil || p.ClientName != "alice" || (p.Logon == nil) != (o.Logon == nil) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
