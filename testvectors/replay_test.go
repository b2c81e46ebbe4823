package testvectors_test

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// service is a Processor in the place and at the time of the one that was
// recorded.
func (c *transcript) service(t *testing.T, under string) *wssec.Processor {
	t.Helper()
	policy := c.Policy
	if under == "bootstrap" {
		policy = *policy.Bootstrap
	}
	if c.TLS && len(c.Contexts) > 0 { // by default TLS alone is relied on
		policy.MessageReplay = wssec.SwitchOn
	}
	clock := func() time.Time { return c.Captured }
	keytab, err := keytab.Parse(c.file(t, c.Keytab))
	if err != nil {
		t.Fatal(err)
	}
	replay := replay.NewMemory(replay.MemoryConfig{Time: clock})
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: keytab, Services: []string{c.ServicePrincipal}, Etypes: c.Enctypes, Replay: replay, Time: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wssec.NewProcessor(policy,
		wssec.Config{Verifier: acceptor, Replay: replay, Contexts: c.issued(t, clock), Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// issued are the contexts of the case.
func (c *transcript) issued(t *testing.T, clock func() time.Time) *wssec.SecurityContexts {
	t.Helper()
	token := c.Policy.ProtectionToken
	for _, s := range c.Policy.SupportingTokens {
		token = s.Token
	}
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{Time: clock})
	for _, x := range c.Contexts {
		key, err := base64.StdEncoding.DecodeString(x.Key)
		if err != nil {
			t.Fatal(err)
		}
		err = contexts.Issue(t.Context(), wssec.SecurityContext{
			Identifier: x.Identifier, Namespace: x.Namespace, Token: cmp.Or(x.Token, token), Key: wssec.NewKey(key),
			Name: "alice", Created: clock(), Expires: clock().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return contexts
}

// What README.md asks of a user: the same file presented twice is refused the
// second time, whatever protects it.
func TestRequestsAreNotAcceptedTwice(t *testing.T) {
	t.Parallel()
	transcripts(t, func(t *testing.T, c *transcript) {
		services := map[string]*wssec.Processor{}
		verify := func(file, under string) error {
			if services[under] == nil {
				services[under] = c.service(t, under)
			}
			env, err := soap.Parse(c.file(t, file), xmltext.Options{})
			if err == nil {
				var m *wssec.Message
				if m, err = services[under].Verify(t.Context(), env, wssec.Channel{TLS: c.TLS}); err == nil {
					err = m.Remember(t.Context())
				}
			}
			return err
		}
		for _, m := range c.Messages {
			if m.Expect != "ok" || strings.Contains(m.File, "response") {
				continue
			}
			if err := verify(m.File, m.Under); err != nil {
				t.Errorf("%s: %v", m.File, err)
			}
			if verify(m.File, m.Under) == nil {
				t.Errorf("%s was accepted twice", m.File)
			}
		}
	})
}

// The Authenticator that a negotiation ends with follows from the key and from
// what README.md says is hashed.
func TestAuthenticatorsFollowFromKeyAndHashInputs(t *testing.T) {
	checked := 0
	transcripts(t, func(t *testing.T, c *transcript) {
		for _, x := range c.Contexts {
			if x.CombinedHash == "" {
				continue
			}
			h := sha1.New()
			for _, name := range x.HashInputs {
				h.Write(c.file(t, name))
			}
			key, _ := base64.StdEncoding.DecodeString(x.Key)
			hash := wstrust.Authenticator(wssec.NewKey(key), h.Sum(nil))
			if base64.StdEncoding.EncodeToString(hash) != x.CombinedHash {
				t.Errorf("%s: CombinedHash %x", x.Identifier, hash)
			}
			if !bytes.Contains(c.file(t, "01-response.xml"), []byte(">"+x.CombinedHash+"<")) {
				t.Errorf("%s: the answer has another CombinedHash", x.Identifier)
			}
			checked++
		}
	})
	if checked == 0 {
		t.Error("no case has an Authenticator")
	}
}
