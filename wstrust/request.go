package wstrust

import (
	"strconv"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A RequestSecurityToken is an RST (WS-Trust §3.1, §4.1, §5, §6): the part of
// it that negotiations and operations on security contexts have.
type RequestSecurityToken struct {
	Version     Version
	Context     string // correlates the messages of a negotiation; "" without
	TokenType   string // "" without
	RequestType RequestType
	AppliesTo   []byte    // the whole wsp:AppliesTo, an element that stands alone; nil without
	Entropy     wssec.Key // the client's, of Type Nonce; zero without
	KeySize     int       // bits; 0 when it is left to the issuer
	ComputedKey string    // ComputedKeyAlgorithm, "" without
	Exchange    *BinaryExchange
	Target      *ContextReference // RenewTarget or CancelTarget; nil without
}

// ReadRequest reads the RST n. Elements that it does not know are passed over:
// they are optional (WS-Trust §3.1). Errors are an *Error of
// CodeInvalidRequest.
func ReadRequest(n xmltext.Node) (*RequestSecurityToken, error) {
	v := versionOf(n.Space())
	if v == 0 || n.Local() != "RequestSecurityToken" {
		return nil, errAt(CodeInvalidRequest, n, "not an RST of a version that is known")
	}
	if err := checkChildren(n); err != nil {
		return nil, err
	}
	r := &RequestSecurityToken{Version: v}
	for _, read := range []func(xmltext.Node) error{r.readNames, r.readKey, r.readTarget} {
		if err := read(n); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// readNames reads what says what is asked for.
func (r *RequestSecurityToken) readNames(n xmltext.Node) (err error) {
	ns := r.Version.Trust()
	if r.Context, err = contextOf(n); err != nil {
		return err
	}
	if r.TokenType, err = uriOf(n.Child(ns, "TokenType")); err != nil {
		return err
	}
	uri, err := uriOf(n.Child(ns, "RequestType"))
	if err != nil {
		return err
	}
	for _, t := range []RequestType{Issue, Renew, Cancel} {
		if uri == t.URI(r.Version) {
			r.RequestType = t
		}
	}
	if r.RequestType == "" {
		return errAt(CodeInvalidRequest, n, "RequestType %.100q is none of Issue, Renew, Cancel", uri)
	}
	r.AppliesTo, err = appliesToOf(n)
	return err
}

// readKey reads what says how the key comes about.
func (r *RequestSecurityToken) readKey(n xmltext.Node) (err error) {
	ns := r.Version.Trust()
	if r.KeySize, err = numberOf(n.Child(ns, "KeySize")); err != nil {
		return err
	}
	if r.ComputedKey, err = uriOf(n.Child(ns, "ComputedKeyAlgorithm")); err != nil {
		return err
	}
	if r.Entropy, err = readSecret(n.Child(ns, "Entropy"), r.Version); err != nil {
		return err
	}
	r.Exchange, err = readExchange(n, r.Version)
	return err
}

// readTarget reads RenewTarget or CancelTarget.
func (r *RequestSecurityToken) readTarget(n xmltext.Node) (err error) {
	if r.RequestType == Issue {
		return nil
	}
	t := n.Child(r.Version.Trust(), string(r.RequestType)+"Target")
	if t.IsZero() {
		return errAt(CodeInvalidRequest, n, "no %sTarget", r.RequestType)
	}
	r.Target, err = readContextReference(t, r.Version)
	return err
}

// Append appends the RST in WCF's order. Its octets hold no white space between
// elements and no empty-element tags.
func (r *RequestSecurityToken) Append(dst []byte) []byte {
	dst = append(dst, `<t:RequestSecurityToken xmlns:t="`+r.Version.Trust()+`"`...)
	dst = appendContext(dst, r.Context)
	if r.TokenType != "" {
		dst = appendText(dst, "TokenType", r.TokenType)
	}
	dst = appendText(dst, "RequestType", r.RequestType.URI(r.Version))
	dst = append(dst, r.AppliesTo...)
	if r.Entropy.Len() > 0 {
		dst = appendSecret(dst, "Entropy", r.Version.nonce(), r.Entropy)
	}
	if r.KeySize > 0 {
		dst = appendText(dst, "KeySize", strconv.Itoa(r.KeySize))
	}
	if r.ComputedKey != "" {
		dst = appendText(dst, "ComputedKeyAlgorithm", r.ComputedKey)
	}
	dst = r.Exchange.append(dst)
	if r.Target != nil {
		dst = append(dst, `<t:`+string(r.RequestType)+`Target>`...)
		dst = r.Target.append(dst, r.Version)
		dst = append(dst, `</t:`+string(r.RequestType)+`Target>`...)
	}
	return append(dst, `</t:RequestSecurityToken>`...)
}

// appendContext ends a start tag, with the attribute Context if there is one.
func appendContext(dst []byte, context string) []byte {
	if context != "" {
		dst = append(dst, ` Context="`...)
		dst = xmltext.AppendEscapedAttr(dst, context)
		dst = append(dst, '"')
	}
	return append(dst, '>')
}

// A ContextReference names a security context (WS-SecureConversation §2).
type ContextReference struct {
	Identifier string
	Instance   string // "" for a context that was never renewed, or whichever instance
}

// readContextReference reads what a RenewTarget or CancelTarget holds: a
// SecurityTokenReference by URI, as WCF sends it, or the SecurityContextToken
// itself, as CXF does.
func readContextReference(target xmltext.Node, v Version) (*ContextReference, error) {
	if err := checkChildren(target); err != nil {
		return nil, err
	}
	n := target.FirstChild()
	switch {
	case n.IsZero() || !n.NextSibling().IsZero():
		return nil, errAt(CodeInvalidRequest, target, "not exactly one element")
	case n.Is(v.SecureConversation(), "SecurityContextToken"):
		return readContextToken(n, v)
	case n.Is(wssec.NSWSSE, "SecurityTokenReference"):
		return readURIReference(n, v)
	}
	return nil, errAt(CodeInvalidRequest, n,
		"neither a SecurityContextToken of version %v nor a SecurityTokenReference", v)
}

// readContextToken reads a SecurityContextToken: Identifier and Instance, and
// what else there is is its maker's.
func readContextToken(n xmltext.Node, v Version) (*ContextReference, error) {
	var c ContextReference
	var err error
	if c.Identifier, err = uriOf(n.Child(v.SecureConversation(), "Identifier")); err != nil {
		return nil, err
	}
	if c.Instance, err = uriOf(n.Child(v.SecureConversation(), "Instance")); err != nil {
		return nil, err
	}
	if c.Identifier == "" {
		return nil, errAt(CodeInvalidRequest, n, "no Identifier")
	}
	return &c, nil
}

// readURIReference reads a reference to a token that is not in the message
// (protocol: WSC §2, WSS §7.2). "#" in front of the identifier is a mistake of
// CXF's streaming client.
func readURIReference(n xmltext.Node, v Version) (*ContextReference, error) {
	r := n.FirstChild()
	if r.IsZero() || !r.Is(wssec.NSWSSE, "Reference") {
		return nil, errAt(CodeInvalidRequest, n, "no Reference")
	}
	if t, ok := r.Attr("", "ValueType"); ok && t != Feb2005.TokenType() && t != V13.TokenType() {
		return nil, errAt(CodeInvalidRequest, r, "ValueType %.100q is not that of a SecurityContextToken", t)
	}
	uri, _ := r.Attr("", "URI")
	instance, _ := r.Attr(v.SecureConversation(), "Instance")
	uri = strings.TrimPrefix(uri, "#")
	if uri == "" || len(uri) > maxURI || len(instance) > maxURI {
		return nil, errAt(CodeInvalidRequest, r, "no URI of %d octets at most", maxURI)
	}
	return &ContextReference{Identifier: strings.Clone(uri), Instance: strings.Clone(instance)}, nil
}

// append writes the reference by URI.
func (c *ContextReference) append(dst []byte, v Version) []byte {
	dst = append(dst, `<o:SecurityTokenReference xmlns:o="`+wssec.NSWSSE+`"><o:Reference`...)
	if c.Instance != "" {
		dst = append(dst, ` xmlns:c="`+v.SecureConversation()+`"`...)
	}
	dst = append(dst, ` URI="`...)
	dst = xmltext.AppendEscapedAttr(dst, c.Identifier)
	dst = append(dst, `" ValueType="`+v.TokenType()+`"`...)
	if c.Instance != "" {
		dst = append(dst, ` c:Instance="`...)
		dst = xmltext.AppendEscapedAttr(dst, c.Instance)
		dst = append(dst, '"')
	}
	return append(dst, `></o:Reference></o:SecurityTokenReference>`...)
}
