package main

import (
	"cmp"
	"crypto/fips140"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/request"
	"github.com/wssgate/wssgate/internal/vectors"
	"github.com/wssgate/wssgate/testvectors"
)

type verifyCmd struct {
	Inputs []string `arg:"" optional:"" name:"input" help:"Messages (- for standard input), vectors, folders of them, or names of vectors, as 'cases/replay-*'."`

	Keytab     string `placeholder:"FILE" env:"-" help:"Verify messages with the keys of this keytab."`
	Contexts   string `placeholder:"FILE" env:"-" help:"Verify messages of the security contexts in this file."`
	SessionKey string `name:"session-key" placeholder:"FILE" env:"-" help:"Verify messages with this key of their token."`
	Request    string `placeholder:"FILE" env:"-" help:"The messages are replies to the request in this file."`
	Service    string `placeholder:"PRINCIPAL" env:"-" help:"Accept tickets for this service; all of the keytab otherwise."`
	Policy     string `placeholder:"NAME|FILE" env:"-" help:"Verify messages under this policy (${policies}), Kerberos by default."`
	AllowRC4   bool   `name:"allow-rc4" env:"-" help:"Accept RC4, as a gateway with allow-rc4 does."`
	Config     string `placeholder:"FILE" env:"-" help:"Verify messages as a route of this configuration does."`
	Path       string `placeholder:"PATH" env:"-" help:"The path of that route; not needed where there is one."`

	Time  moment `placeholder:"TIME" env:"-" help:"Verify as of this time: 2026-03-02T10:00:00Z."`
	Plain bool   `name:"plain-http" env:"-" help:"The messages came without TLS."`

	Verbose bool   `short:"v" help:"Print each vector, and of messages canonical forms and digests."`
	JSON    bool   `name:"json" env:"-" help:"Print JSON."`
	JUnit   string `name:"junit" placeholder:"FILE" env:"-" help:"Write JUnit XML, too."`
}

// Help is shown below the flags' summary.
func (verifyCmd) Help() string {
	return "Without --keytab, --config, --session-key or --contexts runs test vectors: those of this binary, or those " +
		"in a file or folder in the same form. Each has to have the verdict, and the plaintext, that it lists; the table " +
		"counts them by class of bugs. With one of these verifies messages, each as if it were the first, and " +
		"prints which step passed, which refused it and why; with --request each is verified as a reply to that. " +
		"The file of --session-key holds a key in hexadecimal, that of --contexts a list of identifier and key, " +
		"in YAML or JSON. A message is verified as of --time, or when it was made. The canonical form and digest " +
		"of every part are compared with those of goxmldsig, where that library can. The exit status is 1 if a " +
		"vector differs or a message is refused, 2 if the command line is."
}

// Run runs vectors, or verifies messages.
func (c *verifyCmd) Run(ctx *runContext, s *streams) error {
	if c.Path != "" && c.Config == "" {
		return usageError{errors.New("--path is of a route of --config, which is not given")}
	}
	if c.Keytab != "" || c.Config != "" || c.SessionKey != "" || c.Contexts != "" {
		return c.messages(ctx, s)
	}
	if c.Policy != "" || c.Service != "" || c.AllowRC4 || c.Plain || c.Request != "" || !c.Time.IsZero() {
		return usageError{errors.New("messages are verified with --keytab, --config, --session-key or --contexts: " +
			"without a key nothing can be said of them")}
	}
	if fips140.Enforced() {
		return errors.New("most test vectors have SHA-1, which GODEBUG=fips140=only forbids; run them without it")
	}
	files, names, err := c.vectors()
	if err != nil {
		return err
	}
	progress := newProgressLine(s.err, len(names))
	var all []vectors.Outcome
	for i, name := range names {
		all = append(all, vectors.Run(ctx, files, name)...)
		progress.show(i + 1)
	}
	progress.end()
	return c.report(s.out, all)
}

// vectors returns which are asked for, and where they are: in the binary, or in
// the folder of an input that is a path.
func (c *verifyCmd) vectors() (files fs.FS, names []string, err error) {
	files = testvectors.Files
	root, patterns := "", []string{}
	for _, input := range c.Inputs {
		at, pattern := vectorsAt(input)
		if at != "" && root != "" && at != root {
			return nil, nil, usageError{fmt.Errorf("vectors of %s and of %s: run those of one folder", root, at)}
		}
		if root = cmp.Or(root, at); root != "" {
			files = os.DirFS(root)
		}
		if pattern != "" {
			patterns = append(patterns, pattern)
		}
	}
	all, err := vectors.Names(files)
	if err != nil {
		return nil, nil, err
	}
	for _, pattern := range patterns {
		if !slices.ContainsFunc(all, func(name string) bool { return matchesName(pattern, name) }) {
			return nil, nil, unknownVector(pattern, all)
		}
	}
	return files, slices.DeleteFunc(all, func(name string) bool {
		return len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { return matchesName(p, name) })
	}), nil
}

// vectorsAt finds the folder of vectors that a path is of, which may be that
// folder, one in it, or a vector. The pattern names what the path is there, and
// is empty for the whole folder. A text that is no such path is a pattern itself.
func vectorsAt(input string) (root, pattern string) {
	abs, err := filepath.Abs(input)
	if _, missing := os.Stat(input); err != nil || missing != nil {
		return "", input
	}
	name := filepath.Base(abs)
	for _, try := range [][2]string{
		{abs, ""},
		{filepath.Dir(abs), name + "/*"},
		{filepath.Dir(filepath.Dir(abs)), filepath.Base(filepath.Dir(abs)) + "/" + name},
	} {
		all, err := vectors.Names(os.DirFS(try[0]))
		matches := func(name string) bool { return try[1] == "" || matchesName(try[1], name) }
		if err == nil && slices.ContainsFunc(all, matches) {
			return try[0], try[1]
		}
	}
	return "", input
}

// isFolder reports whether there is a folder of that name.
func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// unknownVector refuses a pattern that no vector matches.
func unknownVector(pattern string, all []string) error {
	const keyed = "messages are verified with --keytab, --config, --session-key or --contexts"
	if isFolder(pattern) {
		return usageError{fmt.Errorf("%s holds no vectors; %s", pattern, keyed)}
	}
	if _, err := os.Stat(pattern); err == nil {
		return usageError{fmt.Errorf("%s is no vector; %s", pattern, keyed)}
	}
	short := make([]string, len(all))
	for i, name := range all {
		short[i] = path.Base(name)
	}
	return unknownName("vector", pattern, short, "wssgate verify runs them all")
}

// matchesName reports whether a vector was asked for, with its folder or
// without, and with the ending of its file or without.
func matchesName(pattern, name string) bool {
	pattern = trimVector(pattern)
	if !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// vectorEnding is that of the files of most vectors.
const vectorEnding = ".txtar"

func trimVector(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, vectorEnding), ".json")
}

// report prints what came of vectors. The error counts failures.
func (c *verifyCmd) report(w io.Writer, all []vectors.Outcome) error {
	if err := c.writeJUnit(func(w io.Writer) error { return vectors.WriteJUnit(w, all) }); err != nil {
		return err
	}
	classes, total := vectors.Classes(all)
	if c.JSON {
		err := printJSON(w, map[string]any{"vectors": all, "classes": classes, "total": total})
		return cmp.Or(err, failed(total))
	}
	for _, o := range all {
		c.print(w, o)
	}
	printClasses(w, append(classes, total))
	var second vectors.SecondOpinion
	for _, o := range all {
		second.Add(o.Second)
	}
	fmt.Fprintf(w, "\n%d vectors passed, %d failed\n%v\n", total.Vectors-total.Failed, total.Failed, second)
	return failed(total)
}

// failed is the error of a run.
func failed(total vectors.Class) error {
	if total.Failed > 0 {
		return fmt.Errorf("%d of %d vectors failed", total.Failed, total.Vectors)
	}
	return nil
}

// writeJUnit writes the file of --junit.
func (c *verifyCmd) writeJUnit(write func(io.Writer) error) error {
	if c.JUnit == "" {
		return nil
	}
	f, err := os.Create(filepath.Clean(c.JUnit))
	if err != nil {
		return err
	}
	return cmp.Or(write(f), f.Close())
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printClasses(w io.Writer, classes []vectors.Class) {
	width := len("class")
	for _, c := range classes {
		width = max(width, len(c.Name))
	}
	fmt.Fprintf(w, "%-*s  vectors  accepted  refused  failed\n", width, "class")
	for _, c := range classes {
		fmt.Fprintf(w, "%-*s  %7d  %8d  %7d  %6d\n", width, c.Name, c.Vectors, c.Accepted, c.Refused, c.Failed)
	}
}

func (c *verifyCmd) print(w io.Writer, o vectors.Outcome) {
	switch {
	case o.Problem != "":
		fmt.Fprintf(w, "FAIL  %s\n      %s\n", o.Name, strings.ReplaceAll(o.Problem, "\n", "\n      "))
	case c.Verbose:
		fmt.Fprintf(w, "pass  %s  %s\n", o.Name, o.Got)
	}
	if c.Verbose {
		for _, n := range o.Notes {
			fmt.Fprintf(w, "      %s\n", n)
		}
	}
}

// A progressLine shows on a terminal how far a long run is. Each line takes the
// place of the one before.
type progressLine struct {
	w        io.Writer
	of       int
	terminal bool
	now      func() time.Time
	last     time.Time
	shown    bool
}

func newProgressLine(w io.Writer, of int) *progressLine {
	return &progressLine{w: w, of: of, terminal: request.IsTerminal(w), now: time.Now, last: time.Now()}
}

// show is called after each piece of work.
func (p *progressLine) show(done int) {
	now := p.now()
	if !p.terminal || now.Sub(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r%d of %d", done, p.of)
}

// end removes the line.
func (p *progressLine) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
