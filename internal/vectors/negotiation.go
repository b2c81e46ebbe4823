package vectors

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// negotiation runs a vector of a negotiation, as a client that has all keys.
func (a *archive) negotiation(ctx context.Context, o *Outcome) {
	err := a.negotiate(ctx)
	if err != nil {
		err = &refused{err}
	}
	o.decide(a.Expect, err)
}

func (a *archive) negotiate(ctx context.Context) error {
	bodies, err := a.legs()
	if err != nil {
		return err
	}
	if err := a.acceptFirst(ctx, bodies); err != nil {
		return err
	}
	final := bodies[len(bodies)-1]
	key, err := a.proofKey(final)
	if err != nil {
		return err
	}
	if !bytes.Equal(key, a.Key) {
		return errors.New("the key of the context is not that of the vector")
	}
	return a.checkAuthenticator(bodies, key)
}

// legs parses the messages, and returns the elements in their Bodies.
func (a *archive) legs() (bodies []xmltext.Node, err error) {
	for i := 1; ; i++ {
		src, ok := a.sections[fmt.Sprintf("%d.xml", i)]
		if !ok {
			break
		}
		env, err := soap.Parse(src, xmltext.Options{})
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, env.Body.FirstChild())
	}
	if len(bodies) < 2 {
		return nil, errors.New("fewer than two messages")
	}
	return bodies, nil
}

// acceptFirst takes the service's place in a negotiation of two messages.
func (a *archive) acceptFirst(ctx context.Context, bodies []xmltext.Node) error {
	if len(bodies) > 2 {
		return nil // the service's tokens are those of another one
	}
	token, err := octets(bodies[0], "BinaryExchange")
	if err != nil {
		return err
	}
	acceptor, err := a.tokenAcceptor()
	if err != nil {
		return err
	}
	c := acceptor.NewContext(gss.AcceptConfig{NoAcceptorSubkey: true})
	if _, _, err := c.Step(ctx, token); err != nil {
		return err
	}
	if key := c.Key(); !c.Established() || !bytes.Equal(key.ExposeKeyOctets(), a.InitiatorKey) {
		return errors.New("the token does not establish a context with the initiator's key")
	}
	return nil
}

// proofKey opens the wrapped key of the last message.
func (a *archive) proofKey(final xmltext.Node) ([]byte, error) {
	wrapped, err := octets(final, "CipherValue")
	if err != nil {
		return nil, err
	}
	client := *a
	client.Key, client.From, client.Sequence = a.InitiatorKey, "acceptor", 7
	p, err := client.protection()
	if err != nil {
		return nil, err
	}
	key, sealed, err := p.Unwrap(nil, wrapped)
	if err == nil && !sealed {
		err = errors.New("the key is not encrypted")
	}
	return key, err
}

// checkAuthenticator computes the CombinedHash from the messages.
func (a *archive) checkAuthenticator(bodies []xmltext.Node, key []byte) error {
	h := sha1.New()
	for i, body := range bodies {
		form := body.AppendCanonical(nil, xmltext.C14N{})
		if i == len(bodies)-1 {
			form = finalForm(body.FirstChild())
		}
		h.Write(form)
	}
	hash := find(bodies[len(bodies)-1], "CombinedHash")
	got, err := base64.StdEncoding.DecodeString(hash.Text())
	want := wstrust.Authenticator(wssec.NewKey(key), h.Sum(nil))
	if err != nil || subtle.ConstantTimeCompare(got, want) != 1 {
		return errors.New("the CombinedHash is not that of the messages")
	}
	return nil
}

// finalForm is the canonical form of the last RSTR without its token and proof.
func finalForm(rstr xmltext.Node) []byte {
	form := rstr.AppendCanonical(nil, xmltext.C14N{})
	for _, local := range []string{"RequestedSecurityToken", "RequestedProofToken"} {
		start, end := bytes.Index(form, []byte("<t:"+local+">")), bytes.Index(form, []byte("</t:"+local+">"))
		if start >= 0 && end > start {
			form = append(form[:start:start], form[end+len("</t:>")+len(local):]...)
		}
	}
	return form
}
