package kdc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// deafKDC counts requests and answers none.
type deafKDC struct{ asked int }

func (d *deafKDC) Exchange(context.Context, string, []byte) ([]byte, error) {
	d.asked++
	return nil, errors.New("no KDC can be reached")
}

// givenConf has a realm of other.example and none for hosts elsewhere.
const givenConf = "[libdefaults]\n default_realm = EXAMPLE.COM\n[domain_realm]\n .other.example = OTHER.EXAMPLE\n"

// given writes tickets of alice to a credential cache.
type given struct {
	t *testing.T
	k *krbtest.KDC
}

// ticket makes a ticket for a service, which may be of another realm than the
// KDC's, or of none as MIT keeps referrals.
func (g given) ticket(service string, o krbtest.TicketOptions) kerberos.Credential {
	g.t.Helper()
	p, err := kerberos.ParsePrincipal(service)
	if err != nil {
		g.t.Fatal(err)
	}
	g.k.AddService(p.Name())
	st, err := g.k.Ticket("alice", p.Name(), o)
	if err != nil {
		g.t.Fatal(err)
	}
	st.Service = p
	return st
}

func (g given) client(cfg kdc.ClientConfig, tickets ...kerberos.Credential) (*kdc.Client, *deafKDC, string) {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "cc")
	client := kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"}
	if err := (&ccache.Cache{Client: client, Tickets: tickets}).WriteFile(path); err != nil {
		g.t.Fatal(err)
	}
	kdc := new(deafKDC)
	cfg.CCache, cfg.Krb5Conf, cfg.KDC = path, givenConf, kdc
	if cfg.Time == nil {
		cfg.Time = fixedTime
	}
	return newClient(g.t, cfg), kdc, path
}

// TestServiceTicketUsesCCache: a ticket for the service in a credential cache
// is used at once and no KDC is asked, with a ticket-granting ticket beside it
// and without, whether the realm is named or found.
func TestServiceTicketUsesCCache(t *testing.T) {
	t.Parallel()
	const here, there = "soap/gw.example.com", "soap/gw.other.example"
	g := given{t, krbtest.New(krbtest.Config{Time: fixedTime})}
	none := krbtest.TicketOptions{}
	tgt, config := g.ticket("krbtgt/EXAMPLE.COM@EXAMPLE.COM", none),
		g.ticket("krb5_ccache_conf_data/pa_type@X-CACHECONF:", none)
	own := g.ticket(here+"@EXAMPLE.COM", none)
	referred := own
	referred.Service = kerberos.Principal{Components: own.Service.Components}
	elsewhere := g.ticket(here+"@ELSEWHERE", none)
	mapped, unmapped := g.ticket(there+"@OTHER.EXAMPLE", none), g.ticket(there+"@EXAMPLE.COM", none)
	type list = []kerberos.Credential
	for name, c := range map[string]struct {
		tickets list
		asked   string
		want    *kerberos.Credential // nil: the KDC is asked
	}{
		"alone":                              {list{own}, here + "@EXAMPLE.COM", &own},
		"alone, no realm named":              {list{own}, here, &own},
		"beside a TGT":                       {list{tgt, own}, here + "@EXAMPLE.COM", &own},
		"beside a TGT, no realm named":       {list{config, tgt, config, own}, here, &own},
		"by domain_realm":                    {list{unmapped, mapped}, there, &mapped},
		"by domain_realm, of the own realm":  {list{tgt, unmapped}, there, nil},
		"referred":                           {list{tgt, elsewhere, referred}, here, &own},
		"referred, realm named":              {list{tgt, referred}, here + "@EXAMPLE.COM", nil},
		"referred, before that of our realm": {list{tgt, elsewhere, own, referred}, here, &own},
		"of another realm":                   {list{tgt, elsewhere}, here, nil},
		"of another realm than named":        {list{tgt, own}, here + "@ELSEWHERE", nil},
		"of another service":                 {list{tgt, own}, "soap/gw", nil},
		"configuration of that name":         {list{tgt, config}, "krb5_ccache_conf_data/pa_type", nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := given{t, g.k}
			i, kdc, _ := g.client(kdc.ClientConfig{}, c.tickets...)
			for call := 1; call <= 2; call++ {
				got, err := i.ServiceTicket(t.Context(), c.asked)
				if asked := kdc.asked > 0; asked != (c.want == nil) || asked != (err != nil) {
					t.Fatalf("call %d: KDC asked %d times, %v", call, kdc.asked, err)
				}
				if c.want != nil && (!slices.Equal(got.Ticket, c.want.Ticket) || got.Service.String() != c.want.Service.String()) {
					t.Errorf("call %d: %v", call, got.Service)
				}
			}
		})
	}
}

// TestServiceTicketChoosesFromCCache: the best of several, and none that cannot
// be used.
func TestServiceTicketChoosesFromCCache(t *testing.T) {
	t.Parallel()
	g := given{t, krbtest.New(krbtest.Config{Time: fixedTime})}
	now := fixedTime()
	make := func(etype int32, end time.Duration, change ...func(*kerberos.Credential)) kerberos.Credential {
		st := g.ticket(service+"@EXAMPLE.COM", krbtest.TicketOptions{SessionEtype: etype})
		st.AuthTime, st.StartTime, st.EndTime = now.Add(-time.Hour), now.Add(-time.Hour), now.Add(end)
		for _, f := range change {
			f(&st)
		}
		return st
	}
	good, long, aes128 := make(18, time.Hour), make(18, 2*time.Hour), make(17, 9*time.Hour)
	soon, ended := make(18, time.Minute), make(18, -time.Minute)
	type list = []kerberos.Credential
	for name, c := range map[string]struct {
		tickets list
		etypes  []int32
		want    *kerberos.Credential
		code    kerberos.Code
	}{
		"by the preference of encryption types": {tickets: list{aes128, good}, want: &good},
		"by another preference":                 {tickets: list{good, aes128}, etypes: []int32{17, 18}, want: &aes128},
		"of a type that is not asked for":       {tickets: list{good}, etypes: []int32{19}, code: kerberos.CodeCredential},
		"the one that lasts longest":            {tickets: list{good, long, good}, want: &long},
		"none that soon ends":                   {tickets: list{soon, aes128}, want: &aes128},
		"none that has ended":                   {tickets: list{ended, aes128}, want: &aes128},
		"one that soon ends, if it is the last": {tickets: list{ended, soon}, want: &soon},
		"ended":                                 {tickets: list{ended}, code: kerberos.CodeCredentialExpired},
		"of another client": {tickets: list{make(18, time.Hour,
			func(s *kerberos.Credential) { s.Client.Components = []string{"bob"} })}, code: kerberos.CodeCredential},
		"postdated, and not validated": {tickets: list{make(18, time.Hour,
			func(s *kerberos.Credential) { s.Flags |= kerberos.FlagInvalid })}, code: kerberos.CodeCredential},
		"that begins in an hour": {tickets: list{make(18, 3*time.Hour,
			func(s *kerberos.Credential) { s.StartTime = now.Add(time.Hour) })}, code: kerberos.CodeCredential},
		"of several ticket-granting tickets too": {tickets: list{g.ticket("krbtgt/EXAMPLE.COM@EXAMPLE.COM",
			krbtest.TicketOptions{}), g.ticket("krbtgt/OTHER@EXAMPLE.COM", krbtest.TicketOptions{}), good}, want: &good},
	} {
		t.Run(name, func(t *testing.T) {
			g := given{t, g.k}
			i, kdc, _ := g.client(kdc.ClientConfig{Etypes: c.etypes}, c.tickets...)
			got, err := i.ServiceTicket(t.Context(), service)
			switch {
			case c.want == nil:
				wantRefusal(t, err, c.code)
			case err != nil || !slices.Equal(got.Ticket, c.want.Ticket) || kdc.asked != 0:
				t.Errorf("%v until %v, KDC asked %d times", err, got.EndTime, kdc.asked)
			}
		})
	}
}

// TestForgetDropsTicketOfCCache: a ticket that its service refuses is not used
// again; a new one in the cache is.
func TestForgetDropsTicketOfCCache(t *testing.T) {
	t.Parallel()
	g := given{t, krbtest.New(krbtest.Config{Time: fixedTime})}
	old, fresh := g.ticket(service+"@EXAMPLE.COM", krbtest.TicketOptions{}),
		g.ticket(service+"@EXAMPLE.COM", krbtest.TicketOptions{})
	i, _, path := g.client(kdc.ClientConfig{}, old)
	if _, err := i.ServiceTicket(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	i.Forget(service)
	_, err := i.ServiceTicket(t.Context(), service)
	wantRefusal(t, err, kerberos.CodeCredential)
	if err := (&ccache.Cache{Client: old.Client,
		Tickets: []kerberos.Credential{old, fresh}}).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if got, err := i.ServiceTicket(t.Context(), service); err != nil || !slices.Equal(got.Ticket, fresh.Ticket) {
		t.Error(err)
	}
}

// TestServiceTicketUsesCCacheOfMIT: a file that MIT's library wrote, and the
// same tickets as credentials.
func TestServiceTicketUsesCCacheOfMIT(t *testing.T) {
	for _, format := range []int{3, 4} {
		path := fmt.Sprintf("../testdata/mit-%d.ccache", format)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ccache.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		during := func() time.Time { return c.Tickets[1].EndTime.Add(-time.Hour) }
		for _, cfg := range []kdc.ClientConfig{{CCache: path}, {Credentials: c.Tickets}, {Credentials: c.Tickets[1:]}} {
			kdc := new(deafKDC)
			cfg.Krb5Conf, cfg.KDC, cfg.Time = givenConf, kdc, during
			i := newClient(t, cfg)
			for _, asked := range []string{service, service + "@EXAMPLE.COM"} {
				if got, err := i.ServiceTicket(t.Context(), asked); err != nil || kdc.asked != 0 ||
					!slices.Equal(got.Ticket, c.Tickets[1].Ticket) {
					t.Errorf("format %d, %s: KDC asked %d times, %v", format, asked, kdc.asked, err)
				}
			}
		}
	}
}
