package wssec

import (
	"context"
	"crypto/sha256"
)

// Under a ticket each request of a client has its own key, so that it can have
// one reply. Under a security context all messages have the same, in both
// directions, and a reply may have the form of a request. So a client that has a
// replay store accepts each signature once, and none of its own.

// remembersReplies reports whether replies to a request are accepted once.
func (p *Processor) remembersReplies(req *Request) bool {
	return p.cfg.Replay != nil && req.base.context.namespace != ""
}

// enterRequest enters the signature of a request of ours.
func (p *Processor) enterRequest(req *Request) error {
	if !p.remembersReplies(req) {
		return nil
	}
	now := p.cfg.Time()
	t := timestamp{created: now, expires: now.Add(p.policy.TTL)}
	for _, value := range req.signatureValues {
		if _, err := p.addReplay(context.Background(), &CachedToken{}, conversationID(value),
			t.acceptedUntil(&p.policy)); err != nil {
			return &Error{Code: CodeReplayUnavailable, Err: err}
		}
	}
	return nil
}

// conversationID is replayID of a client: the other side may use the same store.
func conversationID(value []byte) [32]byte {
	return sha256.Sum256(append([]byte("wssec SignatureValue of a conversation\x00"), value...))
}
