package gateway

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// Constants are declared apart from the tables that explain them.
func TestCodesExplainEveryConstant(t *testing.T) {
	t.Parallel()
	for dir, codes := range map[string]int{
		".": len(Codes()), "../../soap": len(soap.Codes()), "../../wssec": len(wssec.Codes()),
		"../../wstrust":  len(wstrust.Codes()),
		"../../kerberos": len(kerberos.Codes()),
	} {
		if n := codeConstants(t, dir); n != codes || n == 0 {
			t.Errorf("%s declares %d codes and explains %d", dir, n, codes)
		}
	}
}

// codeConstants counts the constants of type Code in the package of a
// directory.
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

func TestFaultKnowsEveryCode(t *testing.T) {
	t.Parallel()
	for _, c := range Codes() {
		fault, _ := c.Code.fault()
		ofXML := strings.HasPrefix(string(c.Code), "xml-") && c.Code != CodeXMLEncoding
		if ofXML != (fault == nil) {
			t.Errorf("%s: fault %v", c.Code, fault)
		}
	}
}

// What a client is told of an error is chosen in fault.go, and in FaultFor of
// wssec and wstrust, which fault.go alone calls.
func TestFaultOfIsTheOnlyPlaceOfFaults(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{"fault.go": true, "../../wssec/errors.go": true, "../../wstrust/errors.go": true}
	for _, dir := range []string{".", "../door", "../assembly", "../../wssec", "../../wstrust", "../../replay",
		"../../cmd/wssgate"} {
		for name, src := range sources(t, dir) {
			for _, text := range []string{"soap.Fault{", "FaultFor("} {
				if strings.Contains(src, text) && !allowed[name] {
					t.Errorf("%s has %s", name, text)
				}
			}
		}
	}
}
