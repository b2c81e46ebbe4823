package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var withPackages = flag.Bool("packages", false, "make packages, install the deb beside this system and run its service")

// Packages are made twice and are the same. The deb is installed with dpkg in a
// copy of this system, its service runs as its user and tells systemd of it, an
// update keeps the configuration, and a purge leaves nothing.
func TestPackagesInstallAndServe(t *testing.T) {
	if !*withPackages {
		t.Skip("with -packages only: it builds nfpm")
	}
	out := releaseOf(t, true)
	first := files(t, out)
	sameFiles(t, first, files(t, releaseOf(t, true)))
	var deb, rpm string
	for name := range first {
		switch filepath.Ext(name) {
		case ".deb":
			deb = filepath.Join(out, name)
		case ".rpm":
			rpm = filepath.Join(out, name)
		}
	}
	if deb == "" || rpm == "" {
		t.Fatalf("no packages in %s", out)
	}
	t.Run("rpm", func(t *testing.T) { checkRPM(t, rpm) })
	t.Run("deb", func(t *testing.T) { installDeb(t, deb) })
}

// checkRPM asks rpm whether the package is whole, and what it has.
func checkRPM(t *testing.T, name string) {
	if _, err := exec.LookPath("rpm"); err != nil {
		missing(t, "rpm")
	}
	for args, want := range map[string]string{
		"-K --nosignature": "digests OK",
		"-qpc":             "/etc/wssgate/wssgate.yaml",
		"-qpl":             "/usr/share/zsh/site-functions/_wssgate",
		"-qp --scripts":    "systemd-sysusers wssgate.conf",
	} {
		out, err := exec.Command("rpm", append(strings.Fields(args), name)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("rpm %s: %v, no %s in\n%s", args, err, want, out)
		}
	}
}

// installDeb runs testdata/install.sh, and is systemd to the service in it.
func installDeb(t *testing.T, deb string) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		missing(t, "dpkg")
	}
	if err := exec.Command("unshare", "--mount", "--net", "true").Run(); err != nil {
		t.Skip("it needs the right to mount (CAP_SYS_ADMIN)")
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} { // the service is another user
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	writeKeytab(t, filepath.Join(dir, "gateway.keytab"))
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	if err := os.Chmod(filepath.Join(dir, "notify"), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--net", "sh", "testdata/install.sh", dir, deb)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &log, &log, time.Minute
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = notify.Close() // nobody will tell anything any more
		ended <- err
	}()
	ready := await(t, notify, "READY=1") && await(t, notify, "WATCHDOG=1")
	if ready {
		if status := get(t, filepath.Join(dir, "admin.sock"), "/readyz"); status != http.StatusOK {
			t.Errorf("/readyz answers %d", status)
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		ready = await(t, notify, "STOPPING=1")
	}
	if !ready {
		_ = cmd.Process.Kill()
	}
	if err := <-ended; err != nil || !ready || !strings.HasSuffix(log.String(), "purged\n") {
		t.Errorf("%v, told all: %v\n%s", err, ready, &log)
	}
}

// writeKeytab writes the keytab that the configuration of the package names.
func writeKeytab(t *testing.T, name string) {
	t.Helper()
	kdc := krbtest.New(krbtest.Config{Realm: "EXAMPLE.COM"})
	kdc.AddService("soap/gateway.example.com")
	keytab, err := kdc.Keytab(nil).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, keytab, 0o600); err != nil {
		t.Fatal(err)
	}
}

// await reports whether a state is told, before the socket is closed.
func await(t *testing.T, notify *net.UnixConn, state string) bool {
	t.Helper()
	if err := notify.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return false
	}
	buf := make([]byte, 1000)
	for {
		n, err := notify.Read(buf)
		if err != nil {
			t.Errorf("%s is not told: %v", state, err)
			return false
		}
		if string(buf[:n]) == state {
			return true
		}
	}
}

// get returns the status of a path at a unix socket, 0 if there is none.
func get(t *testing.T, socket, path string) int {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://localhost" + path)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
