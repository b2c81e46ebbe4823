package importer

import (
	"os"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
)

// Whatever a WSDL holds: what is printed is a configuration that serve takes, with
// what the WSDL may decide and nothing else, and without --partial it is printed for
// no WSDL that asks for what wssgate does not have.
func FuzzImport(f *testing.F) {
	lab, err := os.ReadFile("../wsdl/testdata/lab.wsdl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(lab[:strings.Index(string(lab), "<wsdl:service")]) + "</wsdl:definitions>")
	f.Add(service{}.wsdl())
	f.Add(service{input: `wsam:Action="urn:ask"`, binding: kerberosPolicy + "<wsam:Addressing/>",
		endpoint: `<wsa:EndpointReference><i:Identity><i:Spn>host/a</i:Spn></i:Identity></wsa:EndpointReference>`,
		ports:    `<w:port name="Q" binding="t:B"><s:address location="https://localhost/&#10;other"/></w:port>`}.wsdl())
	f.Fuzz(func(t *testing.T, src string) {
		imported := func(partial bool) ([]byte, error) {
			return Import(t.Context(), Config{Source: "-", Stdin: strings.NewReader(src), Partial: partial, Keytab: "k"})
		}
		text, err := imported(true)
		whole, err2 := imported(false)
		if err2 == nil && (err != nil || string(whole) != string(text)) || err == nil && err2 != nil &&
			!strings.Contains(string(text), "# NOT COMPLETE") {
			t.Fatalf("whole: %v\n%s\npartial: %v\n%s", err2, whole, err, text)
		}
		if err != nil {
			return
		}
		cfg, err := config.Parse("x", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, r := range cfg.Routes {
			if r.AllowRC4 || len(r.PassHTTPHeaders)+len(r.UnderstoodHeaders)+len(r.ForwardActors)+len(r.TrustedRealms) > 0 ||
				!strings.HasPrefix(r.Backend[0], "http://backend.invalid/") || r.Standard == config.StandardNone ||
				r.TLSOffloaded || r.WSDL != config.WSDLRefused || r.OtherHeaders != "drop" ||
				r.PrincipalHeader != "X-Wssgate-Principal" {
				t.Fatalf("%+v\n%s", r, text)
			}
			for _, p := range r.Policy.All() {
				if p.AllowPlainHTTP || p.AllowUnsignedBody {
					t.Fatalf("%+v\n%s", p, text)
				}
			}
		}
	})
}
