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

// A KeySource is which key of an AP-REQ is the effective key.
type KeySource string

const (
	// KeyAuto is the authenticator's subkey, else the ticket's session key, as
	// for WCF, WSS4J and MIT.
	KeyAuto KeySource = "auto"
	// KeySession is always the session key.
	KeySession KeySource = "session"
	// KeySubkey is the subkey; a token without one is refused.
	KeySubkey KeySource = "subkey"
)

// An AcceptorConfig configures an [Acceptor]. Only Keytab is required.
type AcceptorConfig struct {
	// Keytab has the services' keys. It is a [*keytab.Keytab], or another
	// [keytab.Source] if the keytab changes. Each token asks it once.
	Keytab keytab.Source
	// Services are the principals to accept tickets for,
	// "soap/gw.example.com@EXAMPLE.COM"; without "@" in any realm of the
	// keytab. Empty means every principal of the keytab.
	Services []string
	// Etypes are the encryption types allowed for the ticket, its session key
	// and the subkey. Empty means 17 to 20; RC4 (23) must be listed.
	Etypes []int32
	// MaxSkew is the limit for the difference between the client's clock and
	// ours. 0 means [kerberos.DefaultMaxSkew].
	MaxSkew time.Duration
	// ExactKvno accepts a ticket only under a key of its own kvno, or one for
	// which the keytab has no kvno (0). Otherwise older and newer keys of the
	// principal are tried after those.
	ExactKvno bool
	// KeySource chooses the effective key; "" means [KeyAuto].
	KeySource KeySource
	// ClientRealms are the realms whose clients are accepted; empty means all
	// realms. In both cases the path by which a client of another realm came
	// must be empty (direct trust), checked by the service's KDC
	// (TRANSITED-POLICY-CHECKED, which Active Directory never sets), or consist
	// of realms that are all listed here. A path that leads back into the
	// service's own realm is always refused. Anonymous clients (RFC 8062) are
	// refused unless "WELLKNOWN:ANONYMOUS" is listed.
	ClientRealms []string
	// Paths is a krb5.conf that adds realms by which clients may come: those of
	// its [capaths] between the client's realm and the service's, as for MIT's
	// library. It does not make clients of these realms accepted. nil adds
	// none.
	Paths *krb5conf.Config
	// CheckAddresses refuses a ticket with addresses if the client's, by
	// [kerberos.WithRemoteAddr], is not among them. Otherwise addresses are
	// ignored, as is necessary behind address translation (RFC 4120 leaves it
	// to the service).
	CheckAddresses bool
	// BindingRule is the rule for the channel bindings of a token in a message.
	// They are compared with those passed to [Acceptor.AcceptBound]; if it has
	// none, a token with bindings was made for another channel. "" is
	// [BindingsOff]. GSS-API contexts have a rule of their own,
	// [AcceptConfig.BindingRule].
	BindingRule BindingRule
	// PAC is the rule for the ticket's PAC, which [Authentication.PAC] and
	// [Authentication.Groups] need. "" is [PACIgnore].
	PAC PACRule
	// RealmSIDs has, by client realm, the domains whose groups the PACs of its
	// clients may name, or [pac.AnySID]. If a realm has no entry, all groups of
	// its clients count if it is the service's own realm, else none. Use
	// [pac.AnySID] for a realm whose KDC may put anyone into any group, as in
	// one forest, or whose other groups the service's KDC filters out (MS-PAC
	// 4.1.2.2).
	RealmSIDs map[string][]pac.SID
	// DeniedSIDs are SIDs of which it has to be known whether a PAC names them,
	// in whatever role and whatever the client's realm may name: those whose
	// holders are refused. [Authentication.Groups] returns them too. Nobody is
	// refused here.
	DeniedSIDs []pac.SID
	// KeepTicket keeps the ticket of an accepted token, for
	// [Authentication.Credentials].
	KeepTicket bool
	// Delegation decrypts a credential that a client delegates in the token of a
	// message, for [Authentication.Credentials]. Otherwise it is ignored. Contexts
	// have [AcceptConfig.Delegation].
	Delegation bool
	// Replay remembers accepted authenticators. nil means a new
	// [replay.Memory]. All acceptors for the same keys must share one.
	Replay ReplayStore
	// ReplayWindow is how long after an authenticator's own time it is
	// remembered. It must be the largest MaxSkew of all acceptors that share
	// Replay; a value below MaxSkew, such as 0, means MaxSkew.
	ReplayWindow time.Duration
	// Time is the clock; nil means [time.Now].
	Time func() time.Time
}

// An Acceptor verifies AP-REQ tokens for the services of a keytab. It is safe
// for concurrent use.
type Acceptor struct {
	cfg      AcceptorConfig // with defaults; shared and immutable
	services []serviceName  // accepted by this view; empty for all of the keytab

	plaintexts *plaintextPool // shared by all views
}

// A serviceName is a principal of AcceptorConfig.Services.
type serviceName struct {
	kerberos.Principal
	text string // Principal.String, with a final "@" if there is no realm
}

// fits reports whether s names a full principal in text form, whose name
// without realm has n octets.
func (s *serviceName) fits(full string, n int) bool {
	return s.text == full || s.Realm == "" && s.text == full[:n+1]
}

// fits reports whether this view accepts a full principal in text form, whose
// name without realm has n octets.
func (a *Acceptor) fits(full string, n int) bool {
	for i := range a.services {
		if a.services[i].fits(full, n) {
			return true
		}
	}
	return len(a.services) == 0
}

// accepts is fits for a principal that Authentication.Service returns.
func (a *Acceptor) accepts(service string) bool {
	p, err := kerberos.ParsePrincipal(service)
	return err == nil && a.fits(service, len(p.Name()))
}

// NewAcceptor returns an Acceptor, or an error if cfg is invalid or a service
// of cfg.Services has no usable key, see [Acceptor.Validate].
func NewAcceptor(cfg AcceptorConfig) (*Acceptor, error) {
	if cfg.Keytab == nil || cfg.Keytab.Keytab() == nil {
		return nil, errors.New("kerberos: acceptor without a keytab")
	}
	if len(cfg.Etypes) == 0 {
		cfg.Etypes = etype.Supported(etype.AES128SHA1, etype.AES256SHA1, etype.AES128SHA2, etype.AES256SHA2)
	}
	for _, e := range cfg.Etypes {
		if _, ok := etype.ByID(e); !ok {
			return nil, fmt.Errorf("kerberos: encryption type %d is not supported; 17, 18, 19, 20 and 23 are, "+
				"or 19 and 20 with GODEBUG=fips140=only", e)
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
	cfg.Etypes, cfg.ClientRealms = slices.Clone(cfg.Etypes), slices.Clone(cfg.ClientRealms)
	cfg.RealmSIDs, cfg.DeniedSIDs = maps.Clone(cfg.RealmSIDs), slices.Clone(cfg.DeniedSIDs)
	a := (&Acceptor{cfg: cfg, plaintexts: new(plaintextPool)}).ForServices(cfg.Services...)
	return a, a.Validate()
}

// ForServices returns a view of the acceptor for one route. It has the same
// keytab and replay store, but accepts only tickets for these principals, named
// as in [AcceptorConfig.Services], or with none those for every principal of
// the keytab. They replace the acceptor's own list. A principal that is not a
// legal name or not in the keytab never matches; see [Acceptor.Validate].
func (a *Acceptor) ForServices(principals ...string) *Acceptor {
	view := &Acceptor{cfg: a.cfg, plaintexts: a.plaintexts}
	for _, text := range principals {
		p, err := kerberos.ParsePrincipal(text)
		if err != nil {
			p = kerberos.Principal{Components: []string{text}} // not legal on the wire: matches nothing
		}
		name := serviceName{p, p.String()}
		if p.Realm == "" {
			name.text += "@"
		}
		view.services = append(view.services, name)
	}
	return view
}

// Validate returns an error for the first service of this view for which no
// ticket can be accepted: the keytab has no key of it
// ([kerberos.CodeNoPrincipal]), or none of an allowed encryption type
// ([kerberos.CodeNoEtype]). Its errors are [*kerberos.Error].
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
	return kerberos.Errorf(kerberos.CodeNoEtype, "no key of the keytab is of an allowed encryption type (%s)",
		etypeNumbers(a.cfg.Etypes))
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
	return kerberos.Errorf(kerberos.CodeNoEtype,
		"keytab has %s for service %s, and none of an allowed encryption type (%s)", keytab.Versions(list), p,
		etypeNumbers(a.cfg.Etypes))
}

func etypeNumbers(list []int32) string { return strings.Trim(fmt.Sprint(list), "[]") }

// String returns "acceptor for " and the services.
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
