package wssec

import (
	"context"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Bounds on the children of a Security header. WCF sends one ReferenceList and one
// Signature; a policy here asks for one Signature at most.
const (
	maxDerivedKeyTokens = 8
	maxReferenceLists   = 4
	maxEncryptedKeys    = 2
	maxConfirmations    = 4
	maxSealed           = 1 // EncryptedData; it is the Signature
	maxDataReferences   = 32
	maxSecurityChildren = 64
)

// verification is one message being verified: everything known of it so far. The steps of
// verify fill it in; none of it outlives the call but the Message.
type verification struct {
	p    *Processor
	ctx  context.Context
	env  *soap.Envelope
	ch   Channel
	sent *Request // of a reply, the request it answers; nil for a request
	now  time.Time

	security      xmltext.Node // the Security header for us
	timestamp     *timestamp
	lists         []*referenceList
	sigs          []*signature
	encryptedKeys []xmltext.Node
	bst           xmltext.Node
	confirmations []xmltext.Node
	sealed        []xmltext.Node // EncryptedData children of the Security header
	position      map[xmltext.Node]int
	ids           idIndex

	token      *token
	kerberos   *baseKey
	derived    map[xmltext.Node]*boundKey
	unwrapped  map[xmltext.Node]*baseKey
	unwrapping bool
	suspected  *failure // it names a remembered key that it has not proved to have
	baseUsed   *baseKey // the one base key that signed and encrypted

	encrypted []*encryptedPart
	verified  []xmltext.Node // what a valid Reference covers
	covered   []covered      // the same, for checkContentPrefixes
	facts     Facts
	reserved  int // octets asked of Config.Reserve
}

// signature is a Signature in the header and where it stood.
type signature struct {
	*xmldsig.Signature
	position int
	sealed   bool // it was encrypted
	key      *boundKey
}

// verify runs the steps in the order in which a receiver must take them: cheap checks
// first, no plaintext before the key has proved itself, policy last.
func (p *Processor) verify(ctx context.Context, env *soap.Envelope, ch Channel, sent *Request) (*Message, error) {
	v := &verification{p: p, ctx: ctx, env: env, ch: ch, sent: sent, now: p.cfg.Time()}
	defer v.broken()
	for _, step := range [...]func(*verification) error{
		(*verification).checkTransport,  // the channel that the policy relies on
		(*verification).findHeader,      // WSS §5: the Security header for us
		(*verification).readHeader,      // WSS §5–§10: its children, each by its kind
		(*verification).checkTimestamp,  // WSS §10
		(*verification).indexIDs,        // WSS §4: what may be referred to
		(*verification).acceptToken,     // WSS §6, KTP §3
		(*verification).readLists,       // WSS §9.1: which EncryptedData are to be opened
		(*verification).openSignatures,  // SP §6.4: an encrypted Signature
		(*verification).checkSignatures, // XMLDSig §3.2.2: algorithms, HMAC over SignedInfo
		(*verification).claim,           // replay
		(*verification).processInOrder,  // WSS §5: digests and decryption, as the header has them
		(*verification).checkCoverage,   // SP §4: signed and encrypted parts
		(*verification).checkContentPrefixes,
		(*verification).checkHeaderLayout, // SP §6.7
	} {
		if err := step(v); err != nil {
			p.release(ctx, v.reserved)
			return nil, v.failed(err)
		}
	}
	v.renewed()
	return v.message(), nil
}

// checkTransport refuses a message over plain HTTP when TLS is its protection.
func (v *verification) checkTransport() error {
	if v.p.policy.NeedsTLS() && !v.ch.TLS {
		return errAt(CodeTransport, v.env.Root, "the policy relies on TLS and the message came without; use a TLS listener, or say that TLS ends in front of this one")
	}
	return nil
}

// findHeader finds the one Security header whose actor is ours.
func (v *verification) findHeader() error {
	for b := range v.env.Blocks() {
		if !b.Is(NSWSSE, "Security") || v.env.Role(b) != v.p.policy.Actor {
			continue
		}
		if !v.security.IsZero() {
			return errAt(CodeSecurityDuplicate, b, "a second Security header for the same actor")
		}
		v.security = b
	}
	if v.security.IsZero() && v.needsHeader() {
		return v.noHeader()
	}
	return nil
}

// noHeader says whose the Security headers are that are there. Every node is "next", and
// yet none of them is taken for ours unless the policy says so: which header counts must
// not depend on who else reads the message, and WSS4J does the same.
func (v *verification) noHeader() error {
	word := "actor"
	if v.env.Version == soap.V12 {
		word = "role"
	}
	whose := func(role string) string {
		if role == "" {
			return "without " + word
		}
		return fmt.Sprintf("for the %s %.200q", word, role)
	}
	for b := range v.env.Blocks() {
		if b.Is(NSWSSE, "Security") {
			return errAt(CodeSecurityMissing, b, "the Security header is one %s; this route takes the one %s (actor)", whose(v.env.Role(b)), whose(v.p.policy.Actor))
		}
	}
	return errAt(CodeSecurityMissing, v.env.Root, "no wsse:Security header")
}

// needsHeader tells whether the policy puts anything into the header of this message.
func (v *verification) needsHeader() bool {
	return v.sent == nil || v.p.policy.ProtectsReplies() || v.p.policy.Timestamp == TimestampRequired
}

// readHeader sorts the children of the Security header by kind and bounds their number.
func (v *verification) readHeader() error {
	if v.security.IsZero() {
		return nil
	}
	if v.security.HasMixedText() {
		return errAt(CodeSecurityInvalid, v.security, "text between elements")
	}
	v.position = make(map[xmltext.Node]int, 8)
	for c := range v.security.Children() {
		if len(v.position) == maxSecurityChildren {
			return errAt(CodeLimit, c, "more than %d elements", maxSecurityChildren)
		}
		v.position[c] = len(v.position)
		if err := v.readChild(c); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) readChild(c xmltext.Node) error {
	switch {
	case c.Is(NSWSU, "Timestamp"):
		return v.readTimestamp(c)
	case c.Is(NSWSSE, "BinarySecurityToken"):
		if !v.bst.IsZero() {
			return errAt(CodeUnsupportedToken, c, "a second BinarySecurityToken")
		}
		v.bst = c
		return nil
	case c.Local() == "DerivedKeyToken" && isSC(c.Space()):
		return v.count(c, maxDerivedKeyTokens)
	case c.Is(nsXenc, "ReferenceList"):
		uris, err := xmlenc.ParseReferenceList(c, maxDataReferences)
		if err != nil {
			return wrapAt(CodeSecurityInvalid, err)
		}
		v.lists = append(v.lists, &referenceList{node: c, position: v.position[c], uris: uris})
		return v.count(c, maxReferenceLists)
	case c.Is(nsXenc, "EncryptedKey"):
		return v.readEncryptedKey(c)
	case c.Is(nsXenc, "EncryptedData"):
		v.sealed = append(v.sealed, c)
		return v.count(c, maxSealed)
	case c.Is(nsDS, "Signature"):
		return v.readSignature(c, v.position[c], false)
	case c.Is(NSWSSE11, "SignatureConfirmation") && v.sent != nil:
		v.confirmations = append(v.confirmations, c)
		return v.count(c, maxConfirmations)
	}
	return errAt(CodeUnsupportedToken, c, "%s is not supported in the Security header", c.Name())
}

// count bounds the number of children with the name of c.
func (v *verification) count(c xmltext.Node, max int) error {
	n := 0
	for o := range v.position {
		if o.Local() == c.Local() && o.Space() == c.Space() {
			n++
		}
	}
	if n > max {
		return errAt(CodeLimit, c, "more than %d of these", max)
	}
	return nil
}

func (v *verification) readTimestamp(c xmltext.Node) error {
	if v.timestamp != nil {
		return errAt(CodeTimestampInvalid, c, "a second Timestamp (BSP R3227)")
	}
	var err error
	v.timestamp, err = parseTimestamp(c)
	return err
}

func (v *verification) readEncryptedKey(c xmltext.Node) error {
	ek, err := xmlenc.ParseEncryptedKey(c, maxDataReferences)
	if err != nil {
		return wrapAt(CodeSecurityInvalid, err)
	}
	v.encryptedKeys = append(v.encryptedKeys, c)
	if ek.HasList {
		v.lists = append(v.lists, &referenceList{node: c, position: v.position[c], uris: ek.References, key: c})
	}
	return v.count(c, maxEncryptedKeys)
}

// readSignature parses a Signature; a policy asks for one at most.
func (v *verification) readSignature(n xmltext.Node, position int, sealed bool) error {
	if len(v.sigs) == 1 || !v.expectsSignature() {
		return errAt(CodeSignatureExtra, n, "the policy does not ask for it")
	}
	s, err := xmldsig.Parse(n)
	if err != nil {
		return wrapAt(CodeSecurityInvalid, err)
	}
	v.sigs = append(v.sigs, &signature{Signature: s, position: position, sealed: sealed})
	return nil
}

// expectsSignature tells whether this message is signed under the policy. Replies are
// signed under the symmetric binding only: an endorsing token is the requestor's.
func (v *verification) expectsSignature() bool {
	if v.sent != nil {
		return v.p.policy.ProtectsReplies()
	}
	return v.p.policy.signs()
}

// maxHeaderBlocks bounds the header blocks of a message; WS-Addressing has ten.
const maxHeaderBlocks = 256

// indexIDs finds what a Reference may name, in the present state of the document, and
// counts where else outside the content of the Body those Ids stand.
func (v *verification) indexIDs() error {
	v.ids = idIndex{}
	if err := v.addTargets(); err != nil {
		return err
	}
	v.ids.count(v.env.Root)
	if !v.env.Header.IsZero() {
		v.ids.count(v.env.Header)
		for n := range v.env.Header.Descendants() {
			v.ids.count(n)
		}
	}
	v.ids.count(v.env.Body)
	if ed := v.bodyCiphertext(); !ed.IsZero() {
		v.ids.count(ed)
		for n := range ed.Descendants() {
			v.ids.count(n)
		}
	}
	if id := v.ids.duplicate(); id != "" {
		return errAt(CodeDuplicateID, v.env.Root, "the Id %.64q stands on two elements that a reference may name", id)
	}
	return nil
}

// addTargets enters header blocks, children of the Security header, the Body, and
// EncryptedData at the places where a policy may have them.
func (v *verification) addTargets() error {
	blocks := 0
	for b := range v.env.Blocks() {
		if blocks++; blocks > maxHeaderBlocks {
			return errAt(CodeLimit, b, "more than %d header blocks", maxHeaderBlocks)
		}
		switch {
		case b == v.security:
			for c := range b.Children() {
				v.ids.addTarget(c)
			}
			continue
		case b.Is(NSWSSE11, "EncryptedHeader"):
			for c := range b.Children() {
				if c.Is(nsXenc, "EncryptedData") {
					v.ids.addTarget(c)
				}
			}
		}
		v.ids.addTarget(b)
	}
	v.ids.addTarget(v.env.Body)
	if ed := v.bodyCiphertext(); !ed.IsZero() {
		v.ids.addTarget(ed)
	}
	return nil
}

// bodyCiphertext is bodyEncryption as long as it has not been decrypted: what stands there
// afterwards is data.
func (v *verification) bodyCiphertext() xmltext.Node {
	if v.wasEncrypted(v.env.Body) {
		return xmltext.Node{}
	}
	return bodyEncryption(v.env)
}

// bodyEncryption gives the EncryptedData that is all of the Body's content, or zero.
func bodyEncryption(env *soap.Envelope) xmltext.Node {
	ed := env.Body.FirstChild()
	if ed.IsZero() || !ed.Is(nsXenc, "EncryptedData") || !ed.NextSibling().IsZero() || env.Body.HasMixedText() {
		return xmltext.Node{}
	}
	return ed
}

// checkTimestamp holds the Timestamp against the policy and the clock, before any
// cryptographic work.
func (v *verification) checkTimestamp() error {
	switch need := v.p.policy.Timestamp; {
	case v.timestamp == nil && need == TimestampRequired:
		return errAt(CodeTimestampMissing, v.security, "the policy requires a Timestamp (timestamp)")
	case v.timestamp == nil:
		return nil
	case need == TimestampForbidden:
		return errAt(CodeTimestampInvalid, v.timestamp.node, "the policy forbids a Timestamp (timestamp)")
	}
	return v.timestamp.check(&v.p.policy, v.now)
}

// acceptToken verifies the BinarySecurityToken, and insists on one where nothing else
// could lead to a key.
func (v *verification) acceptToken() error {
	start := time.Now()
	defer func() { v.facts.TokenTime = time.Since(start) }()
	if !v.bst.IsZero() {
		return v.acceptBST(v.bst)
	}
	if v.sent == nil && len(v.sigs) == 0 && len(v.sealed) == 0 {
		return errAt(CodeTokenMissing, v.security, "no Kerberos BinarySecurityToken and no reference to one")
	}
	return nil
}

// checkSignatures compares the algorithms with the policy, then checks the HMAC over each
// SignedInfo. No digest is computed and no other plaintext parsed before.
func (v *verification) checkSignatures() error {
	if v.expectsSignature() && len(v.sigs) == 0 {
		return errAt(CodeSignatureMissing, v.security, "the policy requires a signature")
	}
	for _, s := range v.sigs {
		if err := v.checkAlgorithms(s); err != nil {
			return err
		}
		if v.sent != nil && v.sent.signed(s.Value) {
			return errAt(CodeMessageReplayed, s.Node, "the request itself, sent back as its reply")
		}
		var err error
		if s.key, err = v.keyOf(s.KeyInfo, s.Node); err != nil {
			return err
		}
		octets, err := v.signatureKey(s.key, s.KeyInfo)
		if err != nil {
			return err
		}
		if !s.CheckValue(v.p.signature.New(octets)) {
			return errAt(CodeSignatureInvalid, s.Node, "SignatureValue is wrong: another key, or SignedInfo was changed")
		}
		v.proved()
	}
	return nil
}

// message makes the result.
func (v *verification) message() *Message {
	m := &Message{env: v.env, policy: &v.p.policy, verified: v.verified, facts: v.facts, tls: v.ch.TLS, security: v.security}
	if v.token != nil {
		m.token = v.token.CachedToken
		if v.sent == nil && v.p.policy.TokenOnce && v.token.fresh {
			m.tokens, m.tokenHash = v.p.cfg.Tokens, v.token.hash
		}
	}
	if v.baseUsed != nil {
		m.base = *v.baseUsed
	}
	for _, s := range v.sigs {
		m.signatureValues = append(m.signatureValues, s.Value)
		if s.key.dkt != nil {
			m.scNamespace = s.key.dkt.node.Space()
		}
	}
	for _, e := range v.encrypted {
		m.encrypted = append(m.encrypted, e.part)
	}
	return m
}
