package wssec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// conversing are peers under a policy for security contexts, with the contexts
// of alice, whose messages request makes, and of mallory.
type conversing struct {
	*peers
	t              testing.TB
	alice, mallory wssec.SecurityContext
}

func newConversing(t testing.TB, p wssec.Policy, seen gss.ReplayStore) *conversing {
	t.Helper()
	c := &conversing{peers: newPeers(t, p, seen), t: t}
	c.alice = *c.token.Context
	c.mallory = c.alice
	c.mallory.Identifier, c.mallory.Name = "urn:uuid:mallory", "mallory"
	c.mallory.Key = wssec.NewKey(bytes.Repeat([]byte("m"), 32))
	if err := c.cfg.Contexts.Issue(t.Context(), c.mallory); err != nil {
		t.Fatal(err)
	}
	return c
}

// underContext is the plainest policy for a context: raw keys, the Body signed
// and encrypted.
func underContext(change ...func(*wssec.Policy)) wssec.Policy {
	context := func(p *wssec.Policy) { p.ProtectionToken = wssec.SpnegoContextToken }
	return symmetric(append([]func(*wssec.Policy){context}, change...)...)
}

func derived(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysRequired }

// message returns a request of alice.
func (c *conversing) message() string {
	c.t.Helper()
	msg, _ := c.request(c.t, plainOrder)
	return string(msg)
}

// refuses requires an error for a message, and that the message was not
// refused for another reason.
func (c *conversing) refuses(msg string, codes ...wssec.Code) *wssec.Error {
	c.t.Helper()
	_, err := c.verify(c.t, []byte(msg))
	refused(c.t, err, codes...)
	var e *wssec.Error
	errors.As(err, &e)
	return e
}

const (
	sctPattern = `<wsc:SecurityContextToken.*?</wsc:SecurityContextToken>`
	dktPattern = `<wsc:DerivedKeyToken.*?</wsc:DerivedKeyToken>`
)

func TestVerifyAcceptsMessagesUnderASecurityContext(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]wssec.Policy{
		"raw key":               underContext(),
		"raw key, signed only":  underContext(func(p *wssec.Policy) { p.EncryptedParts.Body = false }),
		"derived keys":          underContext(derived),
		"protect tokens":        underContext(derived, func(p *wssec.Policy) { p.ProtectTokens = true }),
		"encrypted before":      underContext(derived, encryptFirst),
		"strict":                underContext(derived, func(p *wssec.Policy) { p.Layout = wssec.LayoutStrict }),
		"signature confirmed":   underContext(func(p *wssec.Policy) { p.SignatureConfirmation = true }),
		"no optional attribute": underContext(derived, func(p *wssec.Policy) { p.OptionalAttributes = wssec.SwitchOff }),
		"GCM":                   underContext(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256GCMSha256 }),
		"SspiNegotiated":        preset(t, "SspiNegotiated"),
		"over transport":        preset(t, "SspiNegotiatedOverTransport"),
		"wsHttpBinding":         preset(t, "wsHttpBinding"),
		"ws2007HttpBinding":     preset(t, "ws2007HttpBinding"),
		"SecureConversation":    preset(t, "SecureConversation"),
	} {
		for _, namespace := range []string{wssec.NSWSC05, wssec.NSWSC13} {
			for _, omit := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, omitted %v", name, namespace, omit), func(t *testing.T) {
					t.Parallel()
					c := newConversing(t, p, nil)
					c.token.Context.Namespace, c.token.Omit = namespace, omit
					c.exchange(namespace)
				})
			}
		}
	}
}

// What a service has put into the token for itself the client sends back, where
// WCF reads it: behind Identifier and Instance. To us it means nothing.
func TestCookieOfAContextIsSentBack(t *testing.T) {
	t.Parallel()
	for _, instance := range []string{"", "urn:uuid:2"} {
		c := newConversing(t, underContext(derived, func(p *wssec.Policy) { p.ProtectTokens = true }), nil)
		if instance != "" {
			next := c.alice
			next.Instance = instance
			if err := c.cfg.Contexts.Renew(t.Context(), next); err != nil {
				t.Fatal(err)
			}
		}
		c.token.Context.Instance, c.token.Context.Cookie = instance, []byte("state of the service's")
		msg := c.message()
		want := `</wsc:Identifier>`
		if instance != "" {
			want += `<wsc:Instance>` + instance + `</wsc:Instance>`
		}
		want += `<d:Cookie xmlns:d="http://schemas.microsoft.com/ws/2006/05/security">` +
			`c3RhdGUgb2YgdGhlIHNlcnZpY2Uncw==</d:Cookie>` +
			`</wsc:SecurityContextToken>`
		if !strings.Contains(msg, want) {
			t.Errorf("no %s in\n%s", want, msg)
		}
		if _, err := c.verify(t, []byte(msg)); err != nil {
			t.Error(err)
		}
	}
}

// exchange sends a request and its reply, and looks at what comes out of both.
func (c *conversing) exchange(namespace string) {
	t := c.t
	t.Helper()
	msg, sent := c.request(t, plainOrder)
	m, err := c.verify(t, msg)
	if err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	name, realm := m.Principal()
	if name != "alice" || realm != "EXAMPLE.COM" || m.Service() != c.alice.Service || len(m.Groups()) != 1 ||
		!m.TicketEndTime().Equal(c.alice.TicketEnd) {
		t.Errorf("%s@%s, %s, %v, %v", name, realm, m.Service(), m.Groups(), m.TicketEndTime())
	}
	if sc, ok := m.Context(); !ok || sc.Identifier != c.alice.Identifier || !sc.Key.Equal(c.alice.Key) ||
		sc.Token != c.alice.Token {
		t.Errorf("context %+v, %v", sc, ok)
	}
	if err := m.Remember(t.Context()); err != nil {
		t.Error(err)
	}
	out, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "SecurityContextToken") {
		t.Errorf("the reply carries a token\n%s", out)
	}
	reference := `URI="` + c.alice.Identifier + `" ValueType="` + namespace + `/sct"`
	if p := c.service.Policy(); p.ProtectsReplies() && !strings.Contains(string(out), reference) {
		t.Errorf("the reply does not refer to the context\n%s", out)
	}
	reply, err := c.client.VerifyReply(t.Context(), parse(t, out), sent, secure())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, ok := reply.Context(); ok {
		t.Error("the reply is under a context of its own")
	}
}

// A message under Kerberos has no context.
func TestMessageHasNoContextUnderATicket(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Context(); ok {
		t.Error("there is one")
	}
}

// CXF's streaming client writes "#" and the Identifier; others leave the
// ValueType out, or write more into the token.
func TestVerifyAcceptsTheContextReferencesOfPeers(t *testing.T) {
	t.Parallel()
	const unattached = `URI="urn:uuid:7c1f0000-1111-2222-3333-444455556666"`
	type form struct {
		omit   bool
		change func(t *testing.T, msg string) string
	}
	for name, f := range map[string]form{
		"# and the Identifier": {true, func(_ *testing.T, m string) string {
			return strings.ReplaceAll(m, unattached, strings.Replace(unattached, `"`, `"#`, 1))
		}},
		"# and the Identifier, beside the token": {false, func(t *testing.T, m string) string {
			attached := find(t, m, `(URI="#SCT-[^"]*")`)
			return strings.ReplaceAll(m, attached, strings.Replace(unattached, `"`, `"#`, 1))
		}},
		"without ValueType": {true, func(_ *testing.T, m string) string {
			return strings.ReplaceAll(m, ` ValueType="`+wssec.NSWSC05+`/sct"`, "")
		}},
		"attached, without ValueType": {false, func(_ *testing.T, m string) string {
			return strings.ReplaceAll(m, ` ValueType="`+wssec.NSWSC05+`/sct"`, "")
		}},
		"ValueType of the other version": {true, func(_ *testing.T, m string) string {
			return strings.ReplaceAll(m, wssec.NSWSC05+"/sct", wssec.NSWSC13+"/sct")
		}},
		"a Cookie": {false, func(t *testing.T, m string) string {
			return replace(t, m, `</wsc:Identifier>`, `</wsc:Identifier>`+
				`<d:Cookie xmlns:d="http://schemas.microsoft.com/ws/2006/05/security">AAAA</d:Cookie>`)
		}},
		"white space": {false, func(t *testing.T, m string) string {
			return replace(t, m, `<wsc:Identifier>`, "<wsc:Identifier>\n  ")
		}},
		"Identifier with a comment": {false, func(t *testing.T, m string) string {
			return replace(t, m, `<wsc:Identifier>urn:`, "<wsc:Identifier><!-- a -->urn:<!-- b -->")
		}},
		"Identifier in a CDATA section": {false, func(t *testing.T, m string) string {
			return replace(t, replace(t, m, `<wsc:Identifier>`, `<wsc:Identifier><![CDATA[`), `</wsc:Identifier>`,
				`]]></wsc:Identifier>`)
		}},
		"a token under the default namespace": {false, func(t *testing.T, m string) string {
			id := find(t, m, `<wsc:SecurityContextToken[^>]* (wsu:Id="[^"]*")>`)
			return replace(t, m, find(t, m, sctPattern), `<SecurityContextToken xmlns="`+wssec.NSWSC05+`" xmlns:wsu="`+
				wssec.NSWSU+`" `+id+`>`+
				`<Identifier>urn:uuid:7c1f0000-1111-2222-3333-444455556666</Identifier></SecurityContextToken>`)
		}},
		"a token without Id, named by its Identifier": {false, func(t *testing.T, m string) string {
			m = strings.ReplaceAll(m, find(t, m, `(URI="#SCT-[^"]*")`), unattached)
			return replace(t, m, find(t, m, `<wsc:SecurityContextToken[^>]*( wsu:Id="[^"]*")>`), "")
		}},
		"TokenType in the reference": {true, func(_ *testing.T, m string) string { // WSS 1.1 §7.1, as WCF
			return strings.ReplaceAll(m, `<wsse:SecurityTokenReference`, `<wsse:SecurityTokenReference xmlns:k="`+wssec.NSWSSE11+
				`" k:TokenType="`+wssec.NSWSC05+`/sct"`)
		}},
		"an Id and a Usage in the reference": {true, func(_ *testing.T, m string) string {
			return strings.ReplaceAll(m, `<wsse:SecurityTokenReference`,
				`<wsse:SecurityTokenReference wsse:Usage="urn:u" xmlns:w="`+wssec.NSWSU+`"`)
		}},
	} {
		for _, p := range []wssec.Policy{underContext(), underContext(derived)} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newConversing(t, p, nil)
				c.token.Omit = f.omit
				msg := c.message()
				changed := f.change(t, msg)
				if changed == msg {
					t.Fatalf("nothing was changed in\n%s", msg)
				}
				if _, err := c.verify(t, []byte(changed)); err != nil {
					t.Errorf("%v\n%s", err, changed)
				}
			})
		}
	}
}

// Each thing that can be wrong with a context has its code, and all of them are
// one fault, in the version of the message.
func TestVerifyRejectsUnusableContextsWithOneFault(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{wssec.NSWSC05, wssec.NSWSC13} {
		for _, omit := range []bool{false, true} {
			faults := map[string]bool{}
			for name, tt := range map[string]struct {
				code  wssec.Code
				spoil func(c *conversing)
			}{
				"unknown": {wssec.CodeContextUnknown, func(c *conversing) { c.token.Context.Identifier = "urn:uuid:unknown" }},
				"expired": {wssec.CodeContextExpired, func(c *conversing) { c.now = c.now.Add(time.Hour) }},
				"cancelled": {wssec.CodeContextCancelled, func(c *conversing) {
					_ = c.cfg.Contexts.Cancel(t.Context(), c.alice.Identifier, nil)
				}},
				"instance": {wssec.CodeContextInstance, func(c *conversing) { c.token.Context.Instance = "urn:2" }},
				"type": {wssec.CodeContextType, func(c *conversing) {
					other := c.alice
					other.Identifier, other.Token = "urn:uuid:other", wssec.SecureConversationToken
					_ = c.cfg.Contexts.Issue(t.Context(), other)
					c.token.Context.Identifier = other.Identifier
				}},
				"of another route": {wssec.CodeContextUnknown, func(c *conversing) {
					other := c.alice
					other.Identifier = "urn:uuid:elsewhere"
					_ = wssec.NewSecurityContexts(wssec.ContextsConfig{Scope: "/other"}).Issue(t.Context(), other)
					c.token.Context.Identifier = other.Identifier
				}},
				"suspended": {wssec.CodeTokenSuspended, func(c *conversing) {
					for range 32 {
						c.refuses(c.forged(), wssec.CodeSignatureInvalid)
					}
				}},
			} {
				c := newConversing(t, underContext(derived), nil)
				c.token.Context.Namespace, c.token.Omit = namespace, omit
				tt.spoil(c)
				e := c.refuses(c.message(), tt.code)
				fault := wssec.FaultFor(e)
				faults[fmt.Sprintf("%+v", *fault)] = true
				if fault.Subcode.Local != "BadContextToken" || fault.Subcode.Space != namespace || fault.Code != soap.Sender {
					t.Errorf("%s: %+v", name, fault)
				}
			}
			if len(faults) != 1 {
				t.Errorf("the wire has %d different faults: %v", len(faults), faults)
			}
		}
	}
}

// A message that does not say which version of WS-SecureConversation it means is
// answered in that of its derived keys, or as WCF answers.
func TestVerifyErrorHasTheVersionOfTheMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy          wssec.Policy
		namespace, want string
	}{
		{underContext(derived), wssec.NSWSC05, wssec.NSWSC05}, {underContext(derived), wssec.NSWSC13, wssec.NSWSC13},
		{underContext(), wssec.NSWSC13, wssec.NSWSC05},
	} {
		c := newConversing(t, tt.policy, nil)
		c.token.Context.Identifier, c.token.Context.Namespace, c.token.Omit = "urn:unknown", tt.namespace, true
		msg := strings.ReplaceAll(c.message(), ` ValueType="`+tt.namespace+`/sct"`, "")
		if e := c.refuses(msg, wssec.CodeContextUnknown); e.Context != tt.want {
			t.Errorf("%s: answered in %s", tt.namespace, e.Context)
		}
	}
}

// forged is a message of somebody who does not have alice's key.
func (c *conversing) forged() string {
	context := *c.token.Context
	context.Key = c.mallory.Key
	own := c.token
	defer func() { c.token = own }()
	c.token.Context = &context
	return c.message()
}

// A store that fails is no fault of the sender.
func TestVerifyRejectsWhenTheContextStoreFails(t *testing.T) {
	t.Parallel()
	c := newConversing(t, underContext(), nil)
	cfg := c.cfg
	cfg.Contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: brokenStore{err: errors.New("gone")}})
	var err error
	if c.service, err = wssec.NewProcessor(c.service.Policy(), cfg); err != nil {
		t.Fatal(err)
	}
	e := c.refuses(c.message(), wssec.CodeContextStore)
	if f := wssec.FaultFor(e); f.Code != soap.Receiver {
		t.Errorf("%+v", f)
	}
}

// A suspended context stays so; one that its client asks for anew is not.
func TestKeyGuardSuspendsAContextUntilItsKeyIsNew(t *testing.T) {
	t.Parallel()
	c := newConversing(t, underContext(), nil)
	for range 32 {
		c.refuses(c.forged(), wssec.CodeSignatureInvalid, wssec.CodeDecryption)
	}
	c.refuses(c.message(), wssec.CodeTokenSuspended)
	c.token.Context = &c.mallory
	if _, err := c.verify(t, []byte(c.message())); err != nil {
		t.Errorf("another client's context is suspended too: %v", err)
	}
	next := c.alice
	next.Instance, next.Key = "urn:2", wssec.NewKey(bytes.Repeat([]byte("n"), 32))
	if err := c.cfg.Contexts.Renew(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	c.token.Context = &c.alice
	c.refuses(c.message(), wssec.CodeTokenSuspended)
	c.token.Context = &next
	if _, err := c.verify(t, []byte(c.message())); err != nil {
		t.Error(err)
	}
}

// A suspended context is of no use to anybody and gives its room back, however
// often it is named: else whoever makes the contexts of a client be suspended
// would fill the client's share of the store.
func TestSuspendedContextGivesItsRoomBack(t *testing.T) {
	t.Parallel()
	c := newConversing(t, underContext(), nil)
	renewed := c.mallory
	renewed.Instance, renewed.Key = "urn:2", wssec.NewKey(bytes.Repeat([]byte("n"), 32))
	if err := c.cfg.Contexts.Renew(t.Context(), renewed); err != nil {
		t.Fatal(err)
	}
	alice := c.token
	for _, sc := range []wssec.SecurityContext{c.alice, c.mallory} { // of mallory's the key before
		for range 32 {
			wrong := sc
			wrong.Key = renewed.Key
			c.token.Context = &wrong
			c.refuses(c.message(), wssec.CodeSignatureInvalid, wssec.CodeDecryption)
		}
		c.token.Context = &sc
		c.refuses(c.message(), wssec.CodeTokenSuspended)
	}
	c.now, c.token = c.now.Add(9*time.Minute), alice
	c.refuses(c.message(), wssec.CodeTokenSuspended)
	c.now = c.now.Add(time.Minute)
	c.refuses(c.message(), wssec.CodeContextUnknown)
	c.token.Context = &renewed
	if _, err := c.verify(t, []byte(c.message())); err != nil {
		t.Errorf("a context whose key before is suspended: %v", err)
	}
}

// After a renewal both keys are good for a while, each under its Instance; the
// reply to a message is under the key of the message.
func TestVerifyAcceptsBothInstancesAfterARenewal(t *testing.T) {
	t.Parallel()
	for _, omit := range []bool{false, true} {
		c := newConversing(t, underContext(derived), nil)
		c.token.Omit = omit
		next := c.alice
		next.Instance, next.Key = "urn:uuid:i&2", wssec.NewKey(bytes.Repeat([]byte("n"), 32))
		if err := c.cfg.Contexts.Renew(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		for _, sc := range []wssec.SecurityContext{c.alice, next} {
			c.token.Context = &sc
			msg, sent := c.request(t, plainOrder)
			m, err := c.verify(t, msg)
			if err != nil {
				t.Fatalf("Instance %q: %v\n%s", sc.Instance, err, msg)
			}
			if got, _ := m.Context(); got.Instance != sc.Instance || !got.Key.Equal(sc.Key) {
				t.Errorf("Instance %q of a message under %q", got.Instance, sc.Instance)
			}
			out, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
		old := c.alice
		c.token.Context = &old
		c.now = c.now.Add(5 * time.Minute)
		c.refuses(c.message(), wssec.CodeContextInstance)
	}
}

func TestVerifyReplyRejectsAnotherContext(t *testing.T) {
	t.Parallel()
	c := newConversing(t, underContext(), nil)
	_, sent := c.request(t, plainOrder)
	reply := func(sc wssec.SecurityContext) string {
		c.token.Context = &sc
		m, err := c.verify(t, []byte(c.message()))
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	verify := func(msg string) error {
		_, err := c.client.VerifyReply(t.Context(), parse(t, []byte(msg)), sent, secure())
		return err
	}
	own := reply(c.alice)
	if err := verify(own); err != nil {
		t.Fatal(err)
	}
	refused(t, verify(reply(c.mallory)), wssec.CodeTokenUnavailable)
	renamed := strings.ReplaceAll(reply(c.mallory), c.mallory.Identifier, c.alice.Identifier)
	refused(t, verify(renamed), wssec.CodeSignatureInvalid)
	uri := ` URI="` + c.alice.Identifier + `"`
	instance := strings.ReplaceAll(own, uri, ` xmlns:wsc="`+wssec.NSWSC13+`" wsc:Instance="urn:2"`+uri)
	refused(t, verify(instance), wssec.CodeTokenUnavailable)
}

// Under one key a reply could come as that to another request, and a request as
// a reply. A client with a replay store accepts neither.
func TestRepliesOfAConversationAreAcceptedOnce(t *testing.T) {
	t.Parallel()
	for _, p := range []wssec.Policy{underContext(), underContext(derived), preset(t, "SspiNegotiated")} {
		c := newConversing(t, p, replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
		first, sent := c.request(t, plainOrder)
		m, err := c.verify(t, first)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil {
			t.Fatal(err)
		}
		verify := func(msg []byte, sent *wssec.Request) error {
			_, err := c.client.VerifyReply(t.Context(), parse(t, msg), sent, secure())
			return err
		}
		if err := verify(reply, sent); err != nil {
			t.Fatal(err)
		}
		_, second := c.request(t, plainOrder)
		refused(t, verify(reply, second), wssec.CodeMessageReplayed)
		c.token.Omit = true
		third, _ := c.request(t, plainOrder)
		refused(t, verify(third, second), wssec.CodeMessageReplayed)
	}
}

// A reply has the form of a request under the same key.
func TestVerifyRejectsAReplyUnderAContextSentBack(t *testing.T) {
	t.Parallel()
	for _, p := range []wssec.Policy{underContext(), underContext(derived), preset(t, "SspiNegotiated")} {
		c := newConversing(t, p, replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
		msg, sent := c.request(t, plainOrder)
		m, err := c.verify(t, msg)
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil {
			t.Fatal(err)
		}
		c.refuses(string(out), wssec.CodeMessageReplayed)
		_, err = c.client.VerifyReply(t.Context(), parse(t, msg), sent, secure())
		refused(t, err, wssec.CodeMessageReplayed)
	}
}

func TestVerifyRejectsAReplayUnderAContext(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SspiNegotiated", "SspiNegotiatedOverTransport", "SecureConversation"} {
		p := changed(preset(t, name), func(p *wssec.Policy) { p.MessageReplay = wssec.SwitchOn })
		c := newConversing(t, p, replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
		msg := c.message()
		if _, err := c.verify(t, []byte(msg)); err != nil {
			t.Fatal(err)
		}
		c.refuses(msg, wssec.CodeMessageReplayed)
		if name != "SspiNegotiatedOverTransport" {
			continue
		}
		// Without the token in the header, which nothing signs.
		without := replace(t, msg, find(t, msg, sctPattern), "")
		without = strings.ReplaceAll(without, find(t, without, `(URI="#SCT-[^"]*")`), `URI="`+c.alice.Identifier+`"`)
		c.refuses(without, wssec.CodeMessageReplayed)
	}
}

// Over TLS a signature covers the Timestamp and wsa:To, so two requests of one
// millisecond have the same; a client with several threads sends such.
func TestVerifyAcceptsEqualSignaturesOverTLS(t *testing.T) {
	t.Parallel()
	c := newConversing(t, preset(t, "SspiNegotiatedOverTransport"),
		replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
	msg := c.message()
	for range 2 {
		if _, err := c.verify(t, []byte(msg)); err != nil {
			t.Error(err)
		}
	}
}

func TestVerifyRejectsForgedContextTokens(t *testing.T) {
	t.Parallel()
	sct := func(c *conversing, sc wssec.SecurityContext, id string) string {
		return `<wsc:SecurityContextToken xmlns:wsc="` + wssec.NSWSC05 + `" xmlns:wsu="` + wssec.NSWSU +
			`" wsu:Id="` + id + `"><wsc:Identifier>` + sc.Identifier + `</wsc:Identifier></wsc:SecurityContextToken>`
	}
	const (
		bst       = `<wsse:BinarySecurityToken ValueType="` + wssec.GSSKerberosAPREQ + `">YII=</wsse:BinarySecurityToken>`
		reference = `<wsse:Reference URI="#SCT.*?</wsse:Reference>`
	)
	huge := strings.Repeat("a", 1<<20)
	for name, tt := range map[string]struct {
		code   wssec.Code
		attack func(t *testing.T, c *conversing, m string) string
	}{
		"the token twice": {wssec.CodeUnsupportedToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, sctPattern), find(t, m, sctPattern)+find(t, m, sctPattern))
		}},
		"another token behind it": {wssec.CodeUnsupportedToken, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, find(t, m, sctPattern), find(t, m, sctPattern)+sct(c, c.mallory, "other"))
		}},
		"another token in its place": {wssec.CodeSignatureInvalid, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, c.alice.Identifier, c.mallory.Identifier)
		}},
		"a token that is not used": {wssec.CodeTokenUnavailable, func(t *testing.T, c *conversing, m string) string {
			m = strings.ReplaceAll(m, find(t, m, `(URI="#SCT-[^"]*")`), `URI="`+c.alice.Identifier+`"`)
			return replace(t, m, find(t, m, sctPattern), sct(c, c.mallory, "other"))
		}},
		"a derived key of another": {wssec.CodeTokenUnavailable, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, find(t, m, `(URI="#SCT-[^"]*")`), `URI="`+c.mallory.Identifier+`"`)
		}},
		"a ticket beside it": {wssec.CodeUnsupportedToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, sctPattern), find(t, m, sctPattern)+bst)
		}},
		"a ticket in a reference": {wssec.CodeUnsupportedToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, reference), `<wsse:Embedded>`+bst+`</wsse:Embedded>`)
		}},
		"a Kerberos token by its hash": {wssec.CodeUnsupportedToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, reference),
				`<wsse:KeyIdentifier ValueType="`+wssec.KerberosAPREQSHA1+`">AAAAAAAAAAAAAAAAAAAAAAAAAAA=</wsse:KeyIdentifier>`)
		}},
		"the token in a reference": {wssec.CodeUnsupportedToken, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, find(t, m, reference), `<wsse:Embedded>`+sct(c, c.alice, "e")+`</wsse:Embedded>`)
		}},
		"the token as a header block": {wssec.CodeReference, func(t *testing.T, _ *conversing, m string) string {
			token := find(t, m, sctPattern)
			return replace(t, replace(t, m, token, ""), `</wsse:Security>`, `</wsse:Security>`+token)
		}},
		"a huge Identifier": {wssec.CodeInvalidToken, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, c.alice.Identifier, huge)
		}},
		"a huge Identifier in a reference": {wssec.CodeTokenUnavailable, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, `(URI="#SCT-[^"]*")`), `URI="`+huge+`"`)
		}},
		"a huge Instance": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `</wsc:Identifier>`, `</wsc:Identifier><wsc:Instance>`+huge+`</wsc:Instance>`)
		}},
		"no Identifier": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, find(t, m, `<wsc:Identifier>.*?</wsc:Identifier>`), "")
		}},
		"an empty Identifier": {wssec.CodeInvalidToken, func(t *testing.T, c *conversing, m string) string {
			return replace(t, m, c.alice.Identifier, "")
		}},
		"two Identifiers": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			id := find(t, m, `<wsc:Identifier>.*?</wsc:Identifier>`)
			return replace(t, m, id, id+id)
		}},
		"an Identifier of the other version": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Identifier>`, `<wsc:Identifier xmlns:wsc="`+wssec.NSWSC13+`">`)
		}},
		"an element in the Identifier": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `</wsc:Identifier>`, `<x xmlns="urn:x"/></wsc:Identifier>`)
		}},
		"a control character": {wssec.CodeInvalidToken, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Identifier>urn:`, "<wsc:Identifier>urn&#10;")
		}},
		"an absurd Length": {wssec.CodeDerivedKey, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Length>16<`, `<wsc:Length>4294967296<`)
		}},
		"a Length of 65": {wssec.CodeDerivedKey, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Length>16<`, `<wsc:Length>65<`)
		}},
		"a short signature key": {wssec.CodeKeyLength, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Length>16<`, `<wsc:Length>1<`)
		}},
		"an absurd Offset": {wssec.CodeDerivedKey, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, `<wsc:Offset>0<`, `<wsc:Offset>65<`)
		}},
		"a token type of another kind": {wssec.CodeReference, func(t *testing.T, _ *conversing, m string) string {
			return replace(t, m, wssec.NSWSC05+`/sct`, wssec.NSWSC05+`/dk`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConversing(t, underContext(derived), nil)
			m := c.message()
			c.t = t
			c.refuses(tt.attack(t, c, m), tt.code)
			if _, err := c.verify(t, []byte(m)); err != nil {
				t.Errorf("the message as it was: %v", err)
			}
		})
	}
}

// With token protection the signature covers the token.
func TestVerifyRequiresTheContextTokenSigned(t *testing.T) {
	t.Parallel()
	c := newConversing(t, underContext(derived), nil)
	unprotected := c.message()
	c.serve(t, underContext(derived, func(p *wssec.Policy) { p.ProtectTokens = true }))
	c.refuses(unprotected, wssec.CodeNotSigned)
}

// A policy for contexts takes no tickets, and one for tickets no contexts; a
// client learns it before it sends.
func TestVerifyRejectsTokensOfAnotherPolicy(t *testing.T) {
	t.Parallel()
	tickets := newPeers(t, symmetric(), nil)
	c := newConversing(t, underContext(), nil)
	c.refuses(string(first(tickets.request(t, plainOrder))), wssec.CodeUnsupportedToken)
	_, err := tickets.verify(t, []byte(c.message()))
	refused(t, err, wssec.CodeUnsupportedToken)
	c.token.Omit = true
	_, err = tickets.verify(t, []byte(c.message()))
	refused(t, err, wssec.CodeTokenUnavailable)

	conversation := contextOf(wssec.SecureConversationToken, time.Now())
	for name, tok := range map[string]wssec.OutgoingToken{
		"a ticket": tickets.token, "nothing": {}, "a conversation's": {Context: &conversation},
		"an empty context": {Context: &wssec.SecurityContext{Token: wssec.SpnegoContextToken}},
	} {
		if _, _, err := c.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), tok); err == nil {
			t.Errorf("%s is sent", name)
		}
	}
	if _, _, err := tickets.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), c.token); err == nil {
		t.Error("a context is sent under a policy for tickets")
	}
}

func first[A, B any](a A, _ B) A { return a }

func TestNewProcessorNeedsContextsForAService(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	if _, err := wssec.NewProcessor(underContext(), ps.cfg); err == nil {
		t.Error("a service without contexts is made")
	}
	cfg := wssec.Config{Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{})}
	if _, err := wssec.NewProcessor(underContext(), cfg); err == nil {
		t.Error("a service without replay store is made")
	}
	client, err := wssec.NewProcessor(underContext(), wssec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := newConversing(t, underContext(), nil)
	_, err = client.Verify(t.Context(), parse(t, []byte(c.message())), secure())
	refused(t, err, wssec.CodeTokenUnavailable)
}

// FuzzSecurityContextToken: whatever stands in the token, only the Identifier
// that names alice's context leads to her key.
func FuzzSecurityContextToken(f *testing.F) {
	const alice = "urn:uuid:7c1f0000-1111-2222-3333-444455556666"
	for _, s := range []string{
		`<wsc:Identifier>` + alice + `</wsc:Identifier>`, `<wsc:Identifier/>`,
		`<wsc:Identifier> ` + alice + `
</wsc:Identifier><wsc:Instance>urn:2</wsc:Instance>`, `<d:Cookie xmlns:d="urn:d">AAAA</d:Cookie>`, "text",
		`<wsc:Identifier>urn:uuid:mallory</wsc:Identifier><wsc:Identifier>` + alice + `</wsc:Identifier>`,
	} {
		f.Add(s)
	}
	c := newConversing(f, underContext(), nil)
	guard := wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
	c.cfg.Guard = guard
	c.serve(f, underContext())
	msg := c.message()
	token := find(f, msg, `(<wsc:Identifier>.*?)</wsc:SecurityContextToken>`)
	f.Fuzz(func(t *testing.T, content string) {
		changed := strings.Replace(msg, token, content, 1)
		env, err := soap.Parse([]byte(changed), xmltext.Options{})
		if err != nil {
			return
		}
		m, err := c.service.Verify(t.Context(), env, secure())
		if err != nil {
			var e *wssec.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			return
		}
		if name, _ := m.Principal(); name != "alice" || !strings.Contains(content, alice) &&
			!strings.Contains(content, "&#") && !strings.Contains(content, "CDATA") {
			t.Errorf("%s by the token %q", name, content)
		}
	})
}
