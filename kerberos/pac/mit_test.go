package pac_test

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/test/testdata"

	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A pacQuestion is whether a PAC is signed with a key.
type pacQuestion struct {
	name  string
	pac   []byte
	etype int32
	key   []byte
}

// changes adds the PAC as it is, and with each of its octets changed.
func (q pacQuestion) changes(all []pacQuestion) []pacQuestion {
	all = append(all, q)
	for n := range q.pac {
		changed := slices.Clone(q.pac)
		changed[n] ^= 1 << (n % 8)
		all = append(all, pacQuestion{fmt.Sprintf("%s, octet %d", q.name, n), changed, q.etype, q.key})
	}
	return all
}

// askMIT returns whether MIT's library takes each PAC for signed.
func askMIT(t *testing.T, all []pacQuestion) []string {
	t.Helper()
	library := krbtest.Peer{Path: "libkrb5.so.3", Package: "libkrb5-3"}
	if found, _ := filepath.Glob("/usr/lib/*/libkrb5.so.3"); len(found) > 0 {
		library.Path = found[0]
	}
	python := krbtest.Peer{Path: "/usr/bin/python3", Package: "python3"}
	krbtest.Need(t, python, library)
	var in strings.Builder
	for _, q := range all {
		fmt.Fprintf(&in, "%d %s %s\n", q.etype, hex.EncodeToString(q.key), hex.EncodeToString(q.pac))
	}
	cmd := exec.Command(python.Path, "testdata/pac_verify.py")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions", len(answers), len(all))
	}
	return answers
}

// Verify takes a PAC for signed where krb5_pac_verify does, for a PAC of Windows
// and those of each encryption type, as they are, with each octet changed, and
// with other keys.
func TestVerifyAgreesWithMIT(t *testing.T) {
	t.Parallel()
	var all []pacQuestion
	for _, e := range []int32{17, 18, 19, 20, 23} {
		key := krbtest.RandomKey(e)
		q := pacQuestion{fmt.Sprint("type ", e), signed(t, krbtest.PACOptions{Logon: domainLogon()}, e, key), e, key}
		all = q.changes(all)
		all = append(all, pacQuestion{fmt.Sprint("another key of type ", e), q.pac, e, krbtest.RandomKey(e)})
	}
	_, windows := windowsPACs(t)
	kt, err := keytab.Parse(unhex(t, testdata.KEYTAB_SYSHTTP_TEST_GOKRB5))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range kt.Entries() {
		q := pacQuestion{fmt.Sprint("Windows, key ", i), windows, e.Etype, e.Key.ExposeKeyOctets()}
		if all = append(all, q); verify(windows, e.Etype, q.key) == nil {
			all = q.changes(all)
		}
	}
	accepted := 0
	for i, answer := range askMIT(t, all) {
		q := all[i]
		err := verify(q.pac, q.etype, q.key)
		if (err == nil) != (answer == "yes") {
			t.Errorf("%s: MIT accepts: %s; we: %v", q.name, answer, err)
		}
		if err == nil {
			accepted++
		}
	}
	t.Logf("%d questions, %d accepted by both", len(all), accepted)
	if len(all) < 4000 || accepted < 50 {
		t.Errorf("%d questions, %d accepted", len(all), accepted)
	}
}
