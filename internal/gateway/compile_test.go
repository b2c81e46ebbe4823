package gateway_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What no door has let in cannot be forwarded: a file of this package that
// tries does not compile.
func TestForwardTakesAnAdmittedAlone(t *testing.T) {
	for name, tt := range map[string]struct{ body, refused string }{
		"as the door has it": {"func attempt(x *exchange, in door.Admitted) error { return x.forward(in) }", ""},
		"the envelope": {"func attempt(x *exchange) error { return x.forward(x.in.env) }",
			"does not implement door.Admitted"},
		"an Admitted of its own": {`type forged struct{ asked }
type asked interface {
	Principal() (name, realm string, known bool)
	Service() string
	Groups() []string
	Caller() door.Caller
	Answers() bool
	Answer(ctx context.Context) ([]byte, error)
	Envelope() *soap.Envelope
	Covers(xmltext.Node) bool
	ForwardSize() int
	AppendForward([]byte, wssec.Forwarding) ([]byte, error)
	ProtectSize(*soap.Envelope) int
	Protect(context.Context, []byte, *soap.Envelope, ...xmltext.Node) ([]byte, error)
	ProtectOwn(context.Context, []byte, *soap.Envelope) ([]byte, error)
	Release()
	Authorized(context.Context) error
	Notes() (stages, notes []slog.Attr)
	Release()
}
func (forged) byDoor() {}
func attempt(x *exchange) error { return x.forward(forged{}) }`, "unexported method byDoor"},
		"an AdmittedRequest": {"func attempt(x *exchange, in door.AdmittedRequest) error { return x.pass(in) }", ""},
		"a request": {"func attempt(x *exchange) error { return x.pass(x.r) }",
			"does not implement door.AdmittedRequest"},
		"an AdmittedRequest of its own": {`type forgedRequest struct{ known }
type known interface {
	Request() *http.Request
	Caller() door.Caller
	Complete(http.Header, int)
	Until() time.Time
	Notes() []slog.Attr
}
func (forgedRequest) byDoor() {}
func attempt(x *exchange) error { return x.pass(forgedRequest{}) }`, "unexported method byDoor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := buildWith(t, tt.body)
			switch {
			case tt.refused == "" && err != nil:
				t.Fatalf("%v\n%s", err, out)
			case tt.refused != "" && (err == nil || !strings.Contains(out, tt.refused)):
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// buildWith builds this package with one file more.
func buildWith(t *testing.T, body string) (out string, err error) {
	const imports = `package gateway
import (
	"context"
	"log/slog"
	"net/http"
	"time"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)
var (
	_ context.Context
	_ slog.Attr
	_ door.Door
	_ http.Handler
	_ soap.Envelope
	_ xmltext.Node
	_ wssec.Policy
	_ time.Time
)
`
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "attempt.go"), filepath.Join(dir, "overlay.json")
	here, err := filepath.Abs("attempt.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {here: file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{file: imports + body, overlay: string(text)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, ".").CombinedOutput()
	return string(b), err
}
