package wssec

import (
	"slices"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// maxTokenText bounds the text of a BinarySecurityToken: a ticket with a large PAC and a
// delegated credential is at most 64 kB (the Windows MaxTokenSize is 48,000 octets).
const maxTokenText = 128 << 10

// token is a Kerberos token whose key this message may use.
type token struct {
	CachedToken
	hash  TokenHash
	node  xmltext.Node // the BinarySecurityToken, zero if named by its hash
	fresh bool         // verified now, not taken from the cache
}

// parseBST gives the ValueType and octets of a BinarySecurityToken (WSS §6.3, KTP §3.2).
// EncodingType may be absent (WCF custom bindings); ValueType may not (BSP R3031).
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

// acceptBST verifies a BinarySecurityToken once; a message carries one at most.
func (v *verification) acceptBST(n xmltext.Node) error {
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
	t := &token{node: n, hash: HashToken(octets), fresh: true}
	t.Name, t.Realm = verified.Client()
	t.Groups = slices.Clone(verified.Groups())
	t.Service, t.EndTime, t.Etype = verified.Service(), verified.EndTime(), verified.EtypeOfKey()
	t.ValueType, t.Key = strings.Clone(valueType), Key{octets: verified.ExposeKeyOctets()}
	v.token = t
	v.facts.TokenBytes = len(octets)
	return nil
}

// tokenByHash finds the token that a KeyIdentifier names: that of this message, that of
// the request a reply answers, or one that an earlier message brought.
func (v *verification) tokenByHash(hash TokenHash, from xmltext.Node) (*token, error) {
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
		return nil, errAt(CodeTokenUnavailable, from, "names a token of another message; the policy does not allow it (token-once)")
	}
	cached, ok, err := v.p.cfg.Tokens.GetToken(v.ctx, hash)
	if err != nil {
		return nil, &Error{Code: CodeTokenUnavailable, Path: from.Path(), Err: err}
	}
	if !ok || !v.now.Before(cached.EndTime) {
		return nil, errAt(CodeTokenUnavailable, from, "names a token that is not known here, or has expired")
	}
	if askers, suspended := v.p.cfg.Guard.suspends(cached.Key.id()); suspended {
		err := errAt(CodeTokenSuspended, from, "names a key for which too many messages failed; its owner has to send the token again")
		err.Askers = askers
		return nil, err
	}
	v.token = &token{CachedToken: cached, hash: hash}
	v.suspect(&v.token.CachedToken)
	return v.token, nil
}
