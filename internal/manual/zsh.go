package manual

import (
	"fmt"
	"strings"
)

// Zsh returns a function that zsh's compinit loads: put it as _NAME into a
// folder of $fpath.
func (p *Program) Zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %[1]s\n# Completion of %[1]s for zsh.\n_%[1]s() {\n", p.Name)
	b.WriteString("  local curcontext=$curcontext state line\n  typeset -A opt_args\n  _arguments -C \\\n")
	for _, f := range p.Flags {
		zshFlag(&b, "    ", f)
	}
	b.WriteString("    '1: :->command' \\\n    '*:: :->rest'\n  case $state in\n    command)\n      local -a commands=(\n")
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "        %s\n", zshQuote(c.Name+":"+zshColons(firstSentence(c.Summary))))
	}
	b.WriteString("      )\n      _describe command commands ;;\n    rest)\n      case $words[1] in\n")
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "        %s)\n          _arguments \\\n", c.Name)
		for _, f := range p.flagsOf(c) {
			zshFlag(&b, "            ", f)
		}
		for _, a := range c.Args {
			place := ""
			if a.Many {
				place = "*"
			}
			fmt.Fprintf(&b, "            %s \\\n", zshQuote(place+":"+zshColons(a.Name)+":"+zshAction(a.Choices, a.takesFile())))
		}
		b.WriteString("            ;;\n")
	}
	b.WriteString("      esac ;;\n  esac\n}\n")
	// compinit calls the file, and who sources it registers the function.
	fmt.Fprintf(&b, "if [[ $funcstack[1] == _%[1]s ]]; then\n  _%[1]s \"$@\"\nelse\n  compdef _%[1]s %[1]s\nfi\n", p.Name)
	return b.String()
}

// zshFlag writes the specifications of a flag for _arguments, one a line.
func zshFlag(b *strings.Builder, indent string, f Flag) {
	for _, s := range f.spellings() {
		value, help := "", zshBrackets(firstSentence(f.Help))
		if f.Value != "" && !strings.HasPrefix(s, "--no-") {
			if strings.HasPrefix(s, "--") {
				s += "="
			}
			value = ":" + zshColons(f.Value) + ":" + zshAction(f.Choices, f.takesFile())
		}
		fmt.Fprintf(b, "%s%s \\\n", indent, zshQuote(s+"["+help+"]"+value))
	}
}

// zshAction says how a value is completed.
func zshAction(choices []string, file bool) string {
	switch {
	case len(choices) > 0:
		return "(" + strings.Join(choices, " ") + ")"
	case file:
		return "_files"
	}
	return " "
}

func zshQuote(s string) string    { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
func zshColons(s string) string   { return strings.ReplaceAll(s, ":", `\:`) }
func zshBrackets(s string) string { return strings.NewReplacer("[", `\[`, "]", `\]`).Replace(s) }
