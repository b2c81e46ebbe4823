package wssec

import (
	"errors"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// contextProfile is the SecurityContextToken of WS-SecureConversation §2, in
// either version: a name for a key that both sides have. The token holds only
// that name, and anybody who sees it can write it, so that it proves nothing
// before a signature under the key does.
type contextProfile struct{}

// contextTokens is what a verification knows of them.
type contextTokens struct {
	node    xmltext.Node // the SecurityContextToken in the Security header
	context *SecurityContext
	base    *baseKey
}

// A contextName is how a message names a security context.
type contextName struct {
	namespace  string // of WS-SecureConversation
	identifier string
	instance   string // "" for a key that was never renewed, or if the reference has none
	cookie     []byte // to be written into a token
}

// clone returns c without memory of the message that it stands in.
func (c contextName) clone() contextName {
	return contextName{namespace: strings.Clone(c.namespace), identifier: strings.Clone(c.identifier),
		instance: strings.Clone(c.instance), cookie: slices.Clone(c.cookie)}
}

func (contextProfile) policyTypes() [2]TokenType { return contextTypes() }

func (contextProfile) is(n xmltext.Node) bool {
	return n.Local() == "SecurityContextToken" && isSC(n.Space())
}

// find enters the SecurityContextToken; there is one at most.
func (contextProfile) find(v *verification, n xmltext.Node) error {
	if !v.contexts.node.IsZero() {
		return errAt(CodeUnsupportedToken, n, "a second SecurityContextToken")
	}
	v.contexts.node = n
	return nil
}

// accept looks up the context of the SecurityContextToken in the header.
func (contextProfile) accept(v *verification) error {
	if v.contexts.node.IsZero() || v.sent != nil {
		return nil
	}
	name, err := parseSCT(v.contexts.node)
	if err != nil {
		return err
	}
	return v.acceptContext(name, v.contexts.node)
}

// lookup finds the context of a name; token is the SecurityContextToken in the
// header that may have a Cookie, or zero.
func (v *verification) lookup(name contextName, token xmltext.Node) (SecurityContext, error) {
	var cookie []byte
	if v.p.cfg.Contexts.cfg.Sealed && !token.IsZero() {
		var err error
		if cookie, err = cookieOf(token); err != nil {
			return SecurityContext{}, err
		}
	}
	return v.p.cfg.Contexts.Lookup(v.ctx, name.identifier, name.instance, cookie)
}

// key returns the key of a SecurityContextToken in the header.
func (p contextProfile) key(v *verification, n, ref xmltext.Node) (*boundKey, error) {
	if n != v.contexts.node {
		return nil, errAt(CodeUnsupportedToken, ref, "a SecurityContextToken stands in the Security header, once")
	}
	if valueType, ok := ref.Attr("", "ValueType"); ok && !isSCTType(valueType) {
		return nil, errAt(CodeReference, ref, "ValueType differs from that of the token")
	}
	name, err := parseSCT(n)
	if err != nil {
		return nil, err
	}
	return v.contextKey(name, ref)
}

// names reports whether a Reference names a context: by a ValueType, or by none
// and a URI that is not that of an element (WSC §2, and WCF).
func (contextProfile) names(name tokenName) bool {
	return name.uri != "" && (isSCTType(name.valueType) || name.valueType == "" && name.uri[0] != '#')
}

// named returns the key of the context with that Identifier. CXF's streaming
// client writes "#" before it.
func (contextProfile) named(v *verification, name tokenName, ref xmltext.Node) (*boundKey, error) {
	n := contextName{identifier: strings.TrimPrefix(name.uri, "#")}
	for _, ns := range contextNamespaces() {
		if name.valueType == sctURI(ns) {
			n.namespace = ns // and no part of the message: errors keep it
		}
		if instance, ok := ref.Attr(ns, "Instance"); ok {
			n.instance = instance
		}
	}
	return v.contextKey(n, ref)
}

// isSCTType reports whether a URI is the ValueType of a SecurityContextToken.
func isSCTType(uri string) bool { return uri == sctURI(NSWSC05) || uri == sctURI(NSWSC13) }

// cover has nothing to compare with the policy: the token of the header was
// accepted first, and no other context is accepted beside it.
func (contextProfile) cover(*verification) error { return nil }

// parseSCT reads a SecurityContextToken: one Identifier, an Instance at most.
// Whatever else it holds is the issuer's: a Cookie is ours where contexts are
// Sealed ([cookieOf]).
func parseSCT(n xmltext.Node) (name contextName, err error) {
	name.namespace = n.Space()
	for c := range n.Children() {
		into := &name.identifier
		switch {
		case c.Is(n.Space(), "Identifier"):
		case c.Is(n.Space(), "Instance"):
			into = &name.instance
		default:
			continue
		}
		if *into != "" {
			return name, errAt(CodeInvalidToken, c, "a second %.64s in one SecurityContextToken", c.Local())
		}
		if *into, err = identifierText(c); err != nil {
			return name, err
		}
	}
	if name.identifier == "" {
		return name, errAt(CodeInvalidToken, n, "without Identifier")
	}
	return name, nil
}

// identifierText reads an Identifier or Instance, within its bounds.
func identifierText(n xmltext.Node) (string, error) {
	if _, start, end, _ := n.SourceRange(); end-start > 8*maxIdentifier || !n.FirstChild().IsZero() {
		return "", errAt(CodeInvalidToken, n, "is not a URI of at most %d characters", maxIdentifier)
	}
	s := strings.Trim(n.Text(), " \t\r\n")
	if !isIdentifier(s) {
		return "", errAt(CodeInvalidToken, n, "is not a URI of at most %d characters", maxIdentifier)
	}
	return s, nil
}

// acceptContext looks up a context; a message has one at most. node is the token
// in the header, or zero.
func (v *verification) acceptContext(name contextName, at xmltext.Node) error {
	if v.p.cfg.Contexts == nil {
		return errAt(CodeTokenUnavailable, at, "no security contexts are configured (Config.Contexts)")
	}
	token := xmltext.Node{}
	if at == v.contexts.node {
		token = at
	}
	sc, err := v.lookup(name, token)
	if want := v.p.policy.ClientToken(); err == nil && sc.Token != want {
		err = errContext(CodeContextType, "the context was issued as %q; the policy takes %q", sc.Token, want)
	}
	if err != nil {
		return v.contextError(err, name, at)
	}
	if name.namespace == "" {
		name.namespace = sc.Namespace
	}
	t := v.rooms.token.next()
	t.profile, t.node = contextProfile{}, token
	t.Name, t.Realm, t.Service, t.Groups = sc.Name, sc.Realm, sc.Service, sc.Groups
	t.ValueType, t.Key, t.EndTime, t.Credentials = sctURI(name.namespace), sc.Key, sc.Expires, sc.Credentials
	key := t.Key.id()
	if askers, suspended := v.p.cfg.Guard.suspends(key); suspended {
		err := errContext(CodeTokenSuspended,
			"names a context for which too many messages failed; its owner has to request another")
		err.Askers = askers
		_ = v.p.cfg.Contexts.giveUp(v.ctx, name.identifier, t.Key) // the message is refused either way
		return v.contextError(err, name, at)
	}
	v.token, v.contexts.context = t, &sc
	v.contexts.base = v.rooms.base.next()
	*v.contexts.base = baseKey{
		octets: sc.Key.octets, profile: t.profile, tokenType: t.ValueType, node: t.node, context: name,
	}
	v.suspect(&t.CachedToken, key)
	return nil
}

// contextError puts an error about a context to where the message names it, and
// to the version of WS-SecureConversation that it is answered in.
func (v *verification) contextError(err error, name contextName, at xmltext.Node) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Code: CodeContextStore, Path: at.Path(), Err: err}
	}
	e.Path = at.Path()
	if e.Code == CodeContextStore {
		return e
	}
	if e.Context = name.namespace; e.Context == "" {
		e.Context = v.contextNamespace()
	}
	return e
}

// contextNamespace returns the version of WS-SecureConversation of a message
// that names its context without one: that of its DerivedKeyTokens, or else
// February 2005, in which WCF answers whatever the version.
func (v *verification) contextNamespace() string {
	for c := range v.security.Children() {
		if isSC(c.Space()) {
			return c.Space()
		}
	}
	return NSWSC05
}

// contextKey returns the key of the context that ref names: that of this
// message, or, in a reply, that of the request.
func (v *verification) contextKey(name contextName, ref xmltext.Node) (*boundKey, error) {
	base := v.contexts.base
	switch {
	case v.sent != nil:
		base = &v.sent.base
		if base.profile != tokenProfile(contextProfile{}) {
			return nil, errAt(CodeTokenUnavailable, ref, "names a security context; the request has none")
		}
	case base == nil:
		if err := v.acceptContext(name, ref); err != nil {
			return nil, err
		}
		return v.base(v.contexts.base, ref)
	}
	of := map[bool]string{true: "request", false: "message"}[v.sent != nil]
	if name.identifier != base.context.identifier {
		return nil, errAt(CodeTokenUnavailable, ref, "names another security context than that of the %s", of)
	}
	if name.instance != "" && name.instance != base.context.instance {
		return nil, errAt(CodeTokenUnavailable, ref,
			"names another Instance of the security context than that of the %s", of)
	}
	return v.base(base, ref)
}

func (contextProfile) idPrefix() string { return "SCT" }

// appendToken writes the SecurityContextToken (WSC §2), with the Cookie behind
// all else: WCF reads them in this order.
func (contextProfile) appendToken(dst []byte, w *writer, id string) []byte {
	name := w.key.context
	dst = append(dst, `<wsc:SecurityContextToken xmlns:wsc="`+name.namespace+`" xmlns:wsu="`+NSWSU+
		`" wsu:Id="`+id+`"><wsc:Identifier>`...)
	dst = append(xmltext.AppendEscapedText(dst, name.identifier), `</wsc:Identifier>`...)
	if name.instance != "" {
		dst = append(xmltext.AppendEscapedText(append(dst, `<wsc:Instance>`...), name.instance), `</wsc:Instance>`...)
	}
	if len(name.cookie) > 0 {
		dst = append(dst, `<d:Cookie xmlns:d="`+nsMicrosoft+`">`...)
		dst = append(base64.AppendEncode(dst, name.cookie), `</d:Cookie>`...)
	}
	return append(dst, `</wsc:SecurityContextToken>`...)
}

// reference writes a reference to the SecurityContextToken, or to the context by
// its Identifier.
func (contextProfile) reference(w *writer, id string) []byte {
	valueType := w.key.tokenType
	if id != "" {
		if w.p.policy.OptionalAttributes == SwitchOff {
			valueType = ""
		}
		return w.directSTR(id, valueType, "")
	}
	name := w.key.context
	b := append(w.strStart(""), `<wsse:Reference`...)
	if name.instance != "" {
		b = append(b, ` xmlns:wsc="`+name.namespace+`"`...)
	}
	b = append(xmltext.AppendEscapedAttr(append(b, ` URI="`...), name.identifier), `" ValueType="`+valueType+`"`...)
	if name.instance != "" {
		b = append(xmltext.AppendEscapedAttr(append(b, ` wsc:Instance="`...), name.instance), '"')
	}
	return append(b, `></wsse:Reference></wsse:SecurityTokenReference>`...)
}

// contextBase returns the key of a context for a writer.
func contextBase(sc *SecurityContext) baseKey {
	return baseKey{
		octets: sc.Key.octets, profile: contextProfile{}, tokenType: sctURI(sc.Namespace),
		context: contextName{sc.Namespace, sc.Identifier, sc.Instance, sc.Cookie},
	}
}
