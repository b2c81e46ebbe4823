package admin_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "write the table of metrics in docs/operations.md anew")

// The table of metrics stands between these lines.
const (
	metricsBegin = "<!-- Made by go test ./internal/admin -run MetricsTable -update -->\n"
	metricsEnd   = "<!-- End of the metrics -->\n"
)

// described is how a Desc prints itself.
var described = regexp.MustCompile(`^Desc\{fqName: "(wssgate_\w+)", ` +
	`help: (".*?[^\\]"),(?: unit: "\w*",)? constLabels: \{\}, ` +
	`variableLabels: \{(.*)\}\}$`)

// metricRows are rows for the table of metrics, by name.
func metricRows(t *testing.T) (rows []string) {
	t.Helper()
	all := make(chan *prometheus.Desc)
	go func() {
		defer close(all)
		newHarness(t, nil).Registered().Describe(all)
	}()
	for d := range all {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			continue // of Go or the process
		}
		labels := ""
		if m[3] != "" {
			labels = "`" + strings.ReplaceAll(m[3], ",", "`, `") + "`"
		}
		help, err := strconv.Unquote(m[2])
		if err != nil {
			t.Fatal(err)
		}
		help = strings.ReplaceAll(strings.TrimSuffix(help, "."), "|", `\|`)
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], labels, help))
	}
	slices.Sort(rows)
	return rows
}

// TestMetricsTableIsWhatIsRegistered: docs/operations.md has a row for each
// metric, whoever has registered it.
func TestMetricsTableIsWhatIsRegistered(t *testing.T) {
	const name = "../../docs/operations.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), metricsBegin)
	was, after, ended := strings.Cut(rest, metricsEnd)
	if !found || !ended {
		t.Fatalf("%s has no table of metrics", name)
	}
	rows := metricRows(t)
	if len(rows) < 20 {
		t.Errorf("only %d metrics are registered", len(rows))
	}
	is := "| metric | labels | meaning |\n|---|---|---|\n" + strings.Join(rows, "")
	switch {
	case was == is:
	case *update:
		if err := os.WriteFile(name, []byte(before+metricsBegin+is+metricsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has other metrics than there are; run go test ./internal/admin -run MetricsTable -update, and "+
			"read docs/compatibility.md. There are\n%s", name, is)
	}
}
