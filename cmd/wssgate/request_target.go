package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/request"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/kdcproxy"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/wssec"
)

// A target is how a service wants its clients: as a route of a configuration has
// it, unless flags say otherwise.
type target struct {
	policy  wssec.Policy                      // of messages
	service string                            // principal
	tokenTo func(*http.Request, []byte) error // of messages whose token is in HTTP; nil for others
}

// target returns the target of the flags, and sets the standard.
func (c *requestCmd) target() (t target, err error) {
	if c.Config == "" {
		t, err = c.unconfigured()
	} else {
		t, err = c.configured()
	}
	if err == nil && c.TokenLocation != "" {
		t.tokenTo = nil
		if c.TokenLocation != "security-header" {
			t.tokenTo, err = request.TokenTo(c.TokenLocation)
		}
		if err != nil {
			return t, usageError{fmt.Errorf("--token-location: %w", err)}
		}
	}
	return t, err
}

// unconfigured returns the target without --config.
func (c *requestCmd) unconfigured() (t target, err error) {
	t.service, c.Standard = c.Service, cmp.Or(c.Standard, config.StandardSOAP)
	switch {
	case c.Route != "":
		return t, usageError{errors.New("--route is one of --config, which is not given")}
	case c.Standard == config.StandardHTTP: // the service is that of the URL
		return t, nil
	}
	if t.policy, err = preset(cmp.Or(c.Policy, "Kerberos")); err != nil {
		return t, err
	}
	if t.service == "" {
		return t, usageError{errors.New("--service is required: the principal that is called, such as " +
			"soap/gw.example.com; or give --config")}
	}
	return t, nil
}

// configured returns the target with --config.
func (c *requestCmd) configured() (t target, err error) {
	cfg, err := config.Load(&config.Flags{File: c.Config}, nil)
	if err != nil {
		return t, err
	}
	route, err := c.route(cfg, "--route")
	if err != nil {
		return t, err
	}
	if c.Standard = cmp.Or(c.Standard, route.Standard); c.Standard != config.StandardHTTP {
		if t.policy, err = c.policyOf(route); err != nil {
			return t, err
		}
		if all := route.TokenLocation.All(); !all.HasSecurityHeader() && len(all) > 0 && all[0].InHTTP() {
			t.tokenTo = all[0].Put
		}
	}
	c.ChannelBindings = c.ChannelBindings || route.ChannelBindings == "required"
	own, _ := cfg.ServiceOf(route)
	if t.service = c.Service; t.service == "" && len(own.Principals) > 0 {
		t.service = own.Principals[0]
	}
	if t.service == "" && c.Standard != config.StandardHTTP {
		return t, usageError{errors.New("the route names no service principal; give --service")}
	}
	return t, nil
}

func preset(name string) (wssec.Policy, error) {
	policy, ok := wssec.Preset(name)
	if !ok {
		return policy, unknownName("policy", name, wssec.PresetNames(), "there are "+strings.Join(wssec.PresetNames(), ", "))
	}
	return policy, nil
}

// route returns the one that Route, the value of the flag, names, else that of the
// URL's host and path, else the only one.
func (c *requestCmd) route(cfg *config.Config, flag string) (*config.Route, error) {
	path, host := c.Route, ""
	if u, err := url.Parse(c.URL); err == nil {
		path, host = cmp.Or(path, u.Path, "/"), u.Hostname()
	}
	var names []string
	var found *config.Route
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		named := slices.ContainsFunc(r.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
		switch {
		case len(r.Hosts) > 0 && r.Name() == c.Route, c.Route == "" && len(cfg.Routes) == 1:
			return r, nil
		case r.Path == path && (named || len(r.Hosts) == 0 && found == nil):
			found = r
		}
		names = append(names, r.Name())
	}
	if found != nil {
		return found, nil
	}
	if c.Route == "" {
		return nil, usageError{fmt.Errorf("%s has several routes: name one of %s with %s", c.Config,
			strings.Join(names, ", "), flag)}
	}
	return nil, unknownName("route", c.Route, names, "there are "+strings.Join(names, ", "))
}

// policyOf returns the policy of a route, of several the one that --policy
// names, else the first.
func (c *requestCmd) policyOf(r *config.Route) (wssec.Policy, error) {
	all := r.Policy.All()
	switch r.Standard {
	case config.StandardNone:
		return wssec.Policy{}, usageError{fmt.Errorf("the route %s takes every message as it is: nothing is to be "+
			"protected", r.Path)}
	case config.StandardHTTP:
		return wssec.Policy{}, usageError{fmt.Errorf("the route %s has standard %s, and no policy: it takes tokens in "+
			"HTTP, and messages as they are", r.Path, r.Standard)}
	}
	var names []string
	for _, p := range all {
		if c.Policy == "" || p.String() == c.Policy {
			return p.Policy, nil
		}
		names = append(names, p.String())
	}
	return wssec.Policy{}, unknownName("policy of the route", c.Policy, names, "there are "+strings.Join(names, ", "))
}

// login is whose tickets are used.
type login struct {
	CCache       string `name:"ccache" env:"-" placeholder:"FILE"`
	Keytab       string `env:"-" placeholder:"FILE"`
	PasswordFile string `name:"password-file" env:"-" placeholder:"FILE"`
	Principal    string `env:"-" placeholder:"NAME@REALM"`
	KDC          string `name:"kdc" env:"-" placeholder:"URL"`
	Krb5Conf     string `name:"krb5-conf" env:"-" placeholder:"FILE"`
}

// tickets returns the source of tickets. No KDC is asked yet.
// The transport is for the relay of --kdc.
func (l *login) tickets(transport http.RoundTripper) (*kdc.Client, error) {
	given := 0
	for _, file := range []string{l.CCache, l.Keytab, l.PasswordFile} {
		if file != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, usageError{errors.New("--ccache, --keytab and --password-file: give one of them")}
	case l.Principal == "" && l.Keytab+l.PasswordFile != "":
		return nil, usageError{errors.New("--principal is required: whose key or password it is")}
	}
	conf, err := l.krb5Conf()
	if err != nil {
		return nil, err
	}
	cfg := kdc.ClientConfig{Client: l.Principal, Krb5Conf: conf}
	if l.KDC != "" {
		relay, err := kdcproxy.NewClient(kdcproxy.ClientConfig{URL: l.KDC, Transport: transport})
		if err != nil {
			return nil, usageError{fmt.Errorf("--kdc: %w", err)}
		}
		cfg.KDC = relay
	}
	switch {
	case l.Keytab != "":
		keys, err := keytab.Load(l.Keytab)
		if err != nil {
			return nil, refusedKeytab(l.Keytab, err)
		}
		cfg.Keytab = keys
	case l.PasswordFile != "":
		if cfg.Password, err = readPassword(l.PasswordFile); err != nil {
			return nil, usageError{fmt.Errorf("--password-file: %w", err)}
		}
	default:
		cfg.CCache = cmp.Or(l.CCache, os.Getenv("KRB5CCNAME"), fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid()))
	}
	tickets, err := kdc.NewClient(cfg)
	if err != nil {
		return nil, ticketError{err}
	}
	return tickets, nil
}

// krb5Conf reads the files; KRB5_CONFIG may list several.
func (l *login) krb5Conf() (string, error) {
	var all strings.Builder
	for path := range strings.SplitSeq(cmp.Or(l.Krb5Conf, os.Getenv("KRB5_CONFIG"), "/etc/krb5.conf"), ":") {
		text, err := krb5conf.Read(path)
		if l.KDC != "" && l.Krb5Conf == "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", usageError{fmt.Errorf("%w; name the file with --krb5-conf", err)}
		}
		all.WriteString(text + "\n")
	}
	return all.String(), nil
}

// readPassword reads the first line of a file.
func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	octets, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(octets, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return "", errors.New(path + " has no password in its first line")
	}
	return string(line), nil
}

// A ticketError is that there are no tickets to begin with.
type ticketError struct{ error }

// Error returns the error, and what to do about it.
func (e ticketError) Error() string { return callError{e.error, client.CodeTicket}.Error() }
func (e ticketError) Unwrap() error { return e.error }
func (e ticketError) ExitCode() int { return 7 }
