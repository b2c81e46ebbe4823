package mtom

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// What Apache CXF and WCF write, by their header fields, names and line ends.
func TestInlineReadsWhatPeersWrite(t *testing.T) {
	for name, c := range map[string]struct{ contentType, body, want string }{
		"CXF": {cxfType, "\n--uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317\n" +
			"Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\nContent-Transfer-Encoding: binary\n" +
			"Content-ID: <root.message@cxf.apache.org>\n\n" +
			envelope(soap.V11, "<f>"+includeTag("cid:e6d1f42c-1@cxf.apache.org")+"</f><g>"+
				includeTag("cid:0a1b0ccb-9639")+"</g>") +
			"\n--uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317\nContent-Type: application/octet-stream\n" +
			"Content-Transfer-Encoding: binary\nContent-ID: <e6d1f42c-1@cxf.apache.org>\n\nhel\nlo\n" +
			"--uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317\nContent-Type: application/ciphervalue\n" +
			"Content-Transfer-Encoding: binary\nContent-ID: <0a1b0ccb-9639>\n\n\x00\xff\n" +
			"--uuid:7aa37bca-014c-458d-adce-a6b1fcfb5317--",
			envelope(soap.V11, "<f>aGVsDQpsbw==</f><g>AP8=</g>")},
		"WCF": {wcfType, "\n--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1\nContent-ID: <http://tempuri.org/0>\n" +
			"Content-Transfer-Encoding: 8bit\n" +
			"Content-Type: application/xop+xml;charset=utf-8;type=\"application/soap+xml\"\n\n" +
			envelope(soap.V12, "<f>"+includeTag("cid:http%3A%2F%2Ftempuri.org%2F1%2F635")+"</f>") +
			"\n--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1\nContent-ID: <http://tempuri.org/1/635>\n" +
			"Content-Transfer-Encoding: binary\nContent-Type: application/octet-stream\n\n\n" +
			"\n--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1--\n",
			envelope(soap.V12, "<f>DQo=</f>")},
		"encodings, folded lines, no start, padding": {
			`Multipart/Related;boundary=b;type="application/xop+xml";start-info="text/xml"`,
			"--b \t\nContent-Type: application/xop+xml;\n charset=utf-8;\n\ttype=\"text/xml\"\n" +
				"Content-Transfer-Encoding: Quoted-Printable\n\n" +
				strings.ReplaceAll(envelope(soap.V11, "<f>"+includeTag("CID:a+b")+"</f><g>"+includeTag("cid:c")+"</g>"),
					"=", "=3D") +
				"\n--b\nContent-ID: a+b\nContent-Transfer-Encoding: base64\n" +
				"Content-Disposition: attachment; filename=\"ü\"\n\naGVs\nbG8=\n" +
				"\n--b\nContent-ID: <c>\n\n--b--\n\n",
			envelope(soap.V11, "<f>aGVsbG8=</f><g></g>"),
		},
		// https://github.com/dotnet/wcf/issues/4831
		"WCF of .NET 6, with the header fields of HTTP once more": {
			strings.Replace(wcfType, "application/soap+xml", "text/xml", 1),
			"MIME-Version: 1.0\nContent-Type: multipart/related;type=\"application/xop+xml\";boundary=\"another\"\n\n\n" +
				"--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1\nContent-ID: <http://tempuri.org/0>\n" +
				"Content-Transfer-Encoding: 8bit\nContent-Type: application/xop+xml;charset=utf-8;type=\"text/xml\"\n\n" +
				envelope(soap.V11, "<f>"+includeTag("cid:http://tempuri.org/1/635")+"</f>") +
				"\n--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1\nContent-ID: <http://tempuri.org/1/635>\n\nx" +
				"\n--uuid:c9dcfcb4-5d28-4b0c-9b4e-9a1d26ab32a6+id=1--\n",
			envelope(soap.V11, "<f>eA==</f>"),
		},
		// https://github.com/apache/cxf/pull/1028, https://github.com/spring-projects/spring-ws/issues/886,
		// https://github.com/lennykean/WcfCoreMtomEncoder/issues/13
		"names that are escaped: both, the URL, neither": {
			`multipart/related;boundary=b;type="application/xop+xml";start-info="text/xml"`,
			"--b\nContent-Type: application/xop+xml\n\n" + envelope(soap.V11, "<f>"+includeTag("cid:1@urn%3Aus%3Agov")+
				"</f><f>"+includeTag("cid:2%40host")+"</f><f>"+includeTag("cid:3@urn:us")+"</f><f>"+
				includeTag("cid:4%25@host")+"</f>") +
				"\n--b\nContent-ID: <3@urn:us>\n\n3\n--b\nContent-ID: <2@host>\n\n2" +
				"\n--b\nContent-ID: <1@urn%3Aus%3Agov>\n\n1\n--b\nContent-ID: <4%@host>\n\n4\n--b--",
			envelope(soap.V11, "<f>MQ==</f><f>Mg==</f><f>Mw==</f><f>NA==</f>"),
		},
		// https://github.com/owasp-modsecurity/ModSecurity/issues/435
		"SoapUI: names without brackets": {
			`multipart/related; type="application/xop+xml"; start="rootpart@soapui.org"; start-info="text/xml"; ` +
				`boundary="----=_Part_8_127403928.1323773710920"`,
			"------=_Part_8_127403928.1323773710920\nContent-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\n" +
				"Content-Transfer-Encoding: 8bit\nContent-ID: rootpart@soapui.org\n\n" + envelope(soap.V11, "<f/>") +
				"\n------=_Part_8_127403928.1323773710920--",
			envelope(soap.V11, "<f/>"),
		},
		"nested: a part that is multipart is octets": {
			`multipart/related;boundary=b;type="application/xop+xml";start-info="text/xml"`,
			"--b\nContent-Type: application/xop+xml\n\n" + envelope(soap.V11, "<f>"+includeTag("cid:a")+"</f>") +
				"\n--b\nContent-ID: <a>\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\n--b--",
			envelope(soap.V11, "<f>"+string(base64.AppendEncode(nil, crlfs("--c\n\nx\n--c--")))+"</f>"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			typ, err := ParseType(c.contentType)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Inline(crlfs(c.body), typ, xmltext.Options{})
			if err != nil || string(got) != c.want {
				t.Errorf("error %v\n got %s\nwant %s", err, got, c.want)
			}
		})
	}
}

// The octets of an envelope that is inlined count, and are not made if there are
// too many, or no room.
func TestInlineReservesBeforeItAllocates(t *testing.T) {
	body := simple("hello", strings.Repeat("x", 30000))
	for _, limit := range []int{40000, 41000} {
		got, err := Inline(body, simpleType, xmltext.Options{Limits: xmltext.Limits{MessageBytes: limit}})
		if fits := limit == 41000; fits != (err == nil) || !fits && codeOf(err) != CodeTooLarge {
			t.Errorf("limit %d: %d octets, error %v", limit, len(got), err)
		}
	}
	full := errors.New("full")
	for room := 0; ; room += 1000 {
		held := 0
		got, err := Inline(body, simpleType, xmltext.Options{Reserve: func(n int) error {
			if held+n > room {
				return full
			}
			held += n
			return nil
		}})
		if held != len(got) {
			t.Fatalf("%d octets of room: %d are reserved for %d", room, held, len(got))
		}
		if err == nil {
			break
		}
		if !errors.Is(err, full) || room > 100000 {
			t.Fatalf("%d octets of room: error %v", room, err)
		}
	}
}

func TestHasIncludeLooksIntoPlaintext(t *testing.T) {
	env, err := soap.Parse([]byte(envelope(soap.V11, "<a/>")), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if HasInclude(env.Root) {
		t.Error("there is none")
	}
	plaintext := []byte("<f>" + includeTag("cid:a") + "</f>")
	if err := env.Body.FirstChild().Graft(plaintext, xmltext.GraftElement, xmltext.Options{}); err != nil {
		t.Fatal(err)
	}
	if !HasInclude(env.Root) {
		t.Error("the one in the plaintext is not found")
	}
}

func TestEnvelopeRefusesAnotherVersion(t *testing.T) {
	env, err := Envelope(simple("", ""), simpleType, xmltext.Options{})
	if err != nil || env.Body.FirstChild().Text() != "aGVsbG8=" {
		t.Errorf("error %v", err)
	}
	if _, err := Envelope(simple(soap.NS11, soap.NS12), simpleType, xmltext.Options{}); codeOf(err) != CodePackage {
		t.Errorf("error %v", err)
	}
}

// What reading takes of the heap has been reserved, but for what does not grow
// with the message.
func TestInlineAllocatesNoMoreThanItReserves(t *testing.T) {
	many := simple("\n--b--", strings.Repeat("\n--b\nContent-ID: <"+strings.Repeat("c", 2000)+">\n\n", 990)+"\n--b--")
	for name, body := range map[string][]byte{
		"a large file":           simple("hello", strings.Repeat("x", 4<<20)),
		"a large file in base64": simple("binary\n\nhello", "base64\n\n"+strings.Repeat("abcd", 1<<20)),
		"quoted-printable":       simple("binary\n\nhello", "quoted-printable\n\n"+strings.Repeat("=41", 1<<20)),
		"many parts":             many,
		"much markup":            simple("<f>", strings.Repeat("<g/>", 100000)+"<f>"),
	} {
		reserved := 0
		opt := xmltext.Options{Reserve: func(n int) error { reserved += max(n, 0); return nil }}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Inline(body, simpleType, opt)
		runtime.ReadMemStats(&after)
		taken := int(after.TotalAlloc - before.TotalAlloc)
		if (err != nil) != (name == "many parts") || taken > reserved+reserved/4+256<<10 {
			t.Errorf("%s: %d octets for a body of %d, %d reserved, error %v", name, taken, len(body), reserved, err)
		}
	}
}

// The cost of a file of 10 MB beside that of its base64 (which is scanned).
func BenchmarkInline(b *testing.B) {
	file := make([]byte, 10<<20)
	for i := range file {
		file[i] = byte(rand.Uint32())
	}
	envelope := []byte(envelope(soap.V11, "<f>"+string(base64.AppendEncode(nil, file))+"</f>"))
	body, contentType, err := Append(nil, envelope, Form{Version: soap.V11}, xmltext.Options{})
	if err != nil {
		b.Fatal(err)
	}
	typ, err := ParseType(contentType)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Inline", func(b *testing.B) {
		for b.Loop() {
			if _, err := Inline(body, typ, xmltext.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Append", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := Append(nil, envelope, Form{Version: soap.V11}, xmltext.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Scan", func(b *testing.B) {
		for b.Loop() {
			if _, err := xmltext.Scan(envelope, xmltext.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
