package kerberos_test

import (
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	gokrb5 "github.com/jcmturner/gokrb5/v8/service"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// BenchmarkAccept verifies one token again and again, next to gokrb5 doing the same in the same run. gokrb5's figure
// has its replay cache in it, ours the replay store's cost is BenchmarkMemoryReplay's.
func BenchmarkAccept(b *testing.B) {
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	for _, etype := range []int32{18, 17, 20, 19, 23} {
		token, _, err := k.Token("alice", service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, Bare: true})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%s/ours", kerberos.EtypeName(etype)), func(b *testing.B) { benchOurs(b, k, token) })
		b.Run(fmt.Sprintf("%s/gokrb5", kerberos.EtypeName(etype)), func(b *testing.B) { benchGokrb5(b, k, token) })
	}
}

func benchOurs(b *testing.B, k *krbtest.KDC, token []byte) {
	a, err := kerberos.NewAcceptor(kerberos.AcceptorConfig{Keytab: k.Keytab(nil), Services: []string{service},
		Etypes: []int32{17, 18, 19, 20, 23}, Replay: brokenStore{}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Accept(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// benchGokrb5 counts a replay as success: it is found in the last step.
func benchGokrb5(b *testing.B, k *krbtest.KDC, token []byte) {
	raw, err := k.Keytab(nil).AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	kt := keytab.New()
	if err := kt.Unmarshal(raw); err != nil {
		b.Fatal(err)
	}
	settings := gokrb5.NewSettings(kt, gokrb5.DecodePAC(false))
	accepted := false
	b.ReportAllocs()
	for b.Loop() {
		var req messages.APReq
		if err := req.Unmarshal(token); err != nil {
			b.Fatal(err)
		}
		ok, _, err := gokrb5.VerifyAPREQ(&req, settings)
		if err != nil && !accepted {
			b.Fatal(err)
		}
		accepted = accepted || ok
	}
}
