package testvectors_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A verifier plays a recorded conversation: the service's side for requests, the client's for responses.
type verifier struct {
	*wssec.Processor
	channel wssec.Channel
	sent    *wssec.Request // what the client would remember of the last request
}

func newVerifier(t *testing.T, c *transcript) *verifier {
	t.Helper()
	clock := func() time.Time { return c.Captured }
	keytab, err := kerberos.ParseKeytab(c.file(t, c.Keytab))
	if err != nil {
		t.Fatal(err)
	}
	replay := kerberos.NewMemoryReplayStore(kerberos.MemoryReplayConfig{Time: clock})
	acceptor, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{
		Keytab: keytab, Services: []string{c.ServicePrincipal}, Etypes: c.Enctypes, Replay: replay, Time: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wssec.NewProcessor(c.Policy, wssec.Config{Tickets: acceptor, Replay: replay, Time: clock})
	if err != nil {
		t.Fatal(err)
	}
	return &verifier{Processor: p, channel: wssec.Channel{TLS: c.TLS}}
}

// message verifies one file.
func (v *verifier) message(t *testing.T, octets []byte, response bool) (*wssec.Message, error) {
	t.Helper()
	env, err := soap.Parse(octets, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	if response {
		return v.VerifyReply(t.Context(), env, v.sent, v.channel)
	}
	m, err := v.Verify(t.Context(), env, v.channel)
	if err == nil {
		v.remember(t, octets, m)
	}
	return m, err
}

// remember makes what a client keeps of a request out of the token in it, if it holds one.
func (v *verifier) remember(t *testing.T, request []byte, m *wssec.Message) {
	t.Helper()
	env, err := soap.Parse(request, xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range env.Header.Descendants() {
		if !n.Is(wssec.NSWSSE, "BinarySecurityToken") {
			continue
		}
		token, err := base64.StdEncoding.DecodeString(n.Text())
		if err != nil {
			t.Fatal(err)
		}
		if _, v.sent, err = v.ProtectRequest(nil, env, wssec.OutgoingToken{Token: token, Key: m.Key()}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTranscriptsHaveTheirVerdicts(t *testing.T) {
	transcripts(t, func(t *testing.T, c *transcript) {
		v := newVerifier(t, c)
		for _, file := range c.Messages {
			if file.Expect == "fault" {
				continue
			}
			response := strings.Contains(file.File, "response")
			m, err := v.message(t, c.file(t, file.File), response)
			if got := verdict(err); got != file.Expect {
				t.Errorf("%s: %s instead of %s: %v", file.File, got, file.Expect, err)
				continue
			}
			if err != nil {
				continue
			}
			got := string(m.Body().AppendCanonical(nil, xmltext.C14N{}))
			if diff := cmp.Diff(string(c.file(t, file.Plain)), got); diff != "" {
				t.Errorf("%s: Body (-recorded +ours):\n%s", file.File, diff)
			}
			name, realm := m.Principal()
			if !response && (name+"@"+realm != c.ClientPrincipal || m.Service() != c.ServicePrincipal) {
				t.Errorf("%s: from %s@%s for %s", file.File, name, realm, m.Service())
			}
		}
	})
}

// verdict says err in the words of case.yaml.
func verdict(err error) string {
	var coded interface{ ErrorCode() string }
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &coded):
		return coded.ErrorCode()
	}
	return err.Error()
}

// Every request that was accepted is refused when it comes again, to the same service under the same policy.
func TestTranscriptsAreNotAcceptedTwice(t *testing.T) {
	transcripts(t, func(t *testing.T, c *transcript) {
		v := newVerifier(t, c)
		for _, file := range c.Messages {
			if file.Expect != "ok" || strings.Contains(file.File, "response") {
				continue
			}
			_, first := v.message(t, c.file(t, file.File), false)
			_, again := v.message(t, c.file(t, file.File), false)
			if first != nil || again == nil {
				t.Errorf("%s: first %v, then %v", file.File, first, again)
			}
		}
	})
}
