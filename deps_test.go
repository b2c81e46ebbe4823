package wssgate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

const module = "github.com/wssgate/wssgate"

// kerberos satisfies the interfaces that wssec declares, and seal those of
// kerberos, without an adapter and without either knowing the other.
var (
	_ wssec.TokenVerifier = (*gss.Acceptor)(nil)
	_ gss.StateSealer     = seal.Keys{}
	_ wssec.ReplayCache   = gss.ReplayStore(nil)

	_ wssec.ClientReplayCache = gss.ClientReplayStore(nil)
	_ wssec.ClientReplayCache = (*replay.Memory)(nil)
	_ wssec.ClientReplayCache = (*replay.Journal)(nil)

	_ wssec.ContextStore = (*store.Memory)(nil)
	_ wssec.StateSealer  = seal.Keys{}

	_ negotiate.ContextStore = (*store.Memory)(nil)
	_ negotiate.ContextStore = wssec.ContextStore(nil)
	_ negotiate.StateSealer  = seal.Keys{}
)

// layers holds the packages of this module that a package may import in its own
// code (tests may import more). A package that is not listed fails the test: a
// new one is a decision, made here. Lower never imports higher; kerberos stands
// beside wssec, and only internal joins them.
var layers = map[string][]string{
	"testvectors": {},

	"soap/xmltext":                 {"internal/pool", "soap/xmltext/internal/octets"},
	"soap/xmltext/internal/octets": {},

	"soap":          {"soap/xmltext"},
	"soap/soaphttp": {"soap", "soap/xmltext"},
	"soap/mtom":     {"internal/base64", "soap", "soap/xmltext"},
	"wssec/xmldsig": {"internal/base64", "soap/xmltext"},
	"wssec/xmlenc":  {"internal/base64", "soap/xmltext"},
	"wssec": { // store and seal, for the security contexts of who names neither
		"internal/base64", "internal/pool", "internal/seal", "internal/store", "soap", "soap/xmltext", "wssec/xmldsig",
		"wssec/xmlenc",
	},

	"wstrust": {"internal/seal", "internal/store", "soap", "soap/xmltext", "wssec"},

	"replay": {},

	"kerberos/etype":           {},
	"kerberos":                 {"kerberos/etype"},
	"kerberos/internal/der":    {},
	"kerberos/internal/krbmsg": {"kerberos", "kerberos/etype", "kerberos/internal/der"},
	"kerberos/krb5conf":        {"kerberos/etype"},
	"kerberos/keytab":          {"kerberos", "kerberos/etype", "kerberos/internal/krbmsg"},
	"kerberos/ccache": {"kerberos", "kerberos/etype", "kerberos/internal/der", "kerberos/internal/krbmsg",
		"kerberos/krb5conf"},
	"kerberos/pac": {"kerberos", "kerberos/etype", "kerberos/internal/der", "kerberos/internal/krbmsg"},
	"kerberos/kdc": {
		"kerberos", "kerberos/ccache", "kerberos/etype", "kerberos/internal/der", "kerberos/internal/krbmsg",
		"kerberos/keytab", "kerberos/krb5conf",
	},
	"kerberos/gss": { // replay, for the store of who names none
		"kerberos", "kerberos/etype", "kerberos/internal/der", "kerberos/internal/krbmsg", "kerberos/keytab",
		"kerberos/krb5conf", "kerberos/pac", "replay",
	},
	"kerberos/negotiate": { // store and seal, for the cookies of who names neither
		"internal/seal", "internal/store", "kerberos", "kerberos/etype", "kerberos/gss",
	},
	"kerberos/inspect": {
		"kerberos", "kerberos/ccache", "kerberos/etype", "kerberos/gss", "kerberos/internal/der",
		"kerberos/internal/krbmsg", "kerberos/keytab", "kerberos/pac",
	},
	"kerberos/krbtest": {"internal/loopback", "kerberos", "kerberos/etype", "kerberos/gss", "kerberos/keytab",
		"replay"},
	"kerberos/krbtest/gsspeer": {"kerberos/krbtest"},
	"kerberos/kdcproxy": {"kerberos", "kerberos/internal/der", "kerberos/internal/krbmsg", "kerberos/kdc",
		"kerberos/krb5conf"},

	// The calling side, for any program: where tickets meet a Processor of a
	// client.
	"client": {"kerberos", "kerberos/gss", "replay", "soap", "soap/mtom", "soap/soaphttp", "soap/xmltext", "wssec",
		"wstrust"},

	// The same for the pages of browsers; web/wasm passes values between the two.
	"web": {"client", "kerberos", "kerberos/inspect", "kerberos/kdc", "kerberos/kdcproxy", "kerberos/negotiate", "soap",
		"soap/xmltext", "wssec", "wstrust"},
	"web/wasm": {"web"},

	// What the tests of several packages share; nothing else imports them.
	"kerberos/internal/kerberostest": {
		"kerberos", "kerberos/etype", "kerberos/gss", "kerberos/kdc", "kerberos/keytab", "kerberos/krbtest", "replay",
	},
	"kerberos/internal/seeds": {"kerberos", "kerberos/etype", "kerberos/internal/der", "kerberos/internal/krbmsg"},

	"internal/base64":                  {},
	"internal/buffer":                  {},
	"internal/pool":                    {},
	"internal/jsonlog":                 {},
	"internal/limit":                   {},
	"internal/firefox":                 {}, // a browser for tests
	"internal/loopback":                {}, // for krbtest, and for tests
	"internal/seal":                    {},
	"internal/store":                   {},
	"internal/telemetry":               {},
	"internal/telemetry/telemetrytest": {}, // a collector for tests
	"internal/store/storetest":         {}, // what the tests of every store share
	"internal/store/storeurl":          {},
	"internal/store/valkey":            {"internal/store", "internal/store/storeurl"},
	"internal/store/redistest":         {}, // servers for tests

	// What routes share with other nodes.
	"internal/stores": {"internal/config", "internal/store/storeurl", "internal/store/valkey", "wssec"},

	"internal/location": {"soap", "soap/xmltext", "wssec", "wssec/xmlenc"},

	"internal/access":  {"kerberos"},
	"internal/backend": {},

	"internal/identity": {"internal/door"},

	"internal/wsdl": {"soap", "soap/xmltext", "wssec"},

	"internal/importer": {"internal/config", "internal/wsdl", "kerberos", "soap", "soap/xmltext", "wssec"},

	"internal/config": {"internal/access", "internal/location", "internal/store/storeurl", "kerberos", "kerberos/pac",
		"soap", "soap/xmltext", "wssec"},
	"internal/doctor": {
		"internal/access", "internal/backend", "internal/config", "internal/identity", "internal/wrap", "kerberos",
		"kerberos/etype", "kerberos/gss", "kerberos/kdc", "kerberos/keytab", "kerberos/krb5conf", "replay", "wssec",
		"internal/store/storeurl", "internal/store/valkey", "internal/stores",
	},
	"internal/browser":       {},
	"internal/browser/build": {"internal/browser"}, // a program of its own
	"internal/door": {"internal/location", "kerberos", "kerberos/gss", "kerberos/negotiate", "soap", "soap/xmltext",
		"wssec", "wstrust"},
	// The calling side towards a backend.
	"internal/resecure": {"client", "internal/door", "internal/telemetry", "kerberos", "kerberos/kdc",
		"kerberos/negotiate", "replay", "soap",
		"soap/soaphttp", "wssec", "wstrust"},
	"internal/gateway": {"internal/access", "internal/buffer", "internal/config", "internal/door", "internal/limit",
		"internal/location",
		"internal/resecure", "internal/telemetry",
		"kerberos",
		"kerberos/negotiate", "soap", "soap/mtom", "soap/soaphttp", "soap/xmltext", "wssec", "wstrust", "internal/wsdl"},

	"internal/explain": {
		"kerberos", "kerberos/etype", "kerberos/gss", "kerberos/inspect", "kerberos/keytab", "soap", "soap/xmltext",
		"wssec", "wssec/xmldsig", "wssec/xmlenc", "wstrust",
	},

	// Where an Acceptor meets a Processor; nowhere else.
	"internal/assembly": {
		"internal/resecure",
		"internal/access", "internal/admin", "internal/audit", "internal/backend", "internal/browser", "internal/doctor",
		"internal/identity",
		"internal/config", "internal/door", "internal/gateway", "internal/limit", "internal/location", "internal/seal",
		"internal/store", "internal/store/valkey", "internal/stores", "internal/systemd", "internal/telemetry",
		"internal/wsdl",
		"kerberos/kdcproxy", "kerberos/krb5conf",
		"kerberos", "kerberos/etype", "kerberos/gss", "kerberos/kdc",
		"kerberos/keytab", "kerberos/negotiate", "kerberos/pac", "replay", "soap", "soap/xmltext", "wssec", "wstrust",
	},
	"internal/audit": {"internal/gateway"},
	// Who runs it looks at it from here.
	"internal/admin": {"internal/doctor", "internal/gateway", "kerberos/negotiate"},
	// Clients and checks beside it.
	"internal/demo": {
		"internal/assembly", "internal/browser", "internal/config", "internal/explain", "internal/gateway",
		"internal/wrap", "kerberos", "kerberos/ccache", "kerberos/gss", "kerberos/inspect", "kerberos/kdc",
		"kerberos/keytab", "kerberos/krbtest", "soap", "soap/xmltext", "wssec",
	},
	"internal/request": {"client", "internal/location", "kerberos", "kerberos/negotiate", "soap", "soap/xmltext"},
	"internal/attacks": {}, // of what is attacked it uses nothing
	// Of vectors of HTTP the receiver is a gateway, or its relay.
	"internal/vectors": {"internal/access", "internal/attacks", "internal/door", "internal/gateway", "internal/location",
		"kerberos", "kerberos/etype", "kerberos/gss", "kerberos/kdcproxy", "kerberos/keytab",
		"kerberos/negotiate", "replay", "soap", "soap/mtom", "soap/xmltext", "wssec", "wssec/xmldsig",
		"wssec/xmlenc", "wstrust"}, // xmlenc: whether a part is ciphertext yet
	"internal/wrap":    {},
	"internal/manual":  {},
	"internal/release": {}, // a program of its own
	"internal/systemd": {},

	// A sender of its own: of what is tested it uses the canonical form alone.
	"cmd/vectorgen": {"internal/attacks", "kerberos/krbtest", "soap/xmltext"},

	// Flags and calls.
	"cmd/wssgate": {
		"internal/browser",
		"client", "internal/assembly", "internal/config", "internal/demo", "internal/doctor", "internal/explain",
		"internal/gateway", "internal/identity", "internal/jsonlog", "internal/manual", "internal/request",
		"internal/vectors", "internal/wrap", "kerberos/inspect",
		"kerberos/kdc", "kerberos/kdcproxy",
		"internal/importer",
		"kerberos/keytab", "kerberos/krb5conf", "soap", "testvectors", "web", "wssec", "wstrust",
	},

	"interop":       {},
	"interop/nodes": {},

	// What any user of the library can do: public packages alone.
	"examples/client": {"client", "kerberos/kdc", "kerberos/keytab", "kerberos/krb5conf", "wssec"},
	"examples/service": {"kerberos", "kerberos/gss", "kerberos/keytab", "replay", "soap", "soap/soaphttp",
		"soap/xmltext", "wssec"},
}

// importers holds the packages that may import a third-party module in their own
// code; "…/..." stands for the package and all below it. A module that is not
// listed fails the test.
var importers = map[string][]string{
	"github.com/jcmturner/gokrb5/v8":      {"kerberos/krbtest"},
	"github.com/beevik/etree":             {"soap/xmltext"},
	"github.com/russellhaering/goxmldsig": {"internal/vectors"}, // the second opinion of `wssgate verify`
	"github.com/alecthomas/kong":          {"cmd/wssgate", "internal/config"},
	"github.com/antchfx/xpath":            {"internal/location"},
	"github.com/andybalholm/brotli":       {"internal/browser/build"},
	"github.com/goccy/go-yaml":            {"internal/config", "internal/vectors"},
	"github.com/rogpeppe/go-internal":     {"internal/vectors"},
	"github.com/fsnotify/fsnotify":        {"kerberos/keytab"},
	"github.com/coder/websocket":          {"internal/firefox", "kerberos/kdcproxy"},
	"github.com/valkey-io/valkey-go":      {"internal/store/valkey"},
	"github.com/prometheus/client_golang": {"internal/admin"},
	"github.com/pires/go-proxyproto":      {"internal/gateway"},
	"go.opentelemetry.io/otel":            {"internal/telemetry"},
	"go.opentelemetry.io/proto":           {"internal/telemetry/telemetrytest"},
	"google.golang.org/protobuf":          {"internal/telemetry/..."},
	"golang.org/x":                        {"..."},
}

// goPackage is the part of `go list -json` that the rules are about.
type goPackage struct {
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// path returns p's place in the module, "." for the root.
func (p goPackage) path() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

// packages returns those of the module, the one for browsers alone included.
func packages(t *testing.T) []goPackage {
	t.Helper()
	return append(packagesFor(t, os.Environ(), "./..."),
		packagesFor(t, append(os.Environ(), "GOOS=js", "GOARCH=wasm"), "./web/wasm")...)
}

func packagesFor(t *testing.T, env []string, pattern string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Doc,GoFiles,Imports", pattern)
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", explain(err))
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 { // else only tests live there
			pkgs = append(pkgs, p)
		}
	}
}

func explain(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return err.Error() + "\n" + string(e.Stderr)
	}
	return err.Error()
}

// matches reports whether path is in list, whose entries may end in "/...".
func matches(list []string, path string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		base, below := strings.CutSuffix(s, "...")
		base = strings.TrimSuffix(base, "/")
		return path == base || below && (base == "" || strings.HasPrefix(path, base+"/"))
	})
}

func TestImportsFollowTheLayers(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := layers[p.path()]
		if !known {
			t.Errorf("%s: not in the table of layers", p.path())
			continue
		}
		for _, imp := range p.Imports {
			if in, ok := strings.CutPrefix(imp, module+"/"); ok && !matches(allowed, in) {
				t.Errorf("%s imports %s, which its layer does not allow", p.path(), in)
			}
		}
	}
}

func TestThirdPartyModulesHaveOneImporter(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			host, _, _ := strings.Cut(imp, "/")
			if !strings.Contains(host, ".") || strings.HasPrefix(imp, module+"/") {
				continue // standard library, or ours
			}
			mod, ok := moduleOf(imp)
			if !ok {
				t.Errorf("%s imports %s: a dependency that is not in the table of importers", p.path(), imp)
			} else if !matches(importers[mod], p.path()) {
				t.Errorf("%s imports %s; only %s may", p.path(), imp, strings.Join(importers[mod], ", "))
			}
		}
	}
}

func moduleOf(imp string) (string, bool) {
	for mod := range importers {
		if imp == mod || strings.HasPrefix(imp, mod+"/") {
			return mod, true
		}
	}
	return "", false
}

func TestTestvectorsImportOnlyEmbed(t *testing.T) {
	for _, p := range packages(t) {
		if p.path() == "testvectors" && !slices.Equal(p.Imports, []string{"embed"}) {
			t.Errorf("testvectors imports %v; it imports nothing but embed, so that any project can use it", p.Imports)
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name
		if p.Name == "main" {
			want = ""
		} else if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.path())
		}
		if p.Doc == "" || !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its doc comment is %q; it has to start with %q", p.path(), p.Doc, want)
		}
	}
}

func TestGoModIsTidy(t *testing.T) {
	out, err := exec.Command("go", "mod", "tidy", "-diff").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "" && regexp.MustCompile(`dial tcp|no such host|GOPROXY=off|timeout`).Match(out) {
		t.Skipf("go mod tidy needs the network:\n%s", out)
	}
	t.Errorf("go mod tidy -diff: %v\n%s", err, out)
}

// sources calls f with every text file of the work tree.
func sources(t *testing.T, f func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "target"):
			return fs.SkipDir
		case !d.Type().IsRegular() || d.Name() == ".git": // of a linked work tree: a file
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && !bytes.Contains(b, []byte{0}) {
			f(path, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSourcesAreFormatted(t *testing.T) {
	sources(t, func(path string, text []byte) {
		if filepath.Ext(path) != ".go" {
			return
		}
		formatted, err := format.Source(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if !bytes.Equal(formatted, text) {
			t.Errorf("%s is not formatted: run gofmt -w %s", path, path)
		}
	})
}

// A path of somebody's machine in the repository means something that works
// only there.
func TestNoMachinePaths(t *testing.T) {
	machine := regexp.MustCompile(`(^|[\s"'=(:])/` + `(root|work|Users|home)/[\w.-]+`)
	sources(t, func(path string, text []byte) {
		for i, line := range bytes.Split(text, []byte("\n")) {
			if m := machine.Find(line); m != nil {
				t.Errorf("%s:%d: %s", path, i+1, m)
			}
		}
	})
}

// maxFiles bounds the source files of a package, tests not counted.
// docs/architecture.md says why wssec has more.
const maxFiles = 26

func TestPackagesAreNotTooLarge(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > maxFiles && p.path() != "wssec" {
			t.Errorf("%s has %d source files; divide it, or say in docs/architecture.md why not", p.path(), len(p.GoFiles))
		}
	}
}
