package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What wssgate import makes of the lab's WSDL is served as it is, and every CXF
// client of that WSDL gets its answers: the client and the gateway have their
// policies from the same file. One port has no route, as its clients keep their
// tickets to themselves (IncludeToken/Never), and CXF's own server refuses them.
func TestCXFClientsCallRoutesImportedFromTheirWSDL(t *testing.T) {
	c := newCXF(t, startKDC(t))
	backend, wssgate := c.backend(t), program(t)
	if lab, kept := routesOf(t, wssgate, c.wsdl()), routesOf(t, wssgate,
		"../internal/wsdl/testdata/lab.wsdl"); lab != kept {
		t.Errorf("internal/wsdl/testdata/lab.wsdl has other policies than interop/cxf/gen_wsdl.py "+
			"writes:\n%s\nand\n%s", kept, lab)
	}
	overTLS, plain := importedPorts(t, wssgate, c)
	if len(plain) < 20 || len(overTLS) < 10 {
		t.Errorf("imported are %v and, over TLS, %v", plain, overTLS)
	}
	soap12 := func(port string) bool { return strings.HasSuffix(port, "Soap12") }
	for _, g := range []struct {
		tls     bool
		backend string
		ports   []string
	}{
		{false, backend, slices.DeleteFunc(slices.Clone(plain), soap12)},
		{false, backend + "12", []string{"KtpSymmetricSoap12"}},
		{true, backend, overTLS},
	} {
		running := serveImported(t, wssgate, c, g.backend, g.tls, g.ports)
		for _, port := range g.ports {
			t.Run(port, func(t *testing.T) {
				t.Parallel()
				args := []string{"-count", "2"}
				if strings.Contains(port, "SecureConversation") {
					args = append(args, "-cancel")
				}
				out, err := c.call(t, port, running.url+"/"+port, args...)
				if err != nil {
					t.Errorf("CXF's client: %v\n%s\n%s", err, out, running.log)
				}
			})
		}
	}
}

// routesOf returns what import prints, without comments and the name of the file.
func routesOf(t *testing.T, wssgate, wsdl string) string {
	t.Helper()
	out, err := exec.Command(wssgate, "import", "--partial", wsdl).Output()
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	return regexp.MustCompile(`( *#| +wsdl:).*`).ReplaceAllString(string(out), "")
}

// importedPorts returns the ports of the lab's WSDL, by whether their routes are on
// the listener with TLS.
func importedPorts(t *testing.T, wssgate string, c *cxf) (overTLS, plain []string) {
	t.Helper()
	out, err := exec.Command(wssgate, "import", "--partial", c.wsdl()).Output()
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`- path: /(\S+) .*\n +on-listeners: `+
		`\[(\w+)\]`).FindAllStringSubmatch(string(out), -1) {
		if m[2] == "tls" {
			overTLS = append(overTLS, m[1])
		} else {
			plain = append(plain, m[1])
		}
	}
	return overTLS, plain
}

// serveImported imports the routes of these ports and serves them, unchanged.
func serveImported(t *testing.T, wssgate string, c *cxf, backend string, tls bool, ports []string) *gateway {
	t.Helper()
	addr, _ := freeAddr(t)
	args := []string{"import", c.wsdl(), "--backend", backend, "--keytab", c.file("svc.keytab"), "--service", service}
	g := &gateway{url: "http://" + addr}
	if tls {
		g.url = "https://" + addr
		args = append(args, "--listen-tls", addr, "--tls-cert", c.file("tls.crt"), "--tls-key", c.file("tls.key"))
	} else {
		args = append(args, "--listen", addr)
	}
	args = append(args, "--address", g.url)
	for _, port := range ports {
		args = append(args, "--route", "/"+port)
	}
	out, err := exec.Command(wssgate, args...).Output()
	if err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(wssgate, "serve", "--config", file, "--state-dir", t.TempDir(), "--admin", "off")
	g.log = daemon(t, g.cmd, serving)
	return g
}
