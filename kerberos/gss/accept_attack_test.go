package gss_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// The attacks here worked against libraries in use; each test names the fault
// it stands for.

// TestAcceptorRejectsSpoofedRealm: a client of a trusted but lesser realm
// claims another realm in the authenticator (gokrb5 577).
func TestAcceptorRejectsSpoofedRealm(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{
		Ticket:      krbtest.TicketOptions{ClientRealm: "USERS.EVIL"},
		ClientRealm: "ADMIN.CORP",
	})
	_, err := newAcceptor(t, k, gss.AcceptorConfig{}).Accept(t.Context(), token)
	wantRefusal(t, err, kerberos.CodeClientMismatch, "alice@USERS.EVIL's", "alice@ADMIN.CORP")
}

// TestAcceptorRejectsRewrittenSName: the ticket's service name is in clear.
// Rewriting it must neither make a presented authenticator new nor let a ticket
// for one service pass as one for another.
func TestAcceptorRejectsRewrittenSName(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	token, _ := mustToken(t, k, krbtest.TokenOptions{Bare: true})
	if _, err := a.Accept(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	rewritten := rename(t, token, "gw.example.com", "GW.example.com")
	_, err := a.Accept(t.Context(), rewritten)
	wantRefusal(t, err, kerberos.CodeNoPrincipal)

	k.AddService("soap/bk.example.com") // same length, another key
	a = newAcceptor(t, k, gss.AcceptorConfig{})
	rewritten = rename(t, token, "gw.example.com", "bk.example.com")
	_, err = a.Accept(t.Context(), rewritten)
	wantRefusal(t, err, kerberos.CodeTicketIntegrity)
}

// TestAcceptorRejectsReplayUnderAlias: with several names on one key the
// rewritten ticket decrypts, but the authenticator is still known, also in the
// other frame and bare.
func TestAcceptorRejectsReplayUnderAlias(t *testing.T) {
	t.Parallel()
	k := newKDC()
	k.Alias(service, "soap/bk.example.com")
	a := newAcceptor(t, k, gss.AcceptorConfig{})
	routes := []*gss.Acceptor{a, a.ForServices(service), a.ForServices("soap/bk.example.com")}
	bare, _ := mustToken(t, k, krbtest.TokenOptions{Bare: true})
	renamed := rename(t, bare, "gw.example.com", "bk.example.com")
	var accepted int
	for _, apReq := range [][]byte{bare, renamed} {
		tokens := [][]byte{apReq}
		for _, oid := range [][]byte{krbtest.OIDKRB5, krbtest.OIDMSKRB5, krbtest.OIDOldKRB5} {
			tokens = append(tokens, krbtest.Frame(oid, nil, apReq))
		}
		for _, token := range tokens {
			for _, route := range routes {
				_, err := route.Accept(t.Context(), token)
				switch code(err) {
				case "":
					accepted++
				case kerberos.CodeReplay, kerberos.CodeService:
				default:
					t.Error(err)
				}
			}
		}
	}
	if accepted != 1 {
		t.Errorf("one authenticator was accepted %d times", accepted)
	}
}

func rename(t *testing.T, token []byte, from, to string) []byte {
	t.Helper()
	if bytes.Count(token, []byte(from)) != 1 || len(from) != len(to) {
		t.Fatal("cannot rename")
	}
	return bytes.Replace(token, []byte(from), []byte(to), 1)
}

// TestAcceptorRejectsShortCiphertexts: every length of both ciphertexts, for
// all encryption types (gokrb5 panics on those shorter than the checksum).
func TestAcceptorRejectsShortCiphertexts(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, etype := range allEtypes {
		for n := 1; n < 120; n++ {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype, CutCipher: n}})
			if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeTokenMalformed &&
				code(err) != kerberos.CodeTicketIntegrity {
				t.Fatalf("etype %d, %d octets of ticket: %v", etype, n, err)
			}
			token, _ = mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, CutAuth: n})
			if _, err := a.Accept(t.Context(), token); code(err) != kerberos.CodeTokenMalformed &&
				code(err) != kerberos.CodeAuthIntegrity {
				t.Fatalf("etype %d, %d octets of authenticator: %v", etype, n, err)
			}
		}
	}
}

// TestAcceptorRejectsMutations: every truncation and every flipped bit of a
// token is refused, or is the same authenticator and thus a replay; nothing
// panics, and every refusal has a code.
func TestAcceptorRejectsMutations(t *testing.T) {
	t.Parallel()
	k := newKDC()
	a := newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes})
	for _, etype := range allEtypes {
		for _, bare := range []bool{false, true} {
			token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, Bare: bare})
			if _, err := a.Accept(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			for n := range token {
				mustRefuse(t, a, token[:n])
			}
			mustRefuse(t, a, append(bytes.Clone(token), 0))
			for i := range 8 * len(token) {
				mutant := bytes.Clone(token)
				mutant[i/8] ^= 1 << (i % 8)
				mustRefuse(t, a, mutant)
			}
		}
	}
}

func mustRefuse(t *testing.T, a *gss.Acceptor, token []byte) {
	t.Helper()
	c, err := a.Accept(context.Background(), token)
	var e *kerberos.Error
	if c != nil || !errors.As(err, &e) || e.Code == "" || e.Detail == "" {
		t.Fatalf("token %x: %v, %v", token, c, err)
	}
}

// TestAcceptorSurvivesMalformedPlaintext: malformed plaintext that a client
// with a ticket, or a KDC, can send, and on which other libraries fail.
func TestAcceptorSurvivesMalformedPlaintext(t *testing.T) {
	t.Parallel()
	k := newKDC()
	ticket := func(o krbtest.TicketOptions) krbtest.TokenOptions { return krbtest.TokenOptions{Ticket: o} }
	for name, o := range map[string]struct {
		krbtest.TokenOptions
		accept, step kerberos.Code // "" for accepted
	}{
		"garbage in AD-IF-RELEVANT":          {ticket(krbtest.TicketOptions{AuthzData: []byte("garbage")}), "", ""},
		"empty AD-IF-RELEVANT of the client": {krbtest.TokenOptions{AuthzType: 1}, "", kerberos.CodeAuthMalformed},
		"empty sequence in AD-IF-RELEVANT":   {ticket(krbtest.TicketOptions{AuthzData: []byte{0x30, 0}}), "", ""},
		"garbage PAC": {
			ticket(krbtest.TicketOptions{AuthzType: 128, AuthzData: []byte("garbage")}), "", ""},
		"service without a name": {ticket(krbtest.TicketOptions{Name: []string{""}}),
			kerberos.CodeTokenMalformed, kerberos.CodeTokenMalformed},
		"service of no components": {ticket(krbtest.TicketOptions{Name: []string{}}),
			kerberos.CodeTokenMalformed, kerberos.CodeTokenMalformed},
		"checksum of another type, no GSS-API": {krbtest.TokenOptions{NoChecksum: true}, "", ""},
		"ticket of the size of its parts alone": {ticket(krbtest.TicketOptions{CutCipher: 28}),
			kerberos.CodeTicketIntegrity, kerberos.CodeTicketIntegrity},
	} {
		t.Run(name, func(t *testing.T) {
			token, _ := mustToken(t, k, o.TokenOptions)
			a := newAcceptor(t, k, gss.AcceptorConfig{})
			_, acceptErr := a.Accept(t.Context(), token)
			_, _, stepErr := newAcceptor(t, k,
				gss.AcceptorConfig{}).NewContext(gss.AcceptConfig{BindingRule: gss.BindingsWhenPresent}).Step(t.Context(), token)
			if code(acceptErr) != o.accept || code(stepErr) != o.step {
				t.Errorf("Accept: %v, want %q; Step: %v, want %q", acceptErr, o.accept, stepErr, o.step)
			}
		})
	}
}
