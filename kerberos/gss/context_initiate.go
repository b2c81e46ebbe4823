package gss

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// An InitConfig configures an initiator's context. The zero value is ready to
// use: SPNEGO, mutual authentication, messages in sequence that may be
// encrypted.
type InitConfig struct {
	// Mechanism is [MechanismSPNEGO], the default, or [MechanismKRB5].
	Mechanism Mechanism
	// GSSFlags are the flags to ask for; 0 means 0x3e: mutual, replay,
	// sequence, confidentiality, integrity. [kerberos.GSSDeleg] is set if
	// Delegate is not nil.
	GSSFlags uint32
	// ChannelBindings is the application data of the channel's bindings; nil
	// for none.
	ChannelBindings []byte
	// Delegate is a forwarded ticket-granting ticket to send to the service,
	// with its key; nil for none. The service can act as the client with it:
	// send it only to services that are trusted for delegation
	// ([kerberos.FlagOKAsDelegate] in the service's ticket).
	Delegate *kerberos.Credential
	// SubkeyEtype and NoSubkey are as in [TokenOptions].
	SubkeyEtype int32
	NoSubkey    bool
	// SealedRRC and IntegrityRRC are as in [MessageConfig].
	SealedRRC, IntegrityRRC uint16
	// Time is the clock; nil means [time.Now].
	Time func() time.Time
}

// defaultGSSFlags are what InitConfig.GSSFlags means by 0.
const defaultGSSFlags = kerberos.GSSMutual | kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf |
	kerberos.GSSInteg

// NewInitiatorContext returns an initiator's context with the service that the
// ticket is for. The first [Context.Step] has no token. It does not check the
// ticket's times. It returns an error if the ticket is incomplete or cfg is
// invalid.
func NewInitiatorContext(t kerberos.Credential, cfg InitConfig) (*Context, error) {
	if err := checkCredential(&t); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]Mechanism{MechanismAny, MechanismSPNEGO, MechanismKRB5}, cfg.Mechanism):
		return nil, fmt.Errorf("kerberos: mechanism %q is none of spnego, krb5", cfg.Mechanism)
	case cfg.GSSFlags&(kerberos.GSSDCEStyle|kerberos.GSSAnon) != 0:
		return nil, errors.New("kerberos: DCE style and anonymous contexts are not supported")
	}
	cfg.GSSFlags = cmp.Or(cfg.GSSFlags, defaultGSSFlags) &^ kerberos.GSSDeleg
	if cfg.Delegate != nil {
		cfg.GSSFlags |= kerberos.GSSDeleg
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &Context{ticket: t, init: cfg, now: cfg.Time}, nil
}

func (c *Context) stepInitiator(token []byte) (reply []byte, done bool, err error) {
	switch {
	case c.krb5 == nil && len(token) > 0:
		return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "an initiator's first step has no token to take")
	case c.krb5 == nil:
		c.made = c.now()
		return c.initiate()
	case c.neg != nil:
		return c.continueSPNEGO(token)
	}
	err = c.finishKRB5(token)
	return nil, err == nil, err
}

// initiate returns the first token.
func (c *Context) initiate() (token []byte, done bool, err error) {
	token, err = c.initiateKRB5()
	if err != nil || c.init.Mechanism == MechanismKRB5 {
		return token, err == nil && !c.krb5.waiting, err
	}
	c.neg = &negotiation{mechTypes: krbmsg.MechTypeList(krbmsg.OIDKRB5), mech: krbmsg.OIDKRB5, mechDone: !c.krb5.waiting}
	first := krbmsg.NegTokenInit{MechTypes: c.neg.mechTypes, MechToken: token}
	return first.Token(), false, nil // not done: the acceptor must confirm Kerberos
}

// initiateKRB5 returns an AP-REQ in its frame. Without mutual authentication
// the mechanism is then done.
func (c *Context) initiateKRB5() ([]byte, error) {
	req, err := krbmsg.NewAPReq(&c.ticket, &krbmsg.APReqOptions{
		Flags: c.init.GSSFlags, SubkeyEtype: c.init.SubkeyEtype, NoSubkey: c.init.NoSubkey, Now: c.now(),
		Bindings: c.init.ChannelBindings, Delegate: c.init.Delegate,
	})
	if err != nil {
		return nil, err
	}
	c.krb5 = &krb5Context{
		flags: c.init.GSSFlags, session: c.ticket.SessionKey, key: req.Key,
		send: req.SeqNumber, receive: req.SeqNumber, ctime: req.CTime,
		waiting: c.init.GSSFlags&kerberos.GSSMutual != 0, bound: c.init.ChannelBindings != nil,
	}
	if !c.krb5.waiting {
		err = c.krb5.protect(false, c.init.SealedRRC, c.init.IntegrityRRC)
	}
	return krbmsg.AppendFrame(nil, krbmsg.TokAPREQ, req.Message), err
}

// finishKRB5 takes the answer to the AP-REQ: an AP-REP, or a KRB-ERROR (RFC
// 4121 4.1.2, 4.1.3).
func (c *Context) finishKRB5(token []byte) error {
	oid, body, err := krbmsg.ReadFrame(token)
	switch {
	case err != nil:
		return &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "the service's token is not a GSS-API token",
			Err: err}
	case !krbmsg.IsKerberos(string(oid)):
		return kerberos.Errorf(kerberos.CodeMechanism, "the service answers with a token of %s",
			krbmsg.MechName(string(oid)))
	case bytes.HasPrefix(body, []byte(krbmsg.TokError)):
		return peerError(body[2:])
	case !bytes.HasPrefix(body, []byte(krbmsg.TokAPREP)) || !c.krb5.waiting:
		return kerberos.Errorf(kerberos.CodeMechanism, "the service's token is not the AP-REP that was asked for")
	}
	rep, err := krbmsg.OpenAPRep(body[2:], c.krb5.session)
	if err == nil {
		err = rep.Answers(c.krb5.ctime)
	}
	if rep.Subkey.Etype() == etype.RC4 && c.krb5.key.Etype() == etype.RC4 {
		rep.Subkey = etype.Key{} // RFC 4757 tokens cannot name it; MIT ignores it too
	}
	if err == nil {
		c.krb5.acceptorSubkey, c.krb5.receive, c.krb5.waiting = rep.Subkey, rep.SeqNumber, false
		err = c.krb5.protect(false, c.init.SealedRRC, c.init.IntegrityRRC)
	}
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeMutual, Detail: "service " + c.ticket.Service.String(), Err: err}
	}
	return nil
}

// peerError returns the service's KRB-ERROR as an error. Nothing authenticates
// it.
func peerError(message []byte) error {
	said, err := krbmsg.ParseKRBError(message)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "the service's KRB-ERROR", Err: err}
	}
	return &kerberos.Error{Code: kerberos.CodePeerRefused, Detail: "the service answers", Err: said}
}

// continueSPNEGO is an initiator's step after the first (RFC 4178 4.2.2, 5).
func (c *Context) continueSPNEGO(token []byte) (reply []byte, done bool, err error) {
	init, resp, err := krbmsg.ParseNegotiationToken(token)
	if err != nil {
		return nil, false,
			&kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "the service's token is not a SPNEGO token", Err: err}
	}
	if init != nil {
		return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "the service answers with a NegTokenInit")
	}
	if resp.SupportedMech != "" && !krbmsg.IsKerberos(resp.SupportedMech) {
		return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "the service chose %s, which was not offered",
			krbmsg.MechName(resp.SupportedMech))
	}
	if resp.State == krbmsg.NegReject {
		return nil, false, c.rejected(resp)
	}
	if len(resp.ResponseToken) == 0 {
		resp.ResponseToken = nil // old Windows services write an empty one without mutual authentication
	}
	out := krbmsg.NegTokenResp{State: krbmsg.NegAcceptIncomplete}
	if resp.State == krbmsg.NegRequestMIC {
		c.neg.micRequired = true
	}
	switch {
	case resp.ResponseToken != nil:
		if err := c.finishKRB5(resp.ResponseToken); err != nil {
			return nil, false, err
		}
		c.neg.mechDone = true
	case !c.neg.mechDone && resp.State == krbmsg.NegAcceptCompleted:
		return nil, false, kerberos.Errorf(kerberos.CodeMutual, "the service accepts without the AP-REP that proves it")
	case !c.neg.mechDone && c.neg.resent:
		return nil, false, kerberos.Errorf(kerberos.CodeNegotiation, "the service answers a second AP-REQ without an AP-REP")
	case !c.neg.mechDone: // it ignored the optimistic token and wants one now
		c.neg.resent = true
		if out.ResponseToken, err = c.initiateKRB5(); err != nil {
			return nil, false, err
		}
		return out.Token(), false, nil
	}
	return c.finishSPNEGO(resp, &out)
}

func (c *Context) rejected(resp *krbmsg.NegTokenResp) error {
	if resp.ResponseToken != nil {
		if err := c.finishKRB5(resp.ResponseToken); err != nil {
			return err
		}
	}
	return kerberos.Errorf(kerberos.CodePeerRefused,
		"the service rejects the negotiation without a reason; its log has one")
}

// finishSPNEGO exchanges mechListMICs when the mechanism is done (RFC 4178 5).
// After accept-completed the service takes no more tokens; in any other state
// it waits for ours.
func (c *Context) finishSPNEGO(resp, out *krbmsg.NegTokenResp) (reply []byte, done bool, err error) {
	complete := resp.State == krbmsg.NegAcceptCompleted || resp.State == krbmsg.NegAbsent && resp.MechListMIC == nil
	if !complete {
		c.neg.micRequired = true
	}
	if complete && c.neg.micRequired && resp.MechListMIC == nil && !c.neg.micReceived {
		return nil, false, errNoMIC()
	}
	if complete {
		out = nil
	}
	if err := c.neg.exchangeMIC(c.krb5.messages, resp.MechListMIC, !complete, out); err != nil {
		return nil, false, err
	}
	switch {
	case c.neg.micRequired && !c.neg.micReceived:
		return out.Token(), false, nil
	case complete:
		return nil, true, nil
	}
	out.State = krbmsg.NegAcceptCompleted
	return out.Token(), true, nil
}
