package doctor

import (
	"cmp"
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// Defaults of Config.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultKrb5Conf = "/etc/krb5.conf"
)

// Config configures [Run]. Settings is required.
type Config struct {
	// Settings is a configuration that config.Load has accepted.
	Settings *config.Config
	// Krb5Conf are the files of MIT's krb5.conf, separated by ":" as in
	// KRB5_CONFIG. Empty means DefaultKrb5Conf, whose absence is no failure.
	Krb5Conf string
	// StateDir is the directory in which serve would keep its replay journal, or
	// empty if there is none.
	StateDir string
	// Assemble does what serve does at its start, except for the listener and the
	// journal, and returns the error of serve. Nil means that it is not checked.
	Assemble func() error
	// Cure returns what to do about an error code. Nil means the cures of package
	// kerberos.
	Cure func(code string) string
	// CCache is a credential cache in the form of KRB5CCNAME. Its tickets are used
	// to get tickets for services if the keytab's own keys cannot get them. Empty
	// means none.
	CCache string
	// Keys returns the keys of a service, from its keytab or password. Nil
	// means keytab.Load, and no passwords.
	Keys func(config.Service) (*keytab.Keytab, error)
	// RelayKDCs returns the KDCs that are asked for a relayed realm, wherever the
	// relay finds them. Nil means that the relay is not looked at.
	RelayKDCs func(ctx context.Context, realm string) ([]kdc.Address, error)
	// Timeout limits each request: one connection and its answer, one look-up, one
	// login. Zero means DefaultTimeout.
	Timeout time.Duration

	// Replaced by tests. Nil means the real one.
	Now      func() time.Time
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Resolver Resolver
	Login    LoginFunc
	Replay   func(now time.Time) gss.ReplayStore // for the self-test
	FIPS     func() (enabled, enforced bool)     // FIPS 140-3 mode
}

// Resolver is the part of [net.Resolver] that is used.
type Resolver interface {
	LookupHost(ctx context.Context, host string) (addrs []string, err error)
	LookupAddr(ctx context.Context, addr string) (names []string, err error)
	LookupCNAME(ctx context.Context, host string) (cname string, err error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// A LoginFunc returns a [Session]. It logs in once, when it is first asked for
// a ticket.
type LoginFunc func(kdc.ClientConfig) (Session, error)

// A Session gets tickets. [kdc.Client] implements it.
type Session interface {
	ServiceTicket(ctx context.Context, service string) (kerberos.Credential, error)
	Close()
}

// A doctor is one run: the configuration, and what more than one check uses.
type doctor struct {
	Config
	services []*service
	more     int      // services that are not looked at
	disabled []string // paths of routes whose service is disabled
	keytabs  []*keytabFile
	krb5     krb5Conf

	ctx    context.Context   // of the run: of work that checks share
	realms map[string]*realm // of the services; made before the checks run
}

// A check has a name and returns results.
type check struct {
	name string
	run  func(context.Context) []Result
}

// Run runs all checks and returns their results. It ends soon after ctx does.
func Run(ctx context.Context, cfg Config) Report {
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	if cfg.Resolver == nil {
		cfg.Resolver = net.DefaultResolver
	}
	if cfg.Login == nil {
		cfg.Login = func(c kdc.ClientConfig) (Session, error) { return kdc.NewClient(c) }
	}
	if cfg.Keys == nil {
		cfg.Keys = loadKeytab
	}
	if cfg.FIPS == nil {
		cfg.FIPS = func() (bool, bool) { return fips140.Enabled(), fips140.Enforced() }
	}
	if cfg.Replay == nil {
		cfg.Replay = throwAway
	}
	d := &doctor{Config: cfg, ctx: ctx, realms: map[string]*realm{}}
	d.krb5 = readKrb5Conf(cfg.Krb5Conf)
	d.findServices()
	checks := []check{
		{"config", d.checkConfig}, {"state", d.checkState}, {"listen", d.checkListen}, {"keytab", d.checkKeytabs},
		{"fips140", d.checkFIPS}, {"krb5.conf", d.checkKrb5Conf},
		{"dns", d.checkDNS}, {"kdc", d.checkKDCs}, {"clock", d.checkClocks}, {"kvno", d.checkKvnos}, {"spn", d.checkSPNs},
		{"self-test", d.checkReplay}, {"access", d.checkAccess}, {"relay", d.checkRelay},
		{"tls", d.checkTLS}, {"backend", d.checkBackends}, {"assertion", d.checkAssertions},
		{"call-as", d.checkCallers}, {"store", d.checkStores},
	}
	reports := make([]Report, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { reports[i] = d.bounded(ctx, c) })
	}
	wg.Wait()
	var all Report
	for _, r := range reports {
		all = append(all, r...)
	}
	return withoutConsequences(all)
}

func loadKeytab(s config.Service) (*keytab.Keytab, error) {
	if s.PasswordFile != "" {
		return nil, errors.New("passwords cannot be read here")
	}
	return keytab.Load(s.Keytab)
}

// checkTimeouts is how many requests a check may make one after another.
const checkTimeouts = 8

// bounded runs a check, and does not wait for one that ignores its context.
func (d *doctor) bounded(ctx context.Context, c check) Report {
	ctx, cancel := context.WithTimeout(ctx, checkTimeouts*d.Timeout)
	defer cancel()
	done := make(chan []Result, 1)
	go func() { done <- c.run(ctx) }()
	var results []Result
	select {
	case results = <-done:
	case <-ctx.Done():
		select {
		case results = <-done:
		case <-time.After(time.Second):
			results = []Result{fail("the check", "has no result: "+ctx.Err().Error(),
				"try again, with a larger --timeout if the network is slow")}
		}
	}
	for i := range results {
		results[i].Check = c.name
	}
	return results
}

// each calls f for all elements of list at the same time, and returns the
// results in the order of list.
func each[T any](list []T, f func(T) []Result) (all []Result) {
	results := make([][]Result, len(list))
	var wg sync.WaitGroup
	for i, x := range list {
		wg.Go(func() { results[i] = f(x) })
	}
	wg.Wait()
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

// Refused returns the report of a configuration that [config.Load] has refused.
// No check can run with that.
func Refused(err error) Report {
	var refused *config.Error
	if !errors.As(err, &refused) {
		return Report{{Check: "config", Status: Fail, Subject: "configuration", Found: err.Error(),
			Cure: "see wssgate serve --help"}}
	}
	var r Report
	for _, f := range refused.Findings {
		subject := cmp.Or(f.Setting, f.Origin, "configuration")
		found := f.Problem
		if f.Origin != "" && f.Origin != subject {
			found += " (" + f.Origin + ")"
		}
		r = append(r, Result{Check: "config", Status: Fail, Subject: subject, Found: found,
			Cure: cmp.Or(f.Cure, "see docs/operations.md")})
	}
	return r
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
