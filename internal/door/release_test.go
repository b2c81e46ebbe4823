package door_test

import (
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// TestReleasedMessageLeavesWhatIsLogged: and is of no use itself, whatever door
// has admitted it.
func TestReleasedMessageLeavesWhatIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.preset("Kerberos")
	for name, d := range map[string]door.Door{"Kerberos": w.security(p), "none": door.None()} {
		message, _ := w.protect(w.client(p), envelope(to, `<q:Ask xmlns:q="urn:q" xmlns:x="urn:x" `+
			`xmlns:xsi="`+xmltext.NamespaceXSI+`" xsi:type="x:T">what</q:Ask>`))
		in := w.admit(d, message)
		client, realm, known := in.Principal()
		stages, notes := in.Notes()
		kept := []any{client, realm, known, in.Service(), in.Groups(), stages, notes}
		before := fmt.Sprint(kept...)
		in.Release()
		in.Release() // does nothing
		for i := range message {
			message[i] = '!'
		}
		if after := fmt.Sprint(kept...); after != before {
			t.Errorf("%s: %s, and then %s", name, before, after)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the message can be forwarded", name)
				}
			}()
			_, _ = in.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
		}()
	}
}
