package storeurl

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A Kind is how the servers of an address are found.
type Kind string

const (
	// Single is one server, whose address is given.
	Single Kind = "single"
	// Sentinel is the primary that sentinels name.
	Sentinel Kind = "sentinel"
	// Cluster is a cluster.
	Cluster Kind = "cluster"
)

// A URL is the address of a store.
type URL struct {
	Kind Kind
	// TLS is set if connections, those to sentinels too, are made with TLS.
	TLS bool
	// User is the ACL user; "" means the default one.
	User string
	// Hosts are addresses with ports: of the server, of sentinels, or of nodes.
	Hosts []string
	// Primary is the name that sentinels have for the primary.
	Primary string
	// Database is the number of the database, 0 in a cluster.
	Database int
}

// maxHosts bounds the hosts of one address.
const maxHosts = 32

// ErrPassword is the error for an address with a password.
var ErrPassword = errors.New("has a password, which others would read here")

// Parse reads an address. Errors do not repeat it.
func Parse(text string) (*URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	u := &URL{}
	if !ok || !u.scheme(scheme) {
		return nil, errors.New("does not begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if u.User, authority = authority[:at], authority[at+1:]; strings.Contains(u.User, ":") {
			return nil, ErrPassword
		}
	}
	if strings.ContainsAny(rest, "?#%") || !printable(rest) {
		return nil, errors.New("has a character that no address has")
	}
	if err := u.hosts(authority); err != nil {
		return nil, err
	}
	return u, u.path(path)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// scheme reads the part in front of "://".
func (u *URL) scheme(text string) bool {
	base, kind, _ := strings.Cut(text, "+")
	switch base {
	case "redis", "valkey":
	case "rediss", "valkeys":
		u.TLS = true
	default:
		return false
	}
	switch {
	case !strings.Contains(text, "+"):
		u.Kind = Single
	case kind == string(Sentinel), kind == string(Cluster):
		u.Kind = Kind(kind)
	default:
		return false
	}
	return true
}

// hosts reads the hosts, each with the port that is usual if it has none.
func (u *URL) hosts(text string) error {
	port := "6379"
	if u.Kind == Sentinel {
		port = "26379"
	}
	list := strings.Split(text, ",")
	switch {
	case len(list) > maxHosts:
		return fmt.Errorf("has more than %d hosts", maxHosts)
	case len(list) > 1 && u.Kind == Single:
		return errors.New("has several hosts: redis+sentinel:// and redis+cluster:// have")
	}
	for _, host := range list {
		name, own, err := net.SplitHostPort(host)
		if err != nil {
			name, own = strings.Trim(host, "[]"), port
		}
		n, err := strconv.ParseUint(own, 10, 16)
		if name == "" || err != nil || n == 0 || strings.ContainsAny(name, "@[]") {
			return errors.New("has no host, or one that is not host or host:port")
		}
		u.Hosts = append(u.Hosts, net.JoinHostPort(name, own))
	}
	return nil
}

// path reads what stands behind the hosts.
func (u *URL) path(text string) error {
	text = strings.TrimSuffix(text, "/")
	if u.Kind == Sentinel {
		u.Primary, text, _ = strings.Cut(text, "/")
		if u.Primary == "" {
			return errors.New("has no name of a primary: redis+sentinel://host/name")
		}
	}
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	switch {
	case err != nil:
		return errors.New("ends with what is not the number of a database")
	case u.Kind == Cluster && n != 0:
		return errors.New("names a database, of which a cluster has 0 alone")
	}
	u.Database = int(n)
	return nil
}

// String returns the address without its user.
func (u *URL) String() string {
	scheme := "redis"
	if u.TLS {
		scheme = "rediss"
	}
	if u.Kind != Single {
		scheme += "+" + string(u.Kind)
	}
	text := scheme + "://" + strings.Join(u.Hosts, ",")
	if u.Primary != "" {
		text += "/" + u.Primary
	}
	if u.Database != 0 {
		text += "/" + strconv.Itoa(u.Database)
	}
	return text
}
