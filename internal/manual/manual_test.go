package manual

import (
	"strings"
	"testing"
)

func sample() *Program {
	return &Program{Name: "prog", Summary: "A program for tests.", Flags: []Flag{{Name: "help", Short: "h"}},
		Commands: []Command{
			{Name: "run", Summary: "Run it: quickly.", Detail: ".starts with a dot\n\nIt's a \\ text.", Flags: []Flag{
				{Name: "level", Value: "LEVEL", Choices: []string{"low", "high"}, Default: "low",
					Help: "Level [of it]. More of it."},
				{Name: "keep", Negatable: true, Help: "Keep it."},
				{Name: "file", Value: "none|FILE", Short: "f", Help: "A file."},
				{Name: "time", Value: "DURATION", Help: "A time."},
			}},
			{Name: "show", Summary: "Show it.", Args: []Arg{{Name: "file", Optional: true, Many: true, Help: "Files."}}},
		}}
}

// roff reads a line that begins with a dot or an apostrophe as a command, and a
// backslash as the beginning of one.
func TestTextIsNoCommandOfRoff(t *testing.T) {
	p := sample()
	page := p.Page(p.Commands[0], Edition{"v1.2.3", "2026-11-29"})
	for _, want := range []string{`\&.starts with a dot`, `It\(aqs a \e text`,
		`.TH PROG\-RUN 1 "2026\-11\-29" "wssgate v1.2.3"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

func TestPageHasEveryFlagWithItsSpellingsAndDefault(t *testing.T) {
	p := sample()
	page := p.Page(p.Commands[0], Edition{})
	for _, want := range []string{
		`\fB\-\-level\fR=\fILEVEL\fR`, "Level [of it]. More of it. Default: low.",
		`\fB\-\-keep\fR, \fB\-\-no\-keep\fR`, `\fB\-f\fR, \fB\-\-file\fR=\fInone|FILE\fR`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if page := p.Page(p.Commands[1], Edition{}); !strings.Contains(page, `[\fIfile\fR ...]`) {
		t.Errorf("no synopsis in\n%s", page)
	}
}

func TestIndexNamesEveryPage(t *testing.T) {
	page := sample().Index(Edition{}, "prog.yaml(5)")
	for _, want := range []string{`\fBprog.yaml\fR(5)`, `\fBprog\-run\fR(1)`, `\fBprog\-show\fR(1)`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// Quotes, brackets and colons mean something to the shells.
func TestCompletionsQuoteTexts(t *testing.T) {
	p := sample()
	p.Commands[0].Flags[1].Help = "Don't [let go]: keep it."
	if z := p.Zsh(); !strings.Contains(z, `'--keep[Don'\''t \[let go\]: keep it]'`) ||
		!strings.Contains(z, `'run:Run it\: quickly'`) {
		t.Error(z)
	}
	if f := p.Fish(); !strings.Contains(f, `-d 'Don\'t [let go]: keep it'`) {
		t.Error(f)
	}
}
