package manual

import (
	"fmt"
	"strings"
)

// Index returns the page of the program itself, section 1, with its
// subcommands. E stands in its footer; more are the names of further pages,
// such as "wssgate.yaml(5)".
func (p *Program) Index(e Edition, more ...string) string {
	w := newPage(p.Name, "1", e, lowerFirst(firstSentence(p.Summary)))
	w.section("SYNOPSIS")
	fmt.Fprintf(w, "%s %s [%s]\n", bold(p.Name), italic("command"), italic("flags"))
	w.section("DESCRIPTION")
	w.text(p.Summary)
	w.text("Each command has a page of its own, and tells the same by --help.")
	w.section("COMMANDS")
	see := more
	for _, c := range p.Commands {
		w.item(bold(p.Name+" "+c.Name), c.Summary)
		see = append(see, p.pageName(c)+"(1)")
	}
	w.flags("OPTIONS", p.Flags)
	w.section("EXIT STATUS")
	w.item("0", "Success.")
	w.item("1", "Failure.")
	w.item("2", "A command line or configuration that was refused.")
	w.text("What else a command has is on its page.")
	w.see(see)
	return w.String()
}

// Page returns the page of a subcommand, section 1, as [Program.Index].
func (p *Program) Page(c Command, e Edition, more ...string) string {
	w := newPage(p.pageName(c), "1", e, lowerFirst(firstSentence(c.Summary)))
	w.section("SYNOPSIS")
	fmt.Fprintf(w, "%s", bold(p.Name+" "+c.Name))
	for _, a := range c.Args {
		w.WriteString(" " + a.synopsis())
	}
	if len(c.Flags) > 0 {
		fmt.Fprintf(w, " [%s]", italic("flags"))
	}
	w.WriteString("\n")
	w.section("DESCRIPTION")
	w.text(c.Summary)
	for paragraph := range strings.SplitSeq(c.Detail, "\n\n") {
		if strings.HasPrefix(paragraph, "\t") { // an example
			w.literal(strings.ReplaceAll(paragraph, "\t", ""))
			continue
		}
		w.text(strings.TrimSpace(paragraph))
	}
	if len(c.Args) > 0 {
		w.section("ARGUMENTS")
		for _, a := range c.Args {
			w.item(italic(a.Name), a.Help)
		}
	}
	w.flags("OPTIONS", c.Flags)
	w.see(append([]string{p.Name + "(1)"}, more...))
	return w.String()
}

// pageName returns the name of a subcommand's page.
func (p *Program) pageName(c Command) string { return p.Name + "-" + c.Name }

func (a Arg) synopsis() string {
	s := italic(a.Name)
	if a.Many {
		s += " ..."
	}
	if a.Optional {
		return "[" + s + "]"
	}
	return s
}

func (w *page) flags(title string, flags []Flag) {
	if len(flags) == 0 {
		return
	}
	w.section(title)
	for _, f := range flags {
		w.item(f.tag(), withDefault(f.Help, f.Default))
	}
}

// tag writes the spellings of a flag and its value.
func (f Flag) tag() string {
	value := ""
	if f.Value != "" {
		value = "=" + italic(f.Value)
	}
	tag := bold("--"+f.Name) + value
	if f.Short != "" {
		tag = bold("-"+f.Short) + ", " + tag
	}
	if f.Negatable {
		tag += ", " + bold("--no-"+f.Name)
	}
	return tag
}

func withDefault(help, value string) string {
	if value == "" {
		return help
	}
	return strings.TrimSpace(help + " Default: " + value + ".")
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' || strings.HasPrefix(s, "A ") {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
