package config

import "strings"

// Error is a configuration that was refused. It lists everything that was
// found, so that one edit can mend it all.
type Error struct{ Findings []Finding }

// Finding is one thing wrong with a configuration.
type Finding struct {
	Origin  string // "gate.yaml:7:3", "--policy", "WSSGATE_POLICY"; empty for a default and for what is missing
	Setting string // "routes[1].policy"; empty for the file as a whole
	Problem string
	Cure    string
}

// Error returns one line for each finding.
func (e *Error) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// ExitCode is 2: the operator's input was refused and nothing was started.
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

// Refuse makes the error for a setting that turned out wrong when it was put to
// use, a keytab without the key for instance. Route counts from 0; -1 means a
// setting of the process.
func (c *Config) Refuse(route int, setting, problem, cure string) error {
	prefix := ""
	if route >= 0 {
		prefix = routePrefix(route)
	}
	return c.refuse(prefix, setting, problem, cure)
}

func (c *Config) refuse(prefix, setting, problem, cure string) error {
	return &Error{Findings: []Finding{{Origin: c.origins.of(prefix + setting), Setting: setting, Problem: problem, Cure: cure}}}
}
