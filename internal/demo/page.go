package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// pathClient is where the browser client is.
const pathClient = "/wssgate"

//go:embed page.html page.css page.js
var pageFiles embed.FS

// A page serves the page with which a browser is the client, in front of the
// gateway. What it is made of is of the demo's own origin.
type page struct {
	*world
	exchanges *exchanges
	host      string // by which it is asked
	policy    string // its Content-Security-Policy
	html      []byte
	files     *http.ServeMux
}

// newPage returns the page of a gateway that listens at an address.
func newPage(w *world, address string, gateway http.Handler, keys *keytab.Keytab) (http.Handler, error) {
	p := &page{world: w, exchanges: newExchanges(gateway, w, keys), host: address, files: http.NewServeMux()}
	place := browser.Place{At: pathClient, Connect: []string{"ws://" + address}}
	var err error
	if p.policy, err = place.Policy(); err != nil {
		return nil, err
	}
	if p.html, err = pageHTML(); err != nil {
		return nil, err
	}
	p.files.HandleFunc("GET /{$}", p.serveHTML)
	p.files.HandleFunc("GET /demo/page.css", serveFile("page.css", "text/css; charset=utf-8"))
	p.files.HandleFunc("GET /demo/page.js", serveFile("page.js", "text/javascript; charset=utf-8"))
	p.files.HandleFunc("GET /demo/exchanges", p.serveExchanges)
	p.files.HandleFunc("GET /demo/request", func(w http.ResponseWriter, r *http.Request) { p.client.serveRequest(w, r) })
	p.files.HandleFunc("GET /demo/expired", p.serveExpired)
	p.files.Handle("/", p.exchanges)
	return p, nil
}

// ServeHTTP serves the page to whoever asks for it by its own name: another name
// that leads here is somebody else's page.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host != p.host {
		http.Error(w, "the demo is at "+p.pageURL, http.StatusMisdirectedRequest)
		return
	}
	p.files.ServeHTTP(w, r)
}

// pageHTML returns the page with what it is about.
func pageHTML() ([]byte, error) {
	t, err := template.ParseFS(pageFiles, "page.html")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]string{
		"Realm": Realm, "User": "alice", "Password": Password, "Service": Service, "Path": Path, "HTTP": pathHTTP,
		"Relay": pathWebSocket, "Header": principalHeader,
	})
	return out.Bytes(), err
}

// secure sets the header fields of what the page is made of.
func (p *page) secure(h http.Header) {
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

func (p *page) serveHTML(w http.ResponseWriter, _ *http.Request) {
	p.secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(p.html)
}

// serveFile returns the handler of a file of the page.
func serveFile(name, media string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		octets, err := pageFiles.ReadFile(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", media)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(octets)
	}
}

// serveExchanges answers with the exchanges after a number, as JSON.
func (p *page) serveExchanges(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, "after is the number of the last exchange that the page has", http.StatusBadRequest)
		return
	}
	p.secure(w.Header())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p.exchanges.after(after))
}

// serveExpired answers with a message under a ticket that has ended.
func (p *page) serveExpired(w http.ResponseWriter, _ *http.Request) {
	wire, err := p.expired()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.secure(w.Header())
	w.Header().Set("Content-Type", soap.V11.ContentType())
	_, _ = w.Write(wire)
}

// expired makes a message of alice's with a ticket of yesterday, as nobody but its
// KDC can: a client that has one asks for another.
func (p *page) expired() ([]byte, error) {
	yesterday := time.Now().Add(-24 * time.Hour)
	ticket := krbtest.TicketOptions{AuthTime: yesterday, EndTime: yesterday.Add(10 * time.Hour)}
	token, key, err := p.realm.Token("alice", Service, krbtest.TokenOptions{Ticket: ticket})
	if err != nil {
		return nil, err
	}
	env, err := soap.Parse([]byte(Question), xmltext.Options{})
	if err != nil {
		return nil, err
	}
	wire, _, err := p.client.Processor.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	return wire, err
}
