package testvectors_test

import (
	"os/exec"
	"strings"
	"testing"
)

// A reader in another language comes to the same digests, HMACs and plaintexts.
func TestReaderInPythonAgrees(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // the one that Debian's packages are for
	if err := exec.Command(python, "-c", "import lxml, cryptography").Run(); err != nil {
		t.Skip("python3-lxml or python3-cryptography is not installed")
	}
	out, err := exec.Command(python, "check.py").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "; 0 vectors are wrong") {
		t.Errorf("check.py: %v\n%s", err, out)
	}
}
