package kdc

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestServiceTicketFollowsReferrals: referrals are followed from realm to
// realm, but not in a circle and not for ever.
func TestServiceTicketFollowsReferrals(t *testing.T) {
	t.Parallel()
	chain := func(next map[string]string) func(string, []string) []string {
		return func(realm string, name []string) []string {
			if to := next[realm]; to != "" {
				return []string{krbmsg.KRBTGT, to}
			}
			return name
		}
	}
	endless := func(realm string, _ []string) []string { return []string{krbmsg.KRBTGT, realm + "X"} }
	for name, c := range map[string]struct {
		refer   func(string, []string) []string
		service string
		want    string // of the ticket, or what the error says
	}{
		"followed": {chain(map[string]string{"A": "B", "B": "C"}), "soap/gw", "soap/gw@C"},
		"round": {chain(map[string]string{"A": "B", "B": "C", "C": "B"}), "soap/gw",
			"go round: [A B C], then B again"},
		"back home":          {chain(map[string]string{"A": "B", "B": "A"}), "soap/gw", "go round"},
		"endless":            {endless, "soap/gw", "do not end"},
		"nearer on the way":  {chain(map[string]string{"A": "B"}), "soap/gw@C", "soap/gw@C"},
		"round on the way":   {chain(map[string]string{"A": "B", "B": "A"}), "soap/gw@C", "goes round"},
		"endless on the way": {endless, "soap/gw@C", "more than 10 realms"},
		"no way":             {func(string, []string) []string { return nil }, "soap/gw@C", "service-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			ticket, err := fakeClient(t, &fakeKDC{refer: c.refer}, ClientConfig{}).ServiceTicket(t.Context(), c.service)
			if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && ticket.Service.String() != c.want {
				t.Errorf("%v, %v; want %s", ticket.Service, err, c.want)
			}
			if err != nil && !errors.Is(err, &kerberos.Error{Code: kerberos.CodeRealmPath}) {
				t.Error(err)
			}
		})
	}
}

// TestClientWalksBetweenRealms: the requests, in order, by the realms' names
// only and with capaths.
func TestClientWalksBetweenRealms(t *testing.T) {
	t.Parallel()
	known := map[string][]string{"X.A.COM": {"A.COM"}, "A.COM": {"COM", "Y.B.COM"}, "COM": {"B.COM"},
		"B.COM": {"Y.B.COM"}}
	refer := func(realm string, name []string) []string {
		if name[0] == krbmsg.KRBTGT && !slices.Contains(known[realm], name[1]) {
			return nil
		}
		return name
	}
	for conf, want := range map[string]string{
		"": "krbtgt/Y.B.COM@X.A.COM krbtgt/B.COM@X.A.COM krbtgt/COM@X.A.COM krbtgt/A.COM@X.A.COM krbtgt/Y.B.COM@A.COM " +
			"soap/gw@Y.B.COM",
		"[capaths]\nX.A.COM = {\nY.B.COM = A.COM\nY.B.COM = COM\nY.B.COM = B.COM\n}": "krbtgt/A.COM@X.A.COM " +
			"krbtgt/COM@A.COM krbtgt/B.COM@COM krbtgt/Y.B.COM@B.COM soap/gw@Y.B.COM",
	} {
		k := &fakeKDC{home: "X.A.COM", refer: refer}
		i := fakeClient(t, k, ClientConfig{Client: "alice@X.A.COM", Krb5Conf: conf})
		for range 2 { // the second time all is known
			if _, err := i.ServiceTicket(t.Context(), "soap/gw@Y.B.COM"); err != nil {
				t.Error(err)
			}
		}
		if got := strings.ReplaceAll(strings.Join(k.requests[1:], " "), "TGS ", ""); got != want {
			t.Errorf("asked for %s\nwant %s", got, want)
		}
	}
}

// TestClientRenewsInTime: a ticket is used until shortly before its end, a
// ticket-granting ticket is renewed or replaced before, and a login that was
// refused is not tried again at once.
func TestClientRenewsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{}
		i := fakeClient(t, k, ClientConfig{RenewLifetime: 24 * time.Hour})
		get := func(service string, want ...string) {
			t.Helper()
			k.requests = nil
			if _, err := i.ServiceTicket(t.Context(), service); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			slices.Sort(k.requests) // a renewal goes on beside the request
			if !slices.Equal(k.requests, want) {
				t.Errorf("%v: %v, want %v", time.Now(), k.requests, want)
			}
		}
		get("soap/a", "AS krbtgt/A@A", "TGS soap/a@A")
		get("soap/a")
		time.Sleep(9 * time.Hour) // of 10
		get("soap/a")
		get("soap/b", "TGS krbtgt/A@A", "TGS soap/b@A")
		time.Sleep(59 * time.Minute) // a ends
		get("soap/a", "TGS soap/a@A")
		time.Sleep(15 * time.Hour) // all end, and so does renewing
		get("soap/a", "AS krbtgt/A@A", "TGS soap/a@A")
		k.lie = func(a *fakeAnswer) { a.krbError = krbErrPreauthFailed }
		time.Sleep(11 * time.Hour)
		for _, wait := range []time.Duration{0, 20 * time.Second, 20 * time.Second, 30 * time.Second, 40 * time.Second} {
			time.Sleep(wait)
			k.requests = nil
			if _, err := i.ServiceTicket(t.Context(), "soap/c"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodePreauth}) {
				t.Error(err)
			}
			if tried := len(k.requests) > 0; tried != (wait == 0 || wait == 20*time.Second && i.refused.hold > refusalHold ||
				wait == 40*time.Second) {
				t.Errorf("after %v: tried %v", wait, tried)
			}
		}
		k.lie = nil
		time.Sleep(time.Hour)
		get("soap/c", "AS krbtgt/A@A", "TGS soap/c@A")
		i.Forget("soap/c")
		get("soap/c", "TGS soap/c@A")
	})
}

// TestClientReplacesStaleTGT: if a KDC refuses the ticket-granting ticket, as
// after a change of its keys, the client logs in again.
func TestClientReplacesStaleTGT(t *testing.T) {
	t.Parallel()
	k := &fakeKDC{}
	i := fakeClient(t, k, ClientConfig{})
	if _, err := i.ServiceTicket(t.Context(), "soap/a"); err != nil {
		t.Fatal(err)
	}
	refused := false
	k.lie = func(a *fakeAnswer) {
		if a.tag == 13 && !refused {
			refused, a.krbError = true, kerberos.KRBErrModified
		}
	}
	if _, err := i.ServiceTicket(t.Context(), "soap/b"); err != nil ||
		strings.Join(k.requests[2:], ", ") != "TGS soap/b@A, AS krbtgt/A@A, TGS soap/b@A" {
		t.Error(err, k.requests)
	}
	k.lie = func(a *fakeAnswer) {
		if a.tag == 13 {
			a.krbError = kerberos.KRBErrModified
		}
	}
	if _, err := i.ServiceTicket(t.Context(), "soap/c"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDCRefused}) {
		t.Error(err)
	}
}
