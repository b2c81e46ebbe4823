package krbtest

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
)

// DefaultRealm is the realm of a KDC without a configured one.
const DefaultRealm = "EXAMPLE.COM"

// Config configures a [KDC]. The zero value is ready to use.
type Config struct {
	Realm string           // "" means DefaultRealm
	Time  func() time.Time // nil means time.Now
	// NoPreauth issues tickets without pre-authentication, as MIT's KDC does
	// for principals without requires_preauth.
	NoPreauth bool
	// TicketEtype is the encryption type of the keys that tickets are sealed with;
	// 0 means 18.
	TicketEtype int32
	// Rand supplies keys and confounders; nil means crypto/rand. With another
	// one, what the KDC makes directly has the same octets each time.
	Rand io.Reader
	// AuthzData is the AuthorizationData of the tickets for services that it
	// issues, as [AuthzSequence] makes it; nil for none.
	AuthzData []byte
}

// A KDC holds the principals of one realm, makes valid and invalid tickets and
// tokens directly, and answers AS and TGS requests once started. It is safe for
// concurrent use.
type KDC struct {
	realm     string
	now       func() time.Time
	noPreauth bool
	etype     int32 // of tickets
	rand      io.Reader
	authzData []byte

	mu         sync.Mutex
	principals map[string]*principal // by name without realm
	rules      delegationRules
}

type principal struct {
	name     []string
	password string
	kvno     uint32
	keys     []keyVersion // newest last
}

type keyVersion struct {
	kvno uint32
	keys map[int32][]byte // by etype
}

// New returns a KDC with a krbtgt principal only.
func New(cfg Config) *KDC {
	k := &KDC{realm: or(cfg.Realm, DefaultRealm), now: cfg.Time, noPreauth: cfg.NoPreauth,
		etype: or(cfg.TicketEtype, 18), rand: cfg.Rand, authzData: cfg.AuthzData}
	k.principals = make(map[string]*principal)
	if k.now == nil {
		k.now = time.Now
	}
	if k.rand == nil {
		k.rand = rand.Reader
	}
	k.AddService("krbtgt/" + k.realm)
	return k
}

// Realm returns the KDC's realm.
func (k *KDC) Realm() string { return k.realm }

// AddService adds a principal with random keys of all encryption types, kvno 1.
// Adding it again makes keys of the next kvno, as ktadd does; the KDC keeps the
// old ones.
func (k *KDC) AddService(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.principals[name]
	if p == nil {
		p = &principal{name: strings.Split(name, "/")}
		k.principals[name] = p
	}
	p.kvno++
	v := keyVersion{kvno: p.kvno, keys: make(map[int32][]byte)}
	for _, e := range []int32{17, 18, 19, 20, 23} {
		v.keys[e] = k.randomKey(e)
	}
	p.keys = append(p.keys, v)
}

// Alias adds a second name of a principal with the same keys, as several names
// of one Windows account have.
func (k *KDC) Alias(name, alias string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := *k.principals[name]
	p.name = strings.Split(alias, "/")
	k.principals[alias] = &p
}

// Keytab returns a keytab with the current keys of the services, by default all
// but krbtgt, for the etypes, by default 17 to 20 and 23.
func (k *KDC) Keytab(services []string, etypes ...int32) *keytab.Keytab {
	return keytab.New(k.Entries(services, etypes...)...)
}

// Entries returns the entries of [KDC.Keytab], for tests that change them.
func (k *KDC) Entries(services []string, etypes ...int32) (entries []keytab.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(etypes) == 0 {
		etypes = []int32{18, 17, 20, 19, 23}
	}
	var names []string
	for n, p := range k.principals {
		if len(services) == 0 && p.name[0] != "krbtgt" && p.password == "" || slices.Contains(services, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		p := k.principals[n]
		for _, e := range etypes {
			key, err := etype.NewKey(e, p.keys[len(p.keys)-1].keys[e])
			if err != nil {
				panic("krbtest: " + err.Error())
			}
			entries = append(entries, keytab.Entry{Principal: kerberos.Principal{Components: p.name, Realm: k.realm},
				Kvno: p.kvno, Timestamp: k.now(), Etype: e, Key: key})
		}
	}
	return entries
}

// find returns a copy of a principal, or nil if there is none.
func (k *KDC) find(name []string) *principal {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.principals[strings.Join(name, "/")]
	if !ok {
		return nil
	}
	c := *p
	return &c
}

// Ticket makes a ticket for a client, "alice" or "alice@OTHER", without a
// password. It returns an error only for an unknown service or an impossible
// option.
func (k *KDC) Ticket(client, service string, o TicketOptions) (kerberos.Credential, error) {
	der, o, err := k.ticket(client, service, o)
	if err != nil {
		return kerberos.Credential{}, err
	}
	session, err := etype.NewKey(o.SessionEtype, o.SessionKey)
	return kerberos.Credential{
		Client:     kerberos.Principal{Components: o.ClientName, Realm: o.ClientRealm},
		Service:    kerberos.Principal{Components: o.Name, Realm: o.Realm},
		Ticket:     der,
		SessionKey: session,
		EndTime:    o.EndTime,
	}, err
}

// ticket fills in the options and makes the ticket.
func (k *KDC) ticket(client, service string, o TicketOptions) ([]byte, TicketOptions, error) {
	p := k.find(strings.Split(service, "/"))
	if p == nil {
		return nil, o, fmt.Errorf("krbtest: no service %q", service)
	}
	cname, crealm, _ := strings.Cut(client, "@")
	if len(p.keys) == 0 {
		return nil, o, fmt.Errorf("krbtest: %q is a user, not a service", service)
	}
	current := p.keys[len(p.keys)-1]
	o.Etype, o.Kvno = or(o.Etype, k.etype), or(o.Kvno, current.kvno)
	for _, v := range p.keys {
		if v.kvno == o.Kvno {
			current = v
		}
	}
	o.SessionEtype = or(o.SessionEtype, o.Etype)
	if o.SessionKey == nil {
		o.SessionKey = k.randomKey(o.SessionEtype)
	}
	o.ClientRealm = or(o.ClientRealm, or(crealm, k.realm))
	if o.ClientName == nil {
		o.ClientName = strings.Split(cname, "/")
	}
	if o.Name == nil {
		o.Name = p.name
	}
	o.Realm = or(o.Realm, k.realm)
	o.AuthTime = or(o.AuthTime, k.now().Truncate(time.Second))
	o.StartTime = or(o.StartTime, o.AuthTime)
	o.EndTime = or(o.EndTime, o.StartTime.Add(10*time.Hour))
	if o.PAC != nil {
		pac, err := o.PAC.Bytes(&o, current.keys[o.Etype])
		if err != nil {
			return nil, o, err
		}
		o.authz = o.PAC.authz(pac)
	}
	der, err := mint(k.rand, &o, current.keys[o.Etype])
	return der, o, err
}

// Token returns a token of a client for a service, and the key that both sides
// will use.
func (k *KDC) Token(client, service string, o TokenOptions) (token []byte, key etype.Key, err error) {
	ticket, to, err := k.ticket(client, service, o.Ticket)
	if err != nil {
		return nil, etype.Key{}, err
	}
	return k.token(ticket, to, o)
}

func (k *KDC) token(ticket []byte, to TicketOptions, o TokenOptions) (token []byte, key etype.Key, err error) {
	o.ClientRealm = or(o.ClientRealm, to.ClientRealm)
	if o.ClientName == nil {
		o.ClientName = to.ClientName
	}
	o.Time = or(o.Time, k.now())
	o.Subkey = or(o.Subkey, to.SessionEtype)
	if o.SubkeyBytes == nil {
		o.SubkeyBytes = k.randomKey(o.Subkey)
	}
	if o.Checksum == nil {
		o.Checksum = gssChecksum(or(o.GSSFlags, 0x3c))
	}
	token, err = apReq(k.rand, &o, ticket, to.SessionEtype, to.SessionKey)
	if err != nil {
		return nil, etype.Key{}, err
	}
	// A key of an impossible length makes an invalid token, for which there is
	// no key that both sides use.
	if o.NoSubkey {
		key, _ = etype.NewKey(to.SessionEtype, to.SessionKey)
	} else {
		key, _ = etype.NewKey(o.Subkey, o.SubkeyBytes)
	}
	return token, key, nil
}

// Token returns one valid token, its key, and a keytab with the service's key.
// All three are of a realm of their own.
func Token(t TB, client, service string) (token []byte, key etype.Key, keytab *keytab.Keytab) {
	t.Helper()
	k := New(Config{})
	k.AddService(service)
	token, key, err := k.Token(client, service, TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token, key, k.Keytab(nil)
}

// Acceptor returns an acceptor for all services of a keytab. It accepts all
// encryption types, RC4 included, and tokens made before it was.
func Acceptor(t TB, keytab *keytab.Keytab) *gss.Acceptor {
	t.Helper()
	a, err := gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: keytab,
		Etypes: []int32{17, 18, 19, 20, 23},
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}
