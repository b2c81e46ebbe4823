package wssec

import (
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/wssgate/wssgate/internal/base64"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// Elements that this file writes declare the prefixes they use themselves, have
// no empty tags and sorted attributes: their text is their own exclusive
// canonical form.

// writer is one message being protected under the symmetric binding.
type writer struct {
	p       *Processor
	env     envelopeParts
	actor   string // of the Security header, "" for none
	key     baseKey
	request bool   // and not a reply
	token   []byte // the token to include, nil to refer by hash or Identifier
	scNS    string // WS-SecureConversation namespace of DerivedKeyTokens
	suffix  string // of all Ids of this message
	nextID  int
	drafts  *drafts

	sigKey, encKey   []byte
	sigInfo, encInfo []byte // KeyInfo elements
	derivedTokens    []byte // DerivedKeyToken elements
	timestamp        []byte // the Timestamp element, nil without one
	timestampID      string
	endorsing        outgoingEndorsement // its context is nil without one

	parts     []xmldsig.SignedPart // References of the Signature
	digests   []byte               // of them
	encrypted []string             // Ids of EncryptedData
	confirm   [][]byte             // signature values to confirm

	// The memory of lists while they are short.
	partsRoom     [4]xmldsig.SignedPart
	digestsRoom   [4 * 32]byte
	encryptedRoom [2]string
	blocksRoom    [8]xmltext.Node // of env
}

// writers keeps those that have written a reply, for the next.
var writers sync.Pool

// newWriter returns a writer of one message.
func newWriter() *writer {
	w, _ := writers.Get().(*writer)
	if w == nil {
		w = new(writer)
	}
	w.parts, w.digests, w.encrypted = w.partsRoom[:0], w.digestsRoom[:0], w.encryptedRoom[:0]
	w.env.blocks = w.blocksRoom[:0]
	return w
}

// free overwrites w, of which nobody may have kept anything.
func (w *writer) free() {
	*w = writer{}
	writers.Put(w)
}

// id makes an Id that is unique in the message and unlikely in another.
func (w *writer) id(kind string) string {
	w.nextID++
	return kind + "-" + w.suffix + "-" + strconv.Itoa(w.nextID)
}

// newSuffix draws the random part of the Ids.
func (w *writer) newSuffix() error {
	var b [8]byte
	if _, err := io.ReadFull(w.p.cfg.Rand, b[:]); err != nil {
		return err
	}
	w.suffix = hex.EncodeToString(b[:])
	return nil
}

// checkKey checks the length of the token's key with the suite. A request that
// was not signed has left no key to protect its reply with.
func (w *writer) checkKey() error {
	s := &w.p.suite
	if n := len(w.key.octets); n < s.MinKey || n > s.MaxKey {
		return errAt(CodeKeyLength, xmltext.Node{},
			"the key to protect the message with has %d octets; %s takes %d to %d", n, s.Name, s.MinKey, s.MaxKey)
	}
	return nil
}

// prepareKeys sets signature and encryption key and their KeyInfo: the token's
// key itself, or those of two DerivedKeyTokens, each with its own nonce.
func (w *writer) prepareKeys(str []byte) error {
	s := &w.p.suite
	if w.p.policy.DerivedKeys != DerivedKeysRequired && w.scNS == "" {
		w.sigKey, w.encKey = w.key.octets, w.p.policy.KeyFit.fit(s.Encryption, w.key.octets)
		w.sigInfo = w.keyInfo(str)
		w.encInfo = w.sigInfo
	} else {
		var err error
		if w.sigKey, w.sigInfo, err = w.derive(str, s.SignatureKey); err != nil {
			return err
		}
		if w.encKey, w.encInfo, err = w.derive(str, s.EncryptionKey); err != nil {
			return err
		}
	}
	if w.p.policy.encrypts() && w.encKey == nil {
		return errAt(CodeKeyLength, xmltext.Node{},
			"the key to encrypt with has %d octets, which does not fit %s (key-fit: %s)",
			len(w.key.octets), s.Name, w.p.policy.KeyFit)
	}
	return nil
}

// derive writes a DerivedKeyToken (WSC §7) and returns its key and a KeyInfo
// that names it.
func (w *writer) derive(str []byte, length int) (key, info []byte, err error) {
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(w.p.cfg.Rand, nonce); err != nil {
		return nil, nil, err
	}
	id := w.id("DK")
	d := w.derivedTokens
	d = append(d, `<wsc:DerivedKeyToken xmlns:wsc="`+w.scNS+`" xmlns:wsu="`+NSWSU+`" wsu:Id="`+id+`">`...)
	d = append(d, str...)
	d = append(d, `<wsc:Offset>0</wsc:Offset><wsc:Length>`+strconv.Itoa(length)+`</wsc:Length><wsc:Nonce>`...)
	d = base64.AppendEncode(d, nonce)
	w.derivedTokens = append(d, `</wsc:Nonce></wsc:DerivedKeyToken>`...)

	valueType := ""
	if w.p.policy.OptionalAttributes == SwitchOn {
		valueType = w.scNS + "/dk"
	}
	return DeriveKey(w.key.octets, DefaultLabel, nonce, 0, length), w.keyInfo(w.directSTR(id, valueType, "")), nil
}

// keyInfo puts a SecurityTokenReference into a ds:KeyInfo.
func (w *writer) keyInfo(str []byte) []byte {
	const start, end = `<ds:KeyInfo xmlns:ds="` + nsDS + `">`, `</ds:KeyInfo>`
	b := append(w.drafts.take(len(start)+len(str)+len(end)), start...)
	return append(append(b, str...), end...)
}

// directSTR writes a reference by Id (WSS §7.2).
func (w *writer) directSTR(id, valueType, tokenType string) []byte {
	b := w.strStart(tokenType)
	b = append(b, `<wsse:Reference URI="#`+id+`"`...)
	if valueType != "" {
		b = append(b, ` ValueType="`+valueType+`"`...)
	}
	return append(b, `></wsse:Reference></wsse:SecurityTokenReference>`...)
}

// hashSTR writes a reference by KeyIdentifier (WSS §7.3, KTP §3.3).
func (w *writer) hashSTR(valueType string) []byte {
	tokenType := w.key.tokenType
	const encoding = ` EncodingType="` + EncodingBase64 + `"`
	optional := w.p.policy.OptionalAttributes != SwitchOff
	if !optional {
		tokenType = ""
	}
	b := append(w.strStart(tokenType), `<wsse:KeyIdentifier`...)
	if optional {
		b = append(b, encoding...)
	}
	b = append(append(append(b, ` ValueType="`...), valueType...), `">`...)
	b = base64.AppendEncode(b, w.key.hash[:])
	return append(b, `</wsse:KeyIdentifier></wsse:SecurityTokenReference>`...)
}

// strStart writes the start tag of a SecurityTokenReference; tokenType may be
// "".
func (w *writer) strStart(tokenType string) []byte {
	const usual = 800 // octets of the whole reference
	b := append(w.drafts.take(usual), `<wsse:SecurityTokenReference xmlns:wsse="`+NSWSSE+`"`...)
	if tokenType != "" {
		b = append(b, ` xmlns:wsse11="`+NSWSSE11+`" wsse11:TokenType="`...)
		b = append(append(b, tokenType...), '"')
	}
	return append(b, '>')
}

// appendConfirmation writes a SignatureConfirmation (WSS §8.5); value may be
// nil.
func appendConfirmation(dst []byte, id string, value []byte) []byte {
	dst = append(dst, `<wsse11:SignatureConfirmation xmlns:wsse11="`+NSWSSE11+`" xmlns:wsu="`+NSWSU+`"`...)
	if value != nil {
		dst = append(dst, ` Value="`...)
		dst = base64.AppendEncode(dst, value)
		dst = append(dst, '"')
	}
	return append(dst, ` wsu:Id="`+id+`"></wsse11:SignatureConfirmation>`...)
}

// sign adds an element, in its canonical form, to the signed parts.
func (w *writer) sign(id string, canonical []byte) {
	h := w.p.suite.Digest.Digester()
	defer h.Free()
	h.Write(canonical)
	w.addPart(id, h.Next())
}

// addPart adds a Reference.
func (w *writer) addPart(id string, digest []byte) {
	start := len(w.digests)
	w.digests = append(w.digests, digest...)
	w.parts = append(w.parts, xmldsig.SignedPart{ID: id, Digest: w.digests[start:len(w.digests):len(w.digests)]})
}

// signNode adds an element to the signed parts, with the wsu:Id that it will
// have.
func (w *writer) signNode(n xmltext.Node, id idAttr) error {
	h := w.p.suite.Digest.Digester()
	defer h.Free()
	if err := n.WriteCanonical(h, xmltext.C14N{Extra: id.extra()}); err != nil {
		return err
	}
	w.addPart(id.value, h.Next())
	return nil
}

// encrypt appends an EncryptedData. plain appends the plaintext, of about size
// octets, to a buffer.
func (w *writer) encrypt(dst []byte, kind string, size int, plain func([]byte) []byte) ([]byte, error) {
	return w.encryptAs(dst, w.encryptedID(), kind, size, plain)
}

// encryptedID returns the Id of a new EncryptedData, and adds it to those that
// a ReferenceList will name.
func (w *writer) encryptedID() string {
	id := w.id("ED")
	w.encrypted = append(w.encrypted, id)
	return id
}

// encryptAs appends the EncryptedData with an Id that encryptedID returned. It
// writes the plaintext at the far end of the room that its base64 form will
// take, encrypts it there and encodes it towards the front: a large Body is
// held once.
func (w *writer) encryptAs(dst []byte, id, kind string, size int, plain func([]byte) []byte) ([]byte, error) {
	m := w.p.suite.Encryption
	t := xmlenc.Template{ID: id, Type: kind, Method: m, KeyInfo: w.encInfo}
	dst = t.AppendStart(dst)
	before, after := m.Overhead()
	raw := before + size + after
	room := base64.EncodedLen(raw)
	dst = slices.Grow(dst, room+xmlenc.EndLen)
	far := dst[len(dst)+room-raw : len(dst)+room-raw+before : len(dst)+room]
	data, err := m.Encrypt(w.encKey, plain(far), w.p.cfg.Rand)
	if err != nil {
		clear(far[:cap(far)]) // of the plaintext: the next message may get the memory
		return dst, err
	}
	return xmlenc.AppendEnd(base64.AppendEncode(dst, data)), nil
}
