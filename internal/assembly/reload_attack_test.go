package assembly

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// TestReloadEndsWhatIsNoLongerAccepted: a security context is not used on when its
// client, or its ticket, would be refused now, wherever its state is.
func TestReloadEndsWhatIsNoLongerAccepted(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"store", "token"} {
		reloadEnds(t, "routes: [{path: /a, policy: SspiNegotiated, context-storage: "+storage+
			", trusted-realms: [EXAMPLE.COM]")
	}
}

func reloadEnds(t *testing.T, route string) {
	t.Helper()
	w := newReloadWorld(t, route+"}]\n")
	clients := &contextWorld{serviceWorld: w.serviceWorld, from: "192.0.2.7:1"}
	sc := clients.context()
	for _, step := range []struct {
		text string
		want int
	}{
		{w.top + route + ", denied-principals: [bob@EXAMPLE.COM]}]\n", 200}, // as before
		{w.top + route + ", allowed-principals: [bob@EXAMPLE.COM]}]\n", 500},
		{w.top + strings.Replace(route, "[EXAMPLE.COM", "[OTHER.COM", 1) + "}]\n", 500},
		{w.top + route + "}]\n", 200},
		{w.top + route + ", exact-kvno: true}]\n", 500},
		{w.top + strings.Replace(route, "SspiNegotiated", "{preset: SspiNegotiated, ttl: 1m}", 1) + "}]\n", 500},
		{w.top + "clock-skew: 6m\n" + route + "}]\n", 500},
	} {
		w.change(step.text)
		if o := clients.ask("/a", sc); o.status != step.want {
			t.Errorf("%s: HTTP %d, want %d: %v", step.text, o.status, step.want, o.event)
		}
	}
}

// TestReloadEndsSessionsOfOtherRules: a cookie is worth nothing under rules by which
// its client might be refused. Its name stays, so that no backend gets it.
func TestReloadEndsSessionsOfOtherRules(t *testing.T) {
	t.Parallel()
	const route = "standard: spnego-http\nsession-lifetime: 1h\ntrusted-realms: [EXAMPLE.COM]\n"
	w := newReloadWorld(t, "")
	top := strings.Replace(w.top, "policy: KerberosToken\n", "", 1)
	w.change(top + route)
	clients := &httpGate{t: t, kdc: w.kdc, handler: w.serviceWorld.gateway}
	session := clients.get("/", &krbtest.TokenOptions{}).Result().Cookies()
	for _, step := range []struct {
		text string
		want int
	}{
		{top + route + "denied-principals: [bob@EXAMPLE.COM]\n", 200},
		{top + strings.Replace(route, "[EXAMPLE.COM", "[OTHER.COM, EXAMPLE.COM", 1), 401},
	} {
		said := w.change(step.text)
		if got := clients.get("/", nil, session...).Code; got != step.want || len(session) != 1 {
			t.Errorf("%d cookies: HTTP %d, want %d\n%s", len(session), got, step.want, said)
		}
	}
	again := clients.get("/", &krbtest.TokenOptions{}).Result().Cookies()
	if len(again) != 1 || again[0].Name != session[0].Name {
		t.Errorf("%v, and then %v", session, again)
	}
}

// TestReloadFollowsAnotherPasswordFile: a service that keeps its name may get
// another file and other principals.
func TestReloadFollowsAnotherPasswordFile(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "token-location: 'xpath://first'\n")
	passwords := func(name, text string) string {
		path := filepath.Join(w.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second := passwords("first", "one\n"), passwords("second", "another\n")
	text := w.top[:strings.Index(w.top, "keytab:")] + "tls-offloaded: true\nservices: [{name: a, password-file: " + first +
		", principals: [soap/a.example.com@EXAMPLE.COM]}]\nkerberos-service: a\n"
	for _, change := range [][2]string{{first, second}, {"[soap/a", "[soap/b"}, {"]}", "], kvno: 7}"}} {
		w.change(text)
		before := w.assembler.Keys.files[0].Keytab().Entries()[0]
		if said := w.change(strings.Replace(text, change[0], change[1], 1)); !strings.Contains(said, "service a: ") {
			t.Fatal(said)
		}
		files := w.assembler.Keys.files
		if len(files) != 1 {
			t.Fatalf("%d files are followed", len(files))
		}
		if now := files[0].Keytab().Entries()[0]; now.Key.Equal(before.Key) && now.Kvno == before.Kvno {
			t.Errorf("%s: the keys of before", change[1])
		}
	}
}

// TestReloadThatRaisesTheClockSkewAcceptsNothingAgain: a token that was accepted
// under the smaller skew is forgotten when that has passed.
func TestReloadThatRaisesTheClockSkewAcceptsNothingAgain(t *testing.T) {
	t.Parallel()
	late := time.Duration(0)
	clock := func() time.Time { return time.Now().Add(late) }
	w := newReloadWorldWith(t, "token-location: 'xpath://first'\nclock-skew: 1m\n", func(cfg *config.Config) ReplayStores {
		stores := MemoryReplay(cfg)
		stores.Tickets = replay.NewMemory(replay.MemoryConfig{Time: clock})
		return stores
	})
	message := w.messageIn("first")
	if got := w.postMessage("/", message); got != 200 {
		t.Fatal(got)
	}
	late = 2 * time.Minute
	w.assembler.all.records.now = clock
	w.postMessage("/", w.messageIn("first")) // so that what has expired is dropped
	w.change(w.top + "token-location: 'xpath://first'\nclock-skew: 5m\n")
	if got := w.postMessage("/", message); got != 500 {
		t.Errorf("a replay: HTTP %d\n%s", got, w.log.String())
	}
}

// TestReloadForgetsTheKeysOfRoutesThatAreGone: a change of the keytab says nothing
// of them any more.
func TestReloadForgetsTheKeysOfRoutesThatAreGone(t *testing.T) {
	t.Parallel()
	w := newReloadWorld(t, "routes: [{path: /a}, {path: /b}]\n")
	w.change(w.top + "routes: [{path: /b}, {path: /c}]\n")
	var paths []string
	for _, u := range w.assembler.Keys.files[0].users {
		paths = append(paths, u.path)
	}
	if !slices.Equal(paths, []string{"/b", "/c"}) {
		t.Errorf("%v", paths)
	}
}

// TestRestartThatRaisesTheClockSkewAcceptsNothingAgain: nor is what was accepted
// before a raise forgotten with a restart.
func TestRestartThatRaisesTheClockSkewAcceptsNothingAgain(t *testing.T) {
	t.Parallel()
	late := time.Duration(0)
	file := filepath.Join(t.TempDir(), "clock-skew.json")
	var log lineBuffer
	start := func(skew time.Duration) gss.ReplayHistory {
		r := newTicketRecords(ReplayStores{Tickets: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(1, 0)}),
			skews: file}, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return time.Now().Add(late) })
		return r.of(skew, nil).(gss.ReplayHistory)
	}
	accepts := func(h gss.ReplayHistory, made time.Time) bool { return h.CompleteFrom(made).Equal(made) }
	begin := time.Now()
	if h := start(time.Minute); !accepts(h, begin.Add(-time.Hour)) {
		t.Error("nothing was raised")
	}
	late = 2 * time.Minute
	for range 2 { // the second does not raise it
		if h := start(5 * time.Minute); accepts(h, begin) || !accepts(h, begin.Add(late-30*time.Second)) {
			t.Error("a token that was accepted under the skew of before, and is forgotten")
		}
	}
	late = 10 * time.Minute
	if h := start(5 * time.Minute); !accepts(h, begin.Add(late-5*time.Minute)) {
		t.Error("it was raised long ago")
	}
	late = 2 * time.Hour
	start(6 * time.Minute)
	if octets, err := os.ReadFile(file); err != nil || strings.Count(string(octets), "until") != 1 {
		t.Errorf("%s, %v", octets, err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if start(time.Minute); !strings.Contains(log.String(), "risk of replay") {
		t.Error("what cannot be read is passed over in silence")
	}
}
