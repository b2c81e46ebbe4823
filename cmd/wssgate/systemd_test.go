package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeUnderSystemd: as systemd starts a service with Type=notify, WatchdogSec=
// and a socket unit.
func TestServeUnderSystemd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is Linux's")
	}
	if _, err := exec.LookPath("sh"); err != nil { // which tells the program its own pid
		t.Skip("install a shell")
	}
	t.Parallel()
	dir := exampleDir(t)
	path := filepath.Join(dir, "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := ln.Close(); err != nil { // socket is the same one
		t.Fatal(err)
	}
	// LISTEN_PID is the pid of the program: the shell's, which becomes it.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec wssgate serve --listen systemd:https --admin off --path /quotes `+
		`--backend http://127.0.0.1:1 --keytab gateway.keytab --service soap/gateway.example.com --state-dir state`)
	var log bytes.Buffer
	cmd.Dir, cmd.Stderr, cmd.ExtraFiles = dir, &log, []*os.File{socket}
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=200000", "LISTEN_FDS=1", "LISTEN_FDNAMES=https")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	await(t, told, "READY=1", &log)
	resp, err := http.Get("http://" + ln.Addr().String() + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
	await(t, told, "WATCHDOG=1", &log)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, told, "STOPPING=1", &log)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &log)
	}
}

// await waits until a state is told.
func await(t *testing.T, told *net.UnixConn, state string, log fmt.Stringer) {
	t.Helper()
	if err := told.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	for {
		n, err := told.Read(buf)
		if err != nil {
			t.Fatalf("%s is not told: %v\n%s", state, err, log)
		}
		if string(buf[:n]) == state {
			return
		}
	}
}

// TestExampleUnitIsConfined: systemd's own judgement, from 0 (confined) to 10.
func TestExampleUnitIsConfined(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("install systemd")
		}
		t.Skip("install systemd")
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20",
		filepath.Join(examples, "wssgate.service")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no",
		filepath.Join(examples, "wssgate.service")).CombinedOutput(); err != nil &&
		!strings.Contains(string(out), "is not executable") { // /usr/local/bin/wssgate is not there
		t.Errorf("%v\n%s", err, out)
	}
}
