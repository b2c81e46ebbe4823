package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/replay"
)

// The state directory, and who has the journal in it.
func TestCheckStateFindsWrongDirectories(t *testing.T) {
	t.Parallel()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	found := func() string { return lines(c.run(), "state")[0].Found }
	if f := found(); f != "can be written; no replay journal yet" {
		t.Error(f)
	}
	journal, err := replay.OpenJournal(filepath.Join(c.cfg.StateDir, "replay"), replay.JournalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if f := found(); !strings.Contains(f, "has the replay journal, so a gateway is running") {
		t.Error(f)
	}
	journal.Close()
	if f := found(); f != "can be written, and has a replay journal" {
		t.Error(f)
	}
	os.Chmod(c.cfg.StateDir, 0o777)
	c.expectOf("state", "fail state … can be written by others (-rwxrwxrwx)")
	c.cfg.StateDir = filepath.Join(c.cfg.StateDir, "a", "b")
	if f := found(); f != "is not there yet; serve makes it" {
		t.Error(f)
	}
	c.cfg.StateDir = c.get("keytab")
	c.expectOf("state", "fail state … is no directory")
	c.cfg.StateDir = ""
	c.expectOf("state", "fail state state-dir: is not given")
}

// The key file of negotiations and contexts is for its owner alone.
func TestCheckStateFindsKeysThatOthersCanRead(t *testing.T) {
	t.Parallel()
	c := offline(t)
	c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	keys := filepath.Join(t.TempDir(), "state.keys")
	c.settings = append(c.settings, "state-keys: "+keys)
	if err := os.WriteFile(keys, []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list := lines(c.run(), "state"); len(list) != 1 {
		t.Errorf("a file of its owner's: %+v", list)
	}
	os.Chmod(keys, 0o644)
	c.expectOf("state", "fail state … can be read by everybody (-rw-r--r--)")
}
