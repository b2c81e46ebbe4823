package testvectors_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// service is a Processor in the place and at the time of the one that was recorded.
func (c *transcript) service(t *testing.T) *wssec.Processor {
	t.Helper()
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
	p, err := wssec.NewProcessor(c.Policy, wssec.Config{Verifier: acceptor, Replay: replay, Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What README.md asks of a user: the same file presented twice is refused the second time, whatever protects it.
func TestRequestsAreNotAcceptedTwice(t *testing.T) {
	transcripts(t, func(t *testing.T, c *transcript) {
		p := c.service(t)
		verify := func(file string) error {
			env, err := soap.Parse(c.file(t, file), xmltext.Options{})
			if err == nil {
				var m *wssec.Message
				if m, err = p.Verify(t.Context(), env, wssec.Channel{TLS: c.TLS}); err == nil {
					err = m.Remember(t.Context())
				}
			}
			return err
		}
		for _, m := range c.Messages {
			if m.Expect != "ok" || strings.Contains(m.File, "response") {
				continue
			}
			if err := verify(m.File); err != nil {
				t.Errorf("%s: %v", m.File, err)
			}
			if verify(m.File) == nil {
				t.Errorf("%s was accepted twice", m.File)
			}
		}
	})
}
