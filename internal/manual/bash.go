package manual

import (
	"fmt"
	"slices"
	"strings"
)

// Bash returns a script that bash reads to complete command lines of p. It
// needs nothing but bash 3.2 or later.
func (p *Program) Bash() string {
	var b strings.Builder
	f := "_" + p.Name
	fmt.Fprintf(&b, bashBegin, p.Name, f)
	for _, c := range p.Commands {
		bashValues(&b, c, p.flagsOf(c))
	}
	b.WriteString("  esac\n  if [[ -n $flag ]]; then\n    return\n  fi\n  local words= kind=none\n  case $command in\n")
	fmt.Fprintf(&b, "    '') words=%q ;;\n", strings.Join(append(p.commandNames(), spellings(p.Flags)...), " "))
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "    %s)\n      if [[ $cur == -* ]]; then words=%q\n      else %s\n      fi ;;\n",
			c.Name, strings.Join(spellings(p.flagsOf(c)), " "), bashArgs(c.Args))
	}
	fmt.Fprintf(&b, bashEnd, f, p.Name)
	return b.String()
}

// bashBegin finds the subcommand, and the flag whose value is being typed: bash
// takes the = of --flag=value for a word.
const bashBegin = `# Completion of %[1]s for bash: source it, or put it where bash-completion looks for it.
%[2]s() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= flag= i
  local IFS=$'\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} != -* ]]; then
      command=${COMP_WORDS[i]}
      break
    fi
  done
  if [[ $cur == = ]]; then
    flag=$prev cur=
  elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
    flag=${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $prev == -* ]]; then
    flag=$prev
  fi
  case $command$flag in
`

// bashEnd offers words or files, as the cases before it say.
const bashEnd = `  esac
  if [[ $kind == file ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(IFS=' '; compgen -W "$words" -- "$cur"))
  fi
}
complete -F %[1]s %[2]s
`

// bashValues writes the cases of the flags of c whose values are known, and one
// for its switches, behind which a word of its own begins. Behind any other
// flag nothing is offered.
func bashValues(b *strings.Builder, c Command, flags []Flag) {
	var files, switches []string
	for _, f := range flags {
		patterns := f.spellings()
		for i, s := range patterns {
			patterns[i] = c.Name + s
		}
		switch {
		case f.Value == "":
			switches = append(switches, patterns...)
		case len(f.Choices) > 0:
			fmt.Fprintf(b, "    %s) COMPREPLY=($(IFS=' '; compgen -W %q -- \"$cur\")) ;;\n",
				strings.Join(patterns, "|"), strings.Join(f.Choices, " "))
		case f.takesFile():
			files = append(files, patterns...)
		}
	}
	if len(files) > 0 {
		fmt.Fprintf(b, "    %s)\n      compopt -o filenames 2>/dev/null\n      COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n",
			strings.Join(files, "|"))
	}
	if len(switches) > 0 {
		fmt.Fprintf(b, "    %s) flag= ;;\n", strings.Join(switches, "|"))
	}
}

// bashArgs says what completes an argument.
func bashArgs(args []Arg) string {
	for _, a := range args {
		if len(a.Choices) > 0 {
			return fmt.Sprintf("words=%q", strings.Join(a.Choices, " "))
		}
		if a.takesFile() {
			return "kind=file"
		}
	}
	return ":"
}

func (p *Program) commandNames() (names []string) {
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return names
}

// spellings returns all words that are flags, sorted.
func spellings(flags []Flag) (all []string) {
	for _, f := range flags {
		all = append(all, f.spellings()...)
	}
	slices.Sort(all)
	return all
}
