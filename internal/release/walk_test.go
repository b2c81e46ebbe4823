package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// installed are the lines by which the files of the package get to where it has
// them, for a walk without it.
const installed = `install -m 755 wssgate /usr/bin/wssgate
install -D -m 644 wssgate.service -t /usr/lib/systemd/system
install -D -m 644 wssgate.yaml -t /etc/wssgate
id wssgate || useradd --system --user-group --home-dir /var/lib/wssgate --no-create-home wssgate`

// started is what systemd does for a unit of the package: its command, as its
// user, with its state directory, until it is ready.
const started = `install -d -o wssgate -g wssgate -m 700 /var/lib/wssgate
setpriv --reuid wssgate --regid wssgate --init-groups --no-new-privs env -i STATE_DIRECTORY=/var/lib/wssgate \
  $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/wssgate.service) 2>log &
for i in $(seq 300); do curl -sf http://127.0.0.1:9180/readyz && break; sleep 0.1; done`

// TestFirstExchangeRunsAsWritten: a stranger's walk, from the package to the first
// exchange and the page that shows it.
func TestFirstExchangeRunsAsWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("drives other programs; left out with -short")
	}
	for program, pkg := range map[string]string{"/usr/sbin/krb5kdc": "krb5-kdc",
		"/usr/sbin/kadmin.local": "krb5-admin-server", "kinit": "krb5-user", "curl": "curl", "python3": "python3",
		"ip": "iproute2", "setpriv": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, pkg)
		}
	}
	unshare := []string{"--mount", "--net", "--pid", "--fork", "--kill-child"}
	if err := exec.Command("unshare", append(unshare, "true")...).Run(); err != nil {
		t.Skip("it needs the right to mount (CAP_SYS_ADMIN)")
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} { // the service is another user
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	walk := strings.NewReplacer("apt-get install -y krb5-kdc krb5-admin-server krb5-user curl python3\n", "",
		"dpkg -i wssgate_*_amd64.deb", walkInstall(t, dir), "systemctl enable --now wssgate", started).
		Replace(commandsOf(t, "../../docs/recipes/first-exchange.md"))
	if strings.Contains(walk, "apt-get") || strings.Contains(walk, "systemctl") {
		t.Fatalf("the walk has lines that are not looked for:\n%s", walk)
	}
	if err := os.WriteFile(filepath.Join(dir, "walk"), []byte(walk), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", append(unshare, "sh", "testdata/walk.sh", dir)...)
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("%v\n%s\n%s", err, out, log)
	}
	for _, want := range []string{`xmlns:a="urn:example"`, ">42</a:Answer>", "a message of alice@EXAMPLE.COM",
		`wssgate_exchanges_total{code="ok",policy="Kerberos",route="/quotes"} 1`, "InvalidSecurity",
		"\nsecurity-header-missing\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// commandsOf returns the sh blocks of a document, one after the other.
func commandsOf(t *testing.T, name string) string {
	t.Helper()
	var all strings.Builder
	for _, m := range regexp.MustCompile("(?s)\n```sh\n(.*?)```").FindAllStringSubmatch(read(t, name), -1) {
		all.WriteString(m[1])
	}
	return all.String()
}

// walkInstall puts into dir what is installed, and returns the command.
func walkInstall(t *testing.T, dir string) string {
	t.Helper()
	if *withPackages {
		debs, _ := filepath.Glob(filepath.Join(releaseOf(t, true), "*_amd64.deb"))
		if len(debs) != 1 {
			t.Fatalf("debs %q", debs)
		}
		octets := []byte(read(t, debs[0]))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(debs[0])), octets, 0o644); err != nil {
			t.Fatal(err)
		}
		return "dpkg --no-triggers -i wssgate_*_amd64.deb"
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "wssgate"), "../../cmd/wssgate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := run(build); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"wssgate.service", "wssgate.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, deploy+"package/"+name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return installed
}
