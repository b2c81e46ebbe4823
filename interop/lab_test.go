package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const service = "bob/service.ws.apache.org@EXAMPLE.COM" // for which CXF's clients get their tickets

// A kdc is a running MIT KDC and what it gave out.
type kdc struct {
	dir string // krb5.conf, svc.keytab, alice.keytab, lab.jaas, tls.crt, tls.key
}

func startKDC(t *testing.T) *kdc {
	t.Helper()
	need(t, "bash", "krb5kdc krb5-kdc", "kadmin.local krb5-admin-server", "kinit krb5-user", "openssl")
	addr, port := freeAddr(t)
	k := &kdc{dir: t.TempDir()}
	cmd := exec.Command("bash", "cxf/kdc.sh", "run")
	cmd.Env = append(os.Environ(), append(k.env(), "PORT="+port)...)
	daemon(t, cmd, listening(addr))
	return k
}

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
	if c.built() {
		return c
	}
	if out, err := runs(t, c.env(), "bash", "cxf/build.sh"); err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("CXF cannot be built, which needs Maven Central: %v\n%s", err, out)
		}
		t.Fatalf("build CXF: %v\n%s", err, out)
	}
	return c
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

// backend starts CXF's plain service and returns its URL.
func (c *cxf) backend(t *testing.T) string {
	t.Helper()
	url, _ := c.backendOutput(t)
	return url
}

// backendOutput is backend with what the service prints.
func (c *cxf) backendOutput(t *testing.T) (url string, out *output) {
	t.Helper()
	addr, _ := freeAddr(t)
	cmd := exec.Command("bash", c.java("PlainBackend", "-address", "http://"+addr+"/", "-path", "DoubleIt")...)
	cmd.Env = append(os.Environ(), c.env()...)
	out = daemon(t, cmd, saidReady)
	return "http://" + addr + "/DoubleIt", out
}

// secureServer starts CXF's own server for the ports of the WSDL that only (a
// regular expression) names, and returns its URLs.
func (c *cxf) secureServer(t *testing.T, only string) (plain, tls string) {
	t.Helper()
	addr, port := freeAddr(t)
	tlsAddr, tlsPort := freeAddr(t)
	cmd := exec.Command("bash", c.java("SecureServer", "-wsdl", c.wsdl(), "-only", only, "-http", port,
		"-https", tlsPort, "-p12", c.file("tls.p12"))...)
	cmd.Env = append(os.Environ(), c.env()...)
	daemon(t, cmd, saidReady)
	return "http://" + addr, "https://" + tlsAddr
}

func (c *cxf) wsdl() string { return filepath.Join(c.build, "lab", "Lab.wsdl") }

// call runs a CXF client with the policy of port against url. The client
// succeeds only if each of its calls got the right answer and CXF found its
// protection to be as the policy asks.
func (c *cxf) call(t *testing.T, port, url string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"-wsdl", c.wsdl(), "-port", port, "-url", url}, args...)
	return runs(t, c.env(), "bash", c.java("Client", args...)...)
}
