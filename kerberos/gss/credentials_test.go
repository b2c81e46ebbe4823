package gss_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestAcceptReadsCapturedDelegation: Java's client delegates with a token of the
// token profile, as CXF's does with requestCredentialDelegation.
func TestAcceptReadsCapturedDelegation(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []bool{true, false} {
		delegated := 0
		for _, c := range captures(t) {
			a := newAcceptor(t, nil, gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, Delegation: wanted,
				Time: func() time.Time { return c.time }})
			auth, err := a.Accept(t.Context(), c.token)
			if err != nil {
				t.Fatal(c.name, err)
			}
			d := auth.Credentials().Delegated
			if len(d) == 0 {
				continue
			}
			delegated++
			if d[0].Client.String() != "alice@EXAMPLE.COM" || d[0].Service.String() != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" ||
				d[0].Flags&kerberos.FlagForwarded == 0 || d[0].SessionKey.Etype() != 18 || !strings.Contains(c.name, "deleg") {
				t.Errorf("%s: %v to %v, flags %#x", c.name, d[0].Client, d[0].Service, d[0].Flags)
			}
		}
		if wanted != (delegated > 0) {
			t.Errorf("Delegation %t: %d credentials", wanted, delegated)
		}
	}
}

// TestCredentialsAreKeptWhereAskedFor: the ticket and the delegated credential, in
// a message and in a context, also from their octets.
func TestCredentialsAreKeptWhereAskedFor(t *testing.T) {
	t.Parallel()
	k := newKDC()
	ticket, tgt := mustTicket(t, k), delegate(t, k)
	for _, wanted := range []bool{true, false} {
		a := newAcceptor(t, k, gss.AcceptorConfig{KeepTicket: wanted, Delegation: wanted})
		token, _, err := gss.NewToken(ticket, gss.TokenOptions{Delegate: tgt, Time: fixedTime})
		if err != nil {
			t.Fatal(err)
		}
		inMessage, err := a.Accept(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		p := newPair(t, a, ticket, gss.InitConfig{Delegate: tgt, Time: fixedTime}, gss.AcceptConfig{Delegation: wanted})
		p.establish(t)
		for name, auth := range map[string]*gss.Authentication{"message": inMessage, "context": p.acceptor.Authentication()} {
			again, err := gss.ParseCredentials(auth.ClientCredentials())
			if err != nil {
				t.Fatal(name, err)
			}
			for _, c := range []gss.Credentials{auth.Credentials(), again} {
				checkCredentials(t, fmt.Sprintf("%s, wanted %t", name, wanted), c, wanted, &ticket, tgt)
			}
		}
	}
}

func checkCredentials(t *testing.T, name string, c gss.Credentials, wanted bool, ticket, tgt *kerberos.Credential) {
	t.Helper()
	if !wanted {
		if !c.IsZero() {
			t.Errorf("%s: %v", name, c)
		}
		return
	}
	if e := c.Evidence; !bytes.Equal(e.Ticket, ticket.Ticket) || !e.SessionKey.IsZero() ||
		e.Client.String() != "alice@EXAMPLE.COM" || e.Service.String() != service+"@EXAMPLE.COM" ||
		!e.EndTime.Equal(ticket.EndTime) {
		t.Errorf("%s: evidence of %v to %v until %v", name, e.Client, e.Service, e.EndTime)
	}
	if d := c.Delegated; len(d) != 1 || !bytes.Equal(d[0].Ticket, tgt.Ticket) || !d[0].SessionKey.Equal(tgt.SessionKey) {
		t.Errorf("%s: %d delegated", name, len(d))
	}
}

// TestAcceptRejectsBadDelegation: a credential that is no KRB-CRED, or is under
// another key, is refused where it is read.
func TestAcceptRejectsBadDelegation(t *testing.T) {
	t.Parallel()
	k := newKDC()
	checksum := append([]byte{16, 0, 0, 0}, make([]byte, 16)...)
	checksum = append(checksum, byte(kerberos.GSSDeleg), 0, 0, 0, 1, 0, 4, 0, 'n', 'o', 'n', 'e')
	for _, wanted := range []bool{true, false} {
		a := newAcceptor(t, k, gss.AcceptorConfig{Delegation: wanted})
		token, _, err := k.Token("alice", service, krbtest.TokenOptions{Checksum: checksum})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Accept(t.Context(), token); (code(err) == kerberos.CodeAuthMalformed) != wanted {
			t.Errorf("Delegation %t: %v", wanted, err)
		}
	}
}

// TestCredentialsPrintNothing: neither the ticket nor a key, by any verb.
func TestCredentialsPrintNothing(t *testing.T) {
	t.Parallel()
	k := newKDC()
	tgt := delegate(t, k)
	c := gss.Credentials{Evidence: *tgt, Delegated: []kerberos.Credential{*tgt}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c)
		for _, secret := range []string{string(tgt.Ticket[20:40]), fmt.Sprintf("%x", tgt.Ticket[20:40]),
			base64.StdEncoding.EncodeToString(tgt.Ticket[21:39]), fmt.Sprint(tgt.Ticket[20:40])} {
			if strings.Contains(text, secret) {
				t.Errorf("%s prints a ticket: %s", verb, text)
			}
		}
	}
}

func TestParseCredentialsRejectsOtherOctets(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"x", "[]", `{"Delegated":[{"SessionKey":{"Etype":18,"Octets":"AA=="}}]}`,
		`{"Evidence":{"SessionKey":{"Etype":99,"Octets":"AA=="}}}`} {
		if c, err := gss.ParseCredentials([]byte(b)); err == nil || !c.IsZero() {
			t.Errorf("%s: %v, %v", b, c, err)
		}
	}
}
