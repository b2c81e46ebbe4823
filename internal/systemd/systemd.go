package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// States for [Notify].
const (
	Ready     = "READY=1"
	Stopping  = "STOPPING=1"
	alive     = "WATCHDOG=1"
	statusKey = "STATUS="
)

// Status returns the state that has a line of text for systemctl status.
func Status(text string) string { return statusKey + strings.ReplaceAll(text, "\n", " ") }

// Reloading returns the state of a service that reads its configuration again, as
// Type=notify-reload wants it; [Ready] ends it.
func Reloading() string {
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonic().Microseconds())
}

// Notify tells systemd states of the service. Without systemd, or with another
// Type= than notify, it does nothing.
func Notify(states ...string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // @ is an abstract one
	if err != nil {
		return fmt.Errorf("systemd: NOTIFY_SOCKET: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(strings.Join(states, "\n")))
	return err
}

// Watchdog tells systemd that the service is alive, twice in each WatchdogSec= of
// the unit, as long as healthy returns true. Stop ends it. Without WatchdogSec= it
// does nothing.
func Watchdog(healthy func(context.Context) bool) (stop func()) {
	interval := watchdogInterval()
	if interval <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			if healthy(ctx) {
				_ = Notify(alive)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// watchdogInterval returns half of the unit's WatchdogSec, 0 if there is none for
// this process.
func watchdogInterval() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	µs, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || µs <= 0 {
		return 0
	}
	return time.Duration(µs) * time.Microsecond / 2
}

// firstFD is SD_LISTEN_FDS_START.
const firstFD = 3

// ErrNoSocket is returned when systemd has passed no socket of a name.
var ErrNoSocket = errors.New("systemd has passed no such socket")

var passed struct {
	sync.Mutex
	files map[string]*os.File // by name; taken ones are nil
	read  bool
}

// Listener returns the socket that systemd has passed under a name: FileDescriptorName=
// of the socket unit, by default the unit's own. "" is the only one. Each is
// returned once; the error is [ErrNoSocket] if there is none, or says which there
// are.
func Listener(name string) (net.Listener, error) {
	passed.Lock()
	defer passed.Unlock()
	if !passed.read {
		passed.files, passed.read = received(), true
	}
	if name == "" && len(passed.files) == 1 {
		for only := range passed.files {
			name = only
		}
	}
	f := passed.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w as %q; there are %d", ErrNoSocket, name, len(passed.files))
	}
	passed.files[name] = nil
	defer f.Close()
	return net.FileListener(f)
}

// received returns the sockets that are passed to this process.
func received() map[string]*os.File {
	files := map[string]*os.File{}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n <= 0 || n > 64 || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return files
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		name := "unknown"
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		closeOnExec(firstFD + i)
		files[name] = os.NewFile(uintptr(firstFD+i), name)
	}
	return files
}
