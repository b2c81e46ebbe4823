package attacks

import (
	"errors"
	"fmt"
	"strings"
)

// Spliced returns attacks that put parts of one message into another. A receiver
// may take one of the two for it, or nothing.
func Spliced(a, b Message) ([]Attack, error) {
	to, err := spliceable(a)
	if err != nil {
		return nil, err
	}
	from, err := spliceable(b)
	if err != nil {
		return nil, err
	}
	to.class = "parts of two messages"
	to.seen[string(b.Octets)] = true
	to.mix(from)
	to.addParts(from)
	return to.attacks, nil
}

func spliceable(m Message) (*forge, error) {
	root, err := parse(m.Octets)
	if err != nil {
		return nil, err
	}
	f := &forge{Message: m, src: string(m.Octets), root: root, seen: map[string]bool{string(m.Octets): true}}
	f.header, f.body = root.child(root.space, "Header"), root.child(root.space, "Body")
	if f.security = f.header.child(nsWSSE, "Security"); f.security == nil || f.body == nil {
		return nil, errors.New("no message with a Security header and a Body")
	}
	return f, nil
}

// exchangeable are the parts of a message, from outside: what is in another part
// comes first.
func (f *forge) exchangeable() (parts []*element) {
	parts = append(parts, f.security.children...)
	for _, e := range f.header.children {
		if e != f.security {
			parts = append(parts, e)
		}
	}
	return append(parts, f.body)
}

// mix exchanges every set of parts that both have, matched by their names.
func (f *forge) mix(other *forge) {
	var pairs [][2]*element
	theirs := other.exchangeable()
	used := map[*element]bool{}
	for _, e := range f.exchangeable() {
		for _, o := range theirs {
			if e.space == o.space && e.local == o.local && !used[o] {
				used[o] = true
				pairs = append(pairs, [2]*element{e, o})
				break
			}
		}
	}
	pairs = pairs[:min(len(pairs), 9)]
	for set := 1; set < 1<<len(pairs)-1; set++ {
		var edits []edit
		var names []string
		for i, p := range pairs {
			if set>>i&1 == 1 {
				edits = append(edits, replace(p[0], other.source(p[1])))
				names = append(names, p[0].local)
			}
		}
		f.add("of the other: "+strings.Join(names, ", "), f.edited(edits...))
	}
}

// addParts adds parts of the other beside those of the message.
func (f *forge) addParts(other *forge) {
	theirs := other.exchangeable()
	for i, o := range theirs {
		name := fmt.Sprintf("%d, %s of the other", i, o.local)
		text := other.source(o)
		f.add(name+" first in Security", f.edited(afterStart(f.security, text)))
		f.add(name+" last in Security", f.edited(beforeEnd(f.security, text)))
		f.add(name+" first in Header", f.edited(afterStart(f.header, text)))
		f.add(name+" last in Header", f.edited(beforeEnd(f.header, text)))
		f.add(name+" before Body", f.edited(insert(f.body.start, text)))
		f.add(name+" after Body", f.edited(insert(f.body.end, text)))
		f.add(name+" for Body", f.edited(replace(f.body, text)))
	}
	all := other.security.inner(other.Octets)
	own := f.security.inner(f.Octets)
	body := other.source(other.body)
	f.add("Security of both", f.edited(beforeEnd(f.security, all)))
	f.add("Security of both, Body of the other", f.edited(beforeEnd(f.security, all), replace(f.body, body)))
	f.add("Security of both, the other's first", f.edited(afterStart(f.security, all)))
	f.add("both Security headers", f.edited(insert(f.security.end, other.source(other.security))))
	f.add("both Security headers, Body of the other", f.edited(insert(f.security.end, other.source(other.security)),
		replace(f.body, body)))
	f.add("both Bodies", f.edited(insert(f.body.end, body)))
	f.add("both contents", f.edited(beforeEnd(f.body, other.body.inner(other.Octets))))
	f.add("Security of the other in ours", f.edited(beforeEnd(f.security, other.source(other.security))))
	f.add("Security within the other's", f.edited(edit{f.security.open, f.security.close, all + own}))
}
