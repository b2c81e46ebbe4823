package kdcproxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Limits of messages, in octets.
const (
	maxMessage = 128 << 10 // a Kerberos message, and the body of an HTTP request
	// maxDatagram is the largest reply that is sent by UDP, as MIT's KDC has it.
	maxDatagram = 4096
)

// A Config configures a [Relay]. Realms is required. Zero values of the other
// fields mean the defaults that they document.
type Config struct {
	// Realms are those that requests are relayed for.
	Realms []Realm
	// Krb5Conf is the text of a krb5.conf; see [krb5conf.Read]. It names the
	// servers of realms that do not name them: kdc, kpasswd_server and
	// admin_server in [realms].
	Krb5Conf string
	// LookUp finds the servers of listed realms without entries by DNS. So does
	// dns_lookup_kdc = true in Krb5Conf.
	LookUp bool

	// Timeout is the time for the answer to one request. Zero means 10 s.
	Timeout time.Duration
	// Patience is how long to wait for a KDC before the next one is asked too.
	// Zero means 250 ms.
	Patience time.Duration
	// IdleTimeout is how long a WebSocket, or a TCP connection, may be without a
	// whole request. Zero means two minutes.
	IdleTimeout time.Duration
	// ReadTimeout is the time to read the body of an HTTP request, and to write
	// a reply. Zero means 10 s.
	ReadTimeout time.Duration

	// ClientRate is how many requests a second one client address may send (for
	// IPv6, one /64), and RealmRate how many are sent to the KDCs of one realm: so
	// many by UDP, where anybody can send in anybody's name, and so many in other
	// ways. As many as ten seconds allow may come at once. Zero means 10 and 1000.
	ClientRate, RealmRate int
	// MaxExchanges limits the requests that wait for KDCs, and MaxClientExchanges
	// those of one client address; those by UDP are counted apart. Zero means 1024
	// and 64.
	MaxExchanges, MaxClientExchanges int
	// MaxConnections limits the WebSockets and TCP connections together, and
	// MaxClientConnections those of one client address. Zero means 1024 and 64.
	MaxConnections, MaxClientConnections int

	// Origins are the origins of pages whose scripts may use the relay, such as
	// https://app.example.com; "*" is any. Pages of the relay's own host need to be
	// listed too.
	Origins []string
	// ClientAddr returns the address of the client of a request. Nil means the
	// other end of the connection.
	ClientAddr func(*http.Request) netip.Addr
	// Report is called once for each request, and for each connection that is
	// refused; of requests by UDP that are refused, for some. It must be
	// safe for concurrent use and return soon. Nil means that nobody is told.
	Report func(Event)

	// Begun is called when a request by WebSocket, TCP or UDP, which no http.Handler
	// sees by itself, is about to be looked at. Asked gets the context that it returns,
	// and the function that it returns is called with the event after Report, if that
	// is called. Both must be safe for concurrent use and return soon. Nil means that
	// nobody is told.
	Begun func(ctx context.Context, via Via) (context.Context, func(Event))
	// Asked is called when the servers of a realm have been asked, with what is in
	// the context of the request, the time when they were and the error if none has
	// answered. It must be safe for concurrent use and return soon. Nil means that
	// nobody is told.
	Asked func(ctx context.Context, realm string, began time.Time, err error)

	// Dial and LookupSRV are those of [kdc.TransportConfig].
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	LookupSRV func(ctx context.Context, service, proto, name string) (cname string, records []*net.SRV, err error)
}

// A Realm is one that requests are relayed for.
type Realm struct {
	// Name is the realm, such as EXAMPLE.COM. Requests are for it in any case.
	Name string
	// Aliases are other names that clients have for it, such as EXAMPLE, its
	// NetBIOS name.
	Aliases []string
	// KDCs and PasswordServers are host, host:port, or either after "tcp/" or
	// "udp/". Empty means those of Krb5Conf, or of DNS.
	KDCs, PasswordServers []string
}

var errNoRealms = errors.New("kdcproxy: Config needs Realms")

func (c *Config) setDefaults() error {
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{{&c.Timeout, 10 * time.Second}, {&c.Patience, 250 * time.Millisecond}, {&c.IdleTimeout, 2 * time.Minute},
		{&c.ReadTimeout, 10 * time.Second}} {
		if *d.v = cmp.Or(*d.v, d.zero); *d.v < 0 {
			return errors.New("kdcproxy: Config has a negative duration")
		}
	}
	for _, n := range []struct {
		v    *int
		zero int
	}{{&c.ClientRate, 10}, {&c.RealmRate, 1000}, {&c.MaxExchanges, 1024}, {&c.MaxClientExchanges, 64},
		{&c.MaxConnections, 1024}, {&c.MaxClientConnections, 64}} {
		if *n.v = cmp.Or(*n.v, n.zero); *n.v < 0 {
			return errors.New("kdcproxy: Config has a negative limit")
		}
	}
	if c.ClientAddr == nil {
		c.ClientAddr = remoteAddr
	}
	if c.Report == nil {
		c.Report = func(Event) {}
	}
	if c.Asked == nil {
		c.Asked = func(context.Context, string, time.Time, error) {}
	}
	if c.LookupSRV == nil {
		c.LookupSRV = lookupRooted
	}
	if len(c.Realms) == 0 {
		return errNoRealms
	}
	return nil
}

// lookupRooted looks up service records of exactly this name: the search list of
// resolv.conf must not lead to other hosts.
func lookupRooted(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return net.DefaultResolver.LookupSRV(ctx, service, proto, name+".")
}

// remoteAddr returns the address at the other end of the connection.
func remoteAddr(r *http.Request) netip.Addr { return addrOf(r.RemoteAddr) }

func addrOf(hostport string) netip.Addr {
	a, _ := netip.ParseAddrPort(hostport)
	return a.Addr().Unmap().WithZone("")
}

// An Event is what became of a request. Its names are those that stand in the
// request in clear; nothing proves them.
type Event struct {
	Via    Via
	Client netip.Addr
	Code   Code
	Kind   Kind   // "" if it is not known
	Realm  string // as configured, else as in the request
	// Principal is the client of an AS-REQ, without realm. Service is who the
	// ticket is for; for a password request, the password service.
	Principal, Service string
	Server             string // that answered, "tcp/kdc1.example.com:88"; "" for none
	BytesIn, BytesOut  int    // of the Kerberos messages
	Duration           time.Duration
	Err                error // nil for CodeOK
	Skipped            int   // refused datagrams before this one that are not reported
}

// Via is how a request came.
type Via string

// The ways of a request.
const (
	ViaHTTP      Via = "http"
	ViaWebSocket Via = "websocket"
	ViaTCP       Via = "tcp"
	ViaUDP       Via = "udp"
)

// String returns the event in one line, for tests and logs of others.
func (e Event) String() string {
	return fmt.Sprintf("%s %s %s %s@%s for %s: %s", e.Via, e.Client, e.Kind, e.Principal, e.Realm, e.Service, e.Code)
}
