package config

import "strings"

// Error is a configuration that was refused, with everything that is wrong with
// it, so that the operator can mend it all at once.
type Error struct{ Findings []Finding }

// Finding is one thing that is wrong with a configuration: a place, what is
// wrong there, and what to do about it. It is not a CodeInfo as wssec and
// kerberos have: that explains every error of one code, and a finding has no
// code, only the words for one value.
type Finding struct {
	Origin  string // "gate.yaml:7:3", "--policy", "WSSGATE_POLICY"; empty for a default and for what is missing
	Setting string // "routes[1].policy"; empty for the file as a whole
	Problem string // continues a sentence that begins with the setting
	Cure    string // an imperative; empty if Problem has it
}

// Error returns one line for each finding.
func (e *Error) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// ExitCode returns 2: the operator's input was refused and nothing was started.
func (e *Error) ExitCode() int { return 2 }

// String returns "gate.yaml:7:3: polcy: unknown setting; did you mean
// "policy"?".
func (f Finding) String() string {
	s := ""
	if f.Origin != "" {
		s = f.Origin + ": "
	}
	if f.Setting != "" && f.Origin != "--"+f.Setting && f.Origin != Variable(f.Setting) {
		s += f.Setting + ": "
	}
	s += f.Problem
	if f.Cure != "" {
		s += "; " + f.Cure
	}
	return s
}

// Refuse returns an [*Error] about a setting that proved wrong in use, such as
// a keytab without the key. Route is an index into Routes; -1 means a setting
// of the process.
func (c *Config) Refuse(route int, setting, problem, cure string) error {
	prefix := ""
	if route >= 0 {
		prefix = routePrefix(route)
	}
	return c.refuse(prefix, setting, problem, cure)
}

func (c *Config) refuse(prefix, setting, problem, cure string) error {
	f := Finding{Origin: c.origins.of(prefix + setting), Setting: setting, Problem: problem, Cure: cure}
	return &Error{Findings: []Finding{f}}
}
