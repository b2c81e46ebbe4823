package demo

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/browser"
	"github.com/wssgate/wssgate/internal/wrap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// printer writes the demo for a terminal of 100 columns; colours only where
// there is one that wants them. The first error stays in err.
type printer struct {
	w       io.Writer
	colours bool
	steps   int
	err     error
}

// printWidth is the columns that texts and notes keep to.
const printWidth = 100

func newPrinter(w io.Writer) *printer {
	p := &printer{w: w}
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := f.Stat()
		p.colours = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// The styles, as SGR parameters.
const (
	bold  = "1"
	dim   = "2"
	green = "32;1"
	blue  = "36"
	red   = "31"
)

func (p *printer) style(sgr, s string) string {
	if !p.colours || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format, args...); err != nil && p.err == nil {
		p.err = err
	}
}

// line writes a line of its own.
func (p *printer) line(s string) { p.printf("%s\n", s) }

// intro draws who talks to whom.
func (p *printer) intro(w *world) {
	p.line(p.style(bold, "wssgate demo") + ": one protected call, with everything that it needs in this process")
	p.line("")
	p.printf("  client    %s\n", ClientName)
	p.printf("  KDC       %s\n", w.kdc.Addr())
	p.printf("  gateway   %s   policy Kerberos: signed and encrypted\n", w.gatewayURL)
	p.printf("  service   %s          plain SOAP, knows nothing of security\n", w.serviceURL)
}

// step begins a numbered step.
func (p *printer) step(title string) {
	p.steps++
	p.printf("\n%s %s\n", p.style(blue, fmt.Sprintf("%d", p.steps)), p.style(bold, title))
}

// text writes a wrapped paragraph.
func (p *printer) text(format string, args ...any) {
	p.line("  " + wrap.Text(fmt.Sprintf(format, args...), 2, printWidth, "  "))
}

// code writes a line of protocol.
func (p *printer) code(format string, args ...any) { p.line("  " + fmt.Sprintf(format, args...)) }

// item writes a refusal.
func (p *printer) item(what, code string) {
	p.printf("  %s %-40s %s\n", p.style(red, "✗"), what, p.style(dim, code))
}

func (p *printer) done(s string) {
	p.printf("\n%s %s\n", p.style(green, "✓"), wrap.Text(s, 2, printWidth, "  "))
}

// tryIt prints commands to paste.
func (p *printer) tryIt(w *world, clientURL string) {
	const send = "curl -s --data-binary @%s -H 'Content-Type: text/xml; charset=utf-8' %s"
	p.printf("\n%s\n\n", p.style(bold, "Try it"))
	if w.pageURL != "" {
		p.line("  A page that is the client, in your browser:")
		p.printf("\n    %s\n\n", w.pageURL)
	} else {
		p.text("A page that is the client needs the browser client: %s.", browser.Cure)
		p.line("")
	}
	p.line("  A message of your own, with alice's ticket (-v shows it on the wire):")
	p.printf("\n    export KRB5_CONFIG=%s KRB5CCNAME=%s\n", quoted(w.file("krb5.conf")),
		quoted(w.file("alice.ccache")))
	p.printf("    echo '<q:GetQuote xmlns:q=\"urn:example:quotes\"><q:Symbol>ACME</q:Symbol></q:GetQuote>' |\n")
	p.printf("      %s request %s --service %s\n\n", program(), w.gatewayURL, Service)
	p.line("  Keep a protected one and send it, twice, or with a character changed:")
	p.printf("\n    curl -s %s/request > message.xml\n    "+send+"\n\n", clientURL, "message.xml", w.gatewayURL)
	p.line("  Look into it with the key of the service:")
	p.printf("\n    %s inspect message.xml --keytab %s\n\n", program(), quoted(w.file("gateway.keytab")))
	p.line("  Ctrl-C ends the demo.")
}

// program returns what a shell finds this program by.
func program() string {
	self, err := os.Executable()
	if found, inPath := exec.LookPath("wssgate"); err != nil || inPath == nil && found == self {
		return "wssgate"
	}
	return quoted(self)
}

// quoted returns a path as a shell reads it.
func quoted(path string) string {
	special := func(r rune) bool {
		return !strings.ContainsRune("/.-_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	if strings.ContainsFunc(path, special) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// xml prints a message as an outline: names without namespace declarations,
// long values cut. note may be nil.
func (p *printer) xml(message []byte, note func(xmltext.Node) string) error {
	doc, err := xmltext.Scan(message, xmltext.Options{})
	if err != nil {
		return err
	}
	p.outline(doc.Root(), 1, note)
	return p.err
}

// node prints one element as an outline.
func (p *printer) node(n xmltext.Node) error {
	p.outline(n, 1, nil)
	return p.err
}

func (p *printer) outline(n xmltext.Node, depth int, note func(xmltext.Node) string) {
	indent := strings.Repeat("  ", depth)
	start, text := startTag(n), cutTo(strings.TrimSpace(n.Text()), 40)
	remark := ""
	if note != nil {
		remark = note(n)
	}
	switch summary, isLeaf := summarize(n); {
	case isLeaf:
		p.noted(indent+start+summary, remark)
	case n.FirstChild().IsZero():
		p.noted(indent+start+text+endTag(n), remark)
	default:
		p.noted(indent+start, remark)
		for c := range n.Children() {
			p.outline(c, depth+1, note)
		}
		if note == nil { // an annotated outline is about the parts, not the syntax
			p.noted(indent+endTag(n), "")
		}
	}
}

// noted writes a line of XML with a remark behind it.
func (p *printer) noted(xml, remark string) {
	if remark == "" {
		p.line(p.style(dim, xml))
		return
	}
	gap := max(1, 50-len([]rune(xml)))
	p.line(p.style(dim, xml) + strings.Repeat(" ", gap) + p.style(blue, "← "+remark))
}

// startTag returns the tag with the attributes that a reader needs.
func startTag(n xmltext.Node) string {
	tag := "<" + qualified(n)
	for name, value := range n.Attrs() {
		switch name.Local {
		case "URI", "currency", "mustUnderstand":
			tag += fmt.Sprintf(" %s=%q", name.Local, cutTo(value, 12))
		}
	}
	return tag + ">"
}

func endTag(n xmltext.Node) string { return "</" + qualified(n) + ">" }

func qualified(n xmltext.Node) string {
	if prefix := n.Prefix(); prefix != "" {
		return prefix + ":" + n.Local()
	}
	return n.Local()
}

// summarize puts the elements whose inside is machinery on one line.
func summarize(n xmltext.Node) (string, bool) {
	switch n.Local() {
	case "Timestamp":
		var times []string
		for c := range n.Children() {
			times = append(times, clock(c.Text()))
		}
		return strings.Join(times, "–"), true
	case "DerivedKeyToken", "ReferenceList":
		return "…", true
	case "BinarySecurityToken":
		return cutTo(n.Text(), 12), true
	case "EncryptedData":
		return cutTo(find(n, "CipherValue").Text(), 12), true
	}
	return "", false
}

// clock returns the time of day of an xs:dateTime, to the second.
func clock(s string) string {
	_, t, _ := strings.Cut(s, "T")
	t, _, _ = strings.Cut(t, ".")
	return strings.TrimSuffix(t, "Z")
}

// find returns the first descendant with a local name, or n itself.
func find(n xmltext.Node, local string) xmltext.Node {
	for d := range n.Descendants() {
		if d.Local() == local {
			return d
		}
	}
	return n
}

func cutTo(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
