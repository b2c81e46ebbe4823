package attacks_test

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/attacks.md")

const document = "../../docs/attacks.md"

// checkDocument requires the table of this run in the document: that of all
// attacks, or that of the sample; on requests, or on what else is named.
func checkDocument(t *testing.T, results table, on string) {
	t.Helper()
	begin := "<!-- " + strings.TrimSpace("sample "+on) + " -->\n"
	if *whole {
		begin = "<!-- " + strings.TrimSpace("whole "+on) + " -->\n"
	}
	text, err := os.ReadFile(document)
	must(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	old, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no table after %s", document, begin)
	}
	now := strings.TrimSuffix(results.String(), "\n")
	if on == "replies" {
		now = strings.Replace(now, "reached the backend", "taken for the reply", 1)
	}
	switch {
	case old == now:
	case *update:
		must(t, os.WriteFile(document, []byte(before+begin+now+"\n\n"+after), 0o644))
	default:
		t.Errorf("%s has another table than this run; write it with -update:\n%s", document, now)
	}
}
