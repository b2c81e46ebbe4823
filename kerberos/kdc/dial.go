package kdc

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// nextAddress is how long to wait for a TCP connection before the host's next
// address is tried too (RFC 8305 5).
const nextAddress = 250 * time.Millisecond

// dial connects to a KDC, at one of the addresses of its host.
func (k *Transport) dial(ctx context.Context, a Address) (net.Conn, error) {
	host, port, err := net.SplitHostPort(a.Address)
	if err != nil || k.cfg.LookupNetIP == nil || isAddress(host) {
		return k.cfg.Dial(ctx, a.Network, a.Address)
	}
	found, err := k.hosts.get(ctx, host, k.cfg.Timeout, func(ctx context.Context) ([]netip.Addr, error) {
		list, err := k.cfg.LookupNetIP(ctx, "ip", host)
		return list[:min(len(list), krb5conf.MaxKDCs)], err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	places := make([]string, len(found))
	for n, ip := range found {
		places[n] = net.JoinHostPort(ip.Unmap().String(), port)
	}
	if a.Network == "udp" {
		return k.dialFirst(ctx, places)
	}
	if len(places) == 1 {
		return k.cfg.Dial(ctx, a.Network, places[0])
	}
	conn, n, err := k.dialAny(ctx, places)
	if err == nil && n > 0 {
		k.hosts.prefer(host, func(list []netip.Addr) []netip.Addr { return moved(list, found[n]) })
	}
	return conn, err
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// knows reports whether dial need not wait for a look-up.
func (k *Transport) knows(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err != nil || k.cfg.LookupNetIP == nil || isAddress(host) || k.hosts.known(host)
}

// dialFirst opens a socket to the first address that there is a way to.
func (k *Transport) dialFirst(ctx context.Context, places []string) (conn net.Conn, err error) {
	for _, place := range places {
		if conn, err = k.cfg.Dial(ctx, "udp", place); err == nil {
			break
		}
	}
	return conn, err
}

// A dialling is an attempt to connect to one of several addresses.
type dialling struct {
	conn  net.Conn
	place int
	err   error
}

// dialAny connects to the first address that takes a connection, and returns
// which one that is. It tries one after the other, without waiting long.
func (k *Transport) dialAny(ctx context.Context, places []string) (net.Conn, int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialling, len(places))
	tried, ended := 0, 0
	defer func() {
		go closeAll(results, tried-ended)
	}()
	try := time.NewTimer(0)
	defer try.Stop()
	for {
		select {
		case <-try.C:
			if tried == len(places) {
				continue
			}
			n := tried
			go func() {
				conn, err := k.cfg.Dial(ctx, "tcp", places[n])
				results <- dialling{conn, n, err}
			}()
			tried++
			try.Reset(nextAddress)
		case d := <-results:
			if ended++; d.err == nil || ended == len(places) {
				return d.conn, d.place, d.err
			}
			try.Reset(0)
		}
	}
}

// closeAll closes the connections of attempts that were not waited for.
func closeAll(results <-chan dialling, n int) {
	for range n {
		if late := <-results; late.err == nil {
			late.conn.Close()
		}
	}
}

// moved returns the list with one address first.
func moved(list []netip.Addr, first netip.Addr) []netip.Addr {
	rest := slices.DeleteFunc(slices.Clone(list), func(a netip.Addr) bool { return a == first })
	return append([]netip.Addr{first}, rest...)
}
