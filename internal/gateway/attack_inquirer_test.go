package gateway_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// inquiredEnv makes this test binary the gateway that TestTimingOfReasons asks:
// all defences but the KeyGuard, which would end the trial.
const inquiredEnv = "WSSGATE_TEST_INQUIRED"

// An inquired gateway has one route, for a preset or for HTTP Negotiate.
type inquired struct {
	Preset  string
	Keytab  []byte
	Context []byte // key of the security context of contextOf
	AtOnce  bool   // refusals do not wait
}

// contextOf is the security context of a preset that needs one.
func (i *inquired) contextOf(policy *wssec.Policy) wssec.SecurityContext {
	now := time.Now()
	return wssec.SecurityContext{
		Identifier: "urn:uuid:5fd2d1ac-6d07-4b0d-9a3e-4f52ce4bdc3e", Token: policy.ClientToken(),
		Namespace: wssec.NSWSC05, Name: "alice", Realm: "EXAMPLE.COM", Service: service, Created: now.Add(-time.Minute),
		Expires: now.Add(10 * time.Hour), Key: wssec.NewKey(i.Context),
	}
}

// TestInquiredGateway is the process: it serves until its standard input ends.
func TestInquiredGateway(t *testing.T) {
	var with inquired
	if err := json.Unmarshal([]byte(os.Getenv(inquiredEnv)), &with); err != nil {
		t.Skip("it is the process that TestTimingOfReasons asks, and does nothing alone")
	}
	log := &tally{}
	acceptor := with.acceptor(t)
	backend := httptest.NewServer(http.HandlerFunc(echo))
	defer backend.Close()
	address, err := url.Parse(backend.URL)
	mustDo(t, err)
	route := gateway.Route{Path: "/svc", Backend: address}
	if policy, ok := wssec.Preset(with.Preset); ok {
		processor := with.processor(t, policy, wssec.Config{Verifier: acceptor,
			Replay: inquiredReplay()})
		route.Door = door.NewSecurity("", processor)
	} else {
		auth, err := negotiate.New(negotiate.Config{Acceptor: acceptor})
		mustDo(t, err)
		route.HTTP = door.NewHTTP(auth, door.Origins{})
	}
	g, err := gateway.New(gateway.Config{Log: slog.New(slog.NewJSONHandler(log, nil)), Routes: []gateway.Route{route}})
	mustDo(t, err)
	if with.AtOnce {
		g.AnswerAtOnce()
	}
	server := httptest.NewServer(g)
	defer server.Close()
	say(t, recording{Plain: server.URL})
	_, _ = io.Copy(io.Discard, os.Stdin)
	say(t, log)
}

func (i *inquired) acceptor(t *testing.T) *gss.Acceptor {
	keys, err := keytab.Parse(i.Keytab)
	mustDo(t, err)
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: keys, Replay: replay.NewMemory(replay.MemoryConfig{})})
	mustDo(t, err)
	return a
}

// inquiredReplay is that of a gateway which has run for a while.
func inquiredReplay() *replay.Memory {
	return replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Now().Add(-time.Hour)})
}

func (i *inquired) processor(t *testing.T, policy wssec.Policy, cfg wssec.Config) *wssec.Processor {
	cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: math.MaxInt})
	cfg.Contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{})
	if policy.ClientToken() != wssec.KerberosToken {
		mustDo(t, cfg.Contexts.Issue(t.Context(), i.contextOf(&policy)))
	}
	p, err := wssec.NewProcessor(policy, cfg)
	mustDo(t, err)
	return p
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An inquirer has what an honest client has, which is more than any attacker.
type inquirer struct {
	t         *testing.T
	inquired  inquired
	policy    wssec.Policy
	gateway   *attacked
	kdc       *krbtest.KDC
	client    *wssec.Processor
	yesterday *wssec.Processor // a client whose clock is behind
	env       *soap.Envelope
	sent      wssec.OutgoingToken
	recorded  []byte // a request that was accepted
}

func newInquirer(t *testing.T, name string) *inquirer {
	q := &inquirer{t: t, kdc: krbtest.New(krbtest.Config{})}
	q.kdc.AddService(service)
	keys, err := q.kdc.Keytab(nil).AppendBinary(nil)
	mustDo(t, err)
	q.inquired = inquired{Preset: name, Keytab: keys, Context: []byte("0123456789abcdef0123456789abcdef")}
	ok := false
	if q.policy, ok = wssec.Preset(name); !ok {
		return q
	}
	q.client, err = wssec.NewProcessor(q.policy, wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	mustDo(t, err)
	behind := func() time.Time { return time.Now().Add(-24 * time.Hour) }
	q.yesterday, err = wssec.NewProcessor(q.policy, wssec.Config{Time: behind,
		Replay: replay.NewMemory(replay.MemoryConfig{Time: behind})})
	mustDo(t, err)
	q.env, err = soap.Parse([]byte(envelope(soap.V11, strings.Repeat(" ", 32)+`<q:Ask xmlns:q="urn:q">`+
		strings.Repeat("<q:i>secret</q:i>", 400)+`</q:Ask>`)), xmltext.Options{})
	mustDo(t, err)
	return q
}

// start starts the gateway and sends it what an honest client sends first.
func (q *inquirer) start() {
	q.gateway = startProcess(q.t, "TestInquiredGateway", inquiredEnv+"="+toJSON(q.t, q.inquired))
	for _, good := range q.begin() {
		post(q.t, q.gateway.Plain, good)
	}
}

// begin returns the first messages of an honest client.
func (q *inquirer) begin() (messages [][]byte) {
	switch {
	case q.client == nil:
		return nil
	case q.policy.ClientToken() == wssec.KerberosToken:
		q.sent = q.fresh()
		messages = append(messages, q.protected(q.client, q.sent))
		q.sent.Omit = true
	default:
		c := q.inquired.contextOf(&q.policy)
		q.sent = wssec.OutgoingToken{Context: &c}
	}
	q.recorded = q.protected(q.client, q.sent)
	return append(messages, q.recorded)
}

// fresh is a token with an Authenticator of its own.
func (q *inquirer) fresh() wssec.OutgoingToken { return q.freshWith(krbtest.TokenOptions{}) }

func (q *inquirer) freshWith(o krbtest.TokenOptions) wssec.OutgoingToken {
	token, key, err := q.kdc.Token("alice", service, o)
	mustDo(q.t, err)
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
}

// protected is a good message of a client.
func (q *inquirer) protected(client *wssec.Processor, sent wssec.OutgoingToken) []byte {
	out, _, err := client.ProtectRequest(nil, q.env, sent)
	mustDo(q.t, err)
	return out
}

// askAll asks for each reason as often as counts says, in an order by chance,
// over so many connections, and returns the times.
func (q *inquirer) askAll(connections int, reasons []reason, counts []int) [][]time.Duration {
	var order []int
	for i, n := range counts {
		for range n {
			order = append(order, i)
		}
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	took := make([]time.Duration, len(order))
	var faults sync.Map // the first, and reasons with another
	var all sync.WaitGroup
	for w := range connections {
		all.Go(func() {
			l := dialLine(q.t, q.gateway.Plain)
			defer l.Close()
			for i := w; i < len(order); i += connections {
				r := reasons[order[i]]
				var body string
				took[i], body = l.exchange(r.ask(q))
				want, _ := faults.LoadOrStore("", body)
				if r.ownFault || want == body {
					continue
				}
				if _, said := faults.LoadOrStore(r.name, body); !said {
					q.t.Errorf("%s: the answer is %q, that to others %q", r.name, body, want)
				}
			}
		})
	}
	all.Wait()
	times := make([][]time.Duration, len(reasons))
	for i, of := range order {
		times[of] = append(times[of], took[i])
	}
	return times
}

// post and get make requests of a message and of a token of HTTP Negotiate.
func (q *inquirer) post(message []byte) []byte {
	return append(fmt.Appendf(nil, "POST /svc HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml; charset=utf-8\r\n"+
		"Content-Length: %d\r\n\r\n", len(message)), message...)
}

func (q *inquirer) get(token []byte) []byte {
	return fmt.Appendf(nil, "GET /svc HTTP/1.1\r\nHost: gw\r\nAuthorization: Negotiate %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(token))
}

// exchange returns the time from the end of sending to the first octet of the
// answer, which has to be a refusal, and its body.
func (l *line) exchange(request []byte) (took time.Duration, body string) {
	if _, err := l.Write(request); err != nil {
		l.t.Error(err)
	}
	l.sent = time.Now()
	if _, err := l.r.Peek(1); err != nil {
		l.t.Error(err)
		return 0, ""
	}
	took = time.Since(l.sent)
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		l.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusOK {
		l.t.Errorf("HTTP %d %s: %v", resp.StatusCode, b, err)
	}
	return took, resp.Status + string(b)
}

// A message is changed without a key: nothing but what stands in it in clear,
// and octets of ciphertexts.
type message struct{ text []byte }

// value returns where the nth content of an element stands.
func (m *message) value(element string, n int) (from, to int) {
	for tag := []byte(":" + element); ; {
		i := bytes.Index(m.text[to:], tag)
		if i < 0 {
			panic("a message without " + element)
		}
		to += i + len(tag)
		if lt := bytes.LastIndexByte(m.text[:to], '<'); m.text[lt+1] == '/' {
			continue
		}
		from = to + bytes.IndexByte(m.text[to:], '>') + 1
		to = from + bytes.IndexByte(m.text[from:], '<')
		if n--; n < 0 {
			return from, to
		}
	}
}

func (m *message) octets(from, to int) []byte {
	b, err := base64.StdEncoding.DecodeString(string(m.text[from:to]))
	if err != nil {
		panic(err)
	}
	return b
}

func (m *message) put(from, to int, octets []byte) {
	base64.StdEncoding.Encode(m.text[from:to], octets)
}

// octet changes bits of one octet of the nth base64 content of an element,
// counted from the end if it is negative.
func (m *message) octet(element string, n, at int, bits byte) {
	from, to := m.value(element, n)
	b := m.octets(from, to)
	b[(at+len(b))%len(b)] ^= bits
	m.put(from, to, b)
}

func (m *message) noise(element string, n int) {
	from, to := m.value(element, n)
	b := m.octets(from, to)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	m.put(from, to, b)
}

// digit changes the last digit of a text such as 2026-11-28T12:00:00.123Z.
func (m *message) digit(element string, n int) {
	_, to := m.value(element, n)
	m.text[to-2] ^= 1
}

func (m *message) replace(old, new string) {
	m.text = bytes.Replace(m.text, []byte(old), []byte(new), 1)
}

func (m *message) cut(from, behind string) {
	i := bytes.Index(m.text, []byte(from))
	j := i + bytes.Index(m.text[i:], []byte(behind)) + len(behind)
	m.text = append(m.text[:i], m.text[j:]...)
}

// otherToken names a token that nobody knows: another hash, another context.
func (m *message) otherToken() {
	if bytes.Contains(m.text, []byte("Kerberosv5APREQSHA1")) {
		i := bytes.Index(m.text, []byte(`Kerberosv5APREQSHA1">`)) + len(`Kerberosv5APREQSHA1">`)
		hash := m.text[i : i+8]
		m.text = bytes.ReplaceAll(m.text, bytes.Clone(hash), []byte("AAAAAAAA"))
		return
	}
	m.text = bytes.ReplaceAll(m.text, []byte("urn:uuid:5fd2"), []byte("urn:uuid:0000"))
}

// flipOctet changes an octet of b, counted from the end if at is negative.
func flipOctet(b []byte, at int) { b[(at+len(b))%len(b)] ^= 1 }

// ciphertexts returns those of the ticket and the Authenticator in a token,
// parts of its octets.
func ciphertexts(token []byte) (list [][]byte) {
	apReq := token[bytes.Index(token, []byte{1, 0, 0x6e})+2:]
	var walk func([]byte)
	walk = func(b []byte) {
		for len(b) > 0 {
			var v asn1.RawValue
			rest, err := asn1.Unmarshal(b, &v)
			if err != nil {
				panic(err)
			}
			switch {
			case v.IsCompound:
				walk(b[len(b)-len(rest)-len(v.Bytes) : len(b)-len(rest)])
			case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString:
				list = append(list, b[len(b)-len(rest)-len(v.Bytes):len(b)-len(rest)])
			}
			b = rest
		}
	}
	walk(apReq)
	return list
}
