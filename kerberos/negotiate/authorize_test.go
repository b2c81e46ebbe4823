package negotiate_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

// A gate is a Config.Authorize that refuses the clients that are denied.
type gate struct {
	mu     sync.Mutex
	denied map[string]bool
	asked  []string // client and source
}

var errDenied = errors.New("not this one")

func (g *gate) deny(client string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.denied = map[string]bool{client: true}
}

func (g *gate) authorize(_ *http.Request, i *negotiate.Identity) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, i.String()+" "+string(i.Source()))
	if g.denied[i.String()] {
		return errDenied
	}
	return nil
}

// Whoever is refused gets no cookie, however a cookie could come about, and the
// connection does not remember him.
func TestRefusedClientIsRememberedByNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*negotiate.Config){
		"session":    withSession,
		"body later": func(c *negotiate.Config) { c.BodyLater = true },
		"both":       func(c *negotiate.Config) { c.BodyLater, c.Session = true, time.Hour },
		"connection": func(c *negotiate.Config) { c.ConnectionBound = true },
	} {
		g := &gate{}
		g.deny("alice@EXAMPLE.COM")
		w := newWorld(t, func(c *negotiate.Config) { change(c); c.Authorize = g.authorize })
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := w.do(method, "", w.token("alice"))
			w.want(a, http.StatusForbidden, name)
			if a.cookie() != nil || a.token() == nil || a.body != "Forbidden\n" ||
				a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Persistent-Auth") != "false" {
				t.Errorf("%s: %v %q", name, a.Header, a.body)
			}
		}
		w.want(w.do(http.MethodGet, "", nil), http.StatusUnauthorized, name+", afterwards")
		if w.calls.Load() != 0 {
			t.Errorf("%s: %d calls of the handler", name, w.calls.Load())
		}
		w.want(w.do(http.MethodGet, "", w.token("bob")), http.StatusOK, name+", another client")
	}
}

// A negotiation of several legs ends with the refusal, and its cookie.
func TestRefusalEndsANegotiation(t *testing.T) {
	t.Parallel()
	g := &gate{}
	g.deny("alice@EXAMPLE.COM")
	w := newWorld(t, func(c *negotiate.Config) { withSession(c); c.Authorize = g.authorize })
	n := w.negotiation("alice")
	n.first()
	n.second()
	if len(g.asked) != 0 {
		t.Errorf("asked during the negotiation: %q", g.asked)
	}
	a := n.third(http.MethodGet, "")
	w.want(a, http.StatusForbidden, "last leg")
	if a.cookie() != nil || !a.removed() || len(a.Header.Values("Set-Cookie")) != 1 {
		t.Errorf("cookies %v", a.Cookies())
	}
}

// Each request is asked about, by whatever it is authenticated, so that a client
// that is refused from now on has no use of what it was given.
func TestAuthorizeIsAskedForEachRequest(t *testing.T) {
	t.Parallel()
	g := &gate{}
	w := newWorld(t, func(c *negotiate.Config) { withSession(c); c.Authorize = g.authorize })
	session := w.do(http.MethodGet, "", w.token("alice")).cookie()
	w.want(w.do(http.MethodGet, "", nil, session), http.StatusOK, "session")
	g.deny("alice@EXAMPLE.COM")
	a := w.do(http.MethodGet, "", nil, session)
	if w.want(a, http.StatusForbidden, "denied session"); !a.removed() {
		t.Errorf("the session stays: %v", a.Header)
	}

	bound := newWorld(t, func(c *negotiate.Config) { c.ConnectionBound, c.Authorize = true, g.authorize })
	bound.want(bound.do(http.MethodGet, "", bound.token("bob")), http.StatusOK, "token")
	bound.want(bound.do(http.MethodGet, "", nil), http.StatusOK, "connection")
	g.deny("bob@EXAMPLE.COM")
	bound.want(bound.do(http.MethodGet, "", nil), http.StatusForbidden, "denied connection")
	g.deny("nobody@EXAMPLE.COM")
	bound.want(bound.do(http.MethodGet, "", nil), http.StatusUnauthorized, "connection after a refusal")

	later := newWorld(t, func(c *negotiate.Config) { c.BodyLater, c.Authorize = true, g.authorize })
	kept := later.do(http.MethodPost, "", later.token("carol")).cookie()
	g.deny("carol@EXAMPLE.COM")
	later.want(later.do(http.MethodPost, "hello", nil, kept), http.StatusForbidden, "denied context")

	const want = "alice@EXAMPLE.COM token|alice@EXAMPLE.COM session|alice@EXAMPLE.COM session|" +
		"bob@EXAMPLE.COM token|bob@EXAMPLE.COM connection|bob@EXAMPLE.COM connection|" +
		"carol@EXAMPLE.COM token|carol@EXAMPLE.COM context"
	if got := strings.Join(g.asked, "|"); got != want {
		t.Errorf("asked about %s", got)
	}
}

// The error is the caller's own, for its log, and is in no answer.
func TestResultHasTheErrorOfAuthorize(t *testing.T) {
	t.Parallel()
	g := &gate{}
	g.deny("alice@EXAMPLE.COM")
	var got error
	w := newWorld(t, func(c *negotiate.Config) {
		c.Authorize = g.authorize
		c.Answer = func(rw http.ResponseWriter, _ *http.Request, res *negotiate.Result) {
			got = res.Err
			rw.WriteHeader(res.Status)
		}
	})
	_, token := w.initiator("alice", gss.InitConfig{})
	w.want(w.do(http.MethodGet, "", token), http.StatusForbidden, "")
	if !errors.Is(got, errDenied) {
		t.Errorf("Result.Err is %v", got)
	}
}
