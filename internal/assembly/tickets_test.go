package assembly

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

func TestNewRefusesTicketsOfOtherAddresses(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	keytab := "keytab: " + keytabFile(t, kdc) + "\n"
	here, elsewhere := []byte{192, 0, 2, 7}, []byte{192, 0, 2, 8}
	for _, tt := range []struct {
		setting   string
		addresses [][]byte
		status    int
	}{
		{"check-addresses: true", [][]byte{elsewhere, here}, 200},
		{"check-addresses: true", [][]byte{elsewhere}, 500},
		{"check-addresses: true", nil, 200},
		{"check-addresses: false", [][]byte{elsewhere}, 200},
	} {
		status, log := exchange(t, kdc, keytab+tt.setting,
			krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Addresses: tt.addresses}})
		if status != tt.status || status != 200 && !strings.Contains(log, `"code":"client-address"`) {
			t.Errorf("%s, %v: HTTP %d\n%s", tt.setting, tt.addresses, status, log)
		}
	}
}

// Tickets are held against the address that the log has: the connection's,
// however it is written, or what a listed proxy told, which a client cannot.
func TestNewComparesTicketsWithTheClientsAddress(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	keytab := "keytab: " + keytabFile(t, kdc) + "\ncheck-addresses: true\n"
	bound := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Addresses: [][]byte{{192, 0, 2, 7}}}}
	proxied := "client-address: x-forwarded-for\ntrusted-proxies: [10.0.0.0/8]\n"
	for _, tt := range []struct {
		settings, remote, forwarded string
		status                      int
	}{
		{"", "[::ffff:192.0.2.7]:1", "", 200},
		{"", "[2001:db8::1]:1", "", 500},
		{"", "192.0.2.7", "", 500}, {"", "", "", 500}, {"", "pipe", "", 500}, // not known
		{"", "10.0.0.1:1", "192.0.2.7", 500},
		{proxied, "10.0.0.1:1", "192.0.2.7", 200},
		{proxied, "10.0.0.1:1", "192.0.2.7, 192.0.2.8", 500},
		{proxied, "10.0.0.1:1", "", 500},
		{proxied, "192.0.2.8:1", "192.0.2.7", 500},
	} {
		status, log := exchangeFrom(t, kdc, keytab+tt.settings, bound, tt.remote, tt.forwarded)
		if status != tt.status || status != 200 && !strings.Contains(log, `"code":"client-address"`) {
			t.Errorf("%+v: HTTP %d\n%s", tt, status, log)
		}
	}
}

func TestNewOpensTicketsWithTheExactKvno(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	file := "keytab: " + keytabFile(t, kdc) + "\n"
	other := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{WrittenKvno: 9}}
	if status, log := exchange(t, kdc, file+"exact-kvno: true", other); status != 500 {
		t.Errorf("exact: HTTP %d\n%s", status, log)
	}
	status, log := exchange(t, kdc, file, other)
	if status != 200 || !strings.Contains(log, `"kvno":9,`) || !strings.Contains(log, `"fallback":true`) ||
		strings.Count(log, `"msg":"ticket opened with a key of another version","service":"`+service) != 1 {
		t.Errorf("HTTP %d\n%s", status, log)
	}
	entries := kdc.Entries([]string{service}, etype.AES256SHA1)
	for i := range entries {
		entries[i].Kvno = 0
	}
	octets, err := keytab.New(entries...).AppendBinary(nil)
	unnumbered := filepath.Join(t.TempDir(), "kt")
	if err = errors.Join(err, os.WriteFile(unnumbered, octets, 0o600)); err != nil {
		t.Fatal(err)
	}
	status, log = exchange(t, kdc, "keytab: "+unnumbered+"\n", krbtest.TokenOptions{})
	if status != 200 || strings.Contains(log, "another version") {
		t.Errorf("a key that fits any version: HTTP %d\n%s", status, log)
	}
}

// RC4 is said of tickets, and at start of a keytab that has nothing else.
func TestTicketLogWarnsOfRC4(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	weak := krbtest.TokenOptions{Ticket: krbtest.TicketOptions{Etype: etype.RC4, SessionEtype: etype.RC4}}
	const atStart, ofTicket, ofClient = `"msg":"keytab holds only rc4-hmac keys`,
		`"msg":"ticket under an rc4-hmac key","service":"`, `"msg":"client with an rc4-hmac key","principal":"alice@`
	status, log := exchange(t, kdc, "allow-rc4: true\nkeytab: "+keytabFile(t, kdc, etype.RC4), weak)
	if status != 200 || strings.Count(log, atStart) != 1 || strings.Count(log, ofTicket) != 1 ||
		strings.Count(log, ofClient) != 1 || !strings.Contains(log, `"kerberos":{"etype":23,"session_etype":23,`) {
		t.Errorf("HTTP %d\n%s", status, log)
	}
	status, log = exchange(t, kdc, "allow-rc4: true\nkeytab: "+keytabFile(t, kdc, etype.AES256SHA1, etype.RC4),
		krbtest.TokenOptions{})
	if status != 200 || strings.Contains(log, "rc4") || !strings.Contains(log, `"kerberos":{"etype":18,`) {
		t.Errorf("HTTP %d\n%s", status, log)
	}
}

// A token that is bound to a channel is refused where there is none, unless a
// proxy ends the channels.
func TestNewFollowsTheChannelBindingsOfARoute(t *testing.T) {
	t.Parallel()
	kdc := newKDC()
	bound := krbtest.TokenOptions{Checksum: append([]byte{0: 16, 4: 1, 19: 0}, 0x3c, 0, 0, 0)}
	for settings, want := range map[string]int{"": 500, "channel-bindings: off\n": 200, "tls-offloaded: true\n": 200} {
		status, log := exchange(t, kdc, settings+"keytab: "+keytabFile(t, kdc), bound)
		if status != want || want == 500 && !strings.Contains(log, `"code":"channel-bindings"`) {
			t.Errorf("%q: HTTP %d\n%s", settings, status, log)
		}
	}
}

// What is said once is bounded: clients choose names.
func TestTicketLogBoundsItsWarnings(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tickets := &ticketLog{log: slog.New(slog.NewTextHandler(io.Writer(&out), nil))}
	for i := range 2 * maxWarnings {
		tickets.warn(warning{"x", strings.Repeat("a", i)}, "principal")
	}
	if n := strings.Count(out.String(), "\n"); n != maxWarnings {
		t.Errorf("%d warnings", n)
	}
}

// A trusted realm names its clients, and does not make them administrators
// here: of its groups those count that realm-sids lets it name.
func TestNewWithholdsGroupsOfAnotherRealm(t *testing.T) {
	t.Parallel()
	const admins, theirs, own = "S-1-5-21-1-2-3-512", "S-1-5-21-7-8-9-1105", realm
	for _, tt := range []struct{ realmSIDs, realm, allowed, want string }{
		{"", own, admins, "ok"}, {"", "OTHER", admins, "not-in-group"}, {"", "OTHER", theirs, "not-in-group"},
		{"OTHER=S-1-5-21-7-8-9", own, admins, "ok"}, {"OTHER=S-1-5-21-7-8-9", "OTHER", admins, "not-in-group"},
		{"OTHER=S-1-5-21-7-8-9", "OTHER", theirs, "ok"},
		{"OTHER=S-1-5-21-7-8-9", "THIRD", theirs, "not-in-group"},
		{"OTHER=S-1-5-21-7-8-9, OTHER=S-1-5-21-1-2-3", "OTHER", admins, "ok"},
		{"\"OTHER=*\"", "OTHER", admins, "ok"}, {"\"OTHER=*\"", "THIRD", admins, "not-in-group"},
		{own + "=S-1-5-21-7-8-9", own, admins, "not-in-group"}, {own + "=S-1-5-21-7-8-9", own, theirs, "ok"},
	} {
		w := newServiceWorld(t, "soap/a")
		if err := w.assemble("keytab: " + w.keytab("k", "soap/a") + "\nallowed-groups: [" + tt.allowed +
			"]\nrealm-sids: [" + tt.realmSIDs + "]\n"); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is said once must be
			w.post("/", "soap/a", krbtest.TokenOptions{Ticket: krbtest.TicketOptions{ClientRealm: tt.realm,
				PAC: &krbtest.PACOptions{Logon: &krbtest.PACLogon{
					Name: "alice", DomainID: "S-1-5-21-7-8-9", UserID: 1000, PrimaryGroup: 513,
					Groups: []krbtest.PACGroup{{ID: 1105}}, Extra: []krbtest.PACSID{{SID: admins}}}}}})
		}
		said := strings.Count(w.log.String(), `"msg":"groups of this realm's clients do not count","realm":"`+tt.realm)
		if code := w.lastCode(); code != tt.want || said > 1 || code != "ok" &&
			(said != 1 || !strings.Contains(w.log.String(), `"groups_withheld":`)) {
			t.Errorf("%+v: %s, said %d times\n%s", tt, code, said, w.log.String())
		}
	}
}

// The groups of a route are those of the ticket's PAC, which must be the KDC's.
func TestNewReadsGroupsOfThePAC(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, "soap/a")
	err := w.assemble("keytab: " + w.keytab("k", "soap/a") + "\nroutes:\n  - {path: /all, policy: Kerberos}\n" +
		"  - {path: /admins, policy: Kerberos, allowed-groups: [S-1-5-21-1-2-3-512]}\n")
	if err != nil {
		t.Fatal(err)
	}
	pac := func(group uint32, signed func([]byte) []byte) krbtest.TokenOptions {
		return krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: &krbtest.PACOptions{
			Logon: &krbtest.PACLogon{Name: "alice", UserID: 1000, PrimaryGroup: 513,
				Groups: []krbtest.PACGroup{{ID: group}}}, Signed: signed}}}
	}
	forged := func(pac []byte) []byte { // a user makes itself an administrator
		return bytes.Replace(pac, []byte{0x01, 0x02, 0, 0, 7, 0, 0, 0}, []byte{0x00, 0x02, 0, 0, 7, 0, 0, 0}, 1)
	}
	for _, c := range []struct {
		path string
		o    krbtest.TokenOptions
		want string
	}{
		{"/admins", pac(512, nil), "ok"}, {"/admins", pac(513, nil), "not-in-group"},
		{"/admins", krbtest.TokenOptions{}, "not-in-group"},
		{"/admins", pac(513, forged), "pac-integrity"}, {"/all", pac(513, nil), "ok"}, {"/all", krbtest.TokenOptions{}, "ok"},
	} {
		w.post(c.path, "soap/a", c.o)
		if code := w.lastCode(); code != c.want {
			t.Errorf("%s: %s, want %s", c.path, code, c.want)
		}
	}
}
