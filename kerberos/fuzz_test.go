package kerberos

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

	gokeytab "github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// seedTokens are the tokens of testdata without SPNEGO, and the time of the first.
func seedTokens(f *testing.F) (tokens [][]byte, at time.Time) {
	f.Helper()
	b, err := os.ReadFile("testdata/cxf-tokens.txt")
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

// forgetful takes an authenticator again and again.
type forgetful struct{}

func (forgetful) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// fuzzKeytab has the keys of all recorded tokens.
func fuzzKeytab(f *testing.F) *Keytab {
	f.Helper()
	var entries []KeytabEntry
	for _, name := range []string{"testdata/cxf.keytab", "testdata/tokens/service.keytab"} {
		kt, err := LoadKeytab(name)
		if err != nil {
			f.Fatal(err)
		}
		entries = append(entries, kt.Entries()...)
	}
	return NewKeytab(entries...)
}

// fuzzAcceptor accepts the seeds again and again, although they were recorded days apart.
func fuzzAcceptor(f *testing.F) (a *Acceptor, seeds [][]byte) {
	f.Helper()
	seeds, at := seedTokens(f)
	a, err := NewAcceptor(AcceptorConfig{Keytab: fuzzKeytab(f), Etypes: []int32{17, 18, 19, 20, 23}, Time: func() time.Time { return at }, Replay: forgetful{}})
	if err != nil {
		f.Fatal(err)
	}
	a.cfg.MaxSkew = 10 * 24 * time.Hour
	return a, seeds
}

// FuzzAccept: no input panics, and what is accepted holds an authenticator that a seed holds; a mutation of the rest can
// only change what the ticket's checksum does not cover and the key choice allows.
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
		var e *Error
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
		raw, err := unframe(token)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseAPReq(b)
		if err != nil {
			return
		}
		again, err := parseAPReq(LongLengths(b, 4))
		if err != nil || !bytes.Equal(again.ticket.cipher, r.ticket.cipher) || !bytes.Equal(again.authenticator.cipher, r.authenticator.cipher) ||
			again.options != r.options || !bytes.Equal(again.realm, r.realm) {
			t.Errorf("%+v, with long lengths %+v, %v", r, again, err)
		}
		var g messages.APReq
		if err := g.Unmarshal(b); err != nil {
			if !strings.Contains(err.Error(), "asn1") { // it refuses what is not IA5, and large integers
				t.Fatalf("gokrb5: %v", err)
			}
			return
		}
		if string(r.realm) != g.Ticket.Realm || string(r.ticket.cipher) != string(g.Ticket.EncPart.Cipher) ||
			r.ticket.etype != g.Ticket.EncPart.EType || r.ticket.kvno != uint32(g.Ticket.EncPart.KVNO) ||
			string(r.authenticator.cipher) != string(g.EncryptedAuthenticator.Cipher) || !sameName(r.sname, g.Ticket.SName) {
			t.Errorf("%+v, gokrb5 has %+v", r, g)
		}
	})
}

func sameName(w wireName, g types.PrincipalName) bool {
	return string(w.appendText(nil)) == Principal{Components: g.NameString}.Name()
}

// FuzzParsePlaintext reads the decrypted parts, which only a KDC and a client with a ticket can make.
func FuzzParsePlaintext(f *testing.F) {
	kt := fuzzKeytab(f)
	tokens, _ := seedTokens(f)
	for _, token := range tokens {
		raw, _ := unframe(token)
		r, err := parseAPReq(raw)
		if err != nil {
			f.Fatal(err)
		}
		service := string(append(append(r.sname.appendText(nil), '@'), r.realm...))
		ticket, _, err := kt.OpenTicket(nil, service, r.ticket.etype, r.ticket.kvno, r.ticket.cipher, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(ticket))
		part, err := parseEncTicketPart(ticket)
		if err != nil {
			f.Fatal(err)
		}
		session, err := NewKey(part.key.etype, part.key.octets)
		if err != nil {
			f.Fatal(err)
		}
		auth, err := newUsageKey(session, usageAuthenticator).open(nil, r.authenticator.cipher)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(auth))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parseEncTicketPart(b); err == nil {
			var g messages.EncTicketPart
			if err := g.Unmarshal(b); err == nil && (string(p.crealm) != g.CRealm || !sameName(p.cname, g.CName) || !p.endTime.Equal(g.EndTime)) {
				t.Errorf("%+v, gokrb5 has %+v", p, g)
			}
		}
		if a, err := parseAuthenticator(b); err == nil {
			a.gssChecksum()
			var g types.Authenticator
			if err := g.Unmarshal(b); err == nil && (string(a.crealm) != g.CRealm || !sameName(a.cname, g.CName) || string(a.subkey.octets) != string(g.SubKey.KeyValue)) {
				t.Errorf("%+v, gokrb5 has %+v", a, g)
			}
		}
	})
}

// FuzzParseKeytab: what we read, gokrb5 reads as the same entries.
func FuzzParseKeytab(f *testing.F) {
	b, err := os.ReadFile("testdata/cxf.keytab")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:400])
	f.Add(append([]byte{5, 2}, keytabEntry(false, 18, 32, 7, []byte{0, 0, 1, 7})...))
	f.Add(append([]byte{5, 1}, keytabEntry(true, 17, 16, 7, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		kt, err := ParseKeytab(b)
		if err != nil {
			return
		}
		var theirs gokeytab.Keytab
		if len(b) < 6 || theirs.Unmarshal(b) != nil {
			return
		}
		if len(theirs.Entries) != len(kt.entries) {
			t.Fatalf("%d entries, gokrb5 has %d", len(kt.entries), len(theirs.Entries))
		}
		for i, e := range kt.entries {
			if e.Kvno != theirs.Entries[i].KVNO || !e.Key.IsZero() && string(e.Key.ExposeKeyOctets()) != string(theirs.Entries[i].Key.KeyValue) {
				t.Errorf("entry %d differs", i)
			}
		}
		if text := kt.String(); strings.Contains(text, "\x00") && !bytes.Contains(b, []byte{0}) {
			t.Error(text)
		}
	})
}

// FuzzParsePrincipal: what is read is written as it was meant.
func FuzzParsePrincipal(f *testing.F) {
	for _, s := range []string{"alice@EXAMPLE.COM", `soap/gw.example.com`, `a\/b\@c\\/d@R`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePrincipal(s)
		if err != nil {
			return
		}
		if q, err := ParsePrincipal(p.String()); err != nil || q.String() != p.String() || len(q.Components) != len(p.Components) {
			t.Errorf("%q: %v, %v", s, q, err)
		}
	})
}

// FuzzUnwrap: no octets panic either side of a context of any encryption type, and whatever is accepted is a token that
// was really sent: the same text and kind, whatever the RRC.
func FuzzUnwrap(f *testing.F) {
	const text = "a text that was sent"
	var sides []*MessageProtection
	for i, et := range enctypes {
		for _, subkey := range []bool{false, et.id != EtypeRC4} {
			key, err := NewKey(et.id, bytes.Repeat([]byte{byte(i + 1)}, et.keyLen)) // the same in each process
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
			if c, ok := m.format.(*cfxTokens); ok && err == nil && sealed != (token[2]&flagSealed != 0) {
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
