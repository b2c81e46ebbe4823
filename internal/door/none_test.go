package door_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/wssec"
)

func TestNoneAdmitsEveryMessageUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message := envelope(`<x:Extra xmlns:x="urn:x"/><!-- a comment -->`, payload)
	in := w.admit(door.None(), []byte("<?xml version=\"1.0\"?>\n"+message+"\n<!-- behind -->"))
	for _, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.PassHeaders, wssec.RefuseHeaders} {
		forward, err := in.AppendForward(nil, wssec.Forwarding{Unprotected: rule})
		if err != nil || string(forward) != message {
			t.Errorf("%s: %v, forwarded %s", rule, err, forward)
		}
	}
	if size := in.ForwardSize(); size != len(message) {
		t.Errorf("ForwardSize %d, want %d", size, len(message))
	}
}

func TestNoneForwardsUTF16AsUTF8(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message := envelope("", `<q:Ask xmlns:q="urn:q">größer</q:Ask>`)
	octets := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?>` + message)) {
		octets = binary.BigEndian.AppendUint16(octets, unit)
	}
	forward, err := w.admit(door.None(), octets).AppendForward(nil, wssec.Forwarding{})
	if err != nil || string(forward) != message {
		t.Errorf("%v, forwarded %s", err, forward)
	}
}

func TestNoneKnowsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope(to, payload))
	in := w.admit(door.None(), message) // though it has a good token
	if name, realm, known := in.Principal(); name != "" || realm != "" || known {
		t.Errorf("client %s@%s, known %t", name, realm, known)
	}
	if in.Service() != "" || in.Groups() != nil || in.Covers(w.block(in.Envelope(), "To")) {
		t.Errorf("service %q, groups %v", in.Service(), in.Groups())
	}
	if stages, notes := in.Notes(); stages != nil || notes != nil {
		t.Errorf("%v, %v", stages, notes)
	}
	w.must(in.Authorized(t.Context()))
	if in.Answers() {
		t.Error("the door answers a message for the backend")
	}
}

func TestNoneReturnsTheReplyUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.admit(door.None(), []byte(envelope("", payload)))
	reply, err := in.Protect(t.Context(), nil, w.parse([]byte("<?xml version=\"1.0\"?>"+envelope("", answer))))
	if err != nil || string(reply) != envelope("", answer) {
		t.Errorf("%v, %s", err, reply)
	}
}

func TestNoneHasNoPolicy(t *testing.T) {
	t.Parallel()
	d := door.None()
	if d.Name() != "none" || d.Policies() != nil {
		t.Errorf("%s, %v", d.Name(), d.Policies())
	}
	if chosen, err := d.Choose(door.Arrival{}); chosen != d || err != nil {
		t.Errorf("%v, %v", chosen, err)
	}
	d.AnsweredLate(nil) // does nothing
}
