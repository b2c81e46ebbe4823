package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
)

// Stdout is the name of standard output, in the place of a file's.
const Stdout = "stdout"

// sayAgain is how often the log says that lines are lost.
const sayAgain = time.Minute

// A Log is an open audit log. It is safe for concurrent use. A nil Log writes
// nothing.
type Log struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	out     io.Writer
	file    *os.File // nil for standard output
	torn    bool     // the last line may not be whole
	failing error
	lost    int
	said    time.Time
}

// Open opens the file of that path for appending, and makes it if it is not there,
// for the owner alone; [Stdout] is standard output. Failures are said in log.
func Open(path string, log *slog.Logger) (*Log, error) {
	l := &Log{path: path, log: log}
	if path == Stdout {
		l.out = os.Stdout
		return l, nil
	}
	return l, l.Reopen()
}

// Reopen opens the file anew, for a program that has renamed it. After an error the
// one that was open stays in use.
func (l *Log) Reopen() error {
	if l == nil || l.path == Stdout {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.out, l.torn = f, f, false
	return nil
}

// Close closes the file. Later lines are lost, and counted.
func (l *Log) Close() error {
	if l == nil || l.file == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// A line is what is written of an exchange.
type line struct {
	Time      time.Time `json:"time"`
	ID        string    `json:"id"`
	Decision  string    `json:"decision"` // accepted, refused; shadow where nothing is enforced
	Code      string    `json:"code"`
	Status    int       `json:"status"`
	Route     string    `json:"route"`
	Policy    string    `json:"policy"`
	Client    string    `json:"client"`
	Principal string    `json:"principal"`
	Service   string    `json:"service"`
	Rule      string    `json:"rule,omitempty"`
	Error     string    `json:"error,omitempty"`

	TraceID string `json:"trace_id,omitempty"`

	Would      gateway.Would `json:"would,omitempty"` // with decision shadow
	ShadowCode string        `json:"shadow_code,omitempty"`
}

// Write writes the line of an exchange.
func (l *Log) Write(r *gateway.Record) {
	if l == nil {
		return
	}
	x := line{Time: r.Start.UTC(), ID: r.ID, Decision: "accepted", Code: r.Code, Status: r.Status, Route: r.Route,
		Policy: r.Policy, Client: r.Client, Principal: r.Principal, Service: r.Service, Rule: r.Rule,
		TraceID: r.TraceID}
	switch {
	case r.Shadow:
		x.Decision = "shadow"
	case !r.Accepted:
		x.Decision = "refused"
	}
	if r.Verdict != nil {
		x.Would, x.ShadowCode = r.Verdict.Would, r.Verdict.Code
	}
	if r.Err != nil {
		x.Error = r.Err.Error()
	}
	text, err := json.Marshal(x)
	if err != nil {
		text = fmt.Appendf(nil, `{"id":%q,"error":"the line cannot be written as JSON"}`, r.ID)
	}
	l.write(append(text, '\n'))
}

// write writes a line with one call, so that lines of several processes do not mix.
func (l *Log) write(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn { // a part of a line is there
		text = append([]byte{'\n'}, text...)
	}
	n, err := l.out.Write(text)
	if err == nil {
		if l.failing != nil {
			l.log.Warn("the audit log is written again", "audit-log", l.path, "lost", l.lost)
		}
		l.torn, l.failing, l.lost = false, nil, 0
		return
	}
	l.torn = l.torn || n > 0
	l.failing = err
	l.lost++
	if now := time.Now(); now.Sub(l.said) >= sayAgain {
		l.said = now
		l.log.Error("the audit log cannot be written", "audit-log", l.path, "error", err.Error(), "lost", l.lost,
			"cure", "make room, or mend the rights of the file; a file that was replaced needs SIGHUP")
	}
}

// Failing returns why the last line was not written, and how many were lost since
// one was.
func (l *Log) Failing() (lost int, err error) {
	if l == nil {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost, l.failing
}
