//go:build unix

package replay

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLockFileRejectsASecondLock: at once, and until the first is closed.
func TestLockFileRejectsASecondLock(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if err := lockFile(first); err != nil {
		t.Fatal(err)
	}
	if lockFile(second) == nil {
		t.Error("the file is locked twice")
	}
	first.Close()
	if err := lockFile(second); err != nil {
		t.Errorf("after the first was closed: %v", err)
	}
}

func TestSyncDirFailsWithoutTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syncDir(dir); err != nil {
		t.Error(err)
	}
	if syncDir(filepath.Join(dir, "absent")) == nil {
		t.Error("a directory that does not exist was synced")
	}
}

// TestBootIDIsTheSameUntilAReboot: a journal is damaged when it differs.
func TestBootIDIsTheSameUntilAReboot(t *testing.T) {
	t.Parallel()
	if first, second := bootID(), bootID(); first != second {
		t.Errorf("%08x, then %08x", first, second)
	}
}
