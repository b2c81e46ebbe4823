package gss_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// TestContextHidesTicketWithoutKey: a sender that has a ticket without its key
// learns nothing of its content, its end for instance, nor that our key
// decrypts it.
func TestContextHidesTicketWithoutKey(t *testing.T) {
	t.Parallel()
	k := newKDC()
	for name, c := range map[string]struct {
		ticket krbtest.TicketOptions
		owner  string
	}{
		"good":    {krbtest.TicketOptions{}, ""},
		"ended":   {krbtest.TicketOptions{EndTime: now.Add(-time.Hour)}, "KRB_AP_ERR_TKT_EXPIRED"},
		"early":   {krbtest.TicketOptions{StartTime: now.Add(time.Hour)}, "KRB_AP_ERR_TKT_NYV"},
		"invalid": {krbtest.TicketOptions{Flags: kerberos.FlagInvalid}, "KRB_AP_ERR_TKT_NYV"},
	} {
		ticket, err := k.Ticket("alice", service, c.ticket)
		if err != nil {
			t.Fatal(err)
		}
		thief := ticket
		if thief.SessionKey,
			err = etype.NewKey(ticket.SessionKey.Etype(),
			bytes.Repeat([]byte{7}, len(ticket.SessionKey.ExposeKeyOctets()))); err != nil {
			t.Fatal(err)
		}
		for _, who := range []struct {
			ticket kerberos.Credential
			want   string
		}{{ticket, c.owner}, {thief, "KRB_AP_ERR_MODIFIED"}} {
			p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{}), who.ticket, gss.InitConfig{Time: fixedTime},
				gss.AcceptConfig{})
			_, initErr, _ := p.talk(t)
			said, code := (*kerberos.KRBError)(nil), ""
			if errors.As(initErr, &said) {
				code = kerberos.KRBErrorName(said.Code)
			}
			if code != who.want {
				t.Errorf("%s: answered with %q, want %q", name, code, who.want)
			}
		}
	}
}
