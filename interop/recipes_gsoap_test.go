package interop

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quotes is a service without security that knows the price of ACME, and what it
// publishes with ?wsdl.
func quotes(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		if r.Method == http.MethodGet {
			fmt.Fprint(w, quotesWSDL)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), ">ACME<") {
			http.Error(w, "unknown", http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`+
			`<GetQuoteResponse xmlns="urn:quotes"><price>9.75</price></GetQuoteResponse></e:Body></e:Envelope>`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const quotesWSDL = `<wsdl:definitions name="Quotes" targetNamespace="urn:quotes" xmlns:q="urn:quotes"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <wsdl:types><xsd:schema targetNamespace="urn:quotes" elementFormDefault="qualified">
    <xsd:element name="GetQuote"><xsd:complexType><xsd:sequence>
      <xsd:element name="symbol" type="xsd:string"/>
    </xsd:sequence></xsd:complexType></xsd:element>
    <xsd:element name="GetQuoteResponse"><xsd:complexType><xsd:sequence>
      <xsd:element name="price" type="xsd:decimal"/>
    </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:schema></wsdl:types>
  <wsdl:message name="GetQuote"><wsdl:part name="parameters" element="q:GetQuote"/></wsdl:message>
  <wsdl:message name="GetQuoteResponse"><wsdl:part name="parameters" element="q:GetQuoteResponse"/></wsdl:message>
  <wsdl:portType name="Quotes"><wsdl:operation name="GetQuote">
    <wsdl:input message="q:GetQuote"/><wsdl:output message="q:GetQuoteResponse"/>
  </wsdl:operation></wsdl:portType>
  <wsdl:binding name="Quotes" type="q:Quotes">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="GetQuote"><soap:operation soapAction="urn:quotes:GetQuote"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="QuotesService"><wsdl:port name="Quotes" binding="q:Quotes">
    <soap:address location="http://localhost:9100/quotes"/>
  </wsdl:port></wsdl:service>
</wsdl:definitions>
`

var withGSOAP = flag.Bool("gsoap", false, "compile and run the recipes for gSOAP")

// The clients of gSOAP: blocks of the page, with the names of the lab, made of the
// WSDL that the gateway serves.
func TestRecipesOfGSOAPRunAsWritten(t *testing.T) {
	if !*withGSOAP {
		t.Skip("with -gsoap only: its compiler is 20 MB, and g++ takes half a minute")
	}
	need(t, "wsdl2h gsoap", "soapcpp2 gsoap", "g++", "curl", "pkg-config")
	for file, pkg := range map[string]string{"stdsoap2.h": "libgsoap-dev", "zlib.h": "zlib1g-dev",
		"mit-krb5/gssapi/gssapi_ext.h": "krb5-multidev", "openssl/ssl.h": "libssl-dev"} {
		if _, err := os.Stat(filepath.Join("/usr/include", file)); err != nil {
			missing(t, file, pkg)
		}
	}
	k := startKDC(t)
	g := serveHTTPRoutes(t, k, quotes(t), map[string]map[string]any{
		"/http":   {},
		"/quotes": {"standard": "soap", "policy": "KerberosOverTransport", "wsdl": "backend"},
	})
	lab := strings.NewReplacer("https://gateway.example.com", g.url, "HTTP@gateway.example.com", "HTTP@localhost",
		"/etc/ssl/certs/ca-certificates.crt", k.file("tls.crt"))
	env := append(k.clientEnv(t), "CURL_CA_BUNDLE="+k.file("tls.crt"))
	for program, route := range map[string]string{"negotiate": "/http", "call": "/quotes"} {
		dir := t.TempDir()
		for name, text := range map[string]string{program + ".cpp": recipe(t, "cpp", "// "+program+".cpp"),
			"build.sh": recipe(t, "sh", "-o "+program+" ")} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(lab.Replace(text)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out := mustRun(t, env, "bash", "-ec", `cd "$1" && . ./build.sh`, "bash", dir)
		if !strings.HasSuffix(out, "\n9.75\n9.75\n") {
			t.Errorf("%s: %s", program, out)
		}
		calls := 0
		for line := range strings.Lines(g.log.String()) {
			if strings.Contains(line, `"route":"`+route+`"`) && strings.Contains(line, `"method":"POST"`) &&
				strings.Contains(line, `"code":"ok"`) && strings.Contains(line, `"principal":"alice@EXAMPLE.COM"`) {
				calls++
			}
		}
		if calls != 2 {
			t.Errorf("%s: %d calls of alice's\n%s", program, calls, g.log)
		}
	}
}
