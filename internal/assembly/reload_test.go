package assembly

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
)

// reloadWorld is a gateway whose configuration changes while it runs.
type reloadWorld struct {
	*serviceWorld
	*reloader
	next *config.Config // nil: it cannot be loaded
	top  string
	file string // the keytab
}

func newReloadWorld(t *testing.T, text string) *reloadWorld {
	t.Helper()
	return newReloadWorldWith(t, text, MemoryReplay)
}

// newReloadWorldWith makes one with other replay stores.
func newReloadWorldWith(t *testing.T, text string, stores func(*config.Config) ReplayStores) *reloadWorld {
	t.Helper()
	w := &reloadWorld{serviceWorld: newServiceWorld(t, service)}
	backend := httptest.NewServer(http.HandlerFunc(quote))
	t.Cleanup(backend.Close)
	w.file = w.keytab("k", service)
	w.top = "backend: " + backend.URL + "\nkeytab: " + w.file + "\ntls-offloaded: true\n" +
		"policy: KerberosToken\n"
	running := loadConfig(t, w.top+text)
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	p := &Program{Settings: running, Log: log, Load: func() (*config.Config, error) {
		if w.next == nil {
			return nil, errors.New("a bad expression")
		}
		return w.next, nil
	}}
	var err error
	keys := NewKeyring(running, log)
	if w.reloader, err = newReloader(p, Config{running, keys, stores(running), log, nil, nil}, nil); err != nil {
		t.Fatal(err)
	}
	w.serviceWorld.gateway = w.reloader
	t.Cleanup(keys.Watch(t.Context()))
	return w
}

// change reloads another text, "" for one that cannot be loaded, and returns what
// the log says of it.
func (w *reloadWorld) change(text string) string {
	w.t.Helper()
	w.next = nil
	if text != "" {
		w.next = loadConfig(w.t, text)
	}
	before := len(w.log.String())
	w.reload("test")
	return w.log.String()[before:]
}

// TestReloadAppliesTokenLocations: an expression that is added, changed or deleted
// counts from the reload on; one that is wrong changes nothing.
func TestReloadAppliesTokenLocations(t *testing.T) {
	t.Parallel()
	const places = "token-location: "
	w := newReloadWorld(t, places+"'xpath://first'\n")
	for _, step := range []struct {
		text          string // "" for one that cannot be loaded
		first, second int
		log           string
	}{
		{"['xpath://first', 'xpath://second']", 200, 200, `"changes":["/: token-location"]`},
		{"", 200, 200, "not reloaded; the running one stays in use"},
		{"'xpath://second'", 500, 200, `"changes":["/: token-location"]`},
		{"'xpath://second'\nmax-in-flight: 200MiB", 500, 200, "max-in-flight has changed; restart wssgate"},
		{"'xpath://second[2]'", 500, 500, `"changes":["/: token-location"]`},
		{"security-header", 500, 500, `"changes":["/: token-location"]`},
		{"'xpath://second'", 500, 200, `"changes":["/: token-location"]`},
	} {
		text := step.text
		if text != "" {
			text = w.top + places + text + "\n"
		}
		if said := w.change(text); !strings.Contains(said, step.log) {
			t.Errorf("%s: %s", step.text, said)
		}
		for name, want := range map[string]int{"first": step.first, "second": step.second} {
			if got := w.postIn(name); got != want {
				t.Errorf("%s: a token in %s: %d, want %d", step.text, name, got, want)
			}
		}
	}
}

// TestReloadAppliesRoutes: added, changed and removed ones, their lists of clients and
// keytabs among them. What is wrong in one changes none.
func TestReloadAppliesRoutes(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "token-location: 'xpath://first'\n")
	if got := w.postIn("first"); got != 200 {
		t.Fatal(got)
	}
	other := w.keytab("other", service)
	first := "token-location: 'xpath://first'\n"
	for _, step := range []struct {
		text string
		want int
		log  string
	}{
		{w.top + first + "denied-principals: [alice@EXAMPLE.COM]\n", 500, `"changes":["/: denied-principals"]`},
		{strings.Replace(w.top, w.file, "/nowhere", 1) + first, 500, "not reloaded"},
		{strings.Replace(w.top, w.file, other, 1) + first, 200, `"changes":["/: keytab","/: denied-principals"]`},
		{strings.Replace(w.top, w.file, "/nowhere", 1) + first, 200, "not reloaded"},
		{w.top + first + "routes:\n  - path: /new\n", 404, `"changes":["/: removed","/new: added"]`},
		{w.top + first, 200, `"changes":["/new: removed","/: added"]`},
		{w.top + first, 200, `"changes":[]`},
	} {
		if said := w.change(step.text); !strings.Contains(said, step.log) {
			t.Errorf("want %s: %s", step.log, said)
		}
		if got := w.postIn("first"); got != step.want {
			t.Errorf("%s: HTTP %d, want %d", step.log, got, step.want)
		}
	}
	keys := w.assembler.Keys
	if len(keys.files) != 1 || keys.files[0].Path() != w.file || keys.cfg != w.running {
		t.Errorf("%d files are followed", len(keys.files))
	}
}

// TestReloadTellsTheOperator: that the file's configuration is not in force, and which
// backends are.
func TestReloadTellsTheOperator(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "path: /old\n")
	o := newOperator(w.Program, w.assembler.Keys, w.assembler.Replay, watchers{})
	w.assembler.Operator = o
	w.change("")
	if now := o.settings.Load(); now.Failing != "a bad expression" {
		t.Errorf("%+v", now)
	}
	w.change(w.top + "path: /new\n")
	if now := o.settings.Load(); now.Failing != "" || now.Loaded.IsZero() {
		t.Errorf("%+v", now)
	}
	if list := o.backends(); len(list) != 1 || list[0].Route != "/new" || list[0].Out {
		t.Errorf("%+v", list)
	}
}

// TestReloadFollowsKeytabsOfBackends: also those that it did not open itself.
func TestReloadFollowsKeytabsOfBackends(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "token-location: 'xpath://first'\n")
	conf := filepath.Join(w.dir, "krb5.conf")
	const text = "[libdefaults]\ndefault_realm = EXAMPLE.COM\n[realms]\nEXAMPLE.COM = {\nkdc = tcp/127.0.0.1:1\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	secured := "token-location: 'xpath://first'\nbackend-policy: Kerberos\nbackend-service: soap/backend.example.com\n" +
		"backend-principal: " + service + "\n" +
		"backend-keytab: " + w.keytab("account", service) + "\n"
	w.reloader.running.Krb5Conf = conf // which needs a restart
	for i, want := range []int{2, 2, 1} {
		text := w.top + "krb5-conf: " + conf + "\n" + secured + fmt.Sprintf("backend-timeout: %ds\n", 20+i)
		if want == 1 {
			text = w.top + "krb5-conf: " + conf + "\ntoken-location: 'xpath://first'\n"
		}
		if said := w.change(text); !strings.Contains(said, "configuration reloaded") {
			t.Fatal(said)
		}
		if got := w.assembler.Keys.files; len(got) != want {
			t.Errorf("reload %d: %d files are followed, want %d", i, len(got), want)
		}
	}
}

// TestReloadKeepsWhatWasAccepted: a message is not accepted a second time by the
// gateway that follows.
func TestReloadKeepsWhatWasAccepted(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "token-location: 'xpath://first'\n")
	message := w.messageIn("first")
	if got := w.postMessage("/", message); got != 200 {
		t.Fatal(got)
	}
	said := w.change(w.top + "token-location: 'xpath://first'\nclock-skew: 4m\n")
	if !strings.Contains(said, `["clock-skew"]`) {
		t.Fatal(said)
	}
	if got := w.postMessage("/", message); got != 500 || !strings.Contains(w.log.String(), `"code":"ticket-replay"`) {
		t.Errorf("a replay: HTTP %d\n%s", got, w.log.String())
	}
}

// postIn sends a message with its token in an element of the Body.
func (w *serviceWorld) postIn(name string) (status int) {
	w.t.Helper()
	return w.postMessage("/", w.messageIn(name))
}

// messageIn returns a message with its token in an element of the Body.
func (w *serviceWorld) messageIn(name string) []byte {
	w.t.Helper()
	token, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return []byte(`<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><` + name + `>` +
		base64.StdEncoding.EncodeToString(token) + `</` + name + `></s:Body></s:Envelope>`)
}
