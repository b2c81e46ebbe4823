package kerberos

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestNothingPrintsKeys prints and marshals all that holds a key in every way, and looks for its octets.
func TestNothingPrintsKeys(t *testing.T) {
	octets := []byte("0123456789abcdefghijklmnopqrstuv")
	key, err := NewKey(EtypeAES256SHA1, octets)
	if err != nil {
		t.Fatal(err)
	}
	entry := KeytabEntry{Principal: Principal{[]string{"host"}, "R"}, Kvno: 1, Etype: key.etype, Key: key}
	kt := NewKeytab(entry)
	a, err := NewAcceptor(AcceptorConfig{Keytab: kt})
	if err != nil {
		t.Fatal(err)
	}
	ticket := ServiceTicket{SessionKey: key}
	messages := newMessages(t, MessageConfig{Key: key, AcceptorSubkey: key, Acceptor: true})
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{key, &key, entry, kt, *kt, &Authentication{key: key, session: key}, Authentication{key: key}, a, *a, a.cfg, ticket, &ticket, []Key{key},
		MessageConfig{Key: key}, messages, messages.format,
		map[string]Key{"k": key}, struct{ k Key }{key}, struct{ K any }{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%p", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("x", "v", v)
		text.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	derived := newUsageKey(key, usageTicket).ki[:8]
	for _, secret := range []string{strings.Trim(fmt.Sprint(derived), "[]"), hex.EncodeToString(derived), string(octets[:8]), hex.EncodeToString(octets[:8]), strings.ToUpper(hex.EncodeToString(octets[:8])),
		base64.StdEncoding.EncodeToString(octets[:9]), strings.Trim(fmt.Sprint(octets[:8]), "[]"), "0x30, 0x31, 0x32", "0x30 0x31"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("key octets are printed as %q", secret)
		}
	}
	if !strings.Contains(out.String(), "aes256-cts-hmac-sha1-96 key (redacted)") {
		t.Error("keys do not print as their type")
	}
}

func TestKey(t *testing.T) {
	octets := make([]byte, 32)
	a, err := NewKey(EtypeAES256SHA1, octets)
	if err != nil {
		t.Fatal(err)
	}
	octets[0] = 1
	b, _ := NewKey(EtypeAES256SHA1, octets)
	c, _ := NewKey(EtypeAES256SHA2, octets)
	exposed := b.ExposeKeyOctets()
	exposed[0] = 9
	if a.Equal(b) || b.Equal(c) || !b.Equal(b) || !(Key{}).Equal(Key{}) || a.Equal(Key{}) || (Key{}).Equal(a) || b.ExposeKeyOctets()[0] != 1 {
		t.Error("Equal, or shared memory")
	}
	if !(Key{}).IsZero() || (Key{}).ExposeKeyOctets() != nil || (Key{}).String() != "no key" {
		t.Error("zero key")
	}
	for etype, n := range map[int32]int{18: 31, 17: 32, 23: 0, 16: 24} {
		if _, err := NewKey(etype, make([]byte, n)); err == nil {
			t.Errorf("key of %d octets for etype %d", n, etype)
		}
	}
}
