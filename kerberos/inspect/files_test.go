package inspect

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// variants are octets as they are, with one bit changed, and cut off.
func variants(b []byte, count int) (list [][]byte) {
	r := rand.New(rand.NewPCG(7, 8))
	list = append(list, b)
	for range count {
		c := bytes.Clone(b)
		c[r.IntN(len(c))] ^= 1 << r.IntN(8)
		list = append(list, c, b[:1+r.IntN(len(b)-1)])
	}
	return list
}

// TestFilesAreSoundIfTheirReadersTakeThem: key files and credential caches, also
// damaged ones.
func TestFilesAreSoundIfTheirReadersTakeThem(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func([]byte) error{
		"cxf.keytab":            func(b []byte) error { _, err := keytab.Parse(b); return err },
		"samba.keytab":          func(b []byte) error { _, err := keytab.Parse(b); return err },
		"tokens/service.keytab": func(b []byte) error { _, err := keytab.Parse(b); return err },
		"mit-3.ccache":          func(b []byte) error { _, err := ccache.Parse(b); return err },
		"mit-4.ccache":          func(b []byte) error { _, err := ccache.Parse(b); return err },
	} {
		src, err := os.ReadFile(filepath.Join("../testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range variants(src, 200) {
			if len(b) < 2 || b[0] != 5 {
				continue // no file of these
			}
			err, r := read(b), New(Config{}).Inspect(b)
			if r.Sound != (err == nil) || r.Asked {
				t.Errorf("%s: sound %t, its reader: %v\n%s", name, r.Sound, err, r.Node.AppendText(nil))
			}
		}
	}
}

// pacOfTicket decrypts a ticket and returns its PAC.
func pacOfTicket(t *testing.T, ticket []byte, key etype.Key) []byte {
	t.Helper()
	r, err := krbmsg.TicketInClear(ticket)
	if err != nil {
		t.Fatal(err)
	}
	const usageTicket = 2
	plain, err := etype.NewUsageKey(key, usageTicket).Decrypt(nil, r.Ticket.Cipher)
	if err != nil {
		t.Fatal(err)
	}
	part, err := krbmsg.ParseEncTicketPart(plain)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pac.Find(part.AuthzData)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPACsAreExplainedAsTheyAreRead: a PAC has a problem if its reader refuses it,
// and the server signature is right if an acceptor finds it so.
func TestPACsAreExplainedAsTheyAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../testdata/heimdal-pacs.txt")
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 5 || f[0] == "#" || f[2] == "3" {
			continue // DES has no key here
		}
		et, _ := strconv.Atoi(f[2])
		octets, _ := hex.DecodeString(f[3])
		key, err := etype.NewKey(int32(et), octets)
		if err != nil {
			t.Fatal(err)
		}
		src, _ := hex.DecodeString(f[4])
		if f[0] == "ticket" {
			src = pacOfTicket(t, src, key)
		}
		for _, b := range variants(src, 100) {
			var n Node
			(&inspection{Inspector: New(Config{})}).pac(&n, b, key)
			buffers, err := pac.ParseBuffers(b)
			if err == nil {
				_, err = buffers.Parse()
			}
			shown := strings.Contains(string(n.AppendText(nil)), "right: made with")
			if (n.Problem == "") != (err == nil) || shown != (buffers.Verify(key) == nil) {
				t.Errorf("%s: %v, %v\n%s", f[1], err, buffers.Verify(key), n.AppendText(nil))
			}
			if shown {
				right++
			}
		}
	}
	if right < 9 {
		t.Errorf("%d signatures are right", right)
	}
}
