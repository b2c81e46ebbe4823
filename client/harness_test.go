package client_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const testService = "soap/gateway.example.com"

// envelope makes a plain message around the content of a Header and a Body.
func envelope(v soap.Version, header, body string) []byte {
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="%s">%s<s:Body>%s</s:Body></s:Envelope>`, v.Namespace(), header, body)
}

const ask = `<q:Ask xmlns:q="urn:q">what is it worth</q:Ask>`

// A world is a KDC, a gateway with one route in front of a backend, and whoever
// stands between client and gateway.
type world struct {
	t       *testing.T
	kdc     *krbtest.KDC
	tickets *kdc.Client
	url     string
	gateway http.Handler
	log     lines

	// backend answers what the gateway forwards. By default it sends the Body
	// back, with the headers.
	backend http.HandlerFunc
	// between, if not nil, is given each response before the client is.
	between func(*http.Response)
	seen    []*http.Request // by the backend, without bodies
}

// newWorld serves a route /svc whose policy is that of a configuration file.
func newWorld(t *testing.T, policy string) *world {
	t.Helper()
	w := &world{t: t, kdc: krbtest.New(krbtest.Config{}), backend: echo}
	w.kdc.AddUser("alice", "secret")
	w.kdc.AddService(testService)
	server, err := w.kdc.Start()
	w.must(err)
	t.Cleanup(func() { server.Close() })
	w.tickets, err = kdc.NewClient(kdc.ClientConfig{Client: "alice", Password: "secret", Krb5Conf: server.Krb5Conf()})
	w.must(err)
	t.Cleanup(w.tickets.Close)
	backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen = append(w.seen, r)
		w.backend(rw, r)
	}))
	t.Cleanup(backend.Close)
	w.gateway = w.assemble(policy, backend.URL)
	front := httptest.NewServer(w.gateway)
	t.Cleanup(front.Close)
	w.url = front.URL + "/svc"
	return w
}

// assemble makes the gateway as serve does.
func (w *world) assemble(policy, backend string) http.Handler {
	w.t.Helper()
	dir := w.t.TempDir()
	octets, err := w.kdc.Keytab(nil).AppendBinary(nil)
	w.must(err)
	w.must(os.WriteFile(filepath.Join(dir, "svc.keytab"), octets, 0o600))
	file := filepath.Join(dir, "gate.yaml")
	text := "path: /svc\nbackend: " + backend + "\nkeytab: " + filepath.Join(dir, "svc.keytab") + "\n" + policy + "\n"
	w.must(os.WriteFile(file, []byte(text), 0o600))
	cfg, err := config.Load(&config.Flags{File: file}, nil)
	w.must(err)
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	g, err := assembly.New(assembly.Config{
		Settings: cfg, Keys: assembly.NewKeyring(cfg, log), Replay: assembly.MemoryReplay(cfg), Log: log,
	})
	w.must(err)
	return g
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// RoundTrip makes w a transport with somebody in between.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && w.between != nil {
		w.between(resp)
	}
	return resp, err
}

// client makes one of the world; change may change its configuration.
func (w *world) client(preset string, change func(*client.Config)) *client.Client {
	w.t.Helper()
	policy, ok := wssec.Preset(preset)
	if !ok {
		w.t.Fatalf("no preset %s", preset)
	}
	cfg := client.Config{URL: w.url, Service: testService, Policy: policy, Tickets: w.tickets, Transport: w}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	w.must(err)
	return c
}

// echo answers with header blocks and Body of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	env, err := soap.Parse(b, xmltext.Options{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	w.Header().Set("Content-Type", env.Version.ContentType())
	_, _ = w.Write(envelope(env.Version, "", "<r:Echo "+
		"xmlns:r=\"urn:r\">"+string(env.Body.AppendDetachedContent(nil))+"</r:Echo>"))
}

// replaced returns the response with another body.
func replaced(resp *http.Response, body []byte) {
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
}

// body takes the octets of a response and puts them back.
func body(resp *http.Response) []byte {
	b, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// codeOf returns the code of an *Error, "" of nil, and of any other its text.
func codeOf(err error) client.Code {
	if err == nil {
		return ""
	}
	if e, ok := err.(*client.Error); ok {
		return e.Code
	}
	return client.Code(strings.ToUpper(err.Error()))
}
