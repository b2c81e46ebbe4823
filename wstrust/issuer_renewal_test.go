package wstrust_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// endorsed is a token of the bootstrap policy beside that of a context.
func endorsed(tok wssec.OutgoingToken, sc wssec.SecurityContext) wssec.OutgoingToken {
	tok.Endorsing = &sc
	return tok
}

// negotiated is the token of a context that was just negotiated.
func (c *conversation) negotiated(v wstrust.Version) wssec.OutgoingToken {
	c.Helper()
	client := c.mechanism(gss.MechanismSPNEGO)
	l := first(v, c.world.token(client))
	l.context += "-" + c.clock.Format("150405")
	_, env := c.sendOK(l)
	_, _, err := client.Step(c.Context(), c.exchangeToken(env))
	c.must(err)
	sc := c.checkFinal(env, l, client, canonical(c.parse(l.text()).Body.FirstChild()))
	return wssec.OutgoingToken{Context: &sc}
}

// WCF's form: a message under the bootstrap policy, with a new token, that the
// context endorses.
func TestContextIsRenewedUnderTheBootstrapPolicy(t *testing.T) {
	t.Parallel()
	overTLS := preset(t, "SspiNegotiatedOverTransport")
	overTLS.SupportingTokens[0].Token = wssec.SecureConversationToken
	bootstrap := preset(t, "KerberosOverTransport")
	overTLS.Bootstrap = &bootstrap
	kerberos := func(c *conversation, _ wstrust.Version) wssec.OutgoingToken { return c.token() }
	for name, x := range map[string]struct {
		policy wssec.Policy
		token  func(*conversation, wstrust.Version) wssec.OutgoingToken
	}{
		"Kerberos": {preset(t, "SecureConversation"), kerberos}, "over transport": {overTLS, kerberos},
		"negotiated": {preset(t, "wsHttpBinding"), (*conversation).negotiated},
	} {
		for _, v := range versions {
			c := newConversation(t, x.policy, nil)
			sc := c.issued(x.token(c, v), issueRST(v))
			before := c.checkKnown(sc)
			for range 2 { // the second time under the Instance of the first
				c.clock = c.clock.Add(time.Hour)
				renewed := c.issued(endorsed(x.token(c, v), sc), on("Renew", sc, issueRST(v).children))
				if renewed.Identifier != sc.Identifier || renewed.Instance == sc.Instance || renewed.Key.Equal(sc.Key) {
					t.Errorf("%s: Identifier %s, Instance %q", name, renewed.Identifier, renewed.Instance)
				}
				after := c.checkKnown(renewed)
				if !after.Expires.After(before.Expires) || after.Expires.After(after.TicketEnd) {
					t.Errorf("%s: %v, %v", name, before.Expires, after.Expires)
				}
				sc, before = renewed, after
			}
			_, err := c.ask(c.context, wssec.OutgoingToken{Context: &sc}, on("Cancel", sc, ""))
			c.must(err)
		}
	}
}

// A context that is renewed under the ticket it was issued by ends with that; the
// bootstrap policy brings another.
func TestRenewalUnderTheBootstrapPolicyHasTheEndOfItsTicket(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"),
		func(c *conversation) { c.ticketEnd = now.Truncate(time.Second).Add(20 * time.Minute) })
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	if known := c.checkKnown(sc); !known.Expires.Equal(c.ticketEnd) {
		t.Fatal(known.Expires)
	}
	c.ticketEnd = c.ticketEnd.Add(time.Hour)
	c.clock = c.clock.Add(10 * time.Minute)
	renewed := c.issued(endorsed(c.token(), sc), on("Renew", sc, issueRST(wstrust.V13).children))
	if known := c.checkKnown(renewed); !known.Expires.Equal(c.ticketEnd) || !known.TicketEnd.Equal(c.ticketEnd) {
		t.Errorf("expires %v, ticket %v", known.Expires, known.TicketEnd)
	}
}

func TestRenewalUnderTheBootstrapPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		c := newConversation(t, preset(t, "SecureConversation"), nil)
		mine, other := c.issued(c.token(), issueRST(v)), c.issued(c.token(), issueRST(v))
		more, bad := issueRST(v).children, "{"+v.SecureConversation()+"}BadContextToken"
		instance := on("Renew", mine, more)
		instance.children = strings.Replace(instance.children, "<o:Reference ",
			`<o:Reference xmlns:c="`+v.SecureConversation()+`" c:Instance="urn:uuid:9" `, 1)
		for name, r := range map[string]rst{"another target": on("Renew", other, more), "another Instance": instance} {
			t.Log(name)
			c.refusedOperation(c.bootstrap, endorsed(c.token(), mine), r, wstrust.CodeBadContext, bad)
		}
		c.refusedOperation(c.bootstrap, c.token(), on("Renew", mine, more), wstrust.CodeBadContext, bad)
		c.refusedOperation(c.bootstrap, endorsed(c.token(), mine), on("Cancel", mine, ""), wstrust.CodeBadContext, bad)
		c.refusedOperation(c.bootstrap, endorsed(c.token(), mine), issueRST(v), wstrust.CodeInvalidRequest, invalidRequest)
		c.checkKnown(mine)
		c.checkKnown(other)
	}
}

// Whoever authorizes by the service that a ticket is for has authorized that of
// the context.
func TestRenewalWithATicketForAnotherServiceIsRefused(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	moved := c.checkKnown(sc)
	moved.Identifier, moved.Service = "urn:uuid:moved", "host/other@EXAMPLE.COM"
	c.must(c.contexts.Issue(t.Context(), moved))
	c.refusedOperation(c.bootstrap, endorsed(c.token(), moved), on("Renew", moved, issueRST(wstrust.V13).children),
		wstrust.CodeUnableToRenew, "{"+wssec.NSWSC13+"}UnableToRenew")
}

// The context is cancelled when the message has been verified already.
func TestRenewalOfACancelledContextIsRefused(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	r := on("Renew", sc, issueRST(wstrust.V13).children)
	octets, _, err := c.bootstrap[0].ProtectRequest(nil, c.parse(r.text()), endorsed(c.token(), sc))
	c.must(err)
	msg, err := c.bootstrap[1].Verify(t.Context(), c.parse(string(octets)), c.channel)
	c.must(err)
	op, ok, err := c.issuer.Operation(msg.Envelope(), "")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	c.must(c.contexts.Cancel(t.Context(), sc.Identifier, nil))
	_, err = c.issuer.Answer(t.Context(), msg, op)
	var e *wstrust.Error
	if !errors.As(err, &e) || e.ErrorCode() != string(wssec.CodeContextCancelled) {
		t.Error(err)
	}
}

// An action of another operation than the RST's is answered under no policy.
func TestRenewalUnderTheActionOfIssueIsRefused(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	r := on("Renew", sc, issueRST(wstrust.V13).children)
	r.action, r.soap = wstrust.V13.Trust()+"/RST/SCT", soap.V11
	c.refusedOperation(c.bootstrap, endorsed(c.token(), sc), r, wstrust.CodeInvalidRequest, invalidRequest)
}
