package wssec

import "github.com/wssgate/wssgate/soap/xmltext"

// A client of WCF renews a security context by a message under the bootstrap
// policy in which the context's SecurityContextToken is an endorsing supporting
// token (SP §8.3): a second Signature, by the context's key, covers the
// Signature of the message or, where TLS protects that, the Timestamp. The
// token proves nothing else. Its key neither encrypts nor signs any other part:
// the references of the message do not lead to it, nor does its Signature count
// for the parts that the policy signs.

// endorsement is what a verification knows of an endorsing token.
type endorsement struct {
	node    xmltext.Node // the SecurityContextToken in the Security header
	context *SecurityContext
	base    *baseKey
	sig     *signature
}

// endorsements returns how many endorsing tokens the message may have beside the
// token of the policy: one, or none. It endorses what the policy's token has
// signed.
func (v *verification) endorsements() int {
	if v.p.cfg.EndorsingContexts && v.sent == nil && v.p.policy.signs() {
		return 1
	}
	return 0
}

// findEndorsement enters n if it is the endorsing token: the SecurityContextToken
// behind that of the policy, or the only one under a policy for other tokens.
func (v *verification) findEndorsement(n xmltext.Node) bool {
	if v.endorsements() == 0 || !v.endorsing.node.IsZero() || !(contextProfile{}).is(n) ||
		v.p.policy.takesContext() && v.contexts.node.IsZero() {
		return false
	}
	v.endorsing.node = n
	return true
}

// acceptEndorsement looks up the context of the endorsing token. A KeyGuard does
// not count messages that name it: its key decrypts nothing.
func (v *verification) acceptEndorsement() error {
	e := &v.endorsing
	signed := e.sig != nil || len(v.encryptedSignature) > 1
	switch {
	case e.node.IsZero() && !signed:
		return nil
	case e.node.IsZero():
		return errAt(CodeSignatureExtra, v.security, "a second Signature without a SecurityContextToken that endorses")
	case !signed:
		return errAt(CodeSignatureMissing, e.node, "the key of the endorsing SecurityContextToken must sign")
	case v.timestamp == nil:
		return errAt(CodeTimestampMissing, v.security, "a message with an endorsing token needs a Timestamp")
	}
	name, err := parseSCT(e.node)
	if err != nil {
		return err
	}
	sc, err := v.lookup(name, e.node)
	if err == nil && sc.Token != SecureConversationToken {
		err = errContext(CodeContextType, "the context was issued as %q; one that endorses is a %q", sc.Token,
			SecureConversationToken)
	}
	if err != nil {
		return v.contextError(err, name, e.node)
	}
	e.context, e.base = &sc, &baseKey{octets: sc.Key.octets, profile: contextProfile{}, node: e.node, context: name}
	return nil
}

// checkEndorsement verifies the endorsing Signature and that the client of the
// message is that of the context. The Signature of the message has been
// authenticated and entered in the replay store before: a second ciphertext is
// opened once for each message.
func (v *verification) checkEndorsement() error {
	e := &v.endorsing
	if e.node.IsZero() {
		return nil
	}
	if e.sig == nil {
		if err := v.openSignature(v.encryptedSignature[1]); err != nil {
			return err
		}
	}
	for _, check := range [...]func(*signature) error{v.checkAlgorithms, v.checkEndorsingValue, v.checkEndorsed} {
		if err := check(e.sig); err != nil {
			return err
		}
	}
	if v.token == nil {
		return v.tokenMissing()
	}
	if v.token.Name != e.context.Name || v.token.Realm != e.context.Realm {
		return errAt(CodeEndorsingClient, e.node, "the context is of %s@%s, and the message of %s@%s", e.context.Name,
			e.context.Realm, v.token.Name, v.token.Realm)
	}
	return nil
}

// checkEndorsingValue checks the HMAC over the SignedInfo with the context's
// key, or with one that a DerivedKeyToken derives from it.
func (v *verification) checkEndorsingValue(s *signature) (err error) {
	if s.key, err = v.endorsingKey(s); err != nil {
		return err
	}
	if s.key.dkt == nil && v.p.policy.DerivedKeys == DerivedKeysRequired {
		return errAt(CodeDerivedKey, s.Node, "uses the token's key itself; the policy requires derived keys (derived-keys)")
	}
	if s.key.dkt != nil && len(s.key.octets) < v.p.suite.SignatureKey {
		return errAt(CodeKeyLength, s.Node, "the derived key has %d octets; %s signs with at least %d", len(s.key.octets),
			v.p.suite.Name, v.p.suite.SignatureKey)
	}
	if !s.Verify(v.p.signature, s.key.octets) {
		return errAt(CodeSignatureInvalid, s.Node, "SignatureValue is wrong: not by the key of the endorsing token, or "+
			"SignedInfo was changed")
	}
	return nil
}

// endorsingKey returns the key that the KeyInfo of an endorsing Signature names.
func (v *verification) endorsingKey(s *signature) (*boundKey, error) {
	str, err := onlySTR(s.KeyInfo, s.Node)
	if err != nil {
		return nil, err
	}
	n, err := v.endorsingTarget(str, s.position)
	if err != nil || n == v.endorsing.node {
		return &boundKey{octets: v.endorsing.base.octets, base: v.endorsing.base}, err
	}
	if n.Local() != "DerivedKeyToken" || !isSC(n.Space()) {
		return nil, errAt(CodeReference, str, "does not lead to the endorsing token, nor to a DerivedKeyToken")
	}
	d, err := parseDerivedKeyToken(n)
	if err != nil {
		return nil, err
	}
	from, err := v.endorsingTarget(d.str, v.order.of(n))
	if err != nil {
		return nil, err
	}
	if from != v.endorsing.node {
		return nil, errAt(CodeReference, d.str, "does not lead to the endorsing token")
	}
	octets := DeriveKey(v.endorsing.base.octets, d.label, d.nonce, d.offset, d.length)
	return &boundKey{octets: octets, base: v.endorsing.base, dkt: d}, nil
}

// endorsingTarget returns the token to which a SecurityTokenReference leads by
// its Id, and which stands before position: the form that WCF writes.
func (v *verification) endorsingTarget(str xmltext.Node, position int) (xmltext.Node, error) {
	ref := str.FirstChild()
	if _, _, implied := impliedAttrs(str); implied != "" || ref.IsZero() || !ref.NextSibling().IsZero() ||
		!ref.Is(NSWSSE, "Reference") {
		return xmltext.Node{}, errAt(CodeReference, str, "an endorsing Signature names its key by one Reference and nothing "+
			"else")
	}
	uri, _ := ref.Attr("", "URI")
	n, err := v.ids.target(uri, ref)
	if err != nil {
		return n, err
	}
	if at, ok := v.order.find(n); !ok || at >= position {
		return n, errAt(CodeLayout, ref, "does not lead to a token that stands before, in the Security header")
	}
	return n, nil
}

// checkEndorsed requires that the endorsing Signature covers the Signature of
// the message, or the Timestamp where TLS protects the message, and nothing
// else.
func (v *verification) checkEndorsed(s *signature) error {
	want, what := v.timestamp.node, "Timestamp"
	if v.p.policy.Binding == SymmetricBinding {
		want, what = v.sigs[0].Node, "Signature of the message"
	}
	r := &s.References[0]
	if len(s.References) != 1 || r.STRTransform {
		return errAt(CodeNotSigned, s.SignedInfo, "an endorsing Signature covers the %s and nothing else", what)
	}
	n, c14n, err := v.dereference(s, r)
	if err != nil {
		return err
	}
	if n != want {
		return errAt(CodeNotSigned, r.Node, "an endorsing Signature covers the %s and not %s", what, n.Name())
	}
	return v.checkDigest(r, n, c14n)
}
