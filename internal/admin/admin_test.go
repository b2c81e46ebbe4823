package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/wssgate/wssgate/internal/admin"
	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/internal/gateway"
)

// harness is an Admin with a route and a keytab, behind a server.
type harness struct {
	*testing.T
	*admin.Admin
	url     string
	level   slog.LevelVar
	unready []string
	failing string
	jwks    []byte
	cfg     admin.Config
}

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func newHarness(t *testing.T, change func(*admin.Config)) *harness {
	h := &harness{T: t}
	h.cfg = admin.Config{
		Version: "wssgate test", Level: &h.level,
		Routes: []admin.Route{{Name: "/orders", Standard: "soap", Policy: "Kerberos",
			Service: "soap/gw.example.com@EXAMPLE.COM", Backend: "http://backend.test/orders", KeyFile: "/etc/svc.keytab"}},
		Use: func() gateway.Use {
			return gateway.Use{Exchanges: 3, MaxExchanges: 2048, Octets: 5 << 20, MaxOctets: 256 << 20}
		},
		Keys: func() []admin.KeyFile {
			key := admin.Key{Principal: "soap/gw.example.com@EXAMPLE.COM", Etype: "aes256-cts-hmac-sha1-96", Kvno: 19,
				Made: noon.Add(-72 * time.Hour)}
			return []admin.KeyFile{{Path: "/etc/svc.keytab", Taken: noon.Add(-time.Hour), Keys: []admin.Key{key}}}
		},
		State: func() admin.State {
			return admin.State{Contexts: 7, Negotiations: 2, TicketRecords: 11, MessageRecords: 13}
		},
		Backends: func() []admin.Backend {
			return []admin.Backend{{Route: "/orders", Name: "a.test:80"}, {Route: "/orders", Name: "b.test:80", Out: true},
				{Route: "/orders", Name: "a.test:80"}}
		},
		Configuration: func() admin.Configuration {
			return admin.Configuration{File: "/etc/gw.yaml", Loaded: noon.Add(-time.Minute), Failing: h.failing}
		},
		Unready: func() []string { return h.unready },
		Traces:  func() (uint64, uint64) { return 21, 4 },
		JWKS:    func() []byte { return h.jwks },
		Explain: func(code string) (string, string) { return "cause of " + code, "cure of " + code },
		Now:     func() time.Time { return noon },
	}
	if change != nil {
		change(&h.cfg)
	}
	h.Admin = admin.New(h.cfg)
	srv := httptest.NewServer(h.Handler())
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// do returns the answer to a request.
func (h *harness) do(method, path, body string, header ...string) (int, string) {
	h.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// get returns the text of a page that must be there.
func (h *harness) get(path string) string {
	h.Helper()
	status, text := h.do(http.MethodGet, path, "")
	if status != http.StatusOK {
		h.Fatalf("GET %s: HTTP %d %s", path, status, text)
	}
	return text
}

func (h *harness) contains(text string, want ...string) {
	h.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			h.Errorf("no %q in\n%s", w, text)
		}
	}
}

var (
	accepted = gateway.Record{ID: "1", Code: gateway.CodeOK, Status: 200, Route: "/orders", Policy: "Kerberos",
		Client: "192.0.2.1", Principal: "alice@EXAMPLE.COM", BytesIn: 14000, BytesOut: 9000, BackendStatus: 200, Start: noon,
		Total:  3 * time.Millisecond,
		Stages: []slog.Attr{slog.Duration("read", time.Millisecond), slog.String("other", "x")}}
	refused = gateway.Record{ID: "2", Code: "wrong-signature", Status: 500, Route: "/orders", Policy: "Kerberos",
		Client: "192.0.2.66", Principal: "mallory@EXAMPLE.COM", Start: noon, Total: time.Millisecond,
		Err: errors.New("a digest <b>differs</b>")}
	outside = gateway.Record{ID: "3", Code: "no-route", Status: 404, Client: "192.0.2.3", Start: noon,
		Err: errors.New("GET /x")}
)

func TestMetricsCountExchanges(t *testing.T) {
	h := newHarness(t, nil)
	for _, r := range []gateway.Record{accepted, accepted, refused, outside} {
		h.Observe(&r)
	}
	h.Ticket("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", false, -2*time.Second)
	h.KDC("relay", time.Second, false)
	h.KDC("s4u", 2*time.Second, true)
	h.contains(h.get("/metrics"),
		`wssgate_exchanges_total{code="ok",policy="Kerberos",route="/orders"} 2`,
		`wssgate_exchanges_total{code="wrong-signature",policy="Kerberos",route="/orders"} 1`,
		`wssgate_exchanges_total{code="no-route",policy="",route=""} 1`,
		`wssgate_exchange_seconds_count{route="/orders"} 3`,
		`wssgate_stage_seconds_count{stage="read"} 2`,
		`wssgate_request_bytes_sum{route="/orders"} 28000`,
		`wssgate_backend_responses_total{route="/orders",status="200"} 2`,
		`wssgate_tickets_total{etype="aes256-cts-hmac-sha1-96",key_etype="aes128-cts-hmac-sha1-96",kvno="other"} 1`,
		`wssgate_ticket_skew_seconds_sum -2`,
		`wssgate_exchanges_in_progress 3`,
		`wssgate_memory_in_flight_limit_bytes 2.68435456e+08`,
		`wssgate_security_contexts 7`,
		`wssgate_negotiations_half_open 2`,
		`wssgate_replay_records{of="messages"} 13`,
		`wssgate_key_kvno{etype="aes256-cts-hmac-sha1-96",principal="soap/gw.example.com@EXAMPLE.COM"} 19`,
		`wssgate_key_file_failing{file="/etc/svc.keytab"} 0`,
		`wssgate_backend_out{backend="a.test:80",route="/orders"} 0`,
		`wssgate_backend_out{backend="b.test:80",route="/orders"} 1`,
		`wssgate_configuration_failing 0`,
		`wssgate_backend_seconds_count{route="/orders"} 0`,
		`wssgate_kdc_seconds_count{by="relay",outcome="failed"} 1`,
		`wssgate_kdc_seconds_sum{by="s4u",outcome="ok"} 2`,
		`wssgate_spans_total{outcome="sent"} 21`,
		`wssgate_spans_total{outcome="lost"} 4`,
		`wssgate_build_info{go="go1.`,
		`wssgate_ready 1`,
		`go_goroutines`,
	)
}

func TestShadowIsCountedAndShown(t *testing.T) {
	h := newHarness(t, func(c *admin.Config) { c.Routes[0].Shadow = true })
	for _, code := range []string{"ok", "not-authorized", "not-authorized"} {
		h.Observe(&gateway.Record{Route: "/orders", Policy: "shadow of Kerberos", Code: gateway.CodeOK, Shadow: true,
			Verdict: &gateway.Verdict{Code: code}})
	}
	_, text := h.do("GET", "/metrics", "")
	for _, want := range []string{`wssgate_shadow_total{code="not-authorized",route="/orders"} 2`,
		`wssgate_shadow_total{code="ok",route="/orders"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if _, page := h.do("GET", "/", ""); !strings.Contains(page, "nothing is enforced") {
		t.Error("the page does not say that nothing is enforced")
	}
}

// TestMetricsHaveNativeHistograms: in the form that carries them.
func TestMetricsHaveNativeHistograms(t *testing.T) {
	h := newHarness(t, nil)
	h.Observe(&accepted)
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	status, text := h.do(http.MethodGet, "/metrics", "", "Accept", string(format))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	decoder := expfmt.NewDecoder(strings.NewReader(text), format)
	for {
		var family dto.MetricFamily
		if err := decoder.Decode(&family); err != nil {
			t.Fatal("no wssgate_exchange_seconds:", err)
		}
		if family.GetName() != "wssgate_exchange_seconds" {
			continue
		}
		if x := family.Metric[0].Histogram; len(x.PositiveSpan) == 0 || len(x.Bucket) == 0 || x.GetSampleCount() != 1 {
			t.Errorf("%v", x)
		}
		return
	}
}

// TestMetricsCountEachExchangeOnce: however many come together, and while scrapes
// do.
func TestMetricsCountEachExchangeOnce(t *testing.T) {
	h := newHarness(t, nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				h.Observe(&accepted)
			}
		})
		all.Go(func() {
			for range 5 {
				h.get("/metrics")
			}
		})
	}
	all.Wait()
	h.Observe(&accepted)
	h.contains(h.get("/metrics"), `wssgate_exchanges_total{code="ok",policy="Kerberos",route="/orders"} 2001`,
		`wssgate_stage_seconds_count{stage="read"} 2001`, `wssgate_exchange_seconds_count{route="/orders"} 2001`)
}

// TestBackendsTimeIsThatOfTheirStage: by route.
func TestBackendsTimeIsThatOfTheirStage(t *testing.T) {
	h := newHarness(t, nil)
	r := accepted
	r.Stages = []slog.Attr{slog.Duration("backend", 3*time.Second)}
	h.Observe(&r)
	h.contains(h.get("/metrics"), `wssgate_backend_seconds_sum{route="/orders"} 3`,
		`wssgate_stage_seconds_sum{stage="backend"} 3`)
}

// TestJWKS: the keys of assertions, where there are some.
func TestJWKS(t *testing.T) {
	h := newHarness(t, nil)
	if status, text := h.do(http.MethodGet, "/jwks", ""); status != http.StatusNotFound {
		t.Errorf("HTTP %d %s", status, text)
	}
	h.jwks = []byte(`{"keys":[]}`)
	if text := h.get("/jwks"); text != `{"keys":[]}` {
		t.Errorf("%s", text)
	}
}

func TestReadyz(t *testing.T) {
	h := newHarness(t, nil)
	if status, text := h.do(http.MethodGet, "/readyz", ""); status != 200 || text != "ready\n" {
		t.Errorf("HTTP %d %q", status, text)
	}
	h.unready = []string{"keytab /etc/svc.keytab has no keys"}
	if status, text := h.do(http.MethodGet, "/readyz", ""); status != 503 || text != h.unready[0]+"\n" {
		t.Errorf("HTTP %d %q", status, text)
	}
	h.unready = nil
	h.Drain()
	if status, text := h.do(http.MethodGet, "/readyz", ""); status != 503 || !strings.HasPrefix(text, "stopping") {
		t.Errorf("HTTP %d %q", status, text)
	}
	if status, text := h.do(http.MethodGet, "/healthz", ""); status != 200 || text != "ok\n" {
		t.Errorf("HTTP %d %q", status, text)
	}
	h.contains(h.get("/"), "not ready", "stopping")
}

func TestLogLevelIsSetAtRunTime(t *testing.T) {
	h := newHarness(t, nil)
	if text := h.get("/log-level"); text != "info\n" {
		t.Errorf("%q", text)
	}
	if status, text := h.do(http.MethodPut, "/log-level", "debug\n"); status != 200 || h.level.Level() != slog.LevelDebug {
		t.Errorf("HTTP %d %q", status, text)
	}
	for _, body := range []string{"", "verbose", strings.Repeat("x", 1000)} {
		if status, _ := h.do(http.MethodPut, "/log-level", body); status != 400 || h.level.Level() != slog.LevelDebug {
			t.Errorf("%.20q: HTTP %d", body, status)
		}
	}
}

// TestPageShowsRoutesAndRefusals: with cause and cure, and what others have
// written as text.
func TestPageShowsRoutesAndRefusals(t *testing.T) {
	h := newHarness(t, nil)
	for _, r := range []gateway.Record{accepted, refused, outside} {
		h.Observe(&r)
	}
	page := h.get("/")
	h.contains(page, "<h3>/orders</h3>", "Kerberos", "version 19, aes256-cts-hmac-sha1-96, 3 days old",
		"read 60 minutes ago",
		"http://backend.test/orders", "last minute: 2 exchanges, 1 refused", "wrong-signature", "cause of wrong-signature",
		"cure of wrong-signature", "a digest &lt;b&gt;differs&lt;/b&gt;", "192.0.2.66", "no-route", "3 of 2048")
	if strings.Contains(page, "mallory") || strings.Contains(page, "alice") {
		t.Error("the page names clients")
	}
	filtered := h.get("/?code=wrong-signature&route=%2Forders&client=192.0.2.6")
	h.contains(filtered, "192.0.2.66", `value="192.0.2.6"`)
	if strings.Contains(filtered, "192.0.2.3") {
		t.Error("the filter lets others through")
	}
	none := h.get("/?client=%22%3E%3Cscript%3E")
	if !strings.Contains(none, "There are none.") || strings.Contains(none, "<script>") {
		t.Errorf("%s", none)
	}
}

// TestPageShowsWhatIsNotInUse: a backend that is out, and a configuration that was
// refused.
func TestPageShowsWhatIsNotInUse(t *testing.T) {
	h := newHarness(t, nil)
	page := h.get("/")
	h.contains(page, "b.test:80 gets no requests", "/etc/gw.yaml, loaded 60 s ago")
	if strings.Contains(page, "a.test:80 gets") || strings.Contains(page, "in force") {
		t.Errorf("what is in use is not:\n%s", page)
	}
	h.failing = "line 7 is <wrong>"
	h.contains(h.get("/"), "in force is not that of /etc/gw.yaml: line 7 is &lt;wrong&gt;")
	h.contains(h.get("/metrics"), "wssgate_configuration_failing 1")
}

func TestPageNamesClientsWhereItMay(t *testing.T) {
	h := newHarness(t, func(c *admin.Config) { c.ShowPrincipals = true })
	h.Observe(&refused)
	h.contains(h.get("/"), "mallory@EXAMPLE.COM")
}

// TestPageKeepsTheLastRefusals: 200, the newest first, and no more of a text than
// a kilobyte.
func TestPageKeepsTheLastRefusals(t *testing.T) {
	h := newHarness(t, nil)
	for i := range 450 {
		r := refused
		r.ID, r.Err = fmt.Sprintf("id-%d-", i), errors.New(strings.Repeat("y", 5000))
		h.Observe(&r)
	}
	page := h.get("/")
	if n := strings.Count(page, `class="refusal"`); n != 200 || !strings.Contains(page, "id-449-") ||
		strings.Contains(page, "id-249-") || len(page) > 400<<10 ||
		strings.Index(page, "id-449-") > strings.Index(page, "id-300-") {
		t.Errorf("%d refusals, %d octets", n, len(page))
	}
}

// TestOtherSitesReachNothing: neither by a name that they point at this address,
// nor by a form of theirs.
func TestOtherSitesReachNothing(t *testing.T) {
	h := newHarness(t, func(c *admin.Config) {
		c.Hosts = []string{"gw1.example.com"}
		c.Doctor = func(context.Context) doctor.Report {
			return doctor.Report{{Check: "clock", Status: doctor.OK, Subject: "s"}}
		}
	})
	for host, want := range map[string]int{"evil.test": 421, "evil.test:9180": 421, "localhost.evil.test": 421,
		"gw1.example.com": 200, "GW1.example.com:9180": 200, "localhost:1": 200, "127.0.0.1": 200, "[::1]:9180": 200} {
		if status, _ := h.do(http.MethodGet, "/", "", "Host", host); status != want {
			t.Errorf("Host %s: HTTP %d, want %d", host, status, want)
		}
	}
	for _, path := range []string{"/doctor", "/log-level"} {
		method := map[string]string{"/doctor": "POST", "/log-level": "PUT"}[path]
		if status, _ := h.do(method, path, "debug", "Origin", "https://evil.test"); status != 403 {
			t.Errorf("%s of another origin: HTTP %d", path, status)
		}
		if status, _ := h.do(method, path, "info", "Origin", h.url); status != 200 {
			t.Errorf("%s of our own: HTTP %d", path, status)
		}
	}
	for from, want := range map[string]int{"cross-site": 403, "same-origin": 200, "none": 200} {
		if status, _ := h.do(http.MethodGet, "/debug/pprof/heap?gc=1", "", "Sec-Fetch-Site", from); status != want {
			t.Errorf("a profile for a page that is %s: HTTP %d, want %d", from, status, want)
		}
	}
	if status, _ := h.do(http.MethodGet, "/debug/pprof/cmdline", ""); status != 404 {
		t.Errorf("the command line is shown: HTTP %d", status)
	}
	h.contains(h.get("/debug/pprof/goroutine?debug=1"), "goroutine profile")
}

// TestDoctorRunsOnce: a second request does not start the checks again.
func TestDoctorRunsOnce(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	h := newHarness(t, func(c *admin.Config) {
		c.Doctor = func(context.Context) doctor.Report {
			close(begun)
			<-end
			return doctor.Report{{Check: "keytab", Status: doctor.Fail, Subject: "/etc/svc.keytab", Found: "is <gone>",
				Cure: "bring it back"}}
		}
	})
	first := make(chan string)
	go func() {
		_, text := h.do(http.MethodPost, "/doctor", "")
		first <- text
	}()
	<-begun
	if status, _ := h.do(http.MethodPost, "/doctor", ""); status != 503 {
		t.Errorf("a second one: HTTP %d", status)
	}
	close(end)
	h.contains(<-first, "1 failed", "is &lt;gone&gt;", "bring it back")
}

// TestListenAtASocket: the owner's and the group's; one that is left behind is
// replaced, one in use is not, nor is a file.
func TestListenAtASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	ln, err := admin.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := admin.Listen("unix:" + path); err == nil {
		t.Error("a socket in use is taken")
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = ln.Close()
	ln, err = admin.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	a := newHarness(t, nil)
	stop := a.Serve(ln)
	defer stop()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	client := http.Client{Transport: &http.Transport{DialContext: dial}}
	resp, err := client.Get("http://localhost/healthz")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Listen("unix:" + file); err == nil {
		t.Error("a file is replaced by a socket")
	}
}

// TestSlowScrapesKeepNobodyOff: those that send nothing more are closed, and a probe
// is answered meanwhile.
func TestSlowScrapesKeepNobodyOff(t *testing.T) {
	h := newHarness(t, nil)
	ln, err := admin.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Serve(ln)()
	var slow []net.Conn
	for range 1000 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	h.url = "http://" + ln.Addr().String()
	if text := h.get("/healthz"); text != "ok\n" {
		t.Error(text)
	}
	if err := slow[0].SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, slow[0]); err != nil {
		t.Error("a slow one is not closed:", err)
	}
}

// TestHugeQueries: are refused, or change nothing.
func TestHugeQueries(t *testing.T) {
	h := newHarness(t, nil)
	h.Observe(&refused)
	const odd = "&route=%00&code=%ff&refresh=on&refresh=off&;="
	h.contains(h.get("/?client="+strings.Repeat("x", 30_000)+odd), "There are none.")
}

// TestObserveAllocatesNothing: what every exchange pays.
func TestObserveAllocatesNothing(t *testing.T) {
	h := newHarness(t, nil)
	r := accepted
	r.BackendStatus = 0
	h.Observe(&r)
	if n := testing.AllocsPerRun(100, func() { h.Observe(&r) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	a := admin.New(admin.Config{Level: new(slog.LevelVar), Routes: []admin.Route{{Name: "/orders"}}})
	b.ReportAllocs()
	for b.Loop() {
		a.Observe(&accepted)
	}
}
