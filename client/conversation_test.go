package client_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A context is renewed, or negotiated anew, before it expires; and made anew when
// it has expired, or the service will not renew it.
func TestConversationRenewsInTime(t *testing.T) {
	t.Parallel()
	call := func(c *client.Client, s *trustService) {
		t.Helper()
		if _, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)}); err != nil {
			t.Error(err)
		}
	}
	s := newTrustService(t, "SecureConversation")
	c := s.client("SecureConversation", nil)
	for _, step := range []struct {
		pass            time.Duration
		issued, renewed int32
	}{{0, 1, 0}, {58 * time.Minute, 1, 0}, {90 * time.Second, 1, 1}, {2 * time.Hour, 2, 1}} {
		s.pass(step.pass)
		call(c, s)
		if s.issued.Load() != step.issued || s.renewed.Load() != step.renewed {
			t.Errorf("after %v: %d issued, %d renewed", step.pass, s.issued.Load(), s.renewed.Load())
		}
	}
	s.pass(59*time.Minute + 30*time.Second)
	s.reply = func(kind string, r *soaphttp.Reply) {
		if kind == "Renew" {
			r.Message = (&soap.Fault{}).AppendEnvelope(nil, soap.V12)
		}
	}
	if call(c, s); s.issued.Load() != 3 {
		t.Errorf("a renewal fails: %d issued", s.issued.Load())
	}

	n := newTrustService(t, "SspiNegotiated")
	c = n.client("SspiNegotiated", nil)
	for i, pass := range []time.Duration{0, 59*time.Minute + 30*time.Second} {
		n.pass(pass)
		if call(c, n); n.negotiations.Load() != int32(i+1) {
			t.Errorf("after %v: %d negotiations", pass, n.negotiations.Load())
		}
	}
}

// WCF's services renew under the bootstrap policy, by a new token of the client.
func TestConversationRenewsUnderTheBootstrapPolicy(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"SecureConversation", "wsHttpBinding"} {
		s := newTrustService(t, preset)
		c := s.client(preset, func(cfg *client.Config) { cfg.EndorsedRenewal = true })
		for _, step := range []struct {
			pass           time.Duration
			renewed, under int32
		}{{0, 0, 1}, {59*time.Minute + 30*time.Second, 1, 2}, {59*time.Minute + 30*time.Second, 2, 3}} {
			s.pass(step.pass)
			if _, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V12, "", ask)}); err != nil {
				t.Error(err)
			}
			if r, u := s.renewed.Load(), s.underBootstrap.Load(); r != step.renewed || u != step.under || s.issued.Load() != 1 {
				t.Errorf("%s: %d renewed, %d under the bootstrap policy, %d issued", preset, r, u, s.issued.Load())
			}
		}
		if err := c.Close(t.Context()); err != nil || s.cancelled.Load() != 1 {
			t.Errorf("%s: %v, %d cancelled", preset, err, s.cancelled.Load())
		}
	}
}

// WCF says under the context itself that the context is over: RenewNeeded when
// its key has expired there, SecuritySessionAborted when the session has.
func TestConversationBeginsAnewWhenTheServiceEndsIt(t *testing.T) {
	t.Parallel()
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		for name, ends := range map[xmltext.Name]bool{
			{Space: wssec.NSWSC05, Local: "RenewNeeded"}:                 true,
			{Space: wssec.NSWSC13, Local: "RenewNeeded"}:                 true,
			{Space: wssec.NSWSC13, Local: "BadContextToken"}:             true,
			{Space: client.NSMicrosoft, Local: "SecuritySessionAborted"}: true,
			{Space: "urn:shares", Local: "RenewNeeded"}:                  false,
			{}: false,
		} {
			s := newTrustService(t, "SecureConversation")
			c := s.client("SecureConversation", nil)
			call := func() error {
				_, err := c.Call(t.Context(), client.Request{Message: envelope(v, "", ask)})
				return err
			}
			s.answer = func(env *soap.Envelope) []byte {
				return (&soap.Fault{Subcode: name, Reason: "no"}).AppendEnvelope(nil, env.Version)
			}
			var e *client.Error
			if err := call(); !errors.As(err, &e) || e.Code != client.CodeFault || e.Fault.Subcode != name {
				t.Fatalf("%v, %v: %v", v, name, err)
			}
			s.answer = nil
			if err := call(); err != nil {
				t.Errorf("%v, %v: %v", v, name, err)
			}
			want := int32(1)
			if ends {
				want = 2
			}
			if n := s.issued.Load(); n != want {
				t.Errorf("%v, %v: %d contexts issued, want %d", v, name, n, want)
			}
		}
	}
}

// A service that does not know a context any more, as after a restart, makes one
// call fail, and the next one negotiate.
func TestConversationBeginsAnewWithoutItsContext(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"SspiNegotiated", "SecureConversation", "wsHttpBinding"} {
		s := newTrustService(t, preset)
		var identifiers []string
		c := s.client(preset, func(cfg *client.Config) {
			cfg.Trace = func(m client.Traced) {
				if _, after, ok := strings.Cut(string(m.Wire), "<wsc:Identifier>"); ok && m.Sent {
					identifier, _, _ := strings.Cut(after, "<")
					identifiers = append(identifiers, identifier)
				}
			}
		})
		call := func() error {
			_, err := c.Call(t.Context(), client.Request{Message: envelope(soap.V11, "", ask)})
			return err
		}
		if err := call(); err != nil {
			t.Fatal(err)
		}
		for _, identifier := range identifiers {
			if err := s.contexts.Cancel(t.Context(), identifier, nil); err != nil {
				t.Fatal(err)
			}
		}
		var e *client.Error
		if err := call(); !errors.As(err, &e) || e.Code != client.CodeRefused {
			t.Errorf("%s: %v", preset, err)
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", preset, err)
		}
		if n := max(s.negotiations.Load(), s.issued.Load()); n != 2 || s.calls.Load() != 2 {
			t.Errorf("%s: %d contexts, %d calls", preset, n, s.calls.Load())
		}
	}
}
