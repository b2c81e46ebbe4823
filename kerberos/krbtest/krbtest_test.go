package krbtest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/messages"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A test of another package gets a token, its key and an acceptor in two lines.
func TestTokenIsAcceptedByAcceptor(t *testing.T) {
	t.Parallel()
	token, key, keytab := krbtest.Token(t, "alice", "soap/gw.example.com")
	acceptor := krbtest.Acceptor(t, keytab)

	c, err := acceptor.VerifyToken(t.Context(), token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := c.Client(); name != "alice" || !bytes.Equal(c.ExposeKeyOctets(), key.ExposeKeyOctets()) {
		t.Error(c)
	}
}

// A KDC makes tokens with one mistake.
func ExampleKDC_Token() {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	token, _, err := kdc.Token("alice", "soap/gw.example.com", krbtest.TokenOptions{
		Ticket:      krbtest.TicketOptions{ClientRealm: "USERS.EVIL"},
		ClientRealm: "ADMIN.CORP", // of the authenticator
	})
	fmt.Println(len(token) > 300, err)
	// Output: true <nil>
}

func TestKDCRejectsUnknownPrincipals(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{Realm: "TEST"})
	if _, _, err := kdc.Token("alice", "no/such", krbtest.TokenOptions{}); err == nil {
		t.Error("token for an unknown service")
	}
	if kdc.Realm() != "TEST" {
		t.Error(kdc.Realm())
	}
	if _, err := kdc.Ticket("alice", "krbtgt/TEST", krbtest.TicketOptions{Etype: 99}); err == nil {
		t.Error("ticket of an unknown encryption type")
	}
}

// TestExchangeAnswersGarbage: the KDC answers every request, with a KRB-ERROR
// if need be.
func TestExchangeAnswersGarbage(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	for _, request := range []string{"", "x", "\x6a", "\x6c\x00", "\x6a\x81\x01\x30", "\x6c\x02\x30\x00",
		strings.Repeat("\x6a", 100)} {
		var reply messages.KRBError
		if err := reply.Unmarshal(kdc.Exchange([]byte(request))); err != nil {
			t.Errorf("%q: %v", request, err)
		}
	}
}

func TestKeytabHoldsServicesOnly(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddUser("alice", "secret")
	kdc.AddService("soap/a")
	kdc.AddService("soap/a")
	kdc.Alias("soap/a", "soap/b")
	got := fmt.Sprint(kdc.Keytab(nil, etype.AES256SHA1))
	if want := "soap/a@EXAMPLE.COM: kvno 2 etype 18 (aes256-cts-hmac-sha1-96)\n" +
		"soap/b@EXAMPLE.COM: kvno 2 etype 18 (aes256-cts-hmac-sha1-96)"; got != want {
		t.Error(got)
	}
}

// fakeTB records what Need does.
type fakeTB struct {
	krbtest.TB
	said string
}

func (f *fakeTB) Helper() {}
func (f *fakeTB) Skipf(format string, args ...any) {
	f.said = "skip: " + fmt.Sprintf(format, args...)
}
func (f *fakeTB) Fatalf(format string, args ...any) {
	f.said = "fatal: " + fmt.Sprintf(format, args...)
}

func TestNeedSkipsOrFails(t *testing.T) {
	missing := krbtest.Peer{Path: "/no/such/program", Package: "krb5-kdc"}
	for ci, want := range map[string]string{"": "skip: ", "true": "fatal: "} {
		t.Setenv("CI", ci)
		var tb fakeTB
		krbtest.Need(&tb, missing)
		if !strings.HasPrefix(tb.said, want) || !strings.Contains(tb.said, "krb5-kdc") {
			t.Errorf("CI=%q: %s", ci, tb.said)
		}
	}
}
