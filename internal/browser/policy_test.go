package browser

import (
	"strings"
	"testing"
)

// A policy names the origins that a page needs, each once, and lets nothing but
// WebAssembly be made of octets.
func TestPolicyNamesWhatThePageNeeds(t *testing.T) {
	const rest = "; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, tt := range []struct {
		place Place
		want  string
	}{
		{Place{At: "/wssgate"}, "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"},
		{Place{At: "https://gw.example.com/wssgate", Connect: []string{"wss://gw.example.com/kerberos5"}},
			"script-src 'self' https://gw.example.com 'wasm-unsafe-eval'; " +
				"connect-src 'self' https://gw.example.com wss://gw.example.com"},
		{Place{At: "/c", Connect: []string{"https://a.example:8443/x?y", "https://a.example:8443/z", "/quotes"}},
			"script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' https://a.example:8443"},
	} {
		got, err := tt.place.Policy()
		if want := "default-src 'none'; " + tt.want + rest; err != nil || got != want {
			t.Errorf("%+v: %s, %v", tt.place, got, err)
		}
	}
}

// What could end a source or a directive is no address.
func TestPolicyRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "gw.example.com", "javascript:alert(1)", "data:,x", "https://",
		"ftp://a.example", "https://user:secret@a.example", "https://*", "https://a.example;script-src",
		"https://a.example,b", "https://a'b", "https://a b", "//a.example/x", "wssgate"} {
		if p, err := (Place{At: address}).Policy(); err == nil {
			t.Errorf("at %q: %s", address, p)
		} else if strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "write it as") {
			t.Errorf("at %q: %v", address, err)
		}
		if p, err := (Place{At: "/c", Connect: []string{address}}).Policy(); err == nil {
			t.Errorf("connect %q: %s", address, p)
		}
	}
	if p, err := (Place{At: "wss://gw.example.com/c"}).Policy(); err == nil {
		t.Errorf("files by wss: %s", p)
	}
}

// The element has the module with the hash, its integrity, and nothing that an
// address could end it by.
func TestScriptHasTheIntegrityOfTheModule(t *testing.T) {
	files := load(t)
	want := `<script type="module" src="https://gw.example.com/c/wssgate-0a.js" integrity="` +
		Integrity([]byte(entry)) + `" crossorigin="anonymous"></script>`
	if got := (Place{At: "https://gw.example.com/c/"}).Script(files); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if got := (Place{At: `/c"><script>`}).Script(files); strings.Contains(got, `"><script>`) {
		t.Error(got)
	}
}
