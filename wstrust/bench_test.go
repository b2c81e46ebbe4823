package wstrust_test

import (
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// A whole negotiation of one leg at the service: the message is scanned, the
// AP-REQ verified, key and context are issued, the answer is written.
func BenchmarkNegotiationOfOneLeg(b *testing.B) {
	w := newWorld(b, nil)
	ticket := w.ticket(krbtest.TicketOptions{})
	messages := make([][]byte, 0, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%cap(messages) == 0 {
			b.StopTimer()
			messages = messages[:0]
			w.clock = w.clock.Add(time.Second)
			// Contexts of before are not needed any more.
			w.contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Time: func() time.Time { return w.clock }})
			w.cfg.Contexts = w.contexts
			w.Negotiator = w.negotiator()
			for range cap(messages) {
				client, err := gss.NewInitiatorContext(ticket,
					gss.InitConfig{Time: func() time.Time { return w.clock }})
				w.must(err)
				messages = append(messages, []byte(first(wstrust.Feb2005, w.token(client)).text()))
			}
			b.StartTimer()
		}
		env, err := soap.Parse(messages[i%cap(messages)], xmltext.Options{})
		if err != nil || !w.Recognizes(env, "") {
			b.Fatal(err)
		}
		leg, err := w.Step(w.Context(), env, wssec.Channel{Client: here})
		w.must(err)
		_, err = leg.Reply(w.Context())
		w.must(err)
	}
}
