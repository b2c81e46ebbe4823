package interop

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/wssgate/wssgate/testvectors"
)

// policyOf returns the policy of a port of the lab's WSDL, as the recorded
// conversation of the same name has it: what is proven by the vectors is what
// is served here.
func policyOf(t *testing.T, port string) map[string]any {
	t.Helper()
	b, err := fs.ReadFile(testvectors.Files, "transcripts/"+port+"/case.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Policy map[string]any `yaml:"policy"`
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.Policy
}

// program builds the wssgate program once, with the race detector if the test
// has it, and returns its path.
func program(t *testing.T) string {
	t.Helper()
	need(t, "go")
	return builtProgram(t)
}

var builtProgram = once(func() (string, error) {
	dir, err := keptDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wssgate")
	cmd := exec.Command("go", "build", "-o", path, "../cmd/wssgate")
	if raceDetector {
		cmd.Args = slices.Insert(cmd.Args, 2, "-race")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // which it needs
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// A gateway is a running `wssgate serve`.
type gateway struct {
	url string
	log *output
	cmd *exec.Cmd
}

// serve starts the program with a route /PORT, with that port's policy, for
// each of ports.
func serve(t *testing.T, program string, k *kdc, backend string, tls bool, ports ...string) *gateway {
	t.Helper()
	return serveWith(t, program, k, backend, tls, nil, ports...)
}

// serveWith is serve with further settings for all routes.
func serveWith(t *testing.T, program string, k *kdc, backend string, tls bool, settings map[string]any,
	ports ...string) *gateway {
	t.Helper()
	return serveRoutes(t, program, k, backend, tls, settings, func(string, map[string]any) {}, ports...)
}

// serveRoutes is serveWith with further settings for each route, which is told
// the URL by which its clients know it.
func serveRoutes(t *testing.T, program string, k *kdc, backend string, tls bool, settings map[string]any,
	change func(url string, route map[string]any), ports ...string) *gateway {
	t.Helper()
	addr, _ := freeAddr(t)
	config := map[string]any{
		"listen":    addr,
		"state-dir": t.TempDir(),
		"keytab":    k.file("svc.keytab"),
		"service":   service,
		"backend":   backend,
	}
	where := url.URL{Scheme: "http", Host: addr}
	if tls {
		where.Scheme = "https"
		config["tls-cert"], config["tls-key"] = k.file("tls.crt"), k.file("tls.key")
	}
	maps.Copy(config, settings)
	var routes []map[string]any
	for _, p := range ports {
		route := map[string]any{"path": "/" + p}
		if strings.HasSuffix(p, "Soap12") {
			route["backend"] = backend + "12" // where the lab's plain service speaks SOAP 1.2
		}
		change(where.String()+"/"+p, route)
		if _, given := route["policy"]; !given {
			route["policy"] = policyOf(t, p)
		}
		routes = append(routes, route)
	}
	config["routes"] = routes
	b, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	g := &gateway{url: where.String(), cmd: exec.Command(program, "serve", "--config", file)}
	g.log = daemon(t, g.cmd, serving)
	return g
}

// restart kills the program as the kernel does when memory runs out, and starts
// it again with the same configuration.
func (g *gateway) restart(t *testing.T) {
	t.Helper()
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	where, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	for listening(where.Host)(nil) {
		time.Sleep(10 * time.Millisecond)
	}
	g.cmd = exec.Command(g.cmd.Path, g.cmd.Args[1:]...)
	g.log = daemon(t, g.cmd, serving)
}
