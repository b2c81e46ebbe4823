package soaphttp

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// What is wrong with a Content-Type is named, with the cure, and does not hide
// which version of SOAP the sender speaks.
func TestMediaOfRejectsMalformedContentTypes(t *testing.T) {
	const v11, v12 = "text/xml", "application/soap+xml"
	for contentType, want := range map[string]struct {
		version soap.Version
		words   string
	}{
		v12 + "; charset=UTF-8; action=http://example.com/ticker": {soap.V12,
			`parameter action=http://example.com/ticker has to have quotes around its value: write ` +
				`action="http://example.com/ticker"`},
		v12 + `; action="urn:a`: {soap.V12,
			`parameter action="urn:a has no closing quote`},
		v12 + `; action="urn:a" charset=utf-8`: {soap.V12, "goes on behind its closing quote"},
		v12 + `; charset = utf-8; action = urn:a`: {soap.V12,
			`parameter action = urn:a has to have quotes around its value: write action="urn:a"`},
		v12 + "; action=": {soap.V12, "parameter action= has no value"},
		v12 + "; action": {soap.V12,
			"parameter action is not of the form name=value"},
		v12 + "; utf-8": {soap.V12,
			"parameter utf-8 is not of the form name=value"},
		v12 + `; "action"=a`:                    {soap.V12, "has a name that is none"},
		v12 + `; action="a"; Action="b"`:        {soap.V12, `parameter Action="b" is there twice`},
		v11 + "; charset=utf-8; charset=utf-16": {soap.V11, "parameter charset=utf-16 is there twice"},
		v11 + "; charset=utf 8":                 {soap.V11, `write charset="utf 8"`},
		"Application/SOAP+XML ; action=urn:a":   {soap.V12, `write action="urn:a"`},
		v12 + `; action="a;b" x; y`:             {soap.V12, "goes on behind its closing quote"},
		"text/plain; a=b:c":                     {0, `Content-Type is "text/plain"`},
		"application/xml":                       {0, `Content-Type is "application/xml"`},
		"":                                      {0, `Content-Type is ""`},
		`multipart/related; type="application/xop+xml"; start-info="application/soap+xml"`: {soap.V12, ""},
		`multipart/related; type=application/soap+xml`:                                     {soap.V12, ""},
	} {
		m, err := MediaOf(http.Header{"Content-Type": {contentType}})
		var own *Error
		if m.Version != want.version || !errors.As(err, &own) || !strings.Contains(err.Error(), want.words) {
			t.Errorf("%s:\n%v, %v\nwant %v, %s", contentType, m.Version, err, want.version, want.words)
		}
	}
	for contentType, want := range map[string]Media{
		v12 + `; charset=utf-8; action="urn:a;b\"c"`: {soap.V12, "utf-8", `urn:a;b"c`},
		v12 + `;action=urn.a; charset="UTF-16"`:      {soap.V12, "UTF-16", "urn.a"},
		v12 + `; action = urn.a; action=urn.a`:       {soap.V12, "", "urn.a"},
		v11 + ";; charset=utf-8 ; ;":                 {soap.V11, "utf-8", ""},
		v12 + `; ;action="urn:a;;b";;charset=utf-8`:  {soap.V12, "utf-8", "urn:a;;b"},
		"TEXT/XML;":                      {soap.V11, "", ""},
		v11 + "; charset='utf-8'":        {soap.V11, "'utf-8'", ""}, // a token; the scanner knows no such charset
		v12 + `; action*=utf-8''urn%3Aa`: {soap.V12, "", "urn:a"},
	} {
		if m, err := MediaOf(http.Header{"Content-Type": {contentType}}); err != nil || m != want {
			t.Errorf("%s: %+v, %v", contentType, m, err)
		}
	}
}

// The message in a multipart body has a version and an action, though such bodies
// are refused: its sender gets a fault that it can read.
func TestMediaOfReadsTheRootOfAMultipart(t *testing.T) {
	t.Parallel()
	const related = "Multipart/Related; boundary=b; start=\"<r>\"; "
	const xop = related + `type="application/xop+xml"; `
	for contentType, want := range map[string]Media{
		xop + `start-info="application/soap+xml; action=\"urn:a\""`: {soap.V12, "", "urn:a"},
		xop + `start-info="application/soap+xml"; action="urn:a"`:   {soap.V12, "", "urn:a"},
		xop + `start-info="Application/SOAP+XML;action=urn:a"`:      {soap.V12, "", ""},
		xop + `start-info="application/soap+xml;;action=\"urn:a\""`: {soap.V12, "", "urn:a"},
		related + `type="application/soap+xml"; action="urn:a"`:     {soap.V12, "", "urn:a"},
		xop + `start-info="text/xml"`:                               {soap.V11, "", `"urn:h"`},
		related + `type="text/xml"`:                                 {soap.V11, "", `"urn:h"`},
		related + `type="text/xml"; action="application/soap+xml"`:  {soap.V11, "", `"urn:h"`},
		xop: {},
		related + `type="image/png"; start-info="text/xml"`:               {},
		related + `type=application/xop+xml; x=application/soap+xml`:      {soap.V12, "", ""}, // not well-formed
		related + `type="application/soap+xml"; action*=utf-8''%0D%0AX:y`: {soap.V12, "", ""},
	} {
		m, err := MediaOf(http.Header{"Content-Type": {contentType}, "Soapaction": {`"urn:h"`}})
		var own *Error
		if !errors.As(err, &own) || own.Code != CodeMultipart || m != want {
			t.Errorf("%s:\n%+v, %v", contentType, m, err)
		}
	}
}

// Of two values the backend would get one, and what stands between might act on
// the other.
func TestMediaOfRejectsTwoActions(t *testing.T) {
	t.Parallel()
	h := http.Header{"Content-Type": {"text/xml"}, "Soapaction": {`"urn:a"`, `"urn:a"`}}
	if m, err := MediaOf(h); err != nil || m.Action != `"urn:a"` {
		t.Errorf("the same twice: %+v, %v", m, err)
	}
	h["Soapaction"] = []string{`"urn:a"`, `"urn:b"`}
	var own *Error
	if _, err := MediaOf(h); !errors.As(err, &own) || own.Code != CodeMediaType {
		t.Errorf("two values: %v", err)
	}
	h.Set("Content-Type", "application/soap+xml") // which has no SOAPAction
	if m, err := MediaOf(h); err != nil || m.Action != "" {
		t.Errorf("SOAP 1.2: %+v, %v", m, err)
	}
}

// The attack: a header section of parameters, which strangers may send. Two
// octets of each were copied with all that stood before them.
func TestMediaOfIsNotSlowForManyParameters(t *testing.T) {
	for _, parameter := range []string{";a=b", ";a"} {
		for _, v := range []soap.Version{soap.V11, soap.V12} {
			text := v.MediaType() + strings.Repeat(parameter, maxContentType/len(parameter)-16)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, _ := MediaOf(http.Header{"Content-Type": {text}})
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 64*maxContentType || m.Version != v {
				t.Errorf("%d octets for %d of %q, version %v", n, len(text), parameter, m.Version)
			}
			m, err := MediaOf(http.Header{"Content-Type": {text + strings.Repeat(parameter, 64)}})
			var own *Error
			if !errors.As(err, &own) || own.Code != CodeMediaType || m.Version != v ||
				!strings.Contains(err.Error(), "longer than") {
				t.Errorf("longer: %v, %v", m.Version, err)
			}
		}
	}
}

// wrongParameter reports nothing wrong with what is accepted.
func FuzzMediaOf(f *testing.F) {
	for _, s := range []string{`text/xml; charset="a;b"`, "application/soap+xml; action=urn:a", `a; b="\`,
		`a; b=c; b=d`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := MediaOf(http.Header{"Content-Type": {s}})
		if err != nil && len(err.Error()) > 1200 {
			t.Errorf("%d octets of error", len(err.Error()))
		}
		if err == nil && m.Version == 0 {
			t.Error("no version, and no error")
		}
	})
}

// What is known of the usual Content-Types is what package mime reads in them.
func TestUsualTypesAreThoseOfPackageMime(t *testing.T) {
	t.Parallel()
	for text, usual := range usualTypes {
		mediaType, params, err := mime.ParseMediaType(text)
		if err != nil || usual.mediaType != mediaType || !maps.Equal(usual.params, params) {
			t.Errorf("%s: %+v, want %s %v, %v", text, usual, mediaType, params, err)
		}
	}
}

// Of two Content-Types another reader may take the other one.
func TestMediaOfRefusesTwoContentTypes(t *testing.T) {
	t.Parallel()
	for _, types := range [][]string{{"text/xml", "text/xml"}, {"text/xml", "application/soap+xml"}, nil} {
		_, err := MediaOf(http.Header{"Content-Type": types})
		if err == nil || !strings.Contains(err.Error(), "not exactly one Content-Type") {
			t.Errorf("%q: %v", types, err)
		}
	}
}
