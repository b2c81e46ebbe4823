package gateway_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
)

func TestAuthorizeAdmitsListedClients(t *testing.T) {
	t.Parallel()
	tests := []struct {
		client             string
		principals, realms []string
		ok                 bool
	}{
		{"alice", nil, nil, true},
		{"alice", []string{"alice@EXAMPLE.COM"}, nil, true},
		{"bob", []string{"alice@EXAMPLE.COM"}, nil, false},
		{"Alice", []string{"alice@EXAMPLE.COM"}, nil, false},
		{"alice", []string{"alice@OTHER.COM"}, nil, false},
		{"alice", nil, []string{"EXAMPLE.COM"}, true},
		{"alice", nil, []string{"OTHER.COM"}, false},
		{"alice", []string{"alice@EXAMPLE.COM"}, []string{"OTHER.COM"}, false},
		{"alice/admin", []string{"alice@EXAMPLE.COM", "alice/admin@EXAMPLE.COM"}, []string{"OTHER.COM", "EXAMPLE.COM"}, true},
	}
	for _, tt := range tests {
		w := newWorld(t, admit(access.Lists{AllowedPrincipals: tt.principals, AllowedRealms: tt.realms}))
		msg, req := w.protectAs(tt.client, envelope(soap.V11, payload))
		r := w.post(soap.V11, bytes.NewReader(msg))
		if tt.ok {
			if w.open(r, req); r.StatusCode != 200 || w.calls() != 1 {
				t.Errorf("%+v: HTTP %d, %d calls", tt, r.StatusCode, w.calls())
			}
			continue
		}
		// The client is known, so it gets a fault that it can verify.
		if f := w.openFault(r, req); f.Subcode.Local != "FailedAuthentication" || r.StatusCode != 500 || w.calls() != 0 ||
			w.code(1) != "not-authorized" {
			t.Errorf("%+v: fault %+v, HTTP %d, %d calls, code %s", tt, f, r.StatusCode, w.calls(), w.code(1))
		}
	}
}

// What a client is called must arrive as it is: net/http trims white space, and
// servers split lists.
func TestAuthorizeRefusesNamesThatAHeaderWouldChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	refused := func(client string, o krbtest.TokenOptions) {
		t.Helper()
		msg, req := w.protectWith(client, envelope(soap.V11, payload), o)
		f := w.openFault(w.post(soap.V11, bytes.NewReader(msg)), req)
		if n++; f.Subcode.Local != "FailedAuthentication" || w.code(n) != "not-authorized" || w.calls() != 0 {
			t.Errorf("%q %+v: fault %+v, code %s, %d calls", client, o.Ticket.ClientRealm, f, w.code(n), w.calls())
		}
	}
	for _, client := range []string{"alice ", " alice", "al ice", "alice,bob", ",", "alice\u00a0", "alice\u2028",
		"alice\u200b", "alice\u202e", "alice/x y"} {
		refused(client, krbtest.TokenOptions{})
	}
	for _, realm := range []string{"A@EXAMPLE.COM", "A/EXAMPLE.COM", `A\EXAMPLE.COM`, "A EXAMPLE.COM", "EXAMPLE.COM ",
		"A,EXAMPLE.COM"} {
		refused("alice", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: realm}, ClientRealm: realm})
	}
}

// One of the groups must be the client's, and the other lists have to allow it
// as well.
func TestAuthorizeAdmitsMembersOfAllowedGroups(t *testing.T) {
	t.Parallel()
	const admins, users, other = "S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513", "S-1-5-21-9-9-9-512"
	for _, tt := range []struct {
		allowed, has []string
		principals   []string
		code, says   string
	}{
		{nil, nil, nil, "ok", ""},
		{nil, []string{users}, nil, "ok", ""},
		{[]string{admins}, []string{users, admins}, nil, "ok", ""},
		{[]string{other, users}, []string{users, admins}, nil, "ok", ""},
		{[]string{admins}, []string{users, other}, nil,
			"not-in-group", "alice@EXAMPLE.COM is refused: it is in none of allowed-groups"},
		{[]string{admins}, nil, nil, "not-in-group", "names no groups that count (no PAC"},
		{[]string{admins}, []string{admins + "0", "s" + admins[1:], ""}, nil, "not-in-group", "none of allowed-groups"},
		{[]string{admins}, []string{admins}, []string{"bob@EXAMPLE.COM"}, "not-authorized", "allowed-principals"},
		{[]string{admins}, []string{users}, []string{"alice@EXAMPLE.COM"}, "not-in-group", ""},
	} {
		w := newWorld(t, admit(access.Lists{AllowedGroups: tt.allowed, AllowedPrincipals: tt.principals}))
		w.groups = tt.has
		r, req := w.call()
		ev := w.event(1)
		text, _ := ev["error"].(string)
		if ev["code"] != tt.code || !strings.Contains(text, tt.says) {
			t.Errorf("%+v: code %v: %s", tt, ev["code"], text)
		}
		said := strings.ReplaceAll(toJSON(t, ev), "allowed-groups: "+users, "") // the rule alone names a group
		if n, told := ev["groups"]; told != (len(tt.has) > 0) || told && n != float64(len(tt.has)) ||
			strings.Contains(strings.ReplaceAll(said, "allowed-groups: "+admins, ""), "S-1-5") {
			t.Errorf("%+v: event %v", tt, ev)
		}
		if tt.code == "ok" {
			w.open(r, req)
			continue
		}
		if f := w.openFault(r, req); f.Subcode.Local != "FailedAuthentication" || w.calls() != 0 {
			t.Errorf("%+v: fault %+v, %d calls", tt, f, w.calls())
		}
	}
}

// The log has the decision and the rule, and the client one and the same fault,
// whatever rule refuses it: under its key, of one size, with no detail.
func TestAuthorizeTellsTheRuleToTheLogAlone(t *testing.T) {
	t.Parallel()
	const users, other = "S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-666"
	var first *soap.Fault
	var size int
	for _, tt := range []struct {
		lists      access.Lists
		groups     []string
		code, rule string
	}{
		{access.Lists{AllowedPrincipals: []string{"a*@*"}, AllowedRealms: []string{"EXAMPLE.*"},
			AllowedGroups: []string{users}}, []string{other, users},
			"ok", "allowed-principals: a*@*, allowed-realms: EXAMPLE.*, allowed-groups: " + users},
		{access.Lists{DeniedPrincipals: []string{"b*@*"}, DeniedGroups: []string{other}}, []string{users}, "ok", ""},
		{access.Lists{AllowedPrincipals: []string{"bob@*"}}, nil, "not-authorized", "allowed-principals"},
		{access.Lists{AllowedRealms: []string{"*.COM", "OTHER"}}, nil, "ok", "allowed-realms: *.COM"},
		{access.Lists{AllowedRealms: []string{"*.EXAMPLE.COM", "OTHER"}}, nil, "not-authorized", "allowed-realms"},
		{access.Lists{AllowedGroups: []string{users}}, []string{other}, "not-in-group", "allowed-groups"},
		{access.Lists{AllowedGroups: []string{users}}, nil, "not-in-group", "allowed-groups"},
		{access.Lists{AllowedPrincipals: []string{"alice@EXAMPLE.COM"}, DeniedPrincipals: []string{"Alice@*"}}, nil,
			"denied", "denied-principals: Alice@*"},
		{access.Lists{DeniedRealms: []string{"*.com"}}, nil, "denied", "denied-realms: *.com"},
		{access.Lists{DeniedGroups: []string{other}}, []string{users, other}, "denied", "denied-groups: " + other},
		{access.Lists{DeniedGroups: []string{other}}, nil, "denied", "denied-groups"},
	} {
		w := newWorld(t, admit(tt.lists))
		w.groups = tt.groups
		r, req := w.call()
		ev := w.event(1)
		rule, _ := ev["rule"].(string)
		if ev["code"] != tt.code || rule != tt.rule || ev["authorized"] != (tt.code == "ok") {
			t.Errorf("%+v: %v", tt, ev)
		}
		if tt.code == "ok" {
			w.open(r, req)
			continue
		}
		f := w.openFault(r, req)
		if first == nil {
			first, size = f, len(r.body)
		}
		if !reflect.DeepEqual(f, first) || len(r.body) != size || r.StatusCode != 500 || w.calls() != 0 {
			t.Errorf("%+v: HTTP %d, %d octets, %+v; others get %d octets, %+v", tt, r.StatusCode, len(r.body), f, size, first)
		}
	}
}
