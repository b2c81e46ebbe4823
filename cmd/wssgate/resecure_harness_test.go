package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/loopback"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// ofFront are the settings of routes that accept tickets.
const ofFront = "keytab: DIR/front.keytab\nservice: " + frontService + "\n"

const (
	frontService   = "soap/gateway.example.com"
	securedService = "soap/backend.example.com"
)

// A securedWorld is the program in front of a backend that is secured itself, by
// another gateway in this process, and whoever stands between the two.
type securedWorld struct {
	t        *testing.T
	kdc      *krbtest.KDC
	krb5Conf string
	dir      string
	url      string // of the program
	log      *lineLog

	backend string // URL of the secured backend
	secured lineLog
	calls   atomic.Int32 // of the application behind all
	arrived atomic.Int32 // messages at the secured backend
	// between, if not nil, changes what the secured backend answers.
	between atomic.Pointer[func(*httptest.ResponseRecorder)]

	mu      sync.Mutex
	tickets map[string]*kdc.Client
}

func (w *securedWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// newSecuredWorld starts both, the program with the routes of a configuration.
func newSecuredWorld(t *testing.T, routes string) *securedWorld {
	t.Helper()
	w := &securedWorld{t: t, kdc: krbtest.New(krbtest.Config{Realm: "EXAMPLE.COM"}), dir: t.TempDir(), log: &lineLog{},
		tickets: map[string]*kdc.Client{}}
	for _, s := range []string{frontService, securedService, "HTTP/backend.example.com"} {
		w.kdc.AddService(s)
	}
	for _, u := range []string{"alice", "bob"} {
		w.kdc.AddUser(u, "secret")
	}
	server, err := w.kdc.Start()
	w.must(err)
	t.Cleanup(func() { server.Close() })
	w.krb5Conf = server.Krb5Conf()
	w.must(os.WriteFile(w.file("krb5.conf"), []byte(w.krb5Conf), 0o600))
	w.keytab("front.keytab", frontService)
	w.keytab("secured.keytab", securedService, "HTTP/backend.example.com")
	w.startBackend()
	w.startProgram(routes)
	return w
}

func (w *securedWorld) file(name string) string { return filepath.Join(w.dir, name) }

func (w *securedWorld) keytab(name string, services ...string) {
	w.t.Helper()
	octets, err := w.kdc.Keytab(services).AppendBinary(nil)
	w.must(err)
	w.must(os.WriteFile(w.file(name), octets, 0o600))
}

// startBackend serves the secured backend, with a path for each of its policies.
func (w *securedWorld) startBackend() {
	app := httptest.NewServer(http.HandlerFunc(w.application))
	w.t.Cleanup(app.Close)
	text := "keytab: " + w.file("secured.keytab") + "\nbackend: " + app.URL + `
routes:
- {path: /ktp, policy: Kerberos, service: ` + securedService + `}
- {path: /spnego, policy: SspiNegotiated, service: ` + securedService + `, addressing: terminate}
- {path: /conversation, policy: wsHttpBinding, service: ` + securedService + `}
- {path: /http, standard: spnego-http, service: HTTP/backend.example.com}
`
	w.must(os.WriteFile(w.file("secured.yaml"), []byte(text), 0o600))
	cfg, err := config.Load(&config.Flags{File: w.file("secured.yaml")}, nil)
	w.must(err)
	log := slog.New(slog.NewJSONHandler(&w.secured, nil))
	g, err := assembly.New(assembly.Config{Settings: cfg, Keys: assembly.NewKeyring(cfg, log),
		Replay: assembly.MemoryReplay(cfg), Log: log})
	w.must(err)
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.arrived.Add(1)
		change := w.between.Load()
		if change == nil {
			g.ServeHTTP(rw, r)
			return
		}
		rec := httptest.NewRecorder()
		g.ServeHTTP(rec, r)
		(*change)(rec)
		for name, values := range rec.Header() {
			rw.Header()[name] = values
		}
		rw.Header().Del("Content-Length")
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(rec.Body.Bytes())
	}))
	w.t.Cleanup(backend.Close)
	w.backend = backend.URL
}

// application answers with the name of its client and the content of the Body. A
// Body with "no such symbol" is answered with a fault.
func (w *securedWorld) application(rw http.ResponseWriter, r *http.Request) {
	w.calls.Add(1)
	b, _ := io.ReadAll(r.Body)
	env, err := soap.Parse(b, xmltext.Options{})
	if err != nil {
		fmt.Fprintf(rw, "%s %s %s", r.Header.Get("X-Wssgate-Principal"), r.Method, b)
		return
	}
	rw.Header().Set("Content-Type", env.Version.ContentType())
	if bytes.Contains(b, []byte("no such symbol")) {
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = rw.Write((&soap.Fault{Code: soap.Sender, Reason: "no such symbol"}).AppendEnvelope(nil, env.Version))
		return
	}
	fmt.Fprintf(rw, `<s:Envelope xmlns:s="%s"><s:Body><r:By xmlns:r="urn:r">%s</r:By>%s</s:Body></s:Envelope>`,
		env.Version.Namespace(), r.Header.Get("X-Wssgate-Principal"), env.Body.AppendDetachedContent(nil))
}

// startProgram runs wssgate serve. BACKEND in routes is the secured backend's URL,
// DIR the directory of keytabs.
func (w *securedWorld) startProgram(routes string) {
	w.t.Helper()
	addr, err := loopback.Free()
	w.must(err)
	text := strings.NewReplacer("BACKEND", w.backend, "DIR", w.dir).Replace("listen: " + addr + "\n" +
		"admin: \"off\"\n" + "krb5-conf: DIR/krb5.conf\nstate-dir: DIR\nrefusal-delay: 20ms\n" + routes)
	w.must(os.WriteFile(w.file("front.yaml"), []byte(text), 0o600))
	cmd := exec.Command("wssgate", "serve", "--config", w.file("front.yaml"))
	cmd.Stderr = w.log
	w.must(cmd.Start())
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	w.log.wait(w.t, "serving")
	w.url = "http://" + addr
}

// ticketsOf returns the tickets of a user. They say of every service that it is
// trusted with delegated credentials.
func (w *securedWorld) ticketsOf(user string) trusting {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tickets[user] == nil {
		c, err := kdc.NewClient(kdc.ClientConfig{Client: user, Password: "secret", Krb5Conf: w.krb5Conf,
			Forwardable: true})
		w.must(err)
		w.t.Cleanup(c.Close)
		w.tickets[user] = c
	}
	return trusting{w.tickets[user]}
}

type trusting struct{ *kdc.Client }

func (t trusting) ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error) {
	c, err := t.Client.ServiceTicket(ctx, service)
	c.Flags |= kerberos.FlagOKAsDelegate
	return c, err
}

// client makes a client of a route with a policy.
func (w *securedWorld) client(user, path, preset string, delegate bool) *client.Client {
	w.t.Helper()
	policy, _ := wssec.Preset(preset)
	c, err := client.New(client.Config{URL: w.url + path, Service: frontService, Policy: policy,
		Tickets: w.ticketsOf(user), Delegate: delegate})
	w.must(err)
	return c
}

// message makes one around the content of a Body.
func bodyOf(content string) client.Request {
	const form = `<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>`
	return client.Request{Action: "urn:ask", Message: fmt.Appendf(nil, form, soap.NS11, content)}
}

// by calls a route with a text and returns the name that the application has got.
func (w *securedWorld) by(c *client.Client, text string) string {
	w.t.Helper()
	reply, err := c.Call(w.t.Context(), bodyOf("<q>"+text+"</q>"))
	if err != nil {
		w.t.Errorf("%v\n%s", err, w.lastText())
		return ""
	}
	if !bytes.Contains(reply.Message, []byte(">"+text+"</q>")) {
		w.t.Errorf("another reply: %s", reply.Message)
	}
	name, _, _ := strings.Cut(string(reply.Message), "</r:By>")
	return name[strings.LastIndexByte(name, '>')+1:]
}

// code returns the code of the n-th exchange of the program, from 1.
func (w *securedWorld) code(n int) string {
	w.t.Helper()
	for {
		seen := 0
		for _, line := range w.log.all() {
			if line["msg"] != "exchange" {
				continue
			}
			if seen++; seen == n {
				return fmt.Sprint(line["code"])
			}
		}
		if w.t.Context().Err() != nil {
			w.t.Fatal("the test has ended")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// lastText is the last line of the program's log.
func (w *securedWorld) lastText() string {
	all := w.log.all()
	return fmt.Sprint(all[len(all)-1])
}

// negotiating returns a client of HTTP Negotiate.
func (w *securedWorld) negotiating(user string, delegate bool) *http.Client {
	w.t.Helper()
	rt, err := negotiate.NewTransport(negotiate.TransportConfig{Tickets: w.ticketsOf(user), Hosts: []string{"*"},
		AllowHTTP: true, Preemptive: true, Delegate: delegate,
		Service: frontServiceOf})
	w.must(err)
	return &http.Client{Transport: rt}
}
