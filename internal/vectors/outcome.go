package vectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// An Outcome is what came of one vector.
type Outcome struct {
	Name    string        `json:"name"`
	Kind    string        `json:"kind"`
	Flags   []string      `json:"flags,omitempty"`
	Expect  string        `json:"expect"`
	Got     string        `json:"got"`
	Comment string        `json:"comment,omitempty"`
	Reason  string        `json:"reason,omitempty"`  // of a refusal
	Problem string        `json:"problem,omitempty"` // what is not as the vector says; "" if it passed
	Second  SecondOpinion `json:"second-opinion"`

	Messages int      `json:"messages,omitempty"` // of a conversation
	Notes    []string `json:"notes,omitempty"`    // the verdict on each
}

// decide compares a verdict with the expected one.
func (o *Outcome) decide(expect string, err error) {
	o.Got = verdictOf(err)
	if err != nil {
		o.Reason = err.Error()
	}
	var before *beforeError
	if errors.As(err, &before) {
		o.Got = "error"
	}
	if o.Got != expect {
		o.Problem = fmt.Sprintf("verdict %s, expected %s", o.Got, expect)
		if err != nil {
			o.Problem += ": " + err.Error()
		}
	}
}

// codeOfSyntax returns the word for XML that is refused.
func codeOfSyntax(err *xmltext.SyntaxError) string {
	switch {
	case errors.Is(err, xmltext.ErrDoctype):
		return "xml-doctype"
	case errors.Is(err, xmltext.ErrPI):
		return "xml-instruction"
	case errors.Is(err, xmltext.ErrEncoding), errors.Is(err, xmltext.ErrCharset):
		return "xml-encoding"
	case errors.Is(err, xmltext.ErrLimit):
		return "xml-limit"
	}
	return "xml-syntax"
}

// runArchive runs a text archive.
func runArchive(ctx context.Context, files fs.FS, name string) Outcome {
	kind, _, _ := strings.Cut(name, "/")
	o := Outcome{Name: trimEnding(name), Kind: kind}
	a, err := readArchive(files, name)
	if err != nil {
		o.Problem = err.Error()
		return o
	}
	o.Flags, o.Expect, o.Comment = strings.Fields(a.Flags), a.Expect, a.Comment
	if a.Kind != "" {
		o.Kind = a.Kind
	}
	a.run(ctx, &o)
	return o
}

// run runs the vector as what it is.
func (a *archive) run(ctx context.Context, o *Outcome) {
	switch o.Kind {
	case "cases":
		c, err := newCaseRun(ctx, a)
		if err != nil {
			o.Problem = err.Error()
			return
		}
		o.Kind = "message"
		c.message(ctx, o)
	case "c14n":
		a.canonicalForm(o)
	case "ap-req", "spnego":
		a.token(ctx, o)
	case "wrap", "mic":
		a.perMessage(o)
	case "http":
		a.http(ctx, o)
	case "attacks":
		a.attacked(ctx, o)
	case "relay":
		a.relay(ctx, o)
	case "negotiation":
		a.negotiation(ctx, o)
	default:
		o.Problem = "no vectors of this kind"
	}
}
