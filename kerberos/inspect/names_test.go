package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// Numbers have the names of their specifications, also those that nothing here
// can use; others are shown as numbers.
func TestNumbersHaveTheirNames(t *testing.T) {
	t.Parallel()
	for _, list := range []struct {
		name  func(int32) string
		names map[int32]string
	}{
		{anyEtypeName, map[int32]string{0: "null: in clear", 1: "des-cbc-crc: withdrawn", 2: "des-cbc-md4: withdrawn",
			3: "des-cbc-md5: withdrawn", 16: "des3-cbc-sha1: withdrawn", 18: "aes256-cts-hmac-sha1-96",
			24: "rc4-hmac-exp: withdrawn", 25: "camellia128-cts-cmac", 26: "camellia256-cts-cmac",
			-133: "rc4 of Windows NT: withdrawn", 99: ""}},
		{cksumName, map[int32]string{7: "rsa-md5", 12: "hmac-sha1-des3", 15: "hmac-sha1-96-aes128",
			16: "hmac-sha1-96-aes256", 19: "hmac-sha256-128-aes128", 20: "hmac-sha384-192-aes256", -138: "hmac-md5",
			99: "unknown"}},
		{func(n int32) string { return nameTypeName(int64(n)) }, map[int32]string{0: "NT-UNKNOWN", 1: "NT-PRINCIPAL",
			2: "NT-SRV-INST", 3: "NT-SRV-HST", 4: "NT-SRV-XHST", 5: "NT-UID", 6: "NT-X500-PRINCIPAL", 7: "NT-SMTP-NAME",
			10: "NT-ENTERPRISE", 11: "NT-WELLKNOWN", -130: "NT-ENT-PRINCIPAL-AND-ID", 99: "name type 99"}},
		{adName, map[int32]string{1: "AD-IF-RELEVANT", 4: "AD-KDC-ISSUED", 5: "AD-AND-OR", 8: "AD-MANDATORY-FOR-KDC",
			71: "AD-fx-fast-armor", 72: "AD-fx-fast-used", 96: "AD-CAMMAC", 97: "AD-AUTHENTICATION-INDICATOR",
			128: "AD-WIN2K-PAC", 129: "AD-ETYPE-NEGOTIATION", 141: "KERB-AUTH-DATA-TOKEN-RESTRICTIONS",
			142: "KERB-LOCAL", 143: "AD-AUTH-DATA-AP-OPTIONS", 144: "AD-TARGET-PRINCIPAL", 512: "AD-SIGNTICKET",
			99: "type 99"}},
		{paName, map[int32]string{1: "PA-TGS-REQ", 2: "PA-ENC-TIMESTAMP", 19: "PA-ETYPE-INFO2", 133: "PA-FX-COOKIE",
			99: "type 99"}},
	} {
		for number, want := range list.names {
			if got := list.name(number); got != want {
				t.Errorf("%d is %q, want %q", number, got, want)
			}
		}
	}
}

// What commoner errors mean stands beside them.
func TestErrorsAreExplained(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for code, want := range map[int32]string{
		6: "does not know the client", 7: "no service principal name", 14: "no key of an encryption type",
		24: "wrong password", 25: "ordinary", 32: "clocks differ", 33: "clocks differ", 34: "a replay",
		35: "not for this service",
		37: "clocks differ", 41: "key does not open the ticket", 44: "the ticket's kvno", 52: "over TCP",
		68: "of another realm",
	} {
		r := New(Config{Time: func() time.Time { return now }}).Inspect(krbmsg.AppendKRBError(nil, code, now, []byte("R"),
			krbmsg.Name{}))
		text := string(r.Node.AppendText(nil))
		if !r.Sound || !strings.Contains(text, want) || !strings.Contains(text, fmt.Sprintf("%d %s", code,
			kerberos.KRBErrorName(code))) || !strings.Contains(text, "2026-11-22T12:00:00Z, now") {
			t.Errorf("%d: no %q in\n%s", code, want, text)
		}
	}
	if got := krbErrorMeaning(60); got != "" {
		t.Errorf("a generic error means %q", got)
	}
}

// authenticate is an NTLM message with a domain, a user and a workstation.
func authenticate(names ...string) []byte {
	b := make([]byte, 64)
	copy(b, "NTLMSSP\x00\x03")
	for i, name := range names {
		field := b[28+8*i:]
		text := []byte{}
		for _, unit := range utf16.Encode([]rune(name)) {
			text = binary.LittleEndian.AppendUint16(text, unit)
		}
		binary.LittleEndian.PutUint16(field, uint16(len(text)))
		binary.LittleEndian.PutUint32(field[4:], uint32(len(b)))
		b = append(b, text...)
	}
	return b
}

func TestNTLMIsNamed(t *testing.T) {
	t.Parallel()
	message := authenticate("CORP", "ållice", "PC-7")
	text := string(New(Config{}).Inspect(message).Node.AppendText(nil))
	for _, want := range []string{"message 3 AUTHENTICATE, 92 octets", "CORP", "ållice", "PC-7", "not read by the gateway",
		"refused: ntlm-token"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for want, b := range map[string][]byte{
		"message 3 AUTHENTICATE, 40 octets": message[:40], // the fields lie behind it, or are cut off
		"message 0, 9 octets":               message[:9],
		"message 2 CHALLENGE, 12 octets":    []byte("NTLMSSP\x00\x02\x00\x00\x00"),
	} {
		text := string(New(Config{}).Inspect(b).Node.AppendText(nil))
		if !strings.Contains(text, want) || strings.Contains(text, "workstation") {
			t.Errorf("no %q, or a name, in\n%s", want, text)
		}
	}
}

// element is one of HostAddresses or AuthorizationData.
func element(kind int32, data ...byte) []byte {
	return der.Element(der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(kind))),
		der.Field(1, der.TagOctetString, data))
}

func TestAddressesOfATicketAreShown(t *testing.T) {
	t.Parallel()
	var n Node
	list := append(element(krbmsg.AddressIPv4, 192, 0, 2, 1),
		element(krbmsg.AddressNetBIOS, []byte("PC-7           ")...)...)
	list = append(list, element(krbmsg.AddressIPv6, make([]byte, 15)...)...)
	addresses(&n, append(list, 0x30, 0))
	var got []string
	for _, c := range n.Children {
		got = append(got, strings.TrimSpace(c.Value+" "+c.Problem))
	}
	want := "192.0.2.1|PC-7|type 24, 15 octets|caddr: addr-type: missing or cut off"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("%s, want %s", text, want)
	}
	if legalText([]byte("EXAMPLE.COM")) != "EXAMPLE.COM" || legalText([]byte("\x1b[2J")) != "(not a legal name)" {
		t.Error("a text that is no legal name is shown, or one that is not")
	}
}

func TestAuthorizationDataIsShown(t *testing.T) {
	t.Parallel()
	target := []byte{}
	for _, unit := range utf16.Encode([]rune("HTTP/gw.example.com")) {
		target = binary.LittleEndian.AppendUint16(target, unit)
	}
	inner := append(element(krbmsg.ADAPOptions, 0, 0xc0, 0, 0), element(adTargetPrincipal, target...)...)
	inner = append(inner, element(adEtypeNegotiation, der.Element(der.TagSequence, der.Element(der.TagInteger,
		der.Integer(18)))...)...)
	inner = append(inner, element(adIndicator, der.Element(der.TagSequence)...)...)
	x := inspection{Inspector: New(Config{})}
	n := Node{Name: "authorization-data"}
	x.authzData(&n, element(krbmsg.ADIfRelevant, der.Element(der.TagSequence, inner)...), etype.Key{}, 0)
	text := string(n.AppendText(nil))
	for _, want := range []string{"AD-IF-RELEVANT", "channel-bindings-known unverified-target-name", "HTTP/gw.example.com",
		"the service that the client called", "AD-ETYPE-NEGOTIATION", "(RFC 4537)", "AD-AUTHENTICATION-INDICATOR"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if x.failed {
		t.Error("it counts as unsound")
	}
	deep := element(adIndicator)
	for range pac.MaxAuthzDepth + 2 {
		deep = element(krbmsg.ADIfRelevant, der.Element(der.TagSequence, deep)...)
	}
	n = Node{Name: "authorization-data"}
	x.authzData(&n, deep, etype.Key{}, 0)
	if !strings.Contains(string(n.AppendText(nil)), "lists in lists beyond any use") {
		t.Errorf("%s", n.AppendText(nil))
	}
	for want, list := range map[string][]byte{
		"authorization-data: ad-type: missing or cut off": {0x30, 0},
		"AD-IF-RELEVANT: tag 0x02 where 0x30 belongs":     element(krbmsg.ADIfRelevant, 2, 1, 0),
	} {
		x, n := inspection{Inspector: New(Config{})}, Node{Name: "authorization-data"}
		if x.authzData(&n, list, etype.Key{}, 0); !x.failed || !strings.Contains(string(n.AppendText(nil)), want) {
			t.Errorf("no %q, or sound: %s", want, n.AppendText(nil))
		}
	}
}

// What is no token or file is said to be so, and how much of it there is.
func TestOtherInputIsNamed(t *testing.T) {
	t.Parallel()
	for want, tc := range map[string]struct {
		b            []byte
		known, sound bool
	}{
		"no octets at all": {nil, true, true},
		"NEGOEX token":     {[]byte("NEGOEXTS...."), true, true},
		"KRB-SAFE":         {[]byte{0x74, 0}, true, true},
		"KRB-PRIV":         {[]byte{0x75, 0}, true, true},
		"no token or file of Kerberos begins with 47 45 54 20": {[]byte("GET / HTTP/1.1"), false, false},
		"tag 0x7f, which no message of Kerberos has":           {[]byte{0x7f, 0}, false, false},
		"record mark announces 9 octets, 2 follow":             {[]byte{0, 0, 0, 9, 0x74, 0}, true, false},
		"behind a TCP record mark":                             {[]byte{0, 0, 0, 2, 0x74, 0}, true, true},
		"more than any token or file of Kerberos":              {make([]byte, maxInspectBytes+1), false, false},
	} {
		r := New(Config{}).Inspect(tc.b)
		text := string(r.Node.AppendText(nil))
		if r.Known != tc.known || r.Sound != tc.sound || !strings.Contains(text, want) {
			t.Errorf("known %t, sound %t, no %q in\n%s", r.Known, r.Sound, want, text)
		}
	}
}

// Tickets in memory are shown as those of a file.
func TestTicketsInMemoryAreShown(t *testing.T) {
	t.Parallel()
	alice := kerberos.Principal{Components: []string{"alice"}, Realm: "EXAMPLE.COM"}
	bob := kerberos.Principal{Components: []string{"bob"}, Realm: "EXAMPLE.COM"}
	key, err := etype.GenerateKey(etype.AES256SHA1)
	if err != nil {
		t.Fatal(err)
	}
	n := New(Config{}).Tickets(alice, []kerberos.Credential{
		{Client: alice, Service: kerberos.Principal{Components: []string{"krbtgt", "EXAMPLE.COM"}, Realm: "EXAMPLE.COM"},
			SessionKey: key, Ticket: []byte{0x61, 0}},
		{Client: bob, Service: kerberos.Principal{Components: []string{"HTTP", "gw"}, Realm: "EXAMPLE.COM"}, SessionKey: key},
	})
	text := string(n.AppendText(nil))
	for _, want := range []string{"alice@EXAMPLE.COM", "krbtgt/EXAMPLE.COM@EXAMPLE.COM", "ticket-granting",
		"HTTP/gw@EXAMPLE.COM", "bob@EXAMPLE.COM", "Ticket: "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
