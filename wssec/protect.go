package wssec

import (
	"bytes"
	"context"
	"errors"

	"github.com/wssgate/wssgate/soap"
)

// Protect appends the reply, protected as the policy asks with the key of the
// request, to dst. The request is the Message that Verify gave. A reply without
// grafts only: one that soap.Parse made. Under a transport policy it gets a
// Timestamp; under binding none it is appended as it is but for a Security
// header of the backend's own. The error is an *Error; dst is then given back
// as it was.
func (p *Processor) Protect(ctx context.Context, dst []byte, reply *soap.Envelope, req *Message) ([]byte, error) {
	w := &writer{p: p, env: takeApart(reply, p.policy.Actor), key: req.base, scNS: req.scNamespace}
	if p.policy.SignatureConfirmation {
		w.confirm = req.signatureValues
	}
	switch p.policy.DerivedKeyVersion {
	case SC05:
		w.setVersion(NSWSC05)
	case SC13:
		w.setVersion(NSWSC13)
	}
	if err := w.coverHeaders(); err != nil {
		return dst, protectError(err)
	}
	_, held := w.sizes()
	if err := p.reserve(ctx, held, reply.Root); err != nil {
		return dst, err
	}
	out, value, err := w.protectMessage(dst)
	if err == nil {
		err = p.enterReply(ctx, &req.token, value)
	}
	if err != nil {
		p.release(ctx, held)
		return dst, protectError(err)
	}
	if cap(out) > cap(dst) {
		held -= min(cap(out), held)
	}
	p.release(ctx, held)
	return out, nil
}

// coverHeaders applies ReplyHeaders: what the policy does not protect does not
// leave beside what it does, unless the operator says so. A mandatory block is
// not left out in silence.
func (w *writer) coverHeaders() error {
	p := &w.p.policy
	if !p.ProtectsReplies() || w.p.cfg.ReplyHeaders == PassHeaders {
		return nil
	}
	kept := w.env.blocks[:0]
	for _, b := range w.env.blocks {
		if p.SignedParts.matches(b) || p.EncryptedParts.matches(b) {
			kept = append(kept, b)
			continue
		}
		must, err := w.env.MustUnderstand(b)
		if err != nil {
			return err
		}
		if must || w.p.cfg.ReplyHeaders == RefuseHeaders {
			return errAt(CodeHeaderRefused, b,
				"the policy does not protect this header block of the reply (signed-parts, other-headers)")
		}
	}
	w.env.blocks = kept
	return nil
}

// enterReply enters the signature of a reply in the replay store. Where
// requests may name their token by its hash, a reply has the very form of one,
// under the same key: sent back to us it must not pass for a request.
func (p *Processor) enterReply(ctx context.Context, client *CachedToken, value []byte) error {
	if value == nil || !p.policy.TokenOnce {
		return nil
	}
	now := p.cfg.Time()
	t := timestamp{created: now, expires: now.Add(p.policy.TTL)}
	if _, err := p.addReplay(ctx, client, replayID(value), t.acceptedUntil(&p.policy)); err != nil {
		return &Error{Code: CodeReplayUnavailable, Err: err}
	}
	return nil
}

// setVersion chooses the DerivedKeyToken version if keys are derived at all.
func (w *writer) setVersion(ns string) {
	if w.scNS != "" || w.p.policy.DerivedKeys == DerivedKeysRequired {
		w.scNS = ns
	}
}

// Request is what a client keeps of a request to verify its reply.
type Request struct {
	base            baseKey
	signatureValues [][]byte
}

// ProtectRequest appends a request protected with the key of a token to dst,
// and gives what VerifyReply needs.
func (p *Processor) ProtectRequest(dst []byte, env *soap.Envelope, tok OutgoingToken) ([]byte, *Request, error) {
	if len(tok.Token) == 0 {
		return dst, nil, protectError(errors.New("no token"))
	}
	base := tok.baseKey()
	w := &writer{p: p, env: takeApart(env, p.policy.Actor), key: base, token: tok.Token}
	if tok.Omit {
		w.token = nil
	}
	if p.policy.DerivedKeys == DerivedKeysRequired {
		w.setVersion(NSWSC13)
		if p.policy.DerivedKeyVersion == SC05 {
			w.setVersion(NSWSC05)
		}
	}
	out, value, err := w.protectMessage(dst)
	if err != nil {
		return dst, nil, protectError(err)
	}
	req := &Request{base: base}
	if value != nil {
		req.signatureValues = [][]byte{value}
	}
	return out, req, nil
}

// signed reports whether value is a signature of the request.
func (r *Request) signed(value []byte) bool {
	for _, v := range r.signatureValues {
		if bytes.Equal(v, value) {
			return true
		}
	}
	return false
}

func protectError(err error) error {
	if err == nil {
		return nil
	}
	return wrapAt(CodeProtect, err)
}
