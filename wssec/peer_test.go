package wssec_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// anyReplay accepts everything: for benchmarks and for tests that send one
// message often.
type anyReplay struct{}

func (anyReplay) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// peers are a client and a service that share a policy and a Kerberos token.
type peers struct {
	client, service *wssec.Processor
	cfg             wssec.Config
	token           wssec.OutgoingToken
	now             time.Time
}

// newPeers makes both sides. Without a replay store, replay is not checked.
func newPeers(t testing.TB, p wssec.Policy, replay gss.ReplayStore) *peers {
	t.Helper()
	if replay == nil {
		replay = anyReplay{}
	}
	token, key, keytab := krbtest.Token(t, "alice", "soap/gw.example.com")
	ps := &peers{now: time.Now(), token: wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}}
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: keytab, Replay: replay})
	if err != nil {
		t.Fatal(err)
	}
	cfg := wssec.Config{Verifier: acceptor, Replay: replay, ReplyHeaders: wssec.PassHeaders,
		Time: func() time.Time { return ps.now }}
	ps.withContext(t, p, &cfg)
	ps.cfg = cfg
	if ps.client, err = wssec.NewProcessor(p, cfg); err != nil {
		t.Fatal(err)
	}
	if ps.service, err = wssec.NewProcessor(p, cfg); err != nil {
		t.Fatal(err)
	}
	return ps
}

// serve configures the service with another policy.
func (ps *peers) serve(t testing.TB, p wssec.Policy) {
	t.Helper()
	var err error
	if ps.service, err = wssec.NewProcessor(p, ps.cfg); err != nil {
		t.Fatal(err)
	}
}

// secure is a channel on which transport policies hold too.
func secure() wssec.Channel { return wssec.Channel{TLS: true} }

func parse(t testing.TB, msg []byte) *soap.Envelope {
	t.Helper()
	env, err := soap.Parse(msg, xmltext.Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, msg)
	}
	return env
}

// request returns a protected request.
func (ps *peers) request(t testing.TB, plain string) ([]byte, *wssec.Request) {
	t.Helper()
	msg, sent, err := ps.client.ProtectRequest(nil, parse(t, []byte(plain)), ps.token)
	if err != nil {
		t.Fatal(err)
	}
	return msg, sent
}

// verify is the service's verdict on a request. Every client is authorized.
func (ps *peers) verify(t testing.TB, msg []byte) (*wssec.Message, error) {
	t.Helper()
	env, err := soap.Parse(msg, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	return remembered(ps.service.Verify(context.Background(), env, secure()))
}

// remembered keeps the token of a message that was verified.
func remembered(m *wssec.Message, err error) (*wssec.Message, error) {
	if err == nil {
		err = m.Remember(context.Background())
	}
	return m, err
}

// message returns an envelope whose Body is about size octets of markup and
// text, in the document/literal style of today's services.
func message(size int) string {
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
		`xmlns:xsd="http://www.w3.org/2001/XMLSchema">` +
		`<s:Header><a:To xmlns:a="http://www.w3.org/2005/08/addressing">http://gw.example.com/svc</a:To></s:Header>` +
		`<s:Body><o:Order xmlns:o="urn:example:orders" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
		`xsi:type="o:OrderType">`)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `<o:Item no="%d"><o:Name>widget &amp; gadget %d</o:Name><o:Price `+
			`currency="EUR">%d.99</o:Price></o:Item>`, i, i*7, i)
	}
	b.WriteString(`</o:Order></s:Body></s:Envelope>`)
	return b.String()
}

// symmetric is the plainest policy that signs and encrypts: CXF's KtpSymmetric.
func symmetric(change ...func(*wssec.Policy)) wssec.Policy {
	p := wssec.Policy{
		Binding: wssec.SymmetricBinding, ProtectionToken: wssec.KerberosToken, AlgorithmSuite: wssec.Basic128,
		SignedParts: wssec.Parts{Body: true}, EncryptedParts: wssec.Parts{Body: true},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func preset(t testing.TB, name string) wssec.Policy {
	t.Helper()
	p, ok := wssec.Preset(name)
	if !ok {
		t.Fatal(name)
	}
	return p
}

// withTickets returns a service with ps's policy that knows the keys of
// other's.
func (ps *peers) withTickets(t testing.TB, other *peers) *wssec.Processor {
	t.Helper()
	p, err := wssec.NewProcessor(ps.service.Policy(), other.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
