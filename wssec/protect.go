package wssec

import (
	"bytes"
	"context"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Protect appends the reply to dst, protected under the policy with the key of
// the request, which is the [Message] that [Processor.Verify] returned. The
// reply must have no grafts: [soap.Parse] made it. Under the transport binding
// it gets a Timestamp; under binding none it is appended as it is, without a
// Security header of the backend's own. A large reply is pruned
// ([xmltext.Node.Prune]), also where that fails: it can be released afterwards, and is
// neither read nor protected again. So each call has a reply of its own. The error is
// an [*Error]; dst is then returned unchanged.
//
// Own are further header blocks, those of WS-Addressing that the caller has
// written; each declares the namespaces that it uses. They stay whatever
// Config.ReplyHeaders is, and take the place of all such blocks of the reply, in
// either version.
func (p *Processor) Protect(
	ctx context.Context, dst []byte, reply *soap.Envelope, req *Message, own ...xmltext.Node,
) ([]byte, error) {
	return p.protectReply(ctx, dst, reply, req, p.cfg.ReplyHeaders, own)
}

// ProtectOwn is [Processor.Protect] for a reply that the caller has written
// itself: all its header blocks stay, also those that the policy does not
// protect.
func (p *Processor) ProtectOwn(ctx context.Context, dst []byte, reply *soap.Envelope, req *Message) ([]byte, error) {
	return p.protectReply(ctx, dst, reply, req, PassHeaders, nil)
}

// protectReply is Protect with the rule for header blocks that the policy does
// not protect, and the caller's own.
func (p *Processor) protectReply(
	ctx context.Context, dst []byte, reply *soap.Envelope, req *Message, rule HeaderRule, own []xmltext.Node,
) ([]byte, error) {
	w := newWriter()
	defer w.free()
	w.p, w.actor, w.key, w.scNS = p, req.actor, req.base, req.scNamespace
	w.env.takeApart(reply, p.policy.Actors)
	if p.policy.SignatureConfirmation {
		w.confirm = req.signatureValues
	}
	switch p.policy.DerivedKeyVersion {
	case SC05:
		w.setVersion(NSWSC05)
	case SC13:
		w.setVersion(NSWSC13)
	}
	if len(own) > 0 {
		w.env.removeAddressing()
	}
	if err := w.coverHeaders(rule); err != nil {
		return dst, protectError(err)
	}
	w.env.add(own)
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

// coverHeaders applies Config.ReplyHeaders to the header blocks that the policy
// does not protect. A mandatory block is never left out: it is an error.
func (w *writer) coverHeaders(rule HeaderRule) error {
	p := &w.p.policy
	if !p.ProtectsReplies() || rule == PassHeaders {
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
		if must || rule == RefuseHeaders {
			return errAt(CodeHeaderRefused, b,
				"the policy does not protect this header block of the reply (signed-parts, other-headers)")
		}
	}
	w.env.blocks = kept
	return nil
}

// enterReply enters the signature of a reply in the replay cache. Where
// requests may name their token by its hash, or a context by its Identifier, a
// reply has the form of a request under the same key: sent back to us, it must
// not be accepted as one.
func (p *Processor) enterReply(ctx context.Context, client *CachedToken, value []byte) error {
	if value == nil || !p.policy.TokenOnce && !p.policy.takesContext() {
		return nil
	}
	now := p.cfg.Time()
	t := timestamp{created: now, expires: now.Add(p.policy.TTL)}
	if _, err := p.addReplay(ctx, client, replayID(value), t.acceptedUntil(&p.policy)); err != nil {
		return &Error{Code: CodeReplayUnavailable, Err: err}
	}
	return nil
}

// setVersion sets the version of DerivedKeyTokens, if there are any.
func (w *writer) setVersion(ns string) {
	if w.scNS != "" || w.p.policy.DerivedKeys == DerivedKeysRequired {
		w.scNS = ns
	}
}

// Request is what a client keeps of a request to verify its reply with
// [Processor.VerifyReply]. The zero value is no request.
type Request struct {
	base            baseKey
	signatureValues [][]byte
}

// ProtectRequest appends a request protected under the policy with the key of a
// token to dst, and returns what [Processor.VerifyReply] needs. The error is an
// [*Error]; dst is then returned unchanged.
func (p *Processor) ProtectRequest(dst []byte, env *soap.Envelope, tok OutgoingToken) ([]byte, *Request, error) {
	if err := tok.check(&p.policy); err != nil {
		return dst, nil, protectError(err)
	}
	base := tok.baseKey()
	w := &writer{p: p, key: base, request: true}
	w.env.takeApart(env, p.policy.Actors)
	if len(p.policy.Actors) > 0 {
		w.actor = p.policy.Actors[0]
	}
	w.endorsing.context = tok.Endorsing
	if !tok.Omit {
		w.token = tok.octets()
	}
	if p.policy.DerivedKeys == DerivedKeysRequired {
		switch {
		case base.context.namespace != "":
			w.setVersion(base.context.namespace)
		case p.policy.DerivedKeyVersion == SC05:
			w.setVersion(NSWSC05)
		default:
			w.setVersion(NSWSC13)
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
	if value := w.endorsing.value; value != nil {
		req.signatureValues = append(req.signatureValues, value)
	}
	if err := p.enterRequest(req); err != nil {
		return dst, nil, err
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

// protectError returns err as an *Error, of CodeProtect unless it is one.
func protectError(err error) error {
	if err == nil {
		return nil
	}
	return wrapAt(CodeProtect, err)
}
