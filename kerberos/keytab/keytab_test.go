package keytab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gokeytab "github.com/jcmturner/gokrb5/v8/keytab"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
)

func testKeytab(t testing.TB) *Keytab {
	t.Helper()
	var entries []Entry
	for i, name := range []string{"soap/gw.example.com@EXAMPLE.COM", "soap/gw.example.com@EXAMPLE.COM", "host/x@OTHER"} {
		p, err := kerberos.ParsePrincipal(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, et := range etype.All() {
			key, err := etype.GenerateKey(et.ID)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries,
				Entry{Principal: p, Kvno: uint32(i + 255), Timestamp: time.Unix(1_700_000_000, 0).UTC(), Etype: et.ID, Key: key})
		}
	}
	return New(entries...)
}

// sameAsGokrb5 compares the entries with gokrb5's reading of the same octets.
func sameAsGokrb5(t *testing.T, b []byte, ours *Keytab) {
	t.Helper()
	theirs := gokeytab.New()
	if err := theirs.Unmarshal(b); err != nil {
		t.Fatal("gokrb5:", err)
	}
	if len(theirs.Entries) != len(ours.Entries()) {
		t.Fatalf("%d entries, gokrb5 has %d", len(ours.Entries()), len(theirs.Entries))
	}
	for i, e := range ours.Entries() {
		g := theirs.Entries[i]
		if g.Principal.Realm != e.Principal.Realm ||
			strings.Join(g.Principal.Components, "\x00") != strings.Join(e.Principal.Components, "\x00") ||
			g.KVNO != e.Kvno || g.Key.KeyType != e.Etype || !e.Key.IsZero() &&
			!bytes.Equal(g.Key.KeyValue, e.Key.ExposeKeyOctets()) || !g.Timestamp.Equal(e.Timestamp) {
			t.Errorf("entry %d: %v kvno %d etype %d, gokrb5 has %v kvno %d etype %d", i, e.Principal, e.Kvno, e.Etype,
				g.Principal, g.KVNO, g.Key.KeyType)
		}
	}
}

func TestLoadAgreesWithGokrb5(t *testing.T) {
	t.Parallel()
	path := filepath.Join("../testdata", "cxf.keytab")
	kt, err := Load("FILE:" + path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sameAsGokrb5(t, b, kt)
	if got := kt.String(); !strings.Contains(got, "soap/rc4only.example.com@EXAMPLE.COM: kvno 1 etype 23 (rc4-hmac)") {
		t.Error(got)
	}
}

func TestAppendBinaryRoundTrips(t *testing.T) {
	t.Parallel()
	kt := testKeytab(t)
	b, err := kt.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	sameAsGokrb5(t, b, again)
	for i, e := range again.Entries() {
		o := kt.Entries()[i]
		if e.Principal.String() != o.Principal.String() || e.Kvno != o.Kvno || !e.Key.Equal(o.Key) || e.ShortKvno {
			t.Errorf("entry %d: %v kvno %d", i, e.Principal, e.Kvno)
		}
	}
}

// parseEntry is a raw entry for format 2, or 1 when v1.
func parseEntry(v1 bool, etype int16, keyLen int, vno8 byte, tail []byte) []byte {
	var o binary.AppendByteOrder = binary.BigEndian
	n := uint16(1)
	if v1 {
		o, n = binary.NativeEndian, 2
	}
	b := o.AppendUint16(nil, n)
	for _, s := range []string{"EXAMPLE.COM", "host"} {
		b = append(o.AppendUint16(b, uint16(len(s))), s...)
	}
	if !v1 {
		b = o.AppendUint32(b, 1)
	}
	b = append(o.AppendUint32(b, 1_700_000_000), vno8)
	b = o.AppendUint16(b, uint16(etype))
	b = append(o.AppendUint16(b, uint16(keyLen)), make([]byte, keyLen)...)
	b = append(b, tail...)
	return append(o.AppendUint32(nil, uint32(len(b))), b...)
}

func TestParseReadsEveryShape(t *testing.T) {
	t.Parallel()
	entry := parseEntry(false, 18, 32, 7, nil)
	hole := append([]byte{0xff, 0xff, 0xff, 0xf6}, make([]byte, 10)...)
	v2 := func(parts ...[]byte) []byte { return append([]byte{5, 2}, bytes.Join(parts, nil)...) }
	for _, test := range []struct {
		name  string
		file  []byte
		kvnos []uint32
		bad   string
	}{
		{"empty", v2(), nil, ""},
		{"8-bit kvno", v2(entry), []uint32{7}, ""},
		{"32-bit kvno", v2(parseEntry(false, 18, 32, 7, []byte{0, 1, 0, 7})), []uint32{65543}, ""},
		{"32-bit kvno of fill", v2(parseEntry(false, 18, 32, 7, []byte{0, 0, 0, 0})), []uint32{7}, ""},
		{"fill behind the 32-bit kvno, as Samba's", v2(parseEntry(false, 18, 32, 3, []byte{0, 0, 0, 3, 0, 0, 0, 0}),
			parseEntry(false, 17, 16, 3, []byte{0, 0, 0, 3, 0, 0, 0, 0})), []uint32{3, 3}, ""},
		{"hole", v2(entry, hole, entry), []uint32{7, 7}, ""},
		{"hole at the end", v2(entry, hole), []uint32{7}, ""},
		{"preallocated end", v2(entry, make([]byte, 100)), []uint32{7}, ""},
		{"format 1", append([]byte{5, 1}, parseEntry(true, 17, 16, 3, nil)...), []uint32{3}, ""},
		{"unsupported etype", v2(parseEntry(false, 16, 24, 7, nil)), []uint32{7}, ""},
		{"not a keytab", []byte("BEGIN"), nil, "not a keytab"},
		{"format 3", []byte{5, 3}, nil, "is a credential cache"},
		{"hole beyond the end", v2(hole[:8]), nil, "longer than the file"},
		{"hole of 2^31", v2([]byte{0x80, 0, 0, 0}), nil, "longer than the file"},
		{"entry beyond the end", v2(entry[:len(entry)-1]), nil, "longer than the file"},
		{"half a size", v2(entry, []byte{0, 0}), nil, "cut off"},
		{"short entry", v2([]byte{0, 0, 0, 3, 0, 1, 0}), nil, "cut off"},
		{"key of a wrong length", v2(parseEntry(false, 18, 16, 7, nil)), nil, "16 octets"},
		{"many components", v2([]byte{0, 0, 0, 4, 0xff, 0xff, 0, 0}), nil, "65535 components"},
	} {
		t.Run(test.name, func(t *testing.T) {
			kt, err := Parse(test.file)
			if test.bad != "" {
				if err == nil || !strings.Contains(err.Error(), test.bad) {
					t.Fatalf("%v, want %q", err, test.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(kt.Entries()) != len(test.kvnos) {
				t.Fatalf("%d entries", len(kt.Entries()))
			}
			for i, e := range kt.Entries() {
				if e.Kvno != test.kvnos[i] || e.Principal.String() != "host@EXAMPLE.COM" {
					t.Errorf("%v kvno %d", e.Principal, e.Kvno)
				}
			}
			if len(test.kvnos) > 0 {
				sameAsGokrb5(t, test.file, kt)
			}
		})
	}
}

func TestLoadRejectsBadFiles(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, append([]byte{5, 2, 0, 0, 1, 0}, "the secret"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) ||
		strings.Contains(err.Error(), "the secret") {
		t.Error(err)
	}
}
