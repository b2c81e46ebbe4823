package wssec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A traffic is the peers of one policy and what is sent to their service.
type traffic struct {
	*peers
	name string
	sent []*sentMessage
}

// A sentMessage is a request, or what became of one on its way.
type sentMessage struct {
	name    string
	octets  []byte
	request *wssec.Request // nil if it was changed
	channel wssec.Channel
	gone    bool // its client has gone away: the context is cancelled
	panics  bool // whoever reserves memory for it panics
}

// leavingReplay refuses those whose client has gone.
type leavingReplay struct{}

func (leavingReplay) Add(ctx context.Context, _ [32]byte, _ time.Time) (bool, error) {
	return true, ctx.Err()
}

type panicsKey struct{}

// newTraffic makes messages that are accepted, and messages that each step of a
// verification refuses.
func newTraffic(t *testing.T, name string, policy wssec.Policy, endorsed bool) *traffic {
	t.Helper()
	x := &traffic{name: name}
	if endorsed {
		x.peers = newRenewing(t, policy, nil).peers
	} else {
		x.peers = newPeers(t, policy, nil)
	}
	now := x.now
	x.cfg.Time, x.cfg.Replay = func() time.Time { return now }, leavingReplay{}
	x.cfg.Tokens = wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{})
	x.cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
	x.cfg.Reserve = func(ctx context.Context, _ int) error {
		if ctx.Value(panicsKey{}) != nil {
			panic("a bug")
		}
		return nil
	}
	x.serve(t, policy)
	var extra strings.Builder
	for i := range 14 {
		fmt.Fprintf(&extra, `<x%d:h xmlns:x%d="urn:x:%d" a="%d">%d</x%d:h>`, i, i, i, i, i, i)
	}
	blocks := strings.Replace(message(300), "<s:Header>", "<s:Header>"+extra.String(), 1)
	for plain, text := range map[string]string{"small": plainOrder, "large": message(2500), "blocks": blocks} {
		x.add(t, plain, text)
	}
	if policy.TokenOnce || x.token.Context != nil && policy.Binding == wssec.SymmetricBinding {
		if _, err := x.verify(t, x.sent[0].octets); err != nil { // which is remembered
			t.Fatal(err)
		}
		x.token.Omit, x.token.Endorsing = true, nil
		x.add(t, "named", plainOrder)
	}
	x.change(t)
	return x
}

func (x *traffic) add(t *testing.T, name, plain string) {
	t.Helper()
	msg, sent := x.request(t, plain)
	channel := secure()
	channel.Client = "192.0.2." + fmt.Sprint(len(x.sent))
	x.sent = append(x.sent, &sentMessage{name: x.name + ", " + name, octets: msg, request: sent, channel: channel})
}

// change adds messages that were changed, or came otherwise.
func (x *traffic) change(t *testing.T) {
	t.Helper()
	for _, good := range slices.Clone(x.sent) {
		add := func(what string, octets []byte, change ...func(*sentMessage)) {
			bad := &sentMessage{name: good.name + ", " + what, octets: octets, channel: good.channel}
			for _, c := range change {
				c(bad)
			}
			x.sent = append(x.sent, bad)
		}
		for pattern, with := range map[string]string{
			`wsse:Security\b`: "x", `</wsse:Security>`: `<x xmlns="urn:x"/></wsse:Security>`,
			`<wsu:Created>20`: "<wsu:Created>19", `wsu:Id="TS-[^"]*"`: `wsu:Id="B"`, `ValueType="[^"]*AP_REQ`: `ValueType="no`,
			`Kerberosv5APREQSHA1">.{4}`: `Kerberosv5APREQSHA1">AAAA`, `Identifier>urn`: "Identifier>no",
			`SignatureValue>.{4}`: "SignatureValue>AAAA", `DigestValue>.{4}`: "DigestValue>AAAA",
			`(CipherValue>.{4}).{4}`: "${1}AAAA", `DataReference URI="#`: `DataReference URI="#x`,
		} {
			if out := regexp.MustCompile(pattern).ReplaceAll(good.octets, []byte(with)); !bytes.Equal(out, good.octets) {
				add(pattern, out)
			}
		}
		add("without TLS", good.octets, func(m *sentMessage) { m.channel.TLS = false })
		add("gone", good.octets, func(m *sentMessage) { m.gone = true })
		add("panic", good.octets, func(m *sentMessage) { m.panics = true })
		random, env := rand.New(rand.NewPCG(1, uint64(len(good.name)))), parse(t, good.octets)
		for i := range 6 {
			add(fmt.Sprintf("mutation %d", i), mutate(random, good.octets, env))
		}
	}
}

// An ended is what is left of a message whose memory others may have.
type ended struct {
	x       *traffic
	sent    *sentMessage
	message *wssec.Message
	err     error
	said    string // of it, before
	forward string
}

// end has a service verify and answer a message, and gives its memory back.
func (x *traffic) end(p *wssec.Processor, sent *sentMessage) (e *ended) {
	e = &ended{x: x, sent: sent}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if sent.gone {
		cancel()
	}
	if sent.panics {
		ctx = context.WithValue(ctx, panicsKey{}, true)
		defer func() { e.said = fmt.Sprint(recover()) }()
	}
	src := bytes.Clone(sent.octets)
	defer overwrite(src)
	env, err := soap.Parse(src, xmltext.Options{})
	if e.err = err; err == nil {
		e.message, e.err = p.Verify(ctx, env, sent.channel)
	}
	if e.err == nil {
		var out []byte
		out, e.err = e.message.AppendForward(nil, wssec.Forwarding{})
		e.forward = string(out)
	}
	e.said = e.say()
	if e.message != nil {
		e.message.Release()
	} else if env != nil {
		env.Release()
	}
	return e
}

// say returns all that outlives a message.
func (e *ended) say() string {
	if e.message == nil || e.err != nil {
		fault := wssec.FaultFor(e.err)
		var refused *wssec.Error
		errors.As(e.err, &refused)
		return fmt.Sprintf("%v; %+v; %s", e.err, refused, fault.AppendEnvelope(nil, soap.V12))
	}
	m := e.message
	name, realm := m.Principal()
	sc, under := m.Context()
	endorsing, endorsed := m.Endorsing()
	facts := m.Facts()
	facts.TokenTime, facts.DecryptTime, facts.DigestTime = 0, 0, 0
	return fmt.Sprintf("%s %s %s %q %v %x; %v %+v %x; %v %+v; %+v %v; %s", name, realm, m.Service(), m.Groups(),
		m.TicketEndTime(), m.Key().ExposeSecretOctets(), under, sc, sc.Key.ExposeSecretOctets(), endorsed, endorsing, facts,
		facts.UncoveredPrefix, e.forward)
}

// answer has the service answer a message that has ended, and its client verify
// the reply; "" if there is nothing to answer.
func (e *ended) answer(p, client *wssec.Processor) string {
	if e.message == nil || e.err != nil || e.sent.request == nil {
		return ""
	}
	plain := []byte(strings.Replace(message(400), "urn:example:orders", "urn:"+e.sent.channel.Client, 1))
	reply, err := soap.Parse(plain, xmltext.Options{})
	if err != nil {
		return err.Error()
	}
	out, err := p.Protect(context.Background(), nil, reply, e.message)
	if err != nil {
		return err.Error()
	}
	reply.Release()
	overwrite(plain)
	env, err := soap.Parse(out, xmltext.Options{})
	if err != nil {
		return err.Error()
	}
	back, err := client.VerifyReply(context.Background(), env, e.sent.request, secure())
	if err != nil {
		return err.Error()
	}
	defer back.Release()
	return content(back.Body())
}

// TestMemoryThatIsUsedAgainHoldsNothing: what comes of a message, and what is left of
// it when many others have had its memory, is what came of it alone, where it is
// accepted in memory that nobody had before.
func TestMemoryThatIsUsedAgainHoldsNothing(t *testing.T) {
	policies := map[string]wssec.Policy{
		"Kerberos": preset(t, "Kerberos"), "symmetric": symmetric(), "KerberosToken": preset(t, "KerberosToken"),
		"KerberosOverTransport": preset(t, "KerberosOverTransport"), "SspiNegotiated": preset(t, "SspiNegotiated"),
		"under a context": underContext(),
		"headers": symmetric(encryptFirst, func(p *wssec.Policy) {
			to := []string{"{" + nsWSA + "}To"}
			p.EncryptSignature, p.SignedParts.Headers, p.EncryptedParts.Headers = true, to, to
		}),
		"GCM": symmetric(derived, func(p *wssec.Policy) {
			p.AlgorithmSuite, p.SignatureMethod, p.SignatureConfirmation = wssec.Basic256GCMSha256, wssec.HMACSHA256, true
		}),
		"endorsed":                preset(t, "Kerberos"),
		"endorsed, confirmed":     symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }),
		"endorsed over transport": preset(t, "KerberosOverTransport"),
	}
	var all []*traffic
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		all = append(all, newTraffic(t, name, policies[name], strings.HasPrefix(name, "endorsed")))
	}
	alone := map[*sentMessage][2]string{}
	for _, x := range all {
		for _, sent := range x.sent {
			if sent.request != nil { // after two collections no memory is kept
				runtime.GC()
				runtime.GC()
			}
			fresh, err := wssec.NewProcessor(x.service.Policy(), x.cfg)
			if err != nil {
				t.Fatal(err)
			}
			e := x.end(fresh, sent)
			alone[sent] = [2]string{e.said, e.answer(fresh, x.client)}
			if sent.request != nil && !strings.Contains(alone[sent][1], "urn:"+sent.channel.Client) {
				t.Errorf("%s is not accepted: %v; the reply: %s", sent.name, e.err, alone[sent][1])
			}
		}
	}
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(worker)))
			var over []*ended
			for _, x := range all {
				for _, sent := range x.sent {
					over = append(over, &ended{x: x, sent: sent})
				}
			}
			random.Shuffle(len(over), func(i, j int) { over[i], over[j] = over[j], over[i] })
			for i, e := range over {
				over[i] = e.x.end(e.x.service, e.sent)
			}
			for _, e := range over {
				want := alone[e.sent]
				if e.said != want[0] {
					t.Errorf("%s: among others\n%s\nalone\n%s", e.sent.name, e.said, want[0])
				}
				if late := e.say(); !e.sent.panics && late != want[0] {
					t.Errorf("%s: when others had its memory\n%s\nbefore\n%s", e.sent.name, late, want[0])
				}
				if answer := e.answer(e.x.service, e.x.client); answer != want[1] {
					t.Errorf("%s: the reply\n%s\nalone\n%s", e.sent.name, answer, want[1])
				}
				e.x.service.AnsweredLate(e.err)
			}
		})
	}
	workers.Wait()
}
