package wssec

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// ProtectUnderEncryptedKey protects a request with a fresh key that comes as an
// EncryptedKey under the token's key: what some clients send and we never do.
func ProtectUnderEncryptedKey(p *Processor, env *soap.Envelope, tok OutgoingToken, fresh []byte) ([]byte, *Request,
	error) {
	size, _ := xmlenc.WrapKeySize(p.suite.KeyWrap)
	wrapped, err := xmlenc.WrapKey(tok.Key.octets[:size], fresh)
	if err != nil {
		return nil, nil, err
	}
	base := baseKey{octets: fresh, profile: encryptedKeyProfile{}, hash: HashToken(wrapped), tokenType: EncryptedKeyToken}
	w := &writer{p: p, env: partsOf(env), key: base}
	out, _, err := w.protectMessage(nil)
	if err != nil {
		return nil, nil, err
	}
	tw := &writer{p: p, token: tok.Token, key: baseKey{profile: kerberosProfile{}, tokenType: GSSKerberosAPREQ}}
	head := tw.key.profile.appendToken(nil, tw, "BST-1")
	head = append(head, `<xenc:EncryptedKey xmlns:xenc="`+nsXenc+`" Id="EK-1"><xenc:EncryptionMethod Algorithm="`+
		p.suite.KeyWrap+`"/>`...)
	head = append(head, tw.keyInfo(tw.directSTR("BST-1", "", ""))...)
	head = append(head, `<xenc:CipherData><xenc:CipherValue>`+base64.StdEncoding.EncodeToString(wrapped)+
		`</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>`...)
	return insertAfterSecurity(out, head), &Request{base: base}, nil
}

// DecryptInPlaceFrom sets the size of a CipherValue from which p decrypts it in its own
// place, and returns the last.
func DecryptInPlaceFrom(p *Processor, size int) (last int) {
	last, p.largeCipher = p.largeCipher, size
	return last
}

// partsOf returns the parts of an envelope.
func partsOf(env *soap.Envelope, actors ...string) (e envelopeParts) {
	e.takeApart(env, actors)
	return e
}

// insertAfterSecurity puts elements at the start of the Security header.
func insertAfterSecurity(msg, head []byte) []byte {
	i := bytes.Index(msg, []byte("<wsse:Security "))
	i += bytes.IndexByte(msg[i:], '>') + 1
	return append(append(append([]byte(nil), msg[:i]...), head...), msg[i:]...)
}

// ProtectWithSTRTransform signs the token through the STR-Transform, as peers
// with token protection do and we never do. canonical is the token's canonical
// form under the transform.
func ProtectWithSTRTransform(p *Processor, env *soap.Envelope, tok OutgoingToken, defaultNS bool) ([]byte, error) {
	w := &writer{p: p, env: partsOf(env), token: tok.Token,
		key: tok.baseKey()}
	w.suffix = "x"
	head, err := w.tokens()
	if err != nil {
		return nil, err
	}
	blocks, body, err := w.protectParts()
	if err != nil {
		return nil, err
	}
	bst := head[bytes.Index(head, []byte("<wsse:BinarySecurityToken")):]
	bst = bst[:bytes.Index(bst, []byte("</wsse:BinarySecurityToken>"))+len("</wsse:BinarySecurityToken>")]
	if defaultNS {
		bst = bytes.Replace(bst, []byte("<wsse:BinarySecurityToken"), []byte(`<wsse:BinarySecurityToken xmlns=""`), 1)
	}
	w.sign("STR-1", bst)
	w.sigInfo = bytes.Replace(w.sigInfo, []byte("<wsse:SecurityTokenReference"),
		[]byte(`<wsse:SecurityTokenReference xmlns:wsu="`+NSWSU+`" wsu:Id="STR-1"`), 1)
	t := xmldsig.Template{ID: "SIG-1", Method: p.signature, Digest: p.suite.Digest, References: w.parts,
		KeyInfo: w.sigInfo}
	sig, _ := t.Append(nil, w.sigKey)
	transform := []byte(`<ds:Transform Algorithm="` + xmldsig.ExclusiveC14N +
		`"></ds:Transform></ds:Transforms><ds:DigestMethod`)
	i := bytes.LastIndex(sig, transform)
	str := []byte(`<ds:Transform Algorithm="` + xmldsig.STRTransform + `"><wsse:TransformationParameters xmlns:wsse="` +
		NSWSSE + `"><ds:CanonicalizationMethod Algorithm="` +
		xmldsig.ExclusiveC14N + `"></ds:CanonicalizationMethod></wsse:TransformationParameters></ds:Transform></` +
		`ds:Transforms><ds:DigestMethod`)
	sig = append(append(append([]byte(nil), sig[:i]...), str...), sig[i+len(transform):]...)
	sig = resign(p, sig, w.sigKey)
	return w.env.appendEnvelope(nil, 0, w.security(w.placeTimestamp(append(head, sig...))), blocks, body)
}

// ListPrefixes changes a message under a key that is not derived so that its
// signature covers the Body with a PrefixList, which we never write. The
// Reference to it is the last.
func ListPrefixes(p *Processor, msg []byte, key Key, list string) ([]byte, error) {
	env, err := soap.Parse(msg, xmltext.Options{})
	if err != nil {
		return nil, err
	}
	digest := func(c xmltext.C14N) []byte {
		h := p.suite.Digest.New()
		h.Write(env.Body.AppendCanonical(nil, c))
		return []byte(base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	msg = bytes.Replace(msg, digest(xmltext.C14N{}), digest(xmltext.C14N{Prefixes: strings.Fields(list)}), 1)
	transform := []byte(`<ds:Transform Algorithm="` + xmldsig.ExclusiveC14N + `">`)
	i := bytes.LastIndex(msg, transform) + len(transform)
	msg = append(append(append([]byte(nil), msg[:i]...), `<ec:InclusiveNamespaces xmlns:ec="`+xmldsig.NSEC+
		`" PrefixList="`+list+`"></ec:InclusiveNamespaces>`...), msg[i:]...)
	return resign(p, msg, key.octets), nil
}

// resign computes the SignatureValue anew over a SignedInfo in canonical form.
func resign(p *Processor, sig, key []byte) []byte {
	from, to := bytes.Index(sig, []byte("<ds:SignedInfo>")), bytes.Index(sig, []byte("</ds:SignedInfo>"))+
		len("</ds:SignedInfo>")
	h := p.signature.New(key)
	h.Write([]byte(`<ds:SignedInfo xmlns:ds="` + nsDS + `">`))
	h.Write(sig[from+len("<ds:SignedInfo>") : to])
	v := bytes.Index(sig, []byte("<ds:SignatureValue>")) + len("<ds:SignatureValue>")
	end := bytes.Index(sig, []byte("</ds:SignatureValue>"))
	out := append([]byte(nil), sig[:v]...)
	out = base64.StdEncoding.AppendEncode(out, h.Sum(nil))
	return append(out, sig[end:]...)
}

// Fail counts a failure for a key, as a message that names its token does.
func (g *KeyGuard) Fail(owner string, key Key, now, expires time.Time) (suspended bool) {
	g.fail(&failure{guard: g, key: key.id(), owner: clientName{name: owner}, expires: expires, now: now}, 1)
	_, suspended = g.suspends(key.id())
	return suspended
}

// Len returns the number of keys that are counted.
func (g *KeyGuard) Len() int { return len(g.keys) }

// ProtectWithPlaintext signs a request, then encrypts something else in the
// place of the Body's content.
func ProtectWithPlaintext(p *Processor, env *soap.Envelope, tok OutgoingToken, plain string) ([]byte, error) {
	w := &writer{p: p, env: partsOf(env), token: tok.Token, suffix: "x",
		key: tok.baseKey()}
	head, err := w.tokens()
	if err != nil {
		return nil, err
	}
	blocks, _, err := w.protectParts()
	if err != nil {
		return nil, err
	}
	ed := w.encrypted[0]
	t := xmldsig.Template{ID: "SIG-1", Method: p.signature, Digest: p.suite.Digest, References: w.parts,
		KeyInfo: w.sigInfo}
	sig, _ := t.Append(nil, w.sigKey)
	body := func(dst []byte) ([]byte, error) {
		dst = appendStartTag(dst, env.Body, ` xmlns:wsu="`+NSWSU+`" wsu:Id="`+w.parts[len(w.parts)-1].ID+`"`)
		dst, err := w.encryptAs(dst, ed, xmlenc.TypeContent, len(plain),
			func(b []byte) []byte { return append(b, plain...) })
		return appendEndTag(dst, env.Body), err
	}
	return w.env.appendEnvelope(nil, 0, w.security(w.placeTimestamp(w.arrange(head, sig, []string{ed}))), blocks, body)
}

// SignOther makes the last Signature of a message, which is in clear and by a key
// that is not derived, one by key over the elements with those Ids, which need
// not be in the places of signed parts.
func SignOther(p *Processor, msg string, key Key, ids ...string) (string, error) {
	env, err := soap.Parse([]byte(msg), xmltext.Options{})
	if err != nil {
		return "", err
	}
	w := &writer{p: p}
	for _, id := range ids {
		for n := range env.Root.Descendants() {
			own, _ := n.Attr("", "Id")
			if u, _ := n.Attr(NSWSU, "Id"); u != id && own != id {
				continue
			}
			if err := w.signNode(n, idAttr{value: id}); err != nil {
				return "", err
			}
		}
	}
	start, end := strings.LastIndex(msg, "<ds:Signature "), strings.LastIndex(msg, "</ds:Signature>")
	info := msg[start:end]
	info = info[strings.Index(info, "<ds:KeyInfo"):]
	t := xmldsig.Template{ID: "SIG-other", Method: p.signature, Digest: p.suite.Digest, References: w.parts,
		KeyInfo: []byte(info)}
	sig, _ := t.Append(nil, key.octets)
	return msg[:start] + string(sig) + msg[end+len("</ds:Signature>"):], nil
}

// Resign computes the SignatureValue of a Signature anew.
func Resign(p *Processor, sig []byte, key Key) []byte { return resign(p, sig, key.octets) }
