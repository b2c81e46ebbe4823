package main

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// apReq adds a token that an acceptor has to judge (RFC 4120 §3.2.3, RFC 4121
// §4.1).
func (s *set) apReq(name, expect, comment, flags string, o krbtest.TokenOptions, extra ...line) {
	s.rnd.seed("ap-req " + name)
	token, key, err := s.kdc.Token(client, service, o)
	check(err)
	s.tokenFile("ap-req", name, expect, comment, flags, token, key.ExposeKeyOctets(), extra...)
}

func (s *set) tokenFile(kind, name, expect, comment, flags string, token, key []byte, extra ...line) {
	lines := []line{{"kind", kind}, {"time", epoch.Format(time.RFC3339)}, {"keytab", "service.keytab"},
		{"service", service + "@" + realm}, {"client", client + "@" + realm}}
	if expect == "ok" {
		lines = append(lines, line{"key", hex.EncodeToString(key)})
	}
	lines = slices.DeleteFunc(lines, func(l line) bool {
		return slices.ContainsFunc(extra, func(e line) bool { return e.key == l.key })
	})
	lines = slices.DeleteFunc(append(lines, extra...), func(l line) bool { return l.value == nil })
	s.add(kind, "kerberos/"+kind+"-"+name+".txtar", expect, comment, flags, lines, []section{{"token", token}})
}

// kerberosTokens are AP-REQ tokens and what an acceptor makes of them.
func kerberosTokens(s *set) {
	type o = krbtest.TokenOptions
	type t = krbtest.TicketOptions
	all := line{"etypes", []int32{17, 18, 19, 20, 23}}
	for _, e := range []int32{17, 18, 19, 20, 23} {
		for _, sub := range []int32{17, 18, 19, 20, 23} {
			s.apReq(fmt.Sprintf("etype-%d-subkey-%d", e, sub), "ok",
				fmt.Sprintf("A ticket of encryption type %d, and a "+
					"subkey of type %d.", e, sub), "valid etype", o{Ticket: t{Etype: e}, Subkey: sub}, all)
		}
		s.apReq(fmt.Sprintf("etype-%d", e), "ok", fmt.Sprintf("A ticket of encryption type %d, without subkey.", e),
			"valid etype", o{Ticket: t{Etype: e}, NoSubkey: true}, all)
		s.apReq(fmt.Sprintf("etype-%d-bare", e), "ok", fmt.Sprintf("A bare AP-REQ of encryption type %d.", e),
			"valid etype",
			o{Ticket: t{Etype: e}, Bare: true}, all)
	}
	s.apReq("oid-microsoft", "ok", "The object identifier of Windows 2000 in the frame.", "valid frame",
		o{OID: krbtest.OIDMSKRB5})
	s.apReq("oid-old", "ok", "The object identifier of a draft in the frame.", "valid frame",
		o{OID: krbtest.OIDOldKRB5})
	add := func(name, expect, comment string, options o, extra ...line) {
		s.apReq(name, expect, comment, "kerberos", options, extra...)
	}
	minutes := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }
	add("mechanism", "token-mechanism", "Another mechanism in the frame.", o{OID: []byte("\x2a\x03\x04")})
	add("token-id", "token-mechanism", "The token identifier of an AP-REP in the frame.", o{TokID: []byte{2, 0}})
	add("user-to-user", "token-user-to-user", "use-session-key in ap-options.", o{APOptions: 1 << 30})
	add("pvno", "token-malformed", "Protocol version 4.", o{PVNO: 4})
	add("msg-type", "token-malformed", "The message type of an AP-REP.", o{MsgType: 15})
	add("tkt-vno", "token-malformed", "Ticket version 4.", o{Ticket: t{TktVno: 4}})
	add("service", "ticket-service", "A ticket for another service.", o{Ticket: t{Name: []string{"soap",
		"other.example.com"}}})
	add("realm", "ticket-service", "A ticket of another realm.", o{Ticket: t{Realm: "OTHER.EXAMPLE.COM"}})
	add("rc4", "etype-not-allowed", "A ticket of RC4, which is not switched on.", o{Ticket: t{Etype: 23}})
	add("rc4-session", "etype-not-allowed", "A session key of RC4.", o{Ticket: t{SessionEtype: 23}})
	add("rc4-subkey", "etype-not-allowed", "A subkey of RC4.", o{Subkey: 23, SubkeyBytes: bytes.Repeat([]byte{1}, 16)})
	add("kvno", "ticket-no-key", "A key version that the keytab does not have, where it has to.",
		o{Ticket: t{WrittenKvno: 9}}, line{"exact-kvno", true})
	add("kvno-any", "ok", "A key version that the keytab does not have: its other keys are tried.",
		o{Ticket: t{WrittenKvno: 9}})
	add("kvno-absent", "ok", "Without key version.", o{Ticket: t{NoKvno: true}})
	s.apReq("etype-absent", "ticket-no-etype", "A ticket of AES-128, and the keytab has a key of AES-256 alone.",
		"kerberos",
		o{Ticket: t{Etype: 17}}, line{"keytab", "aes256.keytab"})
	add("ticket-cut", "token-malformed", "A ticket of too few octets.", o{Ticket: t{CutCipher: 8}})
	add("authenticator-cut", "token-malformed", "An authenticator of too few octets.", o{CutAuth: 8})
	add("other-key", "authenticator-integrity", "The authenticator is under another key than the session key.",
		o{AuthKey: bytes.Repeat([]byte{9}, 32)})
	add("authenticator-vno", "authenticator-malformed", "Authenticator version 4.", o{Vno: 4})
	add("session-key-length", "ticket-malformed", "A session key of 5 octets.", o{Ticket: t{SessionKey: make([]byte,
		5)},
		AuthKey: make([]byte, 32)})
	add("subkey-length", "authenticator-malformed", "A subkey of 5 octets.", o{SubkeyBytes: make([]byte, 5)})
	add("invalid", "ticket-invalid", "A ticket with the flag INVALID.", o{Ticket: t{Flags: 1 << 24}})
	add("not-yet", "ticket-not-yet-valid", "A ticket that begins in six minutes.", o{Ticket: t{StartTime: minutes(6)}})
	add("not-yet-edge", "ok", "A ticket that begins in five minutes, which clock skew allows.",
		o{Ticket: t{StartTime: minutes(5)}})
	add("expired", "ticket-expired", "A ticket that ended six minutes ago.",
		o{Ticket: t{StartTime: minutes(-600), EndTime: minutes(-6)}})
	add("expired-edge", "ok", "A ticket that ended four minutes ago, which clock skew allows.",
		o{Ticket: t{StartTime: minutes(-600), EndTime: minutes(-4)}})
	add("client-name", "client-mismatch", "Ticket and authenticator name two clients.", o{ClientName: []string{"bob"}})
	add("client-realm", "client-mismatch", "Ticket and authenticator name two realms.",
		o{ClientRealm: "OTHER.EXAMPLE.COM"})
	add("skew-past", "clock-skew", "An authenticator of six minutes ago.", o{Time: minutes(-6)})
	add("skew-future", "clock-skew", "An authenticator of six minutes from now.", o{Time: minutes(6)})
	add("skew-edge", "ok", "An authenticator of five minutes ago.", o{Time: minutes(-5)})
	add("skew-setting", "clock-skew", "An authenticator of two minutes ago, with a limit of one.", o{Time: minutes(-2)},
		line{"max-skew", "1m"})
	add("authz-unknown", "authorization-data", "Authorization data of an unknown type in the authenticator.",
		o{AuthzType: 4711, AuthzData: []byte{1, 2, 3}})
	add("foreign-client", "client-realm", "A client of a realm that is not accepted.",
		o{Ticket: t{ClientRealm: "OTHER.EXAMPLE.COM"}}, line{"client-realms", []string{realm}})
	add("subkey-missing", "subkey-missing", "No subkey where one is asked for.", o{NoSubkey: true},
		line{"key-source", "subkey"})
	s.apReq("principal", "ticket-no-principal", "A ticket for a service that the keytab has no key of, where any of the "+
		"keytab's is accepted.", "kerberos", o{Ticket: t{Name: []string{"soap", "other.example.com"}}}, line{"service", nil})
	s.apReq("before-start", "authenticator-before-start", "An authenticator of two minutes ago, and the receiver knows "+
		"what was accepted in the last minute alone (RFC 4120 §3.2.3).", "kerberos replay", o{Time: minutes(-2)},
		line{"replay-since", minutes(-1).Format(time.RFC3339)})
	s.apReq("after-start", "ok", "An authenticator that was made after the receiver's start.", "valid replay",
		o{Time: minutes(0)}, line{"replay-since", minutes(-1).Format(time.RFC3339)})
	s.addresses()
	s.pacs()
	s.channelBindings(add)
	s.rawTokens()
}

// addresses are tickets that are bound to addresses of the client (RFC 4120
// §5.2.5), where the receiver holds them to it.
func (s *set) addresses() {
	add := func(name, expect, comment, from string, addresses ...[]byte) {
		s.apReq("address-"+name, expect, comment, "kerberos address", krbtest.TokenOptions{
			Ticket: krbtest.TicketOptions{Addresses: addresses}}, line{"address", from})
	}
	ours, other := []byte{192, 0, 2, 7}, []byte{192, 0, 2, 8}
	ours6 := append([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 12)...)
	add("own", "ok", "A ticket that is bound to the client's address.", "192.0.2.7", other, ours)
	add("own-ipv6", "ok", "The same with an address of IPv6.", "2001:db8::", ours6)
	add("none", "ok", "A ticket that is bound to no address.", "192.0.2.7")
	add("other", "client-address", "A ticket that is bound to another address.", "192.0.2.7", other)
	add("other-version", "client-address", "A ticket that is bound to an address of IPv6, and the client has one of IPv4.",
		"192.0.2.7", ours6)
}

// pacs are tickets with a PAC (MS-PAC §2.8: the server's signature is under the
// key of the ticket).
func (s *set) pacs() {
	logon := &krbtest.PACLogon{Name: client, UserID: 1105, PrimaryGroup: 513}
	add := func(name, expect, comment string, rule any, p *krbtest.PACOptions) {
		s.apReq("pac-"+name, expect, comment, "kerberos pac", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: p}},
			line{"pac", rule})
	}
	last := func(pac []byte) []byte { return []byte(flipped(-1)(string(pac))) }
	const read, required = "when-present", "required"
	add("present", "ok", "A PAC with LOGON_INFO.", required, &krbtest.PACOptions{Logon: logon})
	add("absent", "ok", "No PAC, and none is required.", read, nil)
	add("missing", "pac-missing", "No PAC where one is required.", required, nil)
	add("changed", "pac-integrity", "The PAC was changed after it was signed.", read, &krbtest.PACOptions{Logon: logon,
		Signed: func(pac []byte) []byte {
			i := bytes.Index(pac, krbtest.UTF16(client))
			return []byte(flipped(i)(string(pac)))
		}})
	add("other-key", "pac-integrity", "The PAC is signed by another key than the service's.", read,
		&krbtest.PACOptions{Logon: logon, Key: bytes.Repeat([]byte{7}, 32), Etype: 18})
	add("no-signature", "pac-integrity", "A PAC without the server's signature.", read, &krbtest.PACOptions{Logon: logon,
		Without: []uint32{krbtest.PACServerSig}})
	add("cut", "pac-malformed", "A PAC whose last octets are missing (MS-PAC §2.3).", read, &krbtest.PACOptions{
		Logon: logon, Signed: func(pac []byte) []byte { return pac[:len(pac)-8] }})
	add("client", "pac-client", "The PAC names another client than the ticket (MS-PAC §2.7).", read,
		&krbtest.PACOptions{Logon: logon, ClientName: "bob"})
	add("authtime", "pac-client", "The PAC is of another authentication than the ticket (MS-PAC §2.7).", read,
		&krbtest.PACOptions{Logon: logon, AuthTime: epoch.Add(-100 * time.Hour)})
	add("ignored", "ok", "A PAC that does not verify, where nobody reads it.", nil, &krbtest.PACOptions{Logon: logon,
		Signed: last})
}

// channelBindings are tokens that are bound to a TLS channel (RFC 4121 §4.1.1,
// RFC 5929).
func (s *set) channelBindings(add func(string, string, string, krbtest.TokenOptions, ...line)) {
	data := []byte("tls-server-end-point:" + string(bytes.Repeat([]byte{0x5a}, 32)))
	other := []byte("tls-server-end-point:" + string(bytes.Repeat([]byte{0xa5}, 32)))
	bound := krbtest.TokenOptions{Checksum: boundChecksum(data)}
	channel := func(d []byte) line { return line{"bindings", []string{hex.EncodeToString(d)}} }
	for _, rule := range []string{"when-present", "required"} {
		r := line{"binding-rule", rule}
		add("bindings-"+rule, "ok", "A token that is bound to this channel; the rule is "+rule+".", bound, r,
			channel(data))
		add("bindings-other-"+rule, "channel-bindings",
			"A token that is bound to another channel; the rule is "+rule+".",
			bound, r, channel(other))
		expect := map[string]string{"when-present": "ok", "required": "channel-bindings"}[rule]
		add("bindings-none-"+rule, expect, "A token that is bound to no channel; the rule is "+rule+".",
			krbtest.TokenOptions{}, r, channel(data))
	}
	add("bindings-ignored", "ok", "A token that is bound to another channel, without a rule.", bound, channel(other))
	add("checksum-short", "authenticator-malformed", "A GSS-API checksum of 23 octets (RFC 4121 §4.1.1).",
		krbtest.TokenOptions{Checksum: make([]byte, 23)})
}

// boundChecksum is the checksum 0x8003 with bindings (RFC 4121 §4.1.1).
func boundChecksum(data []byte) []byte {
	b := make([]byte, 16) // no addresses
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := md5.Sum(append(b, data...))
	out := binary.LittleEndian.AppendUint32(nil, 16)
	return binary.LittleEndian.AppendUint32(append(out, sum[:]...), 0x3c)
}

// rawTokens are octets that are no AP-REQ.
func (s *set) rawTokens() {
	s.rnd.seed("ap-req raw")
	token, _, err := s.kdc.Token(client, service, krbtest.TokenOptions{})
	check(err)
	add := func(name, expect, comment string, octets []byte) {
		s.tokenFile("ap-req", name, expect, comment, "kerberos der", octets, nil)
	}
	add("too-large", "token-too-large", "131,073 octets.", []byte(strings.Repeat("`", 128<<10)+"\n"))
	add("empty", "token-malformed", "No octets.", nil)
	add("cut", "token-malformed", "A token that ends early.", token[:len(token)-1])
	add("trailing", "token-malformed", "An octet behind the token.", append(bytes.Clone(token), 0))
	add("length", "token-malformed", "The length of the frame is one too many.", func() []byte {
		b := bytes.Clone(token)
		b[3]++
		return b
	}())
	add("indefinite", "token-malformed", "An indefinite length, which DER does not have.", append([]byte{0x60, 0x80},
		token[4:]...))
	add("ntlm", "ntlm-token", "An NTLM token.", []byte("NTLMSSP\x00\x01\x00\x00\x00\x97\x82\x08\xe2"))
	add("spnego", "spnego-token", "A SPNEGO token in the place of an AP-REQ.", krbtest.NegTokenInit{
		MechTypes: krbtest.MechTypes(krbtest.OIDKRB5), MechToken: token}.Token())
	add("random", "token-malformed", "Random octets.", append([]byte{0x60}, s.rnd.octets(200)...))
	s.tokenFile("spnego", "first", "ok", "NegTokenInit with Kerberos first, and its token (RFC 4178 §4.2.1).",
		"valid spnego",
		krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDKRB5, krbtest.OIDNTLM), MechToken: token}.Token(),
		s.keyOf("ap-req raw"))
	s.tokenFile("spnego", "microsoft", "ok",
		"NegTokenInit as Windows writes it: its own object identifier of Kerberos first.",
		"valid spnego", krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDMSKRB5, krbtest.OIDKRB5,
			krbtest.OIDNegoEx,
			krbtest.OIDNTLM), MechToken: token}.Token(), s.keyOf("ap-req raw"))
	s.tokenFile("spnego", "ntlm-only", "ntlm-token", "NegTokenInit with NTLM alone.", "spnego", krbtest.NegTokenInit{
		MechTypes: krbtest.MechTypes(krbtest.OIDNTLM), MechToken: []byte("NTLMSSP\x00")}.Token(), nil)
	s.tokenFile("spnego", "negoex-only", "spnego-negotiation", "NegTokenInit with NegoEx alone.", "spnego",
		krbtest.NegTokenInit{MechTypes: krbtest.MechTypes(krbtest.OIDNegoEx), MechToken: []byte("NEGOEXTS")}.Token(),
		nil)
	s.tokenFile("spnego", "no-mechanism", "token-malformed",
		"NegTokenInit without mechanisms, of which RFC 4178 §4.2.1 has one or more.", "spnego", krbtest.NegTokenInit{
			MechTypes: krbtest.MechTypes(), MechToken: token}.Token(), nil)
}

// keyOf returns the key that the first token of a seed has.
func (s *set) keyOf(seed string) []byte {
	s.rnd.seed(seed)
	_, key, err := s.kdc.Token(client, service, krbtest.TokenOptions{})
	check(err)
	return key.ExposeKeyOctets()
}
