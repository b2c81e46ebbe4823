package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// The memory of an exchange is used by later ones, and overwritten before (see
// export_test.go). No exchange sees that of another, whether protected or not:
// not in its message, its reply, its HTTP headers or its event.
func TestExchangesDoNotShareMemory(t *testing.T) {
	t.Parallel()
	for _, protected := range []bool{true, false} {
		w := newWorld(t, func(c *gateway.Config, r *gateway.Route, _ *wssec.Policy) {
			c.MaxClientExchanges = 100
			r.PassHeaders = []string{"X-Number"}
		})
		handler := w.gateway.Config.Handler
		if !protected {
			w.config.Routes[0].Door = door.None()
			g, err := gateway.New(w.config)
			w.must(err)
			handler = g
		}
		w.gateway.Config.Handler = handler
		addr, _ := w.listen(timeouts())
		w.gateway.URL = "http://" + addr
		w.backend = func(rw http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			number := r.Header.Get("X-Number")
			if !strings.Contains(r.Header.Get("SOAPAction"), "urn:a"+number) || !bytes.Contains(b, []byte(">"+number+" ")) {
				t.Errorf("number %s: action %s, %.300s", number, r.Header.Get("SOAPAction"), b)
			}
			r.Body = io.NopCloser(bytes.NewReader(b))
			echo(rw, r)
		}
		var all sync.WaitGroup
		for client := range 8 {
			messages, sent := make([][]byte, 25), make([]*wssec.Request, 25)
			for i := range messages {
				body := fmt.Sprintf(`<q:Ask xmlns:q="urn:q">%d %s</q:Ask>`, 100*client+i, strings.Repeat("octets ", 200*i))
				if messages[i] = []byte(envelope(soap.V11, body)); protected {
					messages[i], sent[i] = w.protect(soap.V11, body)
				}
			}
			all.Go(func() {
				for i, message := range messages {
					number := fmt.Sprint(100*client + i)
					r := w.post(soap.V11, bytes.NewReader(message), "X-Number: "+number, `Soapaction: "urn:a`+number+`"`)
					reply := string(r.body)
					if protected && r.StatusCode == 200 {
						reply = w.open(r, sent[i])
					}
					if r.StatusCode != 200 || !strings.Contains(reply, ">"+number+" "+strings.Repeat("octets ", 200*i)+"<") {
						t.Errorf("number %s: HTTP %d, %.500s", number, r.StatusCode, reply)
					}
				}
			})
		}
		all.Wait()
		w.event(200)
		if text := w.events.String(); strings.Contains(text, "!!") || strings.Count(text, `"code":"ok"`) != 200 {
			t.Errorf("events %.2000s", text)
		}
	}
}
