package ccache_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/credentials"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// mitCCache returns a credential cache that MIT's kinit wrote in a format, with
// a service ticket. It made the files in testdata.
func mitCCache(t *testing.T, format int) []byte {
	t.Helper()
	m := krbtest.StartMIT(t)
	m.AddUser("alice", "secret")
	m.AddService(service)
	conf := strings.Replace(m.Krb5Conf(), "[realms]",
		fmt.Sprintf(" ccache_type = %d\n forwardable = true\n[realms]", format), 1)
	path := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	m.KinitEnv("secret", []string{"KRB5_CONFIG=" + path}, "alice")
	m.Python(t, krbtest.Script{Code: initiatorScript, Args: []string{service + "@EXAMPLE.COM", ""}, Conf: conf}).Receive()
	b, err := os.ReadFile(m.Ccache())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkMITCCache checks the content that mitCCache writes, and compares with
// gokrb5's reader.
func checkMITCCache(t *testing.T, b []byte) *ccache.Cache {
	t.Helper()
	c, err := ccache.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Client.String() != "alice@EXAMPLE.COM" || len(c.Tickets) != 2 || c.Skipped != 0 {
		t.Fatalf("%v, %d tickets, %d skipped", c.Client, len(c.Tickets), c.Skipped)
	}
	tgt, ticket := c.Tickets[0], c.Tickets[1]
	if tgt.Service.String() != "krbtgt/EXAMPLE.COM@EXAMPLE.COM" || ticket.Service.String() != service+"@EXAMPLE.COM" ||
		tgt.Flags&kerberos.FlagForwardable == 0 || ticket.EndTime.Sub(ticket.AuthTime) != 10*time.Hour {
		t.Errorf("%v", c)
	}
	var theirs credentials.CCache
	if err := theirs.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range theirs.Credentials {
		if g.Server.Realm == "X-CACHECONF:" {
			continue
		}
		o := c.Tickets[n]
		if n++; !bytes.Equal(g.Ticket, o.Ticket) || !bytes.Equal(g.Key.KeyValue, o.SessionKey.ExposeKeyOctets()) ||
			!g.EndTime.Equal(o.EndTime) || !g.AuthTime.Equal(o.AuthTime) {
			t.Errorf("gokrb5 reads %v of %v otherwise", g.Server, o.Service)
		}
	}
	return c
}

// TestParseReadsMITCaches reads what MIT's library writes now, in both formats,
// and what it wrote once.
func TestParseReadsMITCaches(t *testing.T) {
	for _, format := range []int{3, 4} {
		t.Run(fmt.Sprintf("stored %d", format), func(t *testing.T) {
			b, err := os.ReadFile(fmt.Sprintf("../testdata/mit-%d.ccache", format))
			if err != nil {
				t.Fatal(err)
			}
			c := checkMITCCache(t, b)
			i := newClient(t,
				kdc.ClientConfig{Credentials: c.Tickets, Time: func() time.Time { return c.Tickets[0].EndTime.Add(time.Hour) }})
			if _, err := i.ServiceTicket(t.Context(), "soap/other"); !errors.Is(err,
				&kerberos.Error{Code: kerberos.CodeCredentialExpired}) {
				t.Error(err)
			}
		})
		t.Run(fmt.Sprintf("live %d", format), func(t *testing.T) {
			b := mitCCache(t, format)
			if int(b[1]) != format {
				t.Fatalf("format %d", b[1])
			}
			checkMITCCache(t, b)
		})
	}
}

// TestWriteFileRoundTrips: what WriteFile writes, Load reads, and so does
// gokrb5.
func TestWriteFileRoundTrips(t *testing.T) {
	t.Parallel()
	k := krbtest.New(krbtest.Config{})
	k.AddService(service)
	var want ccache.Cache
	for _, e := range []int32{17, 18, 19, 20, 23} {
		ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: e})
		if err != nil {
			t.Fatal(err)
		}
		ticket.EndTime = ticket.EndTime.UTC().Truncate(time.Second)
		want.Client, want.Tickets = ticket.Client, append(want.Tickets, ticket)
	}
	want.KDCOffset = -3*time.Second - 250*time.Millisecond
	path := filepath.Join(t.TempDir(), "cc")
	if err := want.WriteFile("FILE:" + path); err != nil {
		t.Fatal(err)
	}
	if err := want.WriteFile(path); err != nil { // again, over it
		t.Fatal(err)
	}
	got, err := ccache.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() || got.KDCOffset != want.KDCOffset || len(got.Tickets) != len(want.Tickets) {
		t.Errorf("%v\nwant %v", got, &want)
	}
	theirs, err := credentials.LoadCCache(path)
	if err != nil || len(theirs.Credentials) != len(want.Tickets) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Error("leaves something behind:", entries, err)
	}
	for n := range want.Tickets {
		if !got.Tickets[n].SessionKey.Equal(want.Tickets[n].SessionKey) ||
			!bytes.Equal(got.Tickets[n].Ticket, want.Tickets[n].Ticket) {
			t.Errorf("entry %d differs", n)
		}
	}
	if err := want.WriteFile(filepath.Join(t.TempDir(), "no/such/dir")); err == nil {
		t.Error("written into a directory that is not there")
	}
	if _, err := (&ccache.Cache{Client: want.Client, Tickets: []kerberos.Credential{{}}}).AppendBinary(nil); err == nil {
		t.Error("an empty ticket was written")
	}
}

// TestParseRejectsBadCaches: errors name other types of caches, with the cure,
// and have positions of damage, without content.
func TestParseRejectsBadCaches(t *testing.T) {
	t.Parallel()
	for path, says := range map[string]string{
		"KCM:1000":                  "is of type KCM; only files can be read: set KRB5CCNAME=FILE:",
		"KEYRING:persistent:1000":   "is of type KEYRING",
		"DIR:/tmp/cc":               "is of type DIR",
		"MEMORY:x":                  "is of type MEMORY",
		"API:":                      "is of type API",
		"":                          "without a path",
		"FILE:":                     "without a path",
		"FILE:/no/such/file":        "no such file",
		"/no/such/file:with:colons": "no such file",
		"FILE:/tmp/%{LIBDIR}/cc":    "parameter %{LIBDIR} of a name in krb5.conf is not known here",
	} {
		_, err := ccache.Load(path)
		wantRefusal(t, err, kerberos.CodeCCache, says)
	}
	whole, err := os.ReadFile("../testdata/mit-4.ccache")
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		c, err := ccache.Parse(whole[:n])
		if err == nil && len(c.Tickets) > 2 || err != nil && strings.Contains(err.Error(), "alice") {
			t.Errorf("first %d octets: %v, %v", n, c, err)
		}
	}
	old, err := os.ReadFile("../testdata/mit-3.ccache")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(old, []byte{0, 18, 0, 18})
	old[at+1] = 17
	for text, says := range map[string]string{
		string(old):        "two different encryption types",
		"":                 "not a credential cache",
		"\x05\x02":         "format 2, which nothing writes",
		"\x05\x05":         "not a credential cache",
		"\x05\x04\xff\xff": "cut off",
		"\x05\x03":         "cut off",
		"\x05\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01A": "without name or realm",
		"\x05\x03\x00\x00\x00\x01\xff\xff\xff\xff":                  "too many components",
	} {
		if _, err := ccache.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}
