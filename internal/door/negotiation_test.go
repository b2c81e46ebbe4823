package door_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// legs is an acceptor whose contexts take two tokens: "first" and "second".
type legs struct{ resumed bool }

func (l legs) NewContext([][]byte) wstrust.GSSContext { return l }
func (l legs) Resume(context.Context, [][]byte, wssec.StateSealer, []byte) (wstrust.GSSContext, error) {
	return legs{resumed: true}, nil
}

func (l legs) Step(_ context.Context, token []byte) (reply []byte, done bool, err error) {
	switch {
	case string(token) == "first" && !l.resumed:
		return []byte("go on"), false, nil
	case string(token) == "second" && l.resumed:
		return nil, true, nil
	}
	return nil, false, errors.New("a token that nobody expects")
}

func (legs) Client() (name, realm string)                  { return "alice", "EXAMPLE.COM" }
func (legs) Service() string                               { return service + "@EXAMPLE.COM" }
func (legs) Groups() []string                              { return []string{"S-1-5-32-545"} }
func (legs) EndTime() time.Time                            { return time.Now().Add(time.Hour) }
func (legs) Export(wssec.StateSealer) ([]byte, error)      { return []byte("exported"), nil }
func (legs) Wrap(dst, text []byte, _ bool) ([]byte, error) { return append(dst, text...), nil }

// negotiation returns a Negotiation in front of a door.
func (w *world) negotiation(behind door.Door) *door.Negotiation {
	w.Helper()
	n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{
		Acceptor: legs{}, AlgorithmSuite: wssec.Basic128,
		Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{}),
	})
	w.must(err)
	return door.NewNegotiation(n, false, behind)
}

// leg returns the message of a leg: the element with a token.
func (w *world) leg(element, action, token string) door.Arrival {
	w.Helper()
	v := wstrust.V13
	header := fmt.Sprintf(`<a:Action xmlns:a="%s">%s</a:Action><a:MessageID xmlns:a="%[1]s">urn:uuid:1</a:MessageID>`,
		soap.NSAddressing, v.Trust()+action)
	request := ""
	if element == "RequestSecurityToken" {
		request = `<t:RequestType>` + v.Trust() + `/Issue</t:RequestType>`
	}
	body := fmt.Sprintf(`<t:%s xmlns:t="%s" Context="uuid-1">%s<t:BinaryExchange ValueType="%s/spnego" EncodingType="%s">`+
		`%s</t:BinaryExchange></t:%[1]s>`, element, v.Trust(), request, wstrust.NSTrust05, encodingBase64,
		base64.StdEncoding.EncodeToString([]byte(token)))
	in := w.arrival([]byte(envelope(header, body)))
	in.Action = v.Trust() + action
	return in
}

const encodingBase64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

func (w *world) first() door.Arrival { return w.leg("RequestSecurityToken", "/RST/Issue", "first") }

func (w *world) second() door.Arrival {
	return w.leg("RequestSecurityTokenResponse", "/RSTR/Issue", "second")
}

func TestNegotiationAnswersItsLegsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.negotiation(door.None())
	if d, err := n.Choose(w.first()); err != nil || d.Name() != "negotiation" || d.Policies() != nil {
		t.Errorf("a leg: %v, %v", d, err)
	}
	other := w.arrival([]byte(envelope("", payload)))
	if d, err := n.Choose(other); err != nil || d != door.None() {
		t.Errorf("another message: %v, %v", d, err)
	}
	in, err := n.Admit(t.Context(), other)
	w.must(err)
	if in.Answers() {
		t.Error("the door answers a message that is for the one behind it")
	}
}

func TestNegotiationHasTheNameOfTheDoorBehindIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.negotiation(w.security(w.preset("Kerberos")))
	if n.Name() != "Kerberos" || len(n.Policies()) != 1 {
		t.Errorf("%s, %d policies", n.Name(), len(n.Policies()))
	}
}

func TestNegotiationKnowsTheClientWithTheLastLeg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.negotiation(door.None())
	for i, tt := range []struct {
		arrival door.Arrival
		known   bool
		client  string
		element string
	}{
		{w.first(), false, "@", "<t:RequestSecurityTokenResponse "},
		{w.second(), true, "alice@EXAMPLE.COM", "<t:RequestSecurityTokenResponseCollection "},
	} {
		in, err := n.Admit(t.Context(), tt.arrival)
		w.must(err)
		name, realm, known := in.Principal()
		if known != tt.known || name+"@"+realm != tt.client || in.Service() != "" != tt.known {
			t.Errorf("leg %d: %s@%s, known %t, service %q", i+1, name, realm, known, in.Service())
		}
		if len(in.Groups()) == 1 != tt.known {
			t.Errorf("leg %d: groups %v", i+1, in.Groups())
		}
		w.must(in.Authorized(t.Context()))
		reply, err := in.Answer(t.Context())
		if err != nil || !in.Answers() || !strings.Contains(string(reply), tt.element) {
			t.Errorf("leg %d: %v, answer %s", i+1, err, reply)
		}
		if _, notes := in.Notes(); len(notes) != 2 || notes[0].Value.Int64() != int64(i+1) ||
			notes[1].Value.Bool() != tt.known {
			t.Errorf("leg %d: notes %v", i+1, notes)
		}
	}
}

func TestNegotiationForwardsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrival := w.first()
	in, err := w.negotiation(door.None()).Admit(t.Context(), arrival)
	w.must(err)
	forward, err := in.AppendForward([]byte("x"), wssec.Forwarding{Unprotected: wssec.PassHeaders})
	if err == nil || string(forward) != "x" {
		t.Errorf("%v, forwarded %q", err, forward)
	}
	if in.ForwardSize() != 0 || in.Covers(w.block(arrival.Envelope, "Action")) || in.Envelope() != arrival.Envelope {
		t.Errorf("ForwardSize %d", in.ForwardSize())
	}
}

// A negotiation protects its own answers, so the door does not.
func TestNegotiationReturnsAnswersUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, err := w.negotiation(door.None()).Admit(t.Context(), w.first())
	w.must(err)
	reply, err := in.Protect(t.Context(), nil, w.parse([]byte(envelope("", answer))))
	if err != nil || string(reply) != envelope("", answer) {
		t.Errorf("%v, %s", err, reply)
	}
}

func TestNegotiationRefusesALegOfNoNegotiation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.negotiation(door.None())
	if in, err := n.Admit(t.Context(), w.second()); err == nil || in != nil {
		t.Errorf("%v, %v", in, err)
	}
	wrong := w.leg("RequestSecurityToken", "/RST/Issue", "wrong")
	if in, err := n.Admit(t.Context(), wrong); err == nil || in != nil {
		t.Errorf("%v, %v", in, err)
	}
}

func TestNegotiationRefusesWhatTheDoorBehindItRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.negotiation(w.oneOf("Kerberos", "KerberosToken"))
	plain := w.arrival([]byte(envelope("", payload)))
	if in, err := n.Admit(t.Context(), plain); err == nil || in != nil {
		t.Errorf("%v, %v", in, err)
	}
}

// Who sees a negotiation knows the name of the context, which is all that a
// message over TLS may have to prove.
func TestNegotiationOfAPolicyOverTLSNeedsTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n, err := wstrust.NewNegotiator(wstrust.NegotiatorConfig{
		Acceptor: legs{}, AlgorithmSuite: wssec.Basic128,
		Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{}),
	})
	w.must(err)
	overTLS := door.NewNegotiation(n, true, door.None())
	in := w.first()
	in.Channel.TLS = false
	_, err = overTLS.Admit(t.Context(), in)
	if e := (*wssec.Error)(nil); !errors.As(err, &e) || e.Code != wssec.CodeTransport {
		t.Errorf("over plain HTTP: %v", err)
	}
	in.Channel.TLS = true
	_, err = overTLS.Admit(t.Context(), in)
	w.must(err)
}
