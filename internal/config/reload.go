package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
)

// reloaded are the settings of the process that a running one can change. All
// settings of routes and services are beside them.
var reloaded = []string{
	"clock-skew", "log-level", "relative-namespaces", "refusal-delay", "negotiation-timeout", "write-timeout",
	"client-rate", "client-burst", "failure-rate", "failure-pause",
	"kdc-realms", "kdc-realm-aliases", "kdc-servers", "kdc-password-servers", "kdc-krb5-conf", "kdc-dns",
}

// NeedsRestart is for a reload, as at SIGHUP. It returns an error for each setting
// that differs between c, which runs, and next, and takes effect with a restart
// alone. It has no values, which may be secret.
func (c *Config) NeedsRestart(next *Config) (err error) {
	for _, name := range c.ofProcess(next) {
		if !slices.Contains(reloaded, name) {
			err = errors.Join(err, fmt.Errorf("%s has changed; restart wssgate", name))
		}
	}
	if !(c.ofListen() && next.ofListen()) && !sameSetting(c.Listeners, next.Listeners) {
		err = errors.Join(err, errors.New("listeners have changed; restart wssgate"))
	}
	if !sameSetting(c.Certificates, next.Certificates) {
		err = errors.Join(err, errors.New("certificates have changed; restart wssgate"))
	}
	for _, url := range next.Stores() {
		if !slices.Contains(c.Stores(), url) {
			err = errors.Join(err, errors.New("store of a route is one that no route had; restart wssgate"))
		}
	}
	return err
}

// ofListen reports whether there is one listener, of listen, tls-cert and tls-key.
func (c *Config) ofListen() bool { return len(c.Listeners) == 1 && c.Listeners[0].Name == "" }

// Changes returns what differs between c, which runs, and next, in words, one for
// each setting: "clock-skew", "/orders: backend", "/new: added". It has no values.
func (c *Config) Changes(next *Config) (list []string) {
	list = c.ofProcess(next)
	list = append(list, changesOf(c.Services, next.Services, func(s *Service) string { return "service " + s.Name })...)
	return append(list, changesOf(c.Routes, next.Routes, (*Route).Name)...)
}

// ofProcess returns the settings of the process that differ. The default of
// max-headers, which depends on the routes, stays that of the start.
func (c *Config) ofProcess(next *Config) []string {
	process := next.Process
	if !c.givesMaxHeaders() && !next.givesMaxHeaders() {
		process.MaxHeaders = c.MaxHeaders
	}
	return differing(&c.Process, &process)
}

// changesOf compares the entries of a list by their names.
func changesOf[T any](running, next []T, name func(*T) string) (list []string) {
	find := func(in []T, wanted string) *T {
		for i := range in {
			if name(&in[i]) == wanted {
				return &in[i]
			}
		}
		return nil
	}
	for i := range running {
		old := &running[i]
		now := find(next, name(old))
		if now == nil {
			list = append(list, name(old)+": removed")
			continue
		}
		for _, setting := range differing(old, now) {
			list = append(list, name(old)+": "+setting)
		}
	}
	for i := range next {
		if find(running, name(&next[i])) == nil {
			list = append(list, name(&next[i])+": added")
		}
	}
	return list
}

// differing returns the names of the settings that differ, in their order.
func differing(running, next any) (names []string) {
	fields := fieldsOf(next)
	forEachField(reflect.ValueOf(running).Elem(), func(name string, field reflect.Value, _ reflect.StructTag) {
		if !sameSetting(field.Interface(), fields[name].Interface()) {
			names = append(names, name)
		}
	})
	return names
}

// sameSetting compares values as they are written in a file: places in a file
// that a value was read from do not count.
func sameSetting(a, b any) bool {
	x, errA := yaml.Marshal(a)
	y, errB := yaml.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}
