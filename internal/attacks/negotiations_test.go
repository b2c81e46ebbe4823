package attacks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/internal/attacks"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// ntlmFirst is a client's list of mechanisms, of which the service takes the
// second.
var ntlmFirst = krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5)

// A hesitant context has its Kerberos token in its second message, and the
// mechListMIC in its third (RFC 4178 §5).
type hesitant struct {
	*gss.Context
	step int
}

// Step takes the service's token, and returns the next.
func (h *hesitant) Step(ctx context.Context, token []byte) ([]byte, bool, error) {
	h.step++
	if h.step == 1 {
		ntlm := []byte("NTLMSSP\x00\x01\x00\x00\x00")
		return krbtest.NegTokenInit{MechTypes: ntlmFirst, MechToken: ntlm}.Token(), false, nil
	}
	resp, ok := krbtest.ReadNegTokenResp(token)
	if !ok {
		return nil, false, errors.New("no NegTokenResp")
	}
	mechanism, done, err := h.Context.Step(ctx, resp.ResponseToken)
	if err != nil {
		return nil, false, err
	}
	if h.step == 2 {
		return krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete, ResponseToken: mechanism}.Token(), false, nil
	}
	if err := h.VerifyMIC(ntlmFirst, resp.MIC); err != nil {
		return nil, false, err
	}
	mic, err := h.MIC(ntlmFirst)
	if err != nil || !done {
		return nil, false, errors.Join(err, errors.New("the service has not proved itself"))
	}
	return krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: mic}.Token(), true, nil
}

// A line is between a negotiating client and the gateway: it returns what comes
// back for the n-th message.
type line func(n int, m attacks.Message) (reply []byte)

// straight sends messages as they are.
func (c *conversing) straight(_ int, m attacks.Message) []byte {
	c.Helper()
	response := c.gate.pass(context.Background(), m)
	reply, err := io.ReadAll(response.Body)
	must(c.T, err)
	if response.StatusCode != http.StatusOK {
		return nil
	}
	return reply
}

// hesitate has a client negotiate in several messages through a line, and then
// send a message under the context. It returns what the backend got.
func (c *conversing) hesitate(name string, through line) (got []delivery, sent []attacks.Message) {
	c.Helper()
	ticket, err := c.kdc.Ticket(name, service, krbtest.TicketOptions{})
	must(c.T, err)
	krb5, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Mechanism: gss.MechanismKRB5})
	must(c.T, err)
	i, err := wstrust.NewInitiator(&hesitant{Context: krb5}, wstrust.InitiatorConfig{Version: wstrust.V13,
		AlgorithmSuite: c.policy.AlgorithmSuite})
	must(c.T, err)
	content, err := i.Start(context.Background())
	must(c.T, err)
	for n := 0; content != nil && n < 6; n++ {
		m := attacks.Message{ContentType: "text/xml; charset=utf-8", Octets: fmt.Appendf(nil, `<s:Envelope xmlns:s="%s">`+
			`<s:Header><a:Action xmlns:a="%s">%s</a:Action></s:Header><s:Body>%s</s:Body></s:Envelope>`, soap.NS11,
			soap.NSAddressing, i.Action(), content)}
		sent = append(sent, m)
		env, err := soap.Parse(through(n, m), xmltext.Options{})
		if err != nil {
			return nil, sent
		}
		if content, err = i.Step(context.Background(), env); err != nil {
			return nil, sent
		}
	}
	sc := i.Established()
	if sc == nil {
		return nil, sent
	}
	return c.say(name, sc), sent
}

// say sends a message under a security context.
func (c *conversing) say(name string, sc *wssec.SecurityContext) (got []delivery) {
	c.Helper()
	p, err := wssec.NewProcessor(c.policy, wssec.Config{})
	must(c.T, err)
	env, err := soap.Parse(fmt.Appendf(nil, `<s:Envelope xmlns:s="%s"><s:Body><o:order xmlns:o="urn:o">%s</o:order>`+
		`</s:Body></s:Envelope>`, soap.NS11, name), xmltext.Options{})
	must(c.T, err)
	octets, _, err := p.ProtectRequest(nil, env, wssec.OutgoingToken{Context: sc})
	must(c.T, err)
	ctx := context.WithValue(context.Background(), deliveriesKey{}, &got)
	c.gate.pass(ctx, attacks.Message{Octets: octets, ContentType: "text/xml; charset=utf-8"})
	return got
}

// hesitations disturbs negotiations of several messages: each is cut, sent twice,
// too late, left out, mixed and exchanged with those of another client. Whoever
// negotiates may then be refused, or be who she is.
func (c *conversing) hesitations() {
	c.Helper()
	_, alice := c.hesitate("alice", c.straight)
	honestly, legs := c.hesitate("mallory", c.straight)
	if len(alice) != 3 || len(legs) != 3 || len(honestly) != 1 {
		c.Fatalf("%d and %d messages, %d deliveries", len(alice), len(legs), len(honestly))
	}
	meaning, err := attacks.Read(honestly[0].octets)
	must(c.T, err)
	protected := honest{meaning: meaning, principal: honestly[0].header.Get("X-Principal")}
	if !strings.HasPrefix(protected.principal, "mallory@") {
		c.Fatalf("mallory is %s", protected.principal)
	}
	try := func(name string, through line) {
		got, _ := c.hesitate("mallory", through)
		code := "ok"
		if len(got) == 0 {
			code = "failed"
		}
		c.judge(c.gate, attacks.Attack{Class: "disturbed negotiations of several messages", Name: name}, code, got,
			[]honest{protected})
	}
	for leg := range legs {
		at := func(name string, change func(attacks.Message) []attacks.Message) {
			try(fmt.Sprintf("message %d %s", leg+1, name), func(n int, m attacks.Message) (reply []byte) {
				if n != leg {
					return c.straight(n, m)
				}
				for _, m := range change(m) {
					reply = c.straight(n, m)
				}
				return reply
			})
		}
		c.disturbLeg(at, alice, legs)
		for other := range alice {
			try(fmt.Sprintf("answer %d for answer %d of the other", other+1, leg+1), c.otherAnswer(leg, other, alice))
		}
	}
}

// disturbLeg changes one message of a negotiation.
func (c *conversing) disturbLeg(at func(string, func(attacks.Message) []attacks.Message),
	alice, before []attacks.Message) {
	c.Helper()
	for part := range 16 {
		at(fmt.Sprintf("cut at %d/16", part), func(m attacks.Message) []attacks.Message {
			m.Octets = m.Octets[:len(m.Octets)*part/16]
			return []attacks.Message{m}
		})
	}
	at("twice", func(m attacks.Message) []attacks.Message { return []attacks.Message{m, m} })
	for n, others := range map[string][]attacks.Message{"the other client": alice, "her negotiation before": before} {
		for i, other := range others {
			name := fmt.Sprintf("message %d of %s", i+1, n)
			at("replaced by "+name, func(attacks.Message) []attacks.Message { return []attacks.Message{other} })
			at("before "+name, func(m attacks.Message) []attacks.Message { return []attacks.Message{m, other} })
			at("behind "+name, func(m attacks.Message) []attacks.Message { return []attacks.Message{other, m} })
			for _, piece := range between {
				at(fmt.Sprintf("with %s of %s", piece[0], name), func(m attacks.Message) []attacks.Message {
					return []attacks.Message{exchanged(m, other, piece)}
				})
			}
		}
	}
}

// otherAnswer gives the client, in the place of an answer, that to a message of
// another client's, sent with the Context of hers.
func (c *conversing) otherAnswer(leg, other int, alice []attacks.Message) line {
	return func(n int, m attacks.Message) []byte {
		reply := c.straight(n, m)
		if n != leg {
			return reply
		}
		return c.straight(n, exchanged(alice[other], m, between[0]))
	}
}
