package gateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// TestStreamHeadersOfOtherSpellingsNameNobody: servers that turn every character
// but letters and digits into "_", as lighttpd does and PHP does with ".", and
// those that let a header replace the path, take nothing of a client's for ours.
func TestStreamHeadersOfOtherSpellingsNameNobody(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, nil)
	var got http.Header
	w.backend = func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }
	r := w.request(http.MethodGet, "/app", nil)
	for _, name := range []string{"X.Principal", "X~Realm", "x!groups", "X_Forwarded_For", "X_Forwarded-Proto",
		"X.Forwarded.Host", "X-Forwarded-User", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-Url", "X_Original_URL"} {
		r.Header[name] = []string{"mallory"}
	}
	r.Header.Set("X-Other", "theirs")
	w.want(w.send(r), http.StatusOK, "")
	if text := toJSON(t, got); strings.Contains(text, "mallory") || got.Get("X-Other") != "theirs" {
		t.Errorf("the backend got %s", text)
	}
}

// TestStreamDoesNotPassTrace: the backend would return to the client what it has
// got, with the password by which the gateway authenticates itself.
func TestStreamDoesNotPassTrace(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(_ *streamWorld, c *gateway.Config) {
		c.Routes[0].Backend.User = url.UserPassword("gateway", "secret")
	})
	w.backend = func(rw http.ResponseWriter, r *http.Request) { _ = r.Header.Write(rw) }
	w.want(w.send(w.request(http.MethodTrace, "/app", nil)), http.StatusMethodNotAllowed, "")
	if w.called.Load() != 0 {
		t.Errorf("%d calls", w.called.Load())
	}
}

// TestBackendsGetNoCookieOfAnotherRoute: browsers send the cookie of / to all
// routes below it, and a backend of one could use it on the other.
func TestBackendsGetNoCookieOfAnotherRoute(t *testing.T) {
	t.Parallel()
	w := newStreamWorld(t, func(w *streamWorld, c *gateway.Config) {
		other := negotiate.Config{Session: time.Hour, CookieName: "other"}
		c.Routes = []gateway.Route{w.route("/", "", other), w.route("/app", "", negotiate.Config{Session: time.Hour}),
			{Path: "/app/soap", Door: door.None(), Backend: c.Routes[0].Backend, PassHeaders: []string{"Cookie"}}}
	})
	var got []string
	w.backend = func(_ http.ResponseWriter, r *http.Request) { got = r.Header["Cookie"] }
	session := w.send(w.request(http.MethodGet, "/x", nil)).Cookies()
	if len(session) != 1 || session[0].Name != "other" {
		t.Fatalf("cookies %v", session)
	}
	r := w.request(http.MethodGet, "/app", nil)
	r.AddCookie(session[0])
	r.AddCookie(&http.Cookie{Name: "theirs", Value: "1"})
	w.want(w.send(r), http.StatusOK, "")
	if len(got) != 1 || got[0] != "theirs=1" {
		t.Errorf("the backend got %q", got)
	}
	got = nil
	soap := w.request(http.MethodPost, "/app/soap", strings.NewReader(
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`))
	soap.Header.Set("Content-Type", "text/xml")
	soap.AddCookie(session[0])
	soap.AddCookie(&http.Cookie{Name: "theirs", Value: "1"})
	w.send(soap)
	if len(got) != 1 || got[0] != "theirs=1" {
		t.Errorf("the backend of SOAP messages got %q", got)
	}
}
