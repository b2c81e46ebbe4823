package kdc

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// bobs is a ticket of bob for the client, for a KDC that does not open it.
func bobs() kerberos.Credential {
	return kerberos.Credential{Client: kerberos.Principal{Components: []string{"bob"}, Realm: "A"},
		Ticket: der.Element(der.TagApplication(1), []byte("bob's"))}
}

// inBobsName makes an answer one to S4U2Proxy, from a KDC that knows
// resource-based delegation or does not.
func inBobsName(a *fakeAnswer, resourceBased bool) {
	if a.tag != 13 {
		return
	}
	if a.sname[0] != krbmsg.KRBTGT {
		a.cname = []string{"bob"}
	}
	if resourceBased {
		a.trailer = der.Field(12, der.TagSequence, krbmsg.EncodePACOptions())
	}
}

// wantCode checks the code and the text of a refusal.
func wantCode(t *testing.T, err error, code kerberos.Code, words string) {
	t.Helper()
	if !errors.Is(err, &kerberos.Error{Code: code}) || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want %s with %q", err, code, words)
	}
}

// TestProxyTicketFromALyingKDC: a KDC, or whoever has the key of an exchange,
// gives a ticket for what was asked for, or none.
func TestProxyTicketFromALyingKDC(t *testing.T) {
	t.Parallel()
	toB := func(realm string, name []string) []string {
		if realm == "A" && name[0] != krbmsg.KRBTGT {
			return []string{krbmsg.KRBTGT, "B"}
		}
		return name
	}
	for name, c := range map[string]struct {
		kdc   *fakeKDC
		code  kerberos.Code // "" if it succeeds
		words string
	}{
		"what was asked for": {kdc: &fakeKDC{lie: func(a *fakeAnswer) { inBobsName(a, false) }}},
		"in the client's own name": {&fakeKDC{}, kerberos.CodeKDCReply,
			`ticket is for the client alice@"A", asked for was bob@A`},
		"another service": {&fakeKDC{lie: func(a *fakeAnswer) {
			if inBobsName(a, false); a.tag == 13 {
				a.sname = []string{"HTTP", "c"}
				a.encName = a.sname
			}
		}}, kerberos.CodeKDCReply, "asked for a ticket for HTTP/b in the name of bob@A, KDC gave one for HTTP/c@A"},
		"another realm without rules of resources": {&fakeKDC{refer: toB, lie: func(a *fakeAnswer) { inBobsName(a, false) }},
			kerberos.CodeDelegation, "HTTP/b is of realm B, and realm A has no resource-based delegation"},
		"another realm with them": {kdc: &fakeKDC{refer: toB, lie: func(a *fakeAnswer) {
			if inBobsName(a, true); a.realm == "B" && a.request&krbmsg.KDCClientInAddl == 0 {
				a.cname = []string{"alice"} // an ordinary request finds the realm
			}
		}}},
		"a realm without them at the end": {&fakeKDC{refer: toB, lie: func(a *fakeAnswer) {
			if inBobsName(a, a.realm == "A"); a.realm == "B" && a.request&krbmsg.KDCClientInAddl == 0 {
				a.cname = []string{"alice"}
			}
		}}, kerberos.CodeDelegation, "realm B has no resource-based delegation"},
		"refused": {&fakeKDC{lie: func(a *fakeAnswer) {
			if a.tag == 13 {
				a.krbError = krbErrBadOption
			}
		}}, kerberos.CodeDelegation, "KDC does not let alice@A act for bob@A at HTTP/b"},
		"evidence has ended": {&fakeKDC{lie: func(a *fakeAnswer) {
			if a.tag == 13 {
				a.krbError = kerberos.KRBErrTicketExpired
			}
		}}, kerberos.CodeCredentialExpired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := fakeClient(t, c.kdc, ClientConfig{})
			ticket, err := i.ProxyTicket(t.Context(), bobs(), "HTTP/b")
			if c.code != "" {
				wantCode(t, err, c.code, c.words)
			} else if err != nil || ticket.Client.String() != "bob@A" || ticket.Service.Components[1] != "b" {
				t.Errorf("%s at %s: %v", ticket.Client, ticket.Service, err)
			}
		})
	}
}

// TestServiceTicketForFromALyingKDC: referrals end, and a ticket is for the
// service, of its realm, and under its key.
func TestServiceTicketForFromALyingKDC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user  string
		refer func(realm string, name []string) []string
		code  kerberos.Code
		words string
	}{
		"a ticket under another key": {"bob", nil, kerberos.CodeCredential, "the keytab of alice@A does not have"},
		"another service": {"bob", func(_ string, name []string) []string { return []string{"HTTP", "c"} },
			kerberos.CodeCredential, "ticket for HTTP/c@A has a key"},
		"referrals that go round": {"bob@B", func(realm string, name []string) []string {
			switch {
			case name[0] == krbmsg.KRBTGT:
				return name
			case realm == "B":
				return []string{krbmsg.KRBTGT, "C"}
			}
			return []string{krbmsg.KRBTGT, "B"}
		}, kerberos.CodeRealmPath, "go round: [B C], then B again"},
		"a ticket of the user's realm": {"bob@B", nil, kerberos.CodeCredential, "ticket for alice\\@A@B has a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &fakeKDC{refer: c.refer, lie: func(a *fakeAnswer) {
				if a.tag == 13 && a.sname[0] != krbmsg.KRBTGT {
					user, realm, _ := strings.Cut(c.user, "@")
					a.cname = []string{user}
					if realm != "" {
						a.crealm = realm
					}
				}
			}}
			key, err := etype.StringToKey(18, "secret", "Aalice", nil)
			if err != nil {
				t.Fatal(err)
			}
			alice := kerberos.Principal{Components: []string{"alice"}, Realm: "A"}
			i, err := NewClient(ClientConfig{Client: "alice@A", KDC: k,
				Keytab: keytab.New(keytab.Entry{Principal: alice, Kvno: 1, Etype: 18, Key: key})})
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close()
			_, err = i.ServiceTicketFor(t.Context(), c.user, "")
			wantCode(t, err, c.code, c.words)
		})
	}
}

// TestTicketsOfUsersAreBounded: tickets in the names of users displace each
// other, and not those of the client itself.
func TestTicketsOfUsersAreBounded(t *testing.T) {
	t.Parallel()
	i := fakeClient(t, &fakeKDC{}, ClientConfig{})
	own, err := i.ServiceTicket(t.Context(), "HTTP/b")
	if err != nil {
		t.Fatal(err)
	}
	for n := range maxTickets + 10 {
		i.store(userKey+strings.Repeat("x", n), own)
	}
	if len(i.users) != maxTickets || len(i.tickets) != 2 {
		t.Errorf("%d tickets in the names of users, %d of the client", len(i.users), len(i.tickets))
	}
}
