package testvectors_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python is a command in a folder. Without the packages the test is skipped.
func python(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	const program = "/usr/bin/python3" // the one that Debian's packages are for
	if err := exec.Command(program, "-c", "import lxml, cryptography").Run(); err != nil {
		t.Skip("python3-lxml or python3-cryptography is not installed")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	return cmd
}

// A reader in another language comes to the same digests, HMACs and plaintexts.
func TestReaderInPythonAgrees(t *testing.T) {
	t.Parallel()
	out, err := python(t, ".", "check.py").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "; 0 vectors are wrong") {
		t.Errorf("check.py: %v\n%s", err, out)
	}
}

// And it notices a vector that is wrong.
func TestReaderInPythonNoticesWrongVectors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, edit := range map[string][2]string{
		"check.py": {}, "krb5.py": {}, "derivedkeys/p_sha1.json": {}, "cases/service.keytab": {},
		"c14n/cdata.txtar":                  {"<b>", "<c>"},
		"cases/valid-signed-soap11.txtar":   {"<o:item>25", "<o:item>26"},
		"cases/valid-basic128-sbe-ek.txtar": {"token-key: ", "token-key: 00"},
	} {
		b := bytes.Replace(read(t, name), []byte(edit[0]), []byte(edit[1]), 1)
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := python(t, dir, "check.py").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "; 3 vectors are wrong") {
		t.Errorf("check.py: %v\n%s", err, out)
	}
}

// The program that reads archives in README.md reads all of them.
func TestProgramInREADMEReadsTheVectors(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(string(read(t, "README.md")), "```python\n")
	program, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md has no program in Python")
	}
	program += "    print(vector['kind'], len(sections))\n"
	out, err := python(t, ".", "-c", program).CombinedOutput()
	if n := bytes.Count(out, []byte("message ")); err != nil || n < 1000 {
		t.Errorf("%v, %d messages:\n%s", err, n, out)
	}
}
