package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/manual"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown below the flags' summary.
func (completionCmd) Help() string {
	return "For the shell that runs: source <(wssgate completion bash). For all that follow, put the script where the " +
		"shell looks for it: /etc/bash_completion.d/wssgate, _wssgate in a folder of zsh's $fpath, or " +
		"~/.config/fish/completions/wssgate.fish. Packages for Debian and Red Hat have done so."
}

// Run prints the script.
func (c *completionCmd) Run(s *streams, kctx *kong.Context) error {
	p := program(kctx.Model)
	write := map[string]func() string{"bash": p.Bash, "zsh": p.Zsh, "fish": p.Fish}[c.Shell]
	_, err := io.WriteString(s.out, write())
	return err
}

type manCmd struct {
	Page string `arg:"" optional:"" help:"Name of the page: wssgate, wssgate-serve and so on, wssgate.yaml. Default: wssgate."`
	Dir  string `env:"-" placeholder:"DIR" help:"Write all pages into this folder, as NAME.SECTION."`
}

// Help is shown below the flags' summary.
func (manCmd) Help() string {
	return "Read a page with wssgate man wssgate.yaml | man -l -. Pages say what --help says, and wssgate.yaml(5) what " +
		"a configuration file may have. Packages for Debian and Red Hat have installed them."
}

// Run prints a page, or writes them all.
func (c *manCmd) Run(s *streams, kctx *kong.Context) error {
	pages := manPages(program(kctx.Model))
	if c.Dir != "" {
		if c.Page != "" {
			return usageError{errors.New("--dir writes all pages: name no page")}
		}
		return writePages(c.Dir, pages)
	}
	var known []string
	for _, p := range pages {
		if p.name == c.Page || c.Page == "" && p.name == "wssgate" {
			_, err := io.WriteString(s.out, p.text)
			return err
		}
		known = append(known, p.name)
	}
	return unknownName("page", c.Page, known, "wssgate(1) names them all")
}

// A manPage is a page in roff.
type manPage struct{ name, section, text string }

func manPages(p *manual.Program) []manPage {
	edition := manual.Edition{Version: buildVersion(), Date: buildDate()}
	file := settingsPage(p)
	pages := []manPage{
		{p.Name, "1", p.Index(edition, file.Name+"(5)")},
		{file.Name, "5", file.Roff(edition)},
	}
	for _, c := range p.Commands {
		pages = append(pages, manPage{p.Name + "-" + c.Name, "1", p.Page(c, edition, file.Name+"(5)")})
	}
	return pages
}

func writePages(dir string, pages []manPage) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range pages {
		name := filepath.Join(dir, fmt.Sprintf("%s.%s", p.name, p.section))
		if err := os.WriteFile(name, []byte(p.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
