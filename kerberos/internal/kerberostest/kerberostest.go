package kerberostest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
)

// The services of [NewKDC].
const (
	Service = "soap/gw.example.com"
	Other   = "soap/backend.example.com"
)

// AllEtypes are the encryption types that are supported.
var AllEtypes = []int32{17, 18, 19, 20, 23}

// Now is the fixed time of most tests.
var Now = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

// FixedTime returns Now.
func FixedTime() time.Time { return Now }

// NewKDC returns a KDC with two services and a fixed clock.
func NewKDC() *krbtest.KDC {
	k := krbtest.New(krbtest.Config{Time: FixedTime})
	k.AddService(Service)
	k.AddService(Other)
	return k
}

// NewAcceptor returns an acceptor for cfg, with defaults for tests: a keytab of
// all services, the fixed clock, and a replay store with complete records of
// the past.
func NewAcceptor(t testing.TB, k *krbtest.KDC, cfg gss.AcceptorConfig) *gss.Acceptor {
	t.Helper()
	if cfg.Keytab == nil {
		cfg.Keytab = k.Keytab(nil)
	}
	if cfg.Time == nil {
		cfg.Time = FixedTime
	}
	if cfg.Replay == nil {
		cfg.Replay = replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: cfg.Time})
	}
	a, err := gss.NewAcceptor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// MustToken returns a token of alice for Service, and its key.
func MustToken(t testing.TB, k *krbtest.KDC, o krbtest.TokenOptions) ([]byte, etype.Key) {
	t.Helper()
	token, key, err := k.Token("alice", Service, o)
	if err != nil {
		t.Fatal(err)
	}
	return token, key
}

// Code returns the Code of a refusal, or "" for success and other errors.
func Code(err error) kerberos.Code {
	var e *kerberos.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// WantRefusal checks the code and text of a refusal.
func WantRefusal(t *testing.T, err error, want kerberos.Code, words ...string) {
	t.Helper()
	if Code(err) != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if !errors.Is(err, &kerberos.Error{Code: want}) {
		t.Errorf("errors.Is does not see %s in %v", want, err)
	}
}

// NewClient returns a client that is closed when the test ends.
func NewClient(t *testing.T, cfg kdc.ClientConfig) *kdc.Client {
	t.Helper()
	i, err := kdc.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// MustAccept gets a ticket and has the acceptor accept a token made with it.
func MustAccept(t *testing.T, i *kdc.Client, a *gss.Acceptor,
	service, client string) (kerberos.Credential, *gss.Authentication) {
	t.Helper()
	ticket, err := i.ServiceTicket(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Accept(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if name, realm := c.Client(); name+"@"+realm != client || !c.Key().Equal(key) {
		t.Errorf("%v, want %s", c, client)
	}
	return ticket, c
}

// PasswordKeys returns a keytab with the keys of a password.
func PasswordKeys(t testing.TB, cfg keytab.PasswordConfig, principal, password string) *keytab.Keytab {
	t.Helper()
	var err error
	if cfg.Principal, err = kerberos.ParsePrincipal(principal); err != nil {
		t.Fatal(err)
	}
	entries, err := keytab.FromPassword(cfg, password)
	if err != nil {
		t.Fatal(err)
	}
	return keytab.New(entries...)
}

// ReadRecorded reads recorded tokens: lines of a name, a time and tokens in
// base64, "-" for none.
func ReadRecorded(t testing.TB, path string, f func(name string, at time.Time, tokens [][]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "#" {
			continue
		}
		at, err := time.Parse(time.RFC3339, fields[1])
		if err != nil {
			t.Fatal(err)
		}
		var tokens [][]byte
		for _, text := range fields[2:] {
			token, err := base64.StdEncoding.DecodeString(strings.Trim(text, "-"))
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token)
		}
		f(fields[0], at, tokens)
	}
}

// InitiatorScript is an initiator of python-gssapi, that is of MIT's library:
// it prints the token, reads the reply if there is mutual authentication, then
// prints the context's key, as GSS_C_INQ_SSPI_SESSION_KEY returns it, and a
// MIC.
const InitiatorScript = `
import sys, gssapi, gssapi.raw
def out(b): sys.stdout.write(b.hex() + "\n"); sys.stdout.flush()
F = gssapi.RequirementFlag
flags = F.integrity | F.confidentiality | F.replay_detection | F.out_of_sequence_detection
if sys.argv[2] == "mutual": flags |= F.mutual_authentication
name = gssapi.Name(sys.argv[1], gssapi.NameType.kerberos_principal)
ctx = gssapi.SecurityContext(name=name, usage="initiate", flags=flags, mech=gssapi.MechType.kerberos)
out(ctx.step())
if not ctx.complete: ctx.step(bytes.fromhex(sys.stdin.readline()))
assert ctx.complete
oid = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")
out(gssapi.raw.inquire_sec_context_by_oid(ctx, oid)[0])
out(ctx.get_signature(b"a message"))
`

// MITEnctypes are the encryption types by MIT's names.
var MITEnctypes = []struct {
	Etype int32
	Name  string
}{
	{17, "aes128-cts-hmac-sha1-96"}, {18, "aes256-cts-hmac-sha1-96"},
	{19, "aes128-cts-hmac-sha256-128"}, {20, "aes256-cts-hmac-sha384-192"}, {23, "arcfour-hmac"},
}
