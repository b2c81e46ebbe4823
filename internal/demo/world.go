package demo

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// Who is who in the demo.
const (
	Realm           = "EXAMPLE.COM"
	ClientName      = "alice@" + Realm
	Password        = "correct horse battery staple"
	Service         = "soap/gateway.example.com"
	Path            = "/quotes" // of SOAP
	principalHeader = "X-Wssgate-Principal"

	pathHTTP      = "/price" // of HTTP, with the symbol behind it
	serviceHTTP   = "HTTP/127.0.0.1"
	pathWebSocket = "/kerberos5"
)

// A world is all parties of the demo, each on a loopback port of its own.
type world struct {
	realm   *krbtest.KDC
	kdc     *krbtest.Server
	service *Quotes
	client  *Client
	events  *eventLog

	serviceURL string
	gatewayURL string // of the route for SOAP
	pageURL    string // "" for none
	dir        string // holds the keytab, and alice's files
	closers    []func()
}

// newWorld starts everything, and the page if there are files of the browser client.
// The gateway is assembled from settings as serve does it.
func newWorld(ctx context.Context, files *browser.Files) (w *world, err error) {
	w = &world{events: newEventLog(), service: &Quotes{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	w.realm = krbtest.New(krbtest.Config{Realm: Realm})
	w.realm.AddUser("alice", Password)
	w.realm.AddService(Service)
	w.realm.AddService(serviceHTTP)
	if w.kdc, err = w.realm.Start(); err != nil {
		return w, err
	}
	w.onClose(func() { _ = w.kdc.Close() })
	if w.serviceURL, err = w.listen(ctx, w.service); err != nil {
		return w, err
	}
	if err = w.startGateway(ctx, files); err != nil {
		return w, err
	}
	w.client, err = NewClient(w.kdc.Krb5Conf(), w.gatewayURL)
	return w, err
}

func (w *world) startGateway(ctx context.Context, files *browser.Files) error {
	dir, err := os.MkdirTemp("", "wssgate-demo-")
	if err != nil {
		return err
	}
	w.dir = dir
	w.onClose(func() { _ = os.RemoveAll(dir) })
	keys := w.realm.Keytab(nil)
	octets, err := keys.AppendBinary(nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.file("gateway.keytab"), octets, 0o600); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h, err := w.gateway(ln.Addr().String(), files, keys)
	if err != nil {
		_ = ln.Close()
		return err
	}
	w.gatewayURL = w.serve(ctx, ln, h) + Path
	return nil
}

// gateway assembles the gateway that listens at an address, with the relay and the
// page before it.
func (w *world) gateway(address string, files *browser.Files, keys *keytab.Keytab) (http.Handler, error) {
	if err := os.WriteFile(w.file("gateway.yaml"), w.settings(address, files != nil), 0o600); err != nil {
		return nil, err
	}
	cfg, err := config.Load(&config.Flags{File: w.file("gateway.yaml")}, nil)
	if err != nil {
		return nil, err
	}
	log := slog.New(w.events)
	g, err := assembly.New(assembly.Config{
		Settings: cfg, Keys: assembly.NewKeyring(cfg, log), Replay: assembly.MemoryReplay(cfg), Log: log,
	})
	if err != nil || files == nil {
		return g, err
	}
	page, err := newPage(w, address, g, keys)
	if err != nil {
		return nil, err
	}
	h, done, err := assembly.BesideRelay(cfg, files, page, log)
	if err != nil {
		return nil, err
	}
	w.onClose(done)
	w.pageURL = "http://" + address + "/"
	return h, nil
}

// settings returns the configuration of the gateway.
func (w *world) settings(address string, page bool) []byte {
	var b bytes.Buffer
	if page {
		fmt.Fprintf(&b, "kdc-websocket-path: %s\nkdc-realms: [%s]\nkdc-servers: [%[2]s=tcp/%s]\n", pathWebSocket, Realm,
			w.kdc.Addr())
		fmt.Fprintf(&b, "kdc-origins: ['http://%s']\nbrowser-client: %s\n", address, pathClient)
	}
	fmt.Fprintf(&b, "keytab: %q\nroutes:\n", w.file("gateway.keytab"))
	fmt.Fprintf(&b, "  - path: %s\n    backend: %s\n    service: %s@%s\n", Path, w.serviceURL, Service, Realm)
	fmt.Fprintf(&b, "  - path: %s\n    backend: %s\n    service: %s@%s\n    standard: spnego-http\n"+
		"    challenge-scheme: application\n", pathHTTP, w.serviceURL+pathHTTP, serviceHTTP, Realm)
	return b.Bytes()
}

// file returns the path of a file of the demo, which goes when it ends.
func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

// listen serves h on a free loopback port until the world closes.
func (w *world) listen(ctx context.Context, h http.Handler) (url string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return w.serve(ctx, ln, h), nil
}

// serve serves h at a listener until the world closes.
func (w *world) serve(ctx context.Context, ln net.Listener, h http.Handler) (url string) {
	ctx, stop := context.WithCancel(ctx)
	server := &gateway.Server{
		Handler: h, Log: slog.New(slog.DiscardHandler), MaxHeaderBytes: 128 << 10, HeaderTimeout: 10 * time.Second,
		ReadTimeout: time.Minute, IdleTimeout: time.Minute, ShutdownTimeout: time.Second,
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(ctx, ln) }()
	w.onClose(func() { stop(); <-ended })
	return "http://" + ln.Addr().String()
}

func (w *world) onClose(f func()) { w.closers = append(w.closers, f) }

// close ends everything, last started first.
func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}
