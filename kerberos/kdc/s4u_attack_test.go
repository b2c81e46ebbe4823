package kdc_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A tgsRep is a TGS-REP in pieces, each with its content.
type tgsRep struct {
	padata         []byte // nil for none
	crealm, cname  []byte
	ticket, sealed []byte // whole elements
}

// between sits on the way to the KDC and alters TGS exchanges.
type between struct {
	kdc.Exchanger
	request func(paData []byte) []byte // nil: leaves requests
	reply   func(*tgsRep)
}

func (b *between) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	if request[0] == der.TagApplication(12) && b.request != nil {
		p := der.Parser{In: "KDC-REQ"}
		seq := p.Whole(p.Whole(request, request[0], "tag"), der.TagSequence, "sequence")
		p.Constant(&seq, 1, 5, "pvno")
		p.Constant(&seq, 2, 12, "msg-type")
		paData := p.Field(&seq, 3, der.TagSequence, "padata")
		body := p.Next(&seq, der.TagContext(4), "body")
		if p.Err != nil {
			return nil, p.Err
		}
		request = krbmsg.EncodeKDCRequest(12, b.request(paData), body)
	}
	reply, err := b.Exchanger.Exchange(ctx, realm, request)
	if err != nil || reply[0] != der.TagApplication(13) || b.reply == nil {
		return reply, err
	}
	p := der.Parser{In: "KDC-REP"}
	seq := p.Whole(p.Whole(reply, reply[0], "tag"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, 5, "pvno")
	p.Constant(&seq, 1, 13, "msg-type")
	r := &tgsRep{}
	r.padata, _ = p.Optional(&seq, 2, der.TagSequence, "padata")
	r.crealm = p.Field(&seq, 3, der.TagGeneralString, "crealm")
	r.cname = p.Next(&seq, der.TagContext(4), "cname")
	r.ticket = p.Next(&seq, der.TagContext(5), "ticket")
	r.sealed = p.Next(&seq, der.TagContext(6), "enc-part")
	if p.Err != nil {
		return nil, p.Err
	}
	b.reply(r)
	var padata []byte
	if r.padata != nil {
		padata = der.Field(2, der.TagSequence, r.padata)
	}
	return der.Element(der.TagApplication(13), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{13}), padata,
		der.Field(3, der.TagGeneralString, r.crealm), der.Element(der.TagContext(4), r.cname),
		der.Element(der.TagContext(5), r.ticket), der.Element(der.TagContext(6), r.sealed))), nil
}

// named returns the cname of a reply.
func named(name string) []byte { return krbmsg.EncodeName(1, []string{name}) }

// without returns PA-DATA without those of a kind.
func without(paData []byte, kind int32) (left []byte) {
	p := der.Parser{In: "padata"}
	krbmsg.EachPAData(&p, paData, func(k int32, value []byte) {
		if k != kind {
			left = append(left, krbmsg.EncodePAData(int64(k), value)...)
		}
	})
	return left
}

// attacked returns a client whose way to the KDC leads over b. It has logged in.
func (u *users) attacked(t *testing.T, b *between) *kdc.Client {
	t.Helper()
	b.Exchanger = u.kdc
	return newClient(t, kdc.ClientConfig{Client: gateway, Keytab: u.Keytab([]string{gateway}),
		Krb5Conf: u.server.Krb5Conf(), KDC: b, Forwardable: true, Time: func() time.Time { return u.now }})
}

// TestServiceTicketForUnderAttack: whoever sits between client and KDC cannot
// have a ticket of one user taken for another's.
func TestServiceTicketForUnderAttack(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	bosses, err := u.Ticket("boss", gateway, krbtest.TicketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var recorded []byte // PA-FOR-USER for the boss, under the same ticket-granting ticket
	recording := &between{request: func(paData []byte) []byte {
		recorded, _ = krbmsg.FindPAData(paData, krbmsg.PAForUser)
		return paData
	}}
	for name, c := range map[string]struct {
		b     between
		code  kerberos.Code // "" if it succeeds
		words string
	}{
		"another name in the reply's cleartext": {between{reply: func(r *tgsRep) { r.cname = named("boss") }},
			kerberos.CodeKDCReply, "ticket is for the client boss@"},
		"another realm in it": {between{reply: func(r *tgsRep) { r.crealm = []byte("OTHER") }},
			kerberos.CodeKDCReply, "ticket is for the client alice@"},
		"another spelling in it": {between{reply: func(r *tgsRep) { r.cname = named("Alice") }},
			kerberos.CodeKDCReply, "the ticket is in the name of alice@"},
		"no PA-S4U-X509-USER in the reply": {between{reply: func(r *tgsRep) { r.padata = nil }}, "", ""},
		"an altered one": {between{reply: func(r *tgsRep) {
			r.padata = bytes.Replace(r.padata, []byte("alice"), []byte("alicf"), 1)
		}}, kerberos.CodeKDCReply, "wrong checksum"},
		"two of them": {between{reply: func(r *tgsRep) { r.padata = slices.Concat(r.padata, r.padata) }},
			kerberos.CodeKDCReply, "two elements of a type"},
		"the boss's own ticket in the reply": {between{reply: func(r *tgsRep) { r.ticket = bosses.Ticket }},
			kerberos.CodeKDCReply, "the ticket is in the name of boss@"},
		"an older ticket of alice in the reply": {between{reply: func(r *tgsRep) {
			older, err := u.Ticket("alice", gateway, krbtest.TicketOptions{})
			if err != nil {
				t.Error(err)
			}
			r.ticket = older.Ticket
		}}, kerberos.CodeKDCReply, "its session key is another"},
		"an altered enc-part": {between{reply: func(r *tgsRep) { r.sealed[len(r.sealed)-1] ^= 1 }},
			kerberos.CodeTicketIntegrity, ""},
		"no PA-S4U-X509-USER in the request": {between{request: func(paData []byte) []byte {
			return without(paData, krbmsg.PAS4UX509User)
		}}, "", ""},
		"the PA-FOR-USER of another request": {between{
			request: func(paData []byte) []byte {
				if recorded == nil {
					return recording.request(paData)
				}
				paData = without(without(paData, krbmsg.PAS4UX509User), krbmsg.PAForUser)
				return append(paData, krbmsg.EncodePAData(krbmsg.PAForUser, recorded)...)
			},
			reply: func(r *tgsRep) { r.cname = named("alice") },
		}, kerberos.CodeKDCReply, "the ticket is in the name of boss@"},
	} {
		recorded = nil
		i := u.attacked(t, &c.b)
		if c.b.request != nil && c.b.reply != nil {
			if _, err := i.ServiceTicketFor(t.Context(), "boss", ""); err == nil {
				t.Error(name, "the recording was not altered")
			}
		}
		ticket, err := i.ServiceTicketFor(t.Context(), "alice", "")
		switch {
		case c.code == "":
			u.mustBeAccepted(t, ticket, err, gateway, "alice@EXAMPLE.COM")
		default:
			t.Log(name)
			wantRefusal(t, err, c.code, c.words)
		}
	}
}

// TestServiceTicketForNeedsTheTicketsKey: a ticket that the keytab does not open
// proves nothing.
func TestServiceTicketForNeedsTheTicketsKey(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	i := u.gateway(t)
	if _, err := i.ServiceTicketFor(t.Context(), "boss", ""); err != nil {
		t.Fatal(err)
	}
	u.AddService(gateway) // new keys
	_, err := i.ServiceTicketFor(t.Context(), "alice", "")
	wantRefusal(t, err, kerberos.CodeCredential, "version 2", "nothing else proves in whose name it is")
}

// TestProxyTicketUnderAttack: the name of a ticket for another service is that
// of the evidence.
func TestProxyTicketUnderAttack(t *testing.T) {
	t.Parallel()
	u := newUsers(t)
	u.AllowDelegation(gateway, backend)
	evidence := u.evidence(t, kerberos.FlagForwardable)
	for name, c := range map[string]struct {
		reply func(*tgsRep)
		code  kerberos.Code
		words string
	}{
		"another name": {func(r *tgsRep) { r.cname = named("boss") }, kerberos.CodeKDCReply,
			"ticket is for the client boss@"},
		"another spelling": {func(r *tgsRep) { r.cname = named("Alice") }, kerberos.CodeKDCReply, "asked for was alice"},
		"another realm": {func(r *tgsRep) { r.crealm = []byte("OTHER") }, kerberos.CodeKDCReply,
			"asked for was alice@EXAMPLE.COM"},
		"an altered enc-part": {func(r *tgsRep) { r.sealed[len(r.sealed)-1] ^= 1 }, kerberos.CodeTicketIntegrity, ""},
		"a ticket for another service": {func(r *tgsRep) { r.ticket = evidence.Ticket }, kerberos.CodeKDCReply,
			"reply says that the ticket is for " + backend},
	} {
		_, err := u.attacked(t, &between{reply: c.reply}).ProxyTicket(t.Context(), evidence, backend)
		t.Log(name)
		wantRefusal(t, err, c.code, c.words)
	}
	// Without PA-PAC-OPTIONS the KDC decides by the other rules alone.
	i := u.attacked(t, &between{request: func(paData []byte) []byte {
		return without(paData, krbmsg.PAPACOptions)
	}})
	ticket, err := i.ProxyTicket(t.Context(), evidence, backend)
	u.mustBeAccepted(t, ticket, err, backend, "alice@EXAMPLE.COM")
}
