package xmltext

// inherited returns the xml attributes that the apex i of an inclusive
// canonical form takes over from its ancestors, which are not in the form:
// every one the apex lacks in Canonical XML 1.0 (2.4); xml:lang and xml:space,
// and xml:base joined, in Canonical XML 1.1 (2.4).
func (d *Doc) inherited(i uint32, m Method) []ApexAttr {
	var found []ApexAttr
	has := func(local string) bool {
		for _, a := range found {
			if a.Local == local {
				return true
			}
		}
		_, ok := Node{d, i}.Attr(namespaceXML, local)
		return ok
	}
	for n := (Node{d, i}).Parent(); n.doc != nil; n = n.Parent() {
		if n.element().flags&hasXMLAttr == 0 {
			continue
		}
		for name, value := range n.Attrs() {
			if name.Space != namespaceXML || has(name.Local) {
				continue
			}
			if m >= Inclusive11 && name.Local != "lang" && name.Local != "space" {
				continue
			}
			found = append(found, ApexAttr{Prefix: "xml", Space: namespaceXML, Local: name.Local, Value: value})
		}
	}
	return found
}
