package assembly

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/wssec"
)

// Entries that can never match are named at start, on routes of both standards,
// and nothing is said of others.
func TestWarnOfIdleRulesNamesThem(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		"allowed-principals: [alice@EXAMPLE.COM]\ndenied-principals: [bob@EXAMPLE.COM]\n": "",
		"allowed-principals: [alice@example.com]\n": `"entry":"alice@example.com","why":"its realm differs from ` +
			`EXAMPLE.COM, the service's, by case"`,
		"allowed-realms: [OTHER]\ntrusted-realms: [EXAMPLE.COM]\n": `"setting":"allowed-realms","entry":"OTHER","why":` +
			`"no realm of trusted-realms fits it"`,
		"allowed-principals: [a@EXAMPLE.COM]\ndenied-principals: ['A*@EXAMPLE.COM']\n": `which denies all of it`,
		"denied-groups: [S-1-5-32-544]\n":                                              `Windows adds on each machine`,
	} {
		for _, standard := range []string{"soap", "spnego-http"} {
			w := newServiceWorld(t, "soap/a")
			err := w.assemble("standard: " + standard + "\nkeytab: " + w.keytab("k", "soap/a") + "\n" + settings)
			if err != nil {
				t.Fatal(err)
			}
			n := strings.Count(w.log.String(), `"msg":"an entry of a list of clients has no effect`)
			if n > 1 || n == 0 != (want == "") || !strings.Contains(w.log.String(), want) {
				t.Errorf("%s: said %d times\n%s", settings, n, w.log.String())
			}
		}
	}
}

// Whether a KDC writes groups is known with the first ticket, and said then,
// once, where the route lists groups.
func TestTicketsWithoutGroupsAreNamedOnce(t *testing.T) {
	t.Parallel()
	logon := &krbtest.PACLogon{Name: "alice", DomainID: "S-1-5-21-1-2-3", UserID: 1000, PrimaryGroup: 513}
	for name, tt := range map[string]struct {
		setting string
		pac     *krbtest.PACOptions
		code    string
		said    int
	}{
		"no PAC":            {"allowed-groups: [S-1-5-21-1-2-3-513]", nil, "not-in-group", 1},
		"no PAC, denied":    {"denied-groups: [S-1-5-21-1-2-3-666]", nil, "denied", 1},
		"MIT's PAC":         {"denied-groups: [S-1-5-21-1-2-3-666]", &krbtest.PACOptions{}, "denied", 1},
		"groups":            {"allowed-groups: [S-1-5-21-1-2-3-513]", &krbtest.PACOptions{Logon: logon}, "ok", 0},
		"none is listed":    {"denied-realms: [EVIL]", nil, "ok", 0},
		"in a denied group": {"denied-groups: [S-1-5-21-1-2-3-513]", &krbtest.PACOptions{Logon: logon}, "denied", 0},
		"denied by its SID": {"denied-groups: [S-1-5-21-1-2-3-1000]", &krbtest.PACOptions{Logon: logon}, "denied", 0},
		"not denied":        {"denied-groups: [S-1-5-21-1-2-3-666]", &krbtest.PACOptions{Logon: logon}, "ok", 0},
	} {
		w := newServiceWorld(t, "soap/a")
		if err := w.assemble("keytab: " + w.keytab("k", "soap/a") + "\n" + tt.setting + "\n"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			w.post("/", "soap/a", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: tt.pac}})
		}
		if n := strings.Count(w.log.String(), "a ticket names no groups"); n != tt.said || w.lastCode() != tt.code {
			t.Errorf("%s: %s, said %d times\n%s", name, w.lastCode(), n, w.log.String())
		}
	}
}

// The KDC of another realm cannot put its clients into groups here, and what it
// leaves out of account nobody may use to escape a list: a denied group counts
// whoever names it.
func TestDeniedGroupsCountWhenWithheld(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, "soap/a")
	if err := w.assemble("keytab: " + w.keytab("k", "soap/a") + "\nrealm-sids: [OTHER=S-1-5-21-7-8-9]\n" +
		"denied-groups: [S-1-5-21-1-2-3-666]\nallowed-groups: [S-1-5-21-7-8-9-513, S-1-5-21-1-2-3-512]\n"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		realm string
		extra []krbtest.PACSID
		want  string
	}{
		{"OTHER", nil, "ok"},
		{"OTHER", []krbtest.PACSID{{SID: "S-1-5-21-1-2-3-666"}}, "denied"},
		{"OTHER", []krbtest.PACSID{{SID: "S-1-5-21-1-2-3-666", Attributes: 0x10}}, "denied"}, // for denying only
		{"THIRD", nil, "denied"}, // no group of its clients counts
	} {
		w.post("/", "soap/a", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: tt.realm,
			PAC: &krbtest.PACOptions{Logon: &krbtest.PACLogon{Name: "alice", DomainID: "S-1-5-21-7-8-9", UserID: 1000,
				PrimaryGroup: 513, Extra: tt.extra}}}})
		if code := w.lastCode(); code != tt.want {
			t.Errorf("%+v: %s\n%s", tt, code, w.log.String())
		}
	}
}

// A client that a list denies gets no key by a negotiation, and no context by a
// request for one.
func TestNewIssuesNoContextToADeniedClient(t *testing.T) {
	t.Parallel()
	const fault = "{" + wssec.NSWSSE + "}FailedAuthentication"
	negotiated := newContextWorld(t, "SspiNegotiated", "denied-principals: ['ALI*@example.com']\n")
	o := negotiated.send(rst("c", negotiated.firstToken()))
	negotiated.refused(o, fault, "denied", "alice")
	if o.event["authorized"] != false || o.event["rule"] != "denied-principals: ALI*@example.com" {
		t.Errorf("event %v", o.event)
	}
	negotiated.refused(negotiated.send(negotiated.beforeLast("c")), fault, "denied", "alice")

	issued := newConversationWorldWith(t, "SecureConversation", "SecureConversation", "denied-realms: [example.com]\n")
	req, err := issued.requester.Issue()
	issued.must(err)
	m, sent := issued.under(issued.bootstrap, issued.token(), body("/a", req.Action, string(req.Body)))
	o = issued.send(m)
	if f, _ := issued.opened(issued.bootstrap, o, sent).Envelope().Fault(); f == nil ||
		f.Subcode.String() != fault || o.event["code"] != "denied" || o.event["rule"] != "denied-realms: example.com" {
		t.Errorf("%+v, %v", f, o.event)
	}
	if n := issued.log.codes(); n["ok"] != 0 {
		t.Errorf("%v", n)
	}
}

// A client of an HTTP route that may not call gets no cookie, whether it is
// refused for its name or its groups.
func TestHTTPRouteGivesNoSessionToARefusedClient(t *testing.T) {
	t.Parallel()
	kdc, dir := newKDC(), t.TempDir()
	stateKeys(t, dir, "a")
	g := newHTTPGate(t, kdc, dir, httpRoutes+"  - path: /denied\n    denied-principals: [Alice@EXAMPLE.COM]\n"+
		"  - path: /other\n    allowed-realms: ['*.EXAMPLE.COM']\n")
	for path, code := range map[string]string{"/app/admin": "not-in-group", "/denied": "denied",
		"/other": "not-authorized"} {
		w := g.get(path, &krbtest.TokenOptions{})
		if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 || w.Body.String() != "Forbidden\n" ||
			strings.Count(g.log.String(), `"code":"`+code+`"`) != 1 {
			t.Errorf("%s: HTTP %d, %v\n%s", path, w.Code, w.Header(), g.log.String())
		}
	}
	if !strings.Contains(g.log.String(), `"rule":"denied-principals: Alice@EXAMPLE.COM"`) ||
		!strings.Contains(g.log.String(), `"authenticated_by":"token","authorized":false`) ||
		!strings.Contains(g.log.String(), `"negotiate":{"spnego":`) {
		t.Error(g.log.String())
	}
}
