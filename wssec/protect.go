package wssec

import (
	"bytes"
	"context"
	"errors"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Protect appends the reply, protected as the policy asks with the key of the request, to
// dst. The request is the Message that Verify gave. A reply without grafts only: one that
// soap.Parse made. Under a transport policy it gets a Timestamp; under binding none it is
// appended as it is but for a Security header of the backend's own. The error is an *Error;
// dst is then given back as it was.
func (p *Processor) Protect(ctx context.Context, dst []byte, reply *soap.Envelope, req *Message) ([]byte, error) {
	w := &writer{p: p, env: takeApart(reply, p.policy.Actor), key: req.base, scNS: req.scNamespace}
	if p.policy.SignatureConfirmation {
		w.confirm = req.signatureValues
	}
	switch p.policy.DerivedKeyVersion {
	case SC05:
		w.setVersion(NSWSC05)
	case SC13:
		w.setVersion(NSWSC13)
	}
	err := w.coverHeaders()
	var out, value []byte
	if err == nil {
		out, value, err = w.message(dst)
	}
	if err == nil {
		err = p.claimReply(ctx, value)
	}
	if err != nil {
		return dst, protectError(err)
	}
	return out, nil
}

// coverHeaders applies ReplyHeaders: what the policy does not protect does not leave
// beside what it does, unless the operator says so. A mandatory block is not left out in
// silence.
func (w *writer) coverHeaders() error {
	p := &w.p.policy
	if !p.ProtectsReplies() || w.p.cfg.ReplyHeaders == PassHeaders {
		return nil
	}
	kept := w.env.blocks[:0]
	for _, b := range w.env.blocks {
		if p.SignedParts.matches(b) || p.EncryptedParts.matches(b) {
			kept = append(kept, b)
			continue
		}
		must, err := w.env.MustUnderstand(b)
		if err != nil {
			return err
		}
		if must || w.p.cfg.ReplyHeaders == RefuseHeaders {
			return errAt(CodeHeaderRefused, b, "the policy does not protect this header block of the reply (signed-parts, other-headers)")
		}
	}
	w.env.blocks = kept
	return nil
}

// claimReply enters the signature of a reply in the replay store. Where requests may name
// their token by its hash, a reply has the very form of one, under the same key: sent back
// to us it must not pass for a request.
func (p *Processor) claimReply(ctx context.Context, value []byte) error {
	if value == nil || !p.policy.TokenOnce {
		return nil
	}
	now := p.cfg.Time()
	t := timestamp{created: now, expires: now.Add(p.policy.TTL)}
	if _, err := p.cfg.Replay.Add(ctx, replayID(value), t.acceptedUntil(&p.policy)); err != nil {
		return &Error{Code: CodeReplayUnavailable, Err: err}
	}
	return nil
}

// setVersion chooses the DerivedKeyToken version if keys are derived at all.
func (w *writer) setVersion(ns string) {
	if w.scNS != "" || w.p.policy.DerivedKeys == Required {
		w.scNS = ns
	}
}

// OutgoingToken is the Kerberos token of a request to be sent.
type OutgoingToken struct {
	Token []byte // AP-REQ in its GSS-API frame, or bare (first octet 0x6e)
	Key   Key    // its effective key
	// Omit leaves the token out and refers to it by its hash, as a client does that has
	// sent it before.
	Omit bool
}

// Request is what a client keeps of a request to verify its reply.
type Request struct {
	base            baseKey
	signatureValues [][]byte
}

// ProtectRequest appends a request protected with the key of a token to dst, and gives
// what VerifyReply needs.
func (p *Processor) ProtectRequest(dst []byte, env *soap.Envelope, tok OutgoingToken) ([]byte, *Request, error) {
	if len(tok.Token) == 0 {
		return dst, nil, protectError(errors.New("no token"))
	}
	base := baseKey{octets: tok.Key.octets, hash: HashToken(tok.Token), tokenType: GSSKerberosAPREQ}
	if tok.Token[0] != 0x60 {
		base.tokenType = KerberosAPREQ
	}
	w := &writer{p: p, env: takeApart(env, p.policy.Actor), key: base, token: tok.Token}
	if tok.Omit {
		w.token = nil
	}
	if p.policy.DerivedKeys == Required {
		w.setVersion(NSWSC13)
		if p.policy.DerivedKeyVersion == SC05 {
			w.setVersion(NSWSC05)
		}
	}
	out, value, err := w.message(dst)
	if err != nil {
		return dst, nil, protectError(err)
	}
	req := &Request{base: base}
	if value != nil {
		req.signatureValues = [][]byte{value}
	}
	return out, req, nil
}

// signed tells whether value is a signature of the request.
func (r *Request) signed(value []byte) bool {
	for _, v := range r.signatureValues {
		if bytes.Equal(v, value) {
			return true
		}
	}
	return false
}

func protectError(err error) error {
	if err == nil {
		return nil
	}
	return wrapAt(CodeProtect, err)
}

// message writes the whole message. value is the SignatureValue, nil without a signature.
func (w *writer) message(dst []byte) (out, value []byte, err error) {
	if err := w.newSuffix(); err != nil {
		return dst, nil, err
	}
	signs := w.p.policy.Binding == Symmetric || w.token != nil && w.p.policy.endorsing()
	if !signs {
		return w.unsigned(dst), nil, nil
	}
	return w.signed(dst)
}

// unsigned writes a message whose protection is the channel's: a Timestamp and the token.
func (w *writer) unsigned(dst []byte) []byte {
	var content []byte
	if w.p.policy.Timestamp == Required {
		content = appendTimestamp(content, w.id("TS"), w.p.cfg.Time(), w.p.policy.TTL)
	}
	if w.token != nil {
		content = w.appendBST(content, w.id("BST"))
	}
	if content == nil && !w.env.foreign {
		start, _, _, end := w.env.Root.SourceRange()
		return append(dst, w.env.Root.Doc().Source()[start:end]...)
	}
	var blocks []byte
	for _, b := range w.env.blocks {
		blocks = appendBlock(blocks, b, "")
	}
	body := func(dst []byte) ([]byte, error) { return appendBlock(dst, w.env.Body, ""), nil }
	var security []byte
	if content != nil {
		security = w.security(content)
	}
	dst, _ = w.env.appendEnvelope(dst, security, blocks, body)
	return dst
}

// appendBlock appends an element as written, with extra attributes.
func appendBlock(dst []byte, n xmltext.Node, extra string) []byte {
	dst = appendStartTag(dst, n, extra)
	dst = appendContent(dst, n)
	return appendEndTag(dst, n)
}

// security wraps the children of the Security header. mustUnderstand makes sure that a
// receiver that cannot process it says so (WSS §5).
func (w *writer) security(content []byte) []byte {
	out := append([]byte(nil), `<wsse:Security xmlns:wsse="`+NSWSSE+`" xmlns:env="`+w.env.Version.Namespace()+`" env:mustUnderstand="1"`...)
	if actor := w.p.policy.Actor; actor != "" {
		name := ` env:actor="`
		if w.env.Version == soap.V12 {
			name = ` env:role="`
		}
		out = append(xmltext.AppendEscapedAttr(append(out, name...), actor), '"')
	}
	out = append(append(out, '>'), content...)
	return append(out, `</wsse:Security>`...)
}

// signed writes a signed and perhaps encrypted message, in the order in which a receiver
// undoes it.
func (w *writer) signed(dst []byte) (out, value []byte, err error) {
	head, err := w.tokens()
	if err != nil {
		return dst, nil, err
	}
	blocks, body, err := w.protectParts()
	if err != nil {
		return dst, nil, err
	}
	listed := w.encrypted // what the list for the parts names
	t := xmldsig.Template{ID: w.id("SIG"), Method: w.p.signature, Digest: w.p.suite.Digest, References: w.parts, KeyInfo: w.sigInfo}
	sig, value := t.Append(nil, w.sigKey)
	if w.p.policy.EncryptSignature {
		plain := sig
		sig, err = w.encrypt(nil, xmlenc.TypeElement, len(plain), func(b []byte) []byte { return append(b, plain...) })
		if err != nil {
			return dst, nil, err
		}
	}
	dst, err = w.env.appendEnvelope(dst, w.security(w.arrange(head, sig, listed)), blocks, body)
	return dst, value, err
}

// arrange puts ReferenceLists and Signature behind the tokens.
func (w *writer) arrange(head, sig []byte, listed []string) []byte {
	sealed := w.encrypted[len(listed):] // the encrypted Signature
	if w.p.policy.ProtectionOrder == SignBeforeEncrypt {
		if len(w.encrypted) > 0 {
			head = xmlenc.AppendReferenceList(head, w.encrypted...)
		}
		return append(head, sig...)
	}
	if len(sealed) > 0 {
		head = xmlenc.AppendReferenceList(head, sealed...)
	}
	head = append(head, sig...)
	if len(listed) > 0 {
		head = xmlenc.AppendReferenceList(head, listed...)
	}
	return head
}

// tokens writes Timestamp, token, DerivedKeyTokens and SignatureConfirmations, and enters
// those that the signature covers.
func (w *writer) tokens() ([]byte, error) {
	p := &w.p.policy
	var head []byte
	if p.Timestamp != Forbidden {
		id := w.id("TS")
		head = appendTimestamp(head, id, w.p.cfg.Time(), p.TTL)
		w.sign(id, head)
	}
	str := []byte(nil)
	if w.token != nil {
		id := w.id("BST")
		start := len(head)
		head = w.appendBST(head, id)
		if w.signsToken() {
			w.sign(id, head[start:])
		}
		valueType, tokenType := w.key.tokenType, w.key.tokenType
		if p.OptionalAttributes == Off {
			valueType, tokenType = "", ""
		}
		str = directSTR(id, valueType, tokenType)
	} else {
		str = w.hashSTR()
	}
	if err := w.prepareKeys(str); err != nil {
		return nil, err
	}
	head = append(head, w.derivedTokens...)
	if w.p.policy.SignatureConfirmation && w.token == nil {
		for _, value := range w.confirm {
			id := w.id("SC")
			start := len(head)
			head = appendConfirmation(head, id, value)
			w.sign(id, head[start:])
		}
	}
	return head, nil
}

// signsToken tells whether the signature of a request covers the token.
func (w *writer) signsToken() bool {
	for _, t := range w.p.policy.SupportingTokens {
		if t.Use == SignedEndorsing {
			return true
		}
	}
	return w.p.policy.ProtectTokens
}

// protectParts signs and encrypts header blocks and Body and gives them as they will stand
// in the message.
func (w *writer) protectParts() (blocks []byte, body appendFunc, err error) {
	for _, b := range w.env.blocks {
		if blocks, err = w.block(blocks, b); err != nil {
			return nil, nil, err
		}
	}
	body, err = w.body()
	return blocks, body, err
}

// block protects one header block.
func (w *writer) block(dst []byte, b xmltext.Node) ([]byte, error) {
	p := &w.p.policy
	signed, sealed := p.SignedParts.matches(b), p.EncryptedParts.matches(b)
	id := idAttr{}
	if signed && !(sealed && p.ProtectionOrder == EncryptBeforeSign) {
		var err error
		if id, err = w.idFor(b, "H"); err == nil {
			err = w.signNode(b, id)
		}
		if err != nil {
			return nil, err
		}
	}
	if !sealed {
		return appendBlock(dst, b, id.text(b)), nil
	}
	start := len(dst)
	ehID := w.id("EH")
	dst, err := w.encryptedHeader(dst, b, id, ehID)
	if err == nil && signed && p.ProtectionOrder == EncryptBeforeSign {
		err = w.signText(dst[start:], ehID, w.env.Header)
	}
	return dst, err
}

// encryptedHeader writes a wsse11:EncryptedHeader (WSS §9.3), which copies the SOAP
// attributes of the block.
func (w *writer) encryptedHeader(dst []byte, b xmltext.Node, id idAttr, ehID string) ([]byte, error) {
	ns := w.env.Version.Namespace()
	dst = append(dst, `<wsse11:EncryptedHeader xmlns:env="`+ns+`" xmlns:wsse11="`+NSWSSE11+`" xmlns:wsu="`+NSWSU+`"`...)
	for _, name := range [...]string{"actor", "mustUnderstand", "relay", "role"} {
		if v, ok := b.Attr(ns, name); ok {
			dst = append(dst, ` env:`+name+`="`...)
			dst = append(xmltext.AppendEscapedAttr(dst, v), '"')
		}
	}
	dst = append(dst, ` wsu:Id="`+ehID+`">`...)
	plain := detachedWith(b, id)
	dst, err := w.encrypt(dst, xmlenc.TypeElement, len(plain), func(buf []byte) []byte { return append(buf, plain...) })
	return append(dst, `</wsse11:EncryptedHeader>`...), err
}

// detachedWith gives an element that stands alone, with its wsu:Id written.
func detachedWith(n xmltext.Node, id idAttr) []byte {
	out := n.AppendDetached(nil)
	if id.prefix == "" {
		return out
	}
	name := 1 + len(qname(n))
	attr := id.text(n)
	return append(out[:name:name], append([]byte(attr), out[name:]...)...)
}

// appendFunc appends a part of the message that is written late, to be held once.
type appendFunc func(dst []byte) ([]byte, error)

// body signs the Body and tells how it is written: encrypted at the end, unless the
// signature covers the ciphertext.
func (w *writer) body() (appendFunc, error) {
	p, b := &w.p.policy, w.env.Body
	signed, sealed := p.SignedParts.Body, p.EncryptedParts.Body
	id := idAttr{}
	if signed {
		var err error
		if id, err = w.idFor(b, "B"); err != nil {
			return nil, err
		}
	}
	if !sealed {
		write := func(dst []byte) ([]byte, error) { return appendBlock(dst, b, id.text(b)), nil }
		if !signed {
			return write, nil
		}
		return write, w.signNode(b, id)
	}
	ed := w.encryptedID()
	write := func(dst []byte) ([]byte, error) { return w.encryptedBody(dst, id, ed) }
	if !signed {
		return write, nil
	}
	if p.ProtectionOrder == SignBeforeEncrypt {
		return write, w.signNode(b, id)
	}
	out, err := write(nil)
	if err == nil {
		err = w.signText(out, id.value, w.env.Root)
	}
	return func(dst []byte) ([]byte, error) { return append(dst, out...), nil }, err
}

// encryptedBody writes the Body with its content encrypted.
func (w *writer) encryptedBody(dst []byte, id idAttr, ed string) ([]byte, error) {
	b := w.env.Body
	_, from, to, _ := b.SourceRange()
	dst = appendStartTag(dst, b, id.text(b))
	dst, err := w.encryptAs(dst, ed, xmlenc.TypeContent, (to-from)+1024, plaintext(b))
	return appendEndTag(dst, b), err
}

// plaintext gives the content of the Body for encryption. Its elements repeat the
// declarations in scope, for receivers that read it out of its place and for those that
// take no name from outside it, unless that would double the content: a backend could
// otherwise make a small reply a large one.
func plaintext(b xmltext.Node) func([]byte) []byte {
	_, from, to, _ := b.SourceRange()
	repeat := 0
	scope := b.ScopeSize()
	for range b.Children() {
		if repeat += scope; repeat > max(16<<10, to-from) {
			return b.AppendSourceContent
		}
	}
	return b.AppendDetachedContent
}

// signText signs an element as it was just written: it is scanned where it will stand,
// since the declarations of its parents are in scope of it.
func (w *writer) signText(element []byte, id string, parent xmltext.Node) error {
	doc := appendStartTag(nil, w.env.Root, "")
	inHeader := !parent.IsZero() && parent != w.env.Root
	if inHeader {
		doc = appendStartTag(doc, parent, "")
	}
	doc = append(doc, element...)
	if inHeader {
		doc = appendEndTag(doc, parent)
	}
	d, err := xmltext.Scan(appendEndTag(doc, w.env.Root), xmltext.Options{Limits: xmltext.Limits{MessageBytes: -1}})
	if err != nil {
		return err
	}
	n := d.Root().FirstChild()
	if inHeader {
		n = n.FirstChild()
	}
	return w.signNode(n, idAttr{value: id})
}
