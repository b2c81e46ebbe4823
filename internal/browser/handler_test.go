package browser

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// The files of the tests. The octets under br are no brotli: nothing here reads
// them.
const (
	program = "\x00asm and more"
	entry   = "export * from \"./wssgate-0a.js\";\n"
)

// dist returns a folder of the client, whose program is not kept without coding.
func dist(t *testing.T) fstest.MapFS {
	t.Helper()
	folder := fstest.MapFS{"README.md": {Data: []byte("# not of it")}}
	var list []File
	for _, f := range []File{
		{Name: Entry, Type: "text/javascript; charset=utf-8"},
		{Name: "wssgate-0a.js", Type: "text/javascript; charset=utf-8", Immutable: true},
		{Name: "wssgate-0b.wasm", Type: "application/wasm", Immutable: true},
	} {
		text := entry
		if f.Name == "wssgate-0b.wasm" {
			text = program
		} else {
			folder[f.Name] = &fstest.MapFile{Data: []byte(text)}
		}
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		folder[f.Name+".gz"] = &fstest.MapFile{Data: zipped.Bytes()}
		folder[f.Name+".br"] = &fstest.MapFile{Data: []byte("br of " + f.Name)}
		f.Size, f.Integrity = len(text), Integrity([]byte(text))
		list = append(list, f)
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	folder[Manifest] = &fstest.MapFile{Data: manifest}
	return folder
}

func load(t *testing.T) *Files {
	t.Helper()
	files, err := Load(dist(t))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ask asks a handler at /client with header fields, "Name: value".
func ask(h http.Handler, method, path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The form is the one that the client likes best, and without coding for whoever
// does not say that it knows one (RFC 9110 12.5.3).
func TestHandlerServesTheFormThatIsAccepted(t *testing.T) {
	h := load(t).Handler("/client", nil)
	for accept, want := range map[string]string{
		"-":                                  "",
		"":                                   "",
		"gzip, deflate, br, zstd":            "br",
		"gzip, deflate":                      "gzip",
		"x-gzip":                             "gzip",
		"GZip":                               "gzip",
		"br;q=0.5, gzip;q=0.9":               "gzip",
		"br;q=0.5, gzip;q=0.5":               "br",
		"br;q=0, gzip;q=0.001":               "gzip",
		"br; q=0, gzip ;q=0":                 "",
		"identity":                           "",
		"identity;q=1, gzip;q=0.5":           "",
		"*":                                  "br",
		"*;q=0.1, br;q=0":                    "gzip",
		"identity;q=0, *;q=0":                "", // nothing is acceptable; RFC 9110 has this answered so
		"deflate, zstd":                      "",
		"br;q=2":                             "",
		"br;q=x, gzip;q=-1":                  "",
		"br;level=3":                         "",
		"br;q=NaN, gzip;q=0x1p-1, *;q=1e-99": "",
		",,;,;q=1,":                          "",
	} {
		var fields []string
		if accept != "-" {
			fields = append(fields, "Accept-Encoding: "+accept)
		}
		w := ask(h, "GET", "/client/wssgate-0b.wasm", fields...)
		if got := w.Header().Get("Content-Encoding"); w.Code != 200 || got != want {
			t.Errorf("%q: %d %q, not %q", accept, w.Code, got, want)
		}
		if plain := w.Body.String() == program; plain != (want == "") {
			t.Errorf("%q: body %q", accept, w.Body)
		}
	}
	w := ask(h, "GET", "/client/wssgate-0b.wasm", "Accept-Encoding: br;q=0", "Accept-Encoding: gzip")
	if got := w.Header().Get("Content-Encoding"); got != "gzip" {
		t.Errorf("of two fields: %q", got)
	}
}

// Media types, caching, entity tags and lengths are those of the form that is
// served, for HEAD too.
func TestHandlerDescribesWhatItServes(t *testing.T) {
	h := load(t).Handler("/client", nil)
	for name, want := range map[string][2]string{
		"wssgate.js":      {"text/javascript; charset=utf-8", "public, no-cache"},
		"wssgate-0a.js":   {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"wssgate-0b.wasm": {"application/wasm", "public, max-age=31536000, immutable"},
	} {
		tags := map[string]bool{}
		for _, coding := range []string{"br", "gzip", "identity"} {
			get := ask(h, "GET", "/client/"+name, "Accept-Encoding: "+coding)
			head := ask(h, "HEAD", "/client/"+name, "Accept-Encoding: "+coding)
			header := get.Header()
			if got := [2]string{header.Get("Content-Type"), header.Get("Cache-Control")}; got != want {
				t.Errorf("%s, %s: %q", name, coding, got)
			}
			if header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(vary(header), "Accept-Encoding") {
				t.Errorf("%s, %s: %v", name, coding, header)
			}
			if head.Body.Len() != 0 || head.Header().Get("Content-Length") != header.Get("Content-Length") {
				t.Errorf("%s, %s: HEAD has %d octets, %v", name, coding, head.Body.Len(), head.Header())
			}
			tag := header.Get("ETag")
			tags[tag] = true
			for _, known := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				again := ask(h, "GET", "/client/"+name, "Accept-Encoding: "+coding, "If-None-Match: "+known)
				if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag {
					t.Errorf("%s, %s known as %s: %d, %v", name, coding, known, again.Code, again.Header())
				}
			}
			if w := ask(h, "GET", "/client/"+name, "Accept-Encoding: "+coding, `If-None-Match: "x"`); w.Code != 200 {
				t.Errorf("%s, %s known as another: %d", name, coding, w.Code)
			}
		}
		if len(tags) != 3 {
			t.Errorf("%s: tags %v", name, tags)
		}
	}
}

func vary(h http.Header) string { return strings.Join(h["Vary"], ",") }

// Nothing but the files of the manifest is served, by GET and HEAD.
func TestHandlerRefuses(t *testing.T) {
	h := load(t).Handler("/client", nil)
	for _, path := range []string{"/client/", "/client", "/", "/client/README.md", "/client/manifest.json",
		"/client/wssgate.js.gz", "/client/x/../wssgate.js", "/client//wssgate.js", "/wssgate.js", "/clientwssgate.js",
		"/client/wssgate-0c.wasm"} {
		if w := ask(h, "GET", path); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
		if w := ask(h, method, "/client/wssgate.js"); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

// Pages of listed origins may load the files, by the rule of the relay.
func TestHandlerAllowsListedOrigins(t *testing.T) {
	const app = "https://app.example.com"
	for _, tt := range []struct {
		listed []string
		sent   []string
		want   string
	}{
		{nil, nil, ""},
		{nil, []string{app}, ""},
		{[]string{app}, []string{app}, app},
		{[]string{app}, []string{"HTTPS://App.example.com"}, "HTTPS://App.example.com"},
		{[]string{app}, []string{app + ".evil.example"}, ""},
		{[]string{app}, []string{"null"}, ""},
		{[]string{app}, []string{app, "https://evil.example"}, ""},
		{[]string{app}, nil, ""},
		{[]string{"*"}, []string{"https://anybody.example"}, "*"},
	} {
		var fields []string
		for _, origin := range tt.sent {
			fields = append(fields, "Origin: "+origin)
		}
		for _, path := range []string{"/client/wssgate.js", "/client/none"} {
			w := ask(load(t).Handler("/client", tt.listed), "GET", path, fields...)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != tt.want {
				t.Errorf("%v of %v: %q, not %q", tt.sent, tt.listed, got, tt.want)
			}
			if w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if tt.want != "*" && !strings.Contains(vary(w.Header()), "Origin") {
				t.Errorf("%v of %v: Vary %s", tt.sent, tt.listed, vary(w.Header()))
			}
		}
	}
}

// A folder without the files is known as that, and one that has not all of them is
// refused.
func TestLoadRefuses(t *testing.T) {
	if _, err := Load(fstest.MapFS{"README.md": {}}); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("without the files: %v", err)
	}
	for _, name := range []string{"wssgate-0b.wasm.gz", "wssgate.js.br"} {
		folder := dist(t)
		delete(folder, name)
		if _, err := Load(folder); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for _, manifest := range []string{"{", "[]", `[{"name":"wssgate.js"}]`} {
		folder := dist(t)
		folder[Manifest] = &fstest.MapFile{Data: []byte(manifest)}
		if _, err := Load(folder); err == nil || !strings.Contains(err.Error(), Manifest) {
			t.Errorf("manifest %s: %v", manifest, err)
		}
	}
	folder := dist(t)
	folder["wssgate-0b.wasm.gz"] = &fstest.MapFile{Data: []byte("no gzip")}
	files, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(files.Handler("/c", nil), "GET", "/c/wssgate-0b.wasm"); w.Code != 500 || w.Header().Get("ETag") != "" {
		t.Errorf("a broken file: %d %v", w.Code, w.Header())
	}
}

// The program says whether it has the files, and nothing else of them.
func TestEmbeddedHasTheFilesOrSaysThatItHasNot(t *testing.T) {
	files, err := Embedded()
	if errors.Is(err, ErrNotBuilt) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files.List {
		if octets, err := f.Octets(); err != nil || Integrity(octets) != f.Integrity {
			t.Errorf("%s: %d octets, %v", f.Name, len(octets), err)
		}
	}
}
