package wssec_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// once is a replay store that holds, from the beginning of time.
func once(now func() time.Time) gss.ReplayStore {
	return replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: now})
}

func tokenOnce(p *wssec.Policy) { p.TokenOnce = true }

// TestAReplySentBackIsNoRequest: where requests may name their token by its
// hash, a reply looks just like one, under the same key.
func TestAReplySentBackIsNoRequest(t *testing.T) {
	for name, policy := range map[string]wssec.Policy{"Kerberos": preset(t, "Kerberos"), "symmetric": symmetric(tokenOnce)} {
		t.Run(name, func(t *testing.T) {
			ps := newPeers(t, policy, once(nil))
			req, _ := ps.request(t, plainOrder)
			m, err := ps.verify(t, req)
			if err != nil {
				t.Fatal(err)
			}
			reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ps.verify(t, reply)
			refused(t, err, wssec.CodeMessageReplayed)
		})
	}
}

func TestARequestSentBackIsNoReply(t *testing.T) {
	ps := newPeers(t, symmetric(tokenOnce), nil)
	ps.token.Omit = true
	req, sent := ps.request(t, plainOrder)
	_, err := ps.client.VerifyReply(t.Context(), parse(t, req), sent, secure())
	refused(t, err, wssec.CodeMessageReplayed)
}

// sameKey accepts every token, all with one key, as those of one ticket without
// subkeys are.
type sameKey struct{ key []byte }

func (s sameKey) VerifyToken(context.Context, []byte, [][]byte) (wssec.VerifiedToken, error) {
	return s, nil
}
func (s sameKey) Client() (name, realm string) { return "bob", "EXAMPLE.COM" }
func (s sameKey) Service() string              { return "soap/gw.example.com@EXAMPLE.COM" }
func (s sameKey) EndTime() time.Time           { return time.Now().Add(time.Hour) }
func (s sameKey) EtypeOfKey() int32            { return 17 }
func (s sameKey) Groups() []string             { return nil }
func (s sameKey) ExposeKeyOctets() []byte      { return s.key }

// TestOneClientDoesNotFillTheReplayStore: signature values count for the client
// of the token, whichever way the message names it; replies count for it too.
func TestOneClientDoesNotFillTheReplayStore(t *testing.T) {
	ps := newPeers(t, symmetric(tokenOnce), replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
	ps.cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), MaxEntries: 40})
	ps.service = ps.withTickets(t, ps)
	first, _ := ps.request(t, plainOrder)
	m, err := ps.verify(t, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m); err != nil {
		t.Fatal(err)
	}
	ps.token.Omit = true
	n := 2
	for ; err == nil && n < 40; n++ {
		later, _ := ps.request(t, plainOrder)
		_, err = ps.verify(t, later)
	}
	refused(t, err, wssec.CodeReplayUnavailable)
	var e *wssec.Error
	if errors.As(err, &e) && e.ErrorCode() != "replay-share" || n != 31 {
		t.Errorf("at signature %d: %v", n, err)
	}
	other := sameKey{make([]byte, 16)}
	ps.cfg.Verifier = other
	bob := wssec.OutgoingToken{Token: []byte{0x60, 1}, Key: wssec.NewKey(other.key)}
	ps.service, ps.token = ps.withTickets(t, ps), bob
	msg, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, msg); err != nil {
		t.Error("another client is refused too:", err)
	}
}

// TestAMessageIsAcceptedOnceWhateverNamesItsKey: KeyInfo is not signed, and two
// tokens of one ticket may have one key.
func TestAMessageIsAcceptedOnceWhateverNamesItsKey(t *testing.T) {
	key := make([]byte, 16)
	p, err := wssec.NewProcessor(symmetric(tokenOnce), wssec.Config{Verifier: sameKey{key}, Replay: once(nil)})
	if err != nil {
		t.Fatal(err)
	}
	verify := func(msg string) error {
		_, err := remembered(p.Verify(t.Context(), parse(t, []byte(msg)), secure()))
		return err
	}
	request := func(token []byte, omit bool) string {
		out, _, err := p.ProtectRequest(nil, parse(t, []byte(plainOrder)), wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key), Omit: omit})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	one, two := []byte{0x60, 1}, []byte{0x60, 2}
	first := request(one, false)
	if err := errors.Join(verify(first), verify(request(two, false))); err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(first, base64.StdEncoding.EncodeToString(one), base64.StdEncoding.EncodeToString([]byte{0x60, 3}))
	refused(t, verify(other), wssec.CodeMessageReplayed)

	later := request(one, true)
	if err := verify(later); err != nil {
		t.Fatal(err)
	}
	h1, h2 := wssec.HashToken(one), wssec.HashToken(two)
	other = strings.ReplaceAll(later, base64.StdEncoding.EncodeToString(h1[:]), base64.StdEncoding.EncodeToString(h2[:]))
	refused(t, verify(other), wssec.CodeMessageReplayed)
}

// TestAnExpiredRecordingAsksNoQuestions: the life of a replay entry comes from
// the signed Timestamp, not from one that an attacker wrote.
func TestAnExpiredRecordingAsksNoQuestions(t *testing.T) {
	now := time.Now()
	ps := newPeers(t, symmetric(tokenOnce), once(func() time.Time { return now }))
	first, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, first); err != nil {
		t.Fatal(err)
	}
	ps.token.Omit = true
	recorded, _ := ps.request(t, plainOrder)
	now = now.Add(30 * time.Minute)
	for i := range 5 {
		now = now.Add(2 * time.Millisecond)
		ps.now = now
		expires := now.UTC().Add(-5*time.Minute + time.Millisecond)
		msg := regexp.MustCompile(`<wsu:Created>[^<]*<`).ReplaceAllString(string(recorded), "<wsu:Created>"+expires.Add(-time.Second).Format(time.RFC3339Nano)+"<")
		msg = regexp.MustCompile(`<wsu:Expires>[^<]*<`).ReplaceAllString(msg, "<wsu:Expires>"+expires.Format(time.RFC3339Nano)+"<")
		cut := strings.LastIndex(msg, "</xenc:CipherValue>")
		_, err := ps.verify(t, []byte(msg[:cut-8]+fmt.Sprintf("AA%02dAAA=", i)+msg[cut:]))
		refused(t, err, wssec.CodeDigestInvalid)
		if !strings.Contains(err.Error(), "Timestamp") {
			t.Errorf("asked about something else: %v", err)
		}
	}
}

func encryptFirst(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign }

// TestDeclarationsAroundACiphertextDoNotRenameItsPlaintext: a signature over
// the ciphertext does not cover the Envelope's declarations.
func TestDeclarationsAroundACiphertextDoNotRenameItsPlaintext(t *testing.T) {
	ps := newPeers(t, symmetric(encryptFirst), nil)
	req, _ := ps.request(t, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><order><amount>10</amount></order></s:Body></s:Envelope>`)
	if _, err := ps.verify(t, req); err != nil {
		t.Fatal(err)
	}
	_, err := ps.verify(t, []byte(replace(t, string(req), "<s:Envelope ", `<s:Envelope xmlns="urn:evil" `)))
	refused(t, err, wssec.CodePlaintext)

	c := loadTranscript(t, "KtpSymmetricEncryptBeforeSigning")
	msg := replace(t, string(c.file(t, "01-request.xml")), "<soap:Envelope ", `<soap:Envelope xmlns="urn:evil" `)
	_, err = c.processor(t, nil).Verify(t.Context(), parse(t, []byte(msg)), secure())
	refused(t, err, wssec.CodePlaintext)
}

func TestCiphertextIsNotForwardedForItsPlaintext(t *testing.T) {
	client := newPeers(t, symmetric(encryptFirst), nil)
	service := newPeers(t, symmetric(encryptFirst, func(p *wssec.Policy) {
		p.EncryptedParts, p.OptionalEncryptedParts = wssec.Parts{}, wssec.Parts{Body: true}
	}), nil)
	req, _ := client.request(t, plainOrder)
	acceptor := *client
	acceptor.service = service.withTickets(t, client)
	if _, err := acceptor.verify(t, req); err != nil {
		t.Fatal(err)
	}
	_, err := acceptor.verify(t, []byte(replace(t, string(req), find(t, string(req), `<xenc:ReferenceList.*</xenc:ReferenceList>`), "")))
	refused(t, err, wssec.CodeReference)
}

func TestASignedHeaderIsForwardedInEitherOrder(t *testing.T) {
	to := []string{"{" + nsWSA + "}To"}
	for _, order := range []wssec.ProtectionOrder{wssec.SignBeforeEncrypt, wssec.EncryptBeforeSign} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) {
			p.ProtectionOrder, p.SignedParts.Headers, p.EncryptedParts.Headers = order, to, to
		}), nil)
		req, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.RefuseHeaders} {
			fwd, err := m.AppendForward(nil, rule)
			if err != nil || !strings.Contains(string(fwd), "urn:svc") {
				t.Errorf("%s, %s: %v\n%s", order, rule, err, fwd)
			}
		}
		hidden := replace(t, string(req), `<wsse11:EncryptedHeader `, `<wsse11:EncryptedHeader env:actor="urn:nobody" `)
		id := find(t, hidden, `<wsse11:EncryptedHeader.*?<xenc:EncryptedData [^>]* Id="([^"]*)"`)
		_, err = ps.verify(t, []byte(replace(t, hidden, `<xenc:DataReference URI="#`+id+`"/>`, "")))
		refused(t, err, wssec.CodeReference)
	}
}

// TestForwardingDoesNotGrowAMessage: declarations of the Envelope are written
// once, however many blocks stand in their scope.
func TestForwardingDoesNotGrowAMessage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`)
	for i := range 200 {
		fmt.Fprintf(&b, ` xmlns:n%d="urn:%s"`, i, strings.Repeat("x", 500))
	}
	b.WriteString(`><s:Header>`)
	for range 200 {
		b.WriteString(`<n1:h/>`)
	}
	b.WriteString(`</s:Header><s:Body>`)
	for range 500 {
		b.WriteString(`<n1:m/>`)
	}
	b.WriteString(`</s:Body></s:Envelope>`)
	for _, policy := range []wssec.Policy{preset(t, "KerberosToken"), symmetric()} {
		ps := newPeers(t, policy, nil)
		req, _ := ps.request(t, b.String())
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		fwd, err := m.AppendForward(nil, wssec.PassHeaders)
		if err != nil || len(fwd) > len(req)+1000 {
			t.Errorf("%s: %d octets from %d, %v", policy.Binding, len(fwd), len(req), err)
		}
		reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(b.String())), m)
		if err != nil || len(reply) > 3*b.Len() {
			t.Errorf("%s: a reply of %d octets from %d, %v", policy.Binding, len(reply), b.Len(), err)
		}
	}
}

// TestIdsOfTheBackendAreKeptOrRefused: what is written into SignedInfo must
// name one element, and be nothing but a name.
func TestIdsOfTheBackendAreKeptOrRefused(t *testing.T) {
	ps := newPeers(t, signOnly(), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	reply := func(headerID, bodyID, below string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="` + wssec.NSWSU + `"><s:Header><a:To xmlns:a="` + nsWSA + `"` + headerID + `>` + below +
			`</a:To></s:Header><s:Body` + bodyID + `><m xmlns="urn:m"/></s:Body></s:Envelope>`
	}
	for name, x := range map[string]struct {
		plain string
		ok    bool
	}{
		"its own":     {reply(` u:Id="h"`, ` u:Id="b"`, ""), true},
		"quote":       {reply("", ` u:Id='"'`, ""), false},
		"injection":   {reply("", ` u:Id='a" Type="urn:x'`, ""), false},
		"ampersand":   {reply("", ` u:Id="a&amp;b"`, ""), false},
		"tab":         {reply("", ` u:Id="a&#9;b"`, ""), false},
		"empty":       {reply("", ` u:Id=""`, ""), false},
		"shared":      {reply(` u:Id="x"`, ` u:Id="x"`, ""), false},
		"below":       {reply(` u:Id="x"`, "", `<y Id="x"/>`), false},
		"another one": {reply(` u:Id="x" Id="x"`, "", ""), false},
	} {
		out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(x.plain)), m)
		if !x.ok {
			refused(t, err, wssec.CodeProtect)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestASecurityHeaderOfTheBackendDoesNotReachTheClient(t *testing.T) {
	for _, name := range wssec.PresetNames() {
		ps := newPeers(t, preset(t, name), nil)
		req, sent := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(replace(t, plainOrder, `<s:Header>`,
			`<s:Header><w:Security xmlns:w="`+wssec.NSWSSE+`"><w:UsernameToken><w:Password>secret</w:Password></w:UsernameToken></w:Security>`))), m)
		if err != nil || strings.Contains(string(out), "UsernameToken") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if _, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingOfAReplyLeavesBesideItsProtection: a Body that is signed and
// encrypted does not make a header readable to the client alone.
func TestNothingOfAReplyLeavesBesideItsProtection(t *testing.T) {
	ps := newPeers(t, preset(t, "Kerberos"), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	plain := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:x" x:a="secret1"><s:Header x:a="secret2"><x:h>secret3</x:h>` +
		`<a:To xmlns:a="` + nsWSA + `">urn:back</a:To></s:Header><s:Body><m xmlns="urn:m">secret4</m></s:Body></s:Envelope>`
	mandatory := replace(t, plain, `<x:h>`, `<x:h s:mustUnderstand="1">`)
	for rule, want := range map[wssec.HeaderRule]struct {
		plain string
		code  wssec.Code
	}{"": {plain: plain}, wssec.DropHeaders: {plain: mandatory, code: wssec.CodeHeaderRefused}, wssec.RefuseHeaders: {plain: plain, code: wssec.CodeHeaderRefused}} {
		cfg := ps.cfg
		cfg.ReplyHeaders = rule
		service, err := wssec.NewProcessor(ps.service.Policy(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		out, err := service.Protect(t.Context(), nil, parse(t, []byte(want.plain)), m)
		if want.code != "" {
			refused(t, err, want.code)
			continue
		}
		if err != nil || strings.Contains(string(out), "secret") {
			t.Fatalf("%v\n%s", err, out)
		}
		back, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure())
		if err != nil || !strings.Contains(content(back.Envelope().Header), "urn:back") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestErrorsDoNotQuoteThePlaintext(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	for _, plain := range []string{`<secret4711:x/>`, `<a b="secret4711" b=""/>`, `&secret4711;`, `<secret4711></b>`} {
		msg, err := wssec.ProtectWithPlaintext(ps.client, parse(t, []byte(plainOrder)), ps.token, plain)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ps.verify(t, msg)
		refused(t, err, wssec.CodePlaintext)
		if strings.Contains(err.Error(), "secret4711") {
			t.Error(err)
		}
	}
}

func TestAMessageHasFewHeaderBlocks(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, []byte(replace(t, string(msg), `</s:Header>`, strings.Repeat(`<h xmlns="urn:h"/>`, 300)+`</s:Header>`)))
	refused(t, err, wssec.CodeLimit)
}
