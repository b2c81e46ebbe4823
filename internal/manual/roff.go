package manual

import (
	"fmt"
	"strings"
)

// A page is a man page that is being written, in the macros of man(7).
type page struct {
	strings.Builder
	inSection bool // something stands below the heading
}

// newPage begins a page: its name, its section, its edition, and one line of
// what it is about.
func newPage(name, section string, e Edition, about string) *page {
	p := &page{}
	fmt.Fprintf(p, ".TH %s %s \"%s\" \"%s\"\n", escape(strings.ToUpper(name)), section, escape(e.Date),
		escape("wssgate "+e.Version))
	p.section("NAME")
	fmt.Fprintf(p, "%s \\- %s\n", escape(name), escape(about))
	return p
}

func (p *page) section(title string) {
	fmt.Fprintf(p, ".SH %s\n", escape(title))
	p.inSection = false
}

// paragraph separates what follows from what stands in the section already.
func (p *page) paragraph() {
	if p.inSection {
		p.WriteString(".PP\n")
	}
	p.inSection = true
}

// text writes a paragraph.
func (p *page) text(s string) {
	if s != "" {
		p.paragraph()
		p.WriteString(line(s) + "\n")
	}
}

// item writes an entry of a list: a tag, which is already roff, and the text
// beside it.
func (p *page) item(tag, text string) {
	fmt.Fprintf(p, ".TP\n%s\n%s\n", tag, line(text))
	p.inSection = true
}

// literal writes lines as they are.
func (p *page) literal(s string) {
	p.paragraph()
	p.WriteString(".EX\n")
	for l := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		p.WriteString(line(l) + "\n")
	}
	p.WriteString(".EE\n")
}

// see writes SEE ALSO from names such as "wssgate(1)".
func (p *page) see(pages []string) {
	var refs []string
	for _, s := range pages {
		name, section, _ := strings.Cut(s, "(")
		refs = append(refs, bold(name)+"("+section)
	}
	p.section("SEE ALSO")
	p.WriteString(strings.Join(refs, ", ") + "\n")
}

// escape writes what roff would read otherwise: its escape character, and the
// hyphens of what people type.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "\"", `\(dq`, "^", `\(ha`, "~", `\(ti`,
		"`", `\(ga`).Replace(s)
}

// line returns text whose first character is no control character.
func line(s string) string {
	s = escape(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

func bold(s string) string   { return `\fB` + escape(s) + `\fR` }
func italic(s string) string { return `\fI` + escape(s) + `\fR` }
