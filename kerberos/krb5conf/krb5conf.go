package krb5conf

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// MaxKDCs bounds the KDCs of one realm that are used.
const MaxKDCs = 16

const maxConfDuration = 100 * 365 * 24 * time.Hour

// A Config holds the settings of a krb5.conf: where KDCs are, which realm a
// host is in, by which realms others are reached. It is immutable and safe for
// concurrent use. The zero value has no settings.
type Config struct{ root confNode }

// Setting returns the first value of a relation in [libdefaults], or "".
func (c *Config) Setting(name string) string {
	if v := c.Values("libdefaults", name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Bool returns a boolean of [libdefaults]; what is not a word for true is
// false.
func (c *Config) Bool(name string) bool {
	switch strings.ToLower(c.Setting(name)) {
	case "1", "y", "yes", "t", "true", "on":
		return true
	}
	return false
}

// Duration returns a duration of [libdefaults], or 0 if it is not set: seconds,
// h:m, h:m:s, or numbers with d, h, m and s.
func (c *Config) Duration(name string) (time.Duration, error) {
	s := c.Setting(name)
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

// Values returns all values at a path, such as "libdefaults", "rdns" or
// "realms", "EXAMPLE.COM", "kdc", in the file's order. It returns nil if there
// are none.
func (c *Config) Values(path ...string) (list []string) {
	if len(path) == 0 {
		return nil
	}
	section := c.root.find(path[:len(path)-1]...)
	if section == nil {
		return nil
	}
	for _, n := range section.children {
		if !n.section && n.name == path[len(path)-1] {
			list = append(list, n.value)
		}
	}
	return list
}

// DefaultRealm returns default_realm, or "".
func (c *Config) DefaultRealm() string { return c.Setting("default_realm") }

// DefaultCCache returns the name of the credential cache that MIT's programs
// use: env, the value of KRB5CCNAME, if not empty; else default_ccache_name,
// with the parameters of krb5.conf(5) expanded; else FILE:/tmp/krb5cc_ and the
// user's number. %{LIBDIR}, %{BINDIR} and %{SBINDIR}, which only MIT's library
// knows, and those of Windows stay as they are; the errors of ccache.Load name
// them.
func (c *Config) DefaultCCache(env string) string {
	if env != "" {
		return env
	}
	if name := c.Setting("default_ccache_name"); name != "" {
		return expandConfPath(name)
	}
	return "FILE:/tmp/krb5cc_" + strconv.Itoa(os.Getuid())
}

// expandConfPath expands the parameters that a path in a krb5.conf may have
// (krb5.conf(5), "Parameter expansion").
func expandConfPath(path string) string {
	uid, euid := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Geteuid())
	known := []string{"%{uid}", uid, "%{USERID}", uid, "%{euid}", euid, "%{TEMP}", os.TempDir(), "%{null}", ""}
	if strings.Contains(path, "%{username}") {
		if u, err := user.LookupId(euid); err == nil {
			known = append(known, "%{username}", u.Username)
		}
	}
	return strings.NewReplacer(known...).Replace(path)
}

// ConfParameter returns the first parameter, "%{name}", that is left in a path,
// or "".
func ConfParameter(path string) string {
	_, rest, begins := strings.Cut(path, "%{")
	name, _, ends := strings.Cut(rest, "}")
	if !begins || !ends {
		return ""
	}
	return "%{" + name + "}"
}

// HasRealm reports whether the realm is in [realms] or the default realm.
func (c *Config) HasRealm(realm string) bool {
	return realm != "" && (realm == c.DefaultRealm() || c.root.find("realms", realm) != nil)
}

// Realms returns the default realm and those of [realms], in the file's order.
func (c *Config) Realms() (list []string) {
	if d := c.DefaultRealm(); d != "" {
		list = append(list, d)
	}
	realms := c.root.find("realms")
	if realms == nil {
		return list
	}
	for _, realm := range realms.children {
		if realm.section && realm.name != c.DefaultRealm() {
			list = append(list, realm.name)
		}
	}
	return list
}

// RealmOfHost returns the realm of a host by [domain_realm]: of the whole name,
// else of the first domain that it is in, ".example.com" before "example.com".
// It returns "" if there is none.
func (c *Config) RealmOfHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for host != "" {
		if v := c.Values("domain_realm", host); len(v) > 0 {
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

// RealmPath returns the realms from one to another, both included. If [capaths]
// has an entry, configured is true and each realm must be passed. Else the path
// is the hierarchy of their names, as in DNS (RFC 4120 1.2), and realms may be
// skipped.
func (c *Config) RealmPath(from, to string) (path []string, configured bool) {
	if via := c.Values("capaths", from, to); len(via) > 0 {
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
	if common == 0 || len(a)+len(b) > 2*MaxHops {
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

// Etypes returns a list of encryption types of [libdefaults], or nil if it is
// not set. RC4 counts only with allow_rc4, as for today's MIT library; types
// that are not supported are left out.
func (c *Config) Etypes(setting string) []int32 {
	text := c.Setting(setting)
	if text == "" {
		return nil
	}
	list := []int32{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		remove := strings.HasPrefix(word, "-")
		for _, e := range confEtypes(strings.ToLower(strings.TrimLeft(word, "+-"))) {
			if remove {
				list = slices.DeleteFunc(list, func(v int32) bool { return v == e })
			} else if !slices.Contains(list, e) && (e != etype.RC4 || c.Bool("allow_rc4")) {
				list = append(list, e)
			}
		}
	}
	return etype.Supported(list...)
}

// confEtypes returns the encryption types that a word in krb5.conf stands for.
func confEtypes(word string) []int32 {
	switch word {
	case "default", "aes":
		return DefaultEtypes()
	case "aes256-cts", "aes256-sha1":
		return []int32{etype.AES256SHA1}
	case "aes128-cts", "aes128-sha1":
		return []int32{etype.AES128SHA1}
	case "aes256-sha2":
		return []int32{etype.AES256SHA2}
	case "aes128-sha2":
		return []int32{etype.AES128SHA2}
	case "arcfour-hmac", "arcfour-hmac-md5", "rc4":
		return []int32{etype.RC4}
	}
	if id, ok := etype.ByName(word); ok {
		return []int32{id}
	}
	return nil
}

// DefaultEtypes returns the encryption types to ask for if none are configured,
// in MIT's order.
func DefaultEtypes() []int32 {
	return etype.Supported(etype.AES256SHA1, etype.AES128SHA1, etype.AES256SHA2, etype.AES128SHA2)
}

// MaxHops bounds the realms on the way to a service.
const MaxHops = 10
