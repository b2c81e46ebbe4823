package main

import (
	"fmt"
	"strings"
)

// encryption are refusals of EncryptedData, ReferenceList and EncryptedKey
// (XML Encryption §3, §5, WSS §9, BSP R5600 ff.).
func encryption(s *set) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("encryption-"+name, expect, comment, "encryption", kind, changes...)
	}
	s.ciphertexts(add)
	s.encryptedData(add)
	s.lists(add)
	s.plaintexts(add)
	s.encryptedKeys(add)
	s.encryptedSignatures(add)
}

type adder func(name, expect, comment string, kind change, changes ...change)

// ciphertexts are octets that do not decrypt (XML Encryption §5.2).
func (s *set) ciphertexts(add adder) {
	const failed = "decryption-failed"
	cut := func(n int) func(string) string { return func(s string) string { return s[:len(s)-n] } }
	for _, name := range []string{"Basic128", "Basic192", "Basic256", "TripleDes"} {
		size := 16
		if name == "TripleDes" {
			size = 8
		}
		use := usingSuite(name)
		add("length-"+lower(name), failed, "A ciphertext of no whole number of blocks.", symmetric, use,
			rewrite("cipher-body", cut(1)))
		add("iv-only-"+lower(name), failed, "An IV without ciphertext.", symmetric, use,
			rewrite("cipher-body", func(s string) string { return s[:size] }))
		add("pad-zero-"+lower(name), failed, "A padding of 0 octets.", symmetric, use, padding(size, 0))
		add("pad-over-"+lower(name), failed, "A padding of one octet more than a block.", symmetric, use,
			padding(size, size+1))
		add("pad-255-"+lower(name), failed, "A padding of 255 octets.", symmetric, use, padding(size, 255))
		add("pad-block-"+lower(name), "ok", "A padding of a whole block.", symmetric, use, wholeBlocks, padding(size,
			size))
	}
	for _, name := range []string{"Basic128GCM", "Basic192GCM", "Basic256GCM"} {
		use := usingSuite(name)
		for what, i := range map[string]int{"nonce": 0, "text": 12, "tag": -1} {
			add("gcm-"+what+"-"+lower(name), failed, "One bit of the "+what+" was changed.", symmetric, use,
				rewrite("cipher-body", flipped(i)))
		}
		add("gcm-short-"+lower(name), failed, "Fewer octets than nonce and tag have.", symmetric, use,
			rewrite("cipher-body", func(s string) string { return s[:27] }))
		add("gcm-cut-"+lower(name), failed, "The tag was cut.", symmetric, use, rewrite("cipher-body", cut(4)))
		add("gcm-key-"+lower(name), failed, "It is encrypted under another key.", symmetric, use,
			func(m *message) { m.encKey = m.s.rnd.octets(32) })
	}
	add("empty", failed, "An empty CipherValue.", symmetric, rewrite("cipher-body", func(string) string { return "" }))
	add("not-base64", failed, "A CipherValue that is not base64.", symmetric,
		edit("ed-body", "</xenc:CipherValue>", "!</xenc:CipherValue>"))
	add("iv-changed", "plaintext-invalid",
		"One bit of the IV was changed, and the first character of the plaintext with it.",
		symmetric, rewrite("cipher-body", flipped(0)))
}

// wholeBlocks makes the content of the Body a whole number of blocks.
func wholeBlocks(m *message) {
	text := `<o:order xmlns:o="` + nsApp + `"></o:order>`
	m.body = text + strings.Repeat(" ", 16-len(text)%16)
}

// padding pads the content of the Body to whole blocks, with n as the last
// octet, which says how many the padding has.
func padding(size, n int) change {
	return rewrite("blocks-body", func(text string) string {
		pad := size - len(text)%size
		return text + strings.Repeat("\x07", pad-1) + string([]byte{byte(n)})
	})
}

// encryptedData are elements that are not as BSP has them.
func (s *set) encryptedData(add adder) {
	const invalid = "security-header-invalid"
	ed := func(name, expect, comment, old, new string) {
		add(name, expect, comment, symmetric, edit("ed-body", old, new))
	}
	method := `<xenc:EncryptionMethod Algorithm="` + aes128CBC + `"></xenc:EncryptionMethod>`
	ed("type-absent", invalid, "An EncryptedData without Type.", ` Type="`+nsXenc+`Content"`, "")
	ed("type-element", invalid, "Type Element where the content of the Body stands.", nsXenc+"Content",
		nsXenc+"Element")
	ed("type-other", invalid, "Another Type.", nsXenc+"Content", "urn:example:type")
	ed("method-absent", invalid, "An EncryptedData without EncryptionMethod (BSP R5601).", method, "")
	for name, uri := range map[string]string{
		"aes256-cbc": aes256CBC, "aes192-cbc": aes192CBC, "tripledes-cbc": tripleDES,
		"aes128-gcm": nsXenc11 + "aes128-gcm",
		"arcfour":    nsXenc + "arcfour", "none": "urn:example:none",
	} {
		ed("method-"+name, "unsupported-algorithm", "EncryptionMethod "+name+" where the suite has aes128-cbc.",
			aes128CBC, uri)
	}
	add("downgrade-gcm", "unsupported-algorithm", "aes128-cbc where the suite has GCM (CVE-2012-5575).", symmetric,
		usingSuite("Basic128GCM"), edit("ed-body", nsXenc11+"aes128-gcm", aes128CBC))
	ed("keysize", "ok", "A KeySize that agrees with the algorithm.", "cbc\"></",
		"cbc\"><xenc:KeySize>128</xenc:KeySize></")
	ed("keysize-other", invalid, "A KeySize that contradicts the algorithm (XML Encryption §3.2).", "cbc\"></",
		"cbc\"><xenc:KeySize>256</xenc:KeySize></")
	ed("digestmethod", "ok", "A ds:DigestMethod in EncryptionMethod, which nothing uses.", "cbc\"></",
		`cbc"><ds:DigestMethod xmlns:ds="`+nsDS+`" Algorithm="`+sha1URI+`"></ds:DigestMethod></`)
	ed("cipherreference", invalid, "A CipherReference.", "<xenc:CipherValue>",
		`<xenc:CipherReference URI="http://attacker.example.com/"></xenc:CipherReference><xenc:CipherValue>`)
	ed("properties", invalid, "EncryptionProperties.", "</xenc:EncryptedData>",
		"<xenc:EncryptionProperties></xenc:EncryptionProperties></xenc:EncryptedData>")
	ed("text", invalid, "Text in EncryptedData.", "<xenc:CipherData>", "x<xenc:CipherData>")
	add("keyinfo-absent", invalid, "An EncryptedData without KeyInfo, and no EncryptedKey (BSP R5629).", symmetric,
		rewrite("ed-body", func(s string) string {
			return s[:strings.Index(s, "<ds:KeyInfo")] + s[strings.Index(s, "<xenc:CipherData>"):]
		}))
	add("keyinfo-keyname", invalid, "A KeyInfo with a KeyName.", symmetric,
		rewrite("enc-str", func(string) string { return "<ds:KeyName>token</ds:KeyName>" }))
	add("key-short", "key-length", "Basic256 with a key of 16 octets.", symmetric, usingSuite("Basic256"),
		func(m *message) { m.ap.Ticket.Etype = 17; m.encKey, m.etypes = make([]byte, 32), []int32{17, 18} })
	add("key-short-192", "key-length", "Basic192 with a key of 16 octets.", symmetric, usingSuite("Basic192"),
		func(m *message) { m.ap.Ticket.Etype = 17; m.encKey, m.etypes = make([]byte, 24), []int32{17, 18} })
	add("key-short-des", "key-length", "TripleDes with a key of 16 octets.", symmetric, usingSuite("TripleDes"),
		func(m *message) { m.ap.Ticket.Etype = 23; m.encKey, m.etypes = make([]byte, 24), []int32{23} })
	add("signed-key-short", "key-length", "A signature under Basic256 with a key of 16 octets.", signed,
		usingSuite("Basic256"), func(m *message) { m.ap.Ticket.Etype, m.etypes = 17, []int32{17, 18} })
}

// lists are ReferenceLists and places of EncryptedData.
func (s *set) lists(add adder) {
	const invalid, wrong = "security-header-invalid", "reference-invalid"
	const one = `<xenc:DataReference URI="#ed-body"></xenc:DataReference>`
	list := func(name, expect, comment, new string) {
		add(name, expect, comment, symmetric, edit("list", one, new))
	}
	list("list-nothing", wrong, "A DataReference to an Id that no element has.", strings.Replace(one, "ed-body", "no",
		1))
	list("list-twice", wrong, "Two DataReferences to one EncryptedData.", one+one)
	list("list-timestamp", wrong, "A DataReference to the Timestamp.", one+strings.Replace(one, "ed-body", "ts", 1))
	list("list-body", wrong, "A DataReference to the Body.", strings.Replace(one, "ed-body", "body", 1))
	list("list-empty", wrong, "A ReferenceList that leaves the EncryptedData out.", "")
	list("list-external", invalid, "A DataReference to another document.",
		strings.Replace(one, "#ed-body", "http://attacker.example.com/", 1))
	list("list-uri-absent", invalid, "A DataReference without URI.", "<xenc:DataReference></xenc:DataReference>")
	list("list-keyreference", invalid, "A KeyReference.", `<xenc:KeyReference URI="#token"></xenc:KeyReference>`)
	list("list-text", invalid, "Text in a ReferenceList.", one+"x")
	add("list-missing", wrong, "No ReferenceList names the EncryptedData of the Body.", symmetric, without("list"))
	add("list-two", wrong, "Two ReferenceLists name one EncryptedData.", symmetric, rewrite("list",
		func(s string) string { return s + s }))
	add("order-sbe", "protection-order", "Encrypted, then signed, where the policy signs first (SP §6.3).", symmetric,
		encryptFirst, policyOrder(""))
	add("order-ebs", "protection-order", "Signed, then encrypted, where the policy encrypts first (SP §6.3).",
		symmetric,
		policyOrder("encrypt-before-sign"))
	extra := func(id string) string {
		return `<xenc:EncryptedData xmlns:xenc="` + nsXenc + `" Id="` + id + `" Type="` + nsXenc + `Element">` +
			`<xenc:EncryptionMethod Algorithm="` + aes128CBC +
			`"></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>` +
			strings.Repeat("A", 64) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`
	}
	add("oracle-block", wrong, "An EncryptedData as a header block, where the policy encrypts none (CVE-2015-0227).",
		symmetric, edit("list", one, one+strings.Replace(one, "ed-body", "oracle", 1)),
		rewrite("security", func(s string) string { return extra("oracle") + s }))
	add("oracle-header", "reference-invalid", "An EncryptedData in the Security header, where the policy encrypts no "+
		"Signature.", symmetric, edit("list", one, one+strings.Replace(one, "ed-body", "oracle", 1)),
		edit("security", "</wsse:Security>", extra("oracle")+"</wsse:Security>"))
	add("oracle-body", wrong, "A second EncryptedData in the Body, beside the first.", symmetric,
		edit("list", one, one+strings.Replace(one, "ed-body", "oracle", 1)),
		edit("last-body", "</s:Body>", extra("oracle")+"</s:Body>"))
	add("references-32", "ok", "32 DataReferences: the most.", symmetric, manySecrets(31))
	add("references-33", invalid, "33 DataReferences.", symmetric, manySecrets(32))
	add("lists-4", "ok", "Four ReferenceLists: the most.", symmetric, rewrite("list", emptyLists(3)))
	add("lists-5", "security-limit", "Five ReferenceLists.", symmetric, rewrite("list", emptyLists(4)))
}

func emptyLists(n int) func(string) string {
	return func(s string) string {
		return s + strings.Repeat(`<xenc:ReferenceList xmlns:xenc="`+nsXenc+`"></xenc:ReferenceList>`, n)
	}
}

// policyOrder changes the receiver's policy alone.
func policyOrder(order string) change { return func(m *message) { m.receiver = &order } }

// manySecrets adds encrypted header blocks.
func manySecrets(n int) change {
	return func(m *message) {
		name := "{" + nsApp + "}b"
		m.p.SignedParts.Headers = []string{name}
		m.p.EncryptedParts = &parts{Body: true, Headers: []string{name}}
		for i := range n {
			id := fmt.Sprintf("b%d", i)
			m.blocks = append(m.blocks, block{id: id, sign: true, encrypt: true, text: `<o:b xmlns:o="` + nsApp +
				`" xmlns:wsu="` + nsWSU + `" wsu:Id="` + id + `"></o:b>`})
		}
	}
}

// plaintexts are such that are not the XML that they stand for.
func (s *set) plaintexts(add adder) {
	const invalid = "plaintext-invalid"
	plain := func(name, comment, text string) {
		add("plaintext-"+name, invalid, comment, symmetric, rewrite("plain-body", func(string) string { return text }))
	}
	plain("text", "A plaintext that is not well-formed.", "<o:order>")
	plain("tag", "An end tag that closes the Body.", `</s:Body><s:Body xmlns:s="`+nsSOAP11+`">`)
	plain("doctype", "A DOCTYPE.", `<!DOCTYPE x [<!ENTITY e "x">]><x xmlns="">&e;</x>`)
	plain("pi", "A processing instruction.", `<?x y?><o:o xmlns:o="`+nsApp+`"/>`)
	plain("entity", "An entity that is not declared.", `<x xmlns="">&nbsp;</x>`)
	plain("utf8", "Octets that are not UTF-8.", "<x xmlns=\"\">\xff</x>")
	plain("prefix", "A prefix that is declared nowhere.", `<nowhere:x/>`)
	plain("zero", "Octets of zero.", "\x00\x00\x00\x00")
	add("plaintext-empty", "ok", "An empty Body, encrypted.", symmetric, func(m *message) { m.body = " " },
		rewrite("body", func(s string) string { return strings.Replace(s, "> <", "><", 1) }))
	add("plaintext-outer", "ok", "Signed first: names in the plaintext may use declarations on the Envelope.",
		symmetric,
		func(m *message) { m.envOpen = ` xmlns:o="` + nsApp + `"` },
		edit("plain-body", ` xmlns:o="`+nsApp+`"`, ""))
	add("plaintext-outer-ebs", invalid,
		"Encrypted first: the signature covers the ciphertext, and a name in the plaintext "+
			"uses a declaration on the Envelope, which anybody can change.", symmetric, encryptFirst,
		func(m *message) { m.envOpen = ` xmlns:o="` + nsApp + `"` }, edit("plain-body", ` xmlns:o="`+nsApp+`"`, ""))
	secretText := func(name, comment, text string) {
		add("plaintext-block-"+name, invalid, comment, symmetric, secret,
			rewrite("plain-card", func(string) string { return text }))
	}
	block := `<o:card xmlns:o="` + nsApp + `" xmlns:wsu="` + nsWSU + `" wsu:Id="card">4711</o:card>`
	secretText("two", "Two elements in the place of one header block.", block+`<o:x xmlns:o="`+nsApp+`"/>`)
	secretText("none", "Text in the place of a header block.", "4711")
	secretText("other", "A header block that the policy does not encrypt.", strings.ReplaceAll(block, "card", "note"))
	secretText("security", "A Security header.", `<wsse:Security xmlns:wsse="`+nsWSSE+`"/>`)
	add("block-clear", "part-not-encrypted", "A header block in clear that the policy encrypts.", symmetric, secret,
		func(m *message) { m.blocks[0].encrypt = false })
	add("block-bare", "ok", "An encrypted header block without EncryptedHeader, as WSS 1.0 has it.", symmetric, secret,
		rewrite("eh-card", func(s string) string {
			return s[strings.Index(s, "<xenc:EncryptedData"):strings.Index(s, "</wsse11:EncryptedHeader>")]
		}))
	add("block-unlisted", "reference-invalid", "No ReferenceList names an encrypted header block.", symmetric, secret,
		edit("list", `<xenc:DataReference URI="#ed-card"></xenc:DataReference>`, ""))
	add("block-two", "security-header-invalid", "An EncryptedHeader with two elements (BSP R3230).", symmetric, secret,
		edit("eh-card", "</wsse11:EncryptedHeader>", `<x xmlns=""></x></wsse11:EncryptedHeader>`))
	add("body-clear", "part-not-encrypted", "A Body in clear that the policy encrypts.", symmetric,
		func(m *message) { m.p.EncryptedParts = nil; m.encryptedBody = true })
	add("body-unasked", "reference-invalid", "An encrypted Body where the policy has a clear one.", symmetric,
		func(m *message) { m.clearBody = true })
}

// encryptedKeys are refusals of an EncryptedKey (WSS §9.2).
func (s *set) encryptedKeys(add adder) {
	ek := func(m *message) { m.ek = true }
	one := func(name, expect, comment string, changes ...change) {
		add("key-"+name, expect, comment, symmetric, append([]change{ek}, changes...)...)
	}
	one("changed", "decryption-failed", "One bit of the wrapped key was changed.", rewrite("wrapped", flipped(0)))
	one("cut", "decryption-failed", "The wrapped key was cut.", rewrite("wrapped",
		func(s string) string { return s[:16] }))
	one("odd", "decryption-failed", "A wrapped key of no multiple of 8 octets.",
		rewrite("wrapped", func(s string) string { return s[:23] }))
	one("not-base64", "decryption-failed", "A CipherValue that is not base64.",
		edit("ek", "</xenc:CipherValue>", "!</xenc:CipherValue>"))
	one("type", "security-header-invalid", "An EncryptedKey with a Type (BSP R3209).", edit("ek", ` Id="ek"`,
		` Id="ek" Type="`+nsXenc+`Element"`))
	one("method-absent", "security-header-invalid", "An EncryptedKey without EncryptionMethod (BSP R5622).",
		edit("ek", `<xenc:EncryptionMethod Algorithm="`+kwAES+`128"></xenc:EncryptionMethod>`, ""))
	for name, uri := range map[string]string{"kw-aes256": kwAES + "256", "rsa-1_5": nsXenc + "rsa-1_5",
		"kw-tripledes": nsXenc + "kw-tripledes", "rsa-oaep": nsXenc + "rsa-oaep-mgf1p"} {
		one("method-"+name, "unsupported-algorithm", "Key wrap "+name+" where the suite has kw-aes128.",
			edit("ek", kwAES+"128", uri))
	}
	one("chain", "reference-invalid", "An EncryptedKey under itself.", edit("ek",
		`URI="#token" ValueType="`+gssToken+`"`,
		`URI="#ek"`))
	one("keyinfo-absent", "security-header-invalid", "An EncryptedKey without KeyInfo.", rewrite("ek",
		func(s string) string {
			return s[:strings.Index(s, "<ds:KeyInfo")] + s[strings.Index(s, "<xenc:CipherData>"):]
		}))
	one("sha1-other", "security-token-unavailable", "An EncryptedKeySHA1 of no EncryptedKey of the message.",
		func(m *message) { m.form = "ek-hash" }, rewrite("ek-str", otherKeyIdentifier))
	one("three", "security-limit", "Three EncryptedKeys.", rewrite("ek", func(s string) string {
		return s + strings.Replace(s, `"ek"`, `"ek-2"`, 1) + strings.Replace(s, `"ek"`, `"ek-3"`, 1)
	}))
	one("two", "ok", "Two EncryptedKeys, of which one is used.", rewrite("ek", func(s string) string {
		return s + strings.Replace(s, `"ek"`, `"ek-2"`, 1)
	}))
	one("mixed", "reference-invalid",
		"The signature is under the token's key, and the Body under that of the EncryptedKey.",
		func(m *message) { m.mixed = true })
}

// encryptedSignatures are refusals where the Signature is encrypted (SP §6.4).
func (s *set) encryptedSignatures(add adder) {
	one := func(name, expect, comment string, changes ...change) {
		add("signature-"+name, expect, comment, wcf, changes...)
	}
	one("clear", "part-not-encrypted", "A Signature in clear that the policy encrypts.",
		func(m *message) { m.p.EncryptSignature, m.clearSignature = false, true })
	one("unlisted", "reference-invalid", "No ReferenceList names the encrypted Signature.",
		edit("list", `<xenc:DataReference URI="#ed-sig"></xenc:DataReference>`, ""))
	one("other", "plaintext-invalid", "The plaintext is an element other than a Signature.",
		func(m *message) { m.p.AlgorithmSuite = "Basic128GCM" },
		rewrite("plain-signature",
			func(string) string { return `<ds:Signature xmlns:ds="urn:example:ds"></ds:Signature>` }))
	one("other-cbc", "decryption-failed",
		"Under CBC, a plaintext that does not end as a Signature does is refused like wrong "+
			"padding.", rewrite("plain-signature", func(string) string { return `<x xmlns=""></x>` }))
	one("control", "decryption-failed", "Under CBC, a plaintext with a character that no Signature has.",
		rewrite("plain-signature", func(s string) string {
			return strings.Replace(s, "<ds:KeyInfo>", "{<ds:KeyInfo>",
				1)
		}))
	one("content", "security-header-invalid", "Type Content where an element stands.",
		edit("ed-signature", nsXenc+"Element", nsXenc+"Content"))
	one("changed", "signature-invalid", "One bit of the HMAC was changed before it was encrypted.", rewrite("hmac",
		flipped(3)))
	one("two", "security-limit", "Two EncryptedData in the Security header.", edit("security", "</wsse:Security>",
		`<xenc:EncryptedData xmlns:xenc="`+nsXenc+`" Id="second"></xenc:EncryptedData></wsse:Security>`))
	one("beside", "signature-unexpected", "An encrypted Signature beside one in clear.",
		edit("security", "</wsse:Security>",
			`<ds:Signature xmlns:ds="`+nsDS+`"><ds:SignedInfo><ds:CanonicalizationMethod `+
				`Algorithm="`+nsEC+`"/><ds:SignatureMethod Algorithm="`+hmacSHA1+
				`"/><ds:Reference URI="#ts"><ds:Transforms>`+
				`<ds:Transform Algorithm="`+nsEC+`"/></ds:Transforms><ds:DigestMethod Algorithm="`+sha1URI+
				`"/><ds:DigestValue>`+
				`AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>`+
				`</wsse:Security>`))
	sized := func(n int) change { // octets of plaintext
		return rewrite("signature", func(s string) string {
			return strings.Replace(s, "<ds:KeyInfo>", "<ds:KeyInfo>"+strings.Repeat(" ", n-len(s)), 1)
		})
	}
	gcm := usingSuite("Basic128GCM")
	one("longest", "ok", "A ciphertext of 10,239 octets, the most of whole groups of base64: the limit is 4,096, "+
		"and 1,024 for each "+
		"of six References, which are Timestamp, Body and four more.", gcm, sized(10239-12-16))
	one("longest-over", "security-limit", "A ciphertext of 10,241 octets.", gcm, sized(10241-12-16))
	one("too-long", "security-limit", "A ciphertext longer than a Signature over the parts of this message has.",
		edit("signature", "<ds:KeyInfo>", "<ds:KeyInfo>"+strings.Repeat(" ", 12<<10)))
}
