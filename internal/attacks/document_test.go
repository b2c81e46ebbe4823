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
// attacks, or that of the sample.
func checkDocument(t *testing.T, results table) {
	t.Helper()
	begin := "<!-- sample -->\n"
	if *whole {
		begin = "<!-- whole -->\n"
	}
	text, err := os.ReadFile(document)
	must(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	old, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no table after %s", document, begin)
	}
	switch now := strings.TrimSuffix(results.String(), "\n"); {
	case old == now:
	case *update:
		must(t, os.WriteFile(document, []byte(before+begin+now+"\n\n"+after), 0o644))
	default:
		t.Errorf("%s has another table than this run; write it with -update:\n%s", document, now)
	}
}
