package client

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A conversation has a SecurityContextToken that it asks for over a bootstrap
// channel, renews before it expires, and cancels in the end
// (WS-SecureConversation §3, §5, §6).
type conversation struct {
	messages  *channel // under the token
	bootstrap *channel
	requester *wstrust.Requester
	context   *sharedContext
	version   atomic.Uint32 // of SOAP, that messages have had last: for close
}

func newConversation(messages *channel, bootstrap wssec.Policy) (*conversation, error) {
	c := &conversation{messages: messages, context: newSharedContext(messages.cfg.Time)}
	var err error
	if c.bootstrap, err = newChannel(messages.poster, bootstrap); err != nil {
		return nil, err
	}
	c.requester, err = wstrust.NewRequester(wstrust.RequesterConfig{
		Version: messages.cfg.Trust, AlgorithmSuite: messages.processor.Policy().AlgorithmSuite, Time: messages.cfg.Time,
	})
	return c, err
}

func (c *conversation) token(ctx context.Context, v soap.Version) (wssec.OutgoingToken, error) {
	c.version.Store(uint32(v))
	sc, err := c.context.get(ctx, func(ctx context.Context, before *securityContext) (*securityContext, error) {
		if before != nil {
			if sc, err := c.renew(ctx, v, before); err == nil {
				return sc, nil
			}
		}
		return c.issue(ctx, v) // the service may not renew, or may have forgotten it
	})
	return wssec.OutgoingToken{Context: sc}, err
}

func (c *conversation) refused(tok wssec.OutgoingToken) { c.context.drop(tok.Context) }

// issue asks for a context. If the service refuses it asks once more: the bootstrap
// channel may have had a token that the service has forgotten, and has dropped it.
func (c *conversation) issue(ctx context.Context, v soap.Version) (sc *securityContext, err error) {
	for range 2 {
		req, failed := c.requester.Issue()
		if failed != nil {
			return nil, negotiationError(failed)
		}
		sc, err = c.operate(ctx, v, wstrust.Issue, req, c.bootstrap.call)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeRefused {
			return sc, err
		}
	}
	return nil, err
}

func (c *conversation) renew(ctx context.Context, v soap.Version, sc *securityContext) (*securityContext, error) {
	req, err := c.requester.Renew(*sc)
	if err != nil {
		return nil, negotiationError(err)
	}
	call := c.under(sc)
	if c.messages.cfg.EndorsedRenewal {
		call = c.endorsedBy(sc)
	}
	return c.operate(ctx, v, wstrust.Renew, req, call)
}

// close cancels the context.
func (c *conversation) close(ctx context.Context) error {
	sc := c.context.take()
	if sc == nil {
		return c.bootstrap.source.close(ctx)
	}
	req, err := c.requester.Cancel(*sc)
	if err != nil {
		return negotiationError(err)
	}
	_, err = c.operate(ctx, soap.Version(c.version.Load()), wstrust.Cancel, req, c.under(sc))
	if closing := c.bootstrap.source.close(ctx); err == nil {
		err = closing
	}
	return err
}

// under sends messages under a context.
func (c *conversation) under(sc *securityContext) func(context.Context, outgoing) (*verified, error) {
	return func(ctx context.Context, m outgoing) (*verified, error) {
		return c.messages.callWith(ctx, m, wssec.OutgoingToken{Context: sc})
	}
}

// endorsedBy sends messages under the bootstrap policy that a context endorses.
func (c *conversation) endorsedBy(sc *securityContext) func(context.Context, outgoing) (*verified, error) {
	return func(ctx context.Context, m outgoing) (*verified, error) {
		tok, err := c.bootstrap.source.token(ctx, m.Version)
		if err != nil {
			return nil, tokenError(err)
		}
		tok.Endorsing = sc
		return c.bootstrap.callWith(ctx, m, tok)
	}
}

// operate sends a request and reads the answer, of which the channel has verified
// that it is the service's.
func (c *conversation) operate(ctx context.Context, v soap.Version, t wstrust.RequestType, req *wstrust.ContextRequest,
	call func(context.Context, outgoing) (*verified, error)) (*securityContext, error) {
	m, err := c.messages.trustMessage(v, strings.ToLower(string(t)), req.Action, req.Body)
	if err != nil {
		return nil, err
	}
	reply, err := call(ctx, m)
	if err != nil {
		return nil, err
	}
	if reply.message == nil {
		return nil, negotiationError(errNothing)
	}
	sc, err := req.Answer(reply.message.Body())
	if err != nil {
		return nil, negotiationError(err)
	}
	return sc, nil
}
