package kerberos

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// InitConfig configures an initiator's context. The zero value is ready: SPNEGO, mutual authentication, sealed messages in
// sequence.
type InitConfig struct {
	// Mechanism is SPNEGO or Kerberos without it.
	Mechanism Mechanism
	// GSSFlags are asked for; 0 means 0x3e: mutual, replay, sequence, confidentiality, integrity. GSSDeleg follows from
	// Delegate.
	GSSFlags uint32
	// ChannelBindings is the application data of the channel's bindings; nil when there is none.
	ChannelBindings []byte
	// Delegate is a forwarded ticket-granting ticket that the service gets, with its key; nil for none. Give it to services
	// that are trusted for delegation only (FlagOKAsDelegate in the service's ticket): they can act as the client.
	Delegate *ServiceTicket
	// SubkeyEtype and NoSubkey are InitOptions'.
	SubkeyEtype int32
	NoSubkey    bool
	// SealedRRC and IntegrityRRC are MessageConfig's.
	SealedRRC, IntegrityRRC uint16
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// NewContext makes an initiator's context with the service that the ticket is for. The first Step has no token. It does not
// look at the ticket's times. Errors are mistakes in the ticket or cfg.
func NewInitiatorContext(t ServiceTicket, cfg InitConfig) (*Context, error) {
	if err := checkCredential(&t); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]Mechanism{MechanismAny, MechanismSPNEGO, MechanismKRB5}, cfg.Mechanism):
		return nil, fmt.Errorf("kerberos: mechanism %q is none of spnego, krb5", cfg.Mechanism)
	case cfg.GSSFlags&(GSSDCEStyle|GSSAnon) != 0:
		return nil, errors.New("kerberos: DCE style and anonymous contexts are not supported")
	}
	cfg.GSSFlags = cmp.Or(cfg.GSSFlags, GSSMutual|GSSReplay|GSSSequence|GSSConf|GSSInteg) &^ GSSDeleg
	if cfg.Delegate != nil {
		cfg.GSSFlags |= GSSDeleg
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &Context{ticket: t, init: cfg, now: cfg.Time}, nil
}

func (c *Context) stepInitiator(token []byte) (reply []byte, done bool, err error) {
	switch {
	case c.krb5 == nil && len(token) > 0:
		return nil, false, refuse(CodeNegotiation, "an initiator's first step has no token to take")
	case c.krb5 == nil:
		c.made = c.now()
		return c.initiate()
	case c.neg != nil:
		return c.continueSPNEGO(token)
	}
	err = c.finishKRB5(token)
	return nil, err == nil, err
}

// initiate makes the first token.
func (c *Context) initiate() (token []byte, done bool, err error) {
	token, err = c.initiateKRB5()
	if err != nil || c.init.Mechanism == MechanismKRB5 {
		return token, err == nil && !c.krb5.waiting, err
	}
	c.neg = &negotiation{mechTypes: mechTypeList(oidKRB5), mech: oidKRB5, mechDone: !c.krb5.waiting}
	first := negTokenInit{mechTypes: c.neg.mechTypes, mechToken: token}
	return first.token(), false, nil // the acceptor has to say that it chose Kerberos
}

// initiateKRB5 makes an AP-REQ in its frame. Without mutual authentication the mechanism is then done.
func (c *Context) initiateKRB5() ([]byte, error) {
	req, err := newAPReq(&c.ticket, &apReqOptions{
		flags: c.init.GSSFlags, subkeyEtype: c.init.SubkeyEtype, noSubkey: c.init.NoSubkey, now: c.now(),
		bindings: c.init.ChannelBindings, delegate: c.init.Delegate,
	})
	if err != nil {
		return nil, err
	}
	c.krb5 = &krb5Context{flags: c.init.GSSFlags, session: c.ticket.SessionKey, key: req.key, send: req.seqNumber, receive: req.seqNumber,
		ctime: req.ctime, waiting: c.init.GSSFlags&GSSMutual != 0, bound: c.init.ChannelBindings != nil}
	if !c.krb5.waiting {
		err = c.krb5.protect(false, c.init.SealedRRC, c.init.IntegrityRRC)
	}
	return appendFrame(nil, tokAPREQ, req.message), err
}

// finishKRB5 reads the answer to the AP-REQ: an AP-REP, or a KRB-ERROR (RFC 4121 4.1.2, 4.1.3).
func (c *Context) finishKRB5(token []byte) error {
	p := derParser{in: "GSS-API token"}
	body := p.whole(token, tagApplication(0), "frame")
	oid := p.next(&body, tagOID, "mechanism")
	switch {
	case p.err != nil:
		return &Error{Code: CodeTokenMalformed, Detail: "the service's token is not a GSS-API token", Err: p.err}
	case !isKerberos(string(oid)):
		return refuse(CodeMechanism, "the service answers with a token of %s", mechName(string(oid)))
	case bytes.HasPrefix(body, []byte(tokError)):
		return peerError(body[2:])
	case !bytes.HasPrefix(body, []byte(tokAPREP)) || !c.krb5.waiting:
		return refuse(CodeMechanism, "the service's token is not the AP-REP that was asked for")
	}
	rep, err := openAPRep(body[2:], c.krb5.session)
	if err == nil {
		err = rep.answers(c.krb5.ctime)
	}
	if rep.subkey.Etype() == EtypeRC4 && c.krb5.key.Etype() == EtypeRC4 {
		rep.subkey = Key{} // RFC 4757 tokens cannot name it; MIT ignores it too
	}
	if err == nil {
		c.krb5.acceptorSubkey, c.krb5.receive, c.krb5.waiting = rep.subkey, rep.seqNumber, false
		err = c.krb5.protect(false, c.init.SealedRRC, c.init.IntegrityRRC)
	}
	if err != nil {
		return &Error{Code: CodeMutual, Detail: "service " + c.ticket.Service.String(), Err: err}
	}
	return nil
}

// peerError gives what the service said. Nothing authenticates it.
func peerError(message []byte) error {
	said, err := parseKRBError(message)
	if err != nil {
		return &Error{Code: CodeTokenMalformed, Detail: "the service's KRB-ERROR", Err: err}
	}
	return &Error{Code: CodePeerRefused, Detail: "the service answers", Err: said}
}

// continueSPNEGO is the initiator's side of RFC 4178 4.2.2 and 5.
func (c *Context) continueSPNEGO(token []byte) (reply []byte, done bool, err error) {
	init, resp, err := parseNegotiationToken(token)
	if err != nil {
		return nil, false, &Error{Code: CodeTokenMalformed, Detail: "the service's token is not a SPNEGO token", Err: err}
	}
	if init != nil {
		return nil, false, refuse(CodeNegotiation, "the service answers with a NegTokenInit")
	}
	if resp.supportedMech != "" && !isKerberos(resp.supportedMech) {
		return nil, false, refuse(CodeNegotiation, "the service chose %s, which was not offered", mechName(resp.supportedMech))
	}
	if resp.state == negReject {
		return nil, false, c.rejected(resp)
	}
	if len(resp.responseToken) == 0 {
		resp.responseToken = nil // old Windows services write an empty one without mutual authentication
	}
	out := negTokenResp{state: negAcceptIncomplete}
	if resp.state == negRequestMIC {
		c.neg.micRequired = true
	}
	switch {
	case resp.responseToken != nil:
		if err := c.finishKRB5(resp.responseToken); err != nil {
			return nil, false, err
		}
		c.neg.mechDone = true
	case !c.neg.mechDone && resp.state == negAcceptCompleted:
		return nil, false, refuse(CodeMutual, "the service accepts without the AP-REP that proves it")
	case !c.neg.mechDone && c.neg.resent:
		return nil, false, refuse(CodeNegotiation, "the service answers a second AP-REQ without an AP-REP")
	case !c.neg.mechDone: // it did not take the optimistic token and wants one now
		c.neg.resent = true
		if out.responseToken, err = c.initiateKRB5(); err != nil {
			return nil, false, err
		}
		return out.token(), false, nil
	}
	return c.finishSPNEGO(resp, &out)
}

func (c *Context) rejected(resp *negTokenResp) error {
	if resp.responseToken != nil {
		if err := c.finishKRB5(resp.responseToken); err != nil {
			return err
		}
	}
	return refuse(CodePeerRefused, "the service rejects the negotiation without a reason; its log has one")
}

// finishSPNEGO sees to the mechListMIC when the mechanism is done. A service that says accept-completed takes no more tokens;
// one that says something else waits for ours.
func (c *Context) finishSPNEGO(resp, out *negTokenResp) (reply []byte, done bool, err error) {
	complete := resp.state == negAcceptCompleted || resp.state == negAbsent && resp.mechListMIC == nil
	if !complete {
		c.neg.micRequired = true
	}
	if complete && c.neg.micRequired && resp.mechListMIC == nil && !c.neg.micReceived {
		return nil, false, errNoMIC()
	}
	if complete {
		out = nil
	}
	if err := c.neg.exchangeMIC(c.krb5.messages, resp.mechListMIC, !complete, out); err != nil {
		return nil, false, err
	}
	switch {
	case c.neg.micRequired && !c.neg.micReceived:
		return out.token(), false, nil
	case complete:
		return nil, true, nil
	}
	out.state = negAcceptCompleted
	return out.token(), true, nil
}
