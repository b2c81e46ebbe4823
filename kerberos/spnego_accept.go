package kerberos

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
)

// negotiation is the state of SPNEGO (RFC 4178), of either side.
type negotiation struct {
	mechTypes   []byte // MechTypeList as sent: what mechListMIC is over
	mech        string // that was chosen, by the OID in the list; "" before
	mechDone    bool   // the mechanism has no more tokens to come or to go
	resent      bool   // initiator: the mechanism's first token went out twice
	micRequired bool   // by RFC 4178 5, or because the peer sent one
	micSent     bool
	micReceived bool
}

// acceptSPNEGO is the acceptor's side of RFC 4178 4 and 5.
func (c *Context) acceptSPNEGO(ctx context.Context, token []byte) (reply []byte, done bool, err error) {
	if len(token) == 0 {
		if c.neg != nil {
			return nil, false, refuse(CodeNegotiation, "an empty token in the middle of a negotiation")
		}
		c.neg = new(negotiation)
		hint := negTokenInit{mechTypes: mechTypeList(oidMSKRB5, oidKRB5), hints: true}
		return hint.token(), false, nil
	}
	init, resp, err := parseNegotiationToken(token)
	if err != nil {
		return (&negTokenResp{state: negReject}).token(), false, &Error{Code: CodeTokenMalformed, Detail: "token is not a SPNEGO token", Err: err}
	}
	var out negTokenResp
	if init != nil {
		resp, err = c.choose(init, &out)
	} else {
		err = c.neg.continues(resp)
	}
	if err == nil && resp != nil {
		done, err = c.acceptMech(ctx, resp, &out)
	}
	if err != nil {
		out.state, out.mechListMIC = negReject, nil
		return out.token(), false, err
	}
	if done && out.responseToken == nil && out.mechListMIC == nil && init == nil && c.neg.micSent {
		return nil, true, nil // RFC 4178 5 (b): ours was the token before
	}
	return out.token(), done, nil
}

// choose takes the first mechanism of the list that is Kerberos. Only if it heads the list is there a token for it; else a
// mechListMIC must follow, and the client sends the token when it knows the choice (RFC 4178 4.2.2, 5). It gives what is
// to be done with the mechanism now, nil for nothing.
func (c *Context) choose(init *negTokenInit, out *negTokenResp) (*negTokenResp, error) {
	if c.neg == nil {
		c.neg = new(negotiation)
	}
	if c.neg.mech != "" {
		return nil, refuse(CodeNegotiation, "a second NegTokenInit in one negotiation")
	}
	i := slices.IndexFunc(init.mechs, isKerberos)
	if i < 0 {
		return nil, noKerberos(init)
	}
	c.neg.mechTypes, c.neg.mech = bytes.Clone(init.mechTypes), init.mechs[i]
	out.state, out.supportedMech = negAcceptIncomplete, c.neg.mech
	if i > 0 {
		c.neg.micRequired, out.state = true, negRequestMIC
		return nil, nil
	}
	if init.mechToken == nil {
		return nil, nil
	}
	return &negTokenResp{responseToken: init.mechToken, mechListMIC: init.mechListMIC}, nil
}

// noKerberos names what the client offers instead.
func noKerberos(init *negTokenInit) *Error {
	if slices.Contains(init.mechs, oidNTLM) {
		e := errNTLM()
		e.Detail += " (it offers " + mechNames(init.mechs) + ")"
		return e
	}
	return refuse(CodeNegotiation, "client offers %s, none of which is Kerberos", mechNames(init.mechs))
}

func mechNames(oids []string) string {
	var names []string
	for _, oid := range oids {
		names = append(names, mechName(oid))
	}
	return strings.Join(names, ", ")
}

// continues looks at an initiator's further token.
func (n *negotiation) continues(resp *negTokenResp) error {
	switch {
	case n == nil || n.mech == "":
		return refuse(CodeNegotiation, "a NegTokenResp before any NegTokenInit")
	case resp.state == negReject:
		return refuse(CodePeerRefused, "the client broke the negotiation off (negState reject)")
	case (resp.responseToken == nil) != n.mechDone:
		return refuse(CodeNegotiation, "a NegTokenResp %s the mechanism's token where it belongs the other way", map[bool]string{true: "with", false: "without"}[n.mechDone])
	case n.mechDone && resp.mechListMIC == nil:
		return errNoMIC()
	}
	return nil
}

func errNoMIC() *Error {
	return refuse(CodeMechListMIC, "mechListMIC is missing where RFC 4178 5 demands it: the list of mechanisms may have been altered on the way")
}

// acceptMech gives the mechanism its token, then sees to the mechListMIC.
func (c *Context) acceptMech(ctx context.Context, resp *negTokenResp, out *negTokenResp) (done bool, err error) {
	answered := false
	if resp.responseToken != nil {
		out.responseToken, err = c.acceptKRB5(ctx, resp.responseToken)
		if err != nil {
			return false, err
		}
		c.neg.mechDone, answered = true, out.responseToken != nil
	}
	if err := c.neg.exchangeMIC(c.krb5.messages, resp.mechListMIC, answered, out); err != nil {
		out.responseToken = nil // an AP-REP, which is not for who meddles with the list
		return false, err
	}
	done = !c.neg.micRequired || c.neg.micReceived
	out.state = negAcceptIncomplete
	if done {
		out.state = negAcceptCompleted
	}
	return done, nil
}

// exchangeMIC is RFC 4178 5, once the mechanism is done: the peer's mechListMIC is checked, and ours made when it is needed.
// The peer's may follow later only when this message carries the mechanism's last token. Out is nil when the peer takes no
// more tokens.
func (n *negotiation) exchangeMIC(m *MessageProtection, mic []byte, answered bool, out *negTokenResp) error {
	switch {
	case mic != nil && n.micReceived:
		return refuse(CodeMechListMIC, "a second mechListMIC")
	case mic != nil:
		if err := m.VerifyMIC(n.mechTypes, mic); err != nil {
			return &Error{Code: CodeMechListMIC, Detail: "mechListMIC does not fit: the list of mechanisms was altered on the way", Err: err}
		}
		n.micReceived, n.micRequired = true, true
	case n.micRequired && !n.micReceived && !answered:
		return errNoMIC()
	}
	if !n.micRequired || n.micSent || out == nil {
		return nil
	}
	var err error
	if out.mechListMIC, err = m.MIC(n.mechTypes); err != nil {
		return fmt.Errorf("kerberos: mechListMIC: %w", err)
	}
	n.micSent = true
	return nil
}
