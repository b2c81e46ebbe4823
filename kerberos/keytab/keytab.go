package keytab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
)

// Limits of a keytab. A file within them has at most some 300,000 entries.
const (
	maxKeytabBytes = 16 << 20
	maxTrials      = 16 // decryptions tried for one ticket
)

// An Entry is one key of a keytab.
type Entry struct {
	Principal kerberos.Principal
	Kvno      uint32 // 0 if the file has none: it then fits any ticket's
	Timestamp time.Time
	Etype     int32     // as in the file; may be unsupported
	Key       etype.Key // zero when Etype is not supported
	// ShortKvno is set if the file holds only the low 8 bits of Kvno.
	ShortKvno bool

	// open is [etype.UsageKey.Decrypt] for tickets, nil when Key is zero. It is
	// a func so that fmt cannot print the key, as in [etype.Key].
	open func(buf, ciphertext []byte) ([]byte, error)
}

// A Keytab holds the long-term keys of services, indexed, with the derived keys
// that decrypt tickets. It is immutable and safe for concurrent use. The zero
// value is empty.
type Keytab struct {
	entries []Entry
	byName  map[string][]*Entry // by Principal.String(); newest kvno first
	names   []string            // keys of byName, sorted
	folded  map[string]string   // names by lower case, with and without realm, for hints
}

// Load reads a keytab file. The path may begin with "FILE:", as MIT's do.
func Load(path string) (*Keytab, error) {
	path = strings.TrimPrefix(path, "FILE:")
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keytab: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeytabBytes+1))
	if err != nil {
		return nil, fmt.Errorf("keytab: %w", err)
	}
	kt, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return kt, nil
}

// Parse reads the octets of a keytab file, format 1 or 2. Format 1 has the byte
// order of the machine that wrote it, which is taken to be this one's. Holes
// are skipped. Entries of unsupported encryption types are listed but never
// used. Errors are [*FormatError] and hold positions, never content: a keytab
// is a secret.
func Parse(b []byte) (*Keytab, error) {
	entries, err := ParseEntries(b)
	if err != nil {
		return nil, Explain(b, err)
	}
	return newKeytab(entries), nil
}

// ParseEntries returns the entries of a keytab file. With an error it returns
// the entries before the fault.
func ParseEntries(b []byte) (entries []Entry, err error) {
	if len(b) > maxKeytabBytes {
		return nil, fmt.Errorf("keytab: more than %d octets", maxKeytabBytes)
	}
	if len(b) < 2 || b[0] != 5 || b[1] != 1 && b[1] != 2 {
		return nil, errors.New("keytab: does not begin with 05 01 or 05 02: not a keytab")
	}
	r := keytabReader{order: binary.BigEndian, v1: b[1] == 1}
	if r.v1 {
		r.order = binary.NativeEndian
	}
	for pos := 2; pos < len(b); {
		if len(b)-pos < 4 {
			return entries, fmt.Errorf("keytab: cut off at octet %d", pos)
		}
		size := int64(int32(r.order.Uint32(b[pos:])))
		if size == 0 {
			break // the rest of the file is preallocated
		}
		pos += 4
		if n := max(size, -size); n > int64(len(b)-pos) {
			return entries, fmt.Errorf("keytab: entry at octet %d is longer than the file", pos)
		} else if size < 0 {
			pos += int(n) // a deleted entry
			continue
		}
		e, err := r.entry(b[pos : pos+int(size)])
		if err != nil {
			return entries, fmt.Errorf("keytab: entry at octet %d: %w", pos, err)
		}
		entries = append(entries, e)
		pos += int(size)
	}
	return entries, nil
}

// New returns a keytab with these entries. Entries whose Key is zero are listed
// but never used.
func New(entries ...Entry) *Keytab { return newKeytab(slices.Clone(entries)) }

func newKeytab(entries []Entry) *Keytab {
	kt := &Keytab{entries: entries, byName: make(map[string][]*Entry), folded: make(map[string]string)}
	for i := range entries {
		e := &entries[i]
		if !e.Key.IsZero() {
			e.open = etype.NewUsageKey(e.Key, etype.UsageTicket).Decrypt
		}
		name := e.Principal.String()
		kt.byName[name] = append(kt.byName[name], e)
	}
	for name, list := range kt.byName {
		kt.names = append(kt.names, name)
		kt.folded[strings.ToLower(name)] = name
		kt.folded[strings.ToLower(list[0].Principal.Name())] = name
		slices.SortStableFunc(list, func(a, b *Entry) int {
			if a.Kvno != b.Kvno {
				return int(min(max(int64(b.Kvno)-int64(a.Kvno), -1), 1))
			}
			return b.Timestamp.Compare(a.Timestamp)
		})
	}
	slices.Sort(kt.names)
	return kt
}

// keytabReader reads the fields of one entry; the first failure sticks.
type keytabReader struct {
	order binary.ByteOrder
	v1    bool
	b     []byte
	short bool
}

func (r *keytabReader) bytes(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return make([]byte, min(n, 4))
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *keytabReader) uint16() int { return int(r.order.Uint16(r.bytes(2))) }

func (r *keytabReader) uint32() uint32 { return r.order.Uint32(r.bytes(4)) }

func (r *keytabReader) counted() []byte {
	n := r.uint16()
	if n > len(r.b) {
		r.short = true
		return nil
	}
	return r.bytes(n)
}

func (r *keytabReader) entry(b []byte) (e Entry, err error) {
	r.b, r.short = b, false
	n := r.uint16()
	if r.v1 {
		n-- // counts the realm
	}
	if n < 0 || n > kerberos.MaxComponents {
		return e, fmt.Errorf("name of %d components", n)
	}
	e.Principal.Realm = string(r.counted())
	for range n {
		e.Principal.Components = append(e.Principal.Components, string(r.counted()))
	}
	if !r.v1 {
		r.uint32() // name type
	}
	e.Timestamp = time.Unix(int64(r.uint32()), 0).UTC()
	e.Kvno, e.ShortKvno = uint32(r.bytes(1)[0]), true
	e.Etype = int32(int16(r.uint16()))
	octets := r.counted()
	if r.short {
		return e, errors.New("cut off")
	}
	if len(r.b) >= 4 { // the 32-bit kvno; zero is fill
		if v := r.uint32(); v != 0 {
			e.Kvno, e.ShortKvno = v, false
		}
	}
	if _, ok := etype.ByID(e.Etype); ok {
		if e.Key, err = etype.NewKey(e.Etype, octets); err != nil {
			return e, err
		}
	}
	return e, nil
}

// Keytab returns kt itself, so that a keytab that does not change is a
// [Source].
func (kt *Keytab) Keytab() *Keytab { return kt }

// Entries returns a copy of the entries in the file's order.
func (kt *Keytab) Entries() []Entry { return slices.Clone(kt.entries) }

// EntriesOf returns the entries of a principal, by its full name, newest kvno
// first. They must not be changed.
func (kt *Keytab) EntriesOf(principal string) []*Entry { return kt.byName[principal] }

// OpenTicket decrypts the ciphertext of a ticket under the entry's key. The
// plaintext lies in buf if that is large enough. It returns an error if the
// ciphertext is not of this key, or the encryption type is not supported.
func (e *Entry) OpenTicket(buf, ciphertext []byte) ([]byte, error) {
	if e.open == nil {
		return nil, errors.New("key of an encryption type that is not supported")
	}
	return e.open(buf, ciphertext)
}

// Principals returns each principal once, sorted by full name.
func (kt *Keytab) Principals() []kerberos.Principal {
	var list []kerberos.Principal
	for _, name := range kt.names {
		list = append(list, kt.byName[name][0].Principal)
	}
	return list
}

// AppendBinary appends the octets of a keytab file, format 2. They hold the
// keys: write them with permissions 0600. It returns an error if an entry has
// no usable key.
func (kt *Keytab) AppendBinary(b []byte) ([]byte, error) {
	be := binary.BigEndian
	b = append(b, 5, 2)
	for i := range kt.entries {
		e := &kt.entries[i]
		if e.Key.IsZero() {
			return nil, fmt.Errorf("keytab: entry for %s has no usable key", e.Principal)
		}
		start := len(b)
		b = be.AppendUint32(b, 0)
		b = be.AppendUint16(b, uint16(len(e.Principal.Components)))
		for _, s := range append([]string{e.Principal.Realm}, e.Principal.Components...) {
			b = append(be.AppendUint16(b, uint16(len(s))), s...)
		}
		b = be.AppendUint32(b, 1) // NT-PRINCIPAL
		b = be.AppendUint32(b, uint32(e.Timestamp.Unix()))
		b = append(b, byte(e.Kvno))
		b = be.AppendUint16(b, uint16(e.Etype))
		b = append(be.AppendUint16(b, uint16(len(e.Key.ExposeKeyOctets()))), e.Key.ExposeKeyOctets()...)
		b = be.AppendUint32(b, e.Kvno)
		be.PutUint32(b[start:], uint32(len(b)-start-4))
	}
	return b, nil
}

// String returns principals, key versions and encryption types, never keys.
func (kt *Keytab) String() string {
	var lines []string
	for _, name := range kt.names {
		lines = append(lines, name+": "+Versions(kt.byName[name]))
	}
	return strings.Join(lines, "\n")
}

// Format writes [Keytab.String] for every verb.
func (kt *Keytab) Format(f fmt.State, _ rune) { fmt.Fprint(f, kt.String()) }

// Versions returns a list of keys for an error text: "kvno 19 etype 18
// (aes256-…), kvno 18 etype 18 (…)".
func Versions(list []*Entry) string {
	var b strings.Builder
	for i, e := range list {
		if i == 12 {
			fmt.Fprintf(&b, ", … %d more", len(list)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "kvno %d etype %d (%s)", e.Kvno, e.Etype, etype.Name(e.Etype))
	}
	return b.String()
}
