package door_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/wssec"
)

// delegating makes the world's acceptor keep what clients delegate, or not, and
// returns a client's ticket and the credential that it delegates.
func (w *world) delegating(keep bool) (ticket, tgt kerberos.Credential) {
	w.Helper()
	var err error
	w.acceptor, err = gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: w.replay,
		KeepTicket: keep, Delegation: keep})
	w.must(err)
	ticket, err = w.kdc.Ticket("alice", service, krbtest.TicketOptions{})
	w.must(err)
	tgt, err = w.kdc.Ticket("alice", "krbtgt/EXAMPLE.COM", krbtest.TicketOptions{Flags: kerberos.FlagForwarded})
	w.must(err)
	return ticket, tgt
}

// checkCaller checks what is known of alice behind the door.
func (w *world) checkCaller(name string, c door.Caller, kept bool) {
	w.Helper()
	if c.Principal() != "alice@EXAMPLE.COM" || !c.Known || c.Service != service+"@EXAMPLE.COM" || c.Expires.IsZero() {
		w.Errorf("%s: %v, known %t, of a ticket for %q until %v", name, c, c.Known, c.Service, c.Expires)
	}
	evidence, ok := c.Evidence()
	if d := c.Delegated(); ok != kept || (len(d) == 1) != kept {
		w.Errorf("%s: evidence %t, %d credentials, wanted %t", name, ok, len(d), kept)
	} else if kept && (evidence.Client.String() != "alice@EXAMPLE.COM" || d[0].SessionKey.IsZero()) {
		w.Errorf("%s: evidence of %v", name, evidence.Client)
	}
}

// TestCallerHasWhatItsTokenBrought: in a message with the token, and in a later one
// that names it.
func TestCallerHasWhatItsTokenBrought(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		w := newWorld(t)
		ticket, tgt := w.delegating(keep)
		token, key, err := gss.NewToken(ticket, gss.TokenOptions{Delegate: &tgt})
		w.must(err)
		p := w.preset("Kerberos")
		p.TokenOnce = true
		d, client := w.security(p), w.client(p)
		out := wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
		for _, out.Omit = range []bool{false, true} {
			message, _, err := client.ProtectRequest(nil, w.parse([]byte(envelope("", payload))), out)
			w.must(err)
			in := w.admit(d, message)
			w.checkCaller(fmt.Sprintf("by hash %t", out.Omit), in.Caller(), keep)
			w.must(in.Authorized(t.Context()))
		}
	}
}

// TestCallerOfHTTPHasWhatItsTokenBrought: by its token, and by the session of it.
func TestCallerOfHTTPHasWhatItsTokenBrought(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		w := newWorld(t)
		ticket, tgt := w.delegating(keep)
		auth, err := negotiate.New(negotiate.Config{Acceptor: w.acceptor, Delegation: keep, Session: 1e12})
		w.must(err)
		d := door.NewHTTP(auth, nil)
		c, err := gss.NewInitiatorContext(ticket, gss.InitConfig{Delegate: &tgt})
		w.must(err)
		token, _, err := c.Step(t.Context(), nil)
		w.must(err)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Negotiate "+inBase64(token))
		in, _, err := d.Admit(r)
		w.must(err)
		w.checkCaller("by its token", in.Caller(), keep)

		answer := http.Response{Header: http.Header{}}
		in.Complete(answer.Header, http.StatusOK)
		r = httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(answer.Cookies()[0])
		in, _, err = d.Admit(r)
		w.must(err)
		w.checkCaller("by its session", in.Caller(), keep)
	}
}

func TestNobodyIsKnownWithoutProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admit(door.None(), []byte(envelope("", payload))).Caller()
	if _, ok := c.Evidence(); ok || c.Known || c.Principal() != "" || c.Delegated() != nil {
		t.Errorf("%+v", c)
	}
}

func TestCallerPrintsItsNameAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ticket, tgt := w.delegating(true)
	token, key, err := gss.NewToken(ticket, gss.TokenOptions{Delegate: &tgt})
	w.must(err)
	p := w.preset("Kerberos")
	message, _, err := w.client(p).ProtectRequest(nil, w.parse([]byte(envelope("", payload))),
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	c := w.admit(w.security(p), message).Caller()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, c); !strings.Contains(text, "alice@EXAMPLE.COM") || len(text) > 30 {
			t.Errorf("%s: %.200s", verb, text)
		}
	}
}

type someKey struct{}

func TestCallerOfFindsTheCallerOfItsContext(t *testing.T) {
	t.Parallel()
	if c, ok := door.CallerOf(t.Context()); ok || c.Known {
		t.Errorf("a caller out of nothing: %v", c)
	}
	ctx := context.WithValue(t.Context(), someKey{}, "some")
	alice := door.WithCaller(ctx, door.Caller{Name: "alice", Realm: "A", Known: true})
	bob := door.WithCaller(alice, door.Caller{Name: "bob", Realm: "B", Known: true})
	for want, ctx := range map[string]context.Context{"alice@A": alice, "bob@B": context.WithoutCancel(bob)} {
		if c, ok := door.CallerOf(ctx); !ok || c.Principal() != want || ctx.Value(someKey{}) != "some" {
			t.Errorf("%v, want %s", c, want)
		}
	}
}
