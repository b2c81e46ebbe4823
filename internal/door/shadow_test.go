package door_test

import (
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/wssec"
)

// TestShadowAdmitsAsReceivedWhatItsDoorRefuses: with the Security header, in
// nobody's name, and without a look at it.
func TestShadowAdmitsAsReceivedWhatItsDoorRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := door.NewShadow(w.security(w.preset("Kerberos")))
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope(to, payload))
	for _, octets := range [][]byte{message, message, []byte(envelope(to, payload))} {
		in := w.admit(d, octets)
		forward, err := in.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.RefuseHeaders})
		if err != nil || string(forward) != string(octets) {
			t.Errorf("%v, forwarded %s", err, forward)
		}
		if name, realm, known := in.Principal(); known || in.Covers(w.block(in.Envelope(), "To")) || in.Caller().Known {
			t.Errorf("client %s@%s, known %t", name, realm, known)
		}
		in.Release()
		if _, err := in.Envelope().Addressing(); err != nil {
			t.Errorf("the envelope is gone: %v", err)
		}
	}
	if w.replay.Len() != 0 {
		t.Errorf("%d messages are on record", w.replay.Len())
	}
	if d.Name() != "shadow of Kerberos" || d.Policies() != nil || d.Tried().Name() != "Kerberos" {
		t.Errorf("%s, %v", d.Name(), d.Policies())
	}
}
