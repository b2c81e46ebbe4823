package kerberos_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// messagesScript talks in per-message tokens with MIT's library, as initiator (first argument the service, else "") or
// acceptor. It obeys lines of hexadecimal whose first octet is a command, and answers each with one line.
const messagesScript = `
import sys, gssapi
def out(b): sys.stdout.write(b.hex() + "\n"); sys.stdout.flush()
def line(): return bytes.fromhex(sys.stdin.readline())
if sys.argv[1]:
    F = gssapi.RequirementFlag
    flags = F.integrity | F.confidentiality | F.replay_detection | F.out_of_sequence_detection
    if sys.argv[2] == "mutual": flags |= F.mutual_authentication
    name = gssapi.Name(sys.argv[1], gssapi.NameType.kerberos_principal)
    ctx = gssapi.SecurityContext(name=name, usage="initiate", flags=flags, mech=gssapi.MechType.kerberos)
    out(ctx.step())
    if not ctx.complete: ctx.step(line())
else:
    ctx = gssapi.SecurityContext(usage="accept", creds=gssapi.Credentials(usage="accept"))
    ctx.step(line())
assert ctx.complete
while True:
    b = line()
    if not b: break
    command, b = b[:1], b[1:]
    try:
        if command == b"S": out(ctx.wrap(b, True).message)
        elif command == b"P": out(ctx.wrap(b, False).message)
        elif command == b"M": out(ctx.get_signature(b))
        elif command == b"U":
            m = ctx.unwrap(b)
            out((b"sealed " if m.encrypted else b"plain ") + m.message)
        elif command == b"V":
            ctx.verify_signature(b[1:1+b[0]], b[1+b[0]:]); out(b"good")
    except gssapi.exceptions.GSSError as e: out(type(e).__name__.encode())
`

// A mitPeer is a running messagesScript.
type mitPeer struct {
	t *testing.T
	p *krbtest.Python
}

func (p mitPeer) do(command, argument string) string {
	p.t.Helper()
	p.p.Send([]byte(command + argument))
	return string(p.p.Receive())
}

// TestInteropMessages exchanges per-message tokens with MIT's initiator and acceptor in contexts of every encryption
// type, without mutual authentication, with it, and with an acceptor's subkey.
func TestInteropMessages(t *testing.T) {
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.Kinit("alice", "secret")
	m.AddService(service)
	names := []string{service}
	for _, e := range mitEnctypes {
		name := fmt.Sprintf("soap/etype%d.example.com", e.etype)
		m.AddService(name, e.name)
		names = append(names, name)
	}
	a, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: m.Keytab(names...), Etypes: allEtypes})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range mitEnctypes {
		for _, kind := range []string{"one-way", "mutual", "subkey"} {
			if kind == "subkey" && e.etype == 23 {
				continue // RC4 tokens cannot name it
			}
			t.Run(fmt.Sprintf("initiator/%s/%s", e.name, kind), func(t *testing.T) {
				peer, ours := acceptMIT(t, m, a, names[i+1], e.name, kind)
				checkExchange(t, peer, ours)
			})
		}
		t.Run("acceptor/"+e.name, func(t *testing.T) {
			peer, ours := initiateMIT(t, m, a, e.name)
			checkExchange(t, peer, ours)
		})
	}
}

// acceptMIT is a context that MIT's initiator has with us.
func acceptMIT(t *testing.T, m *krbtest.MIT, a *kerberos.Acceptor, service, enctype, kind string) (mitPeer, kerberos.MessageConfig) {
	t.Helper()
	mutual := kind
	if kind == "subkey" {
		mutual = "mutual"
	}
	p := m.Python(krbtest.Script{Code: messagesScript, Args: []string{service + "@EXAMPLE.COM", mutual},
		Conf: m.Krb5Conf(enctype, "aes256-cts-hmac-sha1-96")})
	c, err := a.Accept(t.Context(), p.Receive())
	if err != nil {
		t.Fatal(err)
	}
	cfg := kerberos.MessageConfig{Key: c.Key(), Acceptor: true, SendSequence: c.Facts().SeqNumber, ReceiveSequence: c.Facts().SeqNumber}
	if kind == "subkey" {
		octets := krbtest.RandomKey(c.EtypeOfKey())
		if cfg.AcceptorSubkey, err = kerberos.NewKey(c.EtypeOfKey(), octets); err != nil {
			t.Fatal(err)
		}
	}
	if kind != "one-way" {
		cfg.SendSequence = apRepSequence
		p.Send(apRepWith(t, c, cfg.AcceptorSubkey))
	}
	return mitPeer{t, p}, cfg
}

// initiateMIT is a context that we have with MIT's acceptor.
func initiateMIT(t *testing.T, m *krbtest.MIT, a *kerberos.Acceptor, enctype string) (mitPeer, kerberos.MessageConfig) {
	t.Helper()
	i, err := kerberos.NewInitiator(kerberos.InitiatorConfig{Client: "alice@EXAMPLE.COM", Password: "secret", Krb5Conf: m.Krb5Conf(enctype)})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	ticket, err := i.ServiceTicket(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	token, key, err := ticket.InitToken(kerberos.InitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Accept(t.Context(), token) // to know the authenticator's seq-number
	if err != nil {
		t.Fatal(err)
	}
	first := c.Facts().SeqNumber
	p := m.Python(krbtest.Script{Code: messagesScript, Args: []string{""}, Env: []string{"KRB5_KTNAME=" + m.KeytabFile(service)}})
	p.Send(token)
	return mitPeer{t, p}, kerberos.MessageConfig{Key: key, SendSequence: first, ReceiveSequence: first}
}

// checkExchange: 100 in sequence of each kind and direction, with and without rotation, then one replayed, one altered
// and one out of order.
func checkExchange(t *testing.T, peer mitPeer, cfg kerberos.MessageConfig) {
	t.Helper()
	ours, err := kerberos.NewMessageProtection(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sent := uint32(0)
	for n := range 100 {
		text := strings.Repeat("x", n*n%700) + fmt.Sprint(n)
		toUs(t, peer, ours, text)
		fromUs(t, peer, ours, text)
		sent += 3
	}
	for _, rrc := range []uint16{12, 28, 1000, 65535} { // go on with rotation
		rotated := cfg
		rotated.SendSequence, rotated.SealedRRC, rotated.IntegrityRRC = cfg.SendSequence+sent, rrc, rrc
		other, err := kerberos.NewMessageProtection(rotated)
		if err != nil {
			t.Fatal(err)
		}
		fromUs(t, peer, other, "rotated")
		sent += 3
	}
	toUsRefused(t, peer, ours)
	cfg.SendSequence += sent
	if ours, err = kerberos.NewMessageProtection(cfg); err != nil {
		t.Fatal(err)
	}
	fromUsRefused(t, peer, ours)
}

func toUs(t *testing.T, peer mitPeer, ours *kerberos.MessageProtection, text string) {
	t.Helper()
	for _, command := range []string{"S", "P"} {
		out, sealed, err := ours.Unwrap(nil, []byte(peer.do(command, text)))
		if err != nil || string(out) != text || sealed != (command == "S") {
			t.Fatalf("%s: %q, sealed %t, %v", command, out, sealed, err)
		}
	}
	if err := ours.VerifyMIC([]byte(text), []byte(peer.do("M", text))); err != nil {
		t.Fatal(err)
	}
}

func fromUs(t *testing.T, peer mitPeer, ours *kerberos.MessageProtection, text string) {
	t.Helper()
	for want, sealed := range map[string]bool{"sealed ": true, "plain ": false} {
		if got := peer.do("U", wrapped(t, ours, text, sealed)); got != want+text {
			t.Fatalf("MIT unwraps %q, want %q", got, want+text)
		}
	}
	text = text[max(0, len(text)-200):] // its length goes in one octet
	mic, err := ours.MIC([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := peer.do("V", string([]byte{byte(len(text))})+text+string(mic)); got != "good" {
		t.Fatalf("MIT verifies our MIC: %s", got)
	}
}

func wrapped(t *testing.T, m *kerberos.MessageProtection, text string, sealed bool) string {
	t.Helper()
	token, err := m.Wrap(nil, []byte(text), sealed)
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func toUsRefused(t *testing.T, peer mitPeer, ours *kerberos.MessageProtection) {
	t.Helper()
	first, second := []byte(peer.do("S", "first")), []byte(peer.do("P", "second"))
	for _, step := range []struct {
		token []byte
		want  error
	}{{second, kerberos.ErrMessageGap}, {first, nil}, {first, kerberos.ErrMessageReplay}, {second, nil}, {second, kerberos.ErrMessageReplay}} {
		if _, _, err := ours.Unwrap(nil, step.token); !errors.Is(err, step.want) {
			t.Errorf("%v, want %v", err, step.want)
		}
	}
}

func fromUsRefused(t *testing.T, peer mitPeer, ours *kerberos.MessageProtection) {
	t.Helper()
	first, second, third := wrapped(t, ours, "first", true), wrapped(t, ours, "second", false), wrapped(t, ours, "third", true)
	n := len(first) - 3
	altered := first[:n] + string([]byte{first[n] ^ 1}) + first[n+1:]
	for _, step := range []struct{ token, want string }{{altered, "BadMICError"}, {first, "sealed first"}, {first, "DuplicateTokenError"},
		{third, "TokenTooEarlyError"}, {second, "TokenTooLateError"}} {
		if got := peer.do("U", step.token); got != step.want {
			t.Errorf("MIT: %s, want %s", got, step.want)
		}
	}
}

// apRepSequence is the first number of an acceptor that answers with apRepWith.
const apRepSequence = 0x0102

// subkeyField is the subkey of EncAPRepPart (RFC 4120 5.5.2).
func subkeyField(b *cryptobyte.Builder, key kerberos.Key) {
	if key.IsZero() {
		return
	}
	b.AddASN1(contextTag(2), func(b *cryptobyte.Builder) {
		b.AddASN1(0x30, func(b *cryptobyte.Builder) {
			b.AddASN1(contextTag(0), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(key.Etype())) })
			b.AddASN1(contextTag(1), func(b *cryptobyte.Builder) { b.AddASN1OctetString(key.ExposeKeyOctets()) })
		})
	})
}
