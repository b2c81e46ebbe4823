package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/door"
)

// authorize decides whether the client may call, and fills in its principal,
// name@REALM, and its realm. Special characters in a name are escaped as by
// krb5_unparse_name, so that none can look like another's.
func (x *exchange) authorize(in door.Admitted) error {
	name, realm, known := in.Principal()
	if !known {
		return x.authorizeUnknown()
	}
	rt, principal := x.rt, name+"@"+realm
	switch {
	case !tellable(name, realm):
		return &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("principal %q cannot be told to the backend in an HTTP header", principal)}
	case len(rt.AllowedPrincipals) > 0 && !slices.Contains(rt.AllowedPrincipals, principal):
		return &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("%s is not among allowed-principals", principal)}
	case len(rt.AllowedRealms) > 0 && !slices.Contains(rt.AllowedRealms, realm):
		return &Error{Code: CodeNotAuthorized, Err: fmt.Errorf("realm %s is not among allowed-realms", realm)}
	case len(rt.AllowedGroups) > 0 && !slices.ContainsFunc(in.Groups(), func(sid string) bool { return slices.Contains(rt.AllowedGroups, sid) }):
		return &Error{Code: CodeNotInGroup, Err: fmt.Errorf("%s is in none of allowed-groups: %s", principal, countGroups(in.Groups()))}
	}
	x.principal, x.realm = principal, realm
	return nil
}

// authorizeUnknown lets a client pass that no door has asked for its name, where
// the route admits everyone.
func (x *exchange) authorizeUnknown() error {
	if len(x.rt.AllowedPrincipals)+len(x.rt.AllowedRealms)+len(x.rt.AllowedGroups) > 0 {
		return &Error{Code: CodeNotAuthorized, Err: errors.New("the client is not known, and the route does not admit everyone")}
	}
	return nil
}

// countGroups says how many groups a ticket tells, but not which.
func countGroups(groups []string) string {
	if len(groups) == 0 {
		return "its ticket tells of no groups that count (no PAC with LOGON_INFO, or of a realm that realm-sids does not have)"
	}
	return fmt.Sprintf("its ticket tells of %d other groups", len(groups))
}

// tellable says whether a backend reads in an HTTP header what we write there.
// White space is trimmed on the way, and lists are split at commas, so that
// "alice " or "alice,x" would arrive as another client; controls, format
// characters and ill-formed UTF-8 split or disguise. A realm has no escapes, so
// it must not need any: a backend takes what stands behind "@" for it.
func tellable(name, realm string) bool {
	bad := func(r rune) bool {
		return r == ',' || unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r)
	}
	return name != "" && realm != "" && utf8.ValidString(name) && utf8.ValidString(realm) &&
		!strings.ContainsFunc(name, bad) && !strings.ContainsFunc(realm, bad) && !strings.ContainsAny(realm, `@/\`)
}
