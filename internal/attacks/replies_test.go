package attacks_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/attacks"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// A reply answers one of the messages of a target.
type reply struct {
	of int
	attacks.Message
}

// A receiving is the client of a request, which gets replies.
type receiving struct {
	*target
	processor *wssec.Processor
	sent      *wssec.Request
}

// receiving makes the client that has sent a message.
func (t *trial) receiving(s *target, of int) *receiving {
	t.Helper()
	r := &receiving{target: s, processor: s.processor(t, always{})}
	for _, m := range s.messages[:of+1] { // it may name the token of one before
		env, err := soap.Parse(m.Octets, xmltext.Options{})
		must(t, err)
		msg, err := r.processor.Verify(t.Context(), env, wssec.Channel{TLS: s.tls})
		must(t, err)
		must(t, msg.Remember(t.Context()))
		r.sent = msg.AsSent()
	}
	return r
}

// take returns what the client takes for the reply; nothing if it refuses.
func (r *receiving) take(a attacks.Attack) (code string, got []delivery) {
	env, err := soap.Parse(a.Octets, xmltext.Options{})
	if err != nil {
		return "xml", nil
	}
	msg, err := r.processor.VerifyReply(context.Background(), env, r.sent, wssec.Channel{TLS: r.tls})
	if err != nil {
		if coded, ok := err.(interface{ ErrorCode() string }); ok {
			code = coded.ErrorCode()
		}
		return code, nil
	}
	octets, err := msg.AppendForward(nil, wssec.Forwarding{UltimateReceiver: true})
	if err != nil {
		return "forward", nil
	}
	return "ok", []delivery{{octets: octets}}
}

// replyTargets are the conversations and cases with protected replies.
func replyTargets(t *testing.T) (list []*target) {
	for _, s := range transcripts(t, true) {
		if len(s.replies) > 0 {
			list = append(list, s)
		}
	}
	files, err := fs.Glob(testvectors.Files, "cases/reply-*.txtar")
	must(t, err)
	for _, f := range files {
		if s := readReply(t, f); s != nil {
			list = append(list, s)
		}
	}
	return list
}

// readReply reads a case with an accepted reply under a symmetric binding, else
// nil.
func readReply(t *testing.T, name string) *target {
	t.Helper()
	header, section := readArchive(t, name)
	if header["expect"] != "ok" || section["before.xml"] == nil {
		return nil
	}
	s := caseTarget(t, name, header)
	if s == nil || s.policy.Binding != wssec.SymmetricBinding {
		return nil
	}
	s.messages = []attacks.Message{request(section["before.xml"], nil, "")}
	s.replies = []reply{{0, request(section["message.xml"], section["body.xml"], "")}}
	return s
}

// TestNoAttackOnAReplyIsTaken gives clients attacks on their replies: what they
// take for the reply must be what the service has protected.
func TestNoAttackOnAReplyIsTaken(t *testing.T) {
	trial, step := newTrial(t), 41
	targets := replyTargets(t)
	if len(targets) < 20 {
		t.Fatalf("%d targets", len(targets))
	}
	for n, s := range targets {
		if *whole {
			step = 1
		} else if n%5 != 0 {
			continue
		}
		for i := range s.replies[:min(len(s.replies), 2)] {
			trial.attackReply(s, i, n, step)
		}
	}
	for _, preset := range []string{"Kerberos", "SspiNegotiated", "SecureConversation", "wsHttpBinding"} {
		trial.confuse(preset)
	}
	trial.wait.Wait()
	trial.log()
	checkDocument(t, trial.results, "replies")
}

// attackReply gives the client of a reply attacks on it, other messages of the
// conversation in its place, and parts of two.
func (t *trial) attackReply(s *target, i, from, step int) {
	t.Helper()
	r := t.receiving(s, s.replies[i].of)
	code, got := r.take(attacks.Attack{Message: s.replies[i].Message})
	if len(got) != 1 {
		t.Fatalf("reply %d of %s is refused: %s", i+1, s.name, code)
	}
	meaning, err := attacks.Read(got[0].octets)
	must(t, err)
	if want := protectedMeaning(t.T, s.replies[i].Message); want.Body != meaning.Body {
		t.Fatalf("reply %d of %s is taken for\n%s\nand is\n%s", i+1, s.name, meaning.Body, want.Body)
	}
	protected := []honest{{meaning: meaning, action: signedAction(got[0], meaning)}}
	list, err := attacks.Of(s.replies[i].Message)
	must(t, err)
	t.give(r, sample(list, from, step), protected)
	t.give(r, s.instead(i), protected)
	for j, other := range s.replies {
		if j == i || s.oneKey() {
			continue
		}
		spliced, err := attacks.Spliced(s.replies[i].Message, other.Message)
		must(t, err)
		t.give(r, sample(spliced, 0, max(1, step/8)), protected)
	}
}

// oneKey reports whether all messages of the target have one key, as under a
// security context: then the key does not say which request a reply is for, and
// the client looks at more ([trial.confuse]).
func (s *target) oneKey() bool { return len(s.contexts) > 0 || s.policy.TokenOnce }

// instead are other messages in the place of a reply: its request, and requests
// and replies of others.
func (s *target) instead(i int) (list []attacks.Attack) {
	add := func(name string, m attacks.Message) {
		list = append(list, attacks.Attack{Class: "other messages", Name: name, Message: m})
	}
	for j, m := range s.messages {
		if j != s.replies[i].of && s.oneKey() {
			continue
		}
		add(fmt.Sprintf("request %d", j+1), m)
	}
	for _, m := range s.replies {
		if m.of != s.replies[i].of && !s.oneKey() {
			add(fmt.Sprintf("reply to request %d", m.of+1), m.Message)
		}
	}
	for part := range 16 {
		m := s.replies[i].Message
		m.Octets = m.Octets[:len(m.Octets)*part/16]
		add(fmt.Sprintf("cut at %d/16", part), m)
	}
	return list
}

// give gives a client attacks.
func (t *trial) give(r *receiving, list []attacks.Attack, protected []honest) {
	for _, a := range list {
		t.places <- struct{}{}
		t.wait.Go(func() {
			defer func() { <-t.places }()
			code, got := r.take(a)
			t.judge(&gate{target: r.target}, a, code, got, protected)
		})
	}
}

// answerKey is of what the backend answers.
type answerKey struct{}

// A confused is a client whose replies somebody changes.
type confused struct {
	*conversing
	name   string
	caller *client.Client
	wire   *wire
	calls  int
}

// confused makes a client of a gateway.
func (c *conversing) confused(name, addressing string) *confused {
	c.Helper()
	f := &confused{conversing: c, name: name, wire: &wire{gate: c.gate}}
	var err error
	f.caller, err = client.New(client.Config{URL: "http://service.example.com/svc", Service: service, Policy: c.policy,
		Tickets: tickets{c.kdc, name}, Transport: f.wire, Timeout: time.Minute, Addressing: addressing})
	must(c.T, err)
	return f
}

// ask calls once. Answer changes what comes back of the call itself, not of a
// negotiation before it. It returns what the client takes for the reply, and
// what the service has answered.
func (f *confused) ask(answer func(reply []byte) []byte) (taken, want string, err error) {
	f.Helper()
	f.calls++
	want = fmt.Sprintf(`>%s %d<`, f.name, f.calls)
	var got []delivery
	ctx := context.WithValue(context.WithValue(context.Background(), deliveriesKey{}, &got), answerKey{},
		`<s:Envelope xmlns:s="`+soap.NS11+`"><s:Body><o:done xmlns:o="urn:o"`+want+`/o:done></s:Body></s:Envelope>`)
	f.wire.answer = func(_ int, reply []byte) []byte {
		if len(got) == 0 || answer == nil {
			return reply
		}
		return answer(reply)
	}
	message := `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><o:order xmlns:o="urn:o"/></s:Body></s:Envelope>`
	answered, err := f.caller.Call(ctx, client.Request{Message: []byte(message), Action: "urn:o/order"})
	if err != nil {
		return "", want, err
	}
	return string(answered.Message), want, nil
}

// must calls without an attacker, and returns the reply as it was on the way.
func (f *confused) must() (passed []byte) {
	f.Helper()
	taken, want, err := f.ask(func(reply []byte) []byte { passed = reply; return reply })
	must(f.T, err)
	if !strings.Contains(taken, want) || passed == nil {
		f.Fatalf("%s: %s, want %s", f.target.name, taken, want)
	}
	return passed
}

// confuse gives a client, in the place of the reply to its call, replies to other
// calls of its own and of another client, replies that never reached it, its
// request, and pieces.
func (t *trial) confuse(preset string) {
	t.Helper()
	c := t.conversing(preset, always{})
	c.gate = newGateOf(t, &target{name: preset, addressing: true}, c.door(always{}))
	alice, mallory := c.confused("alice", soap.NSAddressing), c.confused("mallory", soap.NSAddressing)
	first, second, others := alice.must(), alice.must(), mallory.must()
	var withheld []byte
	if _, _, err := alice.ask(func(reply []byte) []byte { withheld = reply; return nil }); err == nil {
		t.Fatal("a call without a reply has one")
	}
	try := func(name string, answer func(reply []byte) []byte) {
		t.Helper()
		taken, want, err := alice.ask(answer)
		t.mu.Lock() // attacks on replies are still being tried
		defer t.mu.Unlock()
		code, o := "ok", t.results.class("replies to other calls")
		o.tried++
		switch {
		case err != nil:
			code = "failed"
			o.refused++
		case !strings.Contains(taken, want):
			o.reached++
			t.Errorf("%s: %s: the reply %s is taken for that of %s", preset, name, taken, want)
		default:
			o.same++
		}
		o.codes[code]++
	}
	for name, old := range map[string][]byte{"the first reply": first, "the second reply": second,
		"the other client's reply": others, "a reply that never came": withheld} {
		try(name, func([]byte) []byte { return old })
		try(name+", behind the reply", func(reply []byte) []byte { return append(reply, old...) })
		for i := range between {
			try(fmt.Sprintf("with %s of %s", between[i][0], name), func(reply []byte) []byte {
				return exchanged(attacks.Message{Octets: reply}, attacks.Message{Octets: old}, between[i]).Octets
			})
		}
	}
	try("its request", func([]byte) []byte { return alice.wire.request })
	for part := range 16 {
		try(fmt.Sprintf("cut at %d/16", part), func(reply []byte) []byte { return reply[:len(reply)*part/16] })
	}
	alice.must() // whatever it was given
}
