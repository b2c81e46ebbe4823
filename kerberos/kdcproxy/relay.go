package kdcproxy

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
)

// A Relay relays requests to the KDCs of its realms. It is safe for concurrent
// use. [Relay.Close] ends it.
type Relay struct {
	cfg         Config // with defaults
	realms      atomic.Pointer[realms]
	rates       *clientRates
	forgeable   *clientRates // of datagrams, whose senders are not proved
	start       time.Time
	exchanges   slots
	datagrams   slots // the exchanges of requests by UDP
	connections slots
	large       slots         // requests that take much memory
	pingEvery   time.Duration // for WebSockets

	life  context.Context // ends with Close
	close context.CancelFunc

	mu      sync.Mutex
	ending  bool           // nothing may be added to serving any more
	serving sync.WaitGroup // connections, and requests by UDP
}

// New returns a [Relay]. It fails if cfg contradicts itself, or if a realm has
// no KDC and none may be looked up. It uses no network.
func New(cfg Config) (*Relay, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	all, err := newRealms(&cfg)
	if err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, start: time.Now(),
		rates:       newClientRates(cfg.ClientRate),
		forgeable:   newClientRates(cfg.ClientRate),
		exchanges:   slots{most: cfg.MaxExchanges, perClient: cfg.MaxClientExchanges},
		datagrams:   slots{most: cfg.MaxExchanges, perClient: cfg.MaxClientExchanges},
		connections: slots{most: cfg.MaxConnections, perClient: cfg.MaxClientConnections},
		large:       slots{most: maxLarge, perClient: maxLargeOfClient},
		pingEvery:   pingEvery}
	r.realms.Store(all)
	r.life, r.close = context.WithCancel(context.Background())
	return r, nil
}

// Close ends the WebSockets and listeners of the relay with their exchanges, and
// waits for them. HTTP requests go on: they are the http.Server's to end.
func (r *Relay) Close() {
	r.mu.Lock()
	r.ending = true
	r.mu.Unlock()
	r.close()
	r.serving.Wait()
}

// serve calls f, which Close waits for, unless the relay is closed. It reports
// whether it did.
func (r *Relay) serve(f func()) bool {
	r.mu.Lock()
	if r.ending {
		r.mu.Unlock()
		return false
	}
	r.serving.Add(1)
	r.mu.Unlock()
	defer r.serving.Done()
	f()
	return true
}

// until returns a context that ends with ctx or with the relay.
func (r *Relay) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// A request is one that a client has sent, on its way.
type request struct {
	relay *Relay
	event Event
	start time.Time
	ended func(Event) // of Config.Begun; nil for none
}

// begin begins the request of a client. It fails if the client has sent too
// many.
func (r *Relay) begin(via Via, client netip.Addr) (*request, error) {
	q := &request{relay: r, event: Event{Via: via, Client: client}, start: time.Now()}
	rates := r.rates
	if via == ViaUDP {
		rates = r.forgeable
	}
	if !rates.allow(client) {
		return q, refuse(CodeRate, "more than %d requests a second of one client", r.cfg.ClientRate)
	}
	return q, nil
}

// report reports what was refused before it was a request.
func (r *Relay) report(via Via, client netip.Addr, err error) {
	r.cfg.Report(Event{Via: via, Client: client, Code: codeOf(err), Err: err})
}

// end reports what became of the request.
func (q *request) end(err error) {
	q.event.Code, q.event.Err, q.event.Duration = codeOf(err), err, time.Since(q.start)
	q.relay.cfg.Report(q.event)
	if q.ended != nil {
		q.ended(q.event)
	}
}

// begun returns the context in which the request is relayed.
func (q *request) begun(ctx context.Context) context.Context {
	if q.event.Via == ViaHTTP || q.relay.cfg.Begun == nil {
		return ctx
	}
	ctx, q.ended = q.relay.cfg.Begun(ctx, q.event.Via)
	return ctx
}

// relayed sends the message to a server of its realm and returns the reply.
// Domain is the target-domain, "" for none.
func (q *request) relayed(ctx context.Context, domain string, octets []byte) ([]byte, error) {
	ctx = q.begun(ctx)
	q.event.BytesIn = len(octets)
	if len(octets) > maxMessage {
		return nil, refuse(CodeTooLarge, "a message of %d octets", len(octets))
	}
	m, err := parseMessage(octets)
	if err != nil {
		return nil, err
	}
	q.event.Kind, q.event.Realm, q.event.Principal, q.event.Service = m.kind, m.realm, m.principal, m.service
	to, err := q.relay.realms.Load().listed(domain, m.realm)
	if err != nil {
		return nil, err
	}
	q.event.Realm = to.name
	rate, exchanges := to.rate, &q.relay.exchanges
	if q.event.Via == ViaUDP {
		rate, exchanges = to.forgeable, &q.relay.datagrams
	}
	if !rate.allow(time.Since(q.relay.start), time.Second/time.Duration(q.relay.cfg.RealmRate)) {
		return nil, refuse(CodeRate, "more than %d requests a second for realm %s", q.relay.cfg.RealmRate, to.name)
	}
	release, ok := exchanges.take(q.event.Client)
	if !ok {
		return nil, refuse(CodeBusy, "too many requests wait for KDCs")
	}
	defer release()
	answer, err := q.ask(ctx, to, m)
	q.event.Server, q.event.BytesOut = serverText(answer.From), len(answer.Reply)
	return answer.Reply, err
}

func serverText(a kdc.Address) string {
	if a.Address == "" {
		return ""
	}
	return a.String()
}

// ask asks the servers of a realm, for no longer than the time for an answer.
func (q *request) ask(ctx context.Context, to *realm, m message) (answer kdc.Answer, err error) {
	limited, cancel := context.WithTimeout(ctx, q.relay.cfg.Timeout)
	defer cancel()
	began := time.Now()
	if m.kind == KindPassword {
		answer, err = to.transport.AskPassword(limited, to.name, m.octets)
	} else {
		answer, err = to.transport.Ask(limited, to.name, m.octets)
	}
	q.relay.cfg.Asked(ctx, to.name, began, err)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return answer, &Error{Code: CodeGone, Err: err}
	case errors.Is(err, &kerberos.Error{Code: kerberos.CodeRealm}):
		return answer, &Error{Code: CodeNoServer, Err: err}
	}
	return answer, &Error{Code: CodeKDC, Err: err}
}
