package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// anyReplay is a gss.ReplayStore to which everything is new: what is inspected
// is not thereby used up.
type anyReplay struct{}

func (anyReplay) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// acceptor makes an Acceptor that lives at a time and keeps nothing. Without a
// keytab it has a key that nobody knows.
func (x *inspection) acceptor(now time.Time, rule gss.PACRule) (*gss.Acceptor, error) {
	cfg := gss.AcceptorConfig{Etypes: x.cfg.Etypes, PAC: rule, Replay: anyReplay{},
		Time: func() time.Time { return now }}
	if cfg.Keytab = x.cfg.Keytab; x.cfg.Keytab == nil {
		key, err := etype.GenerateKey(etype.AES256SHA2)
		if err != nil {
			return nil, err
		}
		cfg.Etypes = nil
		cfg.Keytab = keytab.New(keytab.Entry{Principal: kerberos.Principal{Components: []string{"-"}, Realm: "-"},
			Etype: key.Etype(), Key: key})
	}
	a, err := gss.NewAcceptor(cfg)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeNoEtype, Detail: "keytab", Err: err}
	}
	return a, nil
}

// An answer is what an Acceptor does with a client's first token.
type answer struct {
	message error // of a token in a message
	context error // of the same as first token of a GSS-API context
	reply   []byte
	done    bool // the context is established
}

// ask asks an Acceptor both ways.
func (x *inspection) ask(token []byte, now time.Time, rule gss.PACRule) (r answer) {
	a, err := x.acceptor(now, rule)
	if err != nil {
		return answer{message: err, context: err}
	}
	ctx := context.Background()
	_, r.message = a.VerifyToken(ctx, token, nil)
	r.reply, r.done, r.context = a.NewContext(gss.AcceptConfig{}).Step(ctx, token)
	return r
}

// decided reports whether a refusal is one that no keytab changes.
func decided(err error) bool {
	switch codeOf(err) {
	case kerberos.CodeNTLM, kerberos.CodeNegotiation, kerberos.CodeMechanism, kerberos.CodeUserToUser,
		kerberos.CodeTokenMalformed,
		kerberos.CodeTokenTooLarge:
		return true
	}
	return false
}

// codeOf is the Code of a refusal, "" for success and other errors.
func codeOf(err error) kerberos.Code {
	var e *kerberos.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// askAcceptor adds what an Acceptor with this keytab does with a client's
// token, now and, if only time is against it, at its own time.
func (x *inspection) askAcceptor(n *Node, token []byte) {
	r := x.ask(token, x.now, gss.PACIgnore)
	if negotiates(r.message) {
		x.negotiation(n, token, &r)
		return
	}
	if x.cfg.Keytab == nil && !decided(r.message) {
		return
	}
	x.out.Asked, x.out.Err = true, r.message
	v := verdict(n, r.message, "by an acceptor with this keytab, unless it was presented before")
	if token[0] != bareAPReq && codeOf(r.context) != codeOf(r.message) {
		outcome(v, "as GSS-API context", r.context)
	}
	if r.message == nil {
		if err := x.ask(token, x.now, gss.PACWhenPresent).message; err != nil {
			outcome(v, "with allowed-groups", err)
		}
	}
	if onlyTime(r.message) && !x.out.Made.IsZero() {
		then := outcome(v, "at its own time", x.ask(token, x.out.Made, gss.PACIgnore).message)
		then.Note = kerberos.FormatTime(x.out.Made)
	}
}

// bareAPReq is the first octet of an AP-REQ without a frame, which no GSS-API
// context takes.
const bareAPReq = 0x6e

// negotiates reports whether a token is refused in a message since it is one of
// SPNEGO.
func negotiates(err error) bool { return codeOf(err) == kerberos.CodeSPNEGO }

// negotiation is askAcceptor for a token of SPNEGO: it is for GSS-API contexts,
// and no message has one.
func (x *inspection) negotiation(n *Node, token []byte, r *answer) {
	if x.cfg.Keytab == nil && r.context != nil && !decided(r.context) {
		return
	}
	x.out.Asked, x.out.Err = true, r.context
	v := verdict(n, r.context, "by a GSS-API context with this keytab, unless it was presented before")
	if r.context == nil && !r.done {
		v.Value, v.Note = "continues", "the acceptor wants another token"
		if _, resp, err := krbmsg.ParseNegotiationToken(r.reply); err == nil && resp != nil {
			v.Value += " with " + resp.State.String()
		}
	}
	if onlyTime(r.context) && !x.out.Made.IsZero() {
		then := outcome(v, "at its own time", x.ask(token, x.out.Made, gss.PACIgnore).context)
		then.Note = kerberos.FormatTime(x.out.Made)
	}
	if x.cfg.Keytab != nil {
		v.Add("in a message", "refused: "+string(codeOf(r.message)))
	}
}

// onlyTime reports whether an error is one of clocks.
func onlyTime(err error) bool {
	switch codeOf(err) {
	case kerberos.CodeSkew, kerberos.CodeTicketExpired, kerberos.CodeTicketNotYet:
		return true
	}
	return false
}

// outcome adds what comes of a token under other circumstances.
func outcome(n *Node, name string, err error) *Node {
	c := n.Add(name, "accepted")
	var refusal *kerberos.Error
	if errors.As(err, &refusal) {
		c.Value = "refused: " + string(refusal.Code)
		c.Add("why", refusal.Reason())
	} else if err != nil {
		c.Value = fmt.Sprintf("refused: %v", err)
	}
	return c
}

// verdict adds what an Acceptor does, with cause and cure.
func verdict(n *Node, err error, accepted string) *Node {
	v := outcome(n, "verdict", err)
	if err == nil {
		v.Note = accepted
	}
	for _, info := range kerberos.Codes() {
		if info.Code == codeOf(err) {
			v.Add("cause", info.Cause)
			v.Add("cure", info.Cure)
		}
	}
	return v
}
