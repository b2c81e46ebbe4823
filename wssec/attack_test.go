package wssec_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

const plainOrder = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><a:To xmlns:a="` + nsWSA + `">urn:svc</a:To></s:Header>` +
	`<s:Body><order xmlns="urn:o"><amount>10</amount></order></s:Body></s:Envelope>`

// signOnly keeps the Body readable, so that an attacker has something to rewrite.
func signOnly(change ...func(*wssec.Policy)) wssec.Policy {
	return symmetric(append([]func(*wssec.Policy){func(p *wssec.Policy) {
		p.EncryptedParts.Body = false
		p.SignedParts.Headers = []string{"{" + nsWSA + "}To"}
	}}, change...)...)
}

// replace is strings.Replace that insists on finding something.
func replace(t testing.TB, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("%q is not in\n%s", old, s)
	}
	return strings.Replace(s, old, new, 1)
}

// find gives the first match of a pattern, or of its group.
func find(t testing.TB, s, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("%s is not in\n%s", pattern, s)
	}
	return m[len(m)-1]
}

// refused insists on an error with one of the codes.
func refused(t testing.TB, err error, codes ...wssec.Code) {
	t.Helper()
	var e *wssec.Error
	if !errors.As(err, &e) {
		t.Fatalf("not refused: %v", err)
	}
	for _, c := range codes {
		if e.Code == c {
			return
		}
	}
	t.Fatalf("refused with %s, want %v: %v", e.Code, codes, err)
}

const bodyPattern = `<s:Body.*</s:Body>`

func TestSignatureWrappingIsRefused(t *testing.T) {
	ps := newPeers(t, signOnly(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	body := find(t, msg, bodyPattern)
	id := find(t, body, `wsu:Id="([^"]*)"`)
	evil := strings.Replace(body, ">10<", ">999<", 1)
	without := regexp.MustCompile(` (xmlns:wsu="[^"]*"|wsu:Id="[^"]*")`).ReplaceAllString(evil, "")
	other := strings.Replace(evil, id, "other", 1)
	wrapper := `<w:Wrapper xmlns:w="urn:w">` + body + `</w:Wrapper>`
	timestamp := find(t, msg, `<wsu:Timestamp.*</wsu:Timestamp>`)
	to := find(t, msg, `<a:To.*</a:To>`)

	places := map[string]func(m string) string{
		"in Header":      func(m string) string { return replace(t, m, `</s:Header>`, wrapper+`</s:Header>`) },
		"bare in Header": func(m string) string { return replace(t, m, `</s:Header>`, body+`</s:Header>`) },
		"in Security":    func(m string) string { return replace(t, m, `</wsse:Security>`, wrapper+`</wsse:Security>`) },
		"in Object": func(m string) string {
			return replace(t, m, `</ds:Signature>`, `<ds:Object>`+body+`</ds:Object></ds:Signature>`)
		},
		"in KeyInfo":           func(m string) string { return replace(t, m, `</ds:KeyInfo>`, body+`</ds:KeyInfo>`) },
		"in Body":              func(m string) string { return replace(t, m, `</s:Body>`, wrapper+`</s:Body>`) },
		"after Body":           func(m string) string { return replace(t, m, `</s:Body>`, `</s:Body>`+wrapper) },
		"in the signed header": func(m string) string { return replace(t, m, `</a:To>`, body+`</a:To>`) },
	}
	for place, move := range places {
		for kind, replacement := range map[string]string{"same Id": evil, "no Id": without, "other Id": other} {
			t.Run("Body "+place+", "+kind, func(t *testing.T) {
				_, err := ps.verify(t, []byte(move(replace(t, msg, body, replacement))))
				if err == nil {
					t.Fatal("accepted")
				}
			})
		}
	}
	for name, m := range map[string]string{
		"Timestamp moved away":                 replace(t, replace(t, msg, timestamp, ""), `</s:Header>`, `<w xmlns="urn:w">`+timestamp+`</w></s:Header>`),
		"Timestamp behind a new one":           replace(t, msg, timestamp, strings.Replace(timestamp, "TS-", "XX-", 1)+`<w xmlns="urn:w">`+timestamp+`</w>`),
		"two Timestamps":                       replace(t, msg, timestamp, timestamp+strings.Replace(timestamp, "TS-", "XX-", 1)),
		"header replaced, old one kept deeper": replace(t, replace(t, msg, to, `<a:To xmlns:a="`+nsWSA+`">urn:evil</a:To>`), `</s:Header>`, `<w xmlns="urn:w">`+to+`</w></s:Header>`),
		"second header of the name":            replace(t, msg, to, to+`<a:To xmlns:a="`+nsWSA+`">urn:evil</a:To>`),
		"second Security header":               replace(t, msg, `</s:Header>`, `<wsse:Security xmlns:wsse="`+wssec.NSWSSE+`"/></s:Header>`),
		"Signature emptied":                    replace(t, msg, find(t, msg, `<ds:Reference .*</ds:Reference>`), ""),
		"Signature removed":                    replace(t, msg, find(t, msg, `<ds:Signature .*</ds:Signature>`), ""),
		"Signature twice":                      replace(t, msg, `</wsse:Security>`, find(t, msg, `<ds:Signature .*</ds:Signature>`)+`</wsse:Security>`),
		"Security for another actor":           replace(t, msg, `env:mustUnderstand="1"`, `env:mustUnderstand="1" env:actor="urn:other"`),
		"HMACOutputLength":                     replace(t, msg, `hmac-sha1"></ds:SignatureMethod>`, `hmac-sha1"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`),
		"external Reference":                   replace(t, msg, `URI="#`, `URI="http://evil/#`),
		"whole document Reference":             replace(t, msg, `<ds:Reference URI="#`+find(t, msg, `<ds:Reference URI="#([^"]*)"`)+`"`, `<ds:Reference URI=""`),
		"enveloped transform":                  replace(t, msg, `<ds:Transforms>`, `<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ps.verify(t, []byte(m)); err == nil {
				t.Fatal("accepted")
			}
		})
	}
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal("the message as it was:", err)
	}
}

func TestUnlistedEncryptedDataIsNotOpened(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	ed := find(t, msg, `<xenc:EncryptedData.*</xenc:EncryptedData>`)
	oracle := strings.Replace(ed, "ED-", "XX-", 1)
	id := find(t, oracle, `Id="(XX-[^"]*)"`)
	list := `<xenc:DataReference URI="#` + id + `"/></xenc:ReferenceList>`
	for name, m := range map[string]string{
		"header block":      replace(t, msg, `</s:Header>`, oracle+`</s:Header>`),
		"in a header block": replace(t, msg, `</s:Header>`, `<h:h xmlns:h="urn:h">`+oracle+`</h:h></s:Header>`),
		"in Security":       replace(t, msg, `</wsse:Security>`, oracle+`</wsse:Security>`),
		"beside the Body's": replace(t, msg, ed, ed+oracle),
		"EncryptedHeader":   replace(t, msg, `</s:Header>`, `<k:EncryptedHeader xmlns:k="`+wssec.NSWSSE11+`">`+oracle+`</k:EncryptedHeader></s:Header>`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(replace(t, m, `</xenc:ReferenceList>`, list)))
			refused(t, err, wssec.CodeReference, wssec.CodeDigestInvalid)
		})
	}
	t.Run("listed twice", func(t *testing.T) {
		twice := `<xenc:DataReference URI="#` + find(t, ed, `Id="(ED-[^"]*)"`) + `"/></xenc:ReferenceList>`
		_, err := ps.verify(t, []byte(replace(t, msg, `</xenc:ReferenceList>`, twice)))
		refused(t, err, wssec.CodeReference)
	})
	t.Run("not listed", func(t *testing.T) {
		_, err := ps.verify(t, []byte(replace(t, msg, find(t, msg, `<xenc:ReferenceList.*</xenc:ReferenceList>`), "")))
		refused(t, err, wssec.CodeReference)
	})
}

func TestAPartMayBeEncryptedOnlyWhereThePolicyLetsIt(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, plainOrder)
	for optional, codes := range map[bool][]wssec.Code{true: nil, false: {wssec.CodeReference}} {
		service := newPeers(t, symmetric(func(p *wssec.Policy) {
			p.EncryptedParts, p.OptionalEncryptedParts = wssec.Parts{}, wssec.Parts{Body: optional}
		}), nil)
		service.token = ps.token
		own, _ := service.request(t, plainOrder)
		if strings.Contains(string(own), "EncryptedData") {
			t.Error("we encrypt what is optional")
		}
		acceptor := *ps
		acceptor.service = service.withTickets(t, ps)
		_, err := acceptor.verify(t, msg)
		if codes == nil && err != nil {
			t.Error(err)
		}
		if codes != nil {
			refused(t, err, codes...)
		}
	}
}

func TestAHeaderThatStaysEncryptedIsRefused(t *testing.T) {
	to := []string{"{" + nsWSA + "}To"}
	for _, order := range []wssec.ProtectionOrder{wssec.SignBeforeEncrypt, wssec.EncryptBeforeSign} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) {
			p.ProtectionOrder, p.SignedParts.Headers, p.EncryptedParts.Headers = order, to, to
		}), nil)
		raw, _ := ps.request(t, plainOrder)
		msg := string(raw)
		id := find(t, msg, `<wsse11:EncryptedHeader.*?<xenc:EncryptedData [^>]* Id="([^"]*)"`)
		_, err := ps.verify(t, []byte(replace(t, msg, `<xenc:DataReference URI="#`+id+`"/>`, "")))
		refused(t, err, wssec.CodeReference)
	}
}

func TestIdsInsideTheBodyAreData(t *testing.T) {
	ps := newPeers(t, signOnly(), nil)
	raw, _ := ps.request(t, replace(t, plainOrder, "<amount>", `<x Id="1" ID="1"/><x Id="1"/><amount>`))
	msg := string(raw)
	token := find(t, msg, `wsu:Id="(BST-[^"]*)"`)
	if _, err := ps.verify(t, raw); err != nil {
		t.Fatal(err)
	}
	// CXF's Cancel repeats the token's wsu:Id in the Body; signed there, it is nobody's business.
	again, _ := ps.request(t, replace(t, plainOrder, "<amount>", `<x xmlns:u="`+wssec.NSWSU+`" u:Id="`+token+`"/><amount>`))
	msg = string(again)
	id := find(t, msg, `wsu:Id="(BST-[^"]*)"`)
	if _, err := ps.verify(t, []byte(strings.ReplaceAll(msg, id, token))); err != nil {
		t.Fatal("the token's Id again in the Body:", err)
	}
	msg = replace(t, string(raw), `</s:Header>`, `<h:h xmlns:h="urn:h" Id="`+token+`"/></s:Header>`)
	_, err := ps.verify(t, []byte(msg))
	refused(t, err, wssec.CodeDuplicateID)
}

func TestAlgorithmsComeFromThePolicy(t *testing.T) {
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

func TestProtectionOrderIsThePolicys(t *testing.T) {
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

func TestAReplayedMessageIsRefused(t *testing.T) {
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

func TestARecordedMessageGivesOneQuestionToAPaddingOracle(t *testing.T) {
	store := replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.TokenOnce = true }), store)
	first, _ := ps.request(t, plainOrder)
	if _, err := ps.verify(t, first); err != nil {
		t.Fatal(err)
	}
	ps.token.Omit = true
	msg, _ := ps.request(t, plainOrder)
	cut := strings.LastIndex(string(msg), "</xenc:CipherValue>")
	changed := string(msg[:cut-8]) + "AAAAAAA=" + string(msg[cut:])
	_, err := ps.verify(t, []byte(changed))
	refused(t, err, wssec.CodeDecryption, wssec.CodePlaintext, wssec.CodeDigestInvalid)
	_, err = ps.verify(t, []byte(changed))
	refused(t, err, wssec.CodeMessageReplayed)
}

func TestATokenIsCachedOnlyWhenItsMessageWasVerified(t *testing.T) {
	once := func(p *wssec.Policy) { p.TokenOnce = true }
	ps := newPeers(t, signOnly(once), nil)
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, []byte(replace(t, string(msg), ">10<", ">11<")))
	refused(t, err, wssec.CodeDigestInvalid)
	ps.token.Omit = true
	later, _ := ps.request(t, plainOrder)
	_, err = ps.verify(t, later)
	refused(t, err, wssec.CodeTokenUnavailable)

	if _, err := ps.verify(t, msg); err != nil {
		t.Fatal(err)
	}
	m, err := ps.verify(t, later)
	if err != nil {
		t.Fatal(err)
	}
	ps.now = m.TicketEndTime().Add(time.Second)
	expired, _ := ps.request(t, plainOrder)
	_, err = ps.verify(t, expired)
	refused(t, err, wssec.CodeTokenUnavailable)

	ps.now = time.Now()
	strict := newPeers(t, signOnly(), nil)
	strict.client, strict.token = ps.client, ps.token
	_, err = strict.verify(t, later)
	refused(t, err, wssec.CodeTokenUnavailable)
}

func TestTheTimestampBoundsAMessage(t *testing.T) {
	ps := newPeers(t, signOnly(), nil)
	start := ps.now
	msg, _ := ps.request(t, plainOrder)
	for offset, ok := range map[time.Duration]bool{
		-4*time.Minute - 59*time.Second: true, -5*time.Minute - time.Second: false,
		0: true, 9*time.Minute + 59*time.Second: true, 10 * time.Minute: false,
	} {
		ps.now = start.Add(offset)
		_, err := ps.verify(t, msg)
		if ok && err != nil {
			t.Errorf("at %v: %v", offset, err)
		}
		if !ok {
			refused(t, err, wssec.CodeMessageExpired)
		}
	}
	ps.now = start
	for _, bad := range []string{"2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "now", "", strings.Repeat("1", 100)} {
		created := find(t, string(msg), `<wsu:Created>([^<]*)<`)
		_, err := ps.verify(t, []byte(replace(t, string(msg), created, bad)))
		refused(t, err, wssec.CodeTimestampInvalid)
	}
}

func TestOnlyTheKeyHolderSigns(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	ps.token.Key = wssec.NewKey(make([]byte, 32))
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, msg)
	refused(t, err, wssec.CodeSignatureInvalid)
}

func TestAReplyIsNotARequestAndTheOtherWayRound(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	msg, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.verify(t, reply); err == nil {
		t.Error("a reply was accepted as a request")
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, msg), sent, secure())
	refused(t, err, wssec.CodeUnsupportedToken)
	other := newPeers(t, symmetric(), nil)
	_, otherSent := other.request(t, plainOrder)
	_, err = ps.client.VerifyReply(context.Background(), parse(t, reply), otherSent, secure())
	refused(t, err, wssec.CodeTokenUnavailable)
	_, err = ps.client.VerifyReply(context.Background(), parse(t, []byte(plainOrder)), sent, secure())
	refused(t, err, wssec.CodeSecurityMissing)
}

func TestSignatureConfirmationBindsTheReplyToTheRequest(t *testing.T) {
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }), nil)
	first, sent := ps.request(t, plainOrder)
	_, sentLater := ps.request(t, message(300))
	m, err := ps.verify(t, first)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ps.client.VerifyReply(context.Background(), parse(t, reply), sent, secure()); err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, reply), sentLater, secure())
	refused(t, err, wssec.CodeConfirmation)
}

func TestAPolicyThatReliesOnTLSNeedsIt(t *testing.T) {
	for _, name := range []string{"KerberosOverTransport", "KerberosToken"} {
		ps := newPeers(t, preset(t, name), nil)
		msg, _ := ps.request(t, plainOrder)
		_, err := ps.service.Verify(context.Background(), parse(t, msg), wssec.Channel{})
		refused(t, err, wssec.CodeTransport)
	}
}

func TestHeadersWithoutProtectionFollowTheRule(t *testing.T) {
	ps := newPeers(t, symmetric(), nil) // wsa:To is not signed
	msg, _ := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	fwd, err := m.AppendForward(nil, wssec.DropHeaders)
	if err != nil || strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("dropped header: %v\n%s", err, fwd)
	}
	fwd, err = m.AppendForward(nil, wssec.PassHeaders)
	if err != nil || !strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("passed header: %v\n%s", err, fwd)
	}
	_, err = m.AppendForward(nil, wssec.RefuseHeaders)
	refused(t, err, wssec.CodeHeaderRefused)

	must, _ := ps.request(t, replace(t, plainOrder, `<a:To `, `<a:To s:mustUnderstand="1" `))
	if m, err = ps.verify(t, must); err != nil {
		t.Fatal(err)
	}
	_, err = m.AppendForward(nil, wssec.DropHeaders)
	refused(t, err, wssec.CodeNotUnderstood)
	f := string(wssec.FaultFor(err).AppendEnvelope(nil, soap.V12))
	if !strings.Contains(f, "MustUnderstand") || !strings.Contains(f, `qname="n:To"`) {
		t.Error(f)
	}
}

// TestEveryCryptographicFailureIsOneFault sends messages that fail in each way and
// compares what the peer is told, octet for octet.
func TestEveryCryptographicFailureIsOneFault(t *testing.T) {
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	cut := strings.LastIndex(msg, "</xenc:CipherValue>")
	value := find(t, msg, `<xenc:CipherValue>([^<]*)<`)
	wrongKey := newPeers(t, symmetric(), nil)
	wrongKey.token.Token = ps.token.Token
	otherKey, _ := wrongKey.request(t, plainOrder)
	token := find(t, msg, `wsu:Id="BST-[^"]*">([^<]*)<`)
	flipped := []byte(token)
	flipped[len(flipped)-20] ^= 1
	unsigned := newPeers(t, wssec.Policy{
		Binding: wssec.NoBinding, AlgorithmSuite: wssec.Basic128, SignedParts: wssec.Parts{Headers: []string{"{" + nsWSA + "}To"}},
		SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseEndorsing}},
	}, nil)
	unsigned.token = ps.token
	notCovered, _ := unsigned.request(t, plainOrder)

	var want string
	for name, m := range map[string]string{
		"ticket":     replace(t, msg, token, string(flipped)),
		"padding":    msg[:cut-8] + "AAAAAAA=" + msg[cut:],
		"plaintext":  replace(t, msg, value, "AAAA"+value[4:]),
		"short":      replace(t, msg, value, "AAAA"),
		"not base64": replace(t, msg, value, "*"+value[1:]),
		"digest":     replace(t, msg, find(t, msg, `<wsu:Created>([^<]*)<`), ps.now.Add(-time.Second).UTC().Format("2006-01-02T15:04:05.000Z")),
		"HMAC":       string(otherKey),
		"HMAC value": replace(t, msg, find(t, msg, `<ds:SignatureValue>([^<]*)<`), "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		"coverage":   string(notCovered),
		"no token":   replace(t, msg, find(t, msg, `<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`), ""),
	} {
		_, err := ps.verify(t, []byte(m))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		got := string(wssec.FaultFor(err).AppendEnvelope(nil, soap.V11))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: the fault is\n%s\nwant\n%s", name, got, want)
		}
		for _, secret := range []string{token, value, "amount"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats what it must not: %v", name, err)
			}
		}
	}
	if !strings.Contains(want, "InvalidSecurity") {
		t.Error(want)
	}
}

func TestKeysRedactThemselves(t *testing.T) {
	k := wssec.NewKey([]byte("sixteen octets!!"))
	text, _ := k.MarshalText()
	for _, s := range []string{k.String(), k.GoString(), string(text), k.LogValue().String()} {
		if s != "[redacted]" {
			t.Error(s)
		}
	}
}
