package krbmsg_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestParseKRBCredReadsWhatWasAppended(t *testing.T) {
	t.Parallel()
	want := ticketOf(t, krbtest.TicketOptions{})
	want.Flags, want.RenewTill = kerberos.FlagForwarded|kerberos.FlagForwardable, want.EndTime.Add(time.Hour)
	key, other := newKey(t, etype.AES256SHA1), newKey(t, etype.AES256SHA1)
	b, err := krbmsg.AppendKRBCred(nil, &want, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]etype.Key{"first": {key}, "second": {other, {}, key}} {
		creds, err := krbmsg.ParseKRBCred(b, keys...)
		if err != nil || len(creds) != 1 {
			t.Fatalf("%s: %v, %v", name, creds, err)
		}
		got := creds[0]
		if got.Client.String() != want.Client.String() || got.Service.String() != want.Service.String() ||
			!slices.Equal(got.Ticket, want.Ticket) || !got.SessionKey.Equal(want.SessionKey) ||
			got.Flags != want.Flags || !got.EndTime.Equal(want.EndTime) || !got.RenewTill.Equal(want.RenewTill) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, keys := range map[string][]etype.Key{"no key": nil, "another key": {other}, "zero key": {{}}} {
		if _, err := krbmsg.ParseKRBCred(b, keys...); err == nil || !strings.Contains(err.Error(), "opens with neither") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A credential in clear is inside an authenticator, which protects it.
func TestParseKRBCredReadsClearPart(t *testing.T) {
	t.Parallel()
	want := ticketOf(t, krbtest.TicketOptions{})
	b, err := seeds.ClearKRBCred(&want, newKey(t, etype.AES256SHA1))
	if err != nil {
		t.Fatal(err)
	}
	creds, err := krbmsg.ParseKRBCred(b)
	if err != nil || len(creds) != 1 || !creds[0].SessionKey.Equal(want.SessionKey) {
		t.Errorf("%v, %v", creds, err)
	}
	for n := range b {
		if _, err := krbmsg.ParseKRBCred(b[:n]); err == nil {
			t.Errorf("%d of %d octets are read", n, len(b))
		}
	}
}

func TestAppendKRBCredRejectsIncompleteTickets(t *testing.T) {
	t.Parallel()
	whole := ticketOf(t, krbtest.TicketOptions{})
	for name, remove := range map[string]func(*kerberos.Credential){
		"ticket":        func(c *kerberos.Credential) { c.Ticket = nil },
		"session key":   func(c *kerberos.Credential) { c.SessionKey = etype.Key{} },
		"client realm":  func(c *kerberos.Credential) { c.Client.Realm = "" },
		"service realm": func(c *kerberos.Credential) { c.Service.Realm = "" },
		"end":           func(c *kerberos.Credential) { c.EndTime = time.Time{} },
	} {
		c := whole
		remove(&c)
		if _, err := krbmsg.AppendKRBCred(nil, &c, newKey(t, etype.AES256SHA1)); err == nil {
			t.Errorf("written without %s", name)
		}
	}
}

// A KRB-CRED of maxCredTickets, 8, is read, and not one of 9.
func TestReadKRBCredAtTheLimitOfTickets(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int]bool{8: true, 9: false} {
		b := der.Element(der.TagApplication(22), der.Element(der.TagSequence,
			der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagInteger, der.Integer(22)),
			der.Field(2, der.TagSequence, slices.Repeat([][]byte{der.Element(der.TagApplication(1), []byte("x"))}, n)...),
			der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(0, []byte("x")))))
		if c, err := krbmsg.ReadKRBCred(b); ok != (err == nil) || ok && len(c.Tickets) != n {
			t.Errorf("%d tickets: %v", n, err)
		}
	}
}
