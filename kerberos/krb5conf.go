package kerberos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a krb5.conf, includes counted in.
const (
	maxConfBytes = 1 << 20
	maxConfDepth = 8  // of braces, and of files that include files
	maxConfKDCs  = 16 // of one realm that are used

	maxConfDuration = 100 * 365 * 24 * time.Hour
)

// A Krb5Conf is a krb5.conf: where KDCs are, which realm a host is in, by which realms others are reached. It is
// immutable and safe for concurrent use. The zero value is an empty one.
type Krb5Conf struct{ root confNode }

// A confNode is a section, a relation "name = value", or a relation with others in braces.
type confNode struct {
	name, value string
	final       bool // "name*": later ones of the name do not count
	children    []confNode
}

// ReadKrb5Conf reads a krb5.conf file and puts the files that "include" and "includedir" name, by absolute path, in their
// place: the text for ParseKrb5Conf and InitiatorConfig.
func ReadKrb5Conf(path string) (text string, err error) {
	var b strings.Builder
	if err := readConf(&b, path, 0); err != nil {
		return "", fmt.Errorf("krb5.conf: %w", err)
	}
	return b.String(), nil
}

func readConf(dst *strings.Builder, path string, depth int) error {
	if depth > maxConfDepth {
		return fmt.Errorf("%s: files include each other more than %d deep", path, maxConfDepth)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, int64(maxConfBytes-dst.Len()+1)))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		directive, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		target = strings.TrimSpace(target)
		var err error
		switch directive {
		case "include":
			err = readConf(dst, target, depth+1)
		case "includedir":
			err = readConfDir(dst, target, depth+1)
		default:
			dst.WriteString(strings.TrimRight(line, "\r\n") + "\n")
		}
		if err != nil {
			return err
		}
		if dst.Len() > maxConfBytes {
			return fmt.Errorf("%s: more than %d octets", path, maxConfBytes)
		}
	}
	return nil
}

// readConfDir reads the files that MIT's library reads: those named with letters, digits, "-" and "_" only, or ending in
// ".conf", but not beginning with a dot.
func readConfDir(dst *strings.Builder, dir string, depth int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		plain := !strings.ContainsFunc(e.Name(), func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if e.IsDir() || e.Name()[0] == '.' || !plain && !strings.HasSuffix(e.Name(), ".conf") {
			continue
		}
		if err := readConf(dst, filepath.Join(dir, e.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

// ParseKrb5Conf reads the text of a krb5.conf (MIT's krb5.conf(5)). What this package does not use is read and not kept
// against anybody. Files are not included: see ReadKrb5Conf.
func ParseKrb5Conf(text string) (*Krb5Conf, error) {
	if len(text) > maxConfBytes {
		return nil, fmt.Errorf("krb5.conf: more than %d octets", maxConfBytes)
	}
	p := confParser{stack: []*confNode{{}}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := p.line(strings.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("krb5.conf line %d: %w", number, err)
		}
	}
	if len(p.stack) > 2 || p.pending != "" {
		return nil, errors.New("krb5.conf: ends inside braces")
	}
	p.endSection()
	return &Krb5Conf{*p.stack[0]}, nil
}

type confParser struct {
	stack   []*confNode // the file, the section, what is in braces
	pending string      // "name =" whose brace is on the next line
}

func (p *confParser) line(s string) error {
	if s == "" || s[0] == '#' || s[0] == ';' {
		return nil
	}
	switch {
	case p.pending != "":
		if s != "{" {
			return fmt.Errorf("%.100q has neither a value nor a brace", p.pending)
		}
		s, p.pending = p.pending+" = {", ""
		return p.relation(s)
	case s[0] == '[':
		return p.section(s)
	case s[0] == '}':
		return p.close(s)
	case strings.HasPrefix(s, "include ") || strings.HasPrefix(s, "includedir "):
		return errors.New("includes another file; read the file with ReadKrb5Conf, or put the text here")
	case strings.HasPrefix(s, "module "):
		return nil // a module of MIT's library
	}
	return p.relation(s)
}

func (p *confParser) section(s string) error {
	name, rest, ok := strings.Cut(s[1:], "]")
	if !ok || rest != "" && rest != "*" || name == "" {
		return fmt.Errorf("%.100q is no [section]", s)
	}
	if len(p.stack) > 2 {
		return fmt.Errorf("section %.100q begins inside braces", name)
	}
	p.endSection()
	p.stack = append(p.stack, &confNode{name: name, final: rest == "*"})
	return nil
}

func (p *confParser) endSection() {
	if len(p.stack) == 2 {
		p.stack[0].children = append(p.stack[0].children, *p.stack[1])
		p.stack = p.stack[:1]
	}
}

func (p *confParser) close(s string) error {
	n := len(p.stack)
	if n <= 2 || s != "}" && s != "}*" {
		return fmt.Errorf("%.100q where nothing is open", s)
	}
	node := p.stack[n-1]
	node.final = node.final || s == "}*"
	p.stack = p.stack[:n-1]
	p.stack[n-2].children = append(p.stack[n-2].children, *node)
	return nil
}

func (p *confParser) relation(s string) error {
	name, value, ok := strings.Cut(s, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" {
		return fmt.Errorf("%.100q is no name = value", s)
	}
	if len(p.stack) < 2 {
		return fmt.Errorf("%.100q stands before the first [section]", name)
	}
	if value == "" {
		p.pending = name
		return nil
	}
	plain, final := strings.CutSuffix(name, "*")
	node := confNode{name: strings.TrimSpace(plain), final: final}
	if value == "{" {
		if len(p.stack) > maxConfDepth {
			return errors.New("braces too deep")
		}
		p.stack = append(p.stack, &node)
		return nil
	}
	node.value = unquote(value)
	top := p.stack[len(p.stack)-1]
	top.children = append(top.children, node)
	return nil
}

// unquote takes quotes off, and inside them the backslashes of \n, \t, \b and of any other character.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s) && s[i] != '"'; i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			if c = s[i]; strings.IndexByte("ntb", c) >= 0 {
				c = "\n\t\b"[strings.IndexByte("ntb", c)]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// nodes are those at a path, over all sections and braces of the names.
func (c *Krb5Conf) nodes(path ...string) []confNode {
	level := []confNode{c.root}
	for _, name := range path {
		var next []confNode
		for _, n := range level {
			for _, child := range n.children {
				if child.name == name && (len(next) == 0 || !next[len(next)-1].final) {
					next = append(next, child)
				}
			}
		}
		level = next
	}
	return level
}

// values are all values at a path, in order.
func (c *Krb5Conf) values(path ...string) (list []string) {
	for _, n := range c.nodes(path...) {
		if n.children == nil {
			list = append(list, n.value)
		}
	}
	return list
}

// setting is the first value of a relation in [libdefaults], or "".
func (c *Krb5Conf) setting(name string) string {
	if v := c.values("libdefaults", name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// on reads a boolean of [libdefaults]; what is not true is false.
func (c *Krb5Conf) on(name string) bool {
	switch strings.ToLower(c.setting(name)) {
	case "1", "y", "yes", "t", "true", "on":
		return true
	}
	return false
}

// duration reads a duration of [libdefaults], 0 when there is none: seconds, h:m, h:m:s, or numbers with d, h, m and s.
func (c *Krb5Conf) duration(name string) (time.Duration, error) {
	s := c.setting(name)
	d, err := parseConfDuration(s)
	if err != nil {
		return 0, fmt.Errorf("krb5.conf: %s = %.50q is no duration; write it as 10h or 1d", name, s)
	}
	return d, nil
}

func parseConfDuration(s string) (total time.Duration, err error) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	if parts := strings.Split(s, ":"); len(parts) > 1 && len(parts) < 4 {
		s = parts[0] + "h" + parts[1] + "m"
		if len(parts) == 3 {
			s += parts[2] + "s"
		}
	}
	for s = strings.ReplaceAll(s, " ", ""); s != ""; {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		v, err := strconv.ParseUint(s[:n], 10, 32)
		if err != nil {
			return 0, errors.New("no number")
		}
		unit := time.Second
		if n < len(s) {
			if unit = units[s[n]|0x20]; unit == 0 {
				return 0, errors.New("unknown unit")
			}
			n++
		}
		if v > uint64(maxConfDuration/unit) {
			return 0, errors.New("too long")
		}
		if total, s = total+time.Duration(v)*unit, s[n:]; total > maxConfDuration {
			return 0, errors.New("too long")
		}
	}
	return total, nil
}

// Values are all values at a path, "libdefaults", "rdns" or "realms", "EXAMPLE.COM", "kdc", in the file's order; nil when
// there are none.
func (c *Krb5Conf) Values(path ...string) []string { return c.values(path...) }

// DefaultRealm is default_realm, or "".
func (c *Krb5Conf) DefaultRealm() string { return c.setting("default_realm") }

// DefaultCCache is the name of the credential cache that MIT's programs use: env, which is the value of KRB5CCNAME, else
// default_ccache_name, of whose parameters %{uid}, %{euid}, %{TEMP} and %{null} are known, else FILE:/tmp/krb5cc_ and the
// user's number. LoadCCache says if it is of a type that cannot be read.
func (c *Krb5Conf) DefaultCCache(env string) string {
	uid := strconv.Itoa(os.Getuid())
	if env != "" {
		return env
	}
	if name := c.setting("default_ccache_name"); name != "" {
		return strings.NewReplacer("%{uid}", uid, "%{USERID}", uid, "%{euid}", strconv.Itoa(os.Geteuid()), "%{TEMP}", os.TempDir(), "%{null}", "").Replace(name)
	}
	return "FILE:/tmp/krb5cc_" + uid
}

// HasRealm says whether the file names a realm: in [realms], or as the default realm.
func (c *Krb5Conf) HasRealm(realm string) bool {
	return realm != "" && (realm == c.DefaultRealm() || len(c.nodes("realms", realm)) > 0)
}

// Realms are the realms that the file names, in its order.
func (c *Krb5Conf) Realms() (list []string) {
	if d := c.DefaultRealm(); d != "" {
		list = append(list, d)
	}
	for _, section := range c.nodes("realms") {
		for _, realm := range section.children {
			if !slices.Contains(list, realm.name) {
				list = append(list, realm.name)
			}
		}
	}
	return list
}

// RealmOfHost is the realm that [domain_realm] gives to a host: by the whole name, then by each domain that it is in,
// ".example.com" before "example.com". It is "" when there is none.
func (c *Krb5Conf) RealmOfHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for host != "" {
		if v := c.values("domain_realm", host); len(v) > 0 {
			return v[0]
		}
		if rest, ok := strings.CutPrefix(host, "."); ok {
			host = rest
		} else if i := strings.IndexByte(host, '.'); i >= 0 {
			host = host[i:]
		} else {
			host = ""
		}
	}
	return ""
}

// realmPath are the realms from one to another, both included. With an entry in [capaths] it is that, to be walked step
// by step; else the realms between by their names, as in DNS (RFC 4120 1.2), of which some may be left out.
func (c *Krb5Conf) realmPath(from, to string) (path []string, configured bool) {
	if via := c.values("capaths", from, to); len(via) > 0 {
		path = append(path, from)
		for _, realm := range via {
			if realm != "." && !slices.Contains(path, realm) && realm != to {
				path = append(path, realm)
			}
		}
		return append(path, to), true
	}
	a, b := strings.Split(from, "."), strings.Split(to, ".")
	common := 0
	for common < min(len(a), len(b)) && a[len(a)-1-common] == b[len(b)-1-common] {
		common++
	}
	if common == 0 || len(a)+len(b) > 2*maxHops {
		return []string{from, to}, false
	}
	for i := 0; i <= len(a)-common; i++ {
		path = append(path, strings.Join(a[i:], "."))
	}
	for i := len(b) - common - 1; i >= 0; i-- {
		path = append(path, strings.Join(b[i:], "."))
	}
	return path, false
}

// etypes reads a list of encryption types of [libdefaults], nil when there is none. RC4 counts only with allow_rc4, as in
// MIT's library of today; types that this package does not know do not count.
func (c *Krb5Conf) etypes(setting string) []int32 {
	text := c.setting(setting)
	if text == "" {
		return nil
	}
	list := []int32{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		remove := strings.HasPrefix(word, "-")
		for _, e := range confEtypes(strings.ToLower(strings.TrimLeft(word, "+-"))) {
			if remove {
				list = slices.DeleteFunc(list, func(v int32) bool { return v == e })
			} else if !slices.Contains(list, e) && (e != EtypeRC4 || c.on("allow_rc4")) {
				list = append(list, e)
			}
		}
	}
	return list
}

// confEtypes are the encryption types that a word in krb5.conf stands for.
func confEtypes(word string) []int32 {
	switch word {
	case "default", "aes":
		return defaultEtypes()
	case "aes256-cts", "aes256-sha1":
		return []int32{EtypeAES256SHA1}
	case "aes128-cts", "aes128-sha1":
		return []int32{EtypeAES128SHA1}
	case "aes256-sha2":
		return []int32{EtypeAES256SHA2}
	case "aes128-sha2":
		return []int32{EtypeAES128SHA2}
	case "arcfour-hmac", "arcfour-hmac-md5", "rc4":
		return []int32{EtypeRC4}
	}
	if id, ok := etypeByName(word); ok {
		return []int32{id}
	}
	return nil
}

// defaultEtypes are what is asked for when nothing is configured, in MIT's order.
func defaultEtypes() []int32 {
	return []int32{EtypeAES256SHA1, EtypeAES128SHA1, EtypeAES256SHA2, EtypeAES128SHA2}
}
