//go:build unix

package replay

import (
	"hash/crc32"
	"os"
	"syscall"
)

// lockFile takes the file's lock for as long as it is open, or fails at once.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// syncDir makes a new name in a directory lasting.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// bootID tells one run of the machine from another, where the system tells; else it is 0 always.
func bootID() uint32 {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	return crc32.ChecksumIEEE(b)
}
