package interop

import (
	"strings"
	"testing"
)

// wcf runs wcf/initiator.py, as alice if there is a KDC.
func wcf(t *testing.T, k *kdc, args ...string) (string, error) {
	t.Helper()
	python := python(t, "gssapi python3-gssapi", "lxml python3-lxml", "cryptography python3-cryptography")
	var env []string
	if k != nil {
		env = append(k.env(), "KRB5_CLIENT_KTNAME="+k.file("alice.keytab"), "KRB5_KTNAME="+k.file("svc.keytab"),
			"KRB5CCNAME=MEMORY:wcf", "NTLM_USER_FILE="+k.file("ntlm"))
	}
	return runs(t, env, python, append([]string{"-B", "wcf/initiator.py", "--service", service}, args...)...)
}

// What the client in WCF's form finds right in wssgate counts only if it finds
// wrong what is wrong: its self-test plays conversations with MIT's acceptor,
// and with mistakes made on purpose.
func TestClientInWCFsFormKnowsRightFromWrong(t *testing.T) {
	if out, err := wcf(t, startKDC(t), "--self-test"); err != nil || !strings.Contains(out, "ok self-test") {
		t.Errorf("%v\n%s", err, out)
	}
}
