package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write the documents that are made of the code")

// TestErrorsDocumentIsTheCatalogue: docs/errors.md is made of what wssgate errors
// prints.
func TestErrorsDocumentIsTheCatalogue(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Error codes\n\nMade of the catalogue that `wssgate errors` prints: " +
		"`go test ./cmd/wssgate -run ErrorsDocument -update`.\n" +
		"A code is in the log (`code`), in metrics, on the status page and in the audit log. " +
		"The fault is what the client gets.\n")
	for _, e := range catalogue() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n- **cure** %s\n- **fault** %s\n", e.code, e.cause, e.cure,
			cmp.Or(e.fault, "none: no exchange ends with it; clients meet it, `doctor` and `inspect`"))
	}
	const path = "../../docs/errors.md"
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readDoc(t, "docs/errors.md") != b.String() {
		t.Error("docs/errors.md is not what the catalogue has: go test ./cmd/wssgate -run ErrorsDocument -update")
	}
}

// alertRules is the file of the alerts.
type alertRules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr string
			Annotations struct{ Summary string }
			Labels      struct{ Severity string }
		}
	}
}

var metricName = regexp.MustCompile(`\bwssgate_[a-z_]+`)

// TestAlertsAreOfMetricsThatExist: each has its section of the runbook, and names
// metrics and codes that there are.
func TestAlertsAreOfMetricsThatExist(t *testing.T) {
	var rules alertRules
	if err := yaml.Unmarshal([]byte(readDoc(t, "deploy/prometheus/wssgate.rules.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	runbook, known := readDoc(t, "docs/runbook.md"), readDoc(t, "docs/operations.md")
	var alerts []string
	for _, r := range rules.Groups[0].Rules {
		alerts = append(alerts, r.Alert)
		if !strings.Contains(runbook, "\n## "+r.Alert+"\n") {
			t.Errorf("docs/runbook.md has no section %s", r.Alert)
		}
		if r.Annotations.Summary == "" || r.Labels.Severity == "" {
			t.Errorf("%s has no summary or severity", r.Alert)
		}
		metricsExist(t, r.Alert, r.Expr, known)
		for _, m := range regexp.MustCompile(`code=[~]?"([a-z|-]+)"`).FindAllStringSubmatch(r.Expr, -1) {
			for code := range strings.SplitSeq(m[1], "|") {
				if cureOf(code) == "" {
					t.Errorf("%s is about the code %s, which does not exist", r.Alert, code)
				}
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !slices.Contains(alerts, m[1]) {
			t.Errorf("docs/runbook.md is about %s, which is no alert", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`([a-z]+-[a-z-]+)`").FindAllStringSubmatch(runbook, -1) {
		if code := m[1]; !documented(code) && cureOf(code) == "" {
			t.Errorf("docs/runbook.md names %s, which is no setting and no code", code)
		}
	}
}

// metricsExist checks that the metrics of an expression are documented ones.
func metricsExist(t *testing.T, where, expr, known string) {
	t.Helper()
	for _, name := range metricName.FindAllString(expr, -1) {
		base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if !strings.Contains(known, "`"+name+"`") && !strings.Contains(known, "`"+base+"`") {
			t.Errorf("%s is about %s, which is no metric", where, name)
		}
	}
}

// TestDashboardIsOfMetricsThatExist: and is JSON that Grafana imports.
func TestDashboardIsOfMetricsThatExist(t *testing.T) {
	text := readDoc(t, "deploy/grafana/wssgate.json")
	var board struct {
		Title         string
		SchemaVersion int
		Panels        []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(text), &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.SchemaVersion == 0 || len(board.Panels) < 8 {
		t.Errorf("%q, schema %d, %d panels", board.Title, board.SchemaVersion, len(board.Panels))
	}
	known := readDoc(t, "docs/operations.md")
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			metricsExist(t, p.Title, target.Expr, known)
		}
	}
}

// TestPromtoolAcceptsTheAlerts: Prometheus' own check, where it is installed.
func TestPromtoolAcceptsTheAlerts(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil { // in CI too: it is 96 MB for one check
		t.Skip("install prometheus")
	}
	out, err := exec.Command(promtool, "check", "rules", "../../deploy/prometheus/wssgate.rules.yml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTroubleshootingNamesCodesThatExist: the codes of the table by what clients
// show, and the settings.
func TestTroubleshootingNamesCodesThatExist(t *testing.T) {
	codes := 0
	for line := range strings.Lines(readDoc(t, "docs/recipes/troubleshooting.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[2], -1) {
			if codes++; cureOf(m[1]) == "" {
				t.Errorf("%s is no code: %s", m[1], line)
			}
		}
	}
	if codes < 15 {
		t.Errorf("%d codes were found", codes)
	}
}
