package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A clockwork is a gateway without a network whose verification takes as long
// as the test says, for testing/synctest.
type clockwork struct {
	t      *testing.T
	g      *gateway.Gateway
	events eventLog
	looks  atomic.Int32 // messages whose token was looked at

	takes  time.Duration
	panics bool
}

func newClockwork(t *testing.T, change ...func(*gateway.Config)) *clockwork {
	c := &clockwork{t: t}
	policy, _ := wssec.Preset("KerberosToken")
	policy.AllowPlainHTTP = true
	processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: c})
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{Log: slog.New(slog.NewJSONHandler(&c.events, nil)), MaxMessage: 1 << 20,
		MaxExchanges: 10_000, MaxClientExchanges: 10_000,
		Routes: []gateway.Route{{Path: "/svc", Door: door.NewSecurity("", processor),
			Backend: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}}}
	for _, f := range change {
		f(&cfg)
	}
	if c.g, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	c.g.UseGoTimers()
	return c
}

// VerifyToken refuses every token.
func (c *clockwork) VerifyToken(context.Context, []byte, [][]byte) (wssec.VerifiedToken, error) {
	c.looks.Add(1)
	time.Sleep(c.takes)
	if c.panics {
		panic("a bug")
	}
	return nil, errors.New("refused")
}

// question is a message of a size, with a token. It is never held as a whole.
func question(size int) io.Reader {
	start := `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header><w:Security xmlns:w="` + wssec.NSWSSE +
		`"><w:BinarySecurityToken ValueType="` +
		wssec.GSSKerberosAPREQ + `">YAAA</w:BinarySecurityToken></w:Security></s:Header><s:Body>`
	const end = `</s:Body></s:Envelope>`
	return io.MultiReader(strings.NewReader(start), io.LimitReader(fill('x'), int64(size-len(start)-len(end))),
		strings.NewReader(end))
}

// fill is an endless run of one octet.
type fill byte

func (f fill) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(f)
	}
	return len(b), nil
}

// ask is askFrom of one client.
func (c *clockwork) ask(ctx context.Context, message io.Reader) (*httptest.ResponseRecorder, time.Duration) {
	return c.askFrom(ctx, "192.0.2.1", message)
}

// askFrom sends a message and returns the answer, and how long it took. It is
// nil if the connection was closed without one.
func (c *clockwork) askFrom(ctx context.Context, address string, message io.Reader) (*httptest.ResponseRecorder,
	time.Duration) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/svc", message)
	r.Header.Set("Content-Type", "text/xml")
	r.RemoteAddr = address + ":1"
	rec, start := httptest.NewRecorder(), time.Now()
	if aborted(func() { c.g.ServeHTTP(rec, r) }) {
		rec = nil
	}
	return rec, time.Since(start)
}

func aborted(f func()) (yes bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		} else if p != nil {
			yes = true
		}
	}()
	f()
	return false
}

// A refusal leaves at a multiple of its size's delay, whatever it was refused
// for.
func TestReleaseTimeDoesNotDependOnTheVerification(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		ms := time.Millisecond
		for _, tt := range []struct {
			size        int
			takes, want time.Duration
			late        bool
		}{
			{0, 0, 50 * ms, false}, {0, 1, 50 * ms, false}, {0, ms, 50 * ms, false}, {0, 30 * ms, 50 * ms, false},
			{0, 46 * ms, 50 * ms, false},
			{0, 46*ms + 1, 100 * ms, true}, {0, 50 * ms, 100 * ms, true}, {0, 96*ms + 1, 150 * ms, true},
			{0, 500 * ms, 550 * ms, true},
			{128 << 10, 0, 50 * ms, false}, {128<<10 + 1, 0, 100 * ms, false}, {256 << 10, 60 * ms, 100 * ms, false},
			{256<<10 + 1, 0, 200 * ms, false}, {1 << 20, 390 * ms, 400 * ms, false}, {1 << 20, 397 * ms, 800 * ms, true},
		} {
			c.takes = tt.takes
			c.events.reset()
			answer, took := c.ask(t.Context(), question(tt.size))
			if answer == nil || answer.Code != 500 || took != tt.want {
				t.Errorf("%d octets, ready after %v: answered after %v, want %v", tt.size, tt.takes, took, tt.want)
			}
			if event := c.events.all()[0]; event["late"] != nil != tt.late || event["status"] != 500.0 ||
				event["release_ns"] != float64(tt.want) {
				t.Errorf("%d octets, ready after %v: %v", tt.size, tt.takes, event)
			}
		}
	})
}

func TestReleaseDelayIsConfigured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t, func(c *gateway.Config) { c.RefusalDelay = 3 * time.Second })
		if _, took := c.ask(t.Context(), question(0)); took != 3*time.Second {
			t.Error(took)
		}
	})
}

// What needs no key to be refused is refused at once.
func TestReleaseDoesNotHoldEarlyRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		if _, took := c.ask(t.Context(), strings.NewReader("<not-soap/>")); took != 0 || c.looks.Load() != 0 {
			t.Error(took, c.looks.Load())
		}
	})
}

// Requests of several sizes and lengths of verification, all at once, as
// HTTP/2 streams may come: each leaves at its own time.
func TestReleasesDoNotDelayEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		var took [40]time.Duration
		for i := range took {
			go func() {
				time.Sleep(time.Duration(i) * 100 * time.Microsecond)
				_, took[i] = c.ask(t.Context(), question(i%3*300<<10))
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, d := range took {
			if want := []time.Duration{50, 200, 400}[i%3] * time.Millisecond; d != want {
				t.Errorf("%d: %v, want %v", i, d, want)
			}
		}
	})
}

// A bug that a plaintext leads to is no other answer than a wrong padding.
func TestReleaseHoldsPanicsOfADoor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		want, _ := c.ask(t.Context(), question(0))
		c.panics = true
		got, took := c.ask(t.Context(), question(0))
		if got.Code != want.Code || got.Body.String() != want.Body.String() || took != 50*time.Millisecond {
			t.Errorf("HTTP %d after %v: %s", got.Code, took, got.Body)
		}
		if event := c.events.all()[1]; event["code"] != "internal" || event["level"] != "ERROR" ||
			!strings.Contains(event["error"].(string), "a bug") {
			t.Error(event)
		}
	})
}

// A panic that no door catches is answered at a time of refusals too, and its
// message gives its place back.
func TestReleaseAfterAPanicOutsideTheDoorGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t, func(c *gateway.Config) {
			c.Routes[0].Door = panicsLate{c.Routes[0].Door.(*door.Security)}
		})
		c.takes = 60 * time.Millisecond // late, so that the door is told
		answer, took := c.ask(t.Context(), question(0))
		if answer == nil || answer.Code != 500 || took != 100*time.Millisecond {
			t.Errorf("%v after %v", answer, took)
		}
		if held, _ := c.g.Held(); held != 0 || c.g.InFlight() != 0 {
			t.Errorf("%d held, %d octets in flight", held, c.g.InFlight())
		}
		if all := c.events.all(); len(all) != 2 || !strings.Contains(all[1]["error"].(string), "a bug") {
			t.Error(all)
		}
	})
}

// panicsLate is a door with a bug in what it is told of late refusals.
type panicsLate struct{ *door.Security }

func (p panicsLate) Choose(door.Arrival) (door.Door, error) { return p, nil }
func (panicsLate) AnsweredLate(error)                       { panic("a bug") }

// A client that goes away gets nothing, and no sooner than its answer would
// have been: the end of its connection is an answer too.
func TestReleaseWaitsForClientsThatGoAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		for _, goes := range []time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond} {
			for _, c.takes = range []time.Duration{0, 20 * time.Millisecond, 45 * time.Millisecond} {
				ctx, cancel := context.WithTimeout(t.Context(), goes)
				answer, took := c.ask(ctx, question(0))
				cancel()
				if held, _ := c.g.Held(); answer != nil || took != 50*time.Millisecond || held != 0 {
					t.Errorf("gone after %v, refused after %v: %v after %v, %d held", goes, c.takes, answer, took, held)
				}
			}
		}
	})
}

// Whoever sends a question and closes his half of the connection sees when the
// server closes the other one.
func TestReleaseWaitsOnAHalfClosedConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		body, err := io.ReadAll(question(0))
		if err != nil {
			t.Fatal(err)
		}
		request := fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s",
			len(body), body)
		for _, c.takes = range []time.Duration{0, time.Millisecond, 30 * time.Millisecond} {
			conn := &halfClosed{Reader: strings.NewReader(request), closed: make(chan struct{})}
			ln := oneConn{conns: make(chan net.Conn, 1)}
			ln.conns <- conn
			server := &http.Server{Handler: c.g}
			start := time.Now()
			go server.Serve(ln)
			<-conn.closed
			if took := time.Since(start); took != 50*time.Millisecond {
				t.Errorf("refused after %v: closed after %v", c.takes, took)
			}
			server.Close()
		}
	})
}

// A halfClosed connection has nothing behind its request.
type halfClosed struct {
	io.Reader
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *halfClosed) Read(b []byte) (int, error)  { return c.Reader.Read(b) }
func (c *halfClosed) Write(b []byte) (int, error) { return len(b), nil }
func (c *halfClosed) Close() error                { c.once.Do(func() { close(c.closed) }); return nil }
func (c *halfClosed) RemoteAddr() net.Addr        { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (c *halfClosed) LocalAddr() net.Addr         { return c.RemoteAddr() }

func (*halfClosed) SetDeadline(time.Time) error      { return nil }
func (*halfClosed) SetReadDeadline(time.Time) error  { return nil }
func (*halfClosed) SetWriteDeadline(time.Time) error { return nil }

// oneConn is a listener of the connections that it is given.
type oneConn struct{ conns chan net.Conn }

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error   { close(l.conns); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// A process that stops does not wait for refusals that it cuts off.
func TestReleaseEndsWhenCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t, func(c *gateway.Config) { c.RefusalDelay = time.Hour })
		body, _ := io.ReadAll(question(0))
		request := fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s",
			len(body), body)
		for _, conn := range []*halfClosed{
			{Reader: strings.NewReader(request), closed: make(chan struct{})}, // its client is gone
			{Reader: io.MultiReader(strings.NewReader(request), silence{}), closed: make(chan struct{})},
		} {
			ln := oneConn{conns: make(chan net.Conn, 1)}
			ln.conns <- conn
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			server := &gateway.Server{Handler: c.g, Log: slog.New(slog.DiscardHandler), ShutdownTimeout: 2 * time.Second}
			start := time.Now()
			server.Serve(ctx, ln)
			stop()
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("stopped after %v", took)
			}
			if held, _ := c.g.Held(); held != 0 {
				t.Errorf("%d held", held)
			}
		}
		time.Sleep(25 * time.Hour) // the bubble ends when nothing sleeps in it
	})
}

// silence is a client that sends nothing more, for a day.
type silence struct{}

func (silence) Read([]byte) (int, error) { time.Sleep(24 * time.Hour); return 0, io.EOF }

// The message and its share of the budget are given back, and the event is
// written, before a refusal waits.
func TestReleaseHoldsNothingOfTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		const waiting = 64
		before := heap()
		for range waiting {
			go c.ask(t.Context(), question(1<<20))
		}
		synctest.Wait()
		if held, _ := c.g.Held(); held != waiting || c.g.InFlight() != 0 || len(c.events.all()) != waiting {
			t.Errorf("%d held, %d octets in flight, %d events", held, c.g.InFlight(), len(c.events.all()))
		}
		if grown := heap() - before; grown > waiting*64<<10 {
			t.Errorf("%d octets for each of them", grown/waiting)
		}
		time.Sleep(time.Second)
		if held, _ := c.g.Held(); held != 0 {
			t.Errorf("%d held", held)
		}
	})
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestReleasesHaveALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		_, most := c.g.Held()
		for i := range most {
			go c.askFrom(t.Context(), fmt.Sprintf("192.0.2.%d", 10+i%8), question(0))
		}
		synctest.Wait()
		answer, took := c.ask(t.Context(), question(0))
		if answer.Code != 503 || answer.Header().Get("Retry-After") == "" || took != 0 || int(c.looks.Load()) != most {
			t.Errorf("HTTP %d after %v, %d of %d looked at", answer.Code, took, c.looks.Load(), most)
		}
		if codes := c.codes(); codes[len(codes)-1] != "too-many-refusals" {
			t.Error(codes[len(codes)-1])
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if answer, took := c.ask(t.Context(), question(0)); answer.Code != 500 || took != 50*time.Millisecond {
			t.Errorf("HTTP %d after %v", answer.Code, took)
		}
	})
}

// One client leaves places for others, however many connections it may have.
func TestReleasesOfOneClientLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t)
		_, most := c.g.Held()
		for range most {
			go c.askFrom(t.Context(), "198.51.100.1", question(0))
		}
		synctest.Wait()
		if held, _ := c.g.Held(); held != most/4 {
			t.Errorf("one client has %d of %d places", held, most)
		}
		if answer, took := c.ask(t.Context(), question(0)); answer.Code != 500 || took != 50*time.Millisecond {
			t.Errorf("another client: HTTP %d after %v", answer.Code, took)
		}
		synctest.Wait() // its refusals have left, at the same time
		if answer, _ := c.askFrom(t.Context(), "198.51.100.1", question(0)); answer.Code != 500 {
			t.Errorf("the first client, later: HTTP %d", answer.Code)
		}
	})
}

func (c *clockwork) codes() []string {
	var codes []string
	for _, e := range c.events.all() {
		codes = append(codes, e["code"].(string))
	}
	return codes
}

// Four late failures of a key that was named by its hash are as many as forty.
func TestReleaseThatIsLateSuspendsTheKeySooner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t, func(c *gateway.Config) { c.Routes[0].Door = door.NewSecurity("", slowlyRemembering(t)) })
		var codes []string
		for range 6 {
			c.events.reset()
			c.ask(t.Context(), strings.NewReader(namedByHash(t)))
			codes = append(codes, c.codes()...)
		}
		failed, suspended := "signature-invalid", "security-token-suspended"
		if want := []string{failed, failed, failed, failed, suspended, suspended}; !slices.Equal(codes, want) {
			t.Errorf("%v, want %v", codes, want)
		}
		if askers := c.events.all()[0]["askers"]; len(askers.([]any)) != 1 {
			t.Error(askers)
		}
	})
}

// slowTokens remembers one key under every hash, and takes its time.
type slowTokens struct{ wssec.TokenCache }

func (slowTokens) GetToken(context.Context, wssec.TokenHash) (wssec.CachedToken, bool, error) {
	time.Sleep(60 * time.Millisecond)
	return wssec.CachedToken{ValueType: wssec.GSSKerberosAPREQ, Key: wssec.NewKey(make([]byte, 32)),
		EndTime: time.Now().Add(time.Hour)}, true, nil
}

func signedByHash() wssec.Policy {
	p, _ := wssec.Preset("Kerberos")
	p.EncryptSignature, p.MessageReplay = false, wssec.SwitchOn
	return p
}

func slowlyRemembering(t *testing.T) *wssec.Processor {
	p, err := wssec.NewProcessor(signedByHash(),
		wssec.Config{Tokens: slowTokens{}, Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// namedByHash is a message that names a token by its hash, under another key.
func namedByHash(t *testing.T) string {
	client, err := wssec.NewProcessor(signedByHash(), wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	env, err := soap.Parse([]byte(envelope(soap.V11, payload)), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := wssec.OutgoingToken{Token: []byte{0x60}, Key: wssec.NewKey([]byte(strings.Repeat("k", 32))), Omit: true}
	msg, _, err := client.ProtectRequest(nil, env, other)
	if err != nil {
		t.Fatal(err)
	}
	return string(msg)
}
