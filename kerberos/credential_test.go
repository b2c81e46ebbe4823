package kerberos

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
)

func TestCredentialCompleteNeedsEveryPart(t *testing.T) {
	t.Parallel()
	key, err := etype.GenerateKey(etype.AES256SHA1)
	if err != nil {
		t.Fatal(err)
	}
	whole := Credential{
		Client:     Principal{Components: []string{"alice"}, Realm: "R"},
		Ticket:     []byte{0x61, 0},
		SessionKey: key,
		EndTime:    time.Unix(1, 0),
	}
	if err := whole.Complete(); err != nil {
		t.Error(err)
	}
	for name, remove := range map[string]func(*Credential){
		"ticket":      func(c *Credential) { c.Ticket = nil },
		"session key": func(c *Credential) { c.SessionKey = etype.Key{} },
		"client":      func(c *Credential) { c.Client.Components = nil },
		"realm":       func(c *Credential) { c.Client.Realm = "" },
		"end":         func(c *Credential) { c.EndTime = time.Time{} },
	} {
		c := whole
		if remove(&c); c.Complete() == nil {
			t.Errorf("complete without %s", name)
		}
	}
}
