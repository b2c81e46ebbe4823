package wstrust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A gssScript is a GSS-API context of an initiator that goes by a script. Its Wrap
// tokens are what they hold.
type gssScript struct {
	replies [][]byte // to each token; with the last one it is done
	taken   [][]byte
	clear   bool // Wrap tokens are not encrypted
	refuses bool
}

func (g *gssScript) Step(_ context.Context, token []byte) (reply []byte, done bool, err error) {
	g.taken = append(g.taken, token)
	if g.refuses && len(g.taken) > 1 {
		return nil, false, errors.New("no")
	}
	reply, g.replies = g.replies[0], g.replies[1:]
	return reply, len(g.replies) == 0, nil
}

func (g *gssScript) Unwrap(dst, token []byte) ([]byte, bool, error) {
	if !bytes.HasPrefix(token, []byte("wrap")) {
		return nil, false, errors.New("not a Wrap token")
	}
	return append(dst, token[4:]...), !g.clear, nil
}

// A scriptedService is the other side by hand, with everything that it answers
// open to change.
type scriptedService struct {
	t       *testing.T
	v       Version
	hash    transcript
	key     wssec.Key
	context string
	request *RequestSecurityToken
	// before changes the last RSTR before the Authenticator is made, and after
	// what is sent.
	before func(r *RequestSecurityTokenResponse)
	after  func(all []*RequestSecurityTokenResponse) []*RequestSecurityTokenResponse
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// take enters what the initiator has sent.
func (s *scriptedService) take(body []byte) {
	s.t.Helper()
	n := scan(s.t, string(body))
	s.hash.add(n)
	if n.Local() != "RequestSecurityToken" {
		return
	}
	var err error
	if s.request, err = ReadRequest(n); err != nil {
		s.t.Fatal(err)
	}
	s.context = s.request.Context
}

// goOn is an answer that is not the last.
func (s *scriptedService) goOn(token string) *soap.Envelope {
	r := &RequestSecurityTokenResponse{Version: s.v, Context: s.context,
		Exchange: &BinaryExchange{ValueType: s.request.Exchange.ValueType, Token: []byte(token)}}
	s.hash.add(scan(s.t, string(r.Append(nil))))
	return answer(s.t, r.Append(nil))
}

// finish is the last answer.
func (s *scriptedService) finish() *soap.Envelope {
	r := &RequestSecurityTokenResponse{
		Version: s.v, Context: s.context, TokenType: s.v.TokenType(), KeySize: 8 * s.key.Len(),
		Token:   &SecurityContextToken{ContextReference: ContextReference{Identifier: "urn:uuid:7c1f"}, ID: "sct"},
		Proof:   &ProofToken{Wrapped: append([]byte("wrap"), s.key.ExposeSecretOctets()...)},
		Created: noon.Add(time.Minute), Expires: noon.Add(time.Minute + time.Hour),
		Exchange: &BinaryExchange{ValueType: s.request.Exchange.ValueType, Token: []byte("last")},
	}
	if s.before != nil {
		s.before(r)
	}
	s.hash.add(scan(s.t, string(r.append(nil, false))))
	all := []*RequestSecurityTokenResponse{r, {Version: s.v, Context: s.context, Authenticator: Authenticator(s.key,
		s.hash.sum())}}
	if s.after != nil {
		all = s.after(all)
	}
	return answer(s.t, AppendCollection(nil, s.v, all...))
}

func answer(t *testing.T, body []byte) *soap.Envelope {
	t.Helper()
	env, err := soap.Parse(fmt.Appendf(nil, `<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>`, soap.NS12,
		body), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// begun returns both sides after the first RST. The initiator's GSS-API context
// takes tokens messages in all, the last one without a reply.
func begun(t *testing.T, cfg InitiatorConfig, tokens int) (*Initiator, *gssScript, *scriptedService) {
	t.Helper()
	g := &gssScript{}
	for n := range tokens {
		g.replies = append(g.replies, fmt.Appendf(nil, "token %d", n+1))
	}
	g.replies = append(g.replies, nil)
	if cfg.Version == 0 {
		cfg.Version = V13
	}
	cfg.AlgorithmSuite = wssec.Basic256
	cfg.Time = func() time.Time { return noon }
	i, err := NewInitiator(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &scriptedService{t: t, v: cfg.Version, hash: newTranscript(), key: key(32)}
	body, err := i.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.take(body)
	return i, g, s
}

func TestInitiatorNegotiatesInAsManyLegsAsTheServiceWants(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for legs := 1; legs <= 3; legs++ {
			i, g, s := begun(t, InitiatorConfig{Version: v}, legs)
			if i.Action() != v.ActionRST() || s.request.KeySize != 256 || s.request.TokenType != v.TokenType() ||
				s.request.Exchange.ValueType != Feb2005.SPNEGO() || s.request.RequestType != Issue {
				t.Errorf("%v: %s %+v", v, i.Action(), s.request)
			}
			for range legs - 1 {
				body, err := i.Step(t.Context(), s.goOn("go on"))
				if err != nil || i.Established() != nil || i.Action() != v.ActionRSTR() {
					t.Fatalf("%v, %d legs: %v", v, legs, err)
				}
				s.take(body)
			}
			body, err := i.Step(t.Context(), s.finish())
			sc := i.Established()
			if err != nil || body != nil || sc == nil {
				t.Fatalf("%v, %d legs: %v", v, legs, err)
			}
			// Expires is by the initiator's clock, which is a minute behind.
			if sc.Identifier != "urn:uuid:7c1f" || sc.Namespace != v.SecureConversation() ||
				sc.Token != wssec.SpnegoContextToken ||
				!sc.Key.Equal(s.key) || !sc.Created.Equal(noon) || !sc.Expires.Equal(noon.Add(time.Hour)) {
				t.Errorf("%v: %+v", v, sc)
			}
			if len(g.taken) != legs+1 || string(g.taken[legs]) != "last" {
				t.Errorf("%v: the context got %q", v, g.taken)
			}
		}
	}
}

// Whatever an answer lacks or has too much, the negotiation ends there, and there
// is no security context.
func TestInitiatorRefusesAnswers(t *testing.T) {
	t.Parallel()
	type all = []*RequestSecurityTokenResponse
	for words, attack := range map[string]func(g *gssScript, s *scriptedService) *soap.Envelope{
		"is not that of this " +
			"negotiation": func(_ *gssScript, s *scriptedService) *soap.Envelope { s.context = "another"; return s.finish() },
		"not " +
			"encrypted": func(g *gssScript,
			s *scriptedService) *soap.Envelope {
			g.clear = true
			return s.finish()
		},
		"no Authenticator": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { return a[:1] }
			return s.finish()
		},
		"the CombinedHash is wrong": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { a[1].Authenticator[31] ^= 1; return a }
			return s.finish()
		},
		"the CombinedHash is wrong: the service has seen": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.hash.add(scan(s.t, "<a/>")) // another RST than ours
			return s.finish()
		},
		"the CombinedHash is wrong: the service has seen other messages": func(_ *gssScript,
			s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { a[0].Expires = a[0].Expires.Add(time.Hour); return a }
			return s.finish()
		},
		"the CombinedHash is wrong: the": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { a[1].Authenticator = a[1].Authenticator[:16]; return a }
			return s.finish()
		},
		"TokenType": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.TokenType = Feb2005.TokenType() }
			return s.finish()
		},
		"no key that GSS_Wrap": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Proof = &ProofToken{Secret: s.key} }
			return s.finish()
		},
		"no key that GSS_Wrap encrypts": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Proof = nil }
			return s.finish()
		},
		"not a Wrap token": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Proof.Wrapped = []byte("else") }
			return s.finish()
		},
		"a key of 128 bits": func(_ *gssScript, s *scriptedService) *soap.Envelope { s.key = key(16); return s.finish() },
		"KeySize 128": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.KeySize = 128 }
			return s.finish()
		},
		"no Lifetime": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Expires = time.Time{} }
			return s.finish()
		},
		"check the clocks": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) {
				r.Created, r.Expires = noon.Add(-2*time.Hour), noon.Add(-time.Hour)
			}
			return s.finish()
		},
		"it is 2026-11-22T12:00:00Z here": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Created = noon.Add(6 * time.Minute) }
			return s.finish()
		},
		"a Lifetime of": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Expires = r.Created.Add(1000 * time.Hour) }
			return s.finish()
		},
		"does not prove who it is": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.before = func(r *RequestSecurityTokenResponse) { r.Exchange = nil }
			return s.finish()
		},
		"trust-authentication in leg 1: " +
			"no": func(g *gssScript, s *scriptedService) *soap.Envelope { g.refuses = true; return s.finish() },
		"the negotiation is not done": func(g *gssScript, s *scriptedService) *soap.Envelope {
			g.replies = [][]byte{[]byte("more"), nil}
			return s.finish()
		},
		"a second security context": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { a[1].Token = a[0].Token; return a }
			return s.finish()
		},
		"a negotiation ends with two": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { return append(a, a[1]) }
			return s.finish()
		},
		"version 2005/02 of " +
			"WS-Trust": func(_ *gssScript, s *scriptedService) *soap.Envelope { s.v = Feb2005; return s.finish() },
		"neither a token nor one BinaryExchange": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.after = func(a all) all { return a[1:] }
			return s.finish()
		},
		"there is none to send": func(_ *gssScript, s *scriptedService) *soap.Envelope { return s.goOn("go on") },
		"neither an RSTR": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			return answer(s.t,
				[]byte("<a/>"))
		},
		"not exactly one element": func(_ *gssScript, s *scriptedService) *soap.Envelope { return answer(s.t, nil) },
		"not exactly one element in": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			return answer(s.t,
				[]byte("<a/><b/>"))
		},
		"is not that of SPNEGO": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			s.request.Exchange.ValueType = "urn:x"
			return s.goOn("x")
		},
		"octets in canonical form": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			r := &RequestSecurityTokenResponse{Version: s.v, Context: s.context,
				Exchange: &BinaryExchange{ValueType: s.v.SPNEGO(), Token: []byte("token")}}
			return answer(s.t, []byte(strings.Replace(string(r.Append(nil)), "<t:BinaryExchange",
				`<y xmlns:p="urn:`+strings.Repeat("x", 1000)+`">`+strings.Repeat("<p:x/>", 1000)+"</y><t:BinaryExchange", 1)))
		},
		"octets; at most": func(_ *gssScript, s *scriptedService) *soap.Envelope {
			return s.goOn(strings.Repeat("x",
				1<<20))
		},
	} {
		i, g, s := begun(t, InitiatorConfig{}, 1)
		body, err := i.Step(t.Context(), attack(g, s))
		var e *Error
		if !errors.As(err, &e) || e.Leg != 1 || !strings.Contains(err.Error(), words) || body != nil ||
			i.Established() != nil {
			t.Errorf("%s: %s, %v", words, body, err)
		} else if strings.HasPrefix(words, "is not that of this") && e.Code != CodeReply {
			t.Errorf("%s: %s", words, e.Code)
		}
	}
}

// A service that never ends is left alone after a few messages.
func TestInitiatorEndsAnEndlessNegotiation(t *testing.T) {
	t.Parallel()
	i, _, s := begun(t, InitiatorConfig{}, 100)
	for n := 1; ; n++ {
		body, err := i.Step(t.Context(), s.goOn("go on"))
		if err != nil {
			if n != maxLegs || !strings.Contains(err.Error(), "does not end") {
				t.Errorf("message %d: %v", n, err)
			}
			return
		}
		s.take(body)
	}
}

// CXF's server sends neither Authenticator nor a last token. Whoever says so gets
// along with it, and still refuses an Authenticator that is wrong, and a key that
// is not encrypted or not the one asked for.
func TestInitiatorWithoutAuthenticator(t *testing.T) {
	t.Parallel()
	type all = []*RequestSecurityTokenResponse
	alone := func(s *scriptedService) {
		s.before = func(r *RequestSecurityTokenResponse) { r.Exchange = nil }
		s.after = func(a all) all { return a[:1] }
	}
	cfg := InitiatorConfig{NoAuthenticator: true}
	i, g, s := begun(t, cfg, 1)
	if s.request.Exchange.ValueType != V13.SPNEGO() {
		t.Errorf("ValueType %s", s.request.Exchange.ValueType)
	}
	alone(s)
	if _, err := i.Step(t.Context(), s.finish()); err != nil || !i.Established().Key.Equal(s.key) ||
		string(g.taken[1]) != acceptCompleted {
		t.Errorf("%v %q", err, g.taken)
	}
	for words, change := range map[string]func(g *gssScript, s *scriptedService){
		"is wrong": func(_ *gssScript, s *scriptedService) {
			s.after = func(a all) all { a[1].Authenticator[0] ^= 1; return a }
		},
		"not encrypted":     func(g *gssScript, s *scriptedService) { alone(s); g.clear = true },
		"a key of 128 bits": func(_ *gssScript, s *scriptedService) { alone(s); s.key = key(16) },
	} {
		i, g, s := begun(t, cfg, 1)
		change(g, s)
		if _, err := i.Step(t.Context(), s.finish()); err == nil || !strings.Contains(err.Error(), words) ||
			i.Established() != nil {
			t.Errorf("%s: %v", words, err)
		}
	}
}

// With the real thing on both sides: the AP-REP is verified, the key travels
// sealed, and one that does not is refused.
func TestInitiatorWithKerberos(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("HTTP/gw.example.com")
	ticket, err := kdc.Ticket("alice", "HTTP/gw.example.com", krbtest.TicketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags  uint32
		sealed bool
		words  string
	}{
		{0, true, ""},
		{0, false, "not encrypted"},
		{kerberos.GSSReplay | kerberos.GSSSequence | kerberos.GSSConf | kerberos.GSSInteg, true, ""},
	} {
		g, err := gss.NewInitiatorContext(ticket, gss.InitConfig{GSSFlags: c.flags})
		if err != nil {
			t.Fatal(err)
		}
		i, err := NewInitiator(g, InitiatorConfig{Version: Feb2005, AlgorithmSuite: wssec.Basic128})
		if err != nil {
			t.Fatal(err)
		}
		body, err := i.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := &scriptedService{t: t, v: Feb2005, hash: newTranscript(), key: key(16)}
		s.take(body)
		acceptor := krbtest.Acceptor(t, kdc.Keytab(nil)).NewContext(gss.AcceptConfig{})
		token, done, err := acceptor.Step(t.Context(), s.request.Exchange.Token)
		if err != nil || !done {
			t.Fatalf("%v, %v", done, err)
		}
		wrapped, err := acceptor.Wrap(nil, s.key.ExposeSecretOctets(), c.sealed)
		if err != nil {
			t.Fatal(err)
		}
		s.before = func(r *RequestSecurityTokenResponse) {
			r.Exchange.Token, r.Proof.Wrapped = token, wrapped
			r.Created, r.Expires = time.Now(), time.Now().Add(time.Hour)
		}
		_, err = i.Step(t.Context(), s.finish())
		if c.words == "" && (err != nil || !i.Established().Key.Equal(s.key)) || c.words != "" && (err == nil ||
			!strings.Contains(err.Error(), c.words)) {
			t.Errorf("flags %#x, sealed %v: %v", c.flags, c.sealed, err)
		}
	}
}

func TestRequesterMakesContextsOfBothEntropies(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		r, err := NewRequester(RequesterConfig{Version: v, AlgorithmSuite: wssec.Basic256,
			Time: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		req, err := r.Issue()
		if err != nil {
			t.Fatal(err)
		}
		rst, err := ReadRequest(scan(t, string(req.Body)))
		if err != nil || rst.RequestType != Issue || rst.KeySize != 256 || rst.Entropy.Len() != 32 ||
			req.Action != v.ActionSCT(Issue) {
			t.Fatalf("%v: %+v, %v", v, rst, err)
		}
		issued := &RequestSecurityTokenResponse{
			Version: v, TokenType: v.TokenType(),
			Token: &SecurityContextToken{ContextReference: ContextReference{Identifier: "urn:a"}, ID: "x"},
			Proof: &ProofToken{ComputedKey: v.PSHA1()}, Entropy: key(32), Created: noon, Expires: noon.Add(time.Hour),
			KeySize: 256,
		}
		sc, err := req.Answer(answer(t, AppendCollection(nil, v, issued)).Body)
		want := wssec.DeriveKey(rst.Entropy.ExposeSecretOctets(), "", key(32).ExposeSecretOctets(), 0, 32)
		if err != nil || sc.Identifier != "urn:a" || sc.Token != wssec.SecureConversationToken ||
			!sc.Key.Equal(wssec.NewKey(want)) || !sc.Expires.Equal(issued.Expires) {
			t.Errorf("%v: %+v, %v", v, sc, err)
		}

		renew, err := r.Renew(*sc)
		if err != nil || renew.Action != v.ActionSCT(Renew) {
			t.Fatal(err)
		}
		issued.Token.Instance = "urn:b"
		next, err := renew.Answer(answer(t, issued.Append(nil)).Body)
		if err != nil || next.Instance != "urn:b" || next.Identifier != "urn:a" || next.Key.Equal(sc.Key) {
			t.Errorf("%v: renewed %+v, %v", v, next, err)
		}
		cancel, err := r.Cancel(*next)
		if err != nil || cancel.Action != v.ActionSCT(Cancel) || !bytes.Contains(cancel.Body, []byte("urn:b")) ||
			bytes.Contains(cancel.Body, []byte("Entropy")) {
			t.Fatalf("%v %s", err, cancel.Body)
		}
		gone, err := cancel.Answer(answer(t, (&RequestSecurityTokenResponse{Version: v, Cancelled: true}).Append(nil)).Body)
		if err != nil || gone != nil {
			t.Errorf("%v: cancelled %+v, %v", v, gone, err)
		}
	}
}

func TestRequesterRefusesAnswers(t *testing.T) {
	t.Parallel()
	r, err := NewRequester(RequesterConfig{Version: V13, AlgorithmSuite: wssec.Basic256,
		Time: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	of := wssec.SecurityContext{Identifier: "urn:a", Instance: "urn:1"}
	for words, c := range map[string]struct {
		requestType RequestType
		change      func(r *RequestSecurityTokenResponse)
	}{
		"no RequestedTokenCancelled": {Cancel, func(*RequestSecurityTokenResponse) {}},
		"no SecurityContextToken":    {Issue, func(r *RequestSecurityTokenResponse) { r.Token = nil }},
		"or TokenType":               {Issue, func(r *RequestSecurityTokenResponse) { r.TokenType = "urn:x" }},
		"no RequestedProofToken":     {Issue, func(r *RequestSecurityTokenResponse) { r.Proof = nil }},
		"is not " +
			"P_SHA1": {Issue, func(r *RequestSecurityTokenResponse) { r.Proof.ComputedKey = Feb2005.PSHA1() }},
		"no Entropy of the service": {Issue, func(r *RequestSecurityTokenResponse) { r.Entropy = wssec.Key{} }},
		"KeySize 128":               {Issue, func(r *RequestSecurityTokenResponse) { r.KeySize = 128 }},
		"a key of 16 " +
			"octets": {Issue, func(r *RequestSecurityTokenResponse) { r.Proof = &ProofToken{Secret: key(16)} }},
		"version 2005/02":               {Issue, func(r *RequestSecurityTokenResponse) { r.Version = Feb2005 }},
		"no Lifetime":                   {Issue, func(r *RequestSecurityTokenResponse) { r.Expires = time.Time{} }},
		`this one has "urn:b"`:          {Renew, func(r *RequestSecurityTokenResponse) { r.Token.Identifier = "urn:b" }},
		`this one has "urn:a", "urn:1"`: {Renew, func(r *RequestSecurityTokenResponse) { r.Token.Instance = "urn:1" }},
	} {
		req, err := map[RequestType]func() (*ContextRequest, error){
			Issue:  r.Issue,
			Renew:  func() (*ContextRequest, error) { return r.Renew(of) },
			Cancel: func() (*ContextRequest, error) { return r.Cancel(of) },
		}[c.requestType]()
		if err != nil {
			t.Fatal(err)
		}
		issued := &RequestSecurityTokenResponse{
			Version: V13, TokenType: V13.TokenType(),
			Token: &SecurityContextToken{ContextReference: ContextReference{Identifier: "urn:a", Instance: "urn:2"}, ID: "x"},
			Proof: &ProofToken{ComputedKey: V13.PSHA1()}, Entropy: key(32), Created: noon, Expires: noon.Add(time.Hour),
			KeySize: 256,
		}
		c.change(issued)
		sc, err := req.Answer(answer(t, issued.Append(nil)).Body)
		if sc != nil || err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %+v, %v", words, sc, err)
		}
	}
}

// Whatever a service answers, a security context comes of it only with the
// Authenticator of these very messages.
func FuzzInitiatorAnswer(f *testing.F) {
	good := func(t *testing.T) (*Initiator, []byte) {
		i, _, s := begun(t, InitiatorConfig{Rand: bytes.NewReader(make([]byte, 16))}, 1)
		return i, s.finish().Doc.Source()
	}
	f.Add([]byte("<a/>"), 0)
	f.Add([]byte("<t:KeySize>128"), 1200)
	f.Fuzz(func(t *testing.T, patch []byte, at int) {
		i, answer := good(t)
		if at < 0 || at > len(answer) {
			return
		}
		changed := append(bytes.Clone(answer[:at]), patch...)
		if end := at + len(patch); end < len(answer) {
			changed = append(changed, answer[end:]...)
		}
		env, err := soap.Parse(changed, xmltext.Options{})
		if err != nil {
			return
		}
		_, err = i.Step(t.Context(), env)
		if i.Established() == nil {
			if err == nil && bytes.Contains(changed, []byte("RequestedSecurityToken")) {
				t.Errorf("neither an error nor a context: %s", changed)
			}
			return
		}
		// What the Authenticator covers is as it was.
		original, err := soap.Parse(answer, xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := covered(t, env), covered(t, original); !bytes.Equal(got, want) {
			t.Errorf("accepted though changed:\n%s\n%s", got, want)
		}
	})
}

// covered returns the digest of what the Authenticator covers of a last answer,
// with the key.
func covered(t *testing.T, env *soap.Envelope) []byte {
	t.Helper()
	responses, err := ReadResponses(only(env.Body))
	if err != nil {
		t.Fatal(err)
	}
	h := newTranscript()
	if err := h.addFinal(responses[0].element); err != nil {
		t.Fatal(err)
	}
	return append(h.sum(), responses[0].Proof.Wrapped...)
}
