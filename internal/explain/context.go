package explain

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A securityContext is one that was issued in this run, by a negotiation or
// under a bootstrap policy.
type securityContext struct {
	key       []byte
	issued    wssec.SecurityContext
	bootstrap *wssec.Policy // nil for a negotiation
}

// A contextRequest is what an accepted message asked of an issuer of contexts,
// for the answer to it (WS-SecureConversation §3).
type contextRequest struct {
	rst       *wstrust.RequestSecurityToken
	sc        wssec.SecurityContext // the client, who will have it
	bootstrap wssec.Policy
}

// newContextRequest returns what a message asks for, nil if that is no context.
func newContextRequest(msg *wssec.Message, policy wssec.Policy) *contextRequest {
	body := msg.Body().FirstChild()
	if !isWST(body, "RequestSecurityToken") {
		return nil
	}
	rst, err := wstrust.ReadRequest(body)
	if err != nil || rst.RequestType != wstrust.Issue && rst.RequestType != wstrust.Renew {
		return nil
	}
	r := &contextRequest{rst: rst, bootstrap: policy}
	r.sc.Name, r.sc.Realm = msg.Principal()
	r.sc.Service, r.sc.Groups = msg.Service(), msg.Groups()
	return r
}

// issuedContext makes the context that an answer issues: its key follows from
// the entropy of both sides, or is in the answer (WS-Trust §4.4.3 and §4.4.4).
func (r *contextRequest) issuedContext(answer *wstrust.RequestSecurityTokenResponse) (securityContext, bool) {
	key := answer.Proof.Secret.ExposeSecretOctets()
	if answer.Proof.ComputedKey == answer.Version.PSHA1() {
		bits := cmp.Or(answer.KeySize, r.rst.KeySize, 8*answer.Entropy.Len())
		key = wssec.DeriveKey(r.rst.Entropy.ExposeSecretOctets(), "", answer.Entropy.ExposeSecretOctets(), 0,
			min(bits, maxKeyBits)/8)
	}
	if len(key) == 0 {
		return securityContext{}, false
	}
	sc := r.sc
	sc.Identifier, sc.Instance, sc.Token = answer.Token.Identifier, answer.Token.Instance, wssec.SecureConversationToken
	sc.Namespace, sc.Created, sc.Expires = answer.Version.SecureConversation(), answer.Created, answer.Expires
	sc.Key = wssec.NewKey(slices.Clone(key))
	return securityContext{key: key, issued: sc, bootstrap: &r.bootstrap}, true
}

// maxKeyBits bounds the size of a key.
const maxKeyBits = 512

// newSecurityContext makes the context that an answer issues, whose key came in
// a Wrap token.
func newSecurityContext(wrap *inspect.Inspection, r *wstrust.RequestSecurityTokenResponse) securityContext {
	sc := wssec.SecurityContext{Identifier: r.Token.Identifier, Instance: r.Token.Instance,
		Token:     wssec.SpnegoContextToken,
		Namespace: r.Version.SecureConversation(), Service: wrap.Service, Created: r.Created, Expires: r.Expires,
		Key: wssec.NewKey(slices.Clone(wrap.Message))}
	if client, err := kerberos.ParsePrincipal(wrap.Client); err == nil {
		sc.Name, sc.Realm = client.Name(), client.Realm
	}
	return securityContext{key: wrap.Message, issued: sc}
}

// securityContexts are those of this run, as a gateway knows them at a time.
func (x *Inspector) securityContexts(ctx context.Context, clock func() time.Time) *wssec.SecurityContexts {
	all := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: clock})
	for _, sc := range x.contexts {
		_ = all.Issue(ctx, sc.issued) // one that no gateway issues is not known
	}
	return all
}

// A negotiator is the acceptor of a route's negotiations.
type negotiator struct{ *gss.Acceptor }

// acceptNegotiation is the configuration of their GSS-API contexts.
func acceptNegotiation() gss.AcceptConfig {
	return gss.AcceptConfig{Mechanism: gss.MechanismSPNEGO, StateBinding: "inspect"}
}

// NewContext makes a context for one client.
func (n negotiator) NewContext([][]byte) wstrust.GSSContext {
	return n.Acceptor.NewContext(acceptNegotiation())
}

// Resume goes on with a half-open context.
func (n negotiator) Resume(ctx context.Context, _ [][]byte, sealer wssec.StateSealer,
	sealed []byte) (wstrust.GSSContext, error) {
	c, err := n.Acceptor.Resume(ctx, acceptNegotiation(), sealer, sealed)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// negotiation has the first message of a negotiation answered as by a route
// that negotiates contexts. It reports whether the message is one.
func (m *message) negotiation(src []byte, now time.Time) (leg *wstrust.Leg, ok bool, err error) {
	if p := m.x.cfg.Policy; p != nil && !negotiatesContexts(p) ||
		!isWST(m.env.Body.FirstChild(), "RequestSecurityToken") {
		return nil, false, nil
	}
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		return nil, false, nil
	}
	clock := func() time.Time { return now }
	acceptor, err := m.acceptor(clock)
	if err != nil {
		return nil, true, err
	}
	cfg := wstrust.NegotiatorConfig{Acceptor: negotiator{acceptor}, Contexts: m.x.securityContexts(m.ctx, clock),
		AlgorithmSuite: wssec.Basic128, Timestamps: true, Time: clock}
	if p := m.x.cfg.Policy; p != nil {
		cfg.AlgorithmSuite, cfg.Timestamps = p.AlgorithmSuite, p.Binding != wssec.SymmetricBinding
	}
	n, err := wstrust.NewNegotiator(cfg)
	if err != nil || !n.Recognizes(env, "") {
		return nil, err != nil, err
	}
	leg, err = n.Step(m.ctx, env, wssec.Channel{TLS: true})
	return leg, true, err
}

// negotiatesContexts reports whether a route with a policy has negotiations.
func negotiatesContexts(p *wssec.Policy) bool {
	uses := func(t wssec.SupportingToken) bool { return t.Token == wssec.SpnegoContextToken }
	return p.ProtectionToken == wssec.SpnegoContextToken || slices.ContainsFunc(p.SupportingTokens, uses) ||
		p.Bootstrap != nil && negotiatesContexts(p.Bootstrap)
}

// addNegotiation adds the verdict on a message of a negotiation, and reports
// whether it is one.
func (m *message) addNegotiation(src []byte) (ok bool, err error) {
	leg, ok, err := m.negotiation(src, m.now)
	if !ok {
		return false, nil
	}
	v := m.root.Add("verdict", wordOf(err))
	switch {
	case err != nil:
		m.explainRefusal(v, err)
		return true, err
	case leg.Established():
		v.Note = "by a route that negotiates contexts, unless it was presented before"
		name, realm := leg.Client()
		v.Add("client", name+"@"+realm)
		v.Add("service", leg.Service())
	default:
		v.Value, v.Note = "continues", "the negotiation needs another message"
	}
	return true, nil
}
