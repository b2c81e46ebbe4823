package manual

import (
	"fmt"
	"strings"
)

// Fish returns a script that fish loads: put it as NAME.fish into a folder of
// $fish_complete_path.
func (p *Program) Fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %[1]s for fish.\ncomplete -c %[1]s -f\n", p.Name)
	for _, f := range p.Flags {
		p.fishFlag(&b, "__fish_use_subcommand", f)
	}
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", p.Name, c.Name,
			fishQuote(firstSentence(c.Summary)))
	}
	for _, c := range p.Commands {
		condition := fishQuote("__fish_seen_subcommand_from " + c.Name)
		for _, f := range p.flagsOf(c) {
			p.fishFlag(&b, condition, f)
		}
		for _, a := range c.Args {
			switch {
			case len(a.Choices) > 0:
				fmt.Fprintf(&b, "complete -c %s -n %s -a %s\n", p.Name, condition, fishQuote(strings.Join(a.Choices, " ")))
			case a.takesFile():
				fmt.Fprintf(&b, "complete -c %s -n %s -F\n", p.Name, condition)
			}
		}
	}
	return b.String()
}

func (p *Program) fishFlag(b *strings.Builder, condition string, f Flag) {
	for _, s := range f.spellings() {
		option := "-l " + strings.TrimPrefix(s, "--")
		if !strings.HasPrefix(s, "--") {
			option = "-s " + strings.TrimPrefix(s, "-")
		}
		if f.Value != "" && !strings.HasPrefix(s, "--no-") {
			option += " -x"
			switch {
			case len(f.Choices) > 0:
				option += " -a " + fishQuote(strings.Join(f.Choices, " "))
			case f.takesFile():
				option = strings.TrimSuffix(option, " -x") + " -r -F"
			}
		}
		fmt.Fprintf(b, "complete -c %s -n %s %s -d %s\n", p.Name, condition, option, fishQuote(firstSentence(f.Help)))
	}
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
