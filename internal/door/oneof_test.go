package door_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/wssec"
)

// oneOf returns the door of several presets.
func (w *world) oneOf(presets ...string) *door.OneOf {
	w.Helper()
	var doors []door.Door
	for _, name := range presets {
		doors = append(doors, w.security(w.preset(name)))
	}
	o, err := door.NewOneOf(doors...)
	w.must(err)
	return o
}

func TestNewOneOfRefusesPoliciesThatOneMessageMayMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.preset("Kerberos")
	other.Name, other.AlgorithmSuite = "another", wssec.Basic256
	o, err := door.NewOneOf(w.security(w.preset("Kerberos")), w.security(other))
	if err == nil || o != nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("%v, %v", o, err)
	}
}

func TestOneOfAdmitsUnderThePolicyOfTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{"Kerberos", "KerberosOverTransport", "KerberosToken"}
	o := w.oneOf(names...)
	for _, name := range names {
		message, request := w.protect(w.client(w.preset(name)), envelope("", payload))
		chosen, err := o.Choose(w.arrival(message))
		if err != nil || chosen.Name() != name {
			t.Fatalf("%s: %v, %v", name, chosen, err)
		}
		in := w.admit(o, message)
		if client, _, known := in.Principal(); client != "alice" || !known {
			t.Errorf("%s: client %q", name, client)
		}
		reply, err := in.Protect(t.Context(), nil, w.parse([]byte(envelope("", answer))))
		w.must(err)
		channel := wssec.Channel{TLS: true}
		if _, err := w.client(w.preset(name)).VerifyReply(t.Context(), w.parse(reply), request, channel); err != nil {
			t.Errorf("%s: the reply is not under the policy of the request: %v", name, err)
		}
	}
}

// A message that fails the policy that it was made for is not tried under a
// weaker one.
func TestOneOfTriesOnePolicyAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.oneOf("Kerberos", "KerberosToken")
	message, _ := w.protect(w.client(w.preset("Kerberos")), envelope("", payload))
	broken := strings.Replace(string(message), "<xenc:CipherValue>", "<xenc:CipherValue>AAAA", 1)
	if broken == string(message) {
		t.Fatal("nothing was changed")
	}
	if in, err := o.Admit(t.Context(), w.arrival([]byte(broken))); err == nil || in != nil {
		t.Errorf("%v, %v", in, err)
	}
}

func TestOneOfRefusesMessagesForNoPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.oneOf("Kerberos", "KerberosOverTransport")
	plain := w.arrival([]byte(envelope("", payload)))
	if d, err := o.Choose(plain); err == nil || d != nil {
		t.Errorf("Choose: %v, %v", d, err)
	}
	if in, err := o.Admit(t.Context(), plain); err == nil || in != nil {
		t.Errorf("Admit: %v, %v", in, err)
	}
}

func TestOneOfNamesAllDoors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.oneOf("Kerberos", "KerberosToken")
	if o.Name() != "Kerberos, KerberosToken" || len(o.Policies()) != 2 {
		t.Errorf("%s, %d policies", o.Name(), len(o.Policies()))
	}
}
