package keytab_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// Of versions with 8 bits, 0 follows 255.
func TestKeytabAwaitsNearVersions(t *testing.T) {
	t.Parallel()
	short := func(kvno uint32) keytab.Entry {
		e := entry(t, rotated+"@EXAMPLE.COM", kvno, 18)
		e.ShortKvno = true
		return e
	}
	full := func(kvno uint32) keytab.Entry { return entry(t, rotated+"@EXAMPLE.COM", kvno, 18) }
	for _, tt := range []struct {
		entries []keytab.Entry
		kvno    uint32
		want    bool
	}{
		{[]keytab.Entry{full(3)}, 4, true}, {[]keytab.Entry{full(3)}, 11, true}, {[]keytab.Entry{full(3)}, 12, false},
		{[]keytab.Entry{full(3)}, 3, false}, {[]keytab.Entry{full(3)}, 2, false}, {[]keytab.Entry{full(3)}, 0, false},
		{[]keytab.Entry{full(3), full(9)}, 17, true}, {[]keytab.Entry{full(3), full(9)}, 8, false},
		{[]keytab.Entry{full(3), full(0)}, 4, false},
		{[]keytab.Entry{short(255)}, 256, true}, {[]keytab.Entry{short(255)}, 0x107, true},
		{[]keytab.Entry{short(255)}, 0x108, false},
		{[]keytab.Entry{short(3)}, 1<<32 - 1, false}, {nil, 1, false},
	} {
		if got := keytab.New(tt.entries...).Awaits(rotated+"@EXAMPLE.COM", tt.kvno); got != tt.want {
			t.Errorf("%v: kvno %d: %v", tt.entries, tt.kvno, got)
		}
	}
	if keytab.New(full(3)).Awaits(strings.ToUpper(rotated)+"@EXAMPLE.COM", 4) {
		t.Error("another service is awaited")
	}
}

func TestRankPrefersTheTicketsVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		entry keytab.Entry
		kvno  uint32
		want  int
	}{
		{keytab.Entry{Kvno: 3}, 3, 0},
		{keytab.Entry{Kvno: 3}, 0, 0},
		{keytab.Entry{Kvno: 3}, 0x103, 2},
		{keytab.Entry{Kvno: 3, ShortKvno: true}, 0x103, 0},
		{keytab.Entry{Kvno: 3, ShortKvno: true}, 4, 2},
		{keytab.Entry{}, 3, 1},
		{keytab.Entry{}, 0, 1},
	} {
		if got := test.entry.Rank(test.kvno); got != test.want {
			t.Errorf("%+v for kvno %d: %d, want %d", test.entry, test.kvno, got, test.want)
		}
	}
}

// ticketFor returns a ticket for the service with a key that kt has.
func ticketFor(t *testing.T, e keytab.Entry, plain string) []byte {
	t.Helper()
	return etype.NewUsageKey(e.Key, etype.UsageTicket).AppendEncrypted(nil, []byte(plain))
}

func TestOpenTicketTriesKeysByVersion(t *testing.T) {
	t.Parallel()
	const name = rotated + "@EXAMPLE.COM"
	old, unknown, newest := entry(t, name, 1, 18), entry(t, name, 0, 18), entry(t, name, 3, 18)
	kt := keytab.New(old, unknown, newest)
	for _, test := range []struct {
		with  keytab.Entry
		kvno  uint32
		exact bool
		ok    bool
	}{
		{newest, 3, true, true},
		{unknown, 3, true, true}, // kvno 0 fits any
		{old, 3, true, false},
		{old, 3, false, true},
		{old, 0, true, true}, // the ticket names none
		{newest, 9, true, false},
		{newest, 9, false, true},
	} {
		plain, used, err := kt.OpenTicket(nil, name, 18, test.kvno, ticketFor(t, test.with, "ticket"), test.exact)
		if (err == nil) != test.ok || test.ok && (string(plain) != "ticket" || used.Kvno != test.with.Kvno) {
			t.Errorf("key of kvno %d for a ticket of kvno %d, exact %t: %q, %v",
				test.with.Kvno, test.kvno, test.exact, plain, err)
		}
	}
}

// A missing key is never reported as a failed integrity check.
func TestOpenTicketExplainsWhatIsMissing(t *testing.T) {
	t.Parallel()
	const name = rotated + "@EXAMPLE.COM"
	three, none := entry(t, name, 3, 18), entry(t, name, 0, 18)
	foreign := ticketFor(t, entry(t, name, 3, 18), "ticket")
	for _, test := range []struct {
		kt      *keytab.Keytab
		service string
		et      int32
		kvno    uint32
		want    kerberos.Code
		words   string
	}{
		{keytab.New(three), name, 18, 3, kerberos.CodeTicketIntegrity, "kvno 3 etype 18"},
		{keytab.New(three), name, 18, 2, kerberos.CodeNoKvno, "holds an older ticket"},
		{keytab.New(three), name, 18, 4, kerberos.CodeNoKvno, "fetch a new keytab"},
		{keytab.New(none), name, 18, 4, kerberos.CodeNoKvno, "has no versions for its keys"},
		{keytab.New(three), name, 17, 3, kerberos.CodeNoEtype, "etype 17"},
		{keytab.New(three), strings.ToUpper(name), 18, 3, kerberos.CodeNoPrincipal, "upper and lower case only"},
		{keytab.New(three), rotated + "@OTHER", 18, 3, kerberos.CodeNoPrincipal, "of another realm"},
		{keytab.New(three), "host/x@EXAMPLE.COM", 18, 3, kerberos.CodeNoPrincipal, "it has keys for " + name},
		{keytab.New(), name, 18, 3, kerberos.CodeNoPrincipal, "it is empty"},
	} {
		_, _, err := test.kt.OpenTicket(nil, test.service, test.et, test.kvno, foreign, false)
		if !errors.Is(err, &kerberos.Error{Code: test.want}) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s etype %d kvno %d: %v, want %s", test.service, test.et, test.kvno, err, test.want)
		}
	}
}

func TestKeyOfFindsTheKeyOfATicket(t *testing.T) {
	t.Parallel()
	k := krbtest.New(krbtest.Config{})
	k.AddService(rotated)
	ticket, err := k.Ticket("alice", rotated, krbtest.TicketOptions{Etype: 20, WrittenKvno: 77})
	if err != nil {
		t.Fatal(err)
	}
	e, err := k.Keytab(nil).KeyOf(ticket.Ticket)
	if err != nil || e.Etype != 20 || e.Kvno != 1 || e.Principal.String() != rotated+"@EXAMPLE.COM" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := krbtest.New(krbtest.Config{}).Keytab(nil).KeyOf(ticket.Ticket); !errors.Is(err,
		&kerberos.Error{Code: kerberos.CodeNoPrincipal}) {
		t.Error(err)
	}
	if _, err := k.Keytab(nil).KeyOf([]byte("garbage")); !errors.Is(err,
		&kerberos.Error{Code: kerberos.CodeTokenMalformed}) {
		t.Error(err)
	}
}
