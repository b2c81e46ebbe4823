package wssec_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

// contextOf returns a security context of alice, as a negotiation or a
// conversation that just ended leaves one.
func contextOf(token wssec.TokenType, now time.Time) wssec.SecurityContext {
	return wssec.SecurityContext{
		Identifier: "urn:uuid:7c1f0000-1111-2222-3333-444455556666", Token: token, Namespace: wssec.NSWSC05,
		Name: "alice", Realm: "EXAMPLE.COM", Service: "soap/gw.example.com@EXAMPLE.COM",
		Groups:  []string{"S-1-5-21-1-2-3-513"},
		Created: now, Expires: now.Add(time.Hour), TicketEnd: now.Add(2 * time.Hour),
		Key: wssec.NewKey(bytes.Repeat([]byte("0123456789abcdef"), 2)),
	}
}

// tokenOf returns the type of the token that a policy takes.
func tokenOf(p wssec.Policy) wssec.TokenType {
	for _, s := range p.SupportingTokens {
		return s.Token
	}
	return p.ProtectionToken
}

// withContext issues a context to both sides, if the policy takes one.
func (ps *peers) withContext(t testing.TB, p wssec.Policy, cfg *wssec.Config) {
	t.Helper()
	token := tokenOf(p)
	if token != wssec.SpnegoContextToken && token != wssec.SecureConversationToken {
		return
	}
	cfg.Contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Scope: "/route", Time: cfg.Time})
	sc := contextOf(token, ps.now)
	if err := cfg.Contexts.Issue(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	ps.token = wssec.OutgoingToken{Context: &sc}
}
