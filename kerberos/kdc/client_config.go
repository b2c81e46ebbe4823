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

// A ClientConfig configures a Client: who, with which secret, and where the KDCs are. Exactly one of Password, Keytab,
// CCache and Credentials is the source of the ticket-granting ticket.
type ClientConfig struct {
	// Client is the principal, "alice@EXAMPLE.COM"; without "@" it is of krb5.conf's default realm. With CCache and
	// Credentials it may be empty, and is theirs.
	Client string
	// Password of Client.
	Password string
	// Keytab has a key of Client: a *keytab.Keytab, or what has one that changes. It is asked for each login.
	Keytab keytab.Source
	// CCache is the path of a credential cache, as KRB5CCNAME has it; see ccache.Load. It is read when a ticket is needed
	// that is not in memory, and when the ticket-granting ticket is about to end, since others write it; it is not
	// written. A service ticket in it is used at once, even where there is no ticket-granting ticket.
	CCache string
	// Credentials are tickets that are there already, such as those that a client delegated: a ticket-granting ticket of
	// the client's realm, and perhaps others.
	Credentials []kerberos.Credential

	// Krb5Conf is the text of a krb5.conf; see krb5conf.Read. Beside what TransportConfig tells, of [libdefaults]
	// default_tkt_enctypes, default_tgs_enctypes, permitted_enctypes, allow_rc4, ticket_lifetime, renew_lifetime,
	// forwardable and clockskew are used, [domain_realm] for services without a realm, and [capaths].
	Krb5Conf string
	// KDC exchanges messages with KDCs; nil means a Transport with Krb5Conf.
	KDC Exchanger

	// Etypes are the encryption types to ask for and accept, by preference, of keys and session keys. Empty means those
	// of Krb5Conf, and if it has none, 18, 17, 20 and 19. RC4 (23) must be listed, in Krb5Conf with allow_rc4 = true.
	Etypes []int32
	// Lifetime and RenewLifetime are asked for; the KDC may give less. 0 means those of Krb5Conf; and if it has none, the
	// longest life that the KDC gives, not renewable.
	Lifetime, RenewLifetime time.Duration
	// Forwardable asks for a ticket-granting ticket that Forwarded can use. Krb5Conf may say so too.
	Forwardable bool
	// MaxSkew is how far the KDC's clock may be from ours. 0 means clockskew of Krb5Conf, else kerberos.DefaultMaxSkew.
	MaxSkew time.Duration
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// String names the client and the source of its tickets, never what that is.
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
	return fmt.Sprintf("initiator for %s with %s", cmp.Or(cfg.Client, "their client"), source)
}

// Format prints String for every verb.
func (cfg ClientConfig) Format(f fmt.State, _ rune) { fmt.Fprint(f, cfg.String()) }

// A Client gets tickets from KDCs, keeps them while they last, and renews its ticket-granting ticket or logs in again
// in time. Requests for the same ticket at the same time are one. It is safe for concurrent use. Close it.
type Client struct {
	cfg         ClientConfig // with defaults
	conf        *krb5conf.Config
	kdc         Exchanger
	who         kerberos.Principal
	loginEtypes []int32
	etypes      []int32 // of TGS requests; both are accepted
	clock       *etype.AuthenticatorClock
	logsIn      bool // with password or keytab

	mu        sync.Mutex
	password  func() string              // a func for the reason that etype.Key is one; nil without one, and after Close
	tickets   map[string]*cachedTicket   // by what was asked for
	forgotten map[[sha256.Size]byte]bool // tickets given to us that their services refuse
	flights   map[string]*flight         // those that others can join
	open      map[*flight]bool           // all
	running   sync.WaitGroup             // as many
	used      uint64                     // counts uses of tickets
	renewal   time.Time                  // when the next one beside a request may begin
	refused   refusal
	closed    bool
}

// NewClient makes a Client. It does not talk to a KDC yet. It reads the credential cache only to know the client.
// Errors about the cache are *kerberos.Error.
func NewClient(cfg ClientConfig) (*Client, error) {
	conf, err := krb5conf.Parse(cfg.Krb5Conf)
	if err != nil {
		return nil, fmt.Errorf("kerberos: %w", err)
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	i := &Client{cfg: cfg, conf: conf, kdc: cfg.KDC, clock: new(etype.AuthenticatorClock), tickets: make(map[string]*cachedTicket),
		forgotten: make(map[[sha256.Size]byte]bool), flights: make(map[string]*flight), open: make(map[*flight]bool)}
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
	for _, there := range []bool{i.cfg.Password != "", i.cfg.Keytab != nil, i.cfg.CCache != "", len(i.cfg.Credentials) > 0} {
		if there {
			sources++
		}
	}
	switch {
	case sources == 0:
		return errors.New("kerberos: initiator without password, keytab, credential cache and credentials")
	case sources > 1:
		return errors.New("kerberos: initiator with more than one of password, keytab, credential cache and credentials")
	case i.cfg.Keytab != nil && i.cfg.Keytab.Keytab() == nil:
		return errors.New("kerberos: initiator without a keytab")
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
		return errors.New("kerberos: initiator without the client's name")
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
			return fmt.Errorf("kerberos: encryption type %d is not supported; 17, 18, 19, 20 and 23 are", e)
		}
	}
	if len(i.etypes) == 0 || len(i.loginEtypes) == 0 {
		return errors.New("kerberos: krb5.conf allows no encryption type that is supported; list AES ones, or set allow_rc4 = true for rc4-hmac")
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

// String names the client.
func (i *Client) String() string { return "initiator for " + i.who.String() }

// Format prints String for every verb.
func (i *Client) Format(f fmt.State, _ rune) { fmt.Fprint(f, i.String()) }

// Client returns the client's principal.
func (i *Client) Client() kerberos.Principal {
	return kerberos.Principal{Components: slices.Clone(i.who.Components), Realm: i.who.Realm}
}

// Close ends the exchanges under way, waits for them, and forgets tickets, their keys and the password; the keys are
// wiped. Those of tickets that were handed out are their owners'. Later calls fail.
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
	for _, c := range i.tickets {
		c.ticket.SessionKey.Wipe()
	}
	clear(i.tickets)
	i.password, i.cfg.Keytab, i.cfg.Credentials = nil, nil, nil
}
