package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/limit"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// few is a rate that does not grow while a test runs.
func few(n int) limit.Rate { return limit.Rate{Every: time.Hour, Burst: n, Pause: time.Hour} }

// limited returns an option with these rates, behind a proxy that names clients.
func limited(clients, failures, principals int) option {
	return func(c *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		c.ClientAddress, c.TrustedProxies = gateway.FromXForwardedFor, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		if clients > 0 {
			c.ClientRate = limit.NewTable[netip.Prefix](few(clients))
		}
		if failures > 0 {
			c.FailureRate = limit.NewTable[netip.Prefix](few(failures))
		}
		if principals > 0 {
			r.PrincipalRate = limit.NewTable[string](few(principals))
		}
	}
}

func from(address string) string { return "X-Forwarded-For: " + address }

// wantLater checks that an answer says to come again later, and nothing else.
func wantLater(t testing.TB, r httpReply, f *soap.Fault) {
	t.Helper()
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || seconds < 3000 || seconds > 3600 {
		t.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
	}
	if r.StatusCode != http.StatusTooManyRequests || f != nil && (f.Code != soap.Receiver || f.Reason !=
		"Too many requests; try again later.") {
		t.Errorf("HTTP %d, %+v", r.StatusCode, f)
	}
}

// An address that has sent too many is answered in the SOAP version of its request,
// without a look at the message. Others are served, and so are those of whom the
// proxy says nothing: they might be all of its clients.
func TestClientRateIsOfEachAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(2, 0, 0))
	for range 2 {
		if r, _ := w.call(from("192.0.2.1")); r.StatusCode != http.StatusOK {
			t.Fatalf("HTTP %d", r.StatusCode)
		}
	}
	for i, v := range []soap.Version{soap.V11, soap.V12} {
		r := w.post(v, strings.NewReader("this is not even XML"), from("192.0.2.1"))
		wantLater(t, r, w.plainFault(r))
		if got := r.Header.Get("Content-Type"); got != v.ContentType() || w.code(3+i) != "client-rate" || w.calls() != 2 {
			t.Errorf("%s, %s, %d calls", got, w.code(3+i), w.calls())
		}
	}
	for _, other := range []string{"192.0.2.2", "2001:db8::1", "unknown", "unknown", "unknown",
		"127.0.0.9", "127.0.0.9", "127.0.0.9"} {
		if r, _ := w.call(from(other)); r.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d", other, r.StatusCode)
		}
	}
	// All of an IPv6 /64 is one client.
	if r, _ := w.call(from("2001:db8::2:2")); r.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d", r.StatusCode)
	}
	if r, _ := w.call(from("2001:db8::3:3")); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("HTTP %d", r.StatusCode)
	}
	// A client cannot give itself another address.
	if r, _ := w.call(from("203.0.113.9, 192.0.2.1")); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("HTTP %d", r.StatusCode)
	}
}

// A client that has had too many is told by a protected fault. What only names it
// does not count: nobody can use up what another one has.
func TestPrincipalRateIsOfEachPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(0, 0, 2))
	for range 5 {
		msg, _ := w.protectAs("alice", envelope(soap.V11, payload))
		bad := bytes.Replace(msg, []byte("CipherValue>"), []byte("CipherValue>AAAA"), 1)
		if r := w.post(soap.V11, bytes.NewReader(bad)); r.StatusCode != http.StatusInternalServerError {
			t.Fatalf("HTTP %d", r.StatusCode)
		}
	}
	var replayed []byte
	for range 2 {
		replayed, _ = w.protectAs("alice", envelope(soap.V11, payload))
		if r := w.post(soap.V11, bytes.NewReader(replayed)); r.StatusCode != http.StatusOK {
			t.Fatalf("HTTP %d", r.StatusCode)
		}
	}
	msg, req := w.protectAs("alice", envelope(soap.V11, payload))
	r := w.post(soap.V11, bytes.NewReader(msg))
	wantLater(t, r, w.openFault(r, req))
	if w.code(8) != "principal-rate" || w.event(8)["principal"] != "alice@EXAMPLE.COM" || w.calls() != 2 {
		t.Errorf("%v, %d calls", w.event(8), w.calls())
	}
	if r := w.post(soap.V11, bytes.NewReader(replayed)); r.StatusCode != http.StatusInternalServerError {
		t.Errorf("a replay: HTTP %d", r.StatusCode) // as always
	}
	other, _ := w.protectAs("bob", envelope(soap.V11, payload))
	if r := w.post(soap.V11, bytes.NewReader(other)); r.StatusCode != http.StatusOK {
		t.Errorf("another one: HTTP %d", r.StatusCode)
	}
}

// forge makes a message under a token that nobody has issued for this service.
func (w *world) forge() io.Reader {
	w.t.Helper()
	other := krbtest.New(krbtest.Config{})
	other.AddService(service)
	token, key, err := other.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	out, _, err := w.client.ProtectRequest(nil, must(soap.Parse([]byte(envelope(soap.V11, payload)), xmltext.Options{})),
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	return bytes.NewReader(out)
}

// An address that fails too often is not looked at any more, whatever it sends.
// Others are, behind the same proxy too.
func TestFailureRateEndsALookAtMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(0, 3, 0))
	for i := range 3 {
		if r := w.post(soap.V11, w.forge(), from("192.0.2.1")); r.StatusCode != http.StatusInternalServerError {
			t.Fatalf("%d: HTTP %d", i, r.StatusCode)
		}
	}
	r, _ := w.call(from("192.0.2.1"))
	wantLater(t, r, w.plainFault(r))
	if e := w.event(4); e["code"] != "failure-rate" || strings.Contains(fmt.Sprint(e["stages"]), "verify") ||
		e["bytes_in"] != 0.0 || w.calls() != 0 {
		t.Errorf("%v, %d calls", e, w.calls())
	}
	for _, other := range []string{"192.0.2.2", "unknown"} {
		if r, _ := w.call(from(other)); r.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP %d", other, r.StatusCode)
		}
	}
	// The proxy itself, when it names nobody, is never one that fails too often.
	for range 10 {
		w.post(soap.V11, w.forge())
	}
	if r, _ := w.call(); r.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d", r.StatusCode)
	}
}

// What honest clients are refused for is no failed authentication: a message
// without a token, one that names a token that was forgotten, and a client that the
// route does not admit.
func TestFailureRateCountsFailedAuthenticationsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(0, 1, 0))
	for range 3 {
		w.post(soap.V11, strings.NewReader(envelope(soap.V11, payload)))
		w.post(soap.V11, strings.NewReader("<a"), from("192.0.2.1"))
		w.post(soap.V11, strings.NewReader(envelope(soap.V11, payload)), from("192.0.2.1"))
	}
	if r, _ := w.call(from("192.0.2.1")); r.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d\n%v", r.StatusCode, w.events.all())
	}
	for _, code := range []string{"security-token-unavailable", "security-token-suspended", "security-context-unknown",
		"security-context-expired", "not-authorized", "overloaded", "trust-busy", "negotiate-no-token"} {
		if gateway.IsFailure(code) {
			t.Errorf("%s counts", code)
		}
	}
	known := map[string]bool{}
	for _, e := range gateway.Catalogue() {
		known[e.Code] = true
	}
	for _, code := range gateway.NoFailures {
		if !known[code] {
			t.Errorf("there is no code %s", code)
		}
	}
	for _, code := range []string{"failed-authentication", "ticket-integrity", "signature-invalid", "message-replayed",
		"clock-skew", "trust-authentication", "decryption-failed"} {
		if !gateway.IsFailure(code) || !known[code] {
			t.Errorf("%s does not count, or is not there", code)
		}
	}
}

// Requests of routes of HTTP are held to the rates too, and answered in text.
func TestStreamIsHeldToRates(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) {
		limited(5, 2, 2)(c, &c.Routes[0], nil)
	})
	as := func(address string) *http.Request {
		r := w.request("GET", "/app/", nil)
		r.Header.Set("X-Forwarded-For", address)
		return r
	}
	for range 2 {
		w.want(w.send(as("192.0.2.1")), http.StatusOK, "")
	}
	r := w.send(as("192.0.2.2"))
	w.want(r, http.StatusTooManyRequests, "Too Many Requests\n")
	wantLater(t, r, nil)
	bob := as("192.0.2.2")
	bob.Header.Set("Authorization", w.authorization("bob"))
	w.want(w.send(bob), http.StatusOK, "")

	bad := as("192.0.2.3")
	for range 3 {
		bad.Header.Del("Authorization") // is how each client begins
		w.want(w.send(bad), http.StatusUnauthorized, "")
	}
	for range 2 {
		bad.Header.Set("Authorization", "Negotiate YWJj")
		if r := w.send(bad); r.StatusCode == http.StatusOK || r.StatusCode == http.StatusTooManyRequests {
			t.Errorf("HTTP %d", r.StatusCode)
		}
	}
	w.want(w.send(as("192.0.2.3")), http.StatusTooManyRequests, "Too Many Requests\n")
	var codes []string
	for _, e := range w.events.all() {
		codes = append(codes, fmt.Sprint(e["code"]))
	}
	if n := len(codes); n != 10 || codes[2] != "principal-rate" || codes[9] != "failure-rate" {
		t.Errorf("%v", codes)
	}
	if w.called.Load() != 3 {
		t.Errorf("%d calls", w.called.Load())
	}
}
