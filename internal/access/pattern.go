package access

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/kerberos"
)

// A glob is a text with "*": the pieces between them. One piece has none.
type glob []string

// match reports whether s is the glob's text, with anything for each "*".
func (g glob) match(s string) bool {
	rest, ok := strings.CutPrefix(s, g[0])
	if !ok || len(g) == 1 {
		return ok && rest == ""
	}
	for _, piece := range g[1 : len(g)-1] {
		// The leftmost place is right: what matches behind another one does here.
		i := strings.Index(rest, piece)
		if i < 0 {
			return false
		}
		rest = rest[i+len(piece):]
	}
	return strings.HasSuffix(rest, g[len(g)-1])
}

// wild takes the place of "*" in a pattern that is compared with another one.
// No name has it.
const wild = "\x00"

// covers reports whether g matches whatever other does.
func (g glob) covers(other glob) bool { return g.match(strings.Join(other, wild)) }

// meets reports whether a text may match both. It is certain unless both have a
// "*".
func (g glob) meets(other glob) bool {
	switch {
	case len(g) == 1:
		return other.match(g[0])
	case len(other) == 1:
		return g.match(other[0])
	}
	return true
}

// fold returns a glob for folded text.
func (g glob) fold() glob {
	folded := make(glob, len(g))
	for i, piece := range g {
		folded[i] = fold(piece)
	}
	return folded
}

// fold returns the same text for texts that differ by case alone.
func fold(s string) string { return strings.Map(foldRune, s) }

func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// A pattern is one of principals. One of realms has no components.
type pattern struct {
	text       string // as it was written
	components []glob
	realm      glob
}

// parsePrincipal parses a pattern of principals, which has a realm.
func parsePrincipal(text string) (pattern, error) {
	p, err := parse(text, false)
	if err == nil && p.realm == nil {
		err = fmt.Errorf("%q names no realm", text)
	}
	return p, err
}

// parseRealm parses a pattern of realms.
func parseRealm(text string) (pattern, error) { return parse(text, true) }

// parse parses a pattern. inRealm is set if there is nothing but a realm.
func parse(text string, inRealm bool) (pattern, error) {
	p := pattern{text: text}
	g, piece := glob{}, []byte{}
	end := func() (whole glob) {
		whole = append(g, string(piece))
		g, piece = glob{}, piece[:0]
		return whole
	}
	bad := fmt.Errorf("%q is not a pattern of names", text)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i == len(text) || strings.IndexByte("ntb0", text[i]) >= 0 {
				return p, bad
			}
			piece = append(piece, text[i])
		case c == '*':
			g, piece = append(g, string(piece)), piece[:0]
		case (c == '/' || c == '@') && inRealm:
			return p, bad
		case c == '/' || c == '@':
			p.components = append(p.components, end())
			inRealm = c == '@'
		default:
			piece = append(piece, c)
		}
	}
	if inRealm {
		p.realm = end()
	} else {
		p.components = append(p.components, end())
	}
	if !p.legal() {
		return p, bad
	}
	return p, nil
}

// legal reports whether the pattern can match a name.
func (p *pattern) legal() bool {
	for _, g := range append(p.components[:len(p.components):len(p.components)], p.realm) {
		if len(g) == 1 && g[0] == "" {
			return false
		}
		for _, piece := range g {
			if !kerberos.LegalName(piece) {
				return false
			}
		}
	}
	return len(p.components) <= kerberos.MaxComponents && !strings.ContainsAny(strings.Join(p.realm, ""), `@/\`)
}

// exact returns the principal of a pattern that has no "*", in text form.
func (p *pattern) exact() (name string, ok bool) {
	one := kerberos.Principal{Realm: p.realm[0]}
	for _, g := range p.components {
		if len(g) > 1 {
			return "", false
		}
		one.Components = append(one.Components, g[0])
	}
	return one.String(), len(p.realm) == 1
}

// match reports whether the pattern matches a principal.
func (p *pattern) match(name kerberos.Principal) bool {
	if len(p.components) != len(name.Components) || !p.realm.match(name.Realm) {
		return false
	}
	for i, g := range p.components {
		if !g.match(name.Components[i]) {
			return false
		}
	}
	return true
}

// covers reports whether p matches every name that other does.
func (p *pattern) covers(other *pattern) bool {
	if len(p.components) != len(other.components) || !p.realm.covers(other.realm) {
		return false
	}
	for i, g := range p.components {
		if !g.covers(other.components[i]) {
			return false
		}
	}
	return true
}

// fold returns a pattern for folded names.
func (p *pattern) fold() pattern {
	folded := pattern{text: p.text, realm: p.realm.fold()}
	for _, g := range p.components {
		folded.components = append(folded.components, g.fold())
	}
	return folded
}
