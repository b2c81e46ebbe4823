package systemd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/systemd"
)

// notifySocket is where systemd would listen.
func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip("no datagram sockets of the file system here: ", err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestNotify(t *testing.T) {
	conn := notifySocket(t)
	if err := systemd.Notify(systemd.Ready, systemd.Status("serving\n2 routes")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, conn); got != "READY=1\nSTATUS=serving 2 routes" {
		t.Errorf("%q", got)
	}
	if err := systemd.Notify(systemd.Reloading()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, conn); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") ||
		runtime.GOOS == "linux" && strings.HasSuffix(got, "=0") {
		t.Errorf("%q", got)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := systemd.Notify(systemd.Ready); err != nil {
		t.Error("without systemd:", err)
	}
}

// TestWatchdogIsSilentWhileUnhealthy: so that systemd restarts the service.
func TestWatchdogIsSilentWhileUnhealthy(t *testing.T) {
	conn := notifySocket(t)
	t.Setenv("WATCHDOG_USEC", "2000")
	asked := make(chan struct{}, 100)
	healthy := make(chan bool)
	stop := systemd.Watchdog(func(ctx context.Context) bool {
		asked <- struct{}{}
		select {
		case h := <-healthy:
			return h
		case <-ctx.Done():
			return false
		}
	})
	defer stop()
	for _, h := range []bool{false, false, true} {
		<-asked
		healthy <- h
	}
	if got := receive(t, conn); got != "WATCHDOG=1" {
		t.Errorf("%q", got)
	}
	<-asked // twice it was not healthy, once it was: there is one datagram
	if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 10)); err == nil {
		t.Error("one datagram too many")
	}
}

func TestWatchdogOfAnotherProcess(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "1000")
	t.Setenv("WATCHDOG_PID", "1")
	systemd.Watchdog(func(context.Context) bool { t.Error("asked"); return true })()
}

// child is set in a process that has sockets passed to it: "names" and, each behind
// a comma, those that it asks for.
const child = "WSSGATE_TEST_SYSTEMD_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	// What execve would have kept: LISTEN_PID is that of the process with the sockets.
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	for _, name := range strings.Split(os.Getenv(child), ",")[1:] {
		ln, err := systemd.Listener(name)
		if err != nil {
			fmt.Println(errors.Is(err, systemd.ErrNoSocket), err)
			continue
		}
		fmt.Println(ln.Addr())
	}
	os.Exit(0)
}

func TestListenerIsThatOfItsName(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is Linux's")
	}
	var files []*os.File
	var addrs []string
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, addrs = append(files, f), append(addrs, ln.Addr().String())
	}
	run := func(names string, files []*os.File, fdnames string) string {
		cmd := exec.Command(os.Args[0])
		cmd.ExtraFiles = files
		cmd.Env = append(os.Environ(), child+"=names,"+names, fmt.Sprint("LISTEN_FDS=", len(files)),
			"LISTEN_FDNAMES="+fdnames)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	got := run("admin,https,admin,other", files, "https:admin")
	want := addrs[1] + "\n" + addrs[0] + "\ntrue systemd has passed no such socket as \"admin\"; there are 2\n" +
		"true systemd has passed no such socket as \"other\"; there are 2\n"
	if got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	if got := run("", files[:1], ""); got != addrs[0]+"\n" {
		t.Errorf("the only one: %s", got)
	}
}
