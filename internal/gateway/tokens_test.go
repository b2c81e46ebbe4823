package gateway_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// tokensAt makes a world whose route takes bearer tokens at some places.
func tokensAt(t testing.TB, places []string, options ...option) *world {
	t.Helper()
	w := newWorld(t, options...)
	policy, _ := wssec.Preset("KerberosToken")
	policy.AllowPlainHTTP = true
	store := replay.NewMemory(replay.MemoryConfig{})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: store})
	w.must(err)
	processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor, Replay: store})
	w.must(err)
	route := &w.config.Routes[0]
	var all location.Locations
	for _, text := range places {
		l, err := location.Parse(text)
		w.must(err)
		all = append(all, l)
	}
	route.Tokens = location.NewCurrent(all)
	route.Door = door.NewSecurity(policy.Name, processor).WithTokens(
		door.Tokens{Locations: route.Tokens, Unwrap: gss.MechToken})
	g, err := gateway.New(w.config)
	w.must(err)
	w.gateway.Config.Handler = g
	return w
}

func (w *world) fresh() string {
	w.t.Helper()
	token, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	return base64.StdEncoding.EncodeToString(token)
}

// send posts a plain message with a query and header fields.
func (w *world) send(query string, header http.Header) httpReply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.gateway.URL+"/svc"+query,
		strings.NewReader(envelope(soap.V11, payload)))
	w.must(err)
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", soap.V11.ContentType())
	return w.do(req)
}

// The token is used up here: neither the backend nor the log gets it, by any
// spelling of its header or cookie.
func TestTokensReachNeitherTheBackendNorTheLog(t *testing.T) {
	t.Parallel()
	passed := func(c *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
		r.PassHeaders = []string{"Cookie", "authorization", "X_Token", "X-Other"}
	}
	for name, send := range map[string]func(w *world, token string) httpReply{
		"authorization": func(w *world, token string) httpReply {
			return w.send("", http.Header{"Authorization": {"Negotiate " + token}})
		},
		"header:X-Token": func(w *world, token string) httpReply {
			return w.send("", http.Header{"X-Token": {token}, "X_Token": {token}})
		},
		"query:token": func(w *world, token string) httpReply { return w.send("?a=b&token="+token, nil) },
		"cookie:krb": func(w *world, token string) httpReply {
			return w.send("", http.Header{"Cookie": {"a=b; krb=" + token + "; KRB=" + token + "; c=d"}})
		},
	} {
		w := tokensAt(t, []string{name}, passed)
		var got *http.Request
		w.backend = func(rw http.ResponseWriter, r *http.Request) { got = r; echo(rw, r) }
		token := w.fresh()
		if r := send(w, token); r.StatusCode != 200 || w.code(1) != "ok" {
			t.Fatalf("%s: %d, %v", name, r.StatusCode, w.event(1))
		}
		send(w, token) // once more: refused, and logged
		if code := w.code(2); code != "ticket-replay" {
			t.Errorf("%s: %s", name, code)
		}
		send(w, token[:len(token)/2]) // broken
		w.event(3)
		var out bytes.Buffer
		out.WriteString(got.URL.String())
		w.must(got.Header.Write(&out))
		for what, text := range map[string]string{"backend": out.String(), "log": toJSON(t, w.events.all())} {
			if part := token[:40]; strings.Contains(text, part) {
				t.Errorf("%s: the %s has the token: %s", name, what, text)
			}
		}
		if cookies := got.Header.Values("Cookie"); name == "cookie:krb" && !slices.Equal(cookies, []string{"a=b; c=d"}) {
			t.Errorf("cookies %q", cookies)
		}
		if got.Header.Get("X-Principal") != "alice@EXAMPLE.COM" || got.URL.RawQuery != "" {
			t.Errorf("%s: backend got %v %v", name, got.URL, got.Header)
		}
	}
}

// Who has sent no token is asked for one, who has sent a wrong one is not: no
// loop of challenges comes of it.
func TestTokensAreAskedForOnce(t *testing.T) {
	t.Parallel()
	w := tokensAt(t, []string{"authorization"})
	wrong := base64.StdEncoding.EncodeToString([]byte("NTLMSSP\x00 and more"))
	for i, tt := range []struct {
		header    string
		status    int
		challenge string
		code      string
	}{
		{"", 401, "Negotiate", "security-token-missing"},
		{"Basic YTpi", 401, "Negotiate", "security-token-missing"},
		{"Negotiate " + wrong, 500, "", "ntlm-token"},
		{"Negotiate", 500, "", "invalid-security-token"},
		{"Negotiate " + w.fresh(), 200, "", "ok"},
	} {
		header := http.Header{}
		if tt.header != "" {
			header.Set("Authorization", tt.header)
		}
		r := w.send("", header)
		if r.Header.Get("Persistent-Auth") != "false" || r.StatusCode != tt.status ||
			r.Header.Get("WWW-Authenticate") != tt.challenge || w.code(i+1) != tt.code {
			t.Errorf("%q: %d, challenge %q, code %s", tt.header, r.StatusCode, r.Header.Get("WWW-Authenticate"), w.code(i+1))
		}
	}
	// Other routes challenge nobody.
	other := tokensAt(t, []string{"header:X-Token"})
	if r := other.send("", nil); r.StatusCode != 500 || r.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d, %q", r.StatusCode, r.Header.Get("WWW-Authenticate"))
	}
}

// Thousands of cookies, parameters or fields cost what reading them costs, and
// find no token.
func TestTokensAreNotFoundAmongManyOthers(t *testing.T) {
	t.Parallel()
	w := tokensAt(t, []string{"cookie:krb", "query:krb", "header:X-Token"})
	r := w.send("?"+strings.Repeat("k=1&", 20_000), http.Header{
		"Cookie": {strings.Repeat("k=1;", 20_000)}, "X-Tokens": slices.Repeat([]string{"x"}, 1000),
	})
	if r.StatusCode != 500 || w.code(1) != "security-token-missing" {
		t.Errorf("%d, %s", r.StatusCode, w.code(1))
	}
	r = w.send("", http.Header{"Cookie": {strings.Repeat("krb=1;", 20_000)}})
	if r.StatusCode != 500 || w.code(2) != "security-token-ambiguous" {
		t.Errorf("%d, %s", r.StatusCode, w.code(2))
	}
}
