package gss_test

import (
	"testing"
	"time"

	gokeytab "github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	gokrb5 "github.com/jcmturner/gokrb5/v8/service"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// BenchmarkAccept verifies one token again and again, without a replay store;
// replay.BenchmarkAdd has what that adds.
func BenchmarkAccept(b *testing.B) {
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	for _, et := range []int32{18, 17, 20, 19, 23} {
		b.Run(etype.Name(et), func(b *testing.B) {
			ours := acceptOurs(b, k, benchToken(b, k, et))
			b.ReportAllocs()
			for b.Loop() {
				ours()
			}
		})
	}
}

// BenchmarkAcceptAgainstGokrb5 takes turns with gokrb5's APReq.Unmarshal and
// service.VerifyAPREQ on the same token, and reports both times and their
// ratio. gokrb5's has its replay cache in it.
func BenchmarkAcceptAgainstGokrb5(b *testing.B) {
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	for _, et := range []int32{18, 17, 20, 19, 23} {
		b.Run(etype.Name(et), func(b *testing.B) {
			token := benchToken(b, k, et)
			takeTurns(b, acceptOurs(b, k, token), acceptGokrb5(b, k, token))
		})
	}
}

// takeTurns reports the time of both and their ratio.
func takeTurns(b *testing.B, ours, gokrb5 func()) {
	var ourTime, theirTime time.Duration
	for b.Loop() {
		ourTime += timed(ours)
		theirTime += timed(gokrb5)
	}
	n := float64(turn * b.N)
	b.ReportMetric(float64(ourTime)/n, "ns/ours")
	b.ReportMetric(float64(theirTime)/n, "ns/gokrb5")
	b.ReportMetric(float64(theirTime)/float64(ourTime), "ratio")
	b.ReportMetric(0, "ns/op")
}

const turn = 50 // runs in a row

func timed(f func()) time.Duration {
	start := time.Now()
	for range turn {
		f()
	}
	return time.Since(start)
}

func benchToken(b *testing.B, k *krbtest.KDC, etype int32) []byte {
	b.Helper()
	token, _, err := k.Token("alice",
		service, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype}, Bare: true})
	if err != nil {
		b.Fatal(err)
	}
	return token
}

func acceptOurs(b *testing.B, k *krbtest.KDC, token []byte) func() {
	b.Helper()
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: k.Keytab(nil), Services: []string{service}, Etypes: allEtypes,
		Replay: brokenStore{}})
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, err := a.Accept(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// acceptGokrb5 counts a replay as success: it is found in the last step.
func acceptGokrb5(b *testing.B, k *krbtest.KDC, token []byte) func() {
	b.Helper()
	settings := gokrb5.NewSettings(gokrb5Keytab(b, k), gokrb5.DecodePAC(false))
	accepted := false
	return func() {
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

// gokrb5Keytab is the keytab of all services.
func gokrb5Keytab(b *testing.B, k *krbtest.KDC) *gokeytab.Keytab {
	b.Helper()
	raw, err := k.Keytab(nil).AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	kt := gokeytab.New()
	if err := kt.Unmarshal(raw); err != nil {
		b.Fatal(err)
	}
	return kt
}
