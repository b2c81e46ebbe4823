package doctor

import (
	"bufio"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// writable asks the system, which knows of groups, access lists and read-only
// file systems.
func writable(path string) bool {
	const writeAndSearch = 0x3 // W_OK|X_OK
	return syscall.Access(path, writeAndSearch) == nil
}

// ownerOf is the user that a file belongs to.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	if st, isStat := info.Sys().(*syscall.Stat_t); isStat {
		return int(st.Uid), true
	}
	return 0, false
}

// locksAreKnown reports whether lockedBy can find anything.
const locksAreKnown = true

// lockedBy finds who has locked a file (flock), in the system's list: to try
// the lock would be to take it for a moment.
func lockedBy(info fs.FileInfo) (pid int, locked bool) {
	st, isStat := info.Sys().(*syscall.Stat_t)
	f, err := os.Open("/proc/locks")
	if !isStat || err != nil {
		return 0, false
	}
	defer f.Close()
	inode := ":" + strconv.FormatUint(st.Ino, 10)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// 1: FLOCK  ADVISORY  WRITE 4711 08:02:262147 0 EOF
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil {
			return pid, true
		}
	}
	return 0, false
}
