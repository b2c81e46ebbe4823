package negotiate_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
)

const service = "HTTP/gw.example.com"

// otherFirst is a list of mechanisms that makes a negotiation take three legs.
var otherFirst = krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5)

// A world is a KDC and a server with one route behind an Authenticator.
type world struct {
	testing.TB
	kdc      *krbtest.KDC
	acceptor *gss.Acceptor
	auth     *negotiate.Authenticator
	server   *httptest.Server
	client   *http.Client
	calls    atomic.Int32 // of the handler
	seen     atomic.Pointer[http.Request]
}

// newWorld starts the server. The handler answers with the client's name and
// the body of the request.
func newWorld(t testing.TB, change func(*negotiate.Config)) *world {
	t.Helper()
	w := &world{TB: t, kdc: krbtest.New(krbtest.Config{})}
	w.kdc.AddService(service)
	w.acceptor = krbtest.Acceptor(t, w.kdc.Keytab(nil))
	cfg := negotiate.Config{Acceptor: w.acceptor}
	if change != nil {
		change(&cfg)
	}
	var err error
	if w.auth, err = negotiate.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(w.auth.Handler(http.HandlerFunc(w.handle)))
	w.server.Config.ConnContext = negotiate.ConnContext
	w.server.Start()
	t.Cleanup(w.server.Close)
	w.client = w.server.Client()
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w
}

func (w *world) handle(rw http.ResponseWriter, r *http.Request) {
	w.calls.Add(1)
	w.seen.Store(r)
	i, ok := negotiate.FromRequestContext(r.Context())
	if !ok {
		w.Error("the handler was called without a client")
		return
	}
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(rw, i.String()+" "+string(i.Source())+" "+string(body))
}

// must fails the test for an error.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// An answer is a response that has been read.
type answer struct {
	*http.Response
	body string
}

// token returns the server's token.
func (a answer) token() []byte {
	for _, field := range a.Header.Values("WWW-Authenticate") {
		if text, ok := strings.CutPrefix(field, "Negotiate "); ok {
			token, _ := base64.StdEncoding.DecodeString(text)
			return token
		}
	}
	return nil
}

// challenge returns the fields of WWW-Authenticate.
func (a answer) challenge() string { return strings.Join(a.Header.Values("WWW-Authenticate"), "|") }

// cookie returns the cookie that the response sets, nil if it sets none.
func (a answer) cookie() *http.Cookie {
	for _, c := range a.Cookies() {
		if c.MaxAge > 0 {
			return c
		}
	}
	return nil
}

// removed reports whether the response removes a cookie.
func (a answer) removed() bool {
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 {
			return true
		}
	}
	return false
}

// do sends a request with a token, unless it is nil, and cookies.
func (w *world) do(method, body string, token []byte, cookies ...*http.Cookie) answer {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+"/page", strings.NewReader(body))
	w.must(err)
	if token != nil {
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	}
	for _, c := range cookies {
		if c != nil {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) answer {
	w.Helper()
	resp, err := w.client.Do(r)
	w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	return answer{resp, string(text)}
}

// want checks the status of an answer.
func (w *world) want(a answer, status int, what string) {
	w.Helper()
	if a.StatusCode != status {
		w.Errorf("%s: HTTP %d %q, want %d; WWW-Authenticate %q", what, a.StatusCode, a.body, status, a.challenge())
	}
}

// initiator returns a context of a client for the service, and its first token.
func (w *world) initiator(client string, cfg gss.InitConfig) (*gss.Context, []byte) {
	w.Helper()
	ticket, err := w.kdc.Ticket(client, service, krbtest.TicketOptions{})
	w.must(err)
	c, err := gss.NewInitiatorContext(ticket, cfg)
	w.must(err)
	token, _, err := c.Step(w.Context(), nil)
	w.must(err)
	return c, token
}

// token returns a fresh token of a client.
func (w *world) token(client string) []byte {
	w.Helper()
	_, token := w.initiator(client, gss.InitConfig{})
	return token
}

// A negotiation is one of three legs.
type negotiation struct {
	w      *world
	krb5   *gss.Context
	apReq  []byte
	cookie *http.Cookie
}

func (w *world) negotiation(client string) *negotiation {
	w.Helper()
	c, token := w.initiator(client, gss.InitConfig{Mechanism: gss.MechanismKRB5})
	return &negotiation{w: w, krb5: c, apReq: token}
}

// first sends the list of mechanisms.
func (n *negotiation) first() answer {
	n.w.Helper()
	return n.leg(krbtest.NegTokenInit{MechTypes: otherFirst}.Token())
}

// second sends the mechanism's token.
func (n *negotiation) second() answer {
	n.w.Helper()
	a := n.leg(krbtest.NegTokenResp{State: 1, ResponseToken: n.apReq}.Token())
	resp, ok := krbtest.ReadNegTokenResp(a.token())
	if !ok {
		n.w.Fatalf("second leg: HTTP %d, %x is no NegTokenResp", a.StatusCode, a.token())
	}
	_, _, err := n.krb5.Step(n.w.Context(), resp.ResponseToken)
	n.w.must(err)
	return a
}

// third sends the mechListMIC.
func (n *negotiation) third(method, body string) answer {
	n.w.Helper()
	mic, err := n.krb5.MIC(otherFirst)
	n.w.must(err)
	return n.send(method, body, krbtest.NegTokenResp{State: 1, MIC: mic}.Token())
}

func (n *negotiation) leg(token []byte) answer {
	n.w.Helper()
	a := n.send(http.MethodGet, "", token)
	n.w.want(a, http.StatusUnauthorized, "leg")
	return a
}

func (n *negotiation) send(method, body string, token []byte) answer {
	n.w.Helper()
	a := n.w.do(method, body, token, n.cookie)
	n.cookie = a.cookie()
	return a
}

func code(err error) kerberos.Code {
	var coded *kerberos.Error
	if !asError(err, &coded) {
		return ""
	}
	return coded.Code
}
