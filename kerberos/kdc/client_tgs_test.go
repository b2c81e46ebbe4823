package kdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestClientRejectsBadReplies: a reply that differs in one respect from the
// request is refused, of either exchange.
func TestClientRejectsBadReplies(t *testing.T) {
	t.Parallel()
	lies := map[string]struct {
		lie  func(*fakeAnswer)
		says string
	}{
		"nonce":          {func(a *fakeAnswer) { a.nonce++ }, "nonce"},
		"client":         {func(a *fakeAnswer) { a.cname = []string{"bob"} }, "bob"},
		"client realm":   {func(a *fakeAnswer) { a.crealm = "EVIL" }, "EVIL"},
		"ticket's name":  {func(a *fakeAnswer) { a.sname = []string{"evil", "host"} }, "evil/host"},
		"ticket's realm": {func(a *fakeAnswer) { a.realm = "EVIL" }, "EVIL"},
		"other service": {func(a *fakeAnswer) {
			a.sname, a.encName = []string{krbmsg.KRBTGT, "A", "x"}, []string{krbmsg.KRBTGT, "A", "x"}
		}, "KDC gave one for krbtgt/A/x"},
		"other realm":         {func(a *fakeAnswer) { a.realm, a.encRealm = "EVIL", "EVIL" }, "EVIL"},
		"session key's etype": {func(a *fakeAnswer) { a.sessionEtype, a.sessionKey = 23, make([]byte, 16) }, "23"},
		"session key of 0":    {func(a *fakeAnswer) { a.sessionEtype, a.sessionKey = 0, nil }, "etype 0"},
		"session key's size":  {func(a *fakeAnswer) { a.sessionKey = make([]byte, 31) }, "31 octets"},
		"start": {func(a *fakeAnswer) { a.start, a.auth = a.start.Add(-time.Hour), a.auth.Add(-time.Hour) },
			"clock"},
		"end":            {func(a *fakeAnswer) { a.end = a.auth.Add(-time.Minute) }, "ended"},
		"invalid":        {func(a *fakeAnswer) { a.flags |= kerberos.FlagInvalid }, "postdated"},
		"message type":   {func(a *fakeAnswer) { a.tag ^= 11 ^ 13 }, "tag"},
		"encrypted part": {func(a *fakeAnswer) { a.encTag = 27 }, "tag"},
		"trailing field": {func(a *fakeAnswer) { a.trailer = der.Field(13, der.TagInteger, []byte{1}) }, "more octets"},
		"key usage":      {func(a *fakeAnswer) { a.usage = 11 }, "integrity"},
		"not a reply":    {func(a *fakeAnswer) { a.raw = []byte("HTTP/1.1 400") }, "neither AS-REP"},
		"nothing":        {func(a *fakeAnswer) { a.raw = []byte{} }, "neither AS-REP"},
		"cut off":        {func(a *fakeAnswer) { a.raw = []byte{der.TagApplication(a.tag), 0} }, "missing or cut off"},
		"odd KRB-ERROR":  {func(a *fakeAnswer) { a.raw = []byte{der.TagApplication(30), 0} }, "missing or cut off"},
		"padata":         {func(a *fakeAnswer) { a.paData = der.Field(2, der.TagSequence, []byte("xx")) }, "PA-DATA"},
	}
	for name, c := range lies {
		for _, tag := range []byte{11, 13} {
			if tag == 13 && (name == "padata" || name == "other service") {
				continue // not read; an alias is taken
			}
			t.Run(fmt.Sprintf("%s/%d", name, tag), func(t *testing.T) {
				k := &fakeKDC{}
				k.lie = func(a *fakeAnswer) {
					if a.tag == tag {
						c.lie(a)
					}
				}
				i := fakeClient(t, k, ClientConfig{})
				_, err := i.ServiceTicket(t.Context(), "soap/gw")
				if _, ok := err.(*kerberos.Error); !ok || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v does not say %q", err, c.says)
				}
			})
		}
	}
	for name, lie := range map[string]func(*fakeAnswer){
		"truth":            func(*fakeAnswer) {},
		"TGS tag in AS":    func(a *fakeAnswer) { a.encTag = 26 },
		"no start":         func(a *fakeAnswer) { a.start = time.Time{} },
		"encrypted padata": func(a *fakeAnswer) { a.trailer = der.Field(12, der.TagSequence) },
	} {
		i := fakeClient(t, &fakeKDC{lie: lie}, ClientConfig{})
		if ticket, err := i.ServiceTicket(t.Context(), "soap/gw"); err != nil || ticket.Service.String() != "soap/gw@A" {
			t.Errorf("%s: %v, %v", name, ticket.Service, err)
		}
	}
}

// TestClientChecksServiceOfReply: another service than the one asked for is
// accepted only where the protocol allows it: an alias or a referral for a
// service, another realm on the way for a ticket-granting ticket.
func TestClientChecksServiceOfReply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wanted, got string
		options     uint32
		ok          bool
	}{
		{"soap/gw@A", "soap/gw@A", 0, true},
		{"soap/gw@A", "soap/alias@A", 0, false},
		{"soap/gw@A", "soap/alias@A", krbmsg.KDCCanonicalize, true},
		{"soap/gw@A", "krbtgt/B@A", 0, false},
		{"soap/gw@A", "krbtgt/B@A", krbmsg.KDCCanonicalize, true},
		{"soap/gw@A", "krbtgt/A@A", krbmsg.KDCCanonicalize, false},
		{"krbtgt/B@A", "krbtgt/C@A", 0, true},
		{"krbtgt/B@A", "krbtgt/A@A", 0, false},
		{"krbtgt/B@A", "soap/gw@A", krbmsg.KDCCanonicalize, false},
		{"krbtgt/A@A", "krbtgt/B@A", krbmsg.KDCForwarded, false},
		{"krbtgt/A@A", "krbtgt/B@A", krbmsg.KDCRenew, false},
		{"krbtgt/A@A", "krbtgt/A@A", krbmsg.KDCRenew, true},
	} {
		wanted, _ := kerberos.ParsePrincipal(c.wanted)
		got, _ := kerberos.ParsePrincipal(c.got)
		if err := checkService(&kerberos.Credential{Service: got}, wanted, c.options); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
