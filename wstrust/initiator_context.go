package wstrust

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A RequesterConfig configures a [Requester]. Version and AlgorithmSuite must be
// given.
type RequesterConfig struct {
	// Version is that of WS-Trust and WS-SecureConversation to speak.
	Version Version
	// AlgorithmSuite is that of the policy which security contexts are for.
	AlgorithmSuite wssec.SuiteName
	// ClockSkew, Time and Rand are as in InitiatorConfig. Rand supplies entropy.
	ClockSkew time.Duration
	Time      func() time.Time
	Rand      io.Reader
}

// A Requester is the client's side of issuing, renewing and cancelling security
// contexts over a channel that is secured already (WS-SecureConversation §3, §5,
// §6). It writes and reads the content of Bodies; the channel protects them, and
// everything that is read has to be verified. It is safe for concurrent use.
type Requester struct {
	cfg     RequesterConfig
	keySize int // octets
}

// A ContextRequest is a request of a [Requester], until it is answered.
type ContextRequest struct {
	Body   []byte // the RST
	Action string

	r           *Requester
	requestType RequestType
	entropy     wssec.Key             // ours
	of          wssec.SecurityContext // that is renewed or cancelled
}

// NewRequester makes a Requester.
func NewRequester(cfg RequesterConfig) (*Requester, error) {
	suite, err := suiteFor(cfg.Version, cfg.AlgorithmSuite)
	if err != nil {
		return nil, err
	}
	cfg.ClockSkew = cmp.Or(cfg.ClockSkew, defaultSkew)
	cfg.Time, cfg.Rand = ofSystem(cfg.Time, cfg.Rand)
	return &Requester{cfg, suite.EncryptionKey}, nil
}

// Issue asks for a security context, with entropy of ours.
func (r *Requester) Issue() (*ContextRequest, error) {
	return r.request(&RequestSecurityToken{TokenType: r.cfg.Version.TokenType(), RequestType: Issue,
		KeySize: 8 * r.keySize}, wssec.SecurityContext{})
}

// Renew asks for a new key and lifetime of a context, over a channel that it
// protects itself, or endorses.
func (r *Requester) Renew(sc wssec.SecurityContext) (*ContextRequest, error) {
	return r.request(&RequestSecurityToken{
		TokenType: r.cfg.Version.TokenType(), RequestType: Renew, KeySize: 8 * r.keySize, Target: targetOf(sc),
	}, sc)
}

// Cancel asks to end a context, over a channel that it protects itself.
func (r *Requester) Cancel(sc wssec.SecurityContext) (*ContextRequest, error) {
	return r.request(&RequestSecurityToken{RequestType: Cancel, Target: targetOf(sc)}, sc)
}

func targetOf(sc wssec.SecurityContext) *ContextReference {
	return &ContextReference{Identifier: sc.Identifier, Instance: sc.Instance}
}

func (r *Requester) request(rst *RequestSecurityToken, of wssec.SecurityContext) (*ContextRequest, error) {
	rst.Version = r.cfg.Version
	if rst.KeySize > 0 {
		octets := make([]byte, r.keySize)
		defer clear(octets)
		if _, err := io.ReadFull(r.cfg.Rand, octets); err != nil {
			return nil, fmt.Errorf("wstrust: random octets: %w", err)
		}
		rst.Entropy = wssec.NewKey(octets)
	}
	return &ContextRequest{
		Body: rst.Append(nil), Action: r.cfg.Version.ActionSCT(rst.RequestType),
		r: r, requestType: rst.RequestType, entropy: rst.Entropy, of: of,
	}, nil
}

// Answer reads the verified answer, the Body of a message: the new security
// context, whose use is wssec.SecureConversationToken, or nil of one that was
// cancelled. Errors are an *[Error].
func (c *ContextRequest) Answer(body xmltext.Node) (*wssec.SecurityContext, error) {
	n := only(body)
	if n.IsZero() {
		return nil, errAt(CodeReply, body, "not exactly one element in the answer")
	}
	responses, err := ReadResponses(n)
	if err != nil {
		return nil, err
	}
	r := responses[0]
	switch {
	case len(responses) > 1:
		return nil, errAt(CodeReply, n, "%d RSTRs; one is due", len(responses))
	case r.Version != c.r.cfg.Version:
		return nil, errAt(CodeReply, r.element, "version %v of WS-Trust; the request is of version %v", r.Version,
			c.r.cfg.Version)
	case c.requestType == Cancel && !r.Cancelled:
		return nil, errAt(CodeReply, r.element, "no RequestedTokenCancelled")
	case c.requestType == Cancel:
		return nil, nil
	}
	return c.context(r)
}

// context makes the security context that was issued or renewed.
func (c *ContextRequest) context(r *RequestSecurityTokenResponse) (*wssec.SecurityContext, error) {
	if r.Token == nil || r.TokenType != "" && r.TokenType != c.r.cfg.Version.TokenType() {
		return nil, errAt(CodeReply, r.element, "no SecurityContextToken, or TokenType %.100q", r.TokenType)
	}
	if of := &c.of; c.requestType == Renew && (r.Token.Identifier != of.Identifier || r.Token.Instance == of.Instance) {
		return nil, errAt(CodeReply, r.element, "a renewed context has its Identifier and a new Instance; this one has "+
			"%.100q, %.100q",
			r.Token.Identifier, r.Token.Instance)
	}
	key, err := c.key(r)
	if err != nil {
		return nil, err
	}
	sc, err := contextOfResponse(r, r.Version, lifetime{c.r.cfg.Time(), c.r.cfg.ClockSkew})
	if err != nil {
		return nil, err
	}
	sc.Token, sc.Key = wssec.SecureConversationToken, key
	return sc, nil
}

// key computes the key of both entropies (WS-Trust §4.4.4), or takes the one that
// the service has made, or ours if it has added nothing.
func (c *ContextRequest) key(r *RequestSecurityTokenResponse) (wssec.Key, error) {
	size := c.r.keySize
	key, err := c.keyOf(r)
	if err == nil && (key.Len() != size || r.KeySize != 0 && r.KeySize != 8*size) {
		err = fmt.Errorf("a key of %d octets, KeySize %d; %d octets were asked for", key.Len(), r.KeySize, size)
	}
	if err != nil {
		return wssec.Key{}, errAt(CodeReply, r.element, "%w", err)
	}
	return key, nil
}

func (c *ContextRequest) keyOf(r *RequestSecurityTokenResponse) (wssec.Key, error) {
	switch p := r.Proof; {
	case p == nil && r.Entropy.Len() == 0:
		return c.entropy, nil
	case p == nil:
		return wssec.Key{}, errors.New("an Entropy, and no RequestedProofToken that says how the key comes of it")
	case p.Secret.Len() > 0:
		return p.Secret, nil
	case p.ComputedKey != r.Version.PSHA1():
		return wssec.Key{}, fmt.Errorf("ComputedKey %.100q is not P_SHA1", p.ComputedKey)
	case r.Entropy.Len() == 0:
		return wssec.Key{}, errors.New("a computed key, and no Entropy of the service")
	}
	octets := wssec.DeriveKey(c.entropy.ExposeSecretOctets(), "", r.Entropy.ExposeSecretOctets(), 0, c.r.keySize)
	defer clear(octets)
	return wssec.NewKey(octets), nil
}
