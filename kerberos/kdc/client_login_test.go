package kdc

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// TestClientPrintsNoSecrets: no verb prints password or keys of a client or its
// configuration.
func TestClientPrintsNoSecrets(t *testing.T) {
	t.Parallel()
	cfg := ClientConfig{Client: "alice@A", Password: "secret"}
	i := fakeClient(t, &fakeKDC{}, cfg)
	ticket, err := i.ServiceTicket(t.Context(), "soap/gw")
	if err != nil {
		t.Fatal(err)
	}
	cc := ccache.Cache{Client: ticket.Client, Tickets: []kerberos.Credential{ticket}}
	secret := i.secret()
	var out strings.Builder
	for _, v := range []any{cfg, &cfg, i, secret, &secret, cc, &cc, []any{cfg, i, &cc}, struct{ i *Client }{i}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	octets := ticket.SessionKey.ExposeKeyOctets()
	for _, s := range []string{"secret", fmt.Sprintf("%x", "secret"), fmt.Sprintf("%x", octets[:8]),
		strings.Trim(fmt.Sprint(octets[:8]), "[]")} {
		if strings.Contains(out.String(), s) {
			t.Errorf("printed as %q:\n%s", s, out.String())
		}
	}
}

// TestLoginTriesNewKeytabAtOnce: a refused key is not tried again for a while,
// another one of the same source is.
func TestLoginTriesNewKeytabAtOnce(t *testing.T) {
	t.Parallel()
	keytab := func(password string) *keytab.Keytab {
		key, err := etype.StringToKey(etype.AES256SHA1, password, "Aalice", nil)
		if err != nil {
			t.Fatal(err)
		}
		return keytab.New(keytab.Entry{Principal: kerberos.Principal{Components: []string{"alice"}, Realm: "A"}, Kvno: 1,
			Etype: etype.AES256SHA1, Key: key})
	}
	source, k := &changingKeytab{keytab("old")}, &fakeKDC{}
	i, err := NewClient(ClientConfig{Client: "alice@A", Keytab: source, KDC: k})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for range 3 {
		if _, err := i.ServiceTicket(t.Context(), "soap/gw"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodePreauth}) ||
			len(k.requests) != 1 {
			t.Errorf("%v after %d requests", err, len(k.requests))
		}
	}
	source.now = keytab("secret")
	if _, err := i.ServiceTicket(t.Context(), "soap/gw"); err != nil {
		t.Error(err)
	}
}

type changingKeytab struct{ now *keytab.Keytab }

func (c *changingKeytab) Keytab() *keytab.Keytab { return c.now }

// A refusal that is the network's must not hold the next login up.
func TestHoldsOnlyRefusalsOfTheAccount(t *testing.T) {
	t.Parallel()
	for code, want := range map[kerberos.Code]bool{
		kerberos.CodePreauth: true, kerberos.CodeClientRevoked: true, kerberos.CodePasswordExpired: true,
		kerberos.CodeClientUnknown: true, kerberos.CodeKDC: false, kerberos.CodeKDCReply: false,
		kerberos.CodeSkew: false, kerberos.CodeKDCEtype: false,
	} {
		if got := holds(&kerberos.Error{Code: code}); got != want {
			t.Errorf("%s: %t", code, got)
		}
	}
	if holds(nil) || holds(errors.New("another")) {
		t.Error("other errors hold")
	}
}

// secretOf returns a clientSecret with keys of alice@A.
func secretOf(t *testing.T, keys ...keytab.Entry) clientSecret {
	t.Helper()
	who := kerberos.Principal{Components: []string{"alice"}, Realm: "A"}
	for n := range keys {
		key, err := etype.GenerateKey(keys[n].Etype)
		if err != nil {
			t.Fatal(err)
		}
		keys[n].Principal, keys[n].Key = who, key
	}
	return clientSecret{keytab: keytab.New(keys...), who: who}
}

func TestClientSecretPrefersTypesWithKeys(t *testing.T) {
	t.Parallel()
	s := secretOf(t, keytab.Entry{Etype: 17, Kvno: 1}, keytab.Entry{Etype: 20, Kvno: 1})
	if got := fmt.Sprint(s.prefer([]int32{18, 17, 20, 19})); got != "[17 20 18 19]" {
		t.Error(got)
	}
	password := clientSecret{password: func() string { return "secret" }}
	if got := fmt.Sprint(password.prefer([]int32{18, 17})); got != "[18 17]" {
		t.Error(got)
	}
}

func TestClientSecretChoosesKeyByVersion(t *testing.T) {
	t.Parallel()
	s := secretOf(t, keytab.Entry{Etype: 18, Kvno: 2}, keytab.Entry{Etype: 18, Kvno: 4}, keytab.Entry{Etype: 17, Kvno: 9})
	for kvno, want := range map[uint32]uint32{0: 4, 4: 4, 2: 2, 3: 4} {
		if e := s.entry(18, kvno); e == nil || e.Kvno != want {
			t.Errorf("kvno %d: %+v, want %d", kvno, e, want)
		}
	}
	if _, err := s.key(20, 0, nil); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeCredential}) {
		t.Errorf("a type without a key: %v", err)
	}
}

// The KDC names salt and iterations; without, the principal's salt is meant.
// A KDC that asks for a smart card gets nothing.
func TestLoginRefusesOtherPreauthentication(t *testing.T) {
	t.Parallel()
	const pkinit = 16
	r := &asRun{Client: fakeClient(t, &fakeKDC{}, ClientConfig{Client: "alice@A", Password: "secret"})}
	asked := &kerberos.KRBError{Data: der.Element(der.TagSequence, krbmsg.EncodePAData(pkinit, nil))}
	_, err := r.authenticate(t.Context(), asked)
	if !errors.Is(err, &kerberos.Error{Code: kerberos.CodePreauthType}) || !strings.Contains(err.Error(), "[16]") {
		t.Errorf("%v", err)
	}
}

func TestClientSecretMakesKeyOfPassword(t *testing.T) {
	t.Parallel()
	s := clientSecret{password: func() string { return "secret" },
		who: kerberos.Principal{Components: []string{"alice"}, Realm: "A"}}
	info := []krbmsg.EtypeInfo{{Etype: 17, Salt: "OTHER", HasSalt: true}, {Etype: 18, Params: []byte{0, 0, 0x20, 0}}}
	for et, salt := range map[int32]string{17: "OTHER", 18: "Aalice", 19: "Aalice"} {
		var params []byte
		if et == 18 {
			params = []byte{0, 0, 0x20, 0}
		}
		want, err := etype.StringToKey(et, "secret", salt, params)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.key(et, 0, info); err != nil || !got.Equal(want) {
			t.Errorf("etype %d: another key, %v", et, err)
		}
	}
	cheap := []krbmsg.EtypeInfo{{Etype: 18, Params: []byte{0, 0, 0, 1}}}
	if _, err := s.key(18, 0, cheap); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDCReply}) {
		t.Errorf("one iteration: %v", err)
	}
}
