package valkey

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/wssgate/wssgate/internal/store/storeurl"
)

// DefaultTimeout is the deadline of a call unless Config says another.
const DefaultTimeout = 250 * time.Millisecond

// DefaultPrefix begins the names of keys unless Config says another.
const DefaultPrefix = "wssgate"

// Config configures a [Server]. URL is required.
type Config struct {
	// URL is where the server is, and its ACL user.
	URL *storeurl.URL
	// Password and SentinelPassword are those of the user, and of sentinels. ""
	// means none.
	Password, SentinelPassword string
	// TLS is for an URL with TLS. Nil means the system's authorities, and no
	// certificate of our own.
	TLS *tls.Config
	// Prefix begins the names of keys, so that several gateways can use one server.
	// "" means DefaultPrefix.
	Prefix string
	// Timeout is the deadline of a call. 0 means DefaultTimeout.
	Timeout time.Duration
	// Replicas is how many replicas must have a record before it counts. 0: the
	// primary alone.
	Replicas int
	// CacheBytes bounds the memory for entries that were read. 0: 64 MiB.
	CacheBytes int
	// Log is told when the server stops to answer, when it answers again, and when
	// records were lost. Nil: nobody.
	Log *slog.Logger
	// Time returns the current time. Nil: time.Now.
	Time func() time.Time
}

// A Server is the connection to a store. Make it with [Open]; the zero value is
// not usable. It is safe for concurrent use.
type Server struct {
	cfg    Config
	groups int // of keys, each on one node of a cluster
	client atomic.Pointer[valkey.Client]
	caches caches

	dialled  atomic.Uint64 // connections so far
	verified atomic.Uint64 // of dialled, when the markers were checked last
	lastGood atomic.Int64  // Unix microseconds: the last reply
	lastKept atomic.Int64  // Unix microseconds: when what all replicas have was written last
	epoch    atomic.Pointer[epoch]
	checking sync.Mutex // one check at a time

	link, writes breaker
	failures     atomic.Int32 // calls without a reply, in a row
	short        atomic.Int32 // records that not all replicas had in time
	wake         chan struct{}
	asked        chan struct{} // closed when the server was asked for the first time
	stop         context.CancelFunc
	running      sync.WaitGroup
}

// Open connects to a store. It does not wait: until there is a connection calls
// fail, and [Server.Outage] has the reason. The caller must call Close.
func Open(cfg Config) *Server {
	cfg.Prefix, cfg.Timeout = cmp.Or(cfg.Prefix, DefaultPrefix), cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.CacheBytes = cmp.Or(cfg.CacheBytes, 64<<20)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	s := &Server{cfg: cfg, groups: 1, wake: make(chan struct{}, 1), asked: make(chan struct{})}
	if cfg.URL.Kind == storeurl.Cluster {
		s.groups = clusterGroups
	}
	s.link.what, s.writes.what = "the store does not answer", "the store takes nothing"
	s.link.open(errors.New("it has not been asked yet"), cfg.Time())
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() { s.watch(ctx) })
	return s
}

// Asked returns a channel that is closed when the server has been asked for the
// first time, whatever became of it, or Close was called.
func (s *Server) Asked() <-chan struct{} { return s.asked }

// Close ends the connections. Calls fail from then on.
func (s *Server) Close() {
	s.stop()
	s.running.Wait()
	s.link.open(errors.New("it is closed"), s.cfg.Time())
	if c := s.client.Swap(nil); c != nil {
		(*c).Close()
	}
}

// String returns the address, without its user.
func (s *Server) String() string { return s.cfg.URL.String() }

// options returns what valkey-go is configured with.
func (s *Server) options() valkey.ClientOption {
	u := s.cfg.URL
	alive := max(s.cfg.Timeout, time.Second)
	o := valkey.ClientOption{
		InitAddress: u.Hosts, Username: u.User, Password: s.cfg.Password, SelectDB: u.Database,
		ClientName: "wssgate", ClientSetInfo: valkey.DisableClientSetInfo,
		Dialer:           net.Dialer{Timeout: alive, KeepAlive: alive / 2},
		ConnWriteTimeout: alive, DisableRetry: true, PipelineMultiplex: -1, AlwaysPipelining: true,
		ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10,
		BlockingPoolSize: 64, BlockingPoolCleanup: time.Minute,
		ForceSingleClient: u.Kind == storeurl.Single,
		DialCtxFn:         s.dial, NewCacheStoreFn: s.caches.make(s.cfg.CacheBytes),
	}
	if u.TLS {
		o.TLSConfig = s.tlsConfig()
	}
	if u.Kind == storeurl.Sentinel {
		o.Sentinel = valkey.SentinelOption{
			MasterSet: u.Primary, Password: s.cfg.SentinelPassword, TLSConfig: o.TLSConfig, Dialer: o.Dialer,
			TopologyRefreshInterval: 5 * time.Second,
		}
	}
	if u.Kind == storeurl.Cluster {
		o.ClusterOption.ShardsRefreshInterval, o.PipelineMultiplex = 5*time.Second, 0
	}
	return o
}

func (s *Server) tlsConfig() *tls.Config {
	if s.cfg.TLS == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s.cfg.TLS
}

// dial makes a connection, and counts it first: a reply that comes over it is
// looked at after it was counted.
func (s *Server) dial(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	s.dialled.Add(1)
	if t == nil {
		return d.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", address)
}

// read calls f, which changes nothing on the server.
func (s *Server) read(ctx context.Context, f func(context.Context, valkey.Client) error) error {
	if o := s.link.outage(); o != nil {
		return o
	}
	return s.call(ctx, f)
}

// write calls f, which changes something on the server.
func (s *Server) write(ctx context.Context, f func(context.Context, valkey.Client) error) error {
	if o := s.writes.outage(); o != nil {
		return o
	}
	return s.read(ctx, f)
}

// call calls f with a deadline, and judges its error.
func (s *Server) call(ctx context.Context, f func(context.Context, valkey.Client) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	client := s.client.Load()
	if client == nil {
		return &Outage{Cause: valkey.ErrClosing, what: s.link.what, since: s.cfg.Time()}
	}
	bounded, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err := f(bounded, *client)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // whoever asked does not wait any more: that says nothing about the server
	}
	return s.judge(err)
}

// now returns the time in microseconds.
func (s *Server) now() int64 { return s.cfg.Time().UnixMicro() }
