package assembly

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// Several services with keytabs of their own serve at once, each on its routes
// only.
func TestNewServesServicesConcurrently(t *testing.T) {
	t.Parallel()
	names := []string{"soap/a.example.com", "soap/b.example.com", "HTTP/b.example.com", "soap/c.example.com",
		"soap/d.example.com"}
	w := newServiceWorld(t, names...)
	err := w.assemble(fmt.Sprintf(`services:
  - {name: a, keytab: %s, principals: [soap/a.example.com@EXAMPLE.COM]}
  - {name: b, keytab: %s, principals: [soap/b.example.com, HTTP/b.example.com@EXAMPLE.COM]}
  - {name: c, keytab: %s}
  - {name: all, keytab: %s, any-principal: true}
  - {name: "off", disabled: true, keytab: none.keytab}
  - {name: idle, keytab: none.keytab}
routes:
  - {path: /a, kerberos-service: a}
  - {path: /a2, kerberos-service: a}
  - {path: /b, kerberos-service: b}
  - {path: /c, kerberos-service: c}
  - {path: /all, kerberos-service: all}
  - {path: /off, kerberos-service: "off"}
  - {path: /own, keytab: %s, service: soap/d.example.com}
`, w.keytab("a", names[0]), w.keytab("b", names[1], names[2]), w.keytab("c", names[3]),
		w.keytab("all", names...), w.keytab("d", names[4])))
	if err != nil {
		t.Fatal(err)
	}
	accepts := map[string][]string{"/a": names[:1], "/a2": names[:1], "/b": names[1:3], "/c": names[3:4],
		"/all": names, "/own": names[4:], "/off": nil}
	var all sync.WaitGroup
	for path, good := range accepts {
		for _, service := range names {
			all.Go(func() {
				for range 5 {
					if status := w.post(path, service, krbtest.TokenOptions{}); (status == 200) != slices.Contains(good, service) {
						t.Errorf("%s, ticket for %s: HTTP %d", path, service, status)
					}
				}
			})
		}
	}
	all.Wait()
	// Every refusal is about the service, none about keys or integrity.
	if n := w.log.codes(); n["ok"] != 5*11 || n["ticket-service"] != 5*19 || n["service-disabled"] != 5*5 || len(n) != 3 {
		t.Errorf("codes %v", n)
	}
	for _, want := range []string{
		`kerberos: ticket-service: ticket is for soap/b.example.com@EXAMPLE.COM, this route accepts ` +
			`soap/a.example.com@EXAMPLE.COM"`,
		`"msg":"route refuses every request: its service is disabled","path":"/off","kerberos-service":"off"`,
		`"msg":"no route uses this service","kerberos-service":"idle"`,
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log has no %s\n%.4000s", want, w.log.String())
		}
	}
}

// That a service names no principal means the one that its keytab holds, not
// whatever it will hold.
func TestKeyringDoesNotWidenAServiceByItsKeytab(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, "soap/a.example.com", "soap/b.example.com")
	file := w.keytab("kt", "soap/a.example.com")
	err := w.assemble(fmt.Sprintf("services: [{name: one, keytab: %[1]s}, {name: any, keytab: %[1]s, any-principal: "+
		"true}]\n"+
		"routes: [{path: /one, kerberos-service: one}, {path: /any, kerberos-service: any}]\n", file))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.keys.files) != 1 {
		t.Errorf("%d files for one path", len(w.keys.files))
	}
	w.keytab("kt", "soap/a.example.com", "soap/b.example.com")
	w.keys.reload()
	for path, want := range map[string]string{"/one": "ticket-service", "/any": "ok"} {
		if w.post(path, "soap/b.example.com", krbtest.TokenOptions{}); w.lastCode() != want {
			t.Errorf("%s: %s, want %s", path, w.lastCode(), want)
		}
	}
	// A principal that is taken out is gone at once, and a route that has
	// nothing left is told.
	w.keytab("kt", "soap/b.example.com")
	w.keys.reload()
	if w.post("/one", "soap/a.example.com", krbtest.TokenOptions{}); w.lastCode() != "ticket-no-principal" {
		t.Errorf("a principal taken out: %s", w.lastCode())
	}
	for _, want := range []string{`"cause":"SIGHUP","change":"soap/b.example.com@EXAMPLE.COM: new, with kvno 1"`,
		`"change":"soap/a.example.com@EXAMPLE.COM: gone, with kvno 1"`,
		`"msg":"a route lacks keys since the change","path":"/one"`} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log has no %s\n%s", want, w.log.String())
		}
	}
	if strings.Contains(w.log.String(), `"path":"/any","setting"`) {
		t.Error("a route that has keys is said to lack them")
	}
}

// What is wrong with a service is said with the place of its setting.
func TestKeyringRefusesServicesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, "soap/a.example.com", "soap/b.example.com")
	both := w.keytab("both", "soap/a.example.com", "soap/b.example.com")
	password := filepath.Join(w.dir, "password")
	for name, tt := range map[string]struct{ service, password, want string }{
		"no such file":   {"keytab: none.keytab", "", "none.keytab: no such file or directory; name a keytab file"},
		"two principals": {"keytab: " + both, "", "principals: is not given, and keytab " + both + " holds 2 principals"},
		"no key": {"keytab: " + both + ", principals: [soap/c.example.com]", "",
			"principals: keytab has no key for service soap/c.example.com; it has keys for " +
				"soap/a.example.com@EXAMPLE.COM, soap/b.example.com@EXAMPLE.COM; write it as klist -ekt"},
		"no password": {"password-file: " + password + ", principals: [s/h@R]", "\n",
			"password-file: " + password + ": line 1 is empty"},
		"an empty line": {"password-file: " + password + ", principals: [s/h@R]", "a\n\nb\n", "line 2 is empty"},
		"too many passwords": {"password-file: " + password + ", principals: [s/h@R]", strings.Repeat("x\n", 9),
			"more than 8 lines"},
		"more than kvno": {"password-file: " + password + ", principals: [s/h@R], kvno: 1", "a\nb\n",
			"has more lines than there were versions by kvno"},
		"few iterations": {"password-file: " + password + ", principals: [s/h@R], iterations: 1", "s3cret\n", "1 iterations"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(password, []byte(tt.password), 0o600); err != nil {
				t.Fatal(err)
			}
			err := w.assemble("services:\n  - {name: a,    " + tt.service + "}\nkerberos-service: a\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
