package nodes

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Of 64 presentations of one authenticator at once, spread over three nodes, one is
// accepted.
func TestOneAuthenticatorOnAllNodes(t *testing.T) {
	t.Parallel()
	const presentations = 64
	w := newWorld(t, "store: "+redistest.Start(t).URL()+"\nstore-timeout: 5s\n")
	nodes := []*node{w.start(), w.start(), w.start()}
	p := newPresenter(t, w)
	begin := time.Now()
	var all sync.WaitGroup
	left := make(chan int, *rounds)
	for round := range *rounds {
		left <- round
	}
	close(left)
	for range 4 {
		all.Go(func() {
			for range left {
				p.round(nodes, presentations)
			}
		})
	}
	all.Wait()
	w.backend.check(t)
	codes := map[string]int{}
	for _, n := range nodes {
		n.codes(codes)
	}
	t.Logf("rounds: %d of %d presentations in %v: %v", *rounds, presentations,
		time.Since(begin).Round(time.Millisecond), codes)
}

// A presenter makes messages with a token, and presents them.
type presenter struct {
	w         *world
	processor *wssec.Processor
	tickets   *kdc.Client
	http      *http.Client // with kept connections
}

func newPresenter(t *testing.T, w *world) *presenter {
	t.Helper()
	policy, _ := wssec.Preset("Kerberos")
	processor, err := wssec.NewProcessor(policy, wssec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &presenter{w, processor, w.tickets(), &http.Client{Transport: transport, Timeout: patience}}
}

// round presents one message several times at once.
func (p *presenter) round(nodes []*node, presentations int) {
	message, id, err := p.message()
	if err != nil {
		p.w.t.Error(err)
		return
	}
	var accepted atomic.Int32
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range presentations {
		all.Go(func() {
			<-begin
			status, err := p.present(nodes[i%len(nodes)], message)
			if err != nil {
				p.w.t.Error(err)
			}
			if status == http.StatusOK {
				accepted.Add(1)
			}
		})
	}
	close(begin)
	all.Wait()
	if n := p.w.backend.times(id); n != 1 || accepted.Load() != 1 {
		p.w.t.Errorf("%s: accepted %d times, forwarded %d times", id, accepted.Load(), n)
	}
}

// message makes one with a fresh authenticator, and its id.
func (p *presenter) message() (octets []byte, id string, err error) {
	id = p.w.backend.register("presented")
	ticket, err := p.tickets.ServiceTicket(p.w.t.Context(), service)
	if err != nil {
		return nil, id, err
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		return nil, id, err
	}
	env, err := soap.Parse(question(id), xmltext.Options{})
	if err != nil {
		return nil, id, err
	}
	octets, _, err = p.processor.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	return octets, id, err
}

// present sends a message to a node, and returns the status.
func (p *presenter) present(n *node, message []byte) (int, error) {
	resp, err := p.http.Post("http://"+n.addr()+"/kerberos", soap.V11.ContentType(), bytes.NewReader(message))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
