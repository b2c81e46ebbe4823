package gss

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// TestKeysAreNeverPrinted prints and marshals everything that holds a key in
// every way, and looks for its octets.
func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	octets := []byte("0123456789abcdefghijklmnopqrstuv")
	key, err := etype.NewKey(etype.AES256SHA1, octets)
	if err != nil {
		t.Fatal(err)
	}
	entry := keytab.Entry{Principal: kerberos.Principal{Components: []string{"host"}, Realm: "R"}, Kvno: 1,
		Etype: key.Etype(), Key: key}
	kt := keytab.New(entry)
	a, err := NewAcceptor(AcceptorConfig{Keytab: kt})
	if err != nil {
		t.Fatal(err)
	}
	ticket := kerberos.Credential{SessionKey: key}
	messages := newMessages(t, MessageConfig{Key: key, AcceptorSubkey: key, Acceptor: true})
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{key, &key, entry, kt, *kt, &Authentication{key: key, session: key}, Authentication{key: key},
		a, *a, a.cfg, ticket, &ticket, []etype.Key{key},
		MessageConfig{Key: key}, messages, messages.format,
		map[string]etype.Key{"k": key}, struct{ k etype.Key }{key}, struct{ K any }{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%p", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("x", "v", v)
		text.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	for _, secret := range []string{string(octets[:8]), hex.EncodeToString(octets[:8]),
		strings.ToUpper(hex.EncodeToString(octets[:8])),
		base64.StdEncoding.EncodeToString(octets[:9]), strings.Trim(fmt.Sprint(octets[:8]), "[]"), "0x30, 0x31, 0x32",
		"0x30 0x31"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("key octets are printed as %q", secret)
		}
	}
	if !strings.Contains(out.String(), "aes256-cts-hmac-sha1-96 key (redacted)") {
		t.Error("keys do not print as their type")
	}
}
