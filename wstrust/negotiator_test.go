package wstrust_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/store"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// checkFinal reads the last answer as an initiator does, with nothing of package
// wstrust: it opens the key, and holds the CombinedHash against the messages.
// sent are the elements exchanged before, canonical and in order.
func (w *world) checkFinal(env *soap.Envelope, l leg, client *gss.Context, sent ...string) wssec.SecurityContext {
	w.Helper()
	rstrc := env.Body.FirstChild()
	rstr := rstrc.FirstChild()
	second := rstr.NextSibling()
	if rstrc.Local() != "RequestSecurityTokenResponseCollection" || second.IsZero() ||
		!second.NextSibling().IsZero() {
		w.Fatalf("not a collection of two: %s", canonical(rstrc))
	}
	for _, n := range []xmltext.Node{rstr, second} {
		if c, _ := n.Attr("", "Context"); c != l.context || n.Space() != l.v.Trust() {
			w.Errorf("Context %q, namespace %s", c, n.Space())
		}
	}
	proof := path(rstr, "RequestedProofToken", "EncryptedKey")
	if a, _ := path(proof, "EncryptionMethod").Attr("",
		"Algorithm"); a != "http://schemas.xmlsoap.org/2005/02/trust/spnego#GSS_Wrap" {
		w.Errorf("Algorithm %q", a)
	}
	key, sealed, err := client.Unwrap(nil, w.decode(path(proof, "CipherData", "CipherValue")))
	if err != nil || !sealed {
		w.Fatalf("proof key: sealed %t, %v", sealed, err)
	}
	if got := w.decode(path(second, "Authenticator", "CombinedHash")); !bytes.Equal(got, authenticator(key, rstr,
		sent...)) {
		w.Error("the CombinedHash is another")
	}
	sct := path(rstr, "RequestedSecurityToken", "SecurityContextToken")
	sc, err := w.contexts.Lookup(w.Context(), path(sct, "Identifier").Text(), "", nil)
	w.must(err)
	if !bytes.Equal(sc.Key.ExposeSecretOctets(), key) || sc.Namespace != l.v.SecureConversation() {
		w.Errorf("context of %d octets, %s", sc.Key.Len(), sc.Namespace)
	}
	return sc
}

// authenticator is the CombinedHash by the description of the protocol.
func authenticator(key []byte, rstr xmltext.Node, sent ...string) []byte {
	hashed := canonical(rstr)
	for _, left := range []string{"RequestedSecurityToken", "RequestedProofToken"} {
		start, end := "<t:"+left+">", "</t:"+left+">"
		hashed = hashed[:strings.Index(hashed, start)] + hashed[strings.Index(hashed, end)+len(end):]
	}
	h := sha1.Sum([]byte(strings.Join(sent, "") + hashed))
	return wssec.DeriveKey(key, "AUTH-HASH", h[:], 0, 32)
}

func forms(t *testing.T, f func(t *testing.T, l leg)) {
	for _, v := range versions {
		for _, s := range []soap.Version{soap.V11, soap.V12} {
			for _, addr := range []string{nsWSA, soap.NSAddressing04, ""} {
				for _, valueType := range []string{wstrust.NSTrust05 + "/spnego", v.Trust() + "/spnego"} {
					l := first(v, nil)
					l.soap, l.addr, l.valueType = s, addr, valueType
					t.Run(fmt.Sprintf("%v/%v/%s/%s", v, s, addr, valueType), func(t *testing.T) {
						t.Parallel()
						f(t, l)
					})
				}
			}
		}
	}
}

// One leg, as all clients with Kerberos first in their list have it.
func TestNegotiationOfOneLeg(t *testing.T) {
	t.Parallel()
	forms(t, func(t *testing.T, l leg) {
		w := newWorld(t, nil)
		client := w.mechanism(gss.MechanismSPNEGO)
		l.token = w.token(client)
		answered, env := w.sendOK(l)
		name, realm := answered.Client()
		if !answered.Established() || answered.Number() != 1 || name != "alice" || realm != "EXAMPLE.COM" ||
			answered.Service() != service+"@EXAMPLE.COM" {
			t.Errorf("%s@%s to %s in leg %d", name, realm, answered.Service(), answered.Number())
		}
		if _, done, err := client.Step(t.Context(), w.exchangeToken(env)); err != nil || !done {
			t.Fatalf("done %t, %v", done, err)
		}
		sc := w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
		if sc.Name != "alice" || sc.Realm != "EXAMPLE.COM" || sc.Service != service+"@EXAMPLE.COM" ||
			sc.Key.Len() != 32 || sc.Token != wssec.SpnegoContextToken {
			t.Errorf("%+v", sc)
		}
		checkReplyHeader(t, env, l)
		checkFirstResponse(t, w, path(env.Body, "RequestSecurityTokenResponseCollection",
			"RequestSecurityTokenResponse"), l, sc)
		if w.halfOpen.Len() != 0 || w.issued.Len() != 1 {
			t.Errorf("%d half-open, %d contexts", w.halfOpen.Len(), w.issued.Len())
		}
	})
}

func checkReplyHeader(t *testing.T, env *soap.Envelope, l leg) {
	t.Helper()
	if env.Version != l.soap {
		t.Errorf("%v", env.Version)
	}
	want := map[wstrust.Version]string{wstrust.Feb2005: wstrust.NSTrust05 + "/RSTR/Issue",
		wstrust.V13: wstrust.NSTrust13 + "/RSTRC/IssueFinal"}[l.v]
	anonymous := map[string]string{nsWSA: nsWSA + "/anonymous", soap.NSAddressing04: soap.NSAddressing04 +
		"/role/anonymous"}[l.addr]
	if l.addr == "" {
		if !env.Header.FirstChild().IsZero() {
			t.Error("header blocks for a client that sends none")
		}
		return
	}
	for local, text := range map[string]string{"Action": want, "RelatesTo": "urn:uuid:1", "To": anonymous} {
		if n := env.Header.Child(l.addr, local); n.IsZero() || n.Text() != text {
			t.Errorf("%s is %q, want %q", local, n.Text(), text)
		}
	}
}

func checkFirstResponse(t *testing.T, w *world, rstr xmltext.Node, l leg, sc wssec.SecurityContext) {
	t.Helper()
	var order []string
	for c := range rstr.Children() {
		order = append(order, c.Local())
	}
	if got := strings.Join(order,
		" "); got != "TokenType RequestedSecurityToken RequestedAttachedReference RequestedUnattachedReference "+
		"RequestedProofToken Lifetime KeySize BinaryExchange" {
		t.Error(got)
	}
	sct := path(rstr, "RequestedSecurityToken", "SecurityContextToken")
	id, _ := sct.Attr(wssec.NSWSU, "Id")
	if sct.Space() != l.v.SecureConversation() || sct.FirstChild().Local() != "Identifier" ||
		!sct.FirstChild().NextSibling().IsZero() || id == "" {
		t.Errorf("token %s", canonical(sct))
	}
	for reference, uri := range map[string]string{"RequestedAttachedReference": "#" + id,
		"RequestedUnattachedReference": sc.Identifier} {
		r := path(rstr, reference, "SecurityTokenReference", "Reference")
		u, _ := r.Attr("", "URI")
		vt, _ := r.Attr("", "ValueType")
		if u != uri || vt != l.v.SecureConversation()+"/sct" {
			t.Errorf("%s: %q, %q", reference, u, vt)
		}
	}
	if path(rstr, "Lifetime", "Created").Text() != "2026-11-22T12:00:00.123Z" || path(rstr,
		"KeySize").Text() != "256" {
		t.Errorf("Lifetime or KeySize: %s", canonical(rstr))
	}
	if end := path(rstr, "Lifetime", "Expires").Text(); end != sc.Expires.UTC().Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("expires %s, the context %v", end, sc.Expires)
	}
	e := path(rstr, "BinaryExchange")
	if vt, _ := e.Attr("", "ValueType"); vt != l.valueType {
		t.Errorf("ValueType %q, the client has %q", vt, l.valueType)
	}
}

// ntlmFirst is the list of a client that would rather have NTLM.
var ntlmFirst = krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDMSKRB5)

// severalLegs plays a client whose first mechanism is not Kerberos, up to its
// last message, which it returns with what was exchanged.
func (w *world) severalLegs(l leg) (krb5 *gss.Context, last leg, sent []string) {
	w.Helper()
	krb5 = w.mechanism(gss.MechanismKRB5)
	exchange := func(l leg, legs int) krbtest.NegTokenResp {
		w.Helper()
		answered, env := w.sendOK(l)
		if answered.Established() || answered.Number() != legs || w.halfOpen.Len() != 1 || w.issued.Len() != 0 {
			w.Fatalf("leg %d, established %t; %d wait", answered.Number(), answered.Established(), w.halfOpen.Len())
		}
		rstr := env.Body.FirstChild()
		if c, _ := rstr.Attr("", "Context"); !rstr.Is(l.v.Trust(), "RequestSecurityTokenResponse") ||
			c != l.context || !rstr.FirstChild().NextSibling().IsZero() {
			w.Fatalf("not a bare RSTR: %s", canonical(rstr))
		}
		if a := env.Header.Child(l.addr, "Action"); l.addr != "" && a.Text() != l.v.Trust()+"/RSTR/Issue" {
			w.Errorf("action %s", a.Text())
		}
		sent = append(sent, canonical(w.parse(l.text()).Body.FirstChild()), canonical(rstr))
		resp, ok := krbtest.ReadNegTokenResp(w.exchangeToken(env))
		if !ok {
			w.Fatal("no NegTokenResp")
		}
		return resp
	}
	l.token = krbtest.NegTokenInit{MechTypes: ntlmFirst, MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token()
	if resp := exchange(l, 1); resp.State != krbtest.StateRequestMIC {
		w.Fatalf("%+v", resp)
	}
	resp := exchange(next(l, krbtest.NegTokenResp{State: krbtest.StateAcceptIncomplete,
		ResponseToken: w.token(krb5)}.Token()), 2)
	if _, done, err := krb5.Step(w.Context(), resp.ResponseToken); err != nil || !done {
		w.Fatal(done, err)
	}
	w.must(krb5.VerifyMIC(ntlmFirst, resp.MIC))
	mic, err := krb5.MIC(ntlmFirst)
	w.must(err)
	w.micSequence = binary.BigEndian.Uint64(resp.MIC[8:])
	return krb5, next(l, krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, MIC: mic}.Token()), sent
}

// Three legs, of a client that has NTLM first in its list: the negotiation is
// continued by another Negotiator each time, as at another node.
func TestNegotiationOfSeveralLegs(t *testing.T) {
	t.Parallel()
	forms(t, func(t *testing.T, l leg) {
		w := newWorld(t, nil)
		krb5, last, sent := w.severalLegs(l)
		answered, env := w.sendOK(last)
		if name, _ := answered.Client(); !answered.Established() || answered.Number() != 3 || name != "alice" {
			t.Errorf("leg %d of %q", answered.Number(), name)
		}
		wrapped := w.decode(path(env.Body, "RequestSecurityTokenResponseCollection", "RequestSecurityTokenResponse",
			"RequestedProofToken",
			"EncryptedKey", "CipherData", "CipherValue"))
		if got := binary.BigEndian.Uint64(wrapped[8:]); got != w.micSequence+1 {
			t.Errorf("the key is in token %d, the mechListMIC in %d", got, w.micSequence)
		}
		w.checkFinal(env, last, krb5, append(sent, canonical(w.parse(last.text()).Body.FirstChild()))...)
		if w.halfOpen.Len() != 0 || w.issued.Len() != 1 {
			t.Errorf("%d half-open, %d contexts", w.halfOpen.Len(), w.issued.Len())
		}
	})
}

// Without a mechListMIC the key is in the first token that the acceptor sends:
// its number is that of the AP-REP, and of the initiator without one.
func TestKeyIsInTheFirstToken(t *testing.T) {
	t.Parallel()
	for _, flags := range []uint32{0x3e, 0x3c} {
		w := newWorld(t, nil)
		client, err := gss.NewInitiatorContext(w.ticket(krbtest.TicketOptions{}), gss.InitConfig{GSSFlags: flags,
			Time: func() time.Time { return w.clock }})
		w.must(err)
		l := first(wstrust.V13, w.token(client))
		_, env := w.sendOK(l)
		if token := w.exchangeToken(env); token == nil {
			t.Error("no accept-completed")
		} else if _, done, err := client.Step(t.Context(), token); err != nil || !done {
			t.Fatal(done, err)
		}
		// The context is InSequence: it takes the announced number and no other.
		w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
	}
}

// Both rotations of the token that an acceptor may be set to.
func TestKeyTokenIsRotatedAsConfigured(t *testing.T) {
	t.Parallel()
	for _, rrc := range []uint16{0, 28} {
		w := newWorld(t, func(w *world) { w.cfg.Acceptor = w.acceptor(gss.AcceptConfig{SealedRRC: rrc}) })
		client := w.mechanism(gss.MechanismSPNEGO)
		l := first(wstrust.Feb2005, w.token(client))
		_, env := w.sendOK(l)
		_, _, err := client.Step(t.Context(), w.exchangeToken(env))
		w.must(err)
		wrapped := w.decode(path(env.Body, "RequestSecurityTokenResponseCollection", "RequestSecurityTokenResponse",
			"RequestedProofToken",
			"EncryptedKey", "CipherData", "CipherValue"))
		if got := binary.BigEndian.Uint16(wrapped[6:]); got != rrc {
			t.Errorf("RRC %d, want %d", got, rrc)
		}
		w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
	}
}

// Every encryption type; RC4's tokens have another form.
func TestNegotiationUnderEveryEncryptionType(t *testing.T) {
	t.Parallel()
	for _, etype := range []int32{17, 18, 19, 20, 23} {
		w := newWorld(t, nil)
		client, err := gss.NewInitiatorContext(w.ticket(krbtest.TicketOptions{Etype: etype, SessionEtype: etype}),
			gss.InitConfig{Time: func() time.Time { return w.clock }})
		w.must(err)
		l := first(wstrust.Feb2005, w.token(client))
		_, env := w.sendOK(l)
		_, _, err = client.Step(t.Context(), w.exchangeToken(env))
		w.must(err)
		w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
	}
}

func TestKeySizeIsThatOfTheSuite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		suite   wssec.SuiteName
		setting int
		asked   string // KeySize element, "" for none
		bits    int    // 0: refused
	}{
		{wssec.Basic128, 0, "128", 128}, {wssec.Basic128, 0, "192", 192}, {wssec.Basic128, 0, "256", 256},
		{wssec.Basic128, 0, "", 128},
		{wssec.Basic128, 256, "", 256}, {wssec.Basic128, 256, "128", 128}, {wssec.Basic256, 0, "", 256},
		{wssec.Basic256, 0, "0", 256},
		{wssec.Basic256, 0, "256", 256}, {wssec.TripleDes, 0, "", 192}, {wssec.Basic192, 0, "", 192},
		{wssec.Basic256, 0, "128", 0}, {wssec.Basic192, 0, "128", 0}, {wssec.Basic128, 0, "129", 0},
		{wssec.Basic128, 0, "512", 0},
		{wssec.Basic128, 0, "8", 0}, {wssec.Basic128, 0, "1048576", 0},
	} {
		w := newWorld(t, func(w *world) { w.cfg.AlgorithmSuite, w.cfg.KeySize = c.suite, c.setting })
		client := w.mechanism(gss.MechanismSPNEGO)
		l := first(wstrust.V13, w.token(client))
		l.children = strings.Replace(l.children, "<t:KeySize>256</t:KeySize>", "", 1)
		if c.asked != "" {
			l.children += "<t:KeySize>" + c.asked + "</t:KeySize>"
		}
		if c.bits == 0 {
			w.refused(l, here, wstrust.CodeKeySize, invalidRequest, 1)
			w.empty()
			continue
		}
		_, env := w.sendOK(l)
		_, _, err := client.Step(t.Context(), w.exchangeToken(env))
		w.must(err)
		sc := w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
		if said := path(env.Body, "RequestSecurityTokenResponseCollection", "RequestSecurityTokenResponse",
			"KeySize").Text(); sc.Key.Len()*8 != c.bits || said != fmt.Sprint(c.bits) {
			t.Errorf("%s, asked %q: %d octets, KeySize %s", c.suite, c.asked, sc.Key.Len(), said)
		}
	}
}

// No security context outlives its ticket.
func TestContextEndsWithTheTicket(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ticket, lifetime, want time.Duration }{
		{24 * time.Hour, 0, 10 * time.Hour}, {time.Hour, 0, time.Hour}, {24 * time.Hour, time.Minute, time.Minute},
	} {
		w := newWorld(t, func(w *world) { w.cfg.Lifetime = c.lifetime })
		ticket := w.ticket(krbtest.TicketOptions{EndTime: now.Truncate(time.Second).Add(c.ticket)})
		client, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Time: func() time.Time { return w.clock }})
		w.must(err)
		l := first(wstrust.V13, w.token(client))
		_, env := w.sendOK(l)
		_, _, err = client.Step(t.Context(), w.exchangeToken(env))
		w.must(err)
		sc := w.checkFinal(env, l, client, canonical(w.parse(l.text()).Body.FirstChild()))
		if got := sc.Expires.Sub(now).Round(time.Second); got != c.want {
			t.Errorf("a ticket of %v: context of %v, want %v", c.ticket, got, c.want)
		}
	}
}

// A ticket that has just ended is accepted within the skew of clocks, and there
// is nothing left of it for a context.
func TestTicketAtItsEndGetsNoContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client, err := gss.NewInitiatorContext(w.ticket(krbtest.TicketOptions{StartTime: now.Add(-time.Hour),
		EndTime: now.Add(-time.Minute)}),
		gss.InitConfig{Time: func() time.Time { return w.clock }})
	w.must(err)
	w.refused(first(wstrust.V13, w.token(client)), here, wstrust.CodeFailedAuth, failedAuthentication, 1)
	w.empty()
}

// AppliesTo comes back as it was, and is part of what the Authenticator covers.
func TestAppliesToIsEchoed(t *testing.T) {
	t.Parallel()
	for _, applies := range []string{
		`<wsp:AppliesTo xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy">` +
			`<a:EndpointReference xmlns:a="http://www.w3.org/2005/08/addressing">` +
			`<a:Address>http://gw.example/svc?a=1&amp;b=2</a:Address></a:EndpointReference></wsp:AppliesTo>`,
		`<p:AppliesTo xmlns:p="http://www.w3.org/ns/ws-policy">` +
			`<EndpointReference xmlns="http://schemas.xmlsoap.org/ws/2004/08/addressing">
			<Address>http://gw.example/svc</Address><ReferenceParameters/></EndpointReference></p:AppliesTo>`,
	} {
		for _, several := range []bool{false, true} {
			w := newWorld(t, nil)
			l := first(wstrust.V13, nil)
			l.children += applies
			var client *gss.Context
			var sent []string
			if several {
				client, l, sent = w.severalLegs(l)
			} else {
				client = w.mechanism(gss.MechanismSPNEGO)
				l.token = w.token(client)
			}
			_, env := w.sendOK(l)
			if !several {
				_, _, err := client.Step(t.Context(), w.exchangeToken(env))
				w.must(err)
			}
			echoed := path(env.Body, "RequestSecurityTokenResponseCollection", "RequestSecurityTokenResponse",
				"AppliesTo")
			squeeze := strings.NewReplacer("\n", "", "\t", "", "/>", "></ReferenceParameters>")
			if got := canonical(echoed); got != squeeze.Replace(applies) ||
				path(echoed.Parent().FirstChild()).Local() != "TokenType" ||
				echoed.NextSibling().Local() != "RequestedAttachedReference" {
				t.Errorf("%s\nfor %s", got, applies)
			}
			request := squeeze.Replace(canonical(w.parse(l.text()).Body.FirstChild()))
			for i := range sent {
				sent[i] = squeeze.Replace(sent[i])
			}
			w.checkFinal(env, l, client, append(sent, request)...)
		}
	}
}

// A client in a thousand groups whose list of mechanisms needs a mechListMIC:
// the groups are kept until its last message.
func TestGroupsAreKeptBetweenLegs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w *world) {
		w.pac = &krbtest.PACOptions{Logon: &krbtest.PACLogon{Name: "alice"}}
		for i := range 1000 {
			sid := fmt.Sprintf("S-1-5-21-3623811015-3361044348-30300820-%d", 100_000+i)
			w.pac.Logon.Extra = append(w.pac.Logon.Extra, krbtest.PACSID{SID: sid})
		}
		w.halfOpen = store.NewMemory(store.MemoryConfig{MaxEntryBytes: 256 << 10, Time: w.cfg.Time})
		w.cfg.HalfOpen = w.halfOpen
		w.cfg.Acceptor = w.acceptor(gss.AcceptConfig{})
	})
	oneLeg, _ := w.sendOK(first(wstrust.Feb2005, w.token(w.mechanism(gss.MechanismSPNEGO))))
	w.issued = store.NewMemory(store.MemoryConfig{}) // severalLegs begins with none
	_, last, _ := w.severalLegs(first(wstrust.Feb2005, nil))
	answered, _ := w.sendOK(last)
	if got, want := answered.Groups(), oneLeg.Groups(); len(got) < 900 || !slices.Equal(got, want) {
		t.Errorf("%d groups, %d in one leg", len(got), len(want))
	}
}
