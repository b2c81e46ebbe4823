package wssec

import (
	"errors"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/pool"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// referenceList is an xenc:ReferenceList in the header, or that of an
// EncryptedKey.
type referenceList struct {
	node     xmltext.Node
	position int
	uris     []string
	key      xmltext.Node // the EncryptedKey, zero for a list of its own
}

// encryptedPart is an EncryptedData that a list names, at a position the policy
// encrypts.
type encryptedPart struct {
	xmlenc.EncryptedData
	list        *referenceList
	at          xmltext.Node // what the plaintext replaces: the EncryptedData or its EncryptedHeader
	part        xmltext.Node // the Body, or the decrypted element
	key         *boundKey
	isSignature bool // it is a child of the Security header
	opened      bool
}

// readLists finds the EncryptedData that each ReferenceList names and the place
// it stands at. An EncryptedData listed at any other place is refused, and
// nothing unlisted is decrypted.
func (v *verification) readLists() error {
	for _, l := range v.lists {
		for _, uri := range l.uris {
			n, err := v.ids.target(uri, l.node)
			if err != nil {
				return err
			}
			e, err := v.encryptedPartAt(n, l)
			if err != nil {
				return err
			}
			if v.isListed(e.Node) {
				return errAt(CodeReference, l.node, "names an EncryptedData that was named before")
			}
			v.encrypted = append(v.encrypted, e)
		}
	}
	for _, n := range v.encryptedSignature {
		if !v.isListed(n) {
			return errAt(CodeReference, n, "no ReferenceList names this EncryptedData")
		}
	}
	return v.refuseUnlisted()
}

// isListed reports whether a ReferenceList has named an EncryptedData. There are
// few: maxReferenceLists times maxDataReferences at most.
func (v *verification) isListed(n xmltext.Node) bool {
	return slices.ContainsFunc(v.encrypted, func(e *encryptedPart) bool { return e.Node == n })
}

// refuseUnlisted refuses ciphertext that would remain where the policy may
// encrypt: an encrypted header block would count as absent, and ciphertext
// would be forwarded.
func (v *verification) refuseUnlisted() error {
	for b := range v.env.Blocks() {
		ed := b
		if b.Is(NSWSSE11, "EncryptedHeader") {
			ed = b.FirstChild()
		} else if !b.Is(nsXenc, "EncryptedData") {
			continue
		}
		if !v.isListed(ed) && (v.p.policy.mayEncryptHeaders() || v.env.IsFor(b, v.p.policy.Actors...)) {
			return errAt(CodeReference, b, "no ReferenceList names this encrypted header block")
		}
	}
	if ed := bodyEncryption(v.env); !ed.IsZero() && !v.isListed(ed) && v.p.policy.mayEncryptBody() {
		return errAt(CodeReference, ed, "no ReferenceList names the EncryptedData of the Body")
	}
	return nil
}

// encryptedPartAt checks that an EncryptedData stands where the policy
// encrypts: it is the content of the Body, a header block, or the Signature.
func (v *verification) encryptedPartAt(n xmltext.Node, l *referenceList) (*encryptedPart, error) {
	p := &v.p.policy
	e := v.rooms.encryptedPart.next()
	e.list, e.at = l, n
	ed, kind := n, xmlenc.TypeElement
	switch {
	case n.Parent() == v.env.Body && n == bodyEncryption(v.env) && p.mayEncryptBody():
		e.part, kind = v.env.Body, xmlenc.TypeContent
	case n.Parent() == v.security && n.Is(nsXenc, "EncryptedData") && p.EncryptSignature:
		e.isSignature = true
	case n.Parent() == v.env.Header && p.mayEncryptHeaders() && n.Is(NSWSSE11, "EncryptedHeader"):
		ed = n.FirstChild()
	case n.Parent() == v.env.Header && p.mayEncryptHeaders() && n.Is(nsXenc, "EncryptedData"):
	case n.Parent().Is(NSWSSE11, "EncryptedHeader") && n.Parent().Parent() == v.env.Header && p.mayEncryptHeaders():
		e.at = n.Parent()
	default:
		return nil, errAt(CodeReference, n,
			"the policy does not allow encryption at this place (encrypted-parts, encrypt-signature)")
	}
	if e.at.Is(NSWSSE11, "EncryptedHeader") && (!ed.NextSibling().IsZero() || e.at.FirstChild() != ed) {
		return nil, errAt(CodeSecurityInvalid, e.at, "does not hold exactly one EncryptedData (BSP R3230)")
	}
	if ed.IsZero() || !ed.Is(nsXenc, "EncryptedData") {
		return nil, errAt(CodeReference, n, "a DataReference names this element, which is not an EncryptedData")
	}
	var err error
	if e.EncryptedData, err = xmlenc.ParseEncryptedData(ed); err != nil {
		return nil, wrapAt(CodeSecurityInvalid, err)
	}
	if e.Type != kind {
		return nil, errAt(CodeSecurityInvalid, ed, "Type is %q; at this place it must be %q", e.Type, kind)
	}
	if e.Algorithm != v.p.suite.Encryption.URI {
		return nil, errAt(CodeUnsupportedAlg, ed,
			"EncryptionMethod is %.120q; the policy's suite %s has %q (algorithm-suite)",
			e.Algorithm, v.p.suite.Name, v.p.suite.Encryption.URI)
	}
	if e.isSignature {
		return e, v.checkEncryptedSignatureLen(e)
	}
	return e, nil
}

// open decrypts one EncryptedData and grafts its plaintext.
func (v *verification) open(e *encryptedPart) error {
	start := time.Now()
	defer func() { v.facts.DecryptTime += time.Since(start) }()
	var err error
	if e.key, err = v.keyOfPart(e); err != nil {
		return err
	}
	octets, err := v.encryptionKey(e.key, e.Node)
	if err != nil {
		return err
	}
	data, buf, room, err := v.cipher(e)
	if err != nil {
		return err
	}
	defer room.settle()
	defer func() {
		if !e.opened {
			buf.Release()
		}
	}()
	var shape xmlenc.Shape
	if e.isSignature {
		shape = v.p.encryptedSignatureShape
	}
	plain, err := v.p.suite.Encryption.DecryptShaped(octets, data, shape)
	if err != nil {
		return errAt(CodeDecryption, e.Node, "%w: another key, or the ciphertext was changed", err)
	}
	kind := xmltext.GraftElement
	if e.Type == xmlenc.TypeContent {
		kind = xmltext.GraftContent
	}
	opt := v.p.cfg.XML
	opt.Names, opt.Reserve, opt.Owner = v.namesOf(e), room.take, buf
	parent := e.at.Parent()
	err = e.at.Graft(plain, kind, opt)
	e.opened = err == nil // the plaintext is the document's then, even if a smaller index was refused its memory
	switch {
	case err != nil && room.refused != nil:
		return errAt(CodePlaintextMemory, e.Node, "no memory for the index of the plaintext: %v", room.refused)
	case err != nil:
		return plaintextError(e.Node, err)
	}
	from, _, _, to := e.at.SourceRange()
	v.facts.CiphertextBytes += to - from
	v.facts.PlaintextBytes += len(plain)
	if kind == xmltext.GraftElement {
		return v.graftedElement(e, parent)
	}
	return nil
}

// largeCipher is the least that a CipherValue is decoded to which is decrypted in
// its own place: a large message takes three quarters of itself less. Of smaller
// ones the memory is used again.
const largeCipher = 1 << 20

// cipher returns the decoded CipherValue of e, the owner of its memory, and the
// reservation for the plaintext.
func (v *verification) cipher(e *encryptedPart) ([]byte, *buffer, *plaintextReservation, error) {
	size := e.CipherLen()
	notBase64 := func() error { return errAt(CodeDecryption, e.Node, "CipherValue is not base64") }
	if size >= v.p.largeCipher && !e.isSignature {
		data, taken, err := e.TakeCipher()
		if err != nil {
			return nil, nil, nil, notBase64()
		}
		if taken {
			room, err := v.reservePlaintext(e, 0, size)
			return data, &buffer{octets: data[:0], borrowed: true}, room, err
		}
	}
	room, err := v.reservePlaintext(e, pool.Size(size), size)
	if err != nil {
		return nil, nil, nil, err
	}
	buf := newBuffer(size)
	data, err := e.AppendCipher(buf.octets)
	if buf.octets = data[:0]; err != nil {
		room.settle()
		buf.Release()
		return nil, nil, nil, notBase64()
	}
	return data, buf, room, nil
}

// namesOf returns which outer declarations names in a plaintext may use. Where
// the signature covered the ciphertext, anybody on the way can have written the
// declarations around it, except that of the signed element's own name.
func (v *verification) namesOf(e *encryptedPart) xmltext.GraftNames {
	switch {
	case e.isSignature || v.p.policy.ProtectionOrder == SignBeforeEncrypt:
		return xmltext.NamesInScope
	case e.part == v.env.Body:
		return xmltext.NamesParent
	}
	return xmltext.NamesOwn
}

// plaintextError describes what is wrong with a plaintext without quoting it.
func plaintextError(n xmltext.Node, err error) error {
	var se *xmltext.SyntaxError
	if !errors.As(err, &se) {
		return errAt(CodePlaintext, n, "the plaintext does not fit the Type of the EncryptedData")
	}
	cause := "not well-formed XML"
	for _, known := range []error{
		xmltext.ErrOuterName, xmltext.ErrLimit, xmltext.ErrGraftNotOneElement, xmltext.ErrPI, xmltext.ErrDoctype,
	} {
		if errors.Is(err, known) {
			cause = known.Error()
		}
	}
	return errAt(CodePlaintext, n, "the plaintext is refused at octet %d: %s", se.Offset, cause)
}

// graftedElement finds the element that has taken the place of an
// EncryptedData.
func (v *verification) graftedElement(e *encryptedPart, parent xmltext.Node) error {
	e.part = e.at.Replacement()
	if e.isSignature || parent != v.env.Header {
		return nil
	}
	p := &v.p.policy
	if !p.EncryptedParts.matches(e.part) && !p.OptionalEncryptedParts.matches(e.part) || e.part.Is(NSWSSE, "Security") {
		return errAt(CodePlaintext, e.Node,
			"the decrypted header block is not one that the policy encrypts (encrypted-parts)")
	}
	if _, err := v.env.MustUnderstand(e.part); err != nil {
		return &Error{Code: CodePlaintext, Path: e.Node.Path(), Err: err}
	}
	return v.indexIDs()
}

// keyOfPart returns the key of an EncryptedData: that of its KeyInfo, or,
// without one, the EncryptedKey whose list names it (WSS §9.2).
func (v *verification) keyOfPart(e *encryptedPart) (*boundKey, error) {
	if e.KeyInfo.IsZero() && !e.list.key.IsZero() {
		return encryptedKeyProfile{}.key(v, e.list.key, e.list.key)
	}
	return v.keyOf(e.KeyInfo, e.Node)
}
