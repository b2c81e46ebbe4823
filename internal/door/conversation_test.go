package door_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A conversing is the door of a conversation that Kerberos bootstraps, and its
// client.
type conversing struct {
	*world
	door                *door.OneOf
	messages, bootstrap *wssec.Processor // the client's
	contexts            *wssec.SecurityContexts
}

func (w *world) conversation() *conversing {
	w.Helper()
	p := w.preset("SecureConversation")
	c := &conversing{world: w, messages: w.client(p), bootstrap: w.client(*p.Bootstrap)}
	c.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{})
	cfg := wssec.Config{Verifier: w.acceptor, Replay: w.replay, Tokens: w.tokens, Contexts: c.contexts}
	messages, err := wssec.NewProcessor(p, cfg)
	w.must(err)
	cfg.EndorsingContexts = true
	bootstrap, err := wssec.NewProcessor(*p.Bootstrap, cfg)
	w.must(err)
	issuer, err := wstrust.NewIssuer(wstrust.IssuerConfig{Contexts: c.contexts, Policy: p})
	w.must(err)
	c.door, err = door.NewOneOf(door.NewConversation(door.NewSecurity("messages", messages),
		door.NewSecurity("bootstrap", bootstrap), issuer))
	w.must(err)
	return c
}

// rst is a request about a context, or for one.
func rst(operation string, target *wssec.SecurityContext) (message, action string) {
	v := wstrust.V13
	action, about := v.Trust()+"/RST/SCT", ""
	if target != nil {
		action += "/" + operation
		about = fmt.Sprintf(`<t:%[1]sTarget><o:SecurityTokenReference xmlns:o="%[2]s"><o:Reference URI="%[3]s" `+
			`ValueType="%[4]s"/></o:SecurityTokenReference></t:%[1]sTarget>`,
			operation, wssec.NSWSSE, target.Identifier, v.TokenType())
	}
	body := fmt.Sprintf(`<t:RequestSecurityToken xmlns:t="%[1]s"><t:RequestType>%[1]s/%[2]s</t:RequestType>%[3]s`+
		`</t:RequestSecurityToken>`, v.Trust(), operation, about)
	return envelope(fmt.Sprintf(`<a:Action xmlns:a="%s">%s</a:Action>`, soap.NSAddressing, action), body), action
}

// context returns a context of alice.
func (c *conversing) context() wssec.SecurityContext {
	c.Helper()
	return c.answered(c.bootstrap, c.token(nil), "Issue", nil)
}

func (c *conversing) token(endorsing *wssec.SecurityContext) wssec.OutgoingToken {
	c.Helper()
	tok := c.outgoing()
	tok.Endorsing = endorsing
	return tok
}

// answered sends a request that the door answers with a context.
func (c *conversing) answered(client *wssec.Processor, tok wssec.OutgoingToken, operation string,
	target *wssec.SecurityContext) wssec.SecurityContext {
	c.Helper()
	message, action := rst(operation, target)
	octets, sent, err := client.ProtectRequest(nil, c.parse([]byte(message)), tok)
	c.must(err)
	in := c.arrival(octets)
	in.Action = action
	admitted, err := c.door.Admit(c.Context(), in)
	c.must(err)
	if name, _, _ := admitted.Principal(); name != "alice" || !admitted.Answers() {
		c.Fatalf("%s of %s is no operation", operation, name)
	}
	answer, err := admitted.Answer(c.Context())
	c.must(err)
	octets, err = admitted.Protect(c.Context(), nil, c.parse(answer))
	c.must(err)
	reply, err := client.VerifyReply(c.Context(), c.parse(octets), sent, wssec.Channel{TLS: true})
	c.must(err)
	id, instance := "", ""
	for n := range reply.Body().Descendants() {
		switch n.Local() {
		case "Identifier":
			id = n.Text()
		case "Instance":
			instance = n.Text()
		}
	}
	sc, err := c.contexts.Lookup(c.Context(), id, instance, nil)
	c.must(err)
	return sc
}

func TestConversationIssuesAndRenewsUnderTheBootstrapPolicy(t *testing.T) {
	t.Parallel()
	c := newWorld(t).conversation()
	sc := c.context()
	for range 2 {
		renewed := c.answered(c.bootstrap, c.token(&sc), "Renew", &sc)
		if renewed.Identifier != sc.Identifier || renewed.Instance == sc.Instance || renewed.Key.Equal(sc.Key) {
			t.Errorf("%s, %s after %s", renewed.Identifier, renewed.Instance, sc.Instance)
		}
		sc = renewed
	}
	own := c.answered(c.messages, wssec.OutgoingToken{Context: &sc}, "Renew", &sc)
	octets, _, err := c.messages.ProtectRequest(nil, c.parse([]byte(envelope("", payload))),
		wssec.OutgoingToken{Context: &own})
	c.must(err)
	if in := c.admit(c.door, octets); in.Answers() {
		t.Error("a message is an operation")
	}
}

// Under the bootstrap policy there is nothing else to ask for.
func TestConversationRefusesOtherMessagesUnderTheBootstrapPolicy(t *testing.T) {
	t.Parallel()
	c := newWorld(t).conversation()
	sc := c.context()
	endorsed, alone := c.token(&sc), c.token(nil)
	cancel, _ := rst("Cancel", &sc)
	issue, _ := rst("Issue", nil)
	renew, _ := rst("Renew", &sc)
	for name, x := range map[string]struct {
		message string
		token   wssec.OutgoingToken
		code    wssec.Code
	}{
		"a message":                {envelope("", payload), alone, wssec.CodePolicyMismatch},
		"a message, endorsed":      {envelope("", payload), endorsed, wssec.CodePolicyMismatch},
		"Cancel, endorsed":         {cancel, endorsed, wssec.CodePolicyMismatch},
		"Issue, endorsed":          {issue, endorsed, wssec.CodePolicyMismatch},
		"Renew, without the token": {renew, alone, wssec.CodePolicyMismatch},
	} {
		octets, _, err := c.bootstrap.ProtectRequest(nil, c.parse([]byte(x.message)), x.token)
		c.must(err)
		_, err = c.door.Admit(t.Context(), c.arrival(octets))
		var e *wssec.Error
		if !errors.As(err, &e) || e.Code != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What HTTP calls a request for a context and the message does not is none.
func TestConversationRefusesMessagesForTheServiceUnderTheBootstrapPolicy(t *testing.T) {
	t.Parallel()
	c := newWorld(t).conversation()
	_, action := rst("Issue", nil)
	message := envelope(fmt.Sprintf(`<a:Action xmlns:a="%s">%s</a:Action>`, soap.NSAddressing, action), payload)
	octets, _, err := c.bootstrap.ProtectRequest(nil, c.parse([]byte(message)), c.token(nil))
	c.must(err)
	_, err = c.door.Admit(t.Context(), c.arrival(octets))
	var e *wssec.Error
	if !errors.As(err, &e) || e.Code != wssec.CodePolicyMismatch {
		t.Error(err)
	}
}
