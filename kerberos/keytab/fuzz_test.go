package keytab

import (
	"bytes"
	"os"
	"strings"
	"testing"

	gokeytab "github.com/jcmturner/gokrb5/v8/keytab"
)

// FuzzParseKeytab: what we read, gokrb5 reads as the same entries.
func FuzzParseKeytab(f *testing.F) {
	b, err := os.ReadFile("../testdata/cxf.keytab")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:400])
	f.Add(append([]byte{5, 2}, parseEntry(false, 18, 32, 7, []byte{0, 0, 1, 7})...))
	f.Add(append([]byte{5, 1}, parseEntry(true, 17, 16, 7, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		kt, err := Parse(b)
		if err != nil {
			return
		}
		var theirs gokeytab.Keytab
		if len(b) < 6 || theirs.Unmarshal(b) != nil {
			return
		}
		if len(theirs.Entries) != len(kt.entries) {
			t.Fatalf("%d entries, gokrb5 has %d", len(kt.entries), len(theirs.Entries))
		}
		for i, e := range kt.entries {
			if e.Kvno != theirs.Entries[i].KVNO || !e.Key.IsZero() &&
				string(e.Key.ExposeKeyOctets()) != string(theirs.Entries[i].Key.KeyValue) {
				t.Errorf("entry %d differs", i)
			}
		}
		if text := kt.String(); strings.Contains(text, "\x00") && !bytes.Contains(b, []byte{0}) {
			t.Error(text)
		}
	})
}
