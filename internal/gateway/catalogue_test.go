package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

func TestEveryCodeHasOneEntryWithCauseCureAndFault(t *testing.T) {
	entries := map[string]Entry{}
	for _, e := range Catalogue() {
		if _, twice := entries[e.Code]; twice {
			t.Errorf("%s is a code of two packages", e.Code)
		}
		entries[e.Code] = e
		if e.Cause == "" || e.Cure == "" || e.Fault() == "" || !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(e.Code) {
			t.Errorf("entry %+v", e)
		}
	}
	if want := len(Codes()) + len(soap.Codes()) + len(wssec.Codes()) + len(kerberos.Codes()); len(entries) != want {
		t.Errorf("%d entries of %d codes", len(entries), want)
	}
	for code, cure := range settingCures() {
		if e, known := entries[code]; !known || e.Cure != cure {
			t.Errorf("a cure for %s, which no package has", code)
		}
	}
}

// Constants are declared apart from the tables that explain them.
func TestEveryConstantOfACodeIsExplained(t *testing.T) {
	for dir, codes := range map[string]int{
		".": len(Codes()), "../../soap": len(soap.Codes()), "../../wssec": len(wssec.Codes()), "../../kerberos": len(kerberos.Codes()),
	} {
		if n := codeConstants(t, dir); n != codes || n == 0 {
			t.Errorf("%s declares %d codes and explains %d", dir, n, codes)
		}
	}
}

func TestEveryCodeOfTheGatewayHasAFaultOfItsOwn(t *testing.T) {
	for _, c := range Codes() {
		fault, _ := c.Code.fault()
		if isXML := regexp.MustCompile("^xml-").MatchString(string(c.Code)); isXML != (fault == nil) {
			t.Errorf("%s: fault %v", c.Code, fault)
		}
	}
}

// What a client is told of an error is chosen in fault.go, and in FaultFor of
// wssec, which fault.go alone calls.
func TestFaultsAreChosenInOnePlace(t *testing.T) {
	allowed := map[string]bool{"fault.go": true, "../../wssec/errors.go": true}
	for _, dir := range []string{".", "../door", "../assembly", "../../wssec", "../../replay", "../../cmd/wssgate"} {
		for name, src := range sources(t, dir) {
			for _, text := range []string{"soap.Fault{", "FaultFor("} {
				if strings.Contains(src, text) && !allowed[name] {
					t.Errorf("%s has %s", name, text)
				}
			}
		}
	}
}

// codeConstants counts the constants of type Code in the package of a directory.
func codeConstants(t *testing.T, dir string) (n int) {
	t.Helper()
	for name, src := range sources(t, dir) {
		file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if v, ok := node.(*ast.ValueSpec); ok {
				if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Code" && len(v.Values) == len(v.Names) {
					n += len(v.Names)
				}
			}
			return true
		})
	}
	return n
}

// sources returns the files of a package, tests apart.
func sources(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %d files", dir, err, len(names))
	}
	files := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(src)
	}
	return files
}
