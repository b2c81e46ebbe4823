package nodes

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A session that has no room in a cookie is in the store. Each of its requests
// reaches another node; the one that has begun it is killed, and one that is started
// then, and knows nothing, takes them too. Nobody is asked for a token again. A
// session that another one has replaced ends on all nodes.
func TestSessionsInTheStoreOutliveTheirNode(t *testing.T) {
	t.Parallel()
	store := redistest.Start(t)
	w := newWorld(t, "store: "+store.URL()+"\nstore-timeout: 10s\n")
	w.routes = strings.Replace(routes, "session-lifetime: 1h", "session-lifetime: 1h, groups-header: X-Groups", 1)
	nodes := []*node{w.start(), w.start(), w.start()}
	alice := &visitor{w: w}
	if status := alice.get(nodes[0], alice.token()); status != http.StatusOK {
		t.Fatalf("HTTP %d:\n%s", status, nodes[0].log())
	}
	if alice.cookie == nil || alice.cookie.Value[0] != 's' || len(alice.cookie.Value) > 100 {
		t.Fatalf("the session is in the cookie: %v", alice.cookie)
	}
	everywhere := func(when string, nodes ...*node) {
		t.Helper()
		for range 2 { // read, and then in the node's memory
			for i, n := range nodes {
				if status := alice.get(n, nil); status != http.StatusOK {
					t.Errorf("%s, node %d of them: HTTP %d\n%s", when, i, status, n.log())
				}
			}
		}
	}
	everywhere("at first", nodes...)
	nodes[0].kill()
	everywhere("after kill -9", nodes[1:]...)
	nodes[0].run()
	nodes[1].kill()
	everywhere("after a start and a second kill -9", nodes[0], nodes[2])
	nodes[1].run()

	old := *alice.cookie
	if status := alice.get(nodes[1], alice.token()); status != http.StatusOK || alice.cookie.Value == old.Value {
		t.Fatalf("signed on anew: HTTP %d, %v", status, alice.cookie)
	}
	everywhere("anew", nodes...)
	former := &visitor{w: w, cookie: &old}
	for i, n := range nodes {
		until(t, fmt.Sprintf("node %d knows that the former session has ended", i), func() bool {
			return former.get(n, nil) == http.StatusUnauthorized
		})
	}

	store.Kill() // a node may not have heard what became of a session
	for i, n := range nodes {
		until(t, fmt.Sprintf("node %d refuses what it cannot know", i), func() bool {
			return alice.get(n, nil) == http.StatusServiceUnavailable
		})
	}
	if bad := w.backend.wrong; len(bad) > 0 {
		t.Error(bad)
	}
}

// A visitor is a client in so many groups that its session has no room in a cookie.
type visitor struct {
	w      *world
	cookie *http.Cookie
}

// token returns a token of a fresh ticket.
func (v *visitor) token() []byte {
	v.w.t.Helper()
	logon := &krbtest.PACLogon{Name: "alice", UserID: 1000, PrimaryGroup: 513}
	for id := range uint32(300) {
		logon.Groups = append(logon.Groups, krbtest.PACGroup{ID: 2000 + id})
	}
	ticket, err := v.w.kdc.Ticket("alice", website, krbtest.TicketOptions{PAC: &krbtest.PACOptions{Logon: logon}})
	if err != nil {
		v.w.t.Fatal(err)
	}
	c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{})
	if err != nil {
		v.w.t.Fatal(err)
	}
	token, _, err := c.Step(v.w.t.Context(), nil)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return token
}

// get asks a node, with the cookie and a token if there is one. A request that is
// accepted has come to the backend once.
func (v *visitor) get(n *node, token []byte) int {
	t := v.w.t
	t.Helper()
	id := v.w.backend.register("visitor")
	r, err := http.NewRequest(http.MethodGet, "http://"+n.addr()+"/session/?id="+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != nil {
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	resp, err := to.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if token != nil && c.MaxAge > 0 {
			v.cookie = c
		}
	}
	if resp.StatusCode == http.StatusOK {
		if err := v.w.backend.settle(id); err != nil || !strings.Contains(string(body), id) {
			t.Errorf("%s: %v", body, err)
		}
	}
	return resp.StatusCode
}
