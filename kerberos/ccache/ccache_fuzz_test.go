package ccache

import (
	"bytes"
	"os"
	"reflect"
	"testing"

	"github.com/jcmturner/gokrb5/v8/credentials"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
)

// FuzzParseCCache: no octets panic; what is read is written and read again as
// the same; and where gokrb5 reads a file too, it finds the same tickets and
// keys.
func FuzzParseCCache(f *testing.F) {
	for _, name := range []string{"../testdata/mit-3.ccache", "../testdata/mit-4.ccache"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		written, err := c.AppendBinary(nil)
		if err != nil {
			t.Fatalf("read and not written: %v", err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("written and not read: %v", err)
		}
		if again.Client.String() != c.Client.String() || again.KDCOffset != c.KDCOffset || again.Skipped != 0 ||
			!sameTickets(again.Tickets, c.Tickets) {
			t.Fatalf("%v\nafter writing\n%v", c, again)
		}
		compareGokrb5CCache(t, b, c)
	})
}

func sameTickets(a, b []kerberos.Credential) bool {
	for n := range a {
		x, y := a[n], b[n]
		if !x.SessionKey.Equal(y.SessionKey) {
			return false
		}
		x.SessionKey, y.SessionKey = etype.Key{}, etype.Key{}
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return len(a) == len(b)
}

// compareGokrb5CCache compares only files with MIT's header: gokrb5 takes the
// header's length for a position, and reads what follows another one from the
// wrong place.
func compareGokrb5CCache(t *testing.T, b []byte, c *Cache) {
	if b[1] == 4 && !bytes.HasPrefix(b[2:], []byte{0, 12, 0, 1, 0, 8}) {
		return
	}
	var theirs credentials.CCache
	if !gokrb5Reads(&theirs, b) {
		return
	}
	n := 0
	for _, g := range theirs.Credentials {
		if n == len(c.Tickets) {
			break
		}
		o := c.Tickets[n]
		if !bytes.Equal(g.Ticket, o.Ticket) { // one that we left out
			continue
		}
		if n++; !bytes.Equal(g.Key.KeyValue, o.SessionKey.ExposeKeyOctets()) || g.Key.KeyType != o.SessionKey.Etype() ||
			g.Client.Realm != o.Client.Realm {
			t.Errorf("gokrb5 reads the ticket for %v otherwise", o.Service)
		}
	}
	if n != len(c.Tickets) {
		t.Errorf("gokrb5 has %d of %d tickets", n, len(c.Tickets))
	}
}

// gokrb5Reads survives its panics.
func gokrb5Reads(c *credentials.CCache, b []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return c.Unmarshal(b) == nil
}
