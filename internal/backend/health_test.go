package backend

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A ward is a Set of targets that are never called, whose outcomes a test
// decides.
type ward struct {
	*Set
	clock *clock
	log   *logged
}

func newWard(t *testing.T, names string) *ward {
	t.Helper()
	w := &ward{clock: newClock(), log: &logged{}}
	cfg := Config{Log: w.log.logger(), now: w.clock.now}
	for _, name := range strings.Fields(names) {
		cfg.Targets = append(cfg.Targets, Target{Name: name, Scheme: "http", Host: name + ".invalid"})
	}
	w.Set = newSet(t, cfg)
	return w
}

var errBroken = errors.New("connection reset")

// expect chooses a member, which has to be the named one.
func (w *ward) expect(t *testing.T, name string, tried ...*member) (*member, *ticket) {
	t.Helper()
	m, ticket := w.choose(tried)
	if m.Name != name {
		t.Fatalf("%s is chosen, not %s", m.Name, name)
	}
	return m, ticket
}

// fail lets the named member fail n times in a row.
func (w *ward) fail(t *testing.T, name string, n int) {
	t.Helper()
	for range n {
		for _, m := range w.members {
			if m.Name == name {
				w.mu.Lock()
				m.health.waiting++
				ticket := &ticket{out: m.health.out}
				w.mu.Unlock()
				w.failed(m, ticket, errBroken)
			}
		}
	}
}

func status(code int, retryAfter string) *http.Response {
	r := &http.Response{StatusCode: code, Header: http.Header{}}
	if retryAfter != "" {
		r.Header.Set("Retry-After", retryAfter)
	}
	return r
}

func TestFewestWaitingIsChosen(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b c")
	first, ta := w.expect(t, "a")
	w.expect(t, "b")
	w.expect(t, "c")
	w.answered(first, ta, status(200, "")) // the others still wait
	_, ta = w.expect(t, "a")
	_ = ta
	w.expect(t, "b")
}

func TestThreeFailuresInARowTakeABackendOut(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b")
	w.fail(t, "a", maxFailures-1)
	m, ticket := w.expect(t, "a")
	w.answered(m, ticket, status(500, "")) // an answer is an answer
	w.fail(t, "a", maxFailures-1)
	if w.log.count("backend out") != 0 {
		t.Error("out, though there was an answer between")
	}
	w.fail(t, "a", 1)
	w.fail(t, "a", 5) // of requests that were under way
	for range 4 {
		m, ticket := w.expect(t, "b")
		w.answered(m, ticket, status(200, ""))
	}
	if w.log.count("backend out") != 1 || w.log.count("backend=a") != 1 {
		t.Errorf("%s", w.log.buf.String())
	}
}

// When the pause is over one request tries the backend, and others do not.
func TestStatusNamesWhatIsOut(t *testing.T) {
	w := newWard(t, "a b")
	w.fail(t, "b", 3)
	if got := fmt.Sprint(w.Status()); got != "[{a false} {b true}]" {
		t.Error(got)
	}
}

func TestOneRequestTriesABackendThatIsOut(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b")
	w.fail(t, "a", maxFailures)
	w.clock.pass(2 * firstPause)
	a, probe := w.expect(t, "a")
	for range 3 {
		m, ticket := w.expect(t, "b")
		w.answered(m, ticket, status(200, ""))
	}
	w.answered(a, probe, status(200, ""))
	w.expect(t, "a")
	if w.log.count("backend back") != 1 || w.log.count("backend out") != 1 {
		t.Errorf("%s", w.log.buf.String())
	}
}

func TestPausesGrowWithEachTry(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b")
	w.fail(t, "a", maxFailures)
	for want := firstPause; ; want = min(2*want, maxPause) {
		h := &w.members[0].health
		if pause := h.until.Sub(w.clock.now()); pause < want || pause >= want+want/2 {
			t.Fatalf("a pause of %v, want %v and up to half as long again", pause, want)
		}
		if want == maxPause {
			break
		}
		w.clock.pass(2 * want)
		a, probe := w.expect(t, "a")
		w.failed(a, probe, errBroken)
	}
	if w.log.count("backend out") != 1 {
		t.Errorf("%s", w.log.buf.String())
	}
}

// A request that ends without a word of the backend does not end the pause, and
// the next one tries.
func TestTryThatSaysNothingIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b")
	w.fail(t, "a", maxFailures)
	w.clock.pass(2 * firstPause)
	a, probe := w.expect(t, "a")
	w.undecided(a, probe)
	w.expect(t, "a")
	w.expect(t, "b")
}

// If all are out they are tried all the same, and the first answer brings one
// back.
func TestAllOutAreTriedAnyway(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b c")
	for _, name := range []string{"a", "b", "c"} {
		w.fail(t, name, maxFailures)
	}
	a, ta := w.expect(t, "a")
	w.failed(a, ta, errBroken)
	b, tb := w.expect(t, "b", a)
	w.failed(b, tb, errBroken)
	c, tc := w.expect(t, "c", a, b)
	w.answered(c, tc, status(200, ""))
	if w.log.count("backend back") != 1 || w.members[0].health.pause != firstPause {
		t.Errorf("%+v\n%s", w.members[0].health, w.log.buf.String())
	}
	for range 3 {
		c, tc := w.expect(t, "c")
		w.answered(c, tc, status(200, ""))
	}
}

// The answer to a request of before says nothing of what is now.
func TestLateAnswerDoesNotBringABackendBack(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a b")
	a, ta := w.expect(t, "a")
	w.fail(t, "a", maxFailures)
	w.answered(a, ta, status(200, ""))
	if !w.members[0].health.out {
		t.Error("back")
	}
}

func TestRetryAfterIsAPause(t *testing.T) {
	t.Parallel()
	at := newClock().now()
	for _, tt := range []struct {
		status int
		text   string
		want   time.Duration
	}{
		{503, "5", 5 * time.Second}, {503, "3600", maxPause}, {503, "", 0}, {503, "0", 0}, {503, "soon", 0}, {503, "-1", 0},
		{503, "99999999999999999999", 0}, {429, "5", 0}, {200, "5", 0},
		{503, at.Add(7 * time.Second).UTC().Format(http.TimeFormat), 7 * time.Second},
		{503, at.Add(-time.Hour).UTC().Format(http.TimeFormat), 0},
	} {
		w := newWard(t, "a b")
		a, ta := w.expect(t, "a")
		w.answered(a, ta, status(tt.status, tt.text))
		h := &w.members[0].health
		if got := h.until.Sub(at); h.out != (tt.want > 0) || h.out && got != tt.want {
			t.Errorf("%d %q: out %v for %v, want %v", tt.status, tt.text, h.out, got, tt.want)
		}
		if tt.want == 0 {
			continue
		}
		w.clock.pass(tt.want)
		a, ta = w.expect(t, "a")
		w.answered(a, ta, status(200, ""))
		if w.log.count("backend out") != 1 || w.log.count("backend back") != 1 {
			t.Errorf("%s", w.log.buf.String())
		}
	}
}

// A backend without another one gets no pause: it is asked all the same.
func TestRetryAfterOfASingleBackend(t *testing.T) {
	t.Parallel()
	w := newWard(t, "a")
	a, ta := w.expect(t, "a")
	w.answered(a, ta, status(503, "5"))
	if w.members[0].health.out || w.log.count("backend") != 0 {
		t.Errorf("%+v\n%s", w.members[0].health, w.log.buf.String())
	}
}

// One of three backends is killed while many call. Every message is answered, or
// was on the wire to the one that was killed; none arrives twice.
func TestBackendKilledUnderLoad(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	arrived := map[string]int{} // by message
	atVictim := map[string]bool{}
	var servers []*httptest.Server
	var targets []Target
	for i := range 3 {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			arrived[string(body)]++
			atVictim[string(body)] = i == 0
			mu.Unlock()
			_, _ = io.WriteString(w, "done")
		}))
		t.Cleanup(server.Close)
		servers, targets = append(servers, server), append(targets, targetOf(server.URL))
	}
	log := &logged{}
	s := newSet(t, Config{Targets: targets, Log: log.logger(), Transport: &http.Transport{MaxIdleConnsPerHost: 64}})
	const callers, each = 16, 60
	var running sync.WaitGroup
	lost := map[string]error{}
	for caller := range callers {
		running.Go(func() {
			for i := range each {
				message := fmt.Sprintf("%d/%d", caller, i)
				if _, err := exchange(t, s, request(t, "POST", message)); err != nil {
					mu.Lock()
					lost[message] = err
					mu.Unlock()
				}
				if caller == 0 && i == each/3 {
					_ = servers[0].Listener.Close()
					servers[0].CloseClientConnections()
				}
			}
		})
	}
	running.Wait()
	for message, n := range arrived {
		if n != 1 {
			t.Errorf("%s arrived %d times", message, n)
		}
	}
	for message, err := range lost {
		if arrived[message] > 0 && !atVictim[message] {
			t.Errorf("%s was lost, and a living backend got it: %v", message, err)
		}
		if !strings.Contains(err.Error(), targets[0].Host) {
			t.Errorf("%s was lost elsewhere: %v", message, err)
		}
	}
	if len(lost) > 2*callers {
		t.Errorf("%d messages were lost, of %d callers: %v", len(lost), callers, lost)
	}
	if log.count("backend out") > 1 {
		t.Errorf("%s", log.buf.String())
	}
}
