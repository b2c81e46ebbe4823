package soap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestMustUnderstandAndRoleOfBothVersions(t *testing.T) {
	t.Parallel()
	src := `<s:Header><a xmlns="urn:a" s:mustUnderstand="%s" s:%s=" %s "/></s:Header><s:Body/>`
	for _, x := range []struct {
		ns, must, attr, role string
		want                 bool
		wantRole             string
	}{
		{soap.NS11, "1", "actor", "urn:me", true, "urn:me"},
		{soap.NS11, "0", "actor", soap.ActorNext, false, soap.ActorNext},
		{soap.NS12, "true", "role", soap.RoleUltimateReceiver, true, ""},
		{soap.NS12, " false ", "role", soap.RoleNext, false, soap.RoleNext},
		{soap.NS12, "1", "actor", "urn:me", true, ""},
	} {
		e, err := soap.Parse(envelope(x.ns, fmt.Sprintf(src, x.must, x.attr, x.role)), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := e.Header.FirstChild()
		if must, err := e.MustUnderstand(b); must != x.want || err != nil {
			t.Errorf("%+v: mustUnderstand %v, %v", x, must, err)
		}
		if role := e.Role(b); role != x.wantRole || soap.IsNext(role) != strings.HasSuffix(role, "next") {
			t.Errorf("%+v: role %q", x, role)
		}
	}
}

// SOAP 1.1 has no relay: the attribute there may have any value, and means
// nothing.
func TestRelayIsOfSOAP12(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		ns, attr string
		want     bool
	}{
		{soap.NS12, ``, false}, {soap.NS12, `s:relay="true"`, true}, {soap.NS12, `s:relay=" 1 "`, true},
		{soap.NS12, `s:relay="0"`, false}, {soap.NS12, `s:relay="false"`, false}, {soap.NS12, `relay="true"`, false},
		{soap.NS11, `s:relay="true"`, false}, {soap.NS11, `s:relay="maybe"`, false},
	} {
		e, err := soap.Parse(envelope(x.ns, `<s:Header><a xmlns="urn:a" `+x.attr+`/></s:Header><s:Body/>`), xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if relay, err := e.Relay(e.Header.FirstChild()); relay != x.want || err != nil {
			t.Errorf("%s: %v, %v", x.attr, relay, err)
		}
	}
}

func TestIsForComparesCharacterByCharacter(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]bool{"": true, soap.RoleNext: true, soap.RoleUltimateReceiver: true, "urn:me": true,
		"urn:Me": false, "urn:me/": false, soap.RoleNone: false, soap.RoleUltimateReceiver + "/": false} {
		e, err := soap.Parse(envelope(soap.NS12, `<s:Header><a xmlns="urn:a" s:role="`+role+`"/></s:Header><s:Body/>`),
			xmltext.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.IsFor(e.Header.FirstChild(), "urn:other", "urn:me"); got != want {
			t.Errorf("%q: %v", role, got)
		}
		if e.IsFor(e.Header.FirstChild()) != (want && role != "urn:me") {
			t.Errorf("%q for a node without roles of its own", role)
		}
	}
}
