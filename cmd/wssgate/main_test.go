package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/wssec"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wssgate": main, "logged": loggedToFile, "numbers": recordNumbers})
}

// loggedToFile is a program for scripts: logged FILE wssgate ARG…. What wssgate
// writes to stderr goes to FILE, where the command said can read it while
// wssgate runs.
func loggedToFile() {
	file, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	os.Stderr, os.Args = file, os.Args[2:]
	main()
}

// The scripts run the real program. Their own commands: world makes a KDC, a
// keytab and a backend; port finds a free one; call is a client.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("WSSGATE_ADMIN", "off") // scripts run side by side
			env.Values[kdcOfScript{}] = new(*krbtest.KDC)
			for name, dir := range map[string]string{"VECTORS": "../../testvectors/transcripts",
				"TOKENS": "../../kerberos/testdata"} {
				abs, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				env.Setenv(name, abs)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"world": scriptWorld, "port": scriptPort, "call": scriptCall, "pass": scriptPass, "listening": scriptListening,
			"certificate": scriptCertificate, "wsdls": scriptWSDLs,
			"exits": scriptExits, "hang": scriptHang, "rotate": scriptRotate, "hangup": scriptHangup,
			"said": scriptSaid, "insist": scriptInsist,
			"fill": scriptFill, "send": scriptSend, "stall": scriptStall, "ask": scriptAsk, "pack": scriptPack,
		},
	})
}

// scriptWorld: world [ETYPE]. With a KDC whose tickets are of that type. Writes
// svc.keytab, both.keytab with another service too, and rc4.keytab; for clients
// alice.password, alice.ccache and carol.keytab;
// sets BACKEND, a URL, and BACKENDHOST, its host and port.
func scriptWorld(ts *testscript.TestScript, _ bool, args []string) {
	cfg := krbtest.Config{Realm: demo.Realm}
	if len(args) > 0 {
		number, err := strconv.ParseInt(args[0], 10, 32)
		ts.Check(err)
		cfg.TicketEtype = int32(number)
	}
	kdc := krbtest.New(cfg)
	kdc.AddUser("alice", demo.Password)
	kdc.AddService(demo.Service)
	kdc.AddService("HTTP/gateway.example.com")
	kdc.AddService("carol") // with keys
	*ts.Value(kdcOfScript{}).(**krbtest.KDC) = kdc
	for name, services := range map[string][]string{"svc.keytab": {demo.Service},
		"both.keytab": {demo.Service, "HTTP/gateway.example.com"}, "carol.keytab": {"carol"}} {
		octets, err := kdc.Keytab(services).AppendBinary(nil)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), octets, 0o600))
	}
	weak, err := kdc.Keytab([]string{demo.Service}, etype.RC4).AppendBinary(nil)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("rc4.keytab"), weak, 0o600))
	server, err := kdc.Start()
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	done := make(chan struct{})
	backend := httptest.NewServer(newBackend(done))
	ts.Defer(backend.Close)
	ts.Defer(func() { close(done) })
	ts.Setenv("BACKEND", backend.URL)
	ts.Setenv("BACKENDHOST", strings.TrimPrefix(backend.URL, "http://"))
	ts.Check(os.WriteFile(ts.MkAbs("krb5.conf"), []byte(server.Krb5Conf()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("alice.password"), []byte(demo.Password+"\n"), 0o600))
	alice, err := demo.NewClient(server.Krb5Conf(), backend.URL)
	ts.Check(err)
	ticket, err := alice.Initiator.ServiceTicket(context.Background(), demo.Service)
	ts.Check(err)
	cache := ccache.Cache{Client: ticket.Client, Tickets: []kerberos.Credential{ticket}}
	ts.Check(cache.WriteFile(ts.MkAbs("alice.ccache")))
}

// kdcOfScript is the key of the KDC that world made.
type kdcOfScript struct{}

// scriptRotate: rotate FILE. Makes new keys of the service at the KDC, and
// writes them alone to FILE.
func scriptRotate(ts *testscript.TestScript, _ bool, args []string) {
	kdc := *ts.Value(kdcOfScript{}).(**krbtest.KDC)
	kdc.AddService(demo.Service)
	octets, err := kdc.Keytab([]string{demo.Service}).AppendBinary(nil)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), octets, 0o600))
}

// scriptHangup: hangup. Sends SIGHUP to all programs in the background.
func scriptHangup(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}

// scriptSaid: said FILE N TEXT. Waits until FILE is there and has TEXT N times.
func scriptSaid(ts *testscript.TestScript, _ bool, args []string) {
	times, err := strconv.Atoi(args[1])
	ts.Check(err)
	var text string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		octets, err := os.ReadFile(ts.MkAbs(args[0]))
		if text = string(octets); err == nil && strings.Count(text, args[2]) >= times {
			return
		}
	}
	ts.Fatalf("%s does not have %s %d times:\n%s", args[0], args[2], times, text)
}

// scriptInsist: insist. Sends SIGTERM to all programs in the background until
// they have ended. (SIGINT may be ignored by what began the test.)
func scriptInsist(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		deadline := time.Now().Add(2 * time.Minute)
		for cmd.Process.Signal(syscall.SIGTERM) == nil {
			if time.Now().After(deadline) {
				ts.Fatalf("%v still runs", cmd.Args)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// scriptExits: exits STATUS PROGRAM ARG…. Runs a program that has to end so.
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("%v, not exit status %s", err, args[0])
	}
}

// scriptHang: hang ADDRESS. Begins a request there that never ends.
func scriptHang(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /quotes HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: "+
		"9\r\nExpect: 100-continue\r\n\r\n")
	ts.Check(err)
	_, err = conn.Read(make([]byte, 1)) // the gateway waits for the body now
	ts.Check(err)
}

// scriptPort: port NAME. Sets NAME to a free loopback address.
func scriptPort(ts *testscript.TestScript, _ bool, args []string) {
	addr, err := loopback.Free()
	ts.Check(err)
	ts.Setenv(args[0], addr)
}

// scriptListening: [!] listening ADDRESS. Waits until somebody listens there,
// or nobody does.
func scriptListening(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", args[0])
		if err == nil {
			served := answers(conn)
			conn.Close()
			if !neg && served {
				return
			}
		}
		if neg && err != nil {
			return
		}
	}
	ts.Fatalf("%s: listening is still %v", args[0], neg)
}

// answers reports whether something is said to what is no request, or the
// connection closed: serve listens before it knows from when on it can tell
// replays, and what comes meanwhile waits.
func answers(conn net.Conn) bool {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "no request\r\n\r\n"); err != nil {
		return false
	}
	_, err := conn.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// scriptCertificate: certificate. Writes tls.crt and tls.key for 127.0.0.1.
func scriptCertificate(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(writeCertificate(ts.MkAbs(".")))
}

// writeCertificate writes tls.crt and tls.key for 127.0.0.1 to a directory.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return errors.Join(os.WriteFile(filepath.Join(dir, "tls.crt"), chain, 0o600),
		os.WriteFile(filepath.Join(dir, "tls.key"), secret, 0o600))
}

// writeKeytab writes svc.keytab with the present keys of the demo's service to a
// directory.
func writeKeytab(kdc *krbtest.KDC, dir string) error {
	octets, err := kdc.Keytab([]string{demo.Service}).AppendBinary(nil)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "svc.keytab"), octets, 0o600)
}

// scriptPass: [!] pass URL. Sends a message without any protection; succeeds if
// its answer comes back without any.
func scriptPass(ts *testscript.TestScript, neg bool, args []string) {
	client := scriptClient(ts, args[0])
	status, reply, err := client.Post(context.Background(), []byte(demo.Question))
	ts.Check(err)
	if passed := status == http.StatusOK && bytes.Contains(reply, []byte("Envelope")) &&
		!bytes.Contains(reply, []byte("Security")); passed == neg {
		ts.Fatalf("HTTP %d\n%s", status, reply)
	}
}

// scriptClient makes a client of the world, under the policy that POLICY names.
func scriptClient(ts *testscript.TestScript, url string) *demo.Client {
	client, err := demo.NewClient(ts.ReadFile("krb5.conf"), url)
	ts.Check(err)
	if name := ts.Getenv("POLICY"); name != "" {
		policy, _ := wssec.Preset(name)
		policy.AllowPlainHTTP = true // the reply's channel is the client's affair
		client.Processor, err = wssec.NewProcessor(policy, wssec.Config{})
		ts.Check(err)
	}
	if chain, err := os.ReadFile(ts.MkAbs("tls.crt")); err == nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(chain)
		client.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2: true}}
	}
	return client
}

// scriptCall: [!] call URL [FILE]. Sends a fresh protected request, or what
// FILE holds; a fresh one is kept in FILE. Succeeds if the reply verifies.
func scriptCall(ts *testscript.TestScript, neg bool, args []string) {
	ctx := context.Background()
	client := scriptClient(ts, args[0])
	wire, sent, err := client.Protect(ctx, demo.Question)
	ts.Check(err)
	if len(args) > 1 {
		if kept, err := os.ReadFile(ts.MkAbs(args[1])); err == nil {
			wire = kept
		} else {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), wire, 0o600))
		}
	}
	status, reply, err := client.Post(ctx, wire)
	ts.Check(err)
	_, err = client.Open(ctx, reply, sent)
	ts.Logf("HTTP %d: %v", status, err)
	if neg != (err != nil || status != http.StatusOK) {
		ts.Fatalf("HTTP %d: %v\n%s", status, err, reply)
	}
}

// Flag, variable and key of a setting are one name: kong's idea of the flags is
// compared with the tags of package config.
func TestSettingsHaveOneName(t *testing.T) {
	var c commands
	k, err := kong.New(&c, kong.Vars{"policies": "", "version": ""}, kong.DefaultEnvars(config.EnvironmentPrefix),
		kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range k.Model.Children {
		if n.Name != "serve" {
			continue
		}
		for _, f := range n.Flags {
			setting := f.Tag.Get("yaml")
			if f.Name == "help" || f.Name == "check" {
				continue
			}
			if setting != f.Name || len(f.Envs) != 1 || f.Envs[0] != config.Variable(setting) {
				t.Errorf("flag --%s, variable %v, key %q", f.Name, f.Envs, setting)
			}
		}
	}
}

// The exit status is part of the interface.
func TestExitCodeFollowsTheError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("x"), 1}, {usageError{errors.New("x")}, 2}, {fmt.Errorf("y: %w", &config.Error{}), 2},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
	}
}
