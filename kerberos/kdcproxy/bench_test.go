package kdcproxy_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// clients are so many: MIT's KDC keeps 45 connections, and drops the oldest of
// more, which fails those of TCP.
var clients = flag.Int("clients", 20, "clients at a time of BenchmarkExchange")

// BenchmarkExchange: an AS exchange with MIT's KDC, of many clients at a time: by
// TCP and by UDP directly, through the relay over HTTPS on kept connections, and
// in WebSockets. Handshakes are done before. All run in one process, but for the
// KDC.
func BenchmarkExchange(b *testing.B) {
	m := krbtest.StartMIT(b)
	m.AddUser("alice", "secret")
	r, err := kdcproxy.New(kdcproxy.Config{Realms: []kdcproxy.Realm{{Name: m.Realm, KDCs: []string{m.Addr}}},
		ClientRate: 1e8, RealmRate: 1e8, MaxExchanges: 4096, MaxClientExchanges: 4096, MaxConnections: 4096,
		MaxClientConnections: 4096})
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/KdcProxy", r.Proxy())
	mux.Handle("/kerberos5", r.WebSocket())
	s := httptest.NewTLSServer(mux)
	defer s.Close()
	defer r.Close()
	transport := s.Client().Transport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 200
	directly := func(network string) func() kdc.Exchanger {
		t, err := kdc.NewTransport(kdc.TransportConfig{
			Krb5Conf: "[realms]\n" + m.Realm + " = {\nkdc = " + network + "/" + m.Addr + "\n}\n"})
		if err != nil {
			b.Fatal(err)
		}
		return func() kdc.Exchanger { return t }
	}
	relay := func(url string) func() kdc.Exchanger {
		return func() kdc.Exchanger {
			c, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: url, Transport: transport})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(c.Close)
			return c
		}
	}
	for name, client := range map[string]func() kdc.Exchanger{
		"TCP":       directly("tcp"),
		"UDP":       directly("udp"),
		"HTTPS":     relay(s.URL + "/KdcProxy"),
		"WebSocket": relay(strings.Replace(s.URL, "https", "wss", 1) + "/kerberos5"),
	} {
		b.Run(name, func(b *testing.B) { exchanges(b, m.Realm, client) })
	}
}

// exchanges asks for tickets, of many clients at a time.
func exchanges(b *testing.B, realm string, client func() kdc.Exchanger) {
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: realm}
	krbtgt := kerberos.Principal{Components: []string{"krbtgt", realm}, Realm: realm}
	b.SetParallelism(max(1, *clients/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := client()
		for pb.Next() {
			if facts, err := kdc.Probe(b.Context(), c, alice, krbtgt); err != nil || facts.Ticket == nil {
				b.Error(err)
				return
			}
		}
	})
}
