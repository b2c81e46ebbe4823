package wssec_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyRejectsUnlistedEncryptedData(t *testing.T) {
	t.Parallel()
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
		"EncryptedHeader": replace(t, msg, `</s:Header>`, `<k:EncryptedHeader xmlns:k="`+wssec.NSWSSE11+`">`+oracle+
			`</k:EncryptedHeader></s:Header>`),
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

func TestVerifyRejectsEncryptionThatThePolicyForbids(t *testing.T) {
	t.Parallel()
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

// Where some header blocks are encrypted, no other may be: it could be one that
// the policy knows in clear alone.
func TestVerifyRejectsAnEncryptedHeaderBlockThatThePolicyDoesNotName(t *testing.T) {
	t.Parallel()
	encrypts := func(name string) wssec.Policy {
		return symmetric(func(p *wssec.Policy) {
			p.SignedParts.Headers, p.EncryptedParts.Headers = []string{name}, []string{name}
		})
	}
	ps := newPeers(t, encrypts("{"+nsWSA+"}To"), nil)
	msg, _ := ps.request(t, message(300))
	if _, err := ps.verify(t, msg); err != nil {
		t.Fatal(err)
	}
	ps.serve(t, encrypts("{urn:other}Block"))
	_, err := ps.verify(t, msg)
	refused(t, err, wssec.CodePlaintext)
}

func TestVerifyRejectsAHeaderBlockThatStaysEncrypted(t *testing.T) {
	t.Parallel()
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

func TestVerifyDecryptsOneChangedBodyOfARecordedMessage(t *testing.T) {
	t.Parallel()
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

// TestVerifyRejectsPlaintextNamesFromOuterDeclarations: a signature over
// the ciphertext does not cover the Envelope's declarations.
func TestVerifyRejectsPlaintextNamesFromOuterDeclarations(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(encryptFirst), nil)
	req, _ := ps.request(t, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><order><amount>`+
		`10</amount></order></s:Body></s:Envelope>`)
	if _, err := ps.verify(t, req); err != nil {
		t.Fatal(err)
	}
	_, err := ps.verify(t, []byte(replace(t, string(req), "<s:Envelope ", `<s:Envelope xmlns="urn:evil" `)))
	refused(t, err, wssec.CodePlaintext)

	c := loadTranscript(t, "KtpSymmetricEncryptBeforeSigning")
	msg := replace(t, string(c.file(t, "01-request.xml")), "<soap:Envelope ", `<soap:Envelope xmlns="urn:evil" `)
	_, err = c.processor(t, c.first(), nil).Verify(t.Context(), parse(t, []byte(msg)), secure())
	refused(t, err, wssec.CodePlaintext)
}

// TestVerifyAcceptsADeclarationThatNothingUses: an exclusive canonical form leaves
// it out, so whoever can change the plaintext of a Body can change it. With
// content-prefixes: covered a prefix in xsi:type uses it.
func TestVerifyAcceptsADeclarationThatNothingUses(t *testing.T) {
	t.Parallel()
	const xsi = `xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`
	for content, want := range map[string]wssec.Code{
		`<order xmlns:u="urn:%s"></order>`:                          "",
		`<order xmlns:u="urn:%s" ` + xsi + ` i:type="u:x"></order>`: wssec.CodeContentPrefix,
	} {
		ps := newPeers(t, symmetric(), nil)
		ps.cfg.ContentPrefixes = wssec.PrefixesCovered
		ps.service = ps.withTickets(t, ps)
		signed := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + fmt.Sprintf(content, "a") +
			`</s:Body></s:Envelope>`
		msg, err := wssec.ProtectWithPlaintext(ps.client, parse(t, []byte(signed)), ps.token, fmt.Sprintf(content, "b"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := ps.verify(t, msg)
		if want != "" {
			refused(t, err, want)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.AppendForward(nil, wssec.Forwarding{})
		if err != nil || !strings.Contains(string(out), `xmlns:u="urn:b"`) {
			t.Errorf("%s, %v", out, err)
		}
	}
}

func TestVerifyErrorsDoNotQuoteThePlaintext(t *testing.T) {
	t.Parallel()
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
