package gateway

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// What is wrong with a Content-Type is named, with the cure, and does not hide
// which version of SOAP the sender speaks.
func TestMalformedContentTypes(t *testing.T) {
	const v11, v12 = "text/xml", "application/soap+xml"
	for contentType, want := range map[string]struct {
		version soap.Version
		words   string
	}{
		v12 + "; charset=UTF-8; action=http://example.com/ticker": {soap.V12, `parameter action=http://example.com/ticker has to have quotes around its value: write action="http://example.com/ticker"`},
		v12 + `; action="urn:a`:                                   {soap.V12, `parameter action="urn:a has no closing quote`},
		v12 + `; action="urn:a" charset=utf-8`:                    {soap.V12, "goes on behind its closing quote"},
		v12 + `; charset = utf-8; action = urn:a`:                 {soap.V12, `parameter action = urn:a has to have quotes around its value: write action="urn:a"`},
		v12 + "; action=":                                         {soap.V12, "parameter action= has no value"},
		v12 + "; action":                                          {soap.V12, "parameter action is not of the form name=value"},
		v12 + "; utf-8":                                           {soap.V12, "parameter utf-8 is not of the form name=value"},
		v12 + `; "action"=a`:                                      {soap.V12, "has a name that is none"},
		v12 + `; action="a"; Action="b"`:                          {soap.V12, `parameter Action="b" is there twice`},
		v11 + "; charset=utf-8; charset=utf-16":                   {soap.V11, "parameter charset=utf-16 is there twice"},
		v11 + "; charset=utf 8":                                   {soap.V11, `write charset="utf 8"`},
		"Application/SOAP+XML ; action=urn:a":                     {soap.V12, `write action="urn:a"`},
		v12 + `; action="a;b" x; y`:                               {soap.V12, "goes on behind its closing quote"},
		"text/plain; a=b:c":                                       {0, `Content-Type is "text/plain"`},
		"application/xml":                                         {0, `Content-Type is "application/xml"`},
		"":                                                        {0, `Content-Type is ""`},
		`multipart/related; type="application/xop+xml"; start-info="application/soap+xml"`: {soap.V12, ""},
		`multipart/related; type=application/soap+xml`:                                     {soap.V12, ""},
	} {
		m, err := mediaOf(http.Header{"Content-Type": {contentType}})
		var own *Error
		if m.version != want.version || !errors.As(err, &own) || !strings.Contains(err.Error(), want.words) {
			t.Errorf("%s:\n%v, %v\nwant %v, %s", contentType, m.version, err, want.version, want.words)
		}
	}
	for contentType, want := range map[string]media{
		v12 + `; charset=utf-8; action="urn:a;b\"c"`: {soap.V12, "utf-8", `urn:a;b"c`},
		v12 + `;action=urn.a; charset="UTF-16"`:      {soap.V12, "UTF-16", "urn.a"},
		v12 + `; action = urn.a; action=urn.a`:       {soap.V12, "", "urn.a"},
		v11 + ";; charset=utf-8 ; ;":                 {soap.V11, "utf-8", ""},
		v12 + `; ;action="urn:a;;b";;charset=utf-8`:  {soap.V12, "utf-8", "urn:a;;b"},
		"TEXT/XML;":                      {soap.V11, "", ""},
		v11 + "; charset='utf-8'":        {soap.V11, "'utf-8'", ""}, // a token; the scanner knows no such charset
		v12 + `; action*=utf-8''urn%3Aa`: {soap.V12, "", "urn:a"},
	} {
		if m, err := mediaOf(http.Header{"Content-Type": {contentType}}); err != nil || m != want {
			t.Errorf("%s: %+v, %v", contentType, m, err)
		}
	}
}

// wrongParameter never says that something is wrong with what is taken.
func FuzzContentType(f *testing.F) {
	for _, s := range []string{`text/xml; charset="a;b"`, "application/soap+xml; action=urn:a", `a; b="\`, `a; b=c; b=d`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := mediaOf(http.Header{"Content-Type": {s}})
		if err != nil && len(err.Error()) > 1200 {
			t.Errorf("%d octets of error", len(err.Error()))
		}
		if err == nil && m.version == 0 {
			t.Error("no version, and no error")
		}
	})
}
