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

func TestVerifyRejectsAlgorithmsOfTheMessage(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	for _, other := range []wssec.Policy{
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite, p.KeyFit = wssec.Basic128GCM, wssec.FitWhole }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic128Sha256 }),
		symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.TripleDes }),
		symmetric(func(p *wssec.Policy) { p.SignatureMethod = wssec.HMACSHA256 }),
	} {
		peer := newPeers(t, other, nil)
		ps.client = peer.client
		msg, _ := ps.request(t, plainOrder)
		_, err := ps.verify(t, msg)
		refused(t, err, wssec.CodeUnsupportedAlg)
	}
}

// Another canonicalization than the exclusive one is refused as such, before
// anything is computed: what it would make of the message is never asked.
func TestVerifyRejectsCanonicalizationsOfTheMessage(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	for _, element := range []string{"CanonicalizationMethod", "Transform"} {
		start := find(t, string(raw), `<ds:`+element+` Algorithm="[^"]*"`)
		for _, other := range []string{"http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
			"http://www.w3.org/2001/10/xml-exc-c14n#WithComments", ""} {
			msg := strings.ReplaceAll(string(raw), start, `<ds:`+element+` Algorithm="`+other+`"`)
			_, err := ps.verify(t, []byte(msg))
			refused(t, err, wssec.CodeUnsupportedAlg)
		}
	}
}

func TestVerifyRequiresTheProtectionOrderOfThePolicy(t *testing.T) {
	t.Parallel()
	signFirst := newPeers(t, symmetric(), nil)
	encryptFirst := newPeers(t, symmetric(func(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign }), nil)
	a, _ := signFirst.request(t, plainOrder)
	b, _ := encryptFirst.request(t, plainOrder)
	signFirst.service, encryptFirst.service = encryptFirst.service, signFirst.service
	for _, x := range []struct {
		ps  *peers
		msg []byte
	}{{signFirst, a}, {encryptFirst, b}} {
		p := *x.ps
		if _, err := p.verify(t, x.msg); err == nil {
			t.Fatal("the other order was accepted")
		}
	}
}

func TestVerifyRejectsAReplayedMessage(t *testing.T) {
	t.Parallel()
	store := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.TokenOnce = true }), store)
	first, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, first); err != nil {
		t.Fatal(err)
	}
	_, err := ps.verify(t, first)
	refused(t, err, wssec.CodeFailedAuth) // the authenticator
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) || coded.ErrorCode() == string(wssec.CodeFailedAuth) {
		t.Errorf("the log does not see the Kerberos cause: %v", err)
	}

	ps.token.Omit = true
	later, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, later); err != nil {
		t.Fatal("token named by its hash:", err)
	}
	_, err = ps.verify(t, later)
	refused(t, err, wssec.CodeMessageReplayed)
}

func TestVerifyRejectsASignatureOfAnotherKey(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	ps.token.Key = wssec.NewKey(make([]byte, 32))
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, msg)
	refused(t, err, wssec.CodeSignatureInvalid)
}

// TestVerifyRejectsAMovedTimestamp: a digest does not know where its
// element stands, and where the policy takes a message without Timestamp, one
// whose Timestamp was moved would have no age.
func TestVerifyRejectsAMovedTimestamp(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampOptional }), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	ts := find(t, msg, `(<wsu:Timestamp.*</wsu:Timestamp>)`)
	without := replace(t, msg, ts, "")
	other := `<wsse:Security xmlns:wsse="` + wssec.NSWSSE + `" s:actor="urn:other">`
	for place, moved := range map[string]string{
		"header block":          replace(t, without, `</s:Header>`, ts+`</s:Header>`),
		"first header block":    replace(t, without, `<s:Header>`, `<s:Header>`+ts),
		"other actor's header":  replace(t, without, `</s:Header>`, other+ts+`</wsse:Security></s:Header>`),
		"inside a header block": replace(t, without, `</s:Header>`, `<x:h xmlns:x="urn:x">`+ts+`</x:h></s:Header>`),
		"inside an element beside": replace(t, msg, ts, `<wsse:SecurityTokenReference>`+ts+
			`</wsse:SecurityTokenReference>`),
		"child of the Body":         replace(t, without, `</s:Body>`, ts+`</s:Body>`),
		"content of the Body":       replace(t, without, `</order></s:Body>`, ts+`</order></s:Body>`),
		"there and as header block": replace(t, msg, `</s:Header>`, ts+`</s:Header>`),
		"header block of other name": replace(t, without, `</s:Header>`, `<x:h xmlns:x="urn:x" wsu:Id="`+
			find(t, ts, `wsu:Id="([^"]*)"`)+`" xmlns:wsu="`+wssec.NSWSU+`"/></s:Header>`),
	} {
		t.Run(place, func(t *testing.T) {
			_, err := ps.verify(t, []byte(moved))
			refused(t, err, wssec.CodeReference, wssec.CodeDuplicateID, wssec.CodeUnsupportedToken, wssec.CodeDigestInvalid)
		})
	}
	if _, err := ps.verify(t, raw); err != nil {
		t.Error(err)
	}
}

// TestVerifyRejectsMovedSecurityElements: a header block of such a
// name under a valid signature is one that was moved there, plain, encrypted or
// both.
func TestVerifyRejectsMovedSecurityElements(t *testing.T) {
	t.Parallel()
	names := map[string][]string{
		wssec.NSWSU:                             {"Timestamp"},
		wssec.NSWSSE:                            {"BinarySecurityToken", "UsernameToken", "SecurityTokenReference"},
		wssec.NSWSSE11:                          {"SignatureConfirmation"},
		wssec.NSWSC05:                           {"DerivedKeyToken", "SecurityContextToken"},
		wssec.NSWSC13:                           {"DerivedKeyToken", "SecurityContextToken"},
		"http://www.w3.org/2000/09/xmldsig#":    {"Signature", "KeyInfo"},
		"http://www.w3.org/2001/04/xmlenc#":     {"ReferenceList", "EncryptedKey"},
		"http://www.w3.org/2009/xmlenc11#":      {"DerivedKey"},
		"urn:oasis:names:tc:SAML:1.0:assertion": {"Assertion"},
		"urn:oasis:names:tc:SAML:2.0:assertion": {"Assertion"},
	}
	for space, locals := range names {
		for _, local := range locals {
			for form, change := range map[string]func(*wssec.Policy){
				"signed":                 func(*wssec.Policy) {},
				"signed, then encrypted": func(p *wssec.Policy) { p.EncryptedParts.Headers = p.SignedParts.Headers },
				"encrypted, then signed": func(p *wssec.Policy) {
					p.EncryptedParts.Headers = p.SignedParts.Headers
					encryptFirst(p)
				},
			} {
				t.Run(local+" "+form, func(t *testing.T) {
					ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{" + space + "}*"} },
						change), nil)
					raw, _ := ps.request(t, replace(t, plainOrder, `</s:Header>`, `<x:`+local+` xmlns:x="`+space+`">x</x:`+local+
						`></s:Header>`))
					_, err := ps.verify(t, raw)
					refused(t, err, wssec.CodeReference)
				})
			}
		}
	}
}

// TestVerifyAcceptsSecurityElementsInTheBody: WS-Trust sends tokens there,
// also alone and under the Ids of the header's (CXF does, to cancel a context);
// they are the application's.
func TestVerifyAcceptsSecurityElementsInTheBody(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	for _, body := range []string{
		`<c:SecurityContextToken xmlns:c="` + wssec.NSWSC13 + `" xmlns:u="` + wssec.NSWSU +
			`" u:Id="TS-1"><c:Identifier>urn:x</c:Identifier></c:SecurityContextToken>`,
		`<u:Timestamp xmlns:u="` + wssec.NSWSU + `" u:Id="TS-1"><u:Created>then</u:Created></u:Timestamp>`,
	} {
		raw, _ := ps.request(t, replace(t, plainOrder, `<order xmlns="urn:o"><amount>10</amount></order>`, body))
		if _, err := ps.verify(t, raw); err != nil {
			t.Error(err)
		}
	}
	raw, _ := ps.request(t, replace(t, plainOrder, `<s:Header>`, `<s:Header><w:Security xmlns:w="`+wssec.NSWSSE+
		`" s:actor="urn:other"><w:UsernameToken/></w:Security>`))
	if _, err := ps.verify(t, raw); err != nil {
		t.Error("another actor's header:", err)
	}
}

// TestVerifyReplyRejectsAMovedSignatureConfirmation: one that was moved would
// leave a reply that confirms nothing.
func TestVerifyReplyRejectsAMovedSignatureConfirmation(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(func(p *wssec.Policy) { p.SignatureConfirmation = true }), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	confirmation := find(t, string(raw), `(<wsse11:SignatureConfirmation[^>]*/>|<wsse11:SignatureConfirmation.*</`+
		`wsse11:SignatureConfirmation>)`)
	moved := strings.Replace(strings.Replace(string(raw), confirmation, "", 1), `</s:Header>`, confirmation+
		`</s:Header>`, 1)
	lenient := newPeers(t, signOnly(), nil)
	for _, p := range []*wssec.Processor{ps.client, lenient.client} {
		_, err = p.VerifyReply(t.Context(), parse(t, []byte(moved)), sent, secure())
		refused(t, err, wssec.CodeReference)
	}
}

// once is a replay store that holds, from the beginning of time.
func once(now func() time.Time) gss.ReplayStore {
	return replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: now})
}

func tokenOnce(p *wssec.Policy) { p.TokenOnce = true }

// TestVerifyRejectsAReplySentBack: where requests may name their token by its
// hash, a reply looks just like one, under the same key.
func TestVerifyRejectsAReplySentBack(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]wssec.Policy{"Kerberos": preset(t, "Kerberos"),
		"symmetric": symmetric(tokenOnce)} {
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

func TestVerifyReplyRejectsTheRequestSentBack(t *testing.T) {
	t.Parallel()
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

// TestVerifyBoundsTheReplayShareOfAClient: signature values count for the
// client of the token, whichever way the message names it; replies count for it
// too.
func TestVerifyBoundsTheReplayShareOfAClient(t *testing.T) {
	t.Parallel()
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

// TestVerifyAcceptsAMessageOnceWhateverNamesItsKey: KeyInfo is not signed, and
// two tokens of one ticket may have one key.
func TestVerifyAcceptsAMessageOnceWhateverNamesItsKey(t *testing.T) {
	t.Parallel()
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
		out, _, err := p.ProtectRequest(nil, parse(t, []byte(plainOrder)),
			wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key), Omit: omit})
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
	other := strings.ReplaceAll(first, base64.StdEncoding.EncodeToString(one),
		base64.StdEncoding.EncodeToString([]byte{0x60, 3}))
	refused(t, verify(other), wssec.CodeMessageReplayed)

	later := request(one, true)
	if err := verify(later); err != nil {
		t.Fatal(err)
	}
	h1, h2 := wssec.HashToken(one), wssec.HashToken(two)
	other = strings.ReplaceAll(later, base64.StdEncoding.EncodeToString(h1[:]), base64.StdEncoding.EncodeToString(h2[:]))
	refused(t, verify(other), wssec.CodeMessageReplayed)
}

// TestVerifyRejectsAnExpiredRecordingBeforeDecryption: the life of a replay
// entry comes from the signed Timestamp, not from one that an attacker wrote.
func TestVerifyRejectsAnExpiredRecordingBeforeDecryption(t *testing.T) {
	t.Parallel()
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
		msg := regexp.MustCompile(`<wsu:Created>[^<]*<`).ReplaceAllString(string(recorded), "<wsu:Created>"+
			expires.Add(-time.Second).Format(time.RFC3339Nano)+"<")
		msg = regexp.MustCompile(`<wsu:Expires>[^<]*<`).ReplaceAllString(msg, "<wsu:Expires>"+
			expires.Format(time.RFC3339Nano)+"<")
		cut := strings.LastIndex(msg, "</xenc:CipherValue>")
		_, err := ps.verify(t, []byte(msg[:cut-8]+fmt.Sprintf("AA%02dAAA=", i)+msg[cut:]))
		refused(t, err, wssec.CodeDigestInvalid)
		if !strings.Contains(err.Error(), "Timestamp") {
			t.Errorf("asked about something else: %v", err)
		}
	}
}

func encryptFirst(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign }
