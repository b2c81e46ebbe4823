package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// gssWrap is the key wrap of a proof token, as WCF writes it in both versions.
const gssWrap = "http://schemas.xmlsoap.org/2005/02/trust/spnego#GSS_Wrap"

// A negotiation issues a SecurityContextToken by SPNEGO (WS-Trust §8, as WCF
// does it).
type negotiation struct {
	trust, sc string
	soap12    bool
	etype     int32
	subkey    []byte // of the acceptor, or nil
	key       []byte // that the context gets
	initiator []byte // subkey of the authenticator
	legs      []string
	inputs    []string // canonical, in order
	wrapped   []byte
	change    func(*negotiation, string) string // of the final answer
}

// negotiations are all of two messages, and one of four.
func negotiations(s *set) {
	for _, trust := range []string{nsWST05, nsWST13} {
		for _, e := range []int32{17, 18, 19, 20, 23} {
			for _, own := range []bool{true, false} {
				if own && e == 23 {
					continue // RC4 tokens cannot name the acceptor's subkey
				}
				s.negotiation(trust, e, own)
			}
		}
		s.fourLegs(trust)
		s.wrongAnswers(trust)
	}
}

func versionTag(trust string) string {
	if trust == nsWST13 {
		return "13"
	}
	return "05"
}

func (s *set) newNegotiation(name, trust string, e int32, own bool) *negotiation {
	s.rnd.seed("negotiation " + name)
	n := &negotiation{trust: trust, sc: nsSC05, etype: e, key: s.rnd.octets(32), soap12: e%2 == 0}
	if trust == nsWST13 {
		n.sc = nsSC13
	}
	if own {
		n.subkey = s.rnd.octets(krbtest.KeyLen(e))
	}
	return n
}

// negotiation is an exchange of two messages.
func (s *set) negotiation(trust string, e int32, own bool) {
	name := fmt.Sprintf("negotiation-%s-etype-%d", versionTag(trust), e)
	comment := fmt.Sprintf("A SPNEGO negotiation in two messages, with keys of encryption type %d; ", e)
	if own {
		name, comment = name+"-subkey", comment+"the AP-REP has a subkey, under which the proof key is wrapped."
	} else {
		comment += "the AP-REP has no subkey: the proof key is wrapped under the initiator's."
	}
	n := s.newNegotiation(name, trust, e, own)
	token, reply := s.tokensOf(n)
	n.request(token)
	n.answer(s, reply)
	s.trust(name, "ok", comment, "valid negotiation", n)
}

// tokensOf are the SPNEGO tokens of both sides.
func (s *set) tokensOf(n *negotiation) (token, reply []byte) {
	session := s.rnd.octets(krbtest.KeyLen(n.etype))
	ap, key, err := s.kdc.Token(client, service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: n.etype,
		SessionKey: session}, APOptions: 1 << 29, GSSFlags: 0x3e, SeqNumber: 7})
	check(err)
	n.initiator = key.ExposeKeyOctets()
	rep, err := krbtest.APRep(s.rnd, n.etype, session, epoch, 0, n.subkey, 7)
	check(err)
	token = krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: ap}.Token()
	return token, krbtest.NegTokenResp{State: krbtest.StateAcceptCompleted, SupportedMech: krbtest.OIDKRB5,
		ResponseToken: rep}.Token()
}

const negotiationContext = "uuid-8d2f1f5e-6a5b-4f43-9d2f-2d5b6d3f7c10-1"

// exchange is a BinaryExchange.
func (n *negotiation) exchange(token []byte) string {
	return `<t:BinaryExchange ValueType="` + nsWST05 + `/spnego" EncodingType="` + base64URI + `">` + b64(token) +
		`</t:BinaryExchange>`
}

// leg adds a message, and what of it the Authenticator hashes.
func (n *negotiation) leg(action, body, hashed string) {
	soap := nsSOAP11
	if n.soap12 {
		soap = nsSOAP12
	}
	n.legs = append(n.legs,
		`<s:Envelope xmlns:s="`+soap+`" xmlns:a="`+nsWSA+`"><s:Header><a:Action s:mustUnderstand="1">`+
			n.trust+action+`</a:Action></s:Header><s:Body>`+body+"</s:Body></s:Envelope>\n")
	n.inputs = append(n.inputs, canonical(hashed))
}

// request is the first message.
func (n *negotiation) request(token []byte) {
	rst := `<t:RequestSecurityToken xmlns:t="` + n.trust + `" Context="` + negotiationContext + `"><t:TokenType>` +
		n.sc +
		`/sct</t:TokenType><t:RequestType>` + n.trust + `/Issue</t:RequestType><t:KeySize>256</t:KeySize>` +
		n.exchange(token) + `</t:RequestSecurityToken>`
	n.leg("/RST/Issue", rst, rst)
}

// between is a message that goes on.
func (n *negotiation) between(token []byte) {
	rstr := `<t:RequestSecurityTokenResponse xmlns:t="` + n.trust + `" Context="` + negotiationContext + `">` +
		n.exchange(token) + `</t:RequestSecurityTokenResponse>`
	n.leg("/RSTR/Issue", rstr, rstr)
}

const issued = "urn:uuid:2b2f0d6e-63b5-4a2f-8d0a-54d5ed2a8a55"

// answer is the last message: the token, its key under the context's key, and
// the Authenticator.
func (n *negotiation) answer(s *set, token []byte) {
	n.wrap(s)
	str := func(uri string) string {
		return `<o:SecurityTokenReference xmlns:o="` + nsWSSE + `"><o:Reference ValueType="` + n.sc + `/sct" URI="` +
			uri +
			`"></o:Reference></o:SecurityTokenReference>`
	}
	const form = "2006-01-02T15:04:05.000Z"
	hidden := `<t:RequestedSecurityToken><c:SecurityContextToken xmlns:c="` + n.sc + `" xmlns:u="` + nsWSU +
		`" u:Id="sct"><c:Identifier>` + issued + `</c:Identifier></c:SecurityContextToken></t:RequestedSecurityToken>`
	proof := `<t:RequestedProofToken><e:EncryptedKey xmlns:e="` + nsXenc + `"><e:EncryptionMethod Algorithm="` +
		gssWrap +
		`"></e:EncryptionMethod><e:CipherData><e:CipherValue>` + b64(n.wrapped) +
		`</e:CipherValue></e:CipherData></e:EncryptedKey></t:RequestedProofToken>`
	rstr := func(hidden, proof string) string {
		return `<t:RequestSecurityTokenResponse xmlns:t="` + n.trust + `" Context="` + negotiationContext +
			`"><t:TokenType>` +
			n.sc + `/sct</t:TokenType>` + hidden + `<t:RequestedAttachedReference>` + str("#sct") +
			`</t:RequestedAttachedReference><t:RequestedUnattachedReference>` + str(issued) +
			`</t:RequestedUnattachedReference>` + proof + `<t:Lifetime><u:Created xmlns:u="` + nsWSU + `">` +
			epoch.Format(form) + `</u:Created><u:Expires xmlns:u="` + nsWSU + `">` + epoch.Add(time.Hour).Format(form) +
			`</u:Expires></t:Lifetime><t:KeySize>256</t:KeySize>` + n.exchange(token) +
			`</t:RequestSecurityTokenResponse>`
	}
	n.inputs = append(n.inputs, canonical(rstr("", "")))
	collection := `<t:RequestSecurityTokenResponseCollection xmlns:t="` + n.trust + `">` + rstr(hidden, proof) +
		`<t:RequestSecurityTokenResponse Context="` + negotiationContext + `"><t:Authenticator><t:CombinedHash>` +
		b64(n.combined()) + `</t:CombinedHash></t:Authenticator></t:RequestSecurityTokenResponse>` +
		`</t:RequestSecurityTokenResponseCollection>`
	if n.change != nil {
		collection = n.change(n, collection)
	}
	action := "/RSTR/Issue"
	if n.trust == nsWST13 {
		action = "/RSTRC/IssueFinal"
	}
	inputs := n.inputs
	n.leg(action, collection, "<x></x>")
	n.inputs = inputs
}

// wrap is GSS_Wrap of the context's key, by the acceptor.
func (n *negotiation) wrap(s *set) {
	var err error
	switch {
	case n.etype == 23:
		n.wrapped = s.rc4WrapOf(n.initiator, n.key)
		return
	case n.subkey != nil:
		n.wrapped, err = krbtest.Wrap(s.rnd, n.etype, n.subkey, n.key, sentByAcceptor|isSealed|acceptorSubkey, 7, 0, 0)
	default:
		n.wrapped, err = krbtest.Wrap(s.rnd, n.etype, n.initiator, n.key, sentByAcceptor|isSealed, 7, 0, 0)
	}
	check(err)
}

// combined is P_SHA1(key, "AUTH-HASH" + SHA-1 of the inputs), 32 octets.
func (n *negotiation) combined() []byte {
	return pSHA1(n.key, "AUTH-HASH", digest(sha1URI, strings.Join(n.inputs, "")), 0, 32)
}

// fourLegs is a negotiation in which the service chooses the second mechanism
// of the client.
func (s *set) fourLegs(trust string) {
	name := "negotiation-" + versionTag(trust) + "-four"
	n := s.newNegotiation(name, trust, 18, true)
	token, reply := s.tokensOf(n)
	list := krbtest.MechTypes(krbtest.OIDNTLM, krbtest.OIDKRB5)
	first := krbtest.NegTokenInit{MechTypes: list, MechToken: []byte("NTLMSSP\x00\x01\x00\x00\x00")}.Token()
	n.request(first)
	n.between(krbtest.NegTokenResp{State: krbtest.StateRequestMIC, SupportedMech: krbtest.OIDKRB5}.Token())
	n.between(token)
	n.answer(s, reply)
	s.trust(name, "ok", "Four messages, of which each is hashed: the service chooses the client's second mechanism.",
		"valid negotiation", n)
}

// wrongAnswers are answers that a client must not take: what it has seen is not
// what the service has hashed, or the key is another.
func (s *set) wrongAnswers(trust string) {
	add := func(name, comment string, change func(*negotiation, string) string, before func(*negotiation)) {
		name = "negotiation-" + versionTag(trust) + "-" + name
		n := s.newNegotiation(name, trust, 18, true)
		n.change = change
		token, reply := s.tokensOf(n)
		n.request(token)
		if before != nil {
			before(n)
		}
		n.answer(s, reply)
		s.trust(name, "refused", comment, "negotiation authenticator", n)
	}
	old := func(n *negotiation) string { return b64(n.combined()) }
	add("hash-other", "The Authenticator is under another key.", func(n *negotiation, c string) string {
		was := old(n)
		key := n.key
		n.key = bytes.Repeat([]byte{1}, 32)
		c = strings.Replace(c, was, old(n), 1)
		n.key = key
		return c
	}, nil)
	add("hash-cut", "The Authenticator has 16 octets.", func(n *negotiation, c string) string {
		return strings.Replace(c, old(n), b64(n.combined()[:16]), 1)
	}, nil)
	add("hash-absent", "No Authenticator.", func(_ *negotiation, c string) string {
		i, j := strings.Index(c, "<t:Authenticator>"), strings.Index(c, "</t:Authenticator>")
		return c[:i] + c[j+len("</t:Authenticator>"):]
	}, nil)
	add("request-changed", "The request was changed on the way: the service has hashed another.", nil,
		func(n *negotiation) { n.legs[0] = strings.Replace(n.legs[0], ">256<", ">128<", 1) })
	add("answer-changed", "The answer was changed on the way.", func(_ *negotiation, c string) string {
		return strings.Replace(c, "T11:00:00", "T21:00:00", 1)
	}, nil)
	add("proof-changed", "One bit of the wrapped key was changed.", func(n *negotiation, c string) string {
		return strings.Replace(c, b64(n.wrapped), b64([]byte(flipped(-1)(string(n.wrapped)))), 1)
	}, nil)
}

// trust adds a negotiation.
func (s *set) trust(name, expect, comment, flags string, n *negotiation) {
	lines := []line{{"kind", "negotiation"}, {"time", epoch.Format(time.RFC3339)}, {"keytab", "service.keytab"},
		{"service", service + "@" + realm}, {"client", client + "@" + realm}, {"etypes", []int32{17, 18, 19, 20, 23}},
		{"etype", n.etype}, {"initiator-key", hex.EncodeToString(n.initiator)}}
	if n.subkey != nil {
		lines = append(lines, line{"acceptor-key", hex.EncodeToString(n.subkey)})
	}
	lines = append(lines, line{"key", hex.EncodeToString(n.key)}, line{"identifier", issued},
		line{"combined-hash", hex.EncodeToString(n.combined())})
	var sections []section
	for i, leg := range n.legs {
		sections = append(sections, section{fmt.Sprintf("%d.xml", i+1), []byte(leg)})
	}
	for i, input := range n.inputs {
		sections = append(sections, section{fmt.Sprintf("hash-%d", i+1), []byte(input)})
	}
	s.add("negotiation", "wstrust/"+name+".txtar", expect, comment, flags, lines, sections)
}

// rc4WrapOf is a sealed Wrap token of the acceptor over data.
func (s *set) rc4WrapOf(key, data []byte) []byte {
	return s.rc4WrapText(messageToken{etype: 23, key: key, from: "acceptor", sequence: 7}, data, true)
}
