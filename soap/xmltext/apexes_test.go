package xmltext

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// askApexes returns what libxml2 makes of each document: see
// testdata/apexes.py.
func askApexes(t *testing.T, documents [][]byte) (answers []string) {
	t.Helper()
	python := need(t, "/usr/bin/python3", "python3")
	if exec.Command(python, "-c", "import lxml").Run() != nil {
		need(t, "lxml", "python3-lxml")
	}
	var in bytes.Buffer
	for _, d := range documents {
		in.WriteString(base64.StdEncoding.EncodeToString(d) + "\n")
	}
	var stderr bytes.Buffer
	cmd := exec.Command(python, "testdata/apexes.py")
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		answers = append(answers, lines.Text())
	}
	if len(answers) != len(documents) {
		t.Fatalf("%d answers to %d documents", len(answers), len(documents))
	}
	return answers
}

// apexForms is our answer in the form of testdata/apexes.py.
func apexForms(d *Doc) string {
	elements, forms := []Node{d.Root()}, []string(nil)
	for n := range d.Root().Descendants() {
		elements = append(elements, n)
	}
	for _, n := range elements {
		sum := sha256.Sum256(n.AppendCanonical(nil, C14N{Method: Exclusive}))
		forms = append(forms, hex.EncodeToString(sum[:]))
	}
	return strings.Join(forms, " ")
}

// vectorDocuments returns the messages of the repository's vectors, and the
// documents of testdata/c14n, but those where libxml2 is known to differ.
func vectorDocuments(t *testing.T) (documents [][]byte) {
	t.Helper()
	for _, pattern := range []string{"../../testvectors/cases/*.txtar", "testdata/c14n/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 100 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(src, []byte("\n-- exclusive libxml2 --\n")) {
				continue // recorded as different there, with the reason
			}
			for _, section := range txtar.Parse(src).Files {
				if section.Name == "message.xml" || section.Name == "in" {
					documents = append(documents, section.Data)
				}
			}
		}
	}
	return documents
}

// The exclusive canonical form of every element of every message among the
// vectors is that of libxml2.
func TestAppendCanonicalOfEveryApexAgreesWithLibxml2(t *testing.T) {
	t.Parallel()
	var documents [][]byte
	var forms []string
	for _, src := range vectorDocuments(t) {
		if d, err := Scan(src, Options{AllowPI: true}); err == nil {
			documents, forms = append(documents, src), append(forms, apexForms(d))
		}
	}
	apexes := 0
	for i, answer := range askApexes(t, documents) {
		apexes += len(strings.Fields(answer))
		if answer != forms[i] {
			t.Errorf("document %d: libxml2 has another form of an element in\n%.2000s", i, documents[i])
		}
	}
	t.Logf("apexes: %d of %d documents", apexes, len(documents))
	if apexes < 10_000 {
		t.Errorf("only %d elements", apexes)
	}
}
