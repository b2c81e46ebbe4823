package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/assembly"
	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/wssec"
)

type inspectCmd struct {
	Inputs []string `arg:"" optional:"" name:"input" help:"Files, or tokens as text; '-' or none reads standard input."`

	Keytab   string `placeholder:"FILE" env:"-" help:"Open tickets with this keytab, and what their keys encrypt."`
	AllowRC4 bool   `name:"allow-rc4" env:"-" help:"Accept RC4, as a gateway with allow-rc4 does."`
	Policy   string `placeholder:"NAME" env:"-" help:"Verify messages under this policy (${policies})."`

	Time moment `placeholder:"TIME" env:"-" help:"Verify as of this time: 2026-03-02T10:00:00Z."`

	Plaintext bool `env:"-" help:"Show what messages hold once they are decrypted."`
	ShowKeys  bool `name:"show-keys" env:"-" help:"Show keys. Whoever sees them can be the client or the service."`
	JSON      bool `name:"json" env:"-" help:"Print JSON: an array with a tree for each token."`
}

// Help is shown below the flags' summary.
func (inspectCmd) Help() string {
	return "Explains Kerberos and SPNEGO tokens, GSS-API messages, keytabs, credential caches and SOAP messages, " +
		"without the network. " +
		"An input is the name of a file if there is such a file, else the token itself. Files and standard input hold " +
		"octets, XML, or text " +
		"as it is pasted, in UTF-8 or UTF-16: HTTP header fields (Authorization: Negotiate …), also quoted, escaped or " +
		"in a log; base64 " +
		"(also URL-safe, broken into lines, in other text), hexadecimal, or a hex dump. With several inputs, " +
		"keys of the first ones open those that follow: give a conversation in its order. " +
		"The exit status is 0 if all was explained, 1 if something cannot be read or, with --keytab, is refused."
}

// maxInspected bounds an input in octets.
const maxInspected = 32 << 20

// Run explains each input.
func (c *inspectCmd) Run(ctx *runContext, s *streams) error {
	inspector, err := c.inspector()
	if err != nil {
		return err
	}
	trees := []*inspect.Node{}
	var problems []error
	for _, name := range c.names() {
		b, label, err := readInput(name, s.in)
		if err != nil {
			return err
		}
		list, err := inspector.Inspect(ctx, b)
		if errors.Is(err, explain.ErrUnknown) && label == "" {
			err = fmt.Errorf("no file of this name, and %w", err)
			label = shown(name)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", orToken(label), err))
		}
		if label != "" && label != "-" && len(c.Inputs) > 1 {
			for _, tree := range list {
				tree.Name = label + ": " + tree.Name
			}
		}
		trees = append(trees, list...)
	}
	return errors.Join(c.print(s.out, trees), errors.Join(problems...))
}

func (c *inspectCmd) inspector() (*explain.Inspector, error) {
	cfg := explain.Config{AllowRC4: c.AllowRC4, ShowKeys: c.ShowKeys, Plaintext: c.Plaintext, Cure: cureOf}
	if !c.Time.IsZero() {
		cfg.Time = func() time.Time { return c.Time.Time }
	}
	if c.Policy != "" {
		p, ok := wssec.Preset(c.Policy)
		if !ok {
			return nil, unknownName("policy", c.Policy, wssec.PresetNames(),
				"there are "+strings.Join(wssec.PresetNames(), ", "))
		}
		cfg.Policy = &p
	}
	if c.Keytab != "" {
		var err error
		if cfg.Keytab, err = keytab.Load(c.Keytab); err != nil {
			return nil, refusedKeytab(c.Keytab, err)
		}
	}
	return explain.New(cfg), nil
}

// refusedKeytab words, as serve does, that --keytab names no keytab.
func refusedKeytab(path string, err error) error {
	problem, cure := assembly.KeytabProblem(path, err)
	return &config.Error{Findings: []config.Finding{{Origin: "--keytab", Setting: "keytab", Problem: problem, Cure: cure}}}
}

// names are the inputs. A header field without quotes around it comes in
// several, which are put together again.
func (c *inspectCmd) names() []string {
	word := func(s string) bool {
		return slices.Contains([]string{"authorization:", "www-authenticate:", "proxy-authorization:",
			"proxy-authenticate:", "negotiate", "kerberos", "ntlm"},
			strings.ToLower(s))
	}
	file := func(s string) bool {
		_, err := os.Stat(s)
		return err == nil
	}
	switch {
	case len(c.Inputs) == 0:
		return []string{"-"}
	case !slices.ContainsFunc(c.Inputs, word):
		return c.Inputs
	case !slices.ContainsFunc(c.Inputs, file):
		return []string{strings.Join(c.Inputs, " ")}
	}
	return slices.DeleteFunc(slices.Clone(c.Inputs), word)
}

// readInput returns the octets of an input, and its name if it is a file.
func readInput(name string, stdin io.Reader) (b []byte, label string, err error) {
	var r io.Reader = stdin
	if name != "-" {
		f, err := os.Open(strings.TrimPrefix(name, "FILE:"))
		switch {
		case err != nil && !errors.Is(err, os.ErrPermission): // also of a text that cannot be a name
			return []byte(name), "", nil
		case err != nil:
			return nil, "", err
		}
		defer f.Close()
		r = f
	}
	b, err = io.ReadAll(io.LimitReader(r, maxInspected+1))
	if err == nil && len(b) > maxInspected {
		err = fmt.Errorf("%s: more than %d octets", name, maxInspected)
	}
	return b, name, err
}

// shown is a text that was no token, as an error shows it.
func shown(text string) string {
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return fmt.Sprintf("%q", text)
}

func orToken(label string) string {
	switch label {
	case "":
		return "token"
	case "-":
		return "standard input"
	}
	return label
}

func (c *inspectCmd) print(w io.Writer, trees []*inspect.Node) error {
	if c.JSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(trees)
	}
	for i, tree := range trees {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := w.Write(tree.AppendText(nil)); err != nil {
			return err
		}
	}
	return nil
}
