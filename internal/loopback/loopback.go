package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
)

// The ports that Free chooses from are those between lowest and the first that
// the system chooses by itself, or highest if that is not known.
const lowest, highest = 10000, 32768

// rangeFile has the first and the last port that Linux chooses by itself.
const rangeFile = "/proc/sys/net/ipv4/ip_local_port_range"

// taken holds what Free has returned, until the process ends.
var taken struct {
	sync.Mutex
	marks map[int]net.Listener
}

// Free returns an address, such as "127.0.0.1:12345", on which nothing listens,
// neither for TCP nor for UDP. It does not return an address twice, and on Linux
// no other process that calls it gets the address before this one has ended. It
// may be called from several goroutines at once.
func Free() (addr string, err error) {
	first := ephemeral()
	for range 1000 {
		port := lowest + rand.IntN(first-lowest)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if unused(addr) && take(port) {
			return addr, nil
		}
	}
	return "", errors.New("loopback: no free port")
}

// ephemeral returns the first port that the system chooses by itself.
func ephemeral() int {
	first := highest
	if text, err := os.ReadFile(rangeFile); err == nil {
		_, _ = fmt.Sscan(string(text), &first)
	}
	if first < lowest+1000 {
		return highest // all are; the marks of other processes are left
	}
	return first
}

// unused reports whether nothing has the address.
func unused(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	return u.Close() == nil
}

// take marks a port as ours, and reports whether nobody had it. The mark is a
// socket without a file, which a system other than Linux does not have.
func take(port int) bool {
	taken.Lock()
	defer taken.Unlock()
	if _, ours := taken.marks[port]; ours {
		return false
	}
	mark, err := net.Listen("unix", fmt.Sprintf("@wssgate-loopback-%d", port))
	if err != nil && runtime.GOOS == "linux" {
		return false
	}
	if taken.marks == nil {
		taken.marks = make(map[int]net.Listener)
	}
	taken.marks[port] = mark
	return true
}
