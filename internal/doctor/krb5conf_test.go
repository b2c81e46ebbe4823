package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeConf writes a file of a krb5.conf and returns its path.
func writeConf(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadKrb5ConfCountsIncludedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeConf(t, dir, "conf.d/a.conf", "[libdefaults]\n rdns = false\n")
	writeConf(t, dir, "conf.d/b.conf", "[realms]\n")
	writeConf(t, dir, "conf.d/ignored.bak", "nonsense")
	writeConf(t, dir, "more", "[libdefaults]\n default_realm = EXAMPLE.COM\n")
	first := writeConf(t, dir, "krb5.conf", "include "+dir+"/more\nincludedir "+dir+"/conf.d\n")
	k := readKrb5Conf(first + ":" + writeConf(t, dir, "second", "[libdefaults]\n"))
	if k.err != nil || k.unsupported != nil || len(k.read) != 2 {
		t.Fatalf("%v, %v, %v", k.read, k.err, k.unsupported)
	}
	if got := k.checkDefaults("krb5.conf"); !strings.Contains(got.Found, "5 files, default realm EXAMPLE.COM") {
		t.Errorf("%v: %q", k.files, got.Found)
	}
	if k.flag("rdns", true) {
		t.Error("rdns of an included file does not count")
	}
}

func TestReadKrb5ConfCountsOneFile(t *testing.T) {
	t.Parallel()
	k := readKrb5Conf(writeConf(t, t.TempDir(), "krb5.conf", "[libdefaults]\n default_realm = A\n"))
	if got := k.checkDefaults("krb5.conf"); !strings.HasPrefix(got.Found, "1 file,") {
		t.Error(got.Found)
	}
}

// Settings before the first section are passed over in an included file, too.
func TestCheckKrb5ConfWarnsOfIncludedSettingsPassedOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	more := writeConf(t, dir, "more", "default_realm = EXAMPLE.COM\n")
	k := readKrb5Conf(writeConf(t, dir, "krb5.conf", "include "+more+"\n[libdefaults]\n default_realm = A\n"))
	d := doctor{krb5: k}
	for _, r := range d.checkKrb5Conf(t.Context()) {
		if r.Status == Warn && r.Subject == more && strings.Contains(r.Found, "line 1") {
			return
		}
	}
	t.Error("no warning of the included file")
}
