package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/internal/config"
)

var withChart = flag.Bool("chart", false, "build helm, and hold what it makes of the chart against Kubernetes' schemas")

// What checks the chart, from the registries of Go and Python.
const (
	helmCommand = "helm.sh/helm/v3/cmd/helm@v3.22.0"
	validator   = "kubernetes-validate==1.37.0"
	kubernetes  = "1.31"
)

// Variables that image and chart set are settings; serve refuses others.
func TestVariablesOfImageAndChartAreSettings(t *testing.T) {
	for _, file := range []string{deploy + "Dockerfile", chart + "templates/deployment.yaml"} {
		variables := regexp.MustCompile(`WSSGATE_[A-Z_]*[A-Z]\b`).FindAllString(read(t, file), -1)
		if len(variables) == 0 {
			t.Errorf("%s sets none", file)
		}
		for _, name := range variables {
			if unknown := config.UnknownVariables([]string{name + "=x"}); len(unknown) > 0 {
				t.Errorf("%s: %v", file, unknown)
			}
		}
	}
}

// Helm has nothing against the chart, and what it makes of it is what
// Kubernetes has schemas for, also with all that can be turned on. Its
// configuration is one that serve takes.
func TestChartIsWhatKubernetesTakes(t *testing.T) {
	if !*withChart {
		t.Skip("with -chart only: it builds helm")
	}
	dir := t.TempDir()
	install := exec.Command("go", "install", helmCommand)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if err := run(install); err != nil {
		t.Fatal(err)
	}
	if err := run(exec.Command("python3", "-m", "pip", "install", "--quiet", "--target", dir, validator)); err != nil {
		t.Fatal(err)
	}
	helm := filepath.Join(dir, "helm")
	if err := run(exec.Command(helm, "lint", "--strict", chart)); err != nil {
		t.Error(err)
	}
	for name, args := range map[string][]string{
		"default": nil,
		"all": {"--set", "tlsSecret=t,krb5ConfigMap=k,persistence.enabled=true,podDisruptionBudget.enabled=true,replicas=2",
			"--set-json", `networkPolicy.adminFrom=[{"namespaceSelector":{}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(helm, "template", "gateway", chart, "--kube-version", kubernetes)
			cmd.Args = append(cmd.Args, args...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			checkRendered(t, dir, string(out))
		})
	}
	if out, err := exec.Command(helm, "template", chart, "--kube-version", kubernetes, "--set", "keysSecret=").
		CombinedOutput(); err == nil || !strings.Contains(string(out), "names the Secret with the keytab") {
		t.Errorf("without a Secret: %v\n%s", err, out)
	}
}

// checkRendered looks at what helm has made, by the validator in dir, and for
// what the schemas do not ask for.
func checkRendered(t *testing.T, dir, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rendered.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "bin/kubernetes-validate"), "-k", kubernetes, "--strict", file)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir)
	if err := run(cmd); err != nil {
		t.Error(err)
	}
	for _, want := range []string{ // Pod Security Standards, restricted; and a root that nobody writes to
		"runAsNonRoot: true", "allowPrivilegeEscalation: false", "drop: [ALL]", "type: RuntimeDefault",
		"readOnlyRootFilesystem: true", "automountServiceAccountToken: false",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var object struct {
			Kind string            `yaml:"kind"`
			Data map[string]string `yaml:"data"`
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Error(err)
		}
		if object.Kind == "ConfigMap" {
			accepted(t, object.Data["wssgate.yaml"])
		}
	}
}
