package mtom

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

func TestParseTypeRefuses(t *testing.T) {
	const xop = `multipart/related; type="application/xop+xml"; `
	const info = xop + `start-info="text/xml"; `
	refused := map[Code][]string{
		CodeAttachments: {`multipart/related; type="text/xml"; boundary=b`, `multipart/related; boundary=b`},
		CodePackage: {
			`multipart/mixed; type="application/xop+xml"; boundary=b; start-info="text/xml"`,
			info,
			info + `boundary=""`,
			info + `boundary="a "`,
			info + `boundary="a\"b"`,
			info + `boundary=a; boundary=b`,
			info + `boundary*=utf-8''b`,
			info + `boundary*0=a; boundary*1=b`,
			info + `boundary=` + strings.Repeat("b", 71),
			info + `boundary=b; x=` + strings.Repeat("b", maxContentType),
			info + `boundary=b; start="<a"`,
			info + `boundary=b; start=""`,
			xop + `boundary=b`,
			xop + `boundary=b; start-info="text/html"`,
		},
	}
	for want, all := range refused {
		for _, contentType := range all {
			if got, err := ParseType(contentType); codeOf(err) != want {
				t.Errorf("%.120s: %+v, error %v; want %s", contentType, got, err, want)
			}
		}
	}
}

// Content-Type of reports about others' programs: metro-jax-ws 670, node-soap
// 1054, gematik/api-ePA 3, gowsdl 217.
func TestParseTypeReadsWhatOthersReport(t *testing.T) {
	const metro = "rootpart*07037acb-266f-478f-997c-23da99146a30@example.jaxws.sun.com"
	for contentType, want := range map[string]Type{
		`multipart/related;start="<` + metro + `>";type="application/xop+xml";boundary="uuid:07037acb";` +
			`start-info="application/soap+xml";action="http://xmlsoap.org/EchoBinaryAsString"`: {
			"uuid:07037acb", metro, soap.V12},
		`multipart/related; type="application/xop+xml"; start="0bfcf82f-f55e-4931-b142-05429eff684c"; ` +
			`start-info="text/xml"; boundary=66ce22ce`: {"66ce22ce", "0bfcf82f-f55e-4931-b142-05429eff684c", soap.V11},
		`Multipart/Related; start-info="application/soap+xml"; type="application/xop+xml"; ` +
			`boundary=_MIME_MTOM_Boundary_; action="urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"`: {
			"_MIME_MTOM_Boundary_", "", soap.V12},
		`multipart/related; type="application/xop+xml";start="<http://tempuri.org/0>";boundary="uuid:xxxx";` +
			`start-info="text/xml"`: {"uuid:xxxx", "http://tempuri.org/0", soap.V11},
	} {
		if got, err := ParseType(contentType); err != nil || got != want {
			t.Errorf("%s: %+v, error %v", contentType, got, err)
		}
	}
}
