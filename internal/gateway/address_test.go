package gateway_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A routesWorld has two routes, /buy and /sell, of one service, one policy and
// one replay store.
type routesWorld struct {
	*world
	hits map[string]*atomic.Int32
}

func newRoutesWorld(t *testing.T, change func(r *gateway.Route, p *wssec.Policy)) *routesWorld {
	w := &routesWorld{&world{t: t, kdc: krbtest.New(krbtest.Config{}), events: &eventLog{}}, map[string]*atomic.Int32{}}
	w.kdc.AddService(service)
	replay := replay.NewMemory(replay.MemoryConfig{})
	cfg := gateway.Config{Log: slog.New(slog.NewJSONHandler(w.events, nil))}
	for _, path := range []string{"/buy", "/sell"} {
		hits := new(atomic.Int32)
		w.hits[path] = hits
		backend := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter,
			r *http.Request) {
			hits.Add(1)
			echo(rw, r)
		}))
		t.Cleanup(backend.Close)
		policy, _ := wssec.Preset("Kerberos")
		route := gateway.Route{Path: path, Addresses: []string{"https://GW.example.com:443" + path, "urn:" + path[1:]}}
		route.Backend, _ = url.Parse(backend.URL)
		change(&route, &policy)
		acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: replay})
		w.must(err)
		processor, err := wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor, Replay: replay})
		w.must(err)
		route.Door = door.NewSecurity(policy.Name, processor)
		policy.AllowPlainHTTP = true
		w.client, err = wssec.NewProcessor(policy, wssec.Config{Replay: replay})
		w.must(err)
		cfg.Routes = append(cfg.Routes, route)
	}
	g, err := gateway.New(cfg)
	w.must(err)
	w.gateway = httptest.NewServer(g)
	t.Cleanup(w.gateway.Close)
	return w
}

// to sends a message to a path.
func (w *routesWorld) to(path string, v soap.Version, msg []byte) httpReply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.gateway.URL+path, bytes.NewReader(msg))
	w.must(err)
	req.Header.Set("Content-Type", v.ContentType())
	return w.do(req)
}

func wsaTo(space, text string) string {
	return `<w:To xmlns:w="` + space + `">` + text + `</w:To>`
}

// A message says in a signed wsa:To for which route it was made, and no other
// takes it, whoever delivers it there.
func TestCheckToRefusesMessagesOfAnotherRoute(t *testing.T) {
	t.Parallel()
	for _, space := range []string{soap.NSAddressing, soap.NSAddressing04} {
		for _, v := range []soap.Version{soap.V11, soap.V12} {
			for _, to := range []string{"https://gw.example.com/buy", "urn:buy"} {
				w := newRoutesWorld(t, func(*gateway.Route, *wssec.Policy) {})
				msg, req := w.protectAs("alice", withHeader(v, wsaTo(space, to)))
				f := w.openFault(w.to("/sell", v, msg), req)
				if f.Code != soap.Sender || f.Subcode.Space != space || f.Subcode.Local != "DestinationUnreachable" ||
					w.code(1) != "wrong-address" || w.hits["/sell"].Load() != 0 {
					t.Errorf("%s of %s at /sell: fault %+v, code %s, %d calls", to, space, f, w.code(1), w.hits["/sell"].Load())
				}
				// Its token was presented: it does not get a second try at its own route.
				if w.to("/buy", v, msg); w.code(2) != "ticket-replay" {
					t.Errorf("the same message at /buy: %s", w.code(2))
				}
				msg, req = w.protectAs("alice", withHeader(v, wsaTo(space, to)))
				if w.open(w.to("/buy", v, msg), req); w.code(3) != "ok" || w.hits["/buy"].Load() != 1 {
					t.Errorf("%s of %s at /buy: %s", to, space, w.code(3))
				}
			}
		}
	}
}

func TestCheckToComparesAddresses(t *testing.T) {
	t.Parallel()
	const wsa, wsa04 = soap.NSAddressing, soap.NSAddressing04
	const buy = "https://gw.example.com/buy"
	for _, tt := range []struct {
		header  string
		code    string
		unknown bool // the event says that the address is not known
	}{
		{wsaTo(wsa, buy), "ok", false},
		{wsaTo(wsa, "\n\tHTTPS://gw.EXAMPLE.com:443/%62uy "), "ok", false},
		{wsaTo(wsa, buy) + wsaTo(wsa04, "urn:buy"), "addressing-invalid", false},
		{wsaTo(wsa, buy) + wsaTo(wsa04, "urn:sell"), "addressing-invalid", false},
		{wsaTo(wsa, buy) + wsaTo(wsa, "urn:sell"), "addressing-invalid", false},
		{wsaTo(wsa, buy+"/"), "wrong-address", false},
		{wsaTo(wsa, "https://gw.example.com/Buy"), "wrong-address", false},
		{wsaTo(wsa, "http://gw.example.com/buy"), "wrong-address", false},
		{wsaTo(wsa, "/buy"), "wrong-address", false},
		{wsaTo(wsa, ""), "wrong-address", false},
		{wsaTo(wsa, buy+"<x/>"), "addressing-invalid", false},
		// None, or the anonymous one, which means the same.
		{"", "ok", true},
		{wsaTo("urn:other", "urn:sell"), "ok", true},
		{wsaTo(wsa, wsa+"/anonymous"), "ok", true},
		{wsaTo(wsa04, wsa04+"/role/anonymous"), "ok", true},
	} {
		for _, required := range []bool{false, true} {
			want := tt.code
			if required && tt.unknown {
				want = "wrong-address"
			}
			w := newRoutesWorld(t, func(r *gateway.Route, p *wssec.Policy) {
				r.RequireTo, r.OtherHeaders = required,
					wssec.PassHeaders
			})
			msg, _ := w.protectAs("alice", withHeader(soap.V11, tt.header))
			w.to("/buy", soap.V11, msg)
			if _, noted := w.event(1)["to_unknown"]; w.code(1) != want || noted != (tt.unknown && !required) {
				t.Errorf("%s, required %v: code %s, want %s; noted %v", tt.header, required, w.code(1), want, noted)
			}
		}
	}
}

// A wsa:To that nothing protects says nothing: neither does it refuse a
// message, nor is it enough where one is required.
func TestCheckToIgnoresUnprotectedAddresses(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{false, true} {
		for _, to := range []string{"urn:buy", "urn:sell"} {
			w := newRoutesWorld(t, func(r *gateway.Route, p *wssec.Policy) {
				p.SignedParts.Headers, r.OtherHeaders, r.RequireTo = nil, wssec.PassHeaders, required
			})
			msg, _ := w.protectAs("alice", withHeader(soap.V11, wsaTo(soap.NSAddressing, to)))
			w.to("/buy", soap.V11, msg)
			if want := map[bool]string{false: "ok", true: "wrong-address"}[required]; w.code(1) != want {
				t.Errorf("%s, required %v: %s", to, required, w.code(1))
			}
		}
	}
	// A policy that wants it signed refuses one that is not, as before.
	w := newRoutesWorld(t, func(r *gateway.Route, p *wssec.Policy) {})
	msg, _ := w.protectAs("alice", withHeader(soap.V11, ""))
	added := strings.Replace(string(msg), "</s:Header>", wsaTo(soap.NSAddressing, "urn:buy")+"</s:Header>", 1)
	if w.to("/buy", soap.V11, []byte(added)); added == string(msg) || w.code(1) != "part-not-signed" {
		t.Errorf("one that was added on the way: %s", w.code(1))
	}
}

// TLS covers wsa:To where the policy relies on it.
func TestCheckToTakesTheAddressUnderTLS(t *testing.T) {
	t.Parallel()
	w := newRoutesWorld(t, func(r *gateway.Route, p *wssec.Policy) {
		*p, _ = wssec.Preset("KerberosToken")
		r.TLSOffloaded = true
	})
	msg, _ := w.protectAs("alice", withHeader(soap.V11, wsaTo(soap.NSAddressing, "urn:buy")))
	if w.to("/sell", soap.V11, msg); w.code(1) != "wrong-address" || w.hits["/sell"].Load() != 0 {
		t.Errorf("code %s", w.code(1))
	}
}

// WCF marks wsa:To and wsa:Action as mandatory whether or not its policy protects
// them, and CXF does if it is told to. The gateway understands them: without
// protection they are dropped like other header blocks, and fail no message.
func TestForwardUnderstandsUnprotectedAddressing(t *testing.T) {
	t.Parallel()
	bodyOnly := func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) { p.SignedParts.Headers = nil }
	overPlainHTTP := func(_ *gateway.Config, _ *gateway.Route, p *wssec.Policy) {
		*p, _ = wssec.Preset("KerberosOverTransport")
		p.AllowPlainHTTP = true
	}
	for name, policy := range map[string]option{"Body alone signed": bodyOnly, "transport": overPlainHTTP} {
		for _, space := range []string{soap.NSAddressing, soap.NSAddressing04} {
			for rule, want := range map[wssec.HeaderRule]string{
				wssec.DropHeaders: "ok", wssec.PassHeaders: "ok", wssec.RefuseHeaders: "header-refused",
			} {
				w := newWorld(t, policy, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.OtherHeaders = rule })
				passed := false
				w.backend = func(rw http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					passed = bytes.Contains(b, []byte(space))
					r.Body = io.NopCloser(bytes.NewReader(b))
					echo(rw, r)
				}
				for _, v := range []soap.Version{soap.V11, soap.V12} {
					msg, _ := w.protectAs("alice", withHeader(v, mandatory(wsaTo(space, "urn:a")+wsaAction(space, "urn:b"))))
					w.post(v, bytes.NewReader(msg))
				}
				if w.code(1) != want || w.code(2) != want || passed != (rule == wssec.PassHeaders) {
					t.Errorf("%s, %s, %s: codes %s, %s; passed %v", name, space, rule, w.code(1), w.code(2), passed)
				}
			}
		}
	}
}

// mandatory marks the blocks of wsaTo and wsaAction as such.
func mandatory(blocks string) string {
	return strings.ReplaceAll(blocks, " xmlns:w=", ` s:mustUnderstand="1" xmlns:w=`)
}
