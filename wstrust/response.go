package wstrust

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A RequestSecurityTokenResponse is an RSTR (WS-Trust §3.2, §4.2).
type RequestSecurityTokenResponse struct {
	Version   Version
	Context   string
	TokenType string
	Token     *SecurityContextToken // RequestedSecurityToken and both references; nil without
	AppliesTo []byte                // the whole element, that stands alone; nil without
	Proof     *ProofToken           // nil without
	Entropy   wssec.Key             // the issuer's; zero without
	// Lifetime of the token; zero without.
	Created, Expires time.Time
	KeySize          int // bits; 0 without
	Exchange         *BinaryExchange
	Authenticator    []byte // CombinedHash (protocol of SPNEGO, see Authenticator); nil without
	Cancelled        bool   // RequestedTokenCancelled

	element xmltext.Node // as received
}

// A SecurityContextToken is a wsc:SecurityContextToken (WS-SecureConversation
// §2).
type SecurityContextToken struct {
	ContextReference
	ID     string // wsu:Id; "" without
	Cookie []byte // of the service, see wssec.SecurityContext; nil without
}

// A ProofToken is a RequestedProofToken (WS-Trust §4.2.4): one of three.
type ProofToken struct {
	Wrapped     []byte    // EncryptedKey of GSSWrap: a Wrap token with the key
	ComputedKey string    // how the key follows from both entropies
	Secret      wssec.Key // the key itself
}

// ReadResponses reads the RSTRs in n, an RSTRCollection (WS-Trust 1.3 §3.3) or
// a single RSTR. Errors are an *Error of CodeInvalidRequest.
func ReadResponses(n xmltext.Node) ([]*RequestSecurityTokenResponse, error) {
	v := versionOf(n.Space())
	switch {
	case v != 0 && n.Local() == "RequestSecurityTokenResponse":
		r, err := readResponse(n)
		if err != nil {
			return nil, err
		}
		return []*RequestSecurityTokenResponse{r}, nil
	case v != 0 && n.Local() == "RequestSecurityTokenResponseCollection":
		return readCollection(n, v)
	}
	return nil, errAt(CodeInvalidRequest, n, "neither an RSTR nor a collection of them, of a version that is known")
}

// maxResponses bounds a collection; a negotiation has two.
const maxResponses = 8

func readCollection(n xmltext.Node, v Version) (all []*RequestSecurityTokenResponse, err error) {
	if n.HasMixedText() {
		return nil, errAt(CodeInvalidRequest, n, "text between elements")
	}
	for c := range n.Children() {
		if len(all) == maxResponses || !c.Is(v.Trust(), "RequestSecurityTokenResponse") {
			return nil, errAt(CodeInvalidRequest, c, "not one of at most %d RSTRs of the collection's version",
				maxResponses)
		}
		r, err := readResponse(c)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, errAt(CodeInvalidRequest, n, "an empty collection")
	}
	return all, nil
}

// readResponse reads an RSTR. Elements that it does not know are passed over.
func readResponse(n xmltext.Node) (*RequestSecurityTokenResponse, error) {
	if err := checkChildren(n); err != nil {
		return nil, err
	}
	r := &RequestSecurityTokenResponse{Version: versionOf(n.Space()), element: n}
	for _, read := range []func(xmltext.Node) error{r.readNames, r.readToken, r.readProof, r.readLifetime,
		r.readRest} {
		if err := read(n); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *RequestSecurityTokenResponse) readNames(n xmltext.Node) (err error) {
	if r.Context, err = contextOf(n); err != nil {
		return err
	}
	if r.TokenType, err = uriOf(n.Child(r.Version.Trust(), "TokenType")); err != nil {
		return err
	}
	r.AppliesTo, err = appliesToOf(n)
	return err
}

// readToken reads RequestedSecurityToken: only a SecurityContextToken is known.
func (r *RequestSecurityTokenResponse) readToken(n xmltext.Node) error {
	t := n.Child(r.Version.Trust(), "RequestedSecurityToken")
	if t.IsZero() {
		return nil
	}
	sct := t.FirstChild()
	if sct.IsZero() || !sct.NextSibling().IsZero() || !sct.Is(r.Version.SecureConversation(),
		"SecurityContextToken") {
		return errAt(CodeInvalidRequest, t, "not exactly one SecurityContextToken of version %v", r.Version)
	}
	if err := checkOnce(sct, "Identifier", "Instance", "Cookie"); err != nil {
		return err
	}
	ref, err := readContextToken(sct, r.Version)
	if err != nil {
		return err
	}
	id, _ := sct.Attr(wssec.NSWSU, "Id")
	r.Token = &SecurityContextToken{ContextReference: *ref, ID: strings.Clone(id)}
	if c := sct.Child(nsMicrosoft, "Cookie"); !c.IsZero() {
		r.Token.Cookie, err = octetsOf(c, maxCookie)
	}
	return err
}

// maxCookie bounds a Cookie in base64: the groups of a client are in it.
const maxCookie = 64 << 10

// readProof reads RequestedProofToken and Entropy.
func (r *RequestSecurityTokenResponse) readProof(n xmltext.Node) (err error) {
	ns := r.Version.Trust()
	if r.Entropy, err = readSecret(n.Child(ns, "Entropy"), r.Version); err != nil {
		return err
	}
	p := n.Child(ns, "RequestedProofToken")
	if p.IsZero() {
		return nil
	}
	r.Proof = &ProofToken{}
	c := p.FirstChild()
	switch {
	case c.IsZero() || !c.NextSibling().IsZero():
		return errAt(CodeInvalidRequest, p, "not exactly one element")
	case c.Is(ns, "ComputedKey"):
		r.Proof.ComputedKey, err = uriOf(c)
	case c.Is(ns, "BinarySecret"):
		r.Proof.Secret, err = readSecret(p, r.Version)
	case c.Is(nsXenc, "EncryptedKey"):
		r.Proof.Wrapped, err = readWrapped(c)
	default:
		err = errAt(CodeInvalidRequest, c, "none of ComputedKey, BinarySecret, EncryptedKey")
	}
	return err
}

// maxWrapped bounds a Wrap token in base64: a key and what GSS-API puts around
// it.
const maxWrapped = 4 << 10

// readWrapped reads an EncryptedKey of GSSWrap. Whatever ends as CXF's server
// spells it is taken.
func readWrapped(n xmltext.Node) ([]byte, error) {
	m := n.Child(nsXenc, "EncryptionMethod")
	if m.IsZero() {
		return nil, errAt(CodeInvalidRequest, n, "no EncryptionMethod")
	}
	if alg, _ := m.Attr("", "Algorithm"); !strings.HasSuffix(alg, "spnego#GSS_Wrap") {
		return nil, errAt(CodeInvalidRequest, m, "Algorithm %.100q is not %s", alg, GSSWrap)
	}
	data := n.Child(nsXenc, "CipherData")
	if data.IsZero() || data.Child(nsXenc, "CipherValue").IsZero() {
		return nil, errAt(CodeInvalidRequest, n, "no CipherValue")
	}
	return octetsOf(data.Child(nsXenc, "CipherValue"), maxWrapped)
}

func (r *RequestSecurityTokenResponse) readLifetime(n xmltext.Node) (err error) {
	l := n.Child(r.Version.Trust(), "Lifetime")
	if l.IsZero() {
		return nil
	}
	if err := checkOnce(l, "Created", "Expires"); err != nil {
		return err
	}
	if r.Created, err = timeOf(l.Child(wssec.NSWSU, "Created")); err != nil {
		return err
	}
	r.Expires, err = timeOf(l.Child(wssec.NSWSU, "Expires"))
	return err
}

func timeOf(n xmltext.Node) (time.Time, error) {
	if n.IsZero() {
		return time.Time{}, nil
	}
	text, err := textOf(n, 64)
	if err != nil {
		return time.Time{}, err
	}
	t, err := wssec.ParseDateTime(text)
	if err != nil {
		return time.Time{}, errAt(CodeInvalidRequest, n, "%w", err)
	}
	return t, nil
}

func (r *RequestSecurityTokenResponse) readRest(n xmltext.Node) (err error) {
	ns := r.Version.Trust()
	if r.KeySize, err = numberOf(n.Child(ns, "KeySize")); err != nil {
		return err
	}
	r.Cancelled = !n.Child(ns, "RequestedTokenCancelled").IsZero()
	if a := n.Child(ns, "Authenticator"); !a.IsZero() {
		hash := a.Child(ns, "CombinedHash")
		if hash.IsZero() {
			return errAt(CodeInvalidRequest, a, "no CombinedHash")
		}
		if r.Authenticator, err = octetsOf(hash, 256); err != nil {
			return err
		}
	}
	r.Exchange, err = readExchange(n, r.Version)
	return err
}

// checkOnce refuses an element in n that is there twice under one of the names.
func checkOnce(n xmltext.Node, locals ...string) error {
	for _, local := range locals {
		count := 0
		for c := range n.Children() {
			if c.Local() == local {
				count++
			}
		}
		if count > 1 {
			return errAt(CodeInvalidRequest, n, "a second %s", local)
		}
	}
	return nil
}

// Append appends the RSTR in WCF's order. Its octets hold no white space
// between elements and no empty-element tags.
func (r *RequestSecurityTokenResponse) Append(dst []byte) []byte { return r.append(dst, true) }

// append leaves RequestedSecurityToken and RequestedProofToken out when they
// are not wanted, as the Authenticator does.
func (r *RequestSecurityTokenResponse) append(dst []byte, whole bool) []byte {
	dst = append(dst, `<t:RequestSecurityTokenResponse xmlns:t="`+r.Version.Trust()+`"`...)
	dst = appendContext(dst, r.Context)
	if r.TokenType != "" {
		dst = appendText(dst, "TokenType", r.TokenType)
	}
	if r.Token != nil && whole {
		dst = r.Token.appendRequested(dst, r.Version)
	}
	dst = append(dst, r.AppliesTo...)
	if r.Token != nil {
		dst = r.Token.appendReferences(dst, r.Version)
	}
	if r.Proof != nil && whole {
		dst = r.Proof.append(dst, r.Version)
	}
	if r.Entropy.Len() > 0 {
		dst = appendSecret(dst, "Entropy", r.Version.nonce(), r.Entropy)
	}
	dst = r.appendRest(dst)
	return append(dst, `</t:RequestSecurityTokenResponse>`...)
}

func (r *RequestSecurityTokenResponse) appendRest(dst []byte) []byte {
	if !r.Expires.IsZero() {
		dst = append(dst, `<t:Lifetime xmlns:u="`+wssec.NSWSU+`"><u:Created>`...)
		dst = r.Created.UTC().AppendFormat(dst, timeFormat)
		dst = append(dst, `</u:Created><u:Expires>`...)
		dst = r.Expires.UTC().AppendFormat(dst, timeFormat)
		dst = append(dst, `</u:Expires></t:Lifetime>`...)
	}
	if r.KeySize > 0 {
		dst = appendText(dst, "KeySize", strconv.Itoa(r.KeySize))
	}
	dst = r.Exchange.append(dst)
	if r.Authenticator != nil {
		dst = append(dst, `<t:Authenticator><t:CombinedHash>`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.Authenticator)
		dst = append(dst, `</t:CombinedHash></t:Authenticator>`...)
	}
	if r.Cancelled {
		dst = append(dst, `<t:RequestedTokenCancelled></t:RequestedTokenCancelled>`...)
	}
	return dst
}

// timeFormat is UTC with milliseconds, as WCF has it.
const timeFormat = "2006-01-02T15:04:05.000Z"

// appendRequested writes RequestedSecurityToken. Without a Cookie, which sealed
// contexts alone have, the token holds Identifier and Instance alone; there are
// readers that know nothing else in it.
func (t *SecurityContextToken) appendRequested(dst []byte, v Version) []byte {
	dst = append(dst, `<t:RequestedSecurityToken><c:SecurityContextToken xmlns:c="`+v.SecureConversation()+
		`" xmlns:u="`+wssec.NSWSU+`" u:Id="`...)
	dst = xmltext.AppendEscapedAttr(dst, t.ID)
	dst = append(dst, `"><c:Identifier>`...)
	dst = xmltext.AppendEscapedText(dst, t.Identifier)
	dst = append(dst, `</c:Identifier>`...)
	if t.Instance != "" {
		dst = append(dst, `<c:Instance>`...)
		dst = xmltext.AppendEscapedText(dst, t.Instance)
		dst = append(dst, `</c:Instance>`...)
	}
	if len(t.Cookie) > 0 {
		dst = append(dst, `<d:Cookie xmlns:d="`+nsMicrosoft+`">`...)
		dst = append(base64.StdEncoding.AppendEncode(dst, t.Cookie), `</d:Cookie>`...)
	}
	return append(dst, `</c:SecurityContextToken></t:RequestedSecurityToken>`...)
}

// appendReferences writes how the token is referred to in messages that hold it
// and in those that do not.
func (t *SecurityContextToken) appendReferences(dst []byte, v Version) []byte {
	dst = append(dst, `<t:RequestedAttachedReference><o:SecurityTokenReference xmlns:o="`+wssec.NSWSSE+
		`"><o:Reference URI="#`...)
	dst = xmltext.AppendEscapedAttr(dst, t.ID)
	dst = append(dst, `" ValueType="`+v.TokenType()+`"></o:Reference></o:SecurityTokenReference>`+
		`</t:RequestedAttachedReference><t:RequestedUnattachedReference>`...)
	dst = t.ContextReference.append(dst, v)
	return append(dst, `</t:RequestedUnattachedReference>`...)
}

// append writes RequestedProofToken.
func (p *ProofToken) append(dst []byte, v Version) []byte {
	switch {
	case p.Wrapped != nil:
		dst = append(dst,
			`<t:RequestedProofToken><e:EncryptedKey xmlns:e="`+nsXenc+`"><e:EncryptionMethod Algorithm="`+GSSWrap+
				`"></e:EncryptionMethod><e:CipherData><e:CipherValue>`...)
		dst = base64.StdEncoding.AppendEncode(dst, p.Wrapped)
		return append(dst, `</e:CipherValue></e:CipherData></e:EncryptedKey></t:RequestedProofToken>`...)
	case p.ComputedKey != "":
		dst = append(dst, `<t:RequestedProofToken>`...)
		dst = appendText(dst, "ComputedKey", p.ComputedKey)
		return append(dst, `</t:RequestedProofToken>`...)
	}
	return appendSecret(dst, "RequestedProofToken", v.symmetricKey(), p.Secret)
}

// AppendCollection appends an RSTRCollection (WS-Trust 1.3 §3.3).
func AppendCollection(dst []byte, v Version, responses ...*RequestSecurityTokenResponse) []byte {
	dst = append(dst, `<t:RequestSecurityTokenResponseCollection xmlns:t="`+v.Trust()+`">`...)
	for _, r := range responses {
		dst = r.Append(dst)
	}
	return append(dst, `</t:RequestSecurityTokenResponseCollection>`...)
}
