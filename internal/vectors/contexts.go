package vectors

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// transcriptContext is a security context that a conversation establishes.
type transcriptContext struct {
	Identifier string `yaml:"identifier"`
	Namespace  string `yaml:"namespace"`
	Key        string `yaml:"key"` // base64
	// Token is of which type its token is; empty: that of the policy.
	Token wssec.TokenType `yaml:"token"`
	// GSSKey is the subkey of the AP-REP that the negotiation had, in base64.
	GSSKey string `yaml:"gss-key"`
	// HashInputs and CombinedHash are of the Authenticator.
	HashInputs   []string `yaml:"hash-inputs"`
	CombinedHash string   `yaml:"combined-hash"`

	recovered bool // the messages hold this key
}

// issuing is what the messages that lead to a context have said so far.
type issuing struct {
	gss     etype.Key // of the initiator in the negotiation
	entropy []byte    // of the client
}

// issue enters the contexts of a case, as a service that has issued them.
func (c *transcript) issue(ctx context.Context) (*wssec.SecurityContexts, error) {
	token := c.Policy.ProtectionToken
	for _, s := range c.Policy.SupportingTokens {
		token = s.Token
	}
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: func() time.Time { return c.Captured }})
	name, realm, _ := bytes.Cut([]byte(c.ClientPrincipal), []byte("@"))
	for _, t := range c.Contexts {
		key, err := base64.StdEncoding.DecodeString(t.Key)
		if err != nil {
			return nil, fmt.Errorf("contexts: %s: the key is not base64", t.Identifier)
		}
		err = contexts.Issue(ctx, wssec.SecurityContext{
			Identifier: t.Identifier, Token: cmp.Or(t.Token, token), Namespace: t.Namespace, Name: string(name),
			Realm:   string(realm),
			Service: c.ServicePrincipal, Created: c.Captured, Expires: c.Captured.Add(time.Hour),
			Key: wssec.NewKey(key),
		})
		if err != nil {
			return nil, fmt.Errorf("contexts: %w", err)
		}
	}
	return contexts, nil
}

// negotiation is the verdict on a message that leads to a context and is not
// protected.
const negotiation = "negotiation"

var errNegotiation = errors.New("part of a negotiation")

// negotiation reads a message of a negotiation. errNegotiation means that it is
// one.
func (c *transcript) negotiation(ctx context.Context, env *soap.Envelope) error {
	for b := range env.Blocks() {
		if b.Is(wssec.NSWSSE, "Security") {
			return errors.New("it has a Security header")
		}
	}
	if err := c.learn(ctx, env.Body); err != nil {
		return err
	}
	return errNegotiation
}

// learn takes what a WS-Trust message says of the key of a context, and holds
// it against the case.
func (c *transcript) learn(ctx context.Context, body xmltext.Node) error {
	id := find(body, "Identifier")
	if !id.IsZero() {
		return c.learnKey(body, id.Text())
	}
	token, err := octets(body, "BinaryExchange")
	if err == nil && token != nil {
		c.issuing.gss, err = c.negotiate(ctx, token)
	}
	if err != nil {
		return err
	}
	c.issuing.entropy, err = octets(body, "BinarySecret")
	return err
}

// learnKey takes the answer that issues a context.
func (c *transcript) learnKey(body xmltext.Node, identifier string) error {
	t, err := c.context(identifier)
	if err != nil {
		return err
	}
	key, err := c.keyIn(body, t)
	if err != nil {
		return err
	}
	if base64.StdEncoding.EncodeToString(key) != t.Key {
		return fmt.Errorf("the key of %s is not the one that the messages hold", t.Identifier)
	}
	t.recovered = true
	return nil
}

// context returns the context with an identifier.
func (c *transcript) context(identifier string) (*transcriptContext, error) {
	for i := range c.Contexts {
		if t := &c.Contexts[i]; t.Identifier == identifier {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s is not among the contexts of the case", identifier)
}

// keyIn returns the key that an answer holds for t.
func (c *transcript) keyIn(body xmltext.Node, t *transcriptContext) ([]byte, error) {
	wrapped, err := octets(body, "CipherValue")
	if err != nil {
		return nil, err
	}
	if wrapped != nil && !c.issuing.gss.IsZero() {
		return t.unwrap(c.issuing.gss, wrapped)
	}
	entropy, err := octets(body, "BinarySecret")
	if err != nil {
		return nil, err
	}
	if entropy == nil || c.issuing.entropy == nil {
		return nil, errors.New("nothing leads to the key of the context")
	}
	size, _ := strconv.Atoi(find(body, "KeySize").Text())
	if size == 0 {
		size = 256
	}
	return wssec.DeriveKey(c.issuing.entropy, "", entropy, 0, size/8), nil
}

// unwrap opens the Wrap token with t's key, which is for the client.
func (t *transcriptContext) unwrap(initiator etype.Key, wrapped []byte) ([]byte, error) {
	cfg := gss.MessageConfig{Key: initiator, Order: gss.AnyOrder}
	if t.GSSKey != "" {
		octets, err := base64.StdEncoding.DecodeString(t.GSSKey)
		if err != nil {
			return nil, errors.New("gss-key is not base64")
		}
		if cfg.AcceptorSubkey, err = etype.NewKey(initiator.Etype(), octets); err != nil {
			return nil, fmt.Errorf("gss-key: %w", err)
		}
	}
	client, err := gss.NewMessageProtection(cfg)
	if err != nil {
		return nil, err
	}
	key, sealed, err := client.Unwrap(nil, wrapped)
	if err == nil && !sealed {
		err = errors.New("the key is not encrypted")
	}
	return key, err
}

// checkContexts insists that the keys of all contexts were found in messages.
func (c *transcript) checkContexts() error {
	for _, t := range c.Contexts {
		if !t.recovered {
			return fmt.Errorf("no message holds the key of %s", t.Identifier)
		}
	}
	return nil
}

// negotiate takes the place of the service in the negotiation, and returns the
// initiator's key: what the service wrapped is under that, or under its own.
func (c *transcript) negotiate(ctx context.Context, token []byte) (etype.Key, error) {
	acceptor := c.acceptor.NewContext(gss.AcceptConfig{NoAcceptorSubkey: true})
	if _, _, err := acceptor.Step(ctx, token); err != nil {
		return etype.Key{}, err
	}
	if !acceptor.Established() {
		return etype.Key{}, errors.New("the negotiation takes more than one message")
	}
	return acceptor.Key(), nil
}

// find returns the first element with a local name below n, zero if there is
// none.
func find(n xmltext.Node, local string) xmltext.Node {
	for d := range n.Descendants() {
		if d.Local() == local {
			return d
		}
	}
	return xmltext.Node{}
}

// octets returns the base64 content of such an element, nil if there is none.
func octets(n xmltext.Node, local string) ([]byte, error) {
	e := find(n, local)
	if e.IsZero() {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(e.Text())
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", local)
	}
	return b, nil
}
