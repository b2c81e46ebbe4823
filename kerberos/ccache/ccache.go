package ccache

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// Limits of a credential cache.
const (
	maxCCacheBytes   = 16 << 20
	maxCCacheTickets = 4096
)

// A Cache is a credential cache: a client's tickets with their session keys.
// Handle it like a password.
type Cache struct {
	Client  kerberos.Principal
	Tickets []kerberos.Credential // in the file's order
	Skipped int                   // number of entries whose session key is of an unsupported encryption type
	// KDCOffset is the KDC's clock minus that of the machine that wrote the
	// cache; 0 if the file has none.
	KDCOffset time.Duration
}

// Load reads a credential cache file. The path may begin with "FILE:", as
// KRB5CCNAME does. Other types of caches are refused. Errors are
// [*kerberos.Error] with [kerberos.CodeCCache].
func Load(path string) (*Cache, error) {
	name, err := ccachePath(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if parameter := krb5conf.ConfParameter(name); err != nil && parameter != "" {
		return nil, &kerberos.Error{Code: kerberos.CodeCCache, Detail: "credential cache: parameter " + parameter +
			" of a name in krb5.conf is not known here", Err: err}
	} else if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeCCache, Detail: "credential cache", Err: err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCCacheBytes+1))
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeCCache, Detail: "credential cache", Err: err}
	}
	defer clear(b)
	c, err := Parse(b)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeCCache, Detail: name, Err: err}
	}
	return c, nil
}

// ccachePath returns the path in the name of a cache, which must be of type
// FILE.
func ccachePath(path string) (string, error) {
	kind, rest, ok := strings.Cut(path, ":")
	if ok && kind == "FILE" {
		path = rest
	} else if ok && kind != "" && strings.ToUpper(kind) == kind && !strings.ContainsAny(kind, "/.") && len(kind) > 1 {
		return "", kerberos.Errorf(kerberos.CodeCCache, "credential cache %.100q is of type %s; only files can be read: "+
			"set KRB5CCNAME=FILE:/path where the tickets are got (kinit -c FILE:/path)", path, kind)
	}
	if path == "" {
		return "", kerberos.Errorf(kerberos.CodeCCache, "credential cache without a path")
	}
	return path, nil
}

// Parse reads the octets of a credential cache file, format 3 or 4.
// Configuration entries and removed ones are left out. Errors hold positions,
// never content: a credential cache is a secret.
func Parse(b []byte) (*Cache, error) {
	c, err := ParsePartial(b)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ParsePartial is like [Parse], but with an error it returns what stands before
// the fault.
func ParsePartial(b []byte) (*Cache, error) {
	c := new(Cache)
	switch {
	case len(b) > maxCCacheBytes:
		return c, fmt.Errorf("ccache: more than %d octets", maxCCacheBytes)
	case len(b) < 2 || b[0] != 5 || b[1] < 1 || b[1] > 4:
		return c, errors.New("ccache: does not begin with 05 03 or 05 04: not a credential cache")
	case b[1] < 3:
		return c, fmt.Errorf("ccache: format %d, which nothing writes since 1996; get new tickets (kinit)", b[1])
	}
	r := ccacheReader{v3: b[1] == 3, b: b, pos: 2}
	if !r.v3 {
		c.KDCOffset = r.header()
	}
	c.Client = r.principal()
	if r.why == "" && (len(c.Client.Components) == 0 || c.Client.Realm == "") {
		r.fail("client without name or realm")
	}
	for n := 0; r.why == "" && r.pos < len(b); n++ {
		start := r.pos
		t, kind := r.credential()
		if n == maxCCacheTickets {
			r.fail("more entries than a credential cache has")
		}
		if r.why != "" {
			return c, fmt.Errorf("ccache: entry at octet %d: %s", start, r.why)
		}
		switch kind {
		case entryTicket:
			c.Tickets = append(c.Tickets, t)
		case entryUnsupported:
			c.Skipped++
		}
	}
	if r.why != "" {
		return c, fmt.Errorf("ccache: octet %d: %s", r.pos, r.why)
	}
	return c, nil
}

// Kinds of entries.
const (
	entryTicket = iota
	entryUnsupported
	entryIgnored // configuration, or removed
)

// Realms of entries that are not tickets: MIT's configuration entries, and
// removed ones.
const (
	ccacheConfigRealm  = "X-CACHECONF:"
	ccacheRemovedRealm = "X-RMED-CONF:"
)

// ccacheReader reads fields, all big-endian; the first failure sticks.
type ccacheReader struct {
	v3  bool
	b   []byte
	pos int
	why string
}

func (r *ccacheReader) fail(why string) {
	if r.why == "" {
		r.why = why
	}
}

// bytes returns the next n octets, as a slice of the input.
func (r *ccacheReader) bytes(n uint32) []byte {
	if r.why != "" || uint64(n) > uint64(len(r.b)-r.pos) {
		r.fail("cut off")
		return nil
	}
	v := r.b[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return v
}

func (r *ccacheReader) uint16() uint16 {
	if v := r.bytes(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *ccacheReader) uint32() uint32 {
	if v := r.bytes(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *ccacheReader) data() []byte { return r.bytes(r.uint32()) }

// header reads the tags of format 4 and returns the KDC's offset.
func (r *ccacheReader) header() (offset time.Duration) {
	end := int(r.uint16())
	for end += r.pos; r.why == "" && r.pos < end; {
		tag, value := r.uint16(), r.bytes(uint32(r.uint16()))
		if tag == 1 && len(value) == 8 {
			offset = time.Duration(int32(binary.BigEndian.Uint32(value)))*time.Second +
				time.Duration(int32(binary.BigEndian.Uint32(value[4:])))*time.Microsecond
		}
	}
	if r.pos > end {
		r.fail("header is longer than it says")
	}
	return offset
}

func (r *ccacheReader) principal() (p kerberos.Principal) {
	r.uint32() // name type
	n := r.uint32()
	if n > kerberos.MaxComponents {
		r.fail("name of too many components")
	}
	name := func(what string) string {
		s := r.data()
		if len(s) > kerberos.MaxNameBytes || !kerberos.LegalName(string(s)) {
			r.fail(what + " with control characters, not in UTF-8 or too long")
			return ""
		}
		return string(s)
	}
	p.Realm = name("realm")
	for ; n > 0 && r.why == ""; n-- {
		p.Components = append(p.Components, name("name"))
	}
	return p
}

func (r *ccacheReader) time() time.Time {
	if v := r.uint32(); v != 0 {
		return time.Unix(int64(v), 0).UTC()
	}
	return time.Time{}
}

func (r *ccacheReader) credential() (t kerberos.Credential, kind int) {
	t.Client, t.Service = r.principal(), r.principal()
	et := int32(int16(r.uint16()))
	if r.v3 && int32(int16(r.uint16())) != et { // it is there twice
		r.fail("two different encryption types of a key")
	}
	octets := r.data()
	t.AuthTime, t.StartTime, t.EndTime, t.RenewTill = r.time(), r.time(), r.time(), r.time()
	userToUser := r.bytes(1)
	t.Flags = r.uint32()
	for range 2 { // addresses, authorization data
		for n := r.uint32(); n > 0 && r.why == ""; n-- {
			r.uint16()
			r.data()
		}
	}
	ticket := r.data()
	r.data() // second ticket, of user-to-user
	if r.why != "" {
		return kerberos.Credential{}, 0
	}
	if t.Service.Realm == ccacheConfigRealm || t.Service.Realm == ccacheRemovedRealm || t.EndTime.IsZero() {
		return t, entryIgnored
	}
	if _, ok := etype.ByID(et); !ok || userToUser[0] != 0 {
		return t, entryUnsupported
	}
	key, err := etype.NewKey(et, octets)
	p := der.Parser{In: "ticket"}
	if krbmsg.ReadTicketHead(&p, ticket); err != nil || p.Err != nil || t.Client.Realm == "" ||
		len(t.Client.Components) == 0 || len(t.Service.Components) == 0 {
		r.fail("key, ticket or names are malformed")
		return kerberos.Credential{}, 0
	}
	t.SessionKey, t.Ticket = key, slices.Clone(ticket)
	return t, entryTicket
}

// AppendBinary appends the octets of a cache file, format 4. They hold the
// keys: use [Cache.WriteFile]. It returns an error if a ticket is incomplete.
func (c *Cache) AppendBinary(b []byte) ([]byte, error) {
	be := binary.BigEndian
	offset := c.KDCOffset.Truncate(time.Microsecond)
	seconds := offset / time.Second
	b = append(b, 5, 4, 0, 12, 0, 1, 0, 8)
	b = be.AppendUint32(b, uint32(int32(seconds)))
	b = be.AppendUint32(b, uint32(int32((offset-seconds*time.Second)/time.Microsecond)))
	b = appendCCacheName(b, krbmsg.NamePrincipal, c.Client)
	for n := range c.Tickets {
		t := &c.Tickets[n]
		if err := t.Complete(); err != nil {
			return nil, fmt.Errorf("ccache: entry %d: %w", n, err)
		}
		b = appendCCacheName(b, krbmsg.NamePrincipal, t.Client)
		b = appendCCacheName(b, uint32(krbmsg.ServiceNameType(t.Service.Components)), t.Service)
		b = be.AppendUint16(b, uint16(t.SessionKey.Etype()))
		b = appendCCacheData(b, t.SessionKey.ExposeKeyOctets())
		for _, at := range []time.Time{t.AuthTime, t.StartTime, t.EndTime, t.RenewTill} {
			var v uint32
			if !at.IsZero() {
				v = uint32(at.Unix())
			}
			b = be.AppendUint32(b, v)
		}
		b = append(b, 0) // not user-to-user
		b = be.AppendUint32(b, t.Flags)
		b = append(b, make([]byte, 8)...) // no addresses, no authorization data
		b = appendCCacheData(b, t.Ticket)
		b = be.AppendUint32(b, 0)
	}
	return b, nil
}

func appendCCacheData[S string | []byte](b []byte, s S) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendCCacheName(b []byte, nameType uint32, p kerberos.Principal) []byte {
	b = binary.BigEndian.AppendUint32(b, nameType)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Components)))
	b = appendCCacheData(b, p.Realm)
	for _, s := range p.Components {
		b = appendCCacheData(b, s)
	}
	return b
}

// WriteFile replaces the file with the cache, readable by its owner only.
// Others see the old file or the new one, never a part. The path may begin with
// "FILE:".
func (c *Cache) WriteFile(path string) (err error) {
	name, err := ccachePath(path)
	if err != nil {
		return err
	}
	b, err := c.AppendBinary(nil)
	if err != nil {
		return err
	}
	defer clear(b)
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // of mode 0600
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeCCache, Detail: "credential cache", Err: err}
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return &kerberos.Error{Code: kerberos.CodeCCache, Detail: "credential cache", Err: err}
	}
	return nil
}

// String returns the client, its services and until when their tickets are
// good, never keys.
func (c *Cache) String() string {
	var services []string
	for _, t := range c.Tickets {
		services = append(services, fmt.Sprintf("%s until %s", t.Service, kerberos.FormatTime(t.EndTime)))
	}
	return fmt.Sprintf("%s: %s", c.Client, cmp.Or(strings.Join(services, ", "), "none"))
}

// Format writes [Cache.String] for every verb.
func (c *Cache) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }
