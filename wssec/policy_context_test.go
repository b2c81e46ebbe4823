package wssec_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

func TestValidateRejectsUnsafeContextPolicies(t *testing.T) {
	t.Parallel()
	bootstrap := preset(t, "Kerberos")
	conversation := preset(t, "SecureConversation")
	for name, tt := range map[string]struct {
		policy wssec.Policy
		want   string // the setting that is wrong, "" for none
	}{
		"a context over TLS":       {overTransport(wssec.UsePlain), ""},
		"a context that TLS signs": {overTransport(wssec.UseSigned), ""},
		"a context that signs nothing, in clear": {
			changed(overTransport(wssec.UsePlain), func(p *wssec.Policy) { p.AllowPlainHTTP = true }), "supporting-tokens"},
		"a context that signs nothing, without a binding": {
			changed(overTransport(wssec.UsePlain), func(p *wssec.Policy) { p.Binding = wssec.NoBinding }),
			"supporting-tokens"},
		"no Timestamp": {
			underContext(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampOptional }), "timestamp"},
		"no check for replays": {underContext(unchecked), "message-replay"},
		"token-once":           {underContext(func(p *wssec.Policy) { p.TokenOnce = true }), "token-once"},
		"no check over TLS":    {changed(preset(t, "SspiNegotiatedOverTransport"), unchecked), ""},
		"no check over plain HTTP": {changed(preset(t, "SspiNegotiatedOverTransport"), unchecked,
			func(p *wssec.Policy) { p.AllowPlainHTTP = true }), "message-replay"},
		"a conversation from where": {changed(conversation, func(p *wssec.Policy) { p.Bootstrap = nil }), "bootstrap"},
		"from another conversation": {
			changed(conversation, func(p *wssec.Policy) { p.Bootstrap = &conversation }), "bootstrap"},
		"from an unsafe policy": {
			changed(conversation, func(p *wssec.Policy) { p.Bootstrap = &wssec.Policy{} }), "bootstrap: binding"},
		"from another actor's": {changed(conversation, func(p *wssec.Policy) {
			b := bootstrap
			b.Actors, p.Bootstrap = []string{"urn:other"}, &b
		}), "bootstrap: actor"},
		"a ticket's bootstrap": {symmetric(func(p *wssec.Policy) { p.Bootstrap = &bootstrap }), "bootstrap"},
		"a negotiation's":      {underContext(func(p *wssec.Policy) { p.Bootstrap = &bootstrap }), "bootstrap"},
		"under a context":      {underContext(), ""},
		"an unsigned Body":     {unsignedBody(), ""},
		"one that nobody allows": {
			changed(unsignedBody(), func(p *wssec.Policy) { p.AllowUnsignedBody = false }), "signed-parts"},
		"one that is encrypted": {
			changed(unsignedBody(), func(p *wssec.Policy) { p.EncryptedParts.Body = true }), "signed-parts"},
		"from an unsigned request": {
			changed(conversation, func(p *wssec.Policy) { b := unsignedBody(); p.Bootstrap = &b }), ""},
	} {
		err := tt.policy.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func unchecked(p *wssec.Policy) { p.MessageReplay = wssec.SwitchOff }

// overTransport has a context for a use beside TLS.
func overTransport(use wssec.TokenUse) wssec.Policy {
	return wssec.Policy{
		Binding:          wssec.TransportBinding,
		SupportingTokens: []wssec.SupportingToken{{Token: wssec.SpnegoContextToken, Use: use}},
	}
}

func changed(p wssec.Policy, changes ...func(*wssec.Policy)) wssec.Policy {
	for _, change := range changes {
		change(&p)
	}
	return p
}

// unsignedBody signs the Timestamp alone.
func unsignedBody() wssec.Policy {
	return symmetric(func(p *wssec.Policy) {
		p.SignedParts, p.EncryptedParts, p.AllowUnsignedBody = wssec.Parts{}, wssec.Parts{}, true
	})
}

// What the message does not protect relies on TLS, and is not forwarded.
func TestVerifyRequiresTLSForAnUnsignedBody(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, unsignedBody(), nil)
	msg, sent := ps.request(t, plainOrder)
	_, err := ps.service.Verify(t.Context(), parse(t, msg), wssec.Channel{})
	refused(t, err, wssec.CodeTransport)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
	refused(t, err, wssec.CodeNotSigned)
	out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
		t.Error(err)
	}
	ps.serve(t, changed(unsignedBody(), func(p *wssec.Policy) { p.AllowPlainHTTP = true }))
	if _, err := ps.service.Verify(t.Context(), parse(t, msg), wssec.Channel{}); err != nil {
		t.Error(err)
	}
}
