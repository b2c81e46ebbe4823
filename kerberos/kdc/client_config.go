package kdc

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// A ClientConfig configures a [Client]. Exactly one of Password, Keytab, CCache
// and Credentials must be set: the source of the ticket-granting ticket.
type ClientConfig struct {
	// Client is the principal, "alice@EXAMPLE.COM"; without "@" it is of
	// krb5.conf's default realm. It may be empty with CCache and Credentials,
	// whose client it then is.
	Client string
	// Password of Client.
	Password string
	// Keytab has a key of Client. It is a [*keytab.Keytab], or another
	// [keytab.Source] if the keytab changes. Each login asks it.
	Keytab keytab.Source
	// CCache is the path of a credential cache, as in KRB5CCNAME; see
	// [ccache.Load]. It is read for a ticket that is not in memory, and when
	// the ticket-granting ticket is about to end, since others write it; it is
	// never written. A service ticket in it is used even without a
	// ticket-granting ticket.
	CCache string
	// Credentials are existing tickets, such as those that a client delegated:
	// a ticket-granting ticket of the client's realm, and perhaps others.
	Credentials []kerberos.Credential

	// Krb5Conf is the text of a krb5.conf; see [krb5conf.Read]. Besides the
	// settings of [TransportConfig] it uses default_tkt_enctypes,
	// default_tgs_enctypes, permitted_enctypes, allow_rc4, ticket_lifetime,
	// renew_lifetime, forwardable and clockskew of [libdefaults],
	// [domain_realm] for services without a realm, and [capaths].
	Krb5Conf string
	// KDC exchanges messages with KDCs; nil means a [Transport] with Krb5Conf.
	KDC Exchanger

	// Etypes are the encryption types of keys and session keys to ask for and
	// accept, in order of preference. Empty means those of Krb5Conf, and if it
	// has none, 18, 17, 20 and 19. RC4 (23) must be listed, in Krb5Conf with
	// allow_rc4 = true.
	Etypes []int32
	// Lifetime and RenewLifetime are the lives to ask for; the KDC may grant
	// less. 0 means those of Krb5Conf, and if it has none, the longest life
	// that the KDC grants, not renewable.
	Lifetime, RenewLifetime time.Duration
	// Forwardable asks for a ticket-granting ticket that [Client.Forwarded] can
	// use. Krb5Conf can set it too.
	Forwardable bool
	// MaxSkew is how far the KDC's clock may be from ours. 0 means clockskew of
	// Krb5Conf, else [kerberos.DefaultMaxSkew].
	MaxSkew time.Duration
	// Time is the clock; nil means [time.Now].
	Time func() time.Time
}

// String returns the client and the kind of source of its tickets, never a
// secret.
func (cfg ClientConfig) String() string {
	source := "nothing"
	switch {
	case cfg.Password != "":
		source = "a password"
	case cfg.Keytab != nil:
		source = "a keytab"
	case cfg.CCache != "":
		source = "credential cache " + cfg.CCache
	case len(cfg.Credentials) > 0:
		source = "given credentials"
	}
	return fmt.Sprintf("client %s with %s", cmp.Or(cfg.Client, "of the tickets"), source)
}

// Format prints String for every verb.
func (cfg ClientConfig) Format(f fmt.State, _ rune) { fmt.Fprint(f, cfg.String()) }

// A Client gets tickets from KDCs, keeps them while they last, and renews its
// ticket-granting ticket or logs in again in time. Concurrent requests for the
// same ticket share one exchange. It is safe for concurrent use. Call
// [Client.Close] when it is no longer needed.
type Client struct {
	cfg         ClientConfig // with defaults
	conf        *krb5conf.Config
	kdc         Exchanger
	who         kerberos.Principal
	loginEtypes []int32
	etypes      []int32 // of TGS requests; both are accepted
	clock       *etype.AuthenticatorClock
	logsIn      bool // has a password or keytab

	mu        sync.Mutex
	password  func() string              // a func so that fmt cannot print it; nil without one, and after Close
	tickets   map[string]*cachedTicket   // by the service that was asked for
	users     map[string]*cachedTicket   // in the names of users, by userKey and what was asked for
	forgotten map[[sha256.Size]byte]bool // hashes of given tickets that their services refuse
	flights   map[string]*flight         // those that other requests can join
	open      map[*flight]bool           // all
	running   sync.WaitGroup             // counts open
	used      uint64                     // counts uses of tickets
	renewal   time.Time                  // when the next one in the background may begin
	refused   refusal
	closed    bool
}

// NewClient returns a Client. It sends nothing to a KDC yet, and reads the
// credential cache only to learn the client. It returns an error if cfg is
// invalid, a [*kerberos.Error] if the cache cannot be read.
func NewClient(cfg ClientConfig) (*Client, error) {
	conf, err := krb5conf.Parse(cfg.Krb5Conf)
	if err != nil {
		return nil, fmt.Errorf("kerberos: %w", err)
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	i := &Client{
		cfg: cfg, conf: conf, kdc: cfg.KDC, clock: new(etype.AuthenticatorClock),
		tickets:   make(map[string]*cachedTicket),
		users:     make(map[string]*cachedTicket),
		forgotten: make(map[[sha256.Size]byte]bool),
		flights:   make(map[string]*flight),
		open:      make(map[*flight]bool),
	}
	if i.kdc == nil {
		if i.kdc, err = NewTransport(TransportConfig{Krb5Conf: cfg.Krb5Conf, AnyRealm: true}); err != nil {
			return nil, err
		}
	}
	for _, f := range []func() error{i.setSource, i.setClient, i.setEtypes, i.setTimes} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func (i *Client) setSource() error {
	sources := 0
	cfg := &i.cfg
	for _, set := range []bool{cfg.Password != "", cfg.Keytab != nil, cfg.CCache != "", len(cfg.Credentials) > 0} {
		if set {
			sources++
		}
	}
	switch {
	case sources == 0:
		return errors.New("kerberos: client without password, keytab, credential cache and credentials")
	case sources > 1:
		return errors.New("kerberos: client with more than one of password, keytab, credential cache and credentials")
	case i.cfg.Keytab != nil && i.cfg.Keytab.Keytab() == nil:
		return errors.New("kerberos: client without a keytab")
	}
	i.logsIn = i.cfg.Password != "" || i.cfg.Keytab != nil
	if password := i.cfg.Password; password != "" {
		i.password, i.cfg.Password = func() string { return password }, ""
	}
	i.cfg.Credentials = slices.Clone(i.cfg.Credentials)
	for n := range i.cfg.Credentials {
		if err := i.cfg.Credentials[n].Complete(); err != nil {
			return fmt.Errorf("kerberos: credential %d: %w", n, err)
		}
	}
	return nil
}

func (i *Client) setClient() (err error) {
	switch {
	case i.cfg.Client != "":
		if i.who, err = kerberos.ParsePrincipal(i.cfg.Client); err != nil {
			return fmt.Errorf("kerberos: client: %w", err)
		}
		if i.who.Realm = cmp.Or(i.who.Realm, i.conf.DefaultRealm()); i.who.Realm == "" || len(i.who.Components) == 0 {
			return fmt.Errorf("kerberos: client %q is not name@REALM, and krb5.conf has no default_realm", i.cfg.Client)
		}
	case i.cfg.CCache != "":
		c, err := ccache.Load(i.cfg.CCache)
		if err != nil {
			return err
		}
		i.who = c.Client
	case len(i.cfg.Credentials) > 0:
		i.who = i.cfg.Credentials[0].Client
	default:
		return errors.New("kerberos: client without a name")
	}
	return nil
}

func (i *Client) setEtypes() error {
	if len(i.cfg.Etypes) > 0 {
		i.etypes = slices.Clone(i.cfg.Etypes)
		i.loginEtypes = i.etypes
	} else {
		permitted := i.conf.Etypes("permitted_enctypes")
		i.loginEtypes = firstList(i.conf.Etypes("default_tkt_enctypes"), permitted, krb5conf.DefaultEtypes())
		i.etypes = firstList(i.conf.Etypes("default_tgs_enctypes"), permitted, krb5conf.DefaultEtypes())
	}
	for _, e := range slices.Concat(i.etypes, i.loginEtypes) {
		if _, ok := etype.ByID(e); !ok {
			return fmt.Errorf("kerberos: encryption type %d is not supported; 17, 18, 19, 20 and 23 are, "+
				"or 19 and 20 with GODEBUG=fips140=only", e)
		}
	}
	if len(i.etypes) == 0 || len(i.loginEtypes) == 0 {
		return errors.New("kerberos: krb5.conf allows no encryption type that is supported; list AES ones, or set " +
			"allow_rc4 = true for rc4-hmac")
	}
	return nil
}

func firstList(lists ...[]int32) []int32 {
	for _, l := range lists {
		if l != nil {
			return l
		}
	}
	return nil
}

func (i *Client) setTimes() error {
	for _, s := range []struct {
		d    *time.Duration
		name string
	}{{&i.cfg.Lifetime, "ticket_lifetime"}, {&i.cfg.RenewLifetime, "renew_lifetime"}, {&i.cfg.MaxSkew, "clockskew"}} {
		if *s.d == 0 {
			d, err := i.conf.Duration(s.name)
			if err != nil {
				return fmt.Errorf("kerberos: %w", err)
			}
			*s.d = d
		}
		if *s.d < 0 {
			return fmt.Errorf("kerberos: %s is negative", s.name)
		}
	}
	i.cfg.MaxSkew = cmp.Or(i.cfg.MaxSkew, kerberos.DefaultMaxSkew)
	i.cfg.Forwardable = i.cfg.Forwardable || i.conf.Bool("forwardable")
	return nil
}

// String returns "client " and the principal.
func (i *Client) String() string { return "client " + i.who.String() }

// Format prints String for every verb.
func (i *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.String()) }

// Client returns the client's principal.
func (i *Client) Client() kerberos.Principal {
	return kerberos.Principal{Components: slices.Clone(i.who.Components), Realm: i.who.Realm}
}

// Close ends the exchanges under way, waits for them, drops tickets and the
// password, and wipes the tickets' keys. Tickets that were returned to callers
// stay usable. Later calls return an error.
func (i *Client) Close() {
	i.mu.Lock()
	i.closed = true
	for f := range i.open {
		f.cancel()
	}
	i.mu.Unlock()
	i.running.Wait()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, tickets := range []map[string]*cachedTicket{i.tickets, i.users} {
		for _, c := range tickets {
			c.ticket.SessionKey.Wipe()
		}
		clear(tickets)
	}
	i.password, i.cfg.Keytab, i.cfg.Credentials = nil, nil, nil
}
