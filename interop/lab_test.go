package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/loopback"
)

const service = "bob/service.ws.apache.org@EXAMPLE.COM" // for which CXF's clients get their tickets

// A kdc is a running MIT KDC and what it gave out.
type kdc struct {
	dir   string // krb5.conf, svc.keytab, alice.keytab, lab.jaas, tls.crt, tls.key, tls.p12, ntlm
	calls struct {
		sync.Once
		*jvm
		err error
	}
}

// startKDC starts the KDC that the tests share. They change nothing in it.
func startKDC(t *testing.T) *kdc {
	t.Helper()
	need(t, "bash", "krb5kdc krb5-kdc", "kadmin.local krb5-admin-server", "kinit krb5-user", "openssl")
	return sharedKDC(t)
}

var sharedKDC = once(func() (*kdc, error) {
	dir, err := keptDir()
	if err != nil {
		return nil, err
	}
	addr, err := loopback.Free()
	if err != nil {
		return nil, err
	}
	k := &kdc{dir: dir}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("bash", "cxf/kdc.sh", "run")
	cmd.Env = append(os.Environ(), append(k.env(), "PORT="+port)...)
	if _, err := keptDaemon(cmd, listening(addr)); err != nil {
		return nil, err
	}
	return k, os.WriteFile(k.file("ntlm"), []byte("EXAMPLE:alice:alicepw\n"), 0o600)
})

func (k *kdc) env() []string {
	return []string{"LAB=" + k.dir, "KRB5_CONFIG=" + k.file("krb5.conf"), "KRB5_KDC_PROFILE=" + k.file("kdc.conf")}
}

func (k *kdc) file(name string) string { return filepath.Join(k.dir, name) }

// cxf is our programs around Apache CXF, compiled.
type cxf struct {
	*kdc
	build string
}

// newCXF compiles the programs, or takes what an earlier run compiled from the
// same sources.
func newCXF(t *testing.T, k *kdc) *cxf {
	t.Helper()
	need(t, "bash", "java default-jdk-headless", "javac default-jdk-headless", "mvn maven", "python3")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	c := &cxf{kdc: k, build: filepath.Join(cache, "wssgate-interop", "cxf-"+sourcesID(t, "cxf"))}
	if err := c.compile(); err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("CXF cannot be built, which needs Maven Central: %v", err)
		}
		t.Fatalf("build CXF: %v", err)
	}
	return c
}

var compiling sync.Mutex

func (c *cxf) compile() error {
	compiling.Lock()
	defer compiling.Unlock()
	if c.built() {
		return nil
	}
	cmd := exec.Command("bash", "cxf/build.sh")
	cmd.Env = append(os.Environ(), c.env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// sourcesID names the state of all files below dir.
func sourcesID(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		h.Write(append([]byte(path), sum[:]...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// built reports whether the programs and every library that they need are
// there.
func (c *cxf) built() bool {
	path, err := os.ReadFile(filepath.Join(c.build, "cp.txt"))
	if err != nil {
		return false
	}
	for _, jar := range strings.Split(strings.TrimSpace(string(path)), ":") {
		if _, err := os.Stat(jar); err != nil {
			return false
		}
	}
	return true
}

func (c *cxf) env() []string { return append(c.kdc.env(), "CXFLAB="+c.build) }

// java returns the arguments that run one of the programs with bash.
func (c *cxf) java(class string, args ...string) []string {
	return append([]string{"-c", `. cxf/env.sh; java_lab "$@"`, "java", "lab." + class}, args...)
}

// A labServer is one of the lab's servers.
type labServer struct {
	*process
	url, tls string
}

// labServers are those that the tests share, by their names.
var labServers struct {
	sync.Mutex
	started map[string]func(*testing.T) *labServer
}

// server returns the server of a class that the tests share. The first that asks
// starts it, with arguments that follow from its two ports.
func (c *cxf) server(t *testing.T, class string, args func(port, tlsPort string) []string) *labServer {
	t.Helper()
	labServers.Lock()
	start, known := labServers.started[class]
	if !known {
		start = once(func() (*labServer, error) { return c.startServer(class, args, keptDaemon) })
		if labServers.started == nil {
			labServers.started = map[string]func(*testing.T) *labServer{}
		}
		labServers.started[class] = start
	}
	labServers.Unlock()
	s := start(t)
	s.show(t)
	return s
}

func (c *cxf) startServer(class string, args func(port, tlsPort string) []string,
	begin func(*exec.Cmd, func(*output) bool) (*process, error)) (*labServer, error) {
	addr, err := loopback.Free()
	if err != nil {
		return nil, err
	}
	tlsAddr, err := loopback.Free()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	_, tlsPort, _ := net.SplitHostPort(tlsAddr)
	cmd := exec.Command("bash", c.java(class, args(port, tlsPort)...)...)
	cmd.Env = append(os.Environ(), c.env()...)
	p, err := begin(cmd, saidReady)
	return &labServer{p, "http://" + addr, "https://" + tlsAddr}, err
}

// backend starts CXF's plain service and returns its URL.
func (c *cxf) backend(t *testing.T) string {
	t.Helper()
	return c.server(t, "PlainBackend", plainBackend).url + "/DoubleIt"
}

func plainBackend(port, _ string) []string {
	return []string{"-address", "http://127.0.0.1:" + port + "/", "-path", "DoubleIt"}
}

// backendOutput is backend with one for this test alone, and what it prints.
func (c *cxf) backendOutput(t *testing.T) (url string, out *output) {
	t.Helper()
	s, err := c.startServer("PlainBackend", plainBackend, begin)
	if err != nil {
		t.Fatal(err)
	}
	s.show(t)
	t.Cleanup(func() { _ = s.stop() })
	return s.url + "/DoubleIt", s.out
}

// secureServer starts CXF's own server for the ports of the WSDL that have a
// token of Kerberos, and returns its URLs.
func (c *cxf) secureServer(t *testing.T) (plain, tls string) {
	t.Helper()
	s := c.server(t, "SecureServer", func(port, tlsPort string) []string {
		return []string{"-wsdl", c.wsdl(), "-only", "(Ktp|Spnego).*", "-http", port, "-https", tlsPort,
			"-p12", c.file("tls.p12")}
	})
	return s.url, s.tls
}

func (c *cxf) wsdl() string { return filepath.Join(c.build, "lab", "Lab.wsdl") }

// call runs a CXF client with the policy of port against url. The client
// succeeds only if each of its calls got the right answer and CXF found its
// protection to be as the policy asks.
func (c *cxf) call(t *testing.T, port, url string, args ...string) (string, error) {
	t.Helper()
	return c.run(t, "Client", append([]string{"-wsdl", c.wsdl(), "-port", port, "-url", url}, args...)...)
}
