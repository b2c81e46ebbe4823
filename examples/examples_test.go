// Package examples_test builds the examples and runs them against each other,
// as a reader of them would, with a KDC in process.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
)

const (
	service  = "soap/gateway.example.com"
	question = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><q:GetQuote xmlns:q="urn:example:quotes">` +
		`<q:Symbol>ACME</q:Symbol></q:GetQuote></s:Body></s:Envelope>`
)

// A world has the programs, and a KDC whose files they are given.
type world struct {
	t   *testing.T
	dir string
	kdc *krbtest.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	build := exec.Command("go", "build", "-o", w.dir+string(filepath.Separator), "./client", "./service", "../cmd/wssgate")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddUser("bob", "secret")
	for _, principal := range []string{"alice", "mallory", service} {
		kdc.AddService(principal) // with keys
	}
	var err error
	if w.kdc, err = kdc.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.kdc.Close() })
	w.file("krb5.conf", []byte(w.kdc.Krb5Conf()))
	for name, principal := range map[string]string{"service": service, "alice": "alice", "mallory": "mallory"} {
		octets, err := kdc.Keytab([]string{principal}).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		w.file(name+".keytab", octets)
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) file(name string, octets []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), octets, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// start runs a program that serves, until the end of the test, and returns the
// address that its log says it listens on. It has to end in order.
func (w *world) start(program string, args ...string) (address string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // for one that says nothing and goes on
	cmd := exec.CommandContext(ctx, w.path(program), args...)
	log, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var said bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(log, &said))
	w.t.Cleanup(func() {
		defer cancel()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(&said, log)
		if err := cmd.Wait(); err != nil {
			w.t.Errorf("%s: %v\n%s", program, err, &said)
		}
	})
	for lines.Scan() {
		if m := regexp.MustCompile(`\blisten"?[=:]"?(127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
			return m[1]
		}
	}
	w.t.Fatalf("%s does not listen\n%s", program, &said)
	return ""
}

// call asks the question with the example client.
func (w *world) call(url string, args ...string) (reply, message string, err error) {
	w.t.Helper()
	args = append([]string{"-url", url, "-service", service, "-krb5-conf", w.path("krb5.conf")}, args...)
	cmd := exec.Command(w.path("client"), args...)
	var out, problem bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(question), &out, &problem
	err = cmd.Run()
	return out.String(), problem.String(), err
}

// as is the client's arguments for one whose key is in a keytab.
func (w *world) as(user string) []string {
	return []string{"-principal", user + "@" + krbtest.DefaultRealm, "-keytab", w.path(user + ".keytab")}
}

func TestTheClientCallsTheServiceThroughAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte("ACME")) {
			t.Errorf("the plain service got %s", body)
		}
		rw.Header().Set("Content-Type", soap.V11.ContentType())
		fmt.Fprintf(rw, `<s:Envelope xmlns:s="%s"><s:Body><Quote><Price>42.50</Price><For>%s</For></Quote></s:Body>`+
			`</s:Envelope>`,
			soap.NS11, r.Header.Get("X-Wssgate-Principal"))
	}))
	t.Cleanup(plain.Close)

	direct := w.start("service", "-listen", "127.0.0.1:0", "-keytab", w.path("service.keytab"),
		"-service", service, "-state", w.path("state"), "-client", "alice@EXAMPLE.COM", "-client", "bob@EXAMPLE.COM")
	gateway := w.start("wssgate", "serve", "--listen", "127.0.0.1:0", "--path", "/quotes", "--backend", plain.URL,
		"--keytab", w.path("service.keytab"), "--state-dir", w.path("gateway"), "--allowed-principals", "alice@EXAMPLE.COM")
	for what, address := range map[string]string{"the example service": direct, "wssgate": gateway} {
		url := "http://" + address + "/quotes"
		reply, message, err := w.call(url, w.as("alice")...)
		if err != nil || !strings.Contains(reply, "42.50") || !strings.Contains(reply, "alice@EXAMPLE.COM") {
			t.Errorf("%s: %v %s\n%s", what, err, message, reply)
		}
		reply, message, err = w.call(url, w.as("mallory")...)
		if err == nil || reply != "" || !strings.Contains(message, "service-fault") {
			t.Errorf("%s, of a client that may not call: %v %s\n%s", what, err, message, reply)
		}
	}
	t.Run("credential cache", func(t *testing.T) {
		mit := krbtest.MITClient(t, w.kdc)
		mit.Kinit("bob", "secret")
		reply, message, err := w.call("http://"+direct+"/quotes", "-ccache", mit.Ccache())
		if err != nil || !strings.Contains(reply, "bob@EXAMPLE.COM") {
			t.Errorf("%v %s\n%s", err, message, reply)
		}
	})
}
