package wssec_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

func TestRememberCachesOnlyVerifiedTokens(t *testing.T) {
	t.Parallel()
	once := func(p *wssec.Policy) { p.TokenOnce = true }
	ps := newPeers(t, signOnly(once), nil)
	msg, _ := ps.request(t, plainOrder)
	_, err := ps.verify(t, []byte(replace(t, string(msg), ">10<", ">11<")))
	refused(t, err, wssec.CodeDigestInvalid)
	ps.token.Omit = true
	later, _ := ps.request(t, plainOrder)
	_, err = ps.verify(t, later)
	refused(t, err, wssec.CodeTokenUnavailable)

	if _, err := ps.verify(t, msg); err != nil {
		t.Fatal(err)
	}
	m, err := ps.verify(t, later)
	if err != nil {
		t.Fatal(err)
	}
	ps.now = m.TicketEndTime().Add(time.Second)
	expired, _ := ps.request(t, plainOrder)
	_, err = ps.verify(t, expired)
	refused(t, err, wssec.CodeTokenUnavailable)

	ps.now = time.Now()
	strict := newPeers(t, signOnly(), nil)
	strict.client, strict.token = ps.client, ps.token
	_, err = strict.verify(t, later)
	refused(t, err, wssec.CodeTokenUnavailable)
}
