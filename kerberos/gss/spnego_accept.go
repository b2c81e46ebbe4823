package gss

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// negotiation is the state of SPNEGO (RFC 4178), of either side.
type negotiation struct {
	mechTypes   []byte // MechTypeList as sent: what mechListMIC is over
	mech        string // the chosen one, by its OID in the list; "" before
	mechDone    bool   // the mechanism has no more tokens
	resent      bool   // initiator: the mechanism's first token was sent twice
	micRequired bool   // by RFC 4178 5, or because the peer sent one
	micSent     bool
	micReceived bool
}

// acceptSPNEGO is an acceptor's step of a negotiation (RFC 4178 4, 5).
func (c *Context) acceptSPNEGO(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	if len(token) == 0 {
		if c.neg != nil {
			return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "an empty token in the middle of a negotiation")
		}
		c.neg = new(negotiation)
		hint := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(krbmsg.OIDMSKRB5, krbmsg.OIDKRB5), Hints: true}
		return hint.Token(), false, nil
	}
	init, resp, err := krbmsg.ParseNegotiationToken(token)
	if err != nil {
		return (&krbmsg.NegTokenResp{State: krbmsg.NegReject}).Token(), false,
			&kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a SPNEGO token", Err: err}
	}
	var out krbmsg.NegTokenResp
	if init != nil {
		resp, err = c.choose(init, &out)
	} else {
		err = c.neg.continues(resp)
	}
	if err == nil && resp != nil {
		done, err = c.acceptMech(ctx, resp, &out)
	}
	if err != nil {
		out.State, out.MechListMIC = krbmsg.NegReject, nil
		return out.Token(), false, err
	}
	if done && out.ResponseToken == nil && out.MechListMIC == nil && init == nil && c.neg.micSent {
		return nil, true, nil // RFC 4178 5 (b): ours was the token before
	}
	return out.Token(), done, nil
}

// choose chooses the first mechanism of the list that is Kerberos. Only if it
// is first in the list the token is for it; else a mechListMIC must follow, and
// the client sends the token when it knows the choice (RFC 4178 4.2.2, 5). It
// returns what the mechanism has to process now, or nil.
func (c *Context) choose(init *krbmsg.NegTokenInit, out *krbmsg.NegTokenResp) (*krbmsg.NegTokenResp, error) {
	if c.neg == nil {
		c.neg = new(negotiation)
	}
	if c.neg.mech != "" {
		return nil, kerberos.Errorf(kerberos.CodeNegotiation, "a second NegTokenInit in one negotiation")
	}
	i := slices.IndexFunc(init.Mechs, krbmsg.IsKerberos)
	if i < 0 {
		return nil, krbmsg.NoKerberos(init)
	}
	c.neg.mechTypes, c.neg.mech = bytes.Clone(init.MechTypes), init.Mechs[i]
	out.State, out.SupportedMech = krbmsg.NegAcceptIncomplete, c.neg.mech
	if i > 0 {
		c.neg.micRequired, out.State = true, krbmsg.NegRequestMIC
		return nil, nil
	}
	if init.MechToken == nil {
		return nil, nil
	}
	return &krbmsg.NegTokenResp{ResponseToken: init.MechToken, MechListMIC: init.MechListMIC}, nil
}

// continues checks an initiator's further token.
func (n *negotiation) continues(resp *krbmsg.NegTokenResp) error {
	switch {
	case n == nil || n.mech == "":
		return kerberos.Errorf(kerberos.CodeNegotiation, "a NegTokenResp before any NegTokenInit")
	case resp.State == krbmsg.NegReject:
		return kerberos.Errorf(kerberos.CodePeerRefused, "the client broke the negotiation off (negState reject)")
	case (resp.ResponseToken == nil) != n.mechDone:
		return kerberos.Errorf(kerberos.CodeNegotiation,
			"a NegTokenResp %s the mechanism's token where it belongs the other way",
			map[bool]string{true: "with", false: "without"}[n.mechDone])
	case n.mechDone && resp.MechListMIC == nil:
		return errNoMIC()
	}
	return nil
}

func errNoMIC() *kerberos.Error {
	return kerberos.Errorf(kerberos.CodeMechListMIC,
		"mechListMIC is missing where RFC 4178 5 demands it: the list of mechanisms may have been altered on the way")
}

// acceptMech passes the mechanism its token, then exchanges mechListMICs.
func (c *Context) acceptMech(ctx context.Context, resp, out *krbmsg.NegTokenResp) (done bool, err error) {
	answered := false
	if resp.ResponseToken != nil {
		out.ResponseToken, err = c.acceptKRB5(ctx, resp.ResponseToken)
		if err != nil {
			return false, err
		}
		c.neg.mechDone, answered = true, out.ResponseToken != nil
	}
	if err := c.neg.exchangeMIC(c.krb5.messages, resp.MechListMIC, answered, out); err != nil {
		out.ResponseToken = nil // drops the AP-REP: the peer altered the list
		return false, err
	}
	done = !c.neg.micRequired || c.neg.micReceived
	out.State = krbmsg.NegAcceptIncomplete
	if done {
		out.State = krbmsg.NegAcceptCompleted
	}
	return done, nil
}

// exchangeMIC checks the peer's mechListMIC and makes ours if it is needed,
// once the mechanism is done (RFC 4178 5). The peer's may follow later only if
// our answer carries the mechanism's last token (answered). out is nil if the
// peer takes no more tokens.
func (n *negotiation) exchangeMIC(m *MessageProtection, mic []byte, answered bool, out *krbmsg.NegTokenResp) error {
	switch {
	case mic != nil && n.micReceived:
		return kerberos.Errorf(kerberos.CodeMechListMIC, "a second mechListMIC")
	case mic != nil:
		if err := m.VerifyMIC(n.mechTypes, mic); err != nil {
			return &kerberos.Error{Code: kerberos.CodeMechListMIC,
				Detail: "mechListMIC does not match: the list of mechanisms was altered on the way", Err: err}
		}
		n.micReceived, n.micRequired = true, true
	case n.micRequired && !n.micReceived && !answered:
		return errNoMIC()
	}
	if !n.micRequired || n.micSent || out == nil {
		return nil
	}
	var err error
	if out.MechListMIC, err = m.MIC(n.mechTypes); err != nil {
		return fmt.Errorf("kerberos: mechListMIC: %w", err)
	}
	n.micSent = true
	return nil
}
