package wssec

import (
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// protectParts signs and encrypts header blocks and Body and returns them as
// they will stand in the message.
func (w *writer) protectParts() (blocks []byte, body appendFunc, err error) {
	if n := len(w.env.blocks); n > 0 && !w.env.Header.IsZero() {
		const attributes = 200 // octets of a wsu:Id with its declaration
		_, from, to, _ := w.env.Header.SourceRange()
		blocks = w.drafts.take(to - from + n*attributes)
	}
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
	signed, encrypted := p.SignedParts.matches(b), p.EncryptedParts.matches(b)
	id := idAttr{}
	if signed && !(encrypted && p.ProtectionOrder == EncryptBeforeSign) {
		var err error
		if id, err = w.idFor(b, "H"); err == nil {
			err = w.signNode(b, id)
		}
		if err != nil {
			return nil, err
		}
	}
	if !encrypted {
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

// encryptedHeader writes a wsse11:EncryptedHeader (WSS §9.3), which copies the
// SOAP attributes of the block.
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

// detachedWith returns an element that stands alone, with its wsu:Id written.
func detachedWith(n xmltext.Node, id idAttr) []byte {
	out := n.AppendDetached(nil)
	if id.prefix == "" {
		return out
	}
	name := len("<") + nameLen(n)
	attr := id.text(n)
	return append(out[:name:name], append([]byte(attr), out[name:]...)...)
}

// An appendFunc appends a part of the message that is written late, so that it
// is held in memory once.
type appendFunc func(dst []byte) ([]byte, error)

// body signs the Body and returns the function that writes it. That encrypts it
// last, unless the signature covers the ciphertext.
func (w *writer) body() (appendFunc, error) {
	p, b := &w.p.policy, w.env.Body
	signed, encrypted := p.SignedParts.Body, p.EncryptedParts.Body
	id := idAttr{}
	if signed {
		var err error
		if id, err = w.idFor(b, "B"); err != nil {
			return nil, err
		}
	}
	if !encrypted {
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
	dst = appendStartTag(dst, b, id.text(b))
	plain, size := plaintext(b)
	dst, err := w.encryptAs(dst, ed, xmlenc.TypeContent, size, plain.append)
	return appendEndTag(dst, b), err
}

// A bodyContent is the content of the Body for encryption.
type bodyContent struct {
	body  xmltext.Node
	alone bool // its elements repeat the declarations in scope
}

func (c bodyContent) append(dst []byte) []byte {
	if c.alone {
		return c.body.AppendDetachedContent(dst)
	}
	return c.body.AppendSourceContent(dst)
}

// plaintext returns the content of the Body for encryption, and a bound on its
// octets. The elements repeat the declarations
// in scope, for receivers that parse the content apart from the Body or take no
// name from outside it, unless that would double the content: a backend could
// otherwise make a small reply a large one.
func plaintext(b xmltext.Node) (c bodyContent, size int) {
	_, from, to, _ := b.SourceRange()
	repeat := 0
	scope := b.ScopeSize()
	for range b.Children() {
		if repeat += scope; repeat > max(16<<10, to-from) {
			return bodyContent{body: b}, to - from
		}
	}
	return bodyContent{b, true}, to - from + repeat
}

// signText signs an element as it was just written. It is scanned inside the
// start tags of its parents, because their declarations are in scope.
func (w *writer) signText(element []byte, id string, parent xmltext.Node) error {
	const tags = 4 << 10 // of the parents, usually
	doc := appendStartTag(make([]byte, 0, len(element)+tags), w.env.Root, "")
	inHeader := !parent.IsZero() && parent != w.env.Root
	if inHeader {
		doc = appendStartTag(doc, parent, "")
	}
	doc = append(doc, element...)
	if inHeader {
		doc = appendEndTag(doc, parent)
	}
	opt := xmltext.Options{Limits: xmltext.Limits{MessageBytes: -1}, RelativeNamespaces: true}
	d, err := xmltext.Scan(appendEndTag(doc, w.env.Root), opt)
	if err != nil {
		return err
	}
	n := d.Root().FirstChild()
	if inHeader {
		n = n.FirstChild()
	}
	return w.signNode(n, idAttr{value: id})
}
