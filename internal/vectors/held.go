package vectors

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A Context is a security context that a receiver has before a message comes.
type Context struct {
	Identifier, Instance, Namespace string

	Token     wssec.TokenType
	Key       hexOctets
	OldKey    hexOctets `json:"old-key"` // before a renewal
	Expires   time.Time
	Cancelled bool
	Client    string // if it is not that of the case
}

// ParseContexts reads a list of contexts, in YAML or JSON, from the text of a
// file. Its errors show nothing of a key.
func ParseContexts(name string, text []byte) (list []Context, err error) {
	object, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: neither YAML nor JSON", name)
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	dec.DisallowUnknownFields()
	err = dec.Decode(&list)
	switch unknown := unknownField(err); {
	case len(unknown) > longestField:
		return nil, fmt.Errorf("%s: a field that no security context has", name) // it may be a key
	case unknown != "", errors.Is(err, errHexadecimal):
		return nil, fmt.Errorf("%s: %w", name, err)
	case err != nil:
		return nil, fmt.Errorf("%s: no list of security contexts; texts of digits need quotes", name)
	case len(list) == 0:
		return nil, fmt.Errorf("%s: no security context", name)
	}
	for i, c := range list {
		if c.Identifier == "" || len(c.Key) == 0 {
			return nil, fmt.Errorf("%s: context %d has no identifier, or no key", name, i+1)
		}
		if len(c.OldKey) > 0 && c.Instance == "" {
			return nil, fmt.Errorf("%s: context %d has an old-key, and no instance: it was not renewed", name, i+1)
		}
	}
	return list, nil
}

// longestField is the room for the name of a field with a few mistakes. Keys are
// longer.
const longestField = 16

// unknownField returns the name that an error of [json.Decoder] is about, with its
// quotes; "" for other errors.
func unknownField(err error) string {
	if err == nil {
		return ""
	}
	_, field, _ := strings.Cut(err.Error(), "unknown field ")
	return field
}

// A holder is who has contexts, and what they are if they do not say.
type holder struct {
	time            time.Time
	client, service string
	token           wssec.TokenType
	sealed          bool
}

// hold enters contexts.
func (h holder) hold(ctx context.Context, list []Context) (*wssec.SecurityContexts, error) {
	held := h.time
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: func() time.Time { return held }, Sealed: h.sealed})
	for _, c := range list {
		sc := h.contextOf(c)
		held = minTime(h.time, sc.Expires.Add(-time.Minute))
		sc.Created = held.Add(-time.Minute)
		if len(c.OldKey) > 0 {
			sc.Key = wssec.NewKey(c.OldKey)
		}
		err := contexts.Issue(ctx, sc)
		if err == nil && c.Instance != "" {
			sc.Instance, sc.Key = c.Instance, wssec.NewKey(c.Key)
			err = contexts.Renew(ctx, sc)
		}
		if err == nil && c.Cancelled {
			err = contexts.Cancel(ctx, c.Identifier, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Identifier, err)
		}
		held = h.time
	}
	return contexts, nil
}

// contextOf returns a context as it is issued.
func (h holder) contextOf(c Context) wssec.SecurityContext {
	name, realm, _ := strings.Cut(cmp.Or(c.Client, h.client), "@")
	sc := wssec.SecurityContext{Identifier: c.Identifier, Token: cmp.Or(c.Token, h.token), Namespace: c.Namespace,
		Key: wssec.NewKey(c.Key), Name: name, Realm: realm, Service: h.service, Expires: c.Expires}
	if sc.Expires.IsZero() {
		sc.Expires = h.time.Add(time.Hour)
	}
	return sc
}

// of gives contexts without a namespace that of the SecurityContextToken in a
// message.
func of(list []Context, env *soap.Envelope) []Context {
	out := make([]Context, len(list))
	for i, c := range list {
		if c.Namespace == "" {
			c.Namespace = wssec.NSWSC05
		}
		for n := range env.Root.Descendants() {
			if list[i].Namespace == "" && n.Local() == "SecurityContextToken" &&
				n.Child(n.Space(), "Identifier").Text() == c.Identifier {
				c.Namespace = n.Space()
				break
			}
		}
		out[i] = c
	}
	return out
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
