package wssec

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

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

// VerifiedToken is what a verified Kerberos token, an AP-REQ (RFC 4120 3.2),
// proves. It is an alias of an interface literal, so that an implementation
// needs no import of this package.
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
	// EndTime is when the ticket expires.
	EndTime() time.Time
	// EtypeOfKey is the Kerberos encryption type number of the effective key.
	EtypeOfKey() int32
	// ExposeKeyOctets returns a copy of the effective key: the authenticator's
	// subkey, else the ticket's session key (Kerberos Token Profile 1.1.1 §3.6
	// leaves it to RFC 4121).
	ExposeKeyOctets() []byte
}

// TokenVerifier verifies the octets of a Kerberos BinarySecurityToken,
// GSS-framed or bare as their first octet tells, including their replay and
// what they are bound to: bindings are those of the message's Channel. It must
// be safe for concurrent use.
type TokenVerifier interface {
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

func (kerberosProfile) policyType() TokenType { return KerberosToken }

func (kerberosProfile) is(n xmltext.Node) bool { return n.Is(NSWSSE, "BinarySecurityToken") }

// find enters the BinarySecurityToken; there is one at most.
func (kerberosProfile) find(v *verification, n xmltext.Node) error {
	if !v.kerberos.node.IsZero() {
		return errAt(CodeUnsupportedToken, n, "a second BinarySecurityToken")
	}
	v.kerberos.node = n
	return nil
}

// accept verifies the BinarySecurityToken of the header.
func (kerberosProfile) accept(v *verification) error {
	if v.kerberos.node.IsZero() {
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

// cover insists that the token of the header is the one that was used, and on a
// token in each message whose key need not sign it.
func (kerberosProfile) cover(v *verification) error {
	if n := v.kerberos.node; !n.IsZero() && n != v.token.node {
		return errAt(CodeUnsupportedToken, n, "a token beside the one that is used")
	}
	if !v.token.fresh && v.p.policy.Binding != SymmetricBinding {
		return errAt(CodeTokenMissing, v.security, "the message carries no Kerberos token of its own")
	}
	return nil
}

// maxTokenText bounds the text of a BinarySecurityToken: a ticket with a large
// PAC and a delegated credential is at most 64 kB (the Windows MaxTokenSize is
// 48,000 octets).
const maxTokenText = 128 << 10

// parseBST returns the ValueType and octets of a BinarySecurityToken (WSS §6.3,
// KTP §3.2). EncodingType may be absent (WCF custom bindings); ValueType may
// not (BSP R3031).
func parseBST(n xmltext.Node) (valueType string, octets []byte, err error) {
	valueType, _ = n.Attr("", "ValueType")
	framed, ok := isKerberosValueType(valueType)
	if !ok {
		return "", nil, errAt(CodeUnsupportedToken, n, "ValueType %.120q is not a Kerberos AP-REQ", valueType)
	}
	if enc, ok := n.Attr("", "EncodingType"); ok && enc != EncodingBase64 {
		return "", nil, errAt(CodeInvalidToken, n, "EncodingType is not Base64Binary")
	}
	if _, start, end, _ := n.SourceRange(); end-start > maxTokenText {
		return "", nil, errAt(CodeInvalidToken, n, "longer than %d characters", maxTokenText)
	}
	if octets, err = xmlenc.AppendBase64(nil, n); err != nil || len(octets) == 0 {
		return "", nil, errAt(CodeInvalidToken, n, "content is not base64")
	}
	if framed != (octets[0] == 0x60) && (octets[0] == 0x60 || octets[0] == 0x6e) {
		return "", nil, errAt(CodeInvalidToken, n, "ValueType and token disagree about the GSS-API frame")
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
		return errAt(CodeUnsupportedToken, n, "a second token in the message")
	}
	if v.sent != nil {
		return errAt(CodeUnsupportedToken, n, "a reply carries no token of its own")
	}
	valueType, octets, err := parseBST(n)
	if err != nil {
		return err
	}
	if v.p.cfg.Verifier == nil {
		return errAt(CodeFailedAuth, n, "no token verifier is configured (Config.Verifier)")
	}
	verified, err := v.p.cfg.Verifier.VerifyToken(v.ctx, octets, v.ch.Bindings)
	if err != nil {
		return &Error{Code: CodeFailedAuth, Path: n.Path(), Err: err}
	}
	t := &clientToken{profile: kerberosProfile{}, node: n, hash: HashToken(octets), fresh: true}
	t.Name, t.Realm = verified.Client()
	t.Groups = slices.Clone(verified.Groups())
	t.Service, t.EndTime, t.Etype = verified.Service(), verified.EndTime(), verified.EtypeOfKey()
	t.ValueType, t.Key = strings.Clone(valueType), Key{octets: verified.ExposeKeyOctets()}
	v.token = t
	v.facts.TokenBytes = len(octets)
	return nil
}

// kerberosByHash finds the token that a KeyIdentifier names: that of this
// message, that of the request a reply answers, or one that an earlier message
// brought.
func (v *verification) kerberosByHash(hash TokenHash, from xmltext.Node) (*clientToken, error) {
	if v.token != nil {
		if v.token.hash == hash {
			return v.token, nil
		}
		return nil, errAt(CodeTokenUnavailable, from, "names another token than that of the message")
	}
	if v.sent != nil {
		return nil, errAt(CodeTokenUnavailable, from, "names another token than that of the request")
	}
	if !v.p.policy.TokenOnce {
		return nil, errAt(CodeTokenUnavailable, from,
			"names a token of another message; the policy does not allow it (token-once)")
	}
	cached, ok, err := v.p.cfg.Tokens.GetToken(v.ctx, hash)
	if err != nil {
		return nil, &Error{Code: CodeTokenUnavailable, Path: from.Path(), Err: err}
	}
	if !ok || !v.now.Before(cached.EndTime) {
		return nil, errAt(CodeTokenUnavailable, from, "names a token that is not known here, or has expired")
	}
	if askers, suspended := v.p.cfg.Guard.suspends(cached.Key.id()); suspended {
		err := errAt(CodeTokenSuspended, from,
			"names a key for which too many messages failed; its owner has to send the token again")
		err.Askers = askers
		return nil, err
	}
	v.token = &clientToken{CachedToken: cached, profile: kerberosProfile{}, hash: hash}
	v.suspect(&v.token.CachedToken)
	return v.token, nil
}

// kerberosKey returns the key of a token under the reference's ValueType.
func (v *verification) kerberosKey(t *clientToken, valueType string, ref xmltext.Node) (*boundKey, error) {
	if valueType != "" && valueType != t.ValueType {
		return nil, errAt(CodeReference, ref, "ValueType differs from that of the token")
	}
	if v.kerberos.base == nil {
		v.kerberos.base = &baseKey{
			octets: t.Key.octets, profile: t.profile, hash: t.hash, tokenType: t.ValueType, node: t.node,
		}
	}
	return v.base(v.kerberos.base, ref)
}

// appendToken writes the BinarySecurityToken (KTP §3.2).
func (kerberosProfile) appendToken(dst []byte, w *writer, id string) []byte {
	encoding := ` EncodingType="` + EncodingBase64 + `"`
	if w.p.policy.OptionalAttributes == SwitchOff {
		encoding = ""
	}
	dst = append(dst, `<wsse:BinarySecurityToken xmlns:wsse="`+NSWSSE+`" xmlns:wsu="`+NSWSU+`"`+encoding+
		` ValueType="`+w.key.tokenType+`" wsu:Id="`+id+`">`...)
	dst = base64.StdEncoding.AppendEncode(dst, w.token)
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
	return directSTR(id, valueType, valueType)
}

// OutgoingToken is the Kerberos token of a request to be sent.
type OutgoingToken struct {
	Token []byte // AP-REQ in its GSS-API frame, or bare (first octet 0x6e)
	Key   Key    // its effective key
	// Omit leaves the token out and refers to it by its hash, as a client does
	// that has sent it before.
	Omit bool
}

// baseKey returns the key of a token, which is not empty, for a writer.
func (t *OutgoingToken) baseKey() baseKey {
	valueType := GSSKerberosAPREQ
	if t.Token[0] != 0x60 {
		valueType = KerberosAPREQ
	}
	return baseKey{octets: t.Key.octets, profile: kerberosProfile{}, hash: HashToken(t.Token), tokenType: valueType}
}
