package wstrust_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A conversation is a service that issues security contexts, and its client.
type conversation struct {
	*world
	issuer    *wstrust.Issuer
	cfg       wstrust.IssuerConfig
	bootstrap [2]*wssec.Processor // the client's and the service's
	context   [2]*wssec.Processor
	channel   wssec.Channel
	ticketEnd time.Time
}

// newConversation makes the two under a preset or another policy.
func newConversation(t testing.TB, p wssec.Policy, change func(*conversation)) *conversation {
	t.Helper()
	c := &conversation{world: newWorld(t, nil), channel: wssec.Channel{Client: here, TLS: true}}
	c.cfg = wstrust.IssuerConfig{Contexts: c.contexts, Policy: p, Time: c.world.cfg.Time}
	if change != nil {
		change(c)
	}
	verifier := c.world.cfg.Acceptor.(acceptor).Acceptor
	for i := range c.bootstrap {
		cfg := wssec.Config{Time: c.world.cfg.Time}
		if i == 1 {
			cfg.Verifier, cfg.Contexts = verifier, c.cfg.Contexts
			cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: c.world.cfg.Time})
		}
		var err error
		c.context[i], err = wssec.NewProcessor(c.cfg.Policy, cfg)
		c.must(err)
		cfg.EndorsingContexts = i == 1
		c.bootstrap[i], err = wssec.NewProcessor(*c.cfg.Policy.Bootstrap, cfg)
		c.must(err)
	}
	var err error
	c.issuer, err = wstrust.NewIssuer(c.cfg)
	c.must(err)
	return c
}

func preset(t testing.TB, name string) wssec.Policy {
	t.Helper()
	p, ok := wssec.Preset(name)
	if !ok {
		t.Fatal(name)
	}
	return p
}

// token is a Kerberos token of alice.
func (c *conversation) token() wssec.OutgoingToken {
	c.Helper()
	ticket := c.ticket(krbtest.TicketOptions{EndTime: c.ticketEnd})
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{Time: c.world.cfg.Time})
	c.must(err)
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
}

// An rst is a message for an Issuer, to be changed.
type rst struct {
	v           wstrust.Version
	soap        soap.Version
	addr        string
	action      string
	requestType string
	children    string
}

func issueRST(v wstrust.Version) rst {
	return rst{v: v, soap: soap.V12, addr: nsWSA, action: v.Trust() + "/RST/SCT", requestType: "Issue",
		children: fmt.Sprintf(`<t:TokenType>%s/sct</t:TokenType><t:KeySize>256</t:KeySize><t:Entropy>`+
			`<t:BinarySecret Type="%s/Nonce">`+
			`AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</t:BinarySecret></t:Entropy>`+
			`<t:ComputedKeyAlgorithm>%s/CK/PSHA1</t:ComputedKeyAlgorithm>`,
			v.SecureConversation(), v.Trust(), v.Trust())}
}

// on is an operation on a context, by reference.
func on(operation string, sc wssec.SecurityContext, more string) rst {
	v := wstrust.Feb2005
	if sc.Namespace == wssec.NSWSC13 {
		v = wstrust.V13
	}
	r := issueRST(v)
	r.requestType, r.action = operation, v.Trust()+"/RST/SCT/"+operation
	r.children = fmt.Sprintf(`<t:%[1]sTarget><o:SecurityTokenReference xmlns:o="%[2]s">`+
		`<o:Reference URI="%[3]s" ValueType="%[4]s/sct"></o:Reference>`+
		`</o:SecurityTokenReference></t:%[1]sTarget>%[5]s`, operation, wssec.NSWSSE, sc.Identifier,
		v.SecureConversation(), more)
	return r
}

func (r rst) text() string {
	header := fmt.Sprintf(`<a:Action xmlns:a="%[1]s">%[2]s</a:Action>`+
		`<a:MessageID xmlns:a="%[1]s">urn:uuid:1</a:MessageID>`+
		`<a:To xmlns:a="%[1]s">http://gw.example/svc</a:To>`, r.addr, r.action)
	body := fmt.Sprintf(`<t:RequestSecurityToken xmlns:t="%[1]s">`+
		`<t:RequestType>%[1]s/%[2]s</t:RequestType>%[3]s</t:RequestSecurityToken>`,
		r.v.Trust(), r.requestType, r.children)
	return fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>`,
		r.soap.Namespace(), header, body)
}

// ask sends a message under a pair of Processors, and returns the answer as the
// client has verified it.
func (c *conversation) ask(pair [2]*wssec.Processor, tok wssec.OutgoingToken, r rst) (*soap.Envelope, error) {
	c.Helper()
	octets, sent, err := pair[0].ProtectRequest(nil, c.parse(r.text()), tok)
	c.must(err)
	env := c.parse(string(octets))
	msg, err := pair[1].Verify(c.Context(), env, c.channel)
	c.must(err)
	op, ok, err := c.issuer.Operation(msg.Envelope(), r.action)
	if !ok {
		c.Fatalf("no operation: %s", r.text())
	}
	if err != nil {
		return nil, err
	}
	answer, err := c.issuer.Answer(c.Context(), msg, op)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(answer), "/>") {
		c.Errorf("an empty-element tag in %s", answer)
	}
	octets, err = pair[1].Protect(c.Context(), nil, c.parse(string(answer)), msg)
	c.must(err)
	reply, err := pair[0].VerifyReply(c.Context(), c.parse(string(octets)), sent, c.channel)
	c.must(err)
	return reply.Envelope(), nil
}

// issued asks for a context and reads the answer as an initiator does.
func (c *conversation) issued(tok wssec.OutgoingToken, r rst) wssec.SecurityContext {
	c.Helper()
	env, err := c.ask(c.bootstrap, tok, r)
	c.must(err)
	return c.contextIn(env, r)
}

// contextIn reads an answer that has a new key.
func (c *conversation) contextIn(env *soap.Envelope, r rst) wssec.SecurityContext {
	c.Helper()
	if a := env.Header.Child(r.addr, "Action"); a.Text() != strings.Replace(r.action, "/RST/", "/RSTR/", 1) {
		c.Errorf("action %s", a.Text())
	}
	if to := env.Header.Child(r.addr, "RelatesTo"); to.Text() != "urn:uuid:1" || env.Version != r.soap {
		c.Errorf("relates to %s; %v", to.Text(), env.Version)
	}
	rstr := env.Body.FirstChild()
	if r.v == wstrust.V13 {
		if !rstr.Is(r.v.Trust(), "RequestSecurityTokenResponseCollection") ||
			!rstr.FirstChild().NextSibling().IsZero() {
			c.Fatalf("not a collection of one: %s", canonical(rstr))
		}
		rstr = rstr.FirstChild()
	}
	if !rstr.Is(r.v.Trust(), "RequestSecurityTokenResponse") {
		c.Fatalf("no RSTR: %s", canonical(rstr))
	}
	sct := path(rstr, "RequestedSecurityToken", "SecurityContextToken")
	sc := wssec.SecurityContext{Identifier: path(sct, "Identifier").Text(), Instance: path(sct, "Instance").Text(),
		Namespace: sct.Space(),
		Token:     wssec.SecureConversationToken}
	switch proof := path(rstr, "RequestedProofToken").FirstChild(); proof.Local() {
	case "BinarySecret":
		if ty, _ := proof.Attr("", "Type"); ty != r.v.Trust()+"/SymmetricKey" {
			c.Errorf("Type %s", ty)
		}
		sc.Key = wssec.NewKey(c.decode(proof))
	default:
		client := make([]byte, 32)
		(&count{}).Read(client)
		if proof.Text() != r.v.Trust()+"/CK/PSHA1" {
			c.Fatalf("proof token %s", canonical(proof))
		}
		server := c.decode(path(rstr, "Entropy", "BinarySecret"))
		sc.Key = wssec.NewKey(pSHA1(client, server, len(server)))
	}
	if path(rstr, "KeySize").Text() != fmt.Sprint(8*sc.Key.Len()) || path(rstr,
		"TokenType").Text() != r.v.SecureConversation()+"/sct" {
		c.Errorf("KeySize or TokenType: %s", canonical(rstr))
	}
	return sc
}

// checkKnown checks that the service has the context that the client has.
func (c *conversation) checkKnown(sc wssec.SecurityContext) wssec.SecurityContext {
	c.Helper()
	known, err := c.contexts.Lookup(c.Context(), sc.Identifier, sc.Instance, nil)
	c.must(err)
	if !known.Key.Equal(sc.Key) || known.Name != "alice" || known.Realm != "EXAMPLE.COM" ||
		known.Service != service+"@EXAMPLE.COM" ||
		known.Token != wssec.SecureConversationToken || known.Namespace != sc.Namespace {
		c.Errorf("%+v", known)
	}
	return known
}

func TestContextIsIssuedUnderKerberos(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, s := range []soap.Version{soap.V11, soap.V12} {
			for _, addr := range []string{nsWSA, soap.NSAddressing04} {
				for _, entropy := range []bool{true, false} {
					c := newConversation(t, preset(t, "SecureConversation"), nil)
					r := issueRST(v)
					r.soap, r.addr = s, addr
					if !entropy {
						r.children = ""
					}
					known := c.checkKnown(c.issued(c.token(), r))
					if known.Key.Len() != 32 || known.Expires.After(known.TicketEnd) ||
						!known.Expires.After(known.Created) {
						t.Errorf("%+v", known)
					}
				}
			}
		}
	}
}

// WCF's own default: SPNEGO, an RST under its token, messages under the second
// token, Cancel.
func TestContextIsIssuedUnderANegotiatedOne(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		c := newConversation(t, preset(t, "wsHttpBinding"), nil)
		client := c.mechanism(gss.MechanismSPNEGO)
		l := first(v, c.world.token(client))
		_, env := c.sendOK(l)
		_, _, err := client.Step(t.Context(), c.exchangeToken(env))
		c.must(err)
		negotiated := c.checkFinal(env, l, client, canonical(c.parse(l.text()).Body.FirstChild()))

		sc := c.issued(wssec.OutgoingToken{Context: &negotiated}, issueRST(v))
		known := c.checkKnown(sc)
		if !known.TicketEnd.Equal(negotiated.TicketEnd) || known.Expires.After(negotiated.TicketEnd) {
			t.Errorf("the ticket's end got lost: %v, %v", known.TicketEnd, negotiated.TicketEnd)
		}
		_, err = c.ask(c.context, wssec.OutgoingToken{Context: &sc}, on("Cancel", sc, ""))
		c.must(err)
		if _, err := c.contexts.Lookup(t.Context(), sc.Identifier, "", nil); err == nil {
			t.Error("it lives on")
		}
		if _, err := c.contexts.Lookup(t.Context(), negotiated.Identifier, "", nil); err != nil {
			t.Error(err)
		}
	}
}

func TestContextIsIssuedOverTransport(t *testing.T) {
	t.Parallel()
	for _, entropy := range []bool{true, false} {
		p := preset(t, "SspiNegotiatedOverTransport")
		p.SupportingTokens[0].Token = wssec.SecureConversationToken
		bootstrap := preset(t, "KerberosOverTransport")
		p.Bootstrap = &bootstrap
		c := newConversation(t, p, nil)
		r := issueRST(wstrust.V13)
		if !entropy {
			r.children = ""
		}
		sc := c.issued(c.token(), r)
		c.checkKnown(sc)
		// CXF's form of the target: the token itself.
		r = on("Cancel", sc, "")
		r.children = fmt.Sprintf(`<t:CancelTarget><c:SecurityContextToken xmlns:c="%s"><c:Identifier>%s</c:Identifier>`+
			`</c:SecurityContextToken></t:CancelTarget>`,
			sc.Namespace, sc.Identifier)
		_, err := c.ask(c.context, wssec.OutgoingToken{Context: &sc}, r)
		c.must(err)
	}
}

func TestContextIsRenewed(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, entropy := range []bool{true, false} {
			c := newConversation(t, preset(t, "SecureConversation"), nil)
			sc := c.issued(c.token(), issueRST(v))
			before := c.checkKnown(sc)
			c.clock = c.clock.Add(time.Hour)
			more := ""
			if entropy {
				more = issueRST(v).children
			}
			env, err := c.ask(c.context, wssec.OutgoingToken{Context: &sc}, on("Renew", sc, more))
			c.must(err)
			renewed := c.contextIn(env, on("Renew", sc, ""))
			if renewed.Identifier != sc.Identifier || renewed.Instance == "" || renewed.Key.Equal(sc.Key) {
				t.Errorf("Identifier %s, Instance %q", renewed.Identifier, renewed.Instance)
			}
			after := c.checkKnown(renewed)
			if !after.TicketEnd.Equal(before.TicketEnd) || after.Expires.After(after.TicketEnd) ||
				!after.Created.Equal(before.Created.Add(time.Hour)) {
				t.Errorf("%+v\n%+v", before, after)
			}
			rstr := env.Body.FirstChild()
			if v == wstrust.V13 {
				rstr = rstr.FirstChild()
			}
			reference := path(rstr, "RequestedUnattachedReference", "SecurityTokenReference", "Reference")
			if instance, _ := reference.Attr(v.SecureConversation(), "Instance"); instance != renewed.Instance {
				t.Errorf("the reference has Instance %q", instance)
			}
			// The renewed one is used, and cancelled, under its own key.
			_, err = c.ask(c.context, wssec.OutgoingToken{Context: &renewed}, on("Cancel", renewed, ""))
			c.must(err)
		}
	}
}

// The answer to Cancel has the form of CXF's service, and of WCF's.
func TestCancelIsAnswered(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		c := newConversation(t, preset(t, "SecureConversation"), nil)
		sc := c.issued(c.token(), issueRST(v))
		env, err := c.ask(c.context, wssec.OutgoingToken{Context: &sc}, on("Cancel", sc, ""))
		c.must(err)
		rstr := `<t:RequestSecurityTokenResponse xmlns:t="` + v.Trust() +
			`"><t:RequestedTokenCancelled></t:RequestedTokenCancelled></t:RequestSecurityTokenResponse>`
		want := map[wstrust.Version]string{wstrust.Feb2005: rstr,
			wstrust.V13: `<t:RequestSecurityTokenResponseCollection xmlns:t="` + v.Trust() + `">` +
				strings.Replace(rstr, ` xmlns:t="`+v.Trust()+`"`, "", 1) +
				`</t:RequestSecurityTokenResponseCollection>`}[v]
		if got := canonical(env.Body.FirstChild()); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestKeyOfEntropiesHasTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	for asked, bits := range map[string]int{"128": 128, "192": 192, "256": 256, "": 128} {
		p := preset(t, "SecureConversation")
		p.AlgorithmSuite, p.KeyFit = wssec.Basic128, wssec.FitWSS4J
		c := newConversation(t, p, nil)
		r := issueRST(wstrust.V13)
		size := "<t:KeySize>" + asked + "</t:KeySize>"
		if asked == "" {
			size = ""
		}
		r.children = strings.Replace(r.children, "<t:KeySize>256</t:KeySize>", size, 1)
		if known := c.checkKnown(c.issued(c.token(), r)); known.Key.Len()*8 != bits {
			t.Errorf("asked %q: %d octets", asked, known.Key.Len())
		}
	}
}

func TestIssuedContextEndsWithTheTicket(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"),
		func(c *conversation) { c.ticketEnd = now.Truncate(time.Second).Add(20 * time.Minute) })
	if known := c.checkKnown(c.issued(c.token(), issueRST(wstrust.V13))); !known.Expires.Equal(c.ticketEnd) {
		t.Errorf("it ends %v, the ticket %v", known.Expires, c.ticketEnd)
	}
}

// refusedOperation checks code and fault of an operation, and that nothing has
// changed.
func (c *conversation) refusedOperation(pair [2]*wssec.Processor, tok wssec.OutgoingToken, r rst, code wstrust.Code,
	fault string) {
	c.Helper()
	before := c.world.issued.Len()
	_, err := c.ask(pair, tok, r)
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != code {
		c.Errorf("%v; want %s", err, code)
		return
	}
	if f := wstrust.FaultFor(err); f.Subcode.String() != fault {
		c.Errorf("fault %v, want %s", f.Subcode, fault)
	}
	if c.world.issued.Len() != before {
		c.Error("something was issued")
	}
}

func TestRequestsForAContextAreRefused(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		c := newConversation(t, preset(t, "SecureConversation"), nil)
		for name, x := range map[string]struct {
			from, to string
			code     wstrust.Code
		}{
			"KeySize of another suite":     {">256<", ">128<", wstrust.CodeKeySize},
			"TokenType of SAML":            {v.TokenType(), "urn:saml", wstrust.CodeTokenType},
			"ComputedKeyAlgorithm unknown": {"/CK/PSHA1", "/CK/HASH", wstrust.CodeEntropy},
			"entropy of a few octets": {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAEC",
				wstrust.CodeInvalidRequest},
			"entropy of another Type":       {"/Nonce", "/AsymmetricKey", wstrust.CodeInvalidRequest},
			"entropy without BinarySecret":  {"t:BinarySecret", "t:Secret", wstrust.CodeInvalidRequest},
			"RequestType of another action": {"/Issue", "/Validate", wstrust.CodeInvalidRequest},
		} {
			r := issueRST(v)
			r.children, r.requestType = strings.ReplaceAll(r.children, x.from, x.to),
				strings.TrimPrefix(strings.ReplaceAll("/"+r.requestType, x.from, x.to), "/")
			t.Log(name)
			c.refusedOperation(c.bootstrap, c.token(), r, x.code, invalidRequest)
		}
	}
}

// Under a policy that leaves the Body of an RST unprotected, whoever listens
// could compute the key: the operator has to say that this is wanted.
func TestUnprotectedRequestIsRefused(t *testing.T) {
	t.Parallel()
	signedOnly := preset(t, "Kerberos")
	signedOnly.EncryptedParts, signedOnly.EncryptSignature = wssec.Parts{}, false
	p := preset(t, "SecureConversation")
	p.Bootstrap = &signedOnly
	c := newConversation(t, p, nil)
	c.refusedOperation(c.bootstrap, c.token(), issueRST(wstrust.V13), wstrust.CodeUnprotected, invalidRequest)
	c = newConversation(t, p, func(c *conversation) { c.cfg.UnprotectedBody = true })
	c.checkKnown(c.issued(c.token(), issueRST(wstrust.V13)))
	// Without Entropy the answer would be the key.
	r := issueRST(wstrust.V13)
	r.children = ""
	c.refusedOperation(c.bootstrap, c.token(), r, wstrust.CodeEntropy, invalidRequest)
}

// allow-plain-http accepts messages that nothing protects. Keys are another
// matter.
func TestRequestOverPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	p := preset(t, "SecureConversation")
	bootstrap := preset(t, "KerberosOverTransport")
	bootstrap.AllowPlainHTTP = true
	p.Bootstrap = &bootstrap
	for _, accepted := range []bool{false, true} {
		c := newConversation(t, p, func(c *conversation) { c.cfg.UnprotectedBody = accepted })
		noEntropy := issueRST(wstrust.V13)
		noEntropy.children = ""
		c.channel.TLS = false
		if accepted {
			c.checkKnown(c.issued(c.token(), issueRST(wstrust.V13)))
			c.refusedOperation(c.bootstrap, c.token(), noEntropy, wstrust.CodeEntropy, invalidRequest)
			continue
		}
		c.refusedOperation(c.bootstrap, c.token(), issueRST(wstrust.V13), wstrust.CodeUnprotected, invalidRequest)
		c.channel.TLS = true
		c.checkKnown(c.issued(c.token(), noEntropy))
	}
}

// A peer may encrypt the Body without being asked to, and we would not: the key
// itself is not put there.
func TestKeyIsNotSentInAnUnencryptedAnswer(t *testing.T) {
	t.Parallel()
	encrypting, optional := preset(t, "Kerberos"), preset(t, "Kerberos")
	optional.EncryptedParts, optional.OptionalEncryptedParts = wssec.Parts{}, wssec.Parts{Body: true}
	encrypting.EncryptSignature, optional.EncryptSignature = false, false
	p := preset(t, "SecureConversation")
	p.Bootstrap = &encrypting
	client := newConversation(t, p, nil).bootstrap[0]
	p.Bootstrap = &optional
	c := newConversation(t, p, nil)
	r := issueRST(wstrust.V13)
	r.children = ""
	c.refusedOperation([2]*wssec.Processor{client, c.bootstrap[1]}, c.token(), r, wstrust.CodeEntropy, invalidRequest)
}

func TestContextIsNotIssuedUnderOneOfItsKind(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	c.refusedOperation(c.context, wssec.OutgoingToken{Context: &sc}, issueRST(wstrust.V13),
		wstrust.CodeInvalidRequest, invalidRequest)
}

// Nobody renews or cancels a context but under its own key.
func TestOperationOnAnotherContextIsRefused(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		c := newConversation(t, preset(t, "SecureConversation"), nil)
		mine, other := c.issued(c.token(), issueRST(v)), c.issued(c.token(), issueRST(v))
		fault := "{" + v.SecureConversation() + "}BadContextToken"
		for _, operation := range []string{"Renew", "Cancel"} {
			more := map[string]string{"Renew": issueRST(v).children}[operation]
			c.refusedOperation(c.context, wssec.OutgoingToken{Context: &mine}, on(operation, other, more),
				wstrust.CodeBadContext, fault)
			c.refusedOperation(c.bootstrap, c.token(), on(operation, other, more), wstrust.CodeBadContext, fault)
			instance := on(operation, mine, more)
			instance.children = strings.Replace(instance.children, "<o:Reference ",
				`<o:Reference xmlns:c="`+v.SecureConversation()+`" c:Instance="urn:uuid:9" `, 1)
			c.refusedOperation(c.context, wssec.OutgoingToken{Context: &mine}, instance, wstrust.CodeBadContext,
				fault)
		}
		c.checkKnown(mine)
		c.checkKnown(other)
	}
}

func TestNegotiatedContextIsNotRenewed(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "wsHttpBinding"), nil)
	client := c.mechanism(gss.MechanismSPNEGO)
	l := first(wstrust.V13, c.world.token(client))
	_, env := c.sendOK(l)
	_, _, err := client.Step(t.Context(), c.exchangeToken(env))
	c.must(err)
	sc := c.checkFinal(env, l, client, canonical(c.parse(l.text()).Body.FirstChild()))
	c.refusedOperation(c.bootstrap, wssec.OutgoingToken{Context: &sc}, on("Renew", sc,
		issueRST(wstrust.V13).children), wstrust.CodeUnableToRenew,
		"{"+wssec.NSWSC13+"}UnableToRenew")
}

// The context is cancelled when the message has been verified already.
func TestOperationOnACancelledContextIsRefused(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"Renew", "Cancel"} {
		c := newConversation(t, preset(t, "SecureConversation"), nil)
		sc := c.issued(c.token(), issueRST(wstrust.V13))
		r := on(operation, sc, map[string]string{"Renew": issueRST(wstrust.V13).children}[operation])
		octets, _, err := c.context[0].ProtectRequest(nil, c.parse(r.text()), wssec.OutgoingToken{Context: &sc})
		c.must(err)
		msg, err := c.context[1].Verify(t.Context(), c.parse(string(octets)), c.channel)
		c.must(err)
		op, ok, err := c.issuer.Operation(msg.Envelope(), "")
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		c.must(c.contexts.Cancel(t.Context(), sc.Identifier, nil))
		_, err = c.issuer.Answer(t.Context(), msg, op)
		var e *wstrust.Error
		if !errors.As(err, &e) || e.Code != wstrust.CodeBadContext ||
			e.ErrorCode() != string(wssec.CodeContextCancelled) ||
			wstrust.FaultFor(err).Subcode.String() != "{"+wssec.NSWSC13+"}BadContextToken" {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

func TestRenewalStopsAtTheEndOfTheTicket(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"),
		func(c *conversation) { c.ticketEnd = now.Truncate(time.Second).Add(20 * time.Minute) })
	sc := c.issued(c.token(), issueRST(wstrust.V13))
	r := on("Renew", sc, issueRST(wstrust.V13).children)
	octets, _, err := c.context[0].ProtectRequest(nil, c.parse(r.text()), wssec.OutgoingToken{Context: &sc})
	c.must(err)
	msg, err := c.context[1].Verify(t.Context(), c.parse(string(octets)), c.channel)
	c.must(err)
	op, _, err := c.issuer.Operation(msg.Envelope(), "")
	c.must(err)
	c.clock = c.ticketEnd
	_, err = c.issuer.Answer(t.Context(), msg, op)
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != wstrust.CodeUnableToRenew {
		t.Error(err)
	}
}

func TestIssuerWithAFullStoreIsBusy(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), func(c *conversation) {
		c.world.issued = store.NewMemory(store.MemoryConfig{MaxEntries: 1, Time: c.world.cfg.Time})
		c.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Store: c.world.issued, Time: c.world.cfg.Time})
		c.cfg.Contexts = c.contexts
	})
	c.issued(c.token(), issueRST(wstrust.V13))
	c.refusedOperation(c.bootstrap, c.token(), issueRST(wstrust.V13), wstrust.CodeBusy, serverTooBusy)
}

// Without randomness there is no key, and so no answer.
func TestIssuerWithoutRandomnessDoesNotAnswer(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), func(c *conversation) {
		c.cfg.Rand = strings.NewReader("")
	})
	_, err := c.ask(c.bootstrap, c.token(), issueRST(wstrust.V13))
	var e *wstrust.Error
	if !errors.As(err, &e) || e.Code != wstrust.CodeAnswer || wstrust.FaultFor(err).Code != soap.Receiver {
		t.Errorf("%v", err)
	}
	if c.world.issued.Len() != 0 {
		t.Error("something was issued")
	}
}

// What is no operation goes to the service, which may itself speak WS-Trust.
func TestOperationsAreToldFromMessagesForTheService(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	for name, x := range map[string]struct {
		change     func(*rst)
		soapAction string
		want       bool
	}{
		"Issue":                    {func(*rst) {}, "", true},
		"Issue, SOAPAction":        {func(*rst) {}, wstrust.NSTrust13 + "/RST/SCT", true},
		"Issue, quoted SOAPAction": {func(*rst) {}, `"` + wstrust.NSTrust13 + `/RST/SCT"`, true},
		"another SOAPAction":       {func(*rst) {}, "urn:other", false},
		"RST/Issue, for a STS":     {func(r *rst) { r.action = r.v.Trust() + "/RST/Issue" }, "", false},
		"another version":          {func(r *rst) { r.action = wstrust.NSTrust05 + "/RST/SCT" }, "", false},
		"no action":                {func(r *rst) { r.action = "" }, "", false},
		"Cancel": {func(r *rst) {
			*r = on("Cancel", wssec.SecurityContext{Identifier: "urn:x", Namespace: wssec.NSWSC13}, "")
		}, "", true},
	} {
		r := issueRST(wstrust.V13)
		x.change(&r)
		if _, ok, err := c.issuer.Operation(c.parse(r.text()), x.soapAction); ok != x.want || err != nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	for _, body := range []string{`<x xmlns="urn:x"></x>`, ``, `<t:RequestSecurityTokenResponse xmlns:t="` +
		wstrust.NSTrust13 + `"></t:RequestSecurityTokenResponse>`} {
		text := `<s:Envelope xmlns:s="` + soap.NS12 + `"><s:Body>` + body + `</s:Body></s:Envelope>`
		if _, ok, err := c.issuer.Operation(c.parse(text), wstrust.NSTrust13+"/RST/SCT"); ok || err != nil {
			t.Errorf("%s: %t, %v", body, ok, err)
		}
	}
}

// An operation is that of its own message.
func TestOperationOfAnotherMessageIsRefused(t *testing.T) {
	t.Parallel()
	c := newConversation(t, preset(t, "SecureConversation"), nil)
	verify := func() (*wssec.Message, *wstrust.Operation) {
		octets, _, err := c.bootstrap[0].ProtectRequest(nil, c.parse(issueRST(wstrust.V13).text()), c.token())
		c.must(err)
		msg, err := c.bootstrap[1].Verify(t.Context(), c.parse(string(octets)), c.channel)
		c.must(err)
		op, _, err := c.issuer.Operation(msg.Envelope(), "")
		c.must(err)
		return msg, op
	}
	msg, _ := verify()
	_, op := verify()
	if _, err := c.issuer.Answer(t.Context(), msg, op); err == nil {
		t.Error("answered")
	}
	c.empty()
}

func TestIssuerSaysWhatIsWrongWithItsConfig(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*wstrust.IssuerConfig){
		"Contexts":     func(c *wstrust.IssuerConfig) { c.Contexts = nil },
		"suite":        func(c *wstrust.IssuerConfig) { c.Policy.AlgorithmSuite = "" },
		"does not fit": func(c *wstrust.IssuerConfig) { c.KeySize = 128 },
		"Lifetime":     func(c *wstrust.IssuerConfig) { c.Lifetime = -1 },
	} {
		cfg := wstrust.IssuerConfig{Contexts: newWorld(t, nil).contexts, Policy: preset(t, "SecureConversation")}
		change(&cfg)
		if _, err := wstrust.NewIssuer(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Keys and entropies are in no error, and in nothing that is printed.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef0123456789abcdef")
	r := wstrust.RequestSecurityToken{Entropy: wssec.NewKey(secret)}
	p := wstrust.RequestSecurityTokenResponse{Entropy: wssec.NewKey(secret),
		Proof: &wstrust.ProofToken{Secret: wssec.NewKey(secret)}}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", r, r, r), fmt.Sprintf("%v %+v %#v %+v", p, p, p,
		*p.Proof)} {
		if bytes.Contains([]byte(text), secret[:8]) || strings.Contains(text, "30, 31") || strings.Contains(text,
			"48 49 50") {
			t.Error(text)
		}
	}
}
