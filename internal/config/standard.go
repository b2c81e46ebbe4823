package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/wssec"
)

// The standards that a route can follow.
const (
	StandardSOAP = "soap"        // WS-Security under a policy
	StandardHTTP = "spnego-http" // HTTP Negotiate, for requests of any kind
	StandardNone = "none"        // messages pass as they are
)

// standards lists them all, with the settings that have a meaning under each.
var standards = []struct {
	name  string
	takes func(setting string) bool
	why   string // others have none
}{
	{StandardSOAP, func(setting string) bool { return !slices.Contains(ofHTTP, setting) },
		"which verifies messages, and authenticates no HTTP requests"},
	{StandardHTTP, func(setting string) bool {
		return slices.Contains(ofHTTP, setting) || slices.Contains(ofClients, setting) ||
			slices.Contains(ofAll, setting) || slices.Contains(ofLeg, setting)
	}, "which authenticates HTTP requests, and looks at no messages"},
	{StandardNone, func(setting string) bool {
		return slices.Contains(ofAll, setting) || slices.Contains(ofMessages, setting) ||
			slices.Contains(ofLeg, setting) || slices.Contains(ofLegMessages, setting)
	}, "which verifies no messages and names no clients to the backend"},
}

var (
	// ofAll are the settings of all routes.
	ofAll = []string{"path", "hosts", "on-listeners", "standard", "backend", "backend-timeout",
		"backend-connect-timeout", "backend-ca", "backend-cert", "backend-key", "backend-server-name",
		"client-certificate-header", "cors-origins", "store", "signature-records"}
	// ofMessages are those of messages on a route without protection.
	ofMessages = []string{"pass-http-headers", "addressing", "reply-actions", "rewrite-to", "wsdl", "wsdl-imports",
		"wsdl-address", "mtom"}
	// ofClients are those that are about tickets and what follows from them.
	ofClients = []string{"keytab", "service", "kerberos-service", "channel-bindings", "allow-rc4", "exact-kvno",
		"check-addresses", "trusted-realms", "realm-sids", "allowed-principals", "allowed-realms", "allowed-groups",
		"denied-principals", "denied-realms", "denied-groups", "principal-rate", "principal-burst",
		"principal-header", "realm-header", "groups-header", "tls-offloaded",
		"assertion-header", "assertion-key", "assertion-issuer", "assertion-audience", "assertion-lifetime",
		"assertion-type", "assertion-groups"}
	// ofLeg are those of a backend that is secured itself, ofLegMessages those of
	// messages to it.
	ofLeg = []string{"backend-policy", "backend-service", "backend-credential", "backend-principal",
		"backend-keytab"}
	ofLegMessages = []string{"backend-trust", "backend-addressing", "backend-authenticator", "backend-endorse-renewal"}
	// ofHTTP are those of HTTP Negotiate.
	ofHTTP = []string{"challenge", "challenge-again", "challenge-scheme", "challenge-connect", "challenge-identifier",
		"session-lifetime", "cookie-name", "cookie-same-site", "body-after-context", "connection-bound",
		"upgraded-until"}
)

// Takes reports whether a setting has a meaning under the route's standard.
func (r *Route) Takes(setting string) bool {
	for _, s := range standards {
		if s.name == r.Standard {
			return s.takes(setting)
		}
	}
	return false
}

// standard checks that the route's standard is known, and that no setting is
// given that has no meaning under it: an allow-list that is not applied is
// worse than none. It reports whether the standard is known.
func (k *checker) standard(r *Route) bool {
	var names []string
	why := ""
	for _, s := range standards {
		if names = append(names, s.name); s.name == r.Standard {
			why = s.why
		}
	}
	if why == "" {
		k.find("standard", fmt.Sprintf("%q is not a standard", r.Standard), "choose one of "+strings.Join(names, ", "))
		return false
	}
	for _, name := range sorted(fieldsOf(r)) {
		if _, given := k.cfg.origins[k.prefix+name]; given && !r.Takes(name) {
			k.find(name, fmt.Sprintf("has no effect under standard %s of the route %s%s, %s", r.Standard, r.Path,
				k.at("standard"), why),
				"remove one of the two; move a setting of the top level to the routes that it is for")
		}
	}
	return true
}

// shadow checks that nothing changes the messages of a route on trial, names their
// clients to the backend, or needs an answer of the gateway's own.
func (k *checker) shadow(r *Route) {
	if !r.Shadow {
		return
	}
	const cure = "remove it, or shadow"
	for _, name := range ofNamedClients {
		if _, given := k.cfg.origins[k.prefix+name]; given && !fieldsOf(r)[name].IsZero() {
			k.find(name, "has no effect with shadow"+k.at("shadow")+": nobody is authenticated, and the backend is told of no "+
				"client", cure)
		}
	}
	for _, name := range []string{"addressing", "reply-actions", "rewrite-to", "wsdl", "backend-policy",
		"bootstrap-unprotected-body"} {
		if k.differs(r, name) {
			k.find(name, "contradicts shadow"+k.at("shadow")+", with which messages pass as they are", cure)
		}
	}
	k.shadowPolicy(r)
	for _, l := range r.TokenLocation.list {
		if l.InHTTP() {
			k.find("token-location", l.String()+" contradicts shadow"+k.at("shadow")+": tokens in HTTP do not reach the backend",
				"use another place, or remove shadow")
		}
	}
}

// ofNamedClients are the settings by which the backend is told who the client is.
var ofNamedClients = []string{"principal-header", "realm-header", "groups-header", "assertion-header"}

// shadowPolicy refuses policies whose keys are agreed by messages that the gateway
// answers itself: on a route that answers nothing it never has such a key.
func (k *checker) shadowPolicy(r *Route) {
	for i := range r.Policy.list {
		p := &r.Policy.list[i]
		if p.ClientToken() != wssec.KerberosToken || p.Bootstrap != nil {
			k.find("policy", fmt.Sprintf("%s cannot be tried with shadow%s: its clients agree on a key with whatever answers "+
				"them, and wssgate does not get to know that key", p, k.at("shadow")),
				"try a policy with Kerberos tokens, such as Kerberos, or remove shadow")
		}
	}
}
