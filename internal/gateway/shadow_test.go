package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/pool"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// nested is the content of a Body that is an element of many, so that its index is
// large.
func nested(elements int) string {
	return `<q:all xmlns:q="urn:q">` + strings.Repeat(`<q:i xmlns:p="urn:p"><p:j/></q:i>`, elements/2) + `</q:all>`
}

// TestTrialVerifiesALargeMessage as the route that is enforced would: it comes after
// the message was forwarded, and needs all that is in it. Of the plaintext, which
// stands in the message then, nothing is left.
func TestTrialVerifiesALargeMessage(t *testing.T) {
	t.Parallel()
	const elementBytes = 40
	for name, encrypted := range map[string]bool{"signed": false, "encrypted": true} {
		w := newWorld(t, func(c *gateway.Config, r *gateway.Route, p *wssec.Policy) { p.EncryptedParts.Body = encrypted })
		l := &looking{Door: w.config.Routes[0].Door}
		w.config.Routes[0].Door = door.NewShadow(l)
		g, err := gateway.New(w.config)
		w.must(err)
		w.gateway.Config.Handler = g
		w.backend = answer(http.StatusOK, soap.V11.ContentType(), envelope(soap.V11, "<r/>"))
		message, _ := w.protect(soap.V11, nested(5*pool.Largest/elementBytes/4))
		w.post(soap.V11, bytes.NewReader(message))
		if e := w.event(1); e["would"] != string(gateway.WouldAccept) || e["operation"] != "{urn:q}all" {
			t.Errorf("%s: would be %v, %v, %v", name, e["would"], e["operation"], e["shadow_error"])
		}
		for deadline := time.Now().Add(time.Minute); g.Use().Exchanges > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if src := l.plaintext.Load(); encrypted && (!l.inPlace.Load() || len(bytes.Trim(*src, "\x00")) > 0) {
			t.Errorf("%s: in place %v, and of %d octets of plaintext some are still there", name, l.inPlace.Load(), len(*src))
		}
	}
}
