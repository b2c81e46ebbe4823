package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/wrap"
)

// A Status is the outcome of a check.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn" // works, or may work, and should be mended
	Fail Status = "fail" // does not work
	Skip Status = "skip" // could not be looked at; Found says why
)

// A Result is one line of a [Report]. It has the cure of one finding and no
// error code; the codes and cures of errors are those of the catalogue (see
// Cure of [Config]).
type Result struct {
	Check   string `json:"check"` // the name of the check: "keytab", "clock"
	Status  Status `json:"status"`
	Subject string `json:"subject"`        // what was looked at: a principal, a file, an address
	Found   string `json:"found"`          // in words
	Cure    string `json:"cure,omitempty"` // what to do; empty with OK

	setting string // that serve refuses
}

func ok(subject, format string, args ...any) Result {
	return Result{Status: OK, Subject: subject, Found: fmt.Sprintf(format, args...)}
}

func skip(subject, format string, args ...any) Result {
	return Result{Status: Skip, Subject: subject, Found: fmt.Sprintf(format, args...)}
}

func warn(subject, found, cure string) Result {
	return Result{Status: Warn, Subject: subject, Found: found, Cure: cure}
}
func fail(subject, found, cure string) Result {
	return Result{Status: Fail, Subject: subject, Found: found, Cure: cure}
}

// A Report has the results of all checks, in the order of the checks.
type Report []Result

// Failed reports whether anything failed.
func (r Report) Failed() bool { return r.Count(Fail) > 0 }

// Count returns the number of results with a status.
func (r Report) Count(s Status) (n int) {
	for i := range r {
		if r[i].Status == s {
			n++
		}
	}
	return n
}

// textWidth is the column, in characters, at which the text of a cure is
// wrapped.
const textWidth = 120

// WriteText writes a line for each result, with its cure in the lines below,
// and a summary.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, x := range r {
		label := fmt.Sprintf("%-4s  %-9s  ", x.Status, x.Check)
		indent := strings.Repeat(" ", len(label)+2)
		b.WriteString(label + strings.Join(strings.Fields(clean(x.Subject+": "+x.Found)), " ") + "\n")
		if x.Cure != "" {
			b.WriteString(indent + wrap.Text(clean("cure: "+x.Cure), len(indent), textWidth, indent+"      ") + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d to mend soon, %d failed, %d not looked at\n", r.Count(OK), r.Count(Warn),
		r.Count(Fail), r.Count(Skip))
	_, err := io.WriteString(w, b.String())
	return err
}

// clean replaces control characters, which only a peer can have written.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// WriteJSON writes a JSON array with an object for each result.
func (r Report) WriteJSON(w io.Writer) error {
	if r == nil {
		r = Report{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
