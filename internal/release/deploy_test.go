package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/internal/config"
)

const (
	deploy = "../../deploy/"
	chart  = deploy + "helm/wssgate/"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("install " + what)
	}
	t.Skip("install " + what)
}

// accepted fails if text is no configuration file, but for the files that it
// names.
func accepted(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wssgate.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(&config.Flags{File: file}, nil); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestConfigurationsOfPackageAndChartAreAccepted(t *testing.T) {
	accepted(t, read(t, deploy+"package/wssgate.yaml"))
	var values struct {
		Config yaml.MapSlice `yaml:"config"`
	}
	if err := yaml.Unmarshal([]byte(read(t, chart+"values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(values.Config)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, string(text))
}

// instructions returns the arguments of a Dockerfile's instructions, by their
// names.
func instructions(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(read(t, deploy+"Dockerfile")) {
		if name, args, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			all[name] = append(all[name], args)
		}
	}
	return all
}

// The image has what a release makes, no more, and runs it as a user who is not
// root: by number, since the image has no /etc/passwd, and Kubernetes has to
// see that it is not 0.
func TestImageHasTheBinaryAndNoRoot(t *testing.T) {
	in := instructions(t)
	if !slices.Equal(in["FROM"], []string{"scratch"}) || len(in["RUN"])+len(in["ADD"]) > 0 {
		t.Errorf("FROM %q, RUN %q, ADD %q", in["FROM"], in["RUN"], in["ADD"])
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(strings.Join(in["USER"], " ")) {
		t.Errorf("USER %q is not two numbers other than 0", in["USER"])
	}
	var files []string
	for _, args := range in["COPY"] {
		words := slices.DeleteFunc(strings.Fields(args), func(s string) bool { return strings.HasPrefix(s, "--") })
		files = append(files, words[:len(words)-1]...)
	}
	slices.Sort(files)
	binary := strings.ReplaceAll(binaryName("linux/amd64"), "amd64", "${TARGETARCH}")
	if want := []string{"LICENSE", "LICENSES.txt", binary}; !slices.Equal(files, want) {
		t.Errorf("COPY of %q, not %q", files, want)
	}
	if len(in["COPY"]) != 2 || !strings.HasSuffix(in["COPY"][1], " /usr/bin/wssgate") ||
		!slices.Equal(in["ENTRYPOINT"], []string{`["/usr/bin/wssgate"]`}) {
		t.Errorf("COPY %q, ENTRYPOINT %q", in["COPY"], in["ENTRYPOINT"])
	}
}

// What a template takes from the values is there, so that a name that is
// written wrong is no empty text.
func TestValuesOfTheChartExist(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, chart+"values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	files, _ := filepath.Glob(chart + "templates/*")
	for _, file := range files {
		for _, m := range regexp.MustCompile(`\.Values\.([\w.]+)`).FindAllStringSubmatch(read(t, file), -1) {
			used[strings.Split(m[1], ".")[0]] = true
			var at any = values
			for name := range strings.SplitSeq(m[1], ".") {
				level, _ := at.(map[string]any)
				next, ok := level[name]
				if !ok {
					t.Errorf("%s: values.yaml has no %s", file, m[1])
					break
				}
				at = next
			}
		}
	}
	for name := range values {
		if !used[name] {
			t.Errorf("no template uses %s", name)
		}
	}
	if len(used) < 10 {
		t.Errorf("only %v are used", slices.Collect(maps.Keys(used)))
	}
}

// The unit of the package is as confined as that of the examples, and does not
// differ from it but where it has to.
func TestUnitOfThePackageIsConfined(t *testing.T) {
	own := map[string]bool{}
	for line := range strings.Lines(read(t, deploy+"package/wssgate.service")) {
		own[strings.TrimSpace(line)] = true
	}
	differs := regexp.MustCompile(`^(#.*|Description=.*|Documentation=.*|ExecStart=.*|DynamicUser=yes|LoadCredential=.*|` +
		`Environment=WSSGATE_(KEYTAB|TLS_KEY)=.*)$`)
	for line := range strings.Lines(read(t, "../../examples/gateway/wssgate.service")) {
		if line = strings.TrimSpace(line); !own[line] && !differs.MatchString(line) {
			t.Errorf("the unit of the package does not have %s", line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		missing(t, "systemd")
	}
	low := filepath.Join(t.TempDir(), "wssgate.service") // as the recipe has it for a port below 1024
	drop := regexp.MustCompile("(?s)```ini\n(.*?AmbientCapabilities=.*?)```").
		FindStringSubmatch(read(t, "../../docs/recipes/deployment.md"))
	if drop == nil {
		t.Fatal("docs/recipes/deployment.md has no lines for a port below 1024")
	}
	if err := os.WriteFile(low, []byte(read(t, deploy+"package/wssgate.service")+drop[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, unit := range []string{deploy + "package/wssgate.service", low} {
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Overall exposure level") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// What nfpm.yaml takes from deploy/package is there, and everything there is
// taken.
func TestPackageHasAllFiles(t *testing.T) {
	text := read(t, deploy+"nfpm.yaml")
	files, _ := filepath.Glob(deploy + "package/*")
	for _, file := range files {
		if name := filepath.Base(file); strings.Count(text, "package/"+name) != 1 {
			t.Errorf("nfpm.yaml does not have %s once", name)
		}
	}
	if n := strings.Count(text, "package/"); n != len(files) || n == 0 {
		t.Errorf("%d files are named, %d are there", n, len(files))
	}
	for _, want := range []string{"type: config|noreplace", "dst: /etc/wssgate/wssgate.yaml"} {
		if !strings.Contains(text, want) {
			t.Error(fmt.Errorf("nfpm.yaml does not have %q", want))
		}
	}
}
