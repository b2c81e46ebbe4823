package main

import (
	"crypto/aes"
	"crypto/des"
	"fmt"
	"slices"
	"strings"
)

// A protector signs and encrypts one message in the steps of a sender.
type protector struct {
	m      *message
	kids   map[string]string // children of the Security header
	suite  suite
	parts  map[string]string // by id, as they stand now
	ids    []string          // of the parts, in order
	blocks string
	list   []string // ids of EncryptedData
	encSTR string
	key    []byte // that encrypts
}

// run signs and encrypts in the order of the policy.
func (p *protector) run() {
	m := p.m
	p.collect()
	m.plain = canonical(p.parts["body"])
	var sigKey []byte
	var sigSTR string
	if m.p.signs() && !m.dropped["signature"] {
		sigKey, sigSTR = p.keyFor("sig", p.suite.sigKey)
	}
	if m.p.encryptsAnything() {
		p.key, p.encSTR = p.keyFor("enc", p.suite.encKey)
		if m.encRaw || len(m.dkt) == 0 && m.p.DerivedKeys != "required" && !m.implied {
			p.key = p.suite.cipherKey(p.key, m.p.KeyFit)
		}
		if m.encKey != nil {
			p.key = m.encKey
		}
	}
	if m.sigKey != nil {
		sigKey = m.sigKey
	}
	encrypt := func() {
		if m.p.encrypts() {
			p.encryptBody()
		}
		p.encryptBlocks()
	}
	if m.p.ProtectionOrder == "encrypt-before-sign" {
		encrypt()
	}
	if sigSTR != "" {
		p.sign(sigKey, sigSTR)
	}
	if m.p.ProtectionOrder != "encrypt-before-sign" {
		encrypt()
	}
	p.finish()
}

// signs reports whether the policy has a signature.
func (p *policy) signs() bool {
	endorsing := len(p.SupportingTokens) > 0 && strings.HasSuffix(p.SupportingTokens[0].Use, "endorsing")
	return p.Binding == "symmetric" || endorsing
}

func (p *policy) encryptsAnything() bool {
	return p.EncryptedParts != nil || p.EncryptSignature
}

// collect makes the parts of the message as they are in clear.
func (p *protector) collect() {
	m := p.m
	content := m.body
	if content == "" {
		content = `<o:order xmlns:o="` + nsApp + `"><o:item>25</o:item></o:order>`
	}
	p.parts["ts"] = p.kids["timestamp"]
	p.parts["token"] = p.kids["token"]
	p.parts["body"] = m.at("body", `<s:Body xmlns:s="`+m.soapNS()+`" xmlns:wsu="`+nsWSU+`" wsu:Id="body">`+content+
		`</s:Body>`)
	for i := range m.confirm {
		id := fmt.Sprintf("sc-%d", i+1)
		p.parts[id] = confirmationOf(p.kids["confirmation"], i)
	}
	for _, b := range m.blocks {
		p.parts[b.id] = b.text
		p.ids = append(p.ids, b.id)
	}
}

// confirmationOf returns the SignatureConfirmation at a position.
func confirmationOf(all string, i int) string {
	const end = `</wsse11:SignatureConfirmation>`
	for ; i > 0; i-- {
		all = all[strings.Index(all, end)+len(end):]
	}
	return all[:strings.Index(all, end)+len(end)]
}

// signedIDs are the parts that the signature covers.
func (p *protector) signedIDs() []string {
	m := p.m
	if m.signs != nil {
		return m.signs
	}
	var ids []string
	if !m.dropped["timestamp"] && p.kids["timestamp"] != "" {
		ids = append(ids, "ts")
	}
	for i := range m.confirm {
		ids = append(ids, fmt.Sprintf("sc-%d", i+1))
	}
	if m.p.SignedParts != nil && m.p.SignedParts.Body {
		ids = append(ids, "body")
	}
	for _, b := range m.blocks {
		if b.sign {
			ids = append(ids, b.id)
		}
	}
	if m.p.ProtectTokens && !m.strRef {
		ids = append(ids, "token")
	}
	return ids
}

// sign makes the Signature over the parts as they stand now.
func (p *protector) sign(key []byte, str string) {
	m := p.m
	method, hash := signatureURI(m.p.SignatureMethod), digestURI(m.p.DigestMethod, p.suite)
	var refs strings.Builder
	for _, id := range p.signedIDs() {
		prefixes := m.prefix[id]
		form := m.at("digested-"+id, canonical(p.parts[id], prefixes...))
		list := ""
		if prefixes != nil {
			list = `<ec:InclusiveNamespaces xmlns:ec="` + nsEC + `" PrefixList="` + strings.Join(prefixes, " ") +
				`"></ec:InclusiveNamespaces>`
		}
		refs.WriteString(m.at("reference-"+id,
			`<ds:Reference URI="#`+id+`"><ds:Transforms><ds:Transform Algorithm="`+nsEC+
				`">`+list+`</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="`+hash+`"></ds:DigestMethod>`+
				`<ds:DigestValue>`+b64(digest(hash, form))+`</ds:DigestValue></ds:Reference>`))
	}
	if m.strRef {
		str = strings.Replace(str, `<wsse:SecurityTokenReference `, `<wsse:SecurityTokenReference xmlns:wsu="`+nsWSU+
			`" wsu:Id="str" `, 1)
		refs.WriteString(m.at("reference-str", p.strReference(hash)))
	}
	info := m.at("signedinfo", `<ds:SignedInfo xmlns:ds="`+nsDS+`"><ds:CanonicalizationMethod Algorithm="`+nsEC+
		`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="`+method+`"></ds:SignatureMethod>`+refs.String()+
		`</ds:SignedInfo>`)
	value := m.at("hmac", string(mac(method, key, canonical(info))))
	m.value = b64([]byte(value))
	p.kids["signature"] = m.at("signature", `<ds:Signature xmlns:ds="`+nsDS+`" Id="sig">`+info+`<ds:SignatureValue>`+
		m.value+`</ds:SignatureValue><ds:KeyInfo>`+m.at("sig-str", str)+`</ds:KeyInfo></ds:Signature>`)
}

// strReference covers the token by the STR-Transform (WSS §8.3), with xmlns=""
// on it, as WSS4J does.
func (p *protector) strReference(hash string) string {
	form := canonical(p.parts["token"])
	if p.m.p.STRTransform != "wcf" || p.m.wssForm {
		name, rest, _ := strings.Cut(form, " ")
		form = name + ` xmlns="" ` + rest
	}
	return `<ds:Reference URI="#str"><ds:Transforms><ds:Transform Algorithm="` + strURI +
		`"><wsse:TransformationParameters xmlns:wsse="` + nsWSSE + `"><ds:CanonicalizationMethod Algorithm="` + nsEC +
		`"></ds:CanonicalizationMethod></wsse:TransformationParameters></ds:Transform></ds:Transforms><ds:DigestMethod ` +
		`Algorithm="` + hash + `"></ds:DigestMethod><ds:DigestValue>` + b64(digest(hash, form)) +
		`</ds:DigestValue></ds:Reference>`
}

// encrypted makes an EncryptedData; what is "body", "signature" or the id of a
// block.
func (p *protector) encrypted(what, id, kind, plain string) string {
	m := p.m
	plain = m.at("plain-"+what, plain)
	data := []byte(m.at("cipher-"+what, string(p.seal(what, plain))))
	info := `<ds:KeyInfo xmlns:ds="` + nsDS + `">` + m.at("enc-str", p.encSTR) + `</ds:KeyInfo>`
	if m.ekList {
		info = ""
	}
	return m.at("ed-"+what, `<xenc:EncryptedData xmlns:xenc="`+nsXenc+`" Id="`+id+`" Type="`+nsXenc+kind+
		`"><xenc:EncryptionMethod Algorithm="`+p.suite.cipher+`"></xenc:EncryptionMethod>`+info+
		`<xenc:CipherData><xenc:CipherValue>`+b64(data)+`</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`)
}

// seal encrypts; an edit of "blocks-…" has the padding in its text already.
func (p *protector) seal(what, plain string) []byte {
	m := p.m
	if len(m.edits["blocks-"+what]) == 0 {
		return seal(p.suite.cipher, p.key, []byte(plain), m.s.rnd)
	}
	text := []byte(m.at("blocks-"+what, plain))
	if p.suite.cipher == tripleDES {
		b, err := des.NewTripleDESCipher(p.key)
		check(err)
		return cbc(b, text, m.s.rnd)
	}
	b, err := aes.NewCipher(p.key)
	check(err)
	return cbc(b, text, m.s.rnd)
}

// encryptBody encrypts the content of the Body.
func (p *protector) encryptBody() {
	body := p.parts["body"]
	start, end := strings.Index(body, ">")+1, strings.LastIndex(body, "</")
	ed := p.encrypted("body", "ed-body", "Content", body[start:end])
	p.parts["body"] = p.m.at("encrypted-body", body[:start]+ed+body[end:])
	p.list = append(p.list, "ed-body")
}

// encryptBlocks puts the header blocks to be encrypted into EncryptedHeaders
// (WSS §9.3).
func (p *protector) encryptBlocks() {
	for _, b := range p.m.blocks {
		if !b.encrypt {
			continue
		}
		id := "ed-" + b.id
		ed := p.encrypted(b.id, id, "Element", p.parts[b.id])
		eh := p.m.at("eh-"+b.id, `<wsse11:EncryptedHeader xmlns:wsse11="`+nsWSSE11+`" xmlns:wsu="`+nsWSU+
			`" wsu:Id="eh-`+b.id+`">`+ed+`</wsse11:EncryptedHeader>`)
		p.list = append(p.list, id)
		p.parts[b.id] = eh
		if i := slices.Index(p.m.signs, b.id); i >= 0 && p.m.p.ProtectionOrder == "encrypt-before-sign" {
			p.m.signs[i] = "eh-" + b.id
			p.parts["eh-"+b.id] = eh
		}
	}
}

// finish encrypts the Signature, and writes the ReferenceList and the header
// blocks.
func (p *protector) finish() {
	m := p.m
	if m.p.EncryptSignature && p.kids["signature"] != "" {
		p.kids["signature"] = p.encrypted("signature", "ed-sig", "Element", p.kids["signature"])
		p.list = append(p.list, "ed-sig")
	}
	if len(p.list) > 0 && !m.ekList {
		var refs strings.Builder
		for _, id := range p.list {
			refs.WriteString(`<xenc:DataReference URI="#` + id + `"></xenc:DataReference>`)
		}
		p.kids["list"] = m.at("list",
			`<xenc:ReferenceList xmlns:xenc="`+nsXenc+`">`+refs.String()+`</xenc:ReferenceList>`)
	}
	for _, id := range p.ids {
		p.blocks += m.at("block-"+id, p.parts[id])
	}
	p.parts["body"] = m.at("last-body", p.parts["body"])
}
