package doctor_test

import (
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/doctor"
)

// offline is a clinic without a KDC; its keytab is to be written. What depends
// on a KDC is wrong.
func offline(t *testing.T) *clinic {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	c := &clinic{t: t, names: &names{
		hosts:   map[string][]string{"gw.example.com": {"192.0.2.7"}},
		reverse: map[string][]string{"192.0.2.7": {"gw.example.com."}},
	}}
	c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n"
	c.cfg = doctor.Config{Resolver: c.names, StateDir: t.TempDir(), Timeout: 2 * time.Second}
	os.Chmod(c.cfg.StateDir, 0o700)
	c.settings = []string{"backend: " + backend.URL, "service: " + soap + "@EXAMPLE.COM", "listen: 127.0.0.1:1"}
	return c
}

// expectOf is expect for the lines of some checks alone.
func (c *clinic) expectOf(checks string, want ...string) {
	c.t.Helper()
	var bad []string
	for _, r := range c.run() {
		if strings.Contains(checks, r.Check) && r.Status != doctor.OK && r.Status != doctor.Skip {
			bad = append(bad, string(r.Status)+" "+r.Check+" "+r.Subject+": "+r.Found+"; "+r.Cure)
		}
	}
	if len(bad) != len(want) {
		c.t.Errorf("%d lines, want %d:\n%s", len(bad), len(want), strings.Join(bad, "\n"))
		return
	}
	for i, w := range want {
		if !inOrder(bad[i], w) {
			c.t.Errorf("line %d is %q, want %q", i+1, bad[i], w)
		}
	}
}

// rawEntry is an entry of a keytab file, format 2, that keytab.New would not
// make. long adds the 32-bit kvno.
func rawEntry(kvno byte, long uint32, etype uint16, key string, name ...string) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, uint16(len(name)-1))
	for _, s := range name {
		b = append(be.AppendUint16(b, uint16(len(s))), s...)
	}
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, 1700000000)
	b = be.AppendUint16(append(b, kvno), etype)
	b = append(be.AppendUint16(b, uint16(len(key))), key...)
	if long != 0 {
		b = be.AppendUint32(b, long)
	}
	return append(be.AppendUint32(nil, uint32(len(b))), b...)
}

func rawKeytab(entries ...[]byte) []byte {
	b := []byte{5, 2}
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

const (
	key1 = "0123456789abcdef0123456789abcdef"
	key2 = "fedcba9876543210fedcba9876543210"
)

// Keys whose version the file has only 8 bits of, and a KDC that is beyond.
func TestCheckKvnosReadsShortVersions(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	for range 260 {
		k.AddService(soap)
	}
	e := k.Entries([]string{soap}, 18)[0]
	c := withFake(t, k, e)
	c.keytabOctets("keytab", rawKeytab(rawEntry(4, 0, 18, string(e.Key.ExposeKeyOctets()), "EXAMPLE.COM",
		"soap", "gw.example.com")))
	c.expect()
	if e.Kvno != 260 {
		t.Fatal(e.Kvno)
	}
	c.keytabOctets("keytab", rawKeytab(rawEntry(9, 9, 18, string(e.Key.ExposeKeyOctets()), "EXAMPLE.COM",
		"soap", "gw.example.com")))
	c.expect("warn kvno … under kvno 260 … the keytab has that key as kvno 9: it is found by trying")
	c.set("exact-kvno", "true")
	c.expect("fail kvno … which exact-kvno does not accept; remove exact-kvno")
}

// The ticket is of a type that the keytab lacks.
func TestCheckKvnosFindsAKeytabWithoutTheKDCsType(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	k.AddService("GW$")
	entries := append(k.Entries([]string{soap}, 17), k.Entries([]string{"GW$"}, 18)...)
	c := withFake(t, k, entries...)
	c.expect("fail kvno … under kvno 1, aes256-cts-hmac-sha1-96; the keytab has kvno 1 (17), none of that type")
}
