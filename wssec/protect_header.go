package wssec

import (
	"slices"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// protectMessage writes the whole message. value is the SignatureValue, nil
// without a signature.
func (w *writer) protectMessage(dst []byte) (out, value []byte, err error) {
	if err := w.newSuffix(); err != nil {
		return dst, nil, err
	}
	signs := w.p.policy.Binding == SymmetricBinding || w.request && w.p.policy.endorsing()
	if !signs {
		return w.unsigned(dst), nil, nil
	}
	return w.signed(dst)
}

// unsigned writes a message whose protection is the channel's: a Timestamp and
// the token.
func (w *writer) unsigned(dst []byte) []byte {
	var content []byte
	if w.p.policy.Timestamp == TimestampRequired {
		w.timestamp = appendTimestamp(nil, w.id("TS"), w.p.cfg.Time(), w.p.policy.TTL)
	}
	if w.token != nil {
		content = w.key.profile.appendToken(content, w, w.id(w.key.profile.idPrefix()))
	}
	content = w.placeTimestamp(content)
	if content == nil && !w.env.changed {
		start, _, _, end := w.env.Root.SourceRange()
		return append(dst, w.env.Root.Doc().Source()[start:end]...)
	}
	var blocks []byte
	for _, b := range w.env.blocks {
		blocks = appendBlock(blocks, b, "")
	}
	body := func(dst []byte) ([]byte, error) { return appendBlock(dst, w.env.Body, ""), nil }
	if !w.request {
		w.env.Body.Prune()
	}
	size, _ := w.sizes()
	dst, _ = w.env.appendEnvelope(dst, size, w.security(content), blocks, body)
	return dst
}

// appendBlock appends an element as written, with extra attributes.
func appendBlock(dst []byte, n xmltext.Node, extra string) []byte {
	dst = appendStartTag(dst, n, extra)
	dst = appendContent(dst, n)
	return appendEndTag(dst, n)
}

// security returns what writes the Security header around its children, nothing
// if they are nil. mustUnderstand makes a receiver that cannot process the header
// answer with a fault (WSS §5).
func (w *writer) security(content []byte) func(dst []byte) []byte {
	return func(dst []byte) []byte {
		if content == nil {
			return dst
		}
		return w.appendSecurity(dst, content)
	}
}

func (w *writer) appendSecurity(out, content []byte) []byte {
	out = append(out, `<wsse:Security xmlns:wsse="`+NSWSSE+`" xmlns:env="`...)
	out = append(append(out, w.env.Version.Namespace()...), `" env:mustUnderstand="1"`...)
	if w.actor != "" {
		name := ` env:actor="`
		if w.env.Version == soap.V12 {
			name = ` env:role="`
		}
		out = append(xmltext.AppendEscapedAttr(append(out, name...), w.actor), '"')
	}
	out = append(append(out, '>'), content...)
	return append(out, `</wsse:Security>`...)
}

// signed writes a signed and perhaps encrypted message, in the order in which a
// receiver undoes it.
func (w *writer) signed(dst []byte) (out, value []byte, err error) {
	w.drafts = takeDrafts()
	defer w.drafts.free()
	head, err := w.tokens()
	if err != nil {
		return dst, nil, err
	}
	blocks, body, err := w.protectParts()
	if err != nil {
		return dst, nil, err
	}
	listed := w.encrypted // what the list for the parts names
	t := xmldsig.Template{
		ID: w.id("SIG"), Method: w.p.signature, Digest: w.p.suite.Digest, References: w.parts, KeyInfo: w.sigInfo,
	}
	sig, value := t.Append(w.drafts.signature[:0], w.sigKey)
	w.drafts.signature = sig
	if err := w.endorse(t.ID, sig); err != nil {
		return dst, nil, err
	}
	if sig, err = w.protectSignatures(sig); err != nil {
		return dst, nil, err
	}
	if !w.request {
		w.env.Body.Prune()
	}
	size, _ := w.sizes()
	w.drafts.head = w.placeTimestamp(w.arrange(head, sig, listed))
	dst, err = w.env.appendEnvelope(dst, size, w.security(w.drafts.head), blocks, body)
	return dst, value, err
}

// protectSignatures returns the Signature, and the endorsing one behind its
// tokens, as they will stand in the message.
func (w *writer) protectSignatures(sig []byte) (out []byte, err error) {
	if w.endorsing.tokens == nil && !w.p.policy.EncryptSignature {
		return sig, nil
	}
	out = append(out, w.endorsing.tokens...)
	for _, plain := range [...][]byte{sig, w.endorsing.sig} {
		if plain == nil || !w.p.policy.EncryptSignature {
			out = append(out, plain...)
			continue
		}
		write := func(b []byte) []byte { return append(b, plain...) }
		if out, err = w.encrypt(out, xmlenc.TypeElement, len(plain), write); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// arrange puts ReferenceLists and Signature behind the tokens.
func (w *writer) arrange(head, sig []byte, listed []string) []byte {
	signature := w.encrypted[len(listed):] // the encrypted Signature
	if w.p.policy.ProtectionOrder == SignBeforeEncrypt {
		if len(w.encrypted) > 0 {
			head = xmlenc.AppendReferenceList(head, w.encrypted...)
		}
		return append(head, sig...)
	}
	if len(signature) > 0 {
		head = xmlenc.AppendReferenceList(head, signature...)
	}
	head = append(head, sig...)
	if len(listed) > 0 {
		head = xmlenc.AppendReferenceList(head, listed...)
	}
	return head
}

// placeTimestamp puts the Timestamp where the Layout has it (SP §6.7).
func (w *writer) placeTimestamp(content []byte) []byte {
	if w.p.policy.Layout == LayoutLaxTimestampLast {
		return append(content, w.timestamp...)
	}
	return slices.Insert(content, 0, w.timestamp...)
}

// tokens writes Timestamp, token, DerivedKeyTokens and SignatureConfirmations,
// and enters those that the signature covers.
func (w *writer) tokens() ([]byte, error) {
	if err := w.checkKey(); err != nil {
		return nil, err
	}
	p := &w.p.policy
	head := w.drafts.room()
	if p.Timestamp != TimestampForbidden {
		id := w.id("TS")
		w.timestamp, w.timestampID = appendTimestamp(w.drafts.take(timestampBytes), id, w.p.cfg.Time(), p.TTL), id
		w.sign(id, w.timestamp)
	}
	id := ""
	if w.token != nil {
		id = w.id(w.key.profile.idPrefix())
		start := len(head)
		head = w.key.profile.appendToken(head, w, id)
		if w.signsToken() {
			w.sign(id, head[start:])
		}
	}
	if err := w.prepareKeys(w.key.profile.reference(w, id)); err != nil {
		return nil, err
	}
	head = append(head, w.derivedTokens...)
	if w.p.policy.SignatureConfirmation && !w.request {
		for _, value := range w.confirm {
			id := w.id("SC")
			start := len(head)
			head = appendConfirmation(head, id, value)
			w.sign(id, head[start:])
		}
	}
	return head, nil
}

// signsToken reports whether the signature of a request covers the token.
func (w *writer) signsToken() bool {
	for _, t := range w.p.policy.SupportingTokens {
		if t.Use == UseSignedEndorsing {
			return true
		}
	}
	return w.p.policy.ProtectTokens
}
