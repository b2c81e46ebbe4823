package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// A looking door keeps the plaintext of the Body of the last message. It may refuse
// what it has decrypted.
type looking struct {
	door.Door
	plaintext atomic.Pointer[[]byte]
	inPlace   atomic.Bool // the plaintext stands in the message
	refuses   atomic.Bool
}

func (l *looking) Choose(in door.Arrival) (door.Door, error) {
	if _, err := l.Door.Choose(in); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *looking) Admit(ctx context.Context, in door.Arrival) (door.Admitted, error) {
	body, message := in.Envelope.Body, in.Envelope.Doc.Source()
	admitted, err := l.Door.Admit(ctx, in)
	if first := body.FirstChild(); first.Doc() != body.Doc() {
		src := first.Doc().Source()
		l.plaintext.Store(&src)
		l.inPlace.Store(bytes.Contains(message, src))
	}
	if l.refuses.Load() {
		return nil, &wssec.Error{Code: wssec.CodeDigestInvalid}
	}
	return admitted, err
}

// The plaintext of a message is overwritten when its exchange ends, however it
// does: answered, refused, or failed because the backend is not there. That of a large
// message stands in the message itself.
func TestPlaintextIsOverwrittenHoweverAnExchangeEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, r *gateway.Route, p *wssec.Policy) { *p = plainest },
		admit(access.Lists{AllowedPrincipals: []string{"alice@EXAMPLE.COM"}}))
	l := &looking{Door: w.config.Routes[0].Door}
	w.config.Routes[0].Door = l
	g, err := gateway.New(w.config)
	w.must(err)
	g.AnswerAtOnce()
	w.gateway.Config.Handler = g
	var client string
	endings := map[string]func(){
		"ok":                               func() {},
		string(wssec.CodeDigestInvalid):    func() { l.refuses.Store(true) },
		string(gateway.CodeBackendNotSOAP): func() { w.backend = answer(http.StatusOK, "text/plain", "no SOAP") },
		string(gateway.CodeNotAuthorized):  func() { client = "mallory" },
	}
	for _, size := range []int{2000, 2 << 20} {
		for code, prepare := range endings {
			w.backend = echo
			l.refuses.Store(false)
			w.events.reset()
			client = "alice"
			prepare()
			message, _ := w.protectAs(client, envelope(soap.V11, order(size)))
			w.post(soap.V11, bytes.NewReader(message))
			for deadline := time.Now().Add(time.Minute); g.Use().Exchanges > 0 && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			if got := w.code(1); got != code {
				t.Errorf("code %s, want %s", got, code)
			}
			if src := *l.plaintext.Swap(nil); len(src) == 0 || len(bytes.Trim(src, "\x00")) > 0 {
				t.Errorf("%s: of %d octets of plaintext some are still there", code, len(src))
			}
			if used := g.Use().Octets; used != 0 {
				t.Errorf("%s: the budget still has %d octets", code, used)
			}
			if inPlace := l.inPlace.Load(); inPlace != (size > 1<<20) {
				t.Errorf("%s, %d octets: in place %v", code, size, inPlace)
			}
		}
	}
}
