package assembly

import (
	"encoding/binary"
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

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

const behind = "HTTP/backend.example.com"

// s4uWorld is a gateway, and behind it another gateway whose backend notes as
// whom it is called.
type s4uWorld struct {
	*serviceWorld
	krb5Conf string // a file
	keytab   string // of the gateway
	secured  string // URL of the gateway behind, whose routes are /soap and /http

	mu       sync.Mutex
	callers  []string
	requests int // TGS-REQ
}

// newS4UWorld returns one with a KDC in process.
func newS4UWorld(t *testing.T) *s4uWorld {
	t.Helper()
	w := &s4uWorld{serviceWorld: newServiceWorld(t, service, behind)}
	w.kdc.AddUser("alice", "secret")
	w.keytab = w.serviceWorld.keytab("gw.keytab", service)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go w.serveKDC(l)
	w.krb5Conf = filepath.Join(w.dir, "krb5.conf")
	text := fmt.Sprintf("[libdefaults]\n default_realm = %[1]s\n udp_preference_limit = 1\n"+
		"[realms]\n %[1]s = {\n  kdc = %s\n }\n", realm, l.Addr())
	if err := os.WriteFile(w.krb5Conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.startBehind(w.serviceWorld.keytab("behind.keytab", behind))
	return w
}

// startBehind starts the gateway behind, with the keytab of its service.
func (w *s4uWorld) startBehind(keytab string) {
	t := w.t
	t.Helper()
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.callers = append(w.callers, r.Header.Get("X-Wssgate-Principal"))
		w.mu.Unlock()
		quote(rw, r)
	}))
	t.Cleanup(plain.Close)
	cfg := loadConfig(t, fmt.Sprintf(`backend: %s
keytab: %s
routes:
  - path: /soap
    policy: Kerberos
  - path: /http
    standard: spnego-http
`, plain.URL, keytab))
	log := slog.New(slog.DiscardHandler)
	inner, err := New(Config{cfg, NewKeyring(cfg, log), MemoryReplay(cfg), log, nil, nil})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(inner)
	t.Cleanup(server.Close)
	w.secured = server.URL
}

// serveKDC answers by TCP, and counts.
func (w *s4uWorld) serveKDC(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var n [4]byte
			if _, err := io.ReadFull(c, n[:]); err != nil {
				return
			}
			request := make([]byte, binary.BigEndian.Uint32(n[:]))
			if _, err := io.ReadFull(c, request); err != nil {
				return
			}
			if request[0] == 0x6c {
				w.mu.Lock()
				w.requests++
				w.mu.Unlock()
			}
			reply := w.kdc.Exchange(request)
			c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
		}()
	}
}

// assemble makes the gateway for a credential and a route of the gateway behind.
func (w *s4uWorld) assemble(credential, path, policy string, more ...string) {
	w.t.Helper()
	cfg := loadConfig(w.t, fmt.Sprintf(`backend: %s
keytab: %s
service: %s
krb5-conf: %s
backend-policy: %s
backend-service: %s
backend-credential: %s
%s
`, w.secured+path, w.keytab, service, w.krb5Conf, policy, behind, credential, strings.Join(more, "\n")))
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	g, err := New(Config{cfg, NewKeyring(cfg, log), MemoryReplay(cfg), log, nil, nil})
	if err != nil {
		w.t.Fatal(err)
	}
	w.gateway = g
}

// call sends a message of alice with a ticket that has the flags, and returns the
// status, the code in the log, and as whom the backend was called.
func (w *s4uWorld) call(flags uint32) (status int, code, caller string) {
	w.t.Helper()
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Flags: flags}})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.callWith(token, key)
}

func (w *s4uWorld) callWith(token []byte, key etype.Key) (status int, code, caller string) {
	w.t.Helper()
	w.mu.Lock()
	w.callers = nil
	w.mu.Unlock()
	status = w.postToken("/", token, key)
	w.mu.Lock()
	defer w.mu.Unlock()
	return status, w.lastCode(), strings.Join(w.callers, ", ")
}

func (w *s4uWorld) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

// TestBackendSeesTheUsersOwnTicket: by S4U2Proxy with the client's ticket, and by
// S4U2Self before it, under a policy of messages and by HTTP Negotiate.
func TestBackendSeesTheUsersOwnTicket(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ credential, path, policy string }{
		{"s4u2proxy", "/soap", "Kerberos"}, {"s4u2proxy", "/http", "spnego-http"},
		{"s4u2self", "/soap", "Kerberos"}, {"s4u2self", "/http", "spnego-http"},
	} {
		t.Run(c.credential+c.path, func(t *testing.T) {
			t.Parallel()
			w := newS4UWorld(t)
			w.kdc.AllowDelegation(service, behind)
			w.kdc.AllowAnyProtocol(service)
			w.assemble(c.credential, c.path, c.policy)
			for range 2 {
				status, code, caller := w.call(kerberos.FlagForwardable)
				if status != http.StatusOK || caller != "alice@"+realm {
					t.Fatalf("%d, %s, called as %q\n%s", status, code, caller, w.log.String())
				}
			}
			// Without a rule for any protocol the client's own ticket decides.
			status, code, caller := w.call(kerberos.FlagPreAuthent)
			if want := c.credential == "s4u2self"; (status == http.StatusOK) != want || (caller == "alice@"+realm) != want {
				t.Errorf("a ticket that is not forwardable: %d, %s, called as %q", status, code, caller)
			}
		})
	}
}

// TestS4URefusalIsNamed: where the KDC does not allow it nothing reaches the
// backend, the log says why, and the client does not.
func TestS4URefusalIsNamed(t *testing.T) {
	t.Parallel()
	for credential, rules := range map[string]func(*krbtest.KDC){
		"s4u2proxy": func(*krbtest.KDC) {}, "s4u2self": func(k *krbtest.KDC) { k.AllowDelegation(service, behind) },
	} {
		w := newS4UWorld(t)
		rules(w.kdc)
		w.assemble(credential, "/soap", "Kerberos")
		status, code, caller := w.call(kerberos.FlagForwardable)
		want := map[string]string{"s4u2proxy": "delegation-refused", "s4u2self": "evidence-not-forwardable"}[credential]
		if status != http.StatusInternalServerError || code != want || caller != "" {
			t.Errorf("%s: %d, %s, called as %q\n%s", credential, status, code, caller, w.log.String())
		}
	}
}

// TestNoS4UForWhoIsNotAdmitted: the KDC is asked for nothing in the name of a
// client that the route does not admit, or whose message does not verify.
func TestNoS4UForWhoIsNotAdmitted(t *testing.T) {
	t.Parallel()
	w := newS4UWorld(t)
	w.kdc.AllowDelegation(service, behind)
	w.kdc.AllowAnyProtocol(service)
	for _, credential := range []string{"s4u2proxy", "s4u2self"} {
		w.assemble(credential, "/soap", "Kerberos", "denied-principals: [alice@"+realm+"]")
		if status, code, caller := w.call(kerberos.FlagForwardable); status == http.StatusOK || caller != "" {
			t.Errorf("%d, %s, called as %q", status, code, caller)
		}
		w.assemble(credential, "/soap", "Kerberos")
		token, _, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, other, _ := w.kdc.Token("alice", service, krbtest.TokenOptions{})
		if status := w.postToken("/", token, other); status == http.StatusOK {
			t.Errorf("a message under another key: %d", status)
		}
	}
	if n := w.asked(); n != 0 {
		t.Errorf("the KDC was asked for %d tickets", n)
	}
}

// TestBackendSeesTheUsersOwnTicketOfMIT: the same with krb5kdc, whose rules are in
// LDAP, and with a client's own login.
func TestBackendSeesTheUsersOwnTicketOfMIT(t *testing.T) {
	t.Parallel()
	m := krbtest.StartMITRealm(t, krbtest.MITConfig{LDAP: true})
	m.AddUser("alice", "secret")
	m.AddService(service)
	m.AddService(behind)
	w := &s4uWorld{serviceWorld: newServiceWorld(t), krb5Conf: m.ConfFile(), keytab: m.KeytabFile(service)}
	w.startBehind(m.KeytabFile(behind))
	alice, err := kdc.NewClient(kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: m.Krb5Conf(),
		Forwardable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Close()
	call := func() (status int, caller string) {
		t.Helper()
		ticket, err := alice.ServiceTicket(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		status, _, caller = w.callWith(token, key)
		return status, caller
	}
	w.assemble("s4u2proxy", "/soap", "Kerberos")
	if status, caller := call(); status == http.StatusOK || caller != "" || w.lastCode() != "delegation-refused" {
		t.Errorf("before the rule: %d, called as %q\n%s", status, caller, w.log.String())
	}
	m.AllowDelegation(service, behind)
	if status, caller := call(); status != http.StatusOK || caller != "alice@"+realm {
		t.Errorf("s4u2proxy: %d, called as %q\n%s", status, caller, w.log.String())
	}
	w.assemble("s4u2self", "/soap", "Kerberos")
	if status, caller := call(); status == http.StatusOK || caller != "" || w.lastCode() != "evidence-not-forwardable" {
		t.Errorf("before any protocol is allowed: %d, called as %q\n%s", status, caller, w.log.String())
	}
	m.Admin("modprinc +ok_to_auth_as_delegate " + service)
	if status, caller := call(); status != http.StatusOK || caller != "alice@"+realm {
		t.Errorf("s4u2self: %d, called as %q\n%s", status, caller, w.log.String())
	}
}

// TestSessionsKeepWhatTheBackendNeeds: the requests of a session, which have a
// cookie and no token, reach the backend with the client's own ticket too.
func TestSessionsKeepWhatTheBackendNeeds(t *testing.T) {
	t.Parallel()
	for _, credential := range []string{"s4u2proxy", "s4u2self"} {
		w := newS4UWorld(t)
		w.kdc.AllowDelegation(service, behind)
		w.kdc.AllowAnyProtocol(service)
		w.assemble(credential, "/http", "spnego-http", "standard: spnego-http", "session-lifetime: 1h")
		g := httpGate{t: t, kdc: w.kdc, handler: w.gateway}
		first := g.get("/", &krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Flags: kerberos.FlagForwardable}})
		cookies := first.Result().Cookies()
		second := g.get("/", nil, cookies...)
		if first.Code != http.StatusOK || second.Code != http.StatusOK || len(cookies) == 0 {
			t.Errorf("%s: %d, %d, cookies %v\n%s", credential, first.Code, second.Code, cookies, w.log.String())
		}
		if want := "alice@" + realm; strings.Join(w.callers, ", ") != want+", "+want {
			t.Errorf("%s: called as %q", credential, w.callers)
		}
	}
}
