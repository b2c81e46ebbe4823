package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between a client and a server. It can be slow, silent, or gone.
type Proxy struct {
	// Addr is host:port.
	Addr string

	ln net.Listener

	mu     sync.Mutex
	to     string
	change chan struct{} // closed when something below changes
	silent bool
	delay  time.Duration
	hold   func(sent []byte) bool // see Hold
	sent   []byte
	conns  map[net.Conn]bool
}

// StartProxy starts a proxy in front of an address. It ends with the test.
func StartProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: ln.Addr().String(), ln: ln, to: to, change: make(chan struct{}), conns: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.set(func() { p.silent, p.delay, p.hold = false, 0, nil })
		p.Cut()
		running.Wait()
	})
	return p
}

// URL returns the address as wssgate has it.
func (p *Proxy) URL() string { return "redis://" + p.Addr }

func (p *Proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.change)
	p.change = make(chan struct{})
}

// Silence keeps everything back in both directions, as a network that drops
// packets, until it is called with false.
func (p *Proxy) Silence(on bool) { p.set(func() { p.silent = on }) }

// To makes another address the one that connections go to from now on.
func (p *Proxy) To(address string) { p.set(func() { p.to = address }) }

// Slow delays each reply.
func (p *Proxy) Slow(by time.Duration) { p.set(func() { p.delay = by }) }

// Hold keeps replies back until enough returns true for all octets that clients
// have sent since.
func (p *Proxy) Hold(enough func(sent []byte) bool) { p.set(func() { p.hold, p.sent = enough, nil }) }

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, client)
		delete(p.conns, server)
	}()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, false) })
	both.Go(func() { p.copy(client, server, true) })
	both.Wait()
}

// copy copies from one side to the other until either ends, and then ends both.
func (p *Proxy) copy(to, from net.Conn, replies bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			p.wait(b[:n], replies)
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait waits until octets may go on.
func (p *Proxy) wait(b []byte, replies bool) {
	p.mu.Lock()
	if !replies && p.hold != nil {
		p.sent = append(p.sent, b...)
		close(p.change)
		p.change = make(chan struct{})
	}
	delay := p.delay
	for p.silent || replies && p.hold != nil && !p.hold(p.sent) {
		change := p.change
		p.mu.Unlock()
		<-change
		p.mu.Lock()
	}
	p.mu.Unlock()
	if replies && delay > 0 {
		time.Sleep(delay)
	}
}
