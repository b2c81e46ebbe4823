package config

import (
	"cmp"
	"crypto/fips140"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/wssec"
)

// The credentials that a backend can be called with.
const (
	CredentialGateway   = "gateway"
	CredentialDelegated = "delegated"
	CredentialProxy     = "s4u2proxy" // of the client's ticket: constrained delegation
	CredentialSelf      = "s4u2self"  // of the client's name: protocol transition
)

// BackendPolicy is what a backend asks for that is secured itself: a [Policy], or
// HTTP Negotiate. The zero value is nothing.
type BackendPolicy struct {
	policy Policy
	kind   string // "", soap or spnego-http
}

// IsZero reports whether the backend is not secured.
func (p BackendPolicy) IsZero() bool { return p.kind == "" }

// Messages returns the policy of messages; nil if it is HTTP Negotiate or nothing.
func (p BackendPolicy) Messages() *wssec.Policy {
	if p.kind != StandardSOAP {
		return nil
	}
	return &p.policy.Policy
}

// String returns the policy's name.
func (p BackendPolicy) String() string {
	if p.kind == StandardSOAP {
		return p.policy.String()
	}
	return p.kind
}

// UnmarshalText parses the name of a preset, or spnego-http.
func (p *BackendPolicy) UnmarshalText(text []byte) error {
	*p = BackendPolicy{}
	switch name := string(text); name {
	case "":
	case StandardHTTP:
		p.kind = StandardHTTP
	default:
		p.kind = StandardSOAP
		return p.policy.UnmarshalText(text)
	}
	return nil
}

// MarshalYAML returns the name, or all fields.
func (p BackendPolicy) MarshalYAML() (any, error) {
	if p.kind == StandardSOAP {
		return p.policy.MarshalYAML()
	}
	return p.kind, nil
}

// decodeNode decodes a name or a mapping.
func (p *BackendPolicy) decodeNode(d *fileDecoder, node ast.Node, setting string) {
	*p = BackendPolicy{}
	switch _, isMapping := node.(ast.MapNode); {
	case !isMapping && node.GetToken().Value == StandardHTTP:
		p.kind = StandardHTTP
	case !isMapping && node.GetToken().Value == "":
	default:
		p.kind = StandardSOAP
		p.policy.decodeNode(d, node, setting)
	}
}

// CallsAs returns the principal that wssgate gets tickets for the backend as, and
// the keytab with its key; "" for a keytab means the keys of the route's service.
func (c *Config) CallsAs(r *Route) (principal, keytab string) {
	own, _ := c.ServiceOf(r)
	principal, keytab = r.BackendPrincipal, cmp.Or(r.BackendKeytab, own.Keytab)
	if principal == "" && len(own.Principals) == 1 {
		principal = own.Principals[0]
	}
	return principal, keytab
}

// leg checks the settings of a backend that is secured itself.
func (k *checker) leg(r *Route) {
	if r.BackendPolicy.IsZero() {
		for _, name := range slices.Concat(ofLeg[1:], ofLegMessages) {
			if k.differs(r, name) {
				k.find(name, "has no effect without backend-policy", "give backend-policy, or remove it")
			}
		}
		return
	}
	switch p, err := kerberos.ParsePrincipal(r.BackendService); {
	case r.BackendService == "":
		k.missing("backend-service")
	case err != nil || len(p.Components) < 2:
		k.find("backend-service", "is not the principal of a service", "write it as soap/backend.example.com@EXAMPLE.COM")
	}
	k.legPolicy(r)
	k.legCredential(r)
}

// differs reports whether a setting of a route is not its default.
func (k *checker) differs(r *Route, name string) bool {
	var standard Route
	setDefaults(&standard)
	return !sameSetting(fieldsOf(r)[name].Interface(), fieldsOf(&standard)[name].Interface())
}

// legPolicy checks what the backend asks for.
func (k *checker) legPolicy(r *Route) {
	list, err := r.Backend.All()
	plain := slices.ContainsFunc(list, func(b Backend) bool { return b.URL.Scheme == "http" })
	p := r.BackendPolicy.Messages()
	switch {
	case err != nil: // see backends
	case p == nil && r.Backend.hasUser():
		k.find("backend-policy", "authenticates to the backend by a token where backend has a password",
			"remove one of the two")
	case r.Standard == StandardHTTP && p != nil:
		k.find("backend-policy", "is for messages, and a route of standard spnego-http passes requests of any kind",
			"write spnego-http, or give the messages a route with standard: soap")
	case p == nil:
	case p.Validate() != nil:
		for line := range strings.SplitSeq(p.Validate().Error(), "\n") { // one for each rule, "key: what is wrong"
			key, problem, _ := strings.Cut(line, ": ")
			k.find("backend-policy", key+": "+problem, "")
		}
	case r.MTOM == "mtom":
		k.find("mtom", "is mtom, and a message for a backend with backend-policy is signed and encrypted in its envelope",
			"write inline")
	case len(list) > 1 && p.ClientToken() != wssec.KerberosToken:
		k.find("backend-policy", "agrees on a security context with one backend, which the others do not know",
			"give each backend a route of its own, or a policy of Kerberos tokens")
	case plain && (p.NeedsTLS() || p.Bootstrap != nil && p.Bootstrap.NeedsTLS()):
		k.find("backend-policy", r.BackendPolicy.String()+" protects messages only together with TLS, and backend is an "+
			"http URL", "call the backend by https")
	}
}

// legCredential checks as whom the backend is called.
func (k *checker) legCredential(r *Route) {
	if r.BackendCredential != CredentialGateway {
		if r.Standard == StandardNone {
			k.find("backend-credential", "is of the client, and this route authenticates none", "write gateway")
		}
	}
	if r.ContextStorage == ContextInToken && (r.BackendCredential == CredentialDelegated ||
		r.BackendCredential == CredentialProxy) {
		k.find("context-storage", "would put into each message what calls the backend in the client's name "+
			"(backend-credential "+r.BackendCredential+")", "write store")
	}
	if r.BackendCredential == CredentialSelf && fips140.Enforced() {
		k.find("backend-credential", "s4u2self asks the KDC with an HMAC-MD5 (MS-SFU 2.2.1), which GODEBUG=fips140=only "+
			"forbids", "write s4u2proxy, with clients whose tickets can be forwarded")
	}
	if r.BackendCredential == CredentialDelegated {
		for _, name := range []string{"backend-principal", "backend-keytab"} {
			if k.differs(r, name) {
				k.find(name, "has no effect with backend-credential "+r.BackendCredential, "remove it")
			}
		}
		return
	}
	switch principal, keytab := k.cfg.CallsAs(r); {
	case principal == "":
		k.missing("backend-principal")
	case keytab == "" && (r.Standard == StandardNone || r.KerberosService == ""):
		k.missing("backend-keytab")
	}
}
