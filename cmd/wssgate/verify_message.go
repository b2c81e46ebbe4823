package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/vectors"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/wssec"
)

// A moment is the value of --time.
type moment struct{ time.Time }

// UnmarshalText reads a time of RFC 3339.
func (m *moment) UnmarshalText(text []byte) (err error) {
	if m.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		return fmt.Errorf("%q is not a time; write it as 2026-03-02T10:00:00Z", text)
	}
	return nil
}

// messages verifies the messages of the command line.
func (c *verifyCmd) messages(ctx *runContext, s *streams) error {
	r, err := c.receiver(ctx)
	if err != nil {
		return err
	}
	names, err := c.files()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usageError{errors.New("name the messages to verify: files, folders, or - for standard input")}
	}
	reports := []vectors.Report{}
	if c.Request != "" {
		reports, r, err = c.request(ctx, s, r)
	}
	if err == nil && r != nil {
		reports, err = verifyAll(ctx, s, r, names, reports)
	}
	if err != nil {
		return err
	}
	if err := c.printReports(s.out, reports); err != nil {
		return err
	}
	return refusedReports(reports, r == nil)
}

// request verifies the request of --request, and returns who verifies replies to
// it, nil if it is refused.
func (c *verifyCmd) request(ctx *runContext, s *streams, r *vectors.Receiver) (
	[]vectors.Report, *vectors.Receiver, error) {
	if err := isMessage(c.Request); err != nil {
		return nil, nil, fmt.Errorf("--request: %w", err)
	}
	src, _, err := readInput(c.Request, s.in)
	if err != nil {
		return nil, nil, err
	}
	report, replies := r.Replies(ctx, c.Request, src)
	return []vectors.Report{report}, replies, nil
}

// verifyAll verifies messages, and adds to the reports.
func verifyAll(ctx *runContext, s *streams, r *vectors.Receiver, names []string, reports []vectors.Report) (
	[]vectors.Report, error) {
	progress := newProgressLine(s.err, len(names))
	defer progress.end()
	for i, name := range names {
		src, _, err := readInput(name, s.in)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r.Verify(ctx, name, src))
		progress.show(i + 1)
	}
	return reports, nil
}

// refusedReports is the error of a run.
func refusedReports(reports []vectors.Report, request bool) error {
	refused := 0
	for _, r := range reports {
		if r.Got != "ok" {
			refused++
		}
	}
	switch {
	case request:
		return errors.New("the request was refused, so that no reply to it can be verified")
	case refused > 0:
		return fmt.Errorf("%d of %d messages were refused", refused, len(reports))
	}
	return nil
}

// files are the messages: files, "-" for standard input, and the XML files of
// folders.
func (c *verifyCmd) files() (names []string, err error) {
	for _, input := range c.Inputs {
		if !isFolder(input) {
			if err := isMessage(input); err != nil {
				return nil, err
			}
			names = append(names, input)
			continue
		}
		found, err := filepath.Glob(filepath.Join(input, "*.xml"))
		if err != nil || len(found) == 0 {
			return nil, usageError{fmt.Errorf("%s holds no files *.xml", input)}
		}
		names = append(names, found...)
	}
	return names, nil
}

// isMessage refuses what cannot be the file of a message.
func isMessage(name string) error {
	if name == "-" {
		return nil
	}
	if _, err := os.Stat(name); err != nil {
		return usageError{err}
	}
	if strings.HasSuffix(name, vectorEnding) {
		return usageError{fmt.Errorf("%s is a vector, which wssgate verify runs without keys; its section message.xml "+
			"is the message", name)}
	}
	return nil
}

// receiver makes what verifies the messages.
func (c *verifyCmd) receiver(ctx *runContext) (*vectors.Receiver, error) {
	r := &vectors.Receiver{TLS: !c.Plain, Time: c.Time.Time}
	configured := c.fromFlags
	if c.Config != "" {
		configured = c.fromConfig
	}
	path, err := configured(r)
	if err != nil {
		return nil, err
	}
	if err := c.keys(r, path); err != nil {
		return nil, err
	}
	if c.Service != "" {
		r.Acceptor.Services = []string{c.Service}
	}
	if c.AllowRC4 {
		r.Acceptor.Etypes = []int32{17, 18, 19, 20, 23}
	}
	if err := r.Check(ctx); err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// keys reads the files with keys: those that are named here take the place of
// the keytab of a configuration.
func (c *verifyCmd) keys(r *vectors.Receiver, path string) (err error) {
	if c.SessionKey != "" && c.Keytab != "" {
		return usageError{errors.New("--keytab and --session-key: one of them opens a token")}
	}
	if path != "" && c.SessionKey == "" && (c.Keytab != "" || c.Contexts == "") {
		if r.Keytab, err = keytab.Load(path); err != nil {
			return refusedKeytab(path, err)
		}
	}
	if c.SessionKey != "" {
		if r.Key, err = readKey(c.SessionKey); err != nil {
			return usageError{fmt.Errorf("--session-key: %w", err)}
		}
	}
	if c.Contexts == "" {
		return nil
	}
	text, err := os.ReadFile(c.Contexts)
	if err == nil {
		r.Contexts, err = vectors.ParseContexts(c.Contexts, text)
	}
	if err != nil {
		return usageError{fmt.Errorf("--contexts: %w", err)}
	}
	return nil
}

// readKey reads a key in hexadecimal. Its errors show nothing of the file.
func readKey(name string) (wssec.Key, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return wssec.Key{}, err
	}
	octets, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(octets) < 16 || len(octets) > 64 {
		return wssec.Key{}, fmt.Errorf("%s holds no key of 16 to 64 octets in hexadecimal", name)
	}
	return wssec.NewKey(octets), nil
}

// fromFlags takes policy and keytab from the command line.
func (c *verifyCmd) fromFlags(r *vectors.Receiver) (keytab string, err error) {
	name := cmp.Or(c.Policy, "Kerberos")
	text, err := os.ReadFile(name)
	if err != nil {
		r.Policy, err = preset(name)
		return c.Keytab, err
	}
	if r.Policy, err = vectors.ParsePolicy(name, text); err != nil {
		return "", usageError{fmt.Errorf("--policy: %w", err)}
	}
	return c.Keytab, nil
}

// fromConfig takes all from a route of a configuration.
func (c *verifyCmd) fromConfig(r *vectors.Receiver) (keytab string, err error) {
	cfg, err := config.Load(&config.Flags{File: c.Config}, nil)
	if err != nil {
		return "", err
	}
	target := requestCmd{Config: c.Config, Route: c.Path, Policy: c.Policy}
	route, err := target.route(cfg, "--path")
	if err != nil {
		return "", err
	}
	if r.Policy, err = target.policyOf(route); err != nil {
		return "", err
	}
	own, _ := cfg.ServiceOf(route)
	r.Acceptor.Services, r.Acceptor.MaxSkew = own.Principals, cfg.ClockSkew
	r.Acceptor.ExactKvno, r.Acceptor.ClientRealms = route.ExactKvno, route.TrustedRealms
	r.ContentPrefixes, r.QNames = wssec.ContentPrefixes(route.ContentPrefixes), route.ContentQNames
	c.AllowRC4 = c.AllowRC4 || route.AllowRC4
	return cmp.Or(c.Keytab, own.Keytab, route.Keytab), nil
}

// printReports prints what came of messages.
func (c *verifyCmd) printReports(w io.Writer, reports []vectors.Report) error {
	if err := c.writeJUnit(func(w io.Writer) error { return vectors.WriteReports(w, reports) }); err != nil {
		return err
	}
	if !c.Verbose {
		for i := range reports {
			for j := range reports[i].Parts {
				reports[i].Parts[j].Canonical = ""
			}
		}
	}
	if c.JSON {
		return printJSON(w, map[string]any{"messages": reports})
	}
	for _, r := range reports {
		c.printReport(w, r)
	}
	return nil
}

func (c *verifyCmd) printReport(w io.Writer, r vectors.Report) {
	fmt.Fprintf(w, "%s  %s\n", r.Name, r.Got)
	if r.Client != "" {
		fmt.Fprintf(w, "  client  %s\n", r.Client)
	}
	if !r.Time.IsZero() {
		fmt.Fprintf(w, "  as of   %s\n", r.Time.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	width := 0
	for _, s := range r.Steps {
		width = max(width, len(s.Name))
	}
	for _, s := range r.Steps {
		fmt.Fprintf(w, "  %-*s  %s\n", width, s.Name, s.Result)
	}
	if r.Reason != "" {
		fmt.Fprintf(w, "  refused: %s\n", r.Reason)
		if cure := cureOf(r.Got); cure != "" {
			fmt.Fprintf(w, "  cure: %s\n", cure)
		}
		if c.Request == "" && r.Got == "security-token-unavailable" {
			fmt.Fprintf(w, "  if it is a reply, name its request: --request FILE\n")
		}
	}
	for _, p := range r.Parts {
		c.printPart(w, p)
	}
}

func (c *verifyCmd) printPart(w io.Writer, p vectors.Part) {
	match := "matches"
	switch {
	case p.Path == "":
		match = "there is no such element"
	case p.Computed == "":
		match = "is not computed: SHA-1 is outside FIPS 140-3"
	case !p.Matches() && p.Encrypted:
		match = "differs: " + p.Computed + ", as it is still encrypted"
	case !p.Matches():
		match = "differs: " + p.Computed
	}
	fmt.Fprintf(w, "  %s  %s  digest %s  %s; goxmldsig %s\n", p.URI, p.Path, p.Digest, match, p.Second)
	if c.Verbose && p.Canonical != "" {
		if len(p.Prefixes) > 0 {
			fmt.Fprintf(w, "    PrefixList %s\n", strings.Join(p.Prefixes, " "))
		}
		fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(printable(p.Canonical), "\n", "\n    "))
	}
}

// printable returns a text without the control characters that XML allows, which
// a terminal would act on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
