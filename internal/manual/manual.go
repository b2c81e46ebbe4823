package manual

import (
	"slices"
	"strings"
)

// A Program is a command line with subcommands.
type Program struct {
	Name     string
	Summary  string // one sentence
	Flags    []Flag // those that stand before a subcommand
	Commands []Command
}

// A Command is a subcommand.
type Command struct {
	Name    string
	Summary string // one sentence
	Detail  string // text below the summary, "" if there is none
	Args    []Arg
	Flags   []Flag
}

// flagsOf returns the flags that may stand behind c: its own and those of the
// program.
func (p *Program) flagsOf(c Command) []Flag { return slices.Concat(c.Flags, p.Flags) }

// An Edition is what the footer of a page says.
type Edition struct {
	Version string
	Date    string // YYYY-MM-DD
}

// An Arg is a positional argument.
type Arg struct {
	Name     string
	Help     string
	Choices  []string // the values that it may have, nil for any
	Optional bool
	Many     bool
}

// A Flag is an option of a command.
type Flag struct {
	Name      string // without hyphens
	Short     string // one letter, or ""
	Help      string
	Value     string   // what stands for its value in texts, "" for a switch
	Default   string   // "" if there is none, or none that is worth a word
	Choices   []string // the values that it may have, nil for any
	Negatable bool     // --no-NAME exists
}

// spellings returns the forms in which f may be typed.
func (f Flag) spellings() []string {
	all := []string{"--" + f.Name}
	if f.Negatable {
		all = append(all, "--no-"+f.Name)
	}
	if f.Short != "" {
		all = append(all, "-"+f.Short)
	}
	return all
}

// takesFile reports whether the value of f is the path of a file or folder.
func (f Flag) takesFile() bool {
	return slices.ContainsFunc(strings.Split(f.Value, "|"), func(s string) bool { return isFile(s) })
}

func (a Arg) takesFile() bool { return isFile(strings.ToUpper(a.Name)) }

// isFile reports whether a placeholder stands for a path.
func isFile(placeholder string) bool {
	return slices.Contains([]string{"FILE", "DIR", "WSDL", "INPUT"}, strings.TrimSuffix(placeholder, ",..."))
}

// firstSentence returns s without what follows its first sentence, and without
// its full stop.
func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, ". ")
	return strings.TrimSuffix(s, ".")
}
