package assembly

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// A renewed key that this process may not read yet is used once it may: its
// owner and mode are put right later, which changes neither its time nor its size.
func TestFilesAreLoadedWhenTheirRightsArePutRight(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.keys")
	w := newFollowWorld(t, "state-keys: '"+path+"'\n")
	w.rights(filepath.Dir(path), 0o755)
	w.rights(filepath.Dir(filepath.Dir(path)), 0o755)
	w.put(map[string]string{path: stateKey(1)})
	if _, err := w.keys.stateKeys(); err != nil {
		t.Fatal(err)
	}
	w.put(map[string]string{path: stateKey(2)})
	w.rights(path, 0)
	w.unprivileged(func() {
		w.looked(2, "permission denied")
		w.looked(3, "")
	})
	w.rights(path, 0o644)
	w.unprivileged(func() { w.looked(2, `"file reloaded"`) })
}

func (w *followWorld) rights(path string, mode os.FileMode) {
	w.Helper()
	if err := os.Chmod(path, mode); err != nil {
		w.Fatal(err)
	}
}

// unprivileged calls f in a thread that may not read everything. It must not end
// the test.
func (w *followWorld) unprivileged(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with the goroutine
		if os.Geteuid() == 0 {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		}
		f()
	}()
	<-done
}
