package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// authorize checks that the route admits the client, and sets its principal,
// name@REALM, and its realm. Special characters in a name are escaped as by
// krb5_unparse_name, so that no name looks like another one.
func (x *exchange) authorize(in door.Admitted) error {
	name, realm, known := in.Principal()
	if !known && in.Answers() {
		return nil // it is about to say who it is, and reaches nobody meanwhile
	}
	if !known {
		return x.authorizeUnknown()
	}
	return x.authorizeClient(name, realm, in.Groups())
}

// Authorize is the Authorize of [negotiate.Config] for the doors of HTTP
// requests: it decides about a client before the door remembers it. Pass it a
// request that has reached the door, in whose context is its exchange.
func Authorize(r *http.Request, i *negotiate.Identity) error {
	x, ok := exchangeOf(r.Context())
	if !ok {
		return errors.New("gateway: a request without an exchange")
	}
	name, realm := i.Client()
	x.log.authenticated(i)
	return x.authorizeClient(name, realm, i.Groups())
}

// authorizeClient checks that the route admits a client that was authenticated.
func (x *exchange) authorizeClient(name, realm string, groups []string) error {
	principal := name + "@" + realm
	if !fitsHeader(name, realm) {
		x.log.decided(access.Decision{})
		return &Error{Code: CodeNotAuthorized,
			Err: fmt.Errorf("principal %q cannot be written into an HTTP header for the backend", principal)}
	}
	d := x.rt.Access.Decide(name, realm, groups)
	x.log.decided(d)
	if !d.Admitted {
		return &Error{Code: codeOfDecision(d), Err: fmt.Errorf("%s is refused: %s", principal, d.Why)}
	}
	x.principal, x.realm, x.groups = principal, realm, groups
	return nil
}

// codeOfDecision returns the code of a refusal. Codes differ in what an operator
// does about them; the fault is the same.
func codeOfDecision(d access.Decision) Code {
	switch d.Setting {
	case access.DeniedPrincipals, access.DeniedRealms, access.DeniedGroups:
		return CodeDenied
	case access.AllowedGroups:
		return CodeNotInGroup
	}
	return CodeNotAuthorized
}

// authorizeUnknown admits a client that the door has not authenticated, if the
// route admits everyone.
func (x *exchange) authorizeUnknown() error {
	if !x.rt.Access.Empty() {
		return &Error{Code: CodeNotAuthorized,
			Err: errors.New("the client is not known, and the route does not admit everyone")}
	}
	return nil
}

// fitsHeader reports whether a backend reads a principal in an HTTP header as it
// was written. White space is trimmed on the way, and lists are split at
// commas, so that "alice " or "alice,x" would arrive as another client; control
// and format characters and ill-formed UTF-8 split or disguise a name. A realm
// must not need escapes, since it has none: a backend takes what follows "@"
// for it.
func fitsHeader(name, realm string) bool {
	bad := func(r rune) bool {
		return r == ',' || unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r)
	}
	return name != "" && realm != "" && utf8.ValidString(name) && utf8.ValidString(realm) &&
		!strings.ContainsFunc(name, bad) && !strings.ContainsFunc(realm, bad) && !strings.ContainsAny(realm, `@/\`)
}

// rateKey returns what the exchange's client is counted by. There is none for a
// trusted proxy that has written no address, and for a client without an IP
// address.
func (x *exchange) rateKey() (key netip.Prefix, ok bool) {
	if !x.from.IsValid() || x.g.cfg.trusts(x.from) {
		return key, false
	}
	return clientKey(x.from), true
}

// checkRates refuses a request of an address that has failed too often, or has sent
// too many.
func (x *exchange) checkRates() error {
	key, ok := x.rateKey()
	if !ok {
		return nil
	}
	code, wait := CodeFailureRate, x.g.cfg.FailureRate.Wait(key)
	if wait == 0 {
		code, wait = CodeClientRate, x.g.cfg.ClientRate.Take(key)
	}
	if wait == 0 {
		return nil
	}
	x.in.Media, _ = soaphttp.MediaOf(x.r.Header) // for the version of the fault
	return x.tooMany(code, wait, key.String())
}

// checkPrincipalRate refuses an exchange of a client that has had too many.
func (x *exchange) checkPrincipalRate() error {
	if x.principal == "" {
		return nil
	}
	if wait := x.rt.PrincipalRate.Take(x.principal); wait > 0 {
		return x.tooMany(CodePrincipalRate, wait, x.principal)
	}
	return nil
}

// tooMany returns the error of a rate. The answer says when to come again.
func (x *exchange) tooMany(code Code, wait time.Duration, who string) error {
	x.retryAfter = wait
	return &Error{Code: code, Err: fmt.Errorf("%s may come again in %v", who, wait.Round(time.Millisecond))}
}

// countFailure counts that the door has refused the request for err, unless that
// says nothing about who sent it.
func (x *exchange) countFailure(err error) {
	if key, ok := x.rateKey(); ok && isFailure(codeOf(err)) {
		x.g.cfg.FailureRate.Fail(key)
	}
}

// isFailure reports whether a refusal by a door, by its code, is a failed
// authentication.
func isFailure(code string) bool { return !slices.Contains(noFailures, code) }

// noFailures are the codes that come to honest clients: nothing was presented yet;
// what they have was forgotten or is suspended, and they come again with a token; or
// there is no room, or a failure here. An attacker can bring some of these about
// for a client elsewhere. Of the last ones the client is authenticated, and not
// admitted.
var noFailures = []string{
	string(wssec.CodeSecurityMissing), string(wssec.CodeTokenMissing), string(negotiate.CodeNoToken),
	string(wssec.CodeTokenUnavailable), string(wssec.CodeTokenSuspended), string(wssec.CodeContextUnknown),
	string(wssec.CodeContextExpired), string(wssec.CodeContextCancelled), string(wssec.CodeContextCookie),
	string(wstrust.CodeUnknownContext),
	string(negotiate.CodeUnknown), string(negotiate.CodeSession),
	string(wssec.CodeContextStore), string(wssec.CodeReplayUnavailable), string(wstrust.CodeStore),
	string(wstrust.CodeBusy), string(wstrust.CodeAnswer), string(negotiate.CodeFull), string(negotiate.CodeStore),
	string(kerberos.CodeReplayStore), string(kerberos.CodeReplayShare), string(kerberos.CodeBeforeStart),
	string(CodeOverloaded), string(CodeInternal), string(CodeClientGone), string(CodeShutdown),
	string(CodeNotAuthorized), string(CodeDenied), string(CodeNotInGroup),
}
