package wssec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// ValueTypes of the Kerberos Token Profile 1.1.1 §3.2 and of a reference by
// hash (§3.3).
const (
	ktp = "http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#"

	GSSKerberosAPREQ     = ktp + "GSS_Kerberosv5_AP_REQ"
	GSSKerberosAPREQ1510 = ktp + "GSS_Kerberosv5_AP_REQ1510"
	GSSKerberosAPREQ4120 = ktp + "GSS_Kerberosv5_AP_REQ4120"
	KerberosAPREQ        = ktp + "Kerberosv5_AP_REQ"
	KerberosAPREQ1510    = ktp + "Kerberosv5_AP_REQ1510"
	KerberosAPREQ4120    = ktp + "Kerberosv5_AP_REQ4120"
	KerberosAPREQSHA1    = ktp + "Kerberosv5APREQSHA1"
)

// isKerberosValueType reports whether uri is one of the six ValueTypes of a
// Kerberos token, and whether the token is GSS-framed.
func isKerberosValueType(uri string) (framed, ok bool) {
	switch uri {
	case GSSKerberosAPREQ, GSSKerberosAPREQ1510, GSSKerberosAPREQ4120:
		return true, true
	case KerberosAPREQ, KerberosAPREQ1510, KerberosAPREQ4120:
		return false, true
	}
	return false, false
}

// VerifiedToken is what a [TokenVerifier] returns for a verified Kerberos
// token, an AP-REQ (RFC 4120 §3.2). It is an alias of an interface literal, so
// that an implementation need not import this package.
type VerifiedToken = interface {
	// Client returns the authenticated principal: name components joined by
	// "/", and realm.
	Client() (name, realm string)
	// Service returns the principal that the ticket is for, as
	// "soap/gw.example.com@EXAMPLE.COM".
	Service() string
	// Groups returns the security identifiers of the client's groups,
	// "S-1-5-…", as the ticket's PAC has them; nil when it has none or is not
	// read.
	Groups() []string
	// EndTime returns when the ticket expires.
	EndTime() time.Time
	// EtypeOfKey returns the encryption type number of the effective key.
	EtypeOfKey() int32
	// ExposeKeyOctets returns a copy of the effective key: the authenticator's
	// subkey, else the ticket's session key (Kerberos Token Profile 1.1.1 §3.6
	// leaves it to RFC 4121).
	ExposeKeyOctets() []byte
}

// VerifiedCredentials is what a [VerifiedToken] has in addition where whoever
// forwards the message acts for its client. It is an alias of an interface
// literal, like VerifiedToken.
type VerifiedCredentials = interface {
	// ClientCredentials returns what the token has to call others in the client's
	// name, in a form of the verifier's; nil if there is nothing. Secret.
	ClientCredentials() []byte
}

// PendingToken is what a [VerifiedToken] has in addition where a store that other
// processes share is still being asked whether the token is new. It is an alias of
// an interface literal, like VerifiedToken.
type PendingToken = interface {
	// Confirm waits for the answer. Its error is as that of VerifyToken. Nothing of
	// a message is used before it is called, and no error but its own is returned.
	Confirm() error
}

// TokenVerifier verifies Kerberos tokens. It must be safe for concurrent use.
type TokenVerifier interface {
	// VerifyToken verifies the octets of a Kerberos BinarySecurityToken,
	// GSS-framed if the first is 0x60 and else bare, including their replay and
	// channel bindings: bindings are those of the message's Channel. An error
	// that has an ErrorCode method decides Error.ErrorCode.
	VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (VerifiedToken, error)
}

// kerberosProfile is the Kerberos Token Profile 1.1.1: an AP-REQ in a
// BinarySecurityToken, or its SHA-1 in the place of one sent before.
type kerberosProfile struct{}

// kerberosTokens is what a verification knows of them.
type kerberosTokens struct {
	node xmltext.Node // the BinarySecurityToken in the Security header
	base *baseKey
}

func (kerberosProfile) policyTypes() [2]TokenType { return [...]TokenType{KerberosToken, ""} }

func (kerberosProfile) is(n xmltext.Node) bool { return n.Is(NSWSSE, "BinarySecurityToken") }

// find enters the BinarySecurityToken; there is one at most.
func (kerberosProfile) find(v *verification, n xmltext.Node) error {
	if !v.kerberos.node.IsZero() {
		return errAt(CodeUnsupportedToken, n, "a second BinarySecurityToken")
	}
	v.kerberos.node = n
	return nil
}

// accept verifies the BinarySecurityToken of the header, or the one that stands
// elsewhere.
func (p kerberosProfile) accept(v *verification) error {
	switch t := v.ch.Token; {
	case t != nil && (t.Node.IsZero() || t.Node != v.kerberos.node):
		return p.acceptDetached(v, t)
	case v.kerberos.node.IsZero():
		return nil
	}
	return v.acceptKerberos(v.kerberos.node)
}

// key returns the key of a BinarySecurityToken in the header or in a reference.
func (kerberosProfile) key(v *verification, n, ref xmltext.Node) (*boundKey, error) {
	if err := v.acceptKerberos(n); err != nil {
		return nil, err
	}
	valueType, _ := ref.Attr("", "ValueType")
	return v.kerberosKey(v.token, valueType, ref)
}

func (kerberosProfile) names(name tokenName) bool {
	return name.uri == "" && name.valueType == KerberosAPREQSHA1
}

// named returns the key of the token with that SHA-1 (KTP §3.3).
func (p kerberosProfile) named(v *verification, name tokenName, ref xmltext.Node) (*boundKey, error) {
	if v.sent != nil && v.sent.base.profile == tokenProfile(p) && name.hash == v.sent.base.hash {
		return v.base(&v.sent.base, ref)
	}
	t, err := v.kerberosByHash(name.hash, ref)
	if err != nil {
		return nil, err
	}
	return v.kerberosKey(t, "", ref)
}

// cover requires that the token of the header is the one that was used, unless
// tokens stand elsewhere, and that each message has its own token where the key
// need not sign the message.
func (kerberosProfile) cover(v *verification) error {
	if n := v.kerberos.node; !n.IsZero() && n != v.token.node && v.ch.Token == nil {
		return errAt(CodeUnsupportedToken, n, "a second BinarySecurityToken beside the one whose key is used")
	}
	if !v.token.fresh && v.p.policy.Binding != SymmetricBinding {
		return errAt(CodeTokenMissing, v.security, "the message names a token of an earlier message; binding %s requires "+
			"one in each", v.p.policy.Binding)
	}
	return nil
}

// MaxTokenText bounds the text of a BinarySecurityToken: an AP-REQ with a large
// PAC and a delegated credential has at most 64 kB (the Windows MaxTokenSize is
// 48,000 octets).
const MaxTokenText = 128 << 10

// parseBST returns the ValueType and octets of a BinarySecurityToken (WSS §6.3,
// KTP §3.2). EncodingType may be absent (WCF custom bindings); ValueType may
// not (BSP R3031).
func parseBST(n xmltext.Node) (valueType string, octets []byte, err error) {
	valueType, _ = n.Attr("", "ValueType")
	framed, ok := isKerberosValueType(valueType)
	if !ok {
		return "", nil, errAt(CodeUnsupportedToken, n, "ValueType %.120q is not that of a Kerberos AP-REQ (KTP §3.2)",
			valueType)
	}
	if enc, ok := n.Attr("", "EncodingType"); ok && enc != EncodingBase64 {
		return "", nil, errAt(CodeInvalidToken, n, "EncodingType %.120q is not Base64Binary (BSP R3030)", enc)
	}
	if _, start, end, _ := n.SourceRange(); end-start > MaxTokenText {
		return "", nil, errAt(CodeInvalidToken, n, "the token is longer than %d characters", MaxTokenText)
	}
	if octets, err = xmlenc.AppendBase64(nil, n); err != nil || len(octets) == 0 {
		return "", nil, errAt(CodeInvalidToken, n, "the token is not base64, or is empty")
	}
	if framed != (octets[0] == 0x60) && (octets[0] == 0x60 || octets[0] == 0x6e) {
		return "", nil, errAt(CodeInvalidToken, n, "ValueType and first octet of the token contradict each other: one has "+
			"a GSS-API frame and the other has none (KTP §3.2)")
	}
	return valueType, octets, nil
}

// acceptKerberos verifies a BinarySecurityToken once; a message carries one at
// most.
func (v *verification) acceptKerberos(n xmltext.Node) error {
	if v.token != nil {
		if v.token.node == n {
			return nil
		}
		return errAt(CodeUnsupportedToken, n, "a second security token in the message")
	}
	if v.sent != nil {
		return errAt(CodeUnsupportedToken, n, "a reply must not have a token of its own")
	}
	valueType, octets, err := parseBST(n)
	if err != nil {
		return err
	}
	return v.verifyKerberos(n, valueType, octets)
}

// verifyKerberos verifies the octets of a token, which n holds.
func (v *verification) verifyKerberos(n xmltext.Node, valueType string, octets []byte) error {
	if v.p.cfg.Verifier == nil {
		return errAt(CodeFailedAuth, n, "no token verifier is configured (Config.Verifier)")
	}
	verified, err := v.p.cfg.Verifier.VerifyToken(v.ctx, octets, v.ch.Bindings)
	if err != nil {
		return &Error{Code: CodeFailedAuth, Path: n.Path(), Err: err}
	}
	t := v.rooms.token.next()
	t.profile, t.node, t.hash, t.fresh = kerberosProfile{}, n, HashToken(octets), true
	t.Name, t.Realm = verified.Client()
	t.Groups = slices.Clone(verified.Groups())
	t.Service, t.EndTime, t.Etype = verified.Service(), verified.EndTime(), verified.EtypeOfKey()
	t.ValueType, t.Key = strings.Clone(valueType), Key{octets: verified.ExposeKeyOctets()}
	if c, ok := verified.(VerifiedCredentials); ok {
		t.Credentials = c.ClientCredentials()
	}
	v.pending, _ = verified.(PendingToken)
	v.token = t
	v.facts.TokenBytes = len(octets)
	return nil
}

// confirmToken waits until it is known whether the token of the message is new.
func (v *verification) confirmToken() error {
	if v.pending == nil {
		return nil
	}
	err := v.pending.Confirm()
	if v.pending = nil; err != nil {
		return &Error{Code: CodeFailedAuth, Path: v.token.node.Path(), Err: err}
	}
	return nil
}

// kerberosByHash returns the token that a KeyIdentifier names: that of this
// message, or one of an earlier message.
func (v *verification) kerberosByHash(hash TokenHash, from xmltext.Node) (*clientToken, error) {
	if v.token != nil {
		if v.token.hash == hash {
			return v.token, nil
		}
		return nil, errAt(CodeTokenUnavailable, from, "names a token other than that of the message")
	}
	if v.sent != nil {
		return nil, errAt(CodeTokenUnavailable, from, "names a token other than that of the request")
	}
	if !v.p.policy.TokenOnce {
		return nil, errAt(CodeTokenUnavailable, from,
			"names a token of an earlier message, which the policy does not allow (token-once)")
	}
	cached, ok, err := v.p.cfg.Tokens.GetToken(v.ctx, hash)
	if err != nil {
		return nil, &Error{Code: CodeTokenUnavailable, Path: from.Path(), Err: err}
	}
	if !ok || !v.now.Before(cached.EndTime) {
		return nil, errAt(CodeTokenUnavailable, from, "names a token that is not remembered here, or has expired; the "+
			"client has to send it again")
	}
	key := cached.Key.id()
	if askers, suspended := v.p.cfg.Guard.suspends(key); suspended {
		err := errAt(CodeTokenSuspended, from,
			"names a key that is suspended, because too many messages named it and failed; its owner has to send the "+
				"token again")
		err.Askers = askers
		return nil, err
	}
	v.token = &clientToken{CachedToken: cached, profile: kerberosProfile{}, hash: hash}
	v.suspect(&v.token.CachedToken, key)
	return v.token, nil
}

// kerberosKey returns the key of a token that a reference with valueType names.
func (v *verification) kerberosKey(t *clientToken, valueType string, ref xmltext.Node) (*boundKey, error) {
	if valueType != "" && valueType != t.ValueType {
		return nil, errAt(CodeReference, ref, "ValueType %.120q is not that of the token (BSP R3058)", valueType)
	}
	if v.kerberos.base == nil {
		v.kerberos.base = v.rooms.base.next()
		*v.kerberos.base = baseKey{
			octets: t.Key.octets, profile: t.profile, hash: t.hash, tokenType: t.ValueType, node: t.node,
		}
	}
	return v.base(v.kerberos.base, ref)
}

func (kerberosProfile) idPrefix() string { return "BST" }

// appendToken writes the BinarySecurityToken (KTP §3.2).
func (kerberosProfile) appendToken(dst []byte, w *writer, id string) []byte {
	encoding := ` EncodingType="` + EncodingBase64 + `"`
	if w.p.policy.OptionalAttributes == SwitchOff {
		encoding = ""
	}
	dst = append(dst, `<wsse:BinarySecurityToken xmlns:wsse="`+NSWSSE+`" xmlns:wsu="`+NSWSU+`"`+encoding+
		` ValueType="`+w.key.tokenType+`" wsu:Id="`+id+`">`...)
	dst = base64.AppendEncode(dst, w.token)
	return append(dst, `</wsse:BinarySecurityToken>`...)
}

// reference writes a reference to the BinarySecurityToken, or by its SHA-1.
func (kerberosProfile) reference(w *writer, id string) []byte {
	if id == "" {
		return w.hashSTR(KerberosAPREQSHA1)
	}
	valueType := w.key.tokenType
	if w.p.policy.OptionalAttributes == SwitchOff {
		valueType = ""
	}
	return w.directSTR(id, valueType, valueType)
}

// OutgoingToken is the token of a request for [Processor.ProtectRequest]: a
// Kerberos token, or a security context. The zero value is no token.
type OutgoingToken struct {
	Token []byte // AP-REQ in its GSS-API frame, or bare (first octet 0x6e)
	Key   Key    // its effective key
	// Context, if not nil, is sent as a SecurityContextToken in the place of
	// Token and Key. Of it Identifier, Instance, Namespace, Token and Key
	// matter.
	Context *SecurityContext
	// Endorsing, if not nil, is sent beside the token, and not where Context is omitted:
	// the SecureConversationToken of a context that the message asks to renew
	// (SP §8.3). Of it the same matters as of Context.
	Endorsing *SecurityContext
	// Omit leaves the token out and refers to it by its hash, or by the
	// Identifier of the context, as a client does that has sent it before.
	Omit bool
}

// check reports whether the token can be sent under a policy.
func (t *OutgoingToken) check(p *Policy) error {
	want := p.ClientToken()
	switch {
	case t.Context == nil && len(t.Token) == 0:
		return errors.New("OutgoingToken.Token is empty: a request needs a token")
	case t.Context == nil && p.takesContext():
		return fmt.Errorf("the policy is for a %s token, and there is a Kerberos token", want)
	case t.Context != nil && t.Context.Token != want:
		return fmt.Errorf("the policy is for a %s token, and the security context is for %q", want, t.Context.Token)
	case t.Context != nil && (!isSC(t.Context.Namespace) || t.Context.Identifier == ""):
		return errors.New("the security context is without Namespace or Identifier")
	case t.Endorsing != nil && t.Context != nil && t.Omit:
		return errors.New("an endorsing security context stands behind that of the policy, which is omitted")
	}
	return checkEndorsing(t.Endorsing, p)
}

// octets returns what the token in the message is written from.
func (t *OutgoingToken) octets() []byte {
	if t.Context != nil {
		return []byte(t.Context.Identifier)
	}
	return t.Token
}

// baseKey returns the key of a token, which was checked, for a writer.
func (t *OutgoingToken) baseKey() baseKey {
	if t.Context != nil {
		return contextBase(t.Context)
	}
	return baseKey{octets: t.Key.octets, profile: kerberosProfile{}, hash: HashToken(t.Token),
		tokenType: valueTypeOf(t.Token)}
}
