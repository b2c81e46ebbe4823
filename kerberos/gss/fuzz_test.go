package gss

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// seedTokens are the tokens of testdata without SPNEGO, and the time of the
// first.
func seedTokens(f *testing.F) (tokens [][]byte, at time.Time) {
	f.Helper()
	b, err := os.ReadFile("../testdata/cxf-tokens.txt")
	if err != nil {
		f.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "#" {
			continue
		}
		token, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil {
			f.Fatal(err)
		}
		if tokens = append(tokens, token); at.IsZero() {
			if at, err = time.Parse(time.RFC3339, fields[1]); err != nil {
				f.Fatal(err)
			}
		}
	}
	for _, r := range recordedContexts(f) {
		if !r.spnego {
			tokens = append(tokens, r.wire[0])
		}
	}
	return tokens, at
}

// forgetful is a replay store that accepts every authenticator again.
type forgetful struct{}

func (forgetful) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// fuzzKeytab has the keys of all recorded tokens.
func fuzzKeytab(f *testing.F) *keytab.Keytab {
	f.Helper()
	var entries []keytab.Entry
	for _, name := range []string{"../testdata/cxf.keytab", "../testdata/tokens/service.keytab"} {
		kt, err := keytab.Load(name)
		if err != nil {
			f.Fatal(err)
		}
		entries = append(entries, kt.Entries()...)
	}
	return keytab.New(entries...)
}

// fuzzAcceptor accepts the seeds again and again, although they were recorded
// days apart.
func fuzzAcceptor(f *testing.F) (a *Acceptor, seeds [][]byte) {
	f.Helper()
	seeds, at := seedTokens(f)
	a, err := NewAcceptor(AcceptorConfig{Keytab: fuzzKeytab(f), Etypes: []int32{17, 18, 19, 20, 23},
		Time: func() time.Time { return at }, Replay: forgetful{}})
	if err != nil {
		f.Fatal(err)
	}
	a.cfg.MaxSkew = 10 * 24 * time.Hour
	return a, seeds
}

// FuzzAccept: no input panics, and what is accepted holds an authenticator that
// a seed holds; a mutation of the rest can only change what the ticket's
// checksum does not cover and the key choice allows.
func FuzzAccept(f *testing.F) {
	a, tokens := fuzzAcceptor(f)
	known := map[[32]byte]bool{}
	for _, token := range tokens {
		f.Add(token)
		c, err := a.Accept(context.Background(), token)
		if err != nil {
			f.Fatal(err)
		}
		known[c.facts.ReplayID] = true
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		c, err := a.Accept(context.Background(), token)
		var e *kerberos.Error
		switch {
		case err == nil && !known[c.facts.ReplayID]:
			t.Errorf("forged: %v", c)
		case err != nil && (!errors.As(err, &e) || e.Code == "" || len(err.Error()) > 20_000):
			t.Errorf("%T %v", err, err)
		}
	})
}

// FuzzParseAPReq: what we read, gokrb5 reads too, and as the same.
func FuzzParseAPReq(f *testing.F) {
	tokens, _ := seedTokens(f)
	for _, token := range tokens {
		raw, err := krbmsg.Unframe(token)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := krbmsg.ParseAPReq(b)
		if err != nil {
			return
		}
		again, err := krbmsg.ParseAPReq(seeds.LongLengths(b, 4))
		if err != nil || !bytes.Equal(again.Ticket.Cipher, r.Ticket.Cipher) ||
			!bytes.Equal(again.Authenticator.Cipher, r.Authenticator.Cipher) ||
			again.Options != r.Options || !bytes.Equal(again.Realm, r.Realm) {
			t.Errorf("%+v, with long lengths %+v, %v", r, again, err)
		}
		var g messages.APReq
		if err := g.Unmarshal(b); err != nil {
			if !strings.Contains(err.Error(), "asn1") { // it refuses what is not IA5, and large integers
				t.Fatalf("gokrb5: %v", err)
			}
			return
		}
		if string(r.Realm) != g.Ticket.Realm || string(r.Ticket.Cipher) != string(g.Ticket.EncPart.Cipher) ||
			r.Ticket.Etype != g.Ticket.EncPart.EType || r.Ticket.Kvno != uint32(g.Ticket.EncPart.KVNO) ||
			string(r.Authenticator.Cipher) != string(g.EncryptedAuthenticator.Cipher) || !sameName(r.SName, g.Ticket.SName) {
			t.Errorf("%+v, gokrb5 has %+v", r, g)
		}
	})
}

func sameName(w krbmsg.Name, g types.PrincipalName) bool {
	return string(w.AppendText(nil)) == kerberos.Principal{Components: g.NameString}.Name()
}

// FuzzParsePlaintext reads the decrypted parts, which only a KDC and a client
// with a ticket can make.
func FuzzParsePlaintext(f *testing.F) {
	kt := fuzzKeytab(f)
	tokens, _ := seedTokens(f)
	for _, token := range tokens {
		raw, _ := krbmsg.Unframe(token)
		r, err := krbmsg.ParseAPReq(raw)
		if err != nil {
			f.Fatal(err)
		}
		service := string(append(append(r.SName.AppendText(nil), '@'), r.Realm...))
		ticket, _, err := kt.OpenTicket(nil, service, r.Ticket.Etype, r.Ticket.Kvno, r.Ticket.Cipher, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(ticket))
		part, err := krbmsg.ParseEncTicketPart(ticket)
		if err != nil {
			f.Fatal(err)
		}
		session, err := etype.NewKey(part.Key.Etype, part.Key.Octets)
		if err != nil {
			f.Fatal(err)
		}
		auth, err := etype.NewUsageKey(session, etype.UsageAuthenticator).Decrypt(nil, r.Authenticator.Cipher)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(auth))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := krbmsg.ParseEncTicketPart(b); err == nil {
			var g messages.EncTicketPart
			if err := g.Unmarshal(b); err == nil &&
				(string(p.CRealm) != g.CRealm || !sameName(p.CName, g.CName) || !p.EndTime.Equal(g.EndTime)) {
				t.Errorf("%+v, gokrb5 has %+v", p, g)
			}
		}
		if a, err := krbmsg.ParseAuthenticator(b); err == nil {
			a.GSSChecksum()
			var g types.Authenticator
			if err := g.Unmarshal(b); err == nil && (string(a.CRealm) != g.CRealm || !sameName(a.CName, g.CName) ||
				string(a.Subkey.Octets) != string(g.SubKey.KeyValue)) {
				t.Errorf("%+v, gokrb5 has %+v", a, g)
			}
		}
	})
}

// FuzzUnwrap: no octets panic either side of a context of any encryption type,
// and whatever is accepted is a token that was really sent: the same text and
// kind, whatever the RRC.
func FuzzUnwrap(f *testing.F) {
	const text = "a text that was sent"
	var sides []*MessageProtection
	for i, et := range etype.All() {
		for _, subkey := range []bool{false, et.ID != etype.RC4} {
			key, err := etype.NewKey(et.ID, bytes.Repeat([]byte{byte(i + 1)}, et.KeyLen)) // the same in each process
			if err != nil {
				f.Fatal(err)
			}
			cfg := MessageConfig{Key: key, Order: AnyOrder, SealedRRC: 28, IntegrityRRC: 12}
			if subkey {
				cfg.AcceptorSubkey = cfg.Key
			}
			a, b := newMessages(f, cfg), newMessages(f, peerOf(cfg))
			sides = append(sides, a, b)
			for _, m := range []*MessageProtection{a, b} {
				f.Add(mustWrap(f, m, text, true))
				f.Add(mustWrap(f, m, text, false))
				mic, err := m.MIC([]byte(text))
				if err != nil {
					f.Fatal(err)
				}
				f.Add(mic)
			}
			if c, ok := a.format.(*cfxTokens); ok {
				f.Add(foreignWrap(c.send, c.flags, []byte(text), make([]byte, 16), 44, 9))
			}
		}
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		for _, m := range sides {
			out, sealed, err := m.Unwrap(nil, token)
			var e *MessageError
			if err != nil && (!errors.As(err, &e) || out != nil) || err == nil && string(out) != text {
				t.Errorf("%q, %t, %v", out, sealed, err)
			}
			if c, ok := m.format.(*cfxTokens); ok && err == nil && sealed != (token[2]&krbmsg.FlagSealed != 0) {
				t.Errorf("sealed %t, flags %x, %+v", sealed, token[2], c.flags)
			}
			if err := m.VerifyMIC([]byte(text), token); err != nil && !errors.As(err, &e) {
				t.Error(err)
			}
			if m.VerifyMIC([]byte("another text"), token) == nil {
				t.Error("a MIC of another text")
			}
		}
	})
}
