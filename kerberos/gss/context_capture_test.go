package gss_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A recordedNegotiation is what CXF's client and service exchanged; see
// ../testdata/cxf-spnego.txt.
type recordedNegotiation struct {
	name    string
	time    time.Time
	init    []byte
	wrapped []byte // empty: the service failed
}

func recordedNegotiations(t testing.TB) (list []recordedNegotiation) {
	t.Helper()
	readRecorded(t, "../testdata/cxf-spnego.txt", func(name string, at time.Time, tokens [][]byte) {
		list = append(list, recordedNegotiation{name, at, tokens[0], tokens[1]})
	})
	return list
}

// TestContextAcceptsCapturedNegotiations accepts every NegTokenInit of CXF's
// client, and opens as its initiator what CXF's service wrapped.
func TestContextAcceptsCapturedNegotiations(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	list := recordedNegotiations(t)
	if len(list) != 9 {
		t.Fatalf("%d negotiations", len(list))
	}
	for _, r := range list {
		t.Run(r.name, func(t *testing.T) {
			a := newAcceptor(t, nil,
				gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, Time: func() time.Time { return r.time }})
			c := a.NewContext(gss.AcceptConfig{})
			reply, done, err := c.Step(t.Context(), r.init)
			if err != nil || !done {
				t.Fatal(done, err)
			}
			resp, ok := krbtest.ReadNegTokenResp(reply)
			if name, _ := c.Client(); !ok || resp.State != krbtest.StateAcceptCompleted || resp.ResponseToken != nil ||
				name != "alice" || !c.Facts().SPNEGO {
				t.Errorf("%+v, %v", resp, c)
			}
			if len(r.wrapped) == 0 {
				return
			}
			messages, err := gss.NewMessageProtection(gss.MessageConfig{Key: c.Key(), Order: gss.AnyOrder})
			if err != nil {
				t.Fatal(err)
			}
			if secret, sealed, err := messages.Unwrap(nil, r.wrapped); err != nil || !sealed || len(secret) != 32 {
				t.Errorf("secret of %d octets, sealed %t, %v", len(secret), sealed, err)
			}
		})
	}
}

// TestContextReadsCapturedDelegation: the credential that Java's client
// delegated, in a token of the token profile.
func TestContextReadsCapturedDelegation(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range captures(t) {
		a := newAcceptor(t, nil, gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, Time: func() time.Time { return c.time }})
		ctx := a.NewContext(gss.AcceptConfig{Delegation: true})
		if _, done, err := ctx.Step(t.Context(), c.token); err != nil || !done {
			t.Fatal(c.name, done, err)
		}
		d := ctx.Delegated()
		if want := strings.Contains(c.name, "deleg"); want != (len(d) == 1) || want != (ctx.Flags()&kerberos.GSSDeleg != 0) {
			t.Errorf("%s: %d credentials, flags %#x", c.name, len(d), ctx.Flags())
			continue
		}
		if len(d) == 1 &&
			(d[0].Client.String() != "alice@EXAMPLE.COM" || d[0].Service.String() != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" ||
				d[0].Flags&kerberos.FlagForwarded == 0 || d[0].SessionKey.Etype() != 18 || d[0].EndTime.Before(c.time)) {
			t.Errorf("%s: %v to %v, flags %#x until %v", c.name, d[0].Client, d[0].Service, d[0].Flags, d[0].EndTime)
		}
	}
}
