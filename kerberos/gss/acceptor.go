package gss

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/kerberos/pac"
	"github.com/wssgate/wssgate/replay"
)

// A KeySource says which key of an AP-REQ is the effective key.
type KeySource string

const (
	KeyAuto    KeySource = "auto"    // the authenticator's subkey, else the ticket's session key: what WCF, WSS4J and MIT do
	KeySession KeySource = "session" // always the session key
	KeySubkey  KeySource = "subkey"  // the subkey; a token without one is refused
)

// An AcceptorConfig configures an Acceptor. Only Keytab is required.
type AcceptorConfig struct {
	// Keytab holds the services' keys: a *keytab.Keytab, or what has one that changes. It is asked once for each token.
	Keytab keytab.Source
	// Services are the principals to accept tickets for, "soap/gw.example.com@EXAMPLE.COM"; without "@" in any realm of
	// the keytab. Empty means every principal of the keytab.
	Services []string
	// Etypes are the encryption types allowed for the ticket, its session key and the subkey. Empty means 17 to 20;
	// RC4 (23) must be listed.
	Etypes []int32
	// MaxSkew is the limit for the difference of the client's clock and ours. 0 means kerberos.DefaultMaxSkew.
	MaxSkew time.Duration
	// ExactKvno accepts a ticket only under a key of its own kvno (or one whose kvno the keytab does not tell, 0).
	// Without it, older and newer keys of the principal are tried after those.
	ExactKvno bool
	// KeySource chooses the effective key; "" means KeyAuto.
	KeySource KeySource
	// ClientRealms are the realms whose clients are accepted; empty means those of any realm. In both cases the path by
	// which a client of another realm came must be empty (direct trust), checked by the service's KDC
	// (TRANSITED-POLICY-CHECKED; Active Directory checks none), or of realms that are all listed here. A path that leads
	// back into the service's own realm is always refused. Anonymous clients (RFC 8062) are refused unless
	// "WELLKNOWN:ANONYMOUS" is listed.
	ClientRealms []string
	// Paths is a krb5.conf that adds realms by which clients may come: those that its [capaths] name between the client's
	// realm and the service's, as for MIT's library. Clients of these realms are not accepted for it. nil adds none.
	Paths *krb5conf.Config
	// CheckAddresses refuses a ticket with addresses when the client's, given by kerberos.WithRemoteAddr, is not among
	// them. Off, addresses are ignored, as behind address translation they must be (RFC 4120 leaves it to the service).
	CheckAddresses bool
	// BindingRule is what is demanded of the channel bindings of a token in a message, against those that AcceptBound is
	// given: without any, a token with bindings is one for somebody else. "" is BindingsOff. GSS-API contexts have a rule
	// of their own, AcceptConfig.BindingRule.
	BindingRule BindingRule
	// PAC says whether the ticket's PAC is read, for Authentication.PAC and Groups. "" is PACIgnore.
	PAC PACRule
	// RealmSIDs are, by realm of clients, the domains of whose groups their PACs may tell, or pac.AnySID. Of a realm
	// without an entry all groups of clients count if it is the service's own, else none. pac.AnySID is for a realm whose
	// KDC may put anybody into any group, as those of one forest can, or of which the service's KDC lets no others pass
	// (MS-PAC 4.1.2.2).
	RealmSIDs map[string][]pac.SID
	// Replay remembers accepted authenticators; nil means a new replay.Memory. All acceptors for the same keys must
	// share one.
	Replay ReplayStore
	// ReplayWindow is how long after an authenticator's own time it is remembered. It must be the largest MaxSkew of all
	// acceptors that share Replay; less than MaxSkew, and so 0, means MaxSkew.
	ReplayWindow time.Duration
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// An Acceptor verifies AP-REQ tokens for the services of a keytab. It is safe for concurrent use.
type Acceptor struct {
	cfg      AcceptorConfig // with defaults; shared and not modified
	services []serviceName  // that this view accepts; empty: all of the keytab

	plaintexts *plaintextPool // of all views
}

// A serviceName is a principal of AcceptorConfig.Services.
type serviceName struct {
	kerberos.Principal
	text string // String of it, with a final "@" when it names no realm
}

// fits compares with a full principal in text form, of which the name has n octets.
func (s *serviceName) fits(full string, n int) bool {
	return s.text == full || s.Realm == "" && s.text == full[:n+1]
}

// fits reports whether this view accepts a full principal in text form, of which the name has n octets.
func (a *Acceptor) fits(full string, n int) bool {
	for i := range a.services {
		if a.services[i].fits(full, n) {
			return true
		}
	}
	return len(a.services) == 0
}

// accepts is fits for a principal as Authentication.Service has it.
func (a *Acceptor) accepts(service string) bool {
	p, err := kerberos.ParsePrincipal(service)
	return err == nil && a.fits(service, len(p.Name()))
}

// NewAcceptor checks the configuration. It fails when a service of cfg.Services has no usable key, see
// [Acceptor.Validate].
func NewAcceptor(cfg AcceptorConfig) (*Acceptor, error) {
	if cfg.Keytab == nil || cfg.Keytab.Keytab() == nil {
		return nil, errors.New("kerberos: acceptor without a keytab")
	}
	if len(cfg.Etypes) == 0 {
		cfg.Etypes = []int32{etype.AES128SHA1, etype.AES256SHA1, etype.AES128SHA2, etype.AES256SHA2}
	}
	for _, e := range cfg.Etypes {
		if _, ok := etype.ByID(e); !ok {
			return nil, fmt.Errorf("kerberos: encryption type %d is not supported; 17, 18, 19, 20 and 23 are", e)
		}
	}
	switch cfg.KeySource {
	case "":
		cfg.KeySource = KeyAuto
	case KeyAuto, KeySession, KeySubkey:
	default:
		return nil, fmt.Errorf("kerberos: key source %q is none of auto, session, subkey", cfg.KeySource)
	}
	if err := cfg.BindingRule.check(); err != nil {
		return nil, err
	}
	if err := checkRealmSIDs(cfg.RealmSIDs); err != nil {
		return nil, err
	}
	if !slices.Contains([]PACRule{PACIgnore, PACWhenPresent, PACRequired}, cfg.PAC) {
		return nil, fmt.Errorf("kerberos: PAC rule %q is none of when-present, required", cfg.PAC)
	}
	if cfg.MaxSkew < 0 || cfg.MaxSkew > 24*time.Hour {
		return nil, fmt.Errorf("kerberos: clock skew limit %v is not between 0 and 24 h", cfg.MaxSkew)
	}
	if cfg.MaxSkew == 0 {
		cfg.MaxSkew = kerberos.DefaultMaxSkew
	}
	cfg.ReplayWindow = max(cfg.ReplayWindow, cfg.MaxSkew)
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	if cfg.Replay == nil {
		cfg.Replay = replay.NewMemory(replay.MemoryConfig{Time: cfg.Time})
	}
	cfg.Etypes, cfg.ClientRealms, cfg.RealmSIDs = slices.Clone(cfg.Etypes), slices.Clone(cfg.ClientRealms), maps.Clone(cfg.RealmSIDs)
	a := (&Acceptor{cfg: cfg, plaintexts: new(plaintextPool)}).ForServices(cfg.Services...)
	return a, a.Validate()
}

// ForServices returns a view for one route: same keytab, keys and replay store, but only tickets for these principals,
// named as in AcceptorConfig.Services, are accepted; without any, those for every principal of the keytab. It replaces
// the acceptor's own list. A principal that is no legal name or not in the keytab never matches; see Validate.
func (a *Acceptor) ForServices(principals ...string) *Acceptor {
	view := &Acceptor{cfg: a.cfg, plaintexts: a.plaintexts}
	for _, text := range principals {
		p, err := kerberos.ParsePrincipal(text)
		if err != nil {
			p = kerberos.Principal{Components: []string{text}} // not legal on the wire, so it matches nothing
		}
		name := serviceName{p, p.String()}
		if p.Realm == "" {
			name.text += "@"
		}
		view.services = append(view.services, name)
	}
	return view
}

// Validate reports the first service of this view that no ticket can be opened for: the keytab has no key of it
// (kerberos.CodeNoPrincipal), or none of an allowed encryption type (kerberos.CodeNoEtype). Its errors are
// *kerberos.Error.
func (a *Acceptor) Validate() error {
	keytab := a.cfg.Keytab.Keytab()
	for _, p := range a.services {
		if err := a.validate(keytab, p.Principal); err != nil {
			return err
		}
	}
	if len(a.services) > 0 {
		return nil
	}
	if len(keytab.Principals()) == 0 {
		return kerberos.Errorf(kerberos.CodeNoPrincipal, "the keytab is empty")
	}
	for _, p := range keytab.Principals() {
		if a.validate(keytab, p) == nil {
			return nil
		}
	}
	return kerberos.Errorf(kerberos.CodeNoEtype, "no key of the keytab is of an allowed encryption type (%s)", etypeNumbers(a.cfg.Etypes))
}

func (a *Acceptor) validate(kt *keytab.Keytab, p kerberos.Principal) error {
	var list []*keytab.Entry
	entries := kt.Entries()
	for i := range entries {
		e := &entries[i]
		if !p.Matches(e.Principal) {
			continue
		}
		if !e.Key.IsZero() && slices.Contains(a.cfg.Etypes, e.Etype) {
			return nil
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return kerberos.Errorf(kerberos.CodeNoPrincipal, "keytab has no key for service %s%s", p, kt.Nearby(p.String()))
	}
	return kerberos.Errorf(kerberos.CodeNoEtype, "keytab has %s for service %s, and none of an allowed encryption type (%s)", keytab.Versions(list), p, etypeNumbers(a.cfg.Etypes))
}

func etypeNumbers(list []int32) string { return strings.Trim(fmt.Sprint(list), "[]") }

// String names the services.
func (a *Acceptor) String() string {
	names := make([]string, len(a.services))
	for i := range a.services {
		names[i] = a.services[i].String()
	}
	if len(names) == 0 {
		for _, p := range a.cfg.Keytab.Keytab().Principals() {
			names = append(names, p.String())
		}
	}
	return "acceptor for " + strings.Join(names, ", ")
}

// Format prints String for every verb.
func (a *Acceptor) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }
