package xmltext

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "record the answers of xmlsec1 and Santuario in testdata/c14n")

// methods are the algorithms by the names that testdata/c14n uses.
var methods = []struct {
	name   string
	method Method
	uri    string
}{
	{"exclusive", Exclusive, "http://www.w3.org/2001/10/xml-exc-c14n#"},
	{"exclusive+comments", ExclusiveWithComments, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"},
	{"inclusive10", Inclusive10, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
	{"inclusive10+comments", Inclusive10WithComments, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"},
	{"inclusive11", Inclusive11, "http://www.w3.org/2006/12/xml-c14n11"},
	{"inclusive11+comments", Inclusive11WithComments, "http://www.w3.org/2006/12/xml-c14n11#WithComments"},
}

// refused is the recorded answer of a peer that refused.
const refused = "refused"

// vector is one document of testdata/c14n. See the README there.
type vector struct {
	name     string
	file     string
	header   map[string]string
	in       []byte
	inFile   txtar.File
	sections map[string]string
}

func (v *vector) prefixes() []string { return strings.Fields(v.header["prefixes"]) }

// apex returns the first element with the local name in the vector.
func (v *vector) apex(d *Doc) Node {
	want := v.header["apex"]
	if want == "" || d.Root().Local() == want {
		return d.Root()
	}
	for n := range d.Root().Descendants() {
		if n.Local() == want {
			return n
		}
	}
	return Node{}
}

// methodsOf leaves out the forms with comments when they cannot differ.
func (v *vector) methodsOf() (names []string) {
	for _, m := range methods {
		if !m.method.comments() || bytes.Contains(v.in, []byte("<!--")) {
			names = append(names, m.name)
		}
	}
	return names
}

func loadVectors(t testing.TB) []*vector {
	t.Helper()
	files, err := filepath.Glob("testdata/c14n/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	var all []*vector
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := &vector{
			name: strings.TrimSuffix(filepath.Base(file), ".txtar"), file: file,
			header: map[string]string{}, sections: map[string]string{},
		}
		for line := range strings.Lines(string(ar.Comment)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if !ok {
				t.Fatalf("%s: header line %q", file, line)
			}
			v.header[key] = value
		}
		for _, f := range ar.Files {
			data := strings.TrimSuffix(string(f.Data), "\n")
			switch f.Name {
			case "in":
				v.in, v.inFile = []byte(data), f
			case "in.go":
				s, err := strconv.Unquote(data)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				v.in, v.inFile = []byte(s), f
			default:
				v.sections[f.Name] = data
			}
		}
		if v.in == nil || v.header["why"] == "" {
			t.Fatalf("%s: no input or no reason", file)
		}
		all = append(all, v)
	}
	return all
}

// TestAppendCanonicalVectors compares canonical forms with the recorded
// answers.
func TestAppendCanonicalVectors(t *testing.T) {
	t.Parallel()
	vectors := loadVectors(t)
	if len(vectors) < 150 {
		t.Errorf("%d documents, want at least 150", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			d, err := Scan(v.in, Options{AllowPI: true})
			if err != nil {
				t.Fatal(err)
			}
			apex := v.apex(d)
			for _, m := range methods {
				want, ok := v.sections[m.name]
				if !ok {
					if slices.Contains(v.methodsOf(), m.name) {
						t.Errorf("%s: no answer recorded", m.name)
					}
					continue
				}
				if _, differ := v.sections[m.name+" libxml2"]; differ && v.header["note"] == "" {
					t.Errorf("%s: the peers differ and no note has the reason why we follow which", m.name)
				}
				c := C14N{Method: m.method, Prefixes: v.prefixes()}
				if got := string(apex.AppendCanonical(nil, c)); got != want {
					t.Errorf("%s\n got %q\nwant %q", m.name, got, want)
				}
				var b bytes.Buffer
				if err := apex.WriteCanonical(&b, c); err != nil || b.String() != want {
					t.Errorf("%s: WriteCanonical differs: %v %q", m.name, err, b.String())
				}
			}
		})
	}
}

// TestAppendCanonicalVectorsAgreeWithPeers asks the peers again. With -update
// it records their answers.
func TestAppendCanonicalVectorsAgreeWithPeers(t *testing.T) {
	t.Parallel()
	vectors := loadVectors(t)
	peers := map[string]map[string]string{
		"libxml2":   askXMLSec(t, vectors),
		"santuario": askSantuario(t, vectors),
	}
	for _, v := range vectors {
		for _, m := range v.methodsOf() {
			key := v.name + " " + m
			a, b := peers["libxml2"][key], peers["santuario"][key]
			if *update {
				v.record(m, a, b)
				continue
			}
			for peer, got := range map[string]string{"libxml2": a, "santuario": b} {
				want, differ := v.sections[m+" "+peer]
				if !differ {
					want = v.sections[m]
				}
				if got != want {
					t.Errorf("%s: %s now answers\n %q\nrecorded\n %q", key, peer, got, want)
				}
			}
		}
		if *update {
			v.write(t)
		}
	}
}

// record keeps the answers of both peers; where they agree that is the answer,
// where they do not ours stays as it is, for a human to decide.
func (v *vector) record(method, libxml2, santuario string) {
	delete(v.sections, method+" libxml2")
	delete(v.sections, method+" santuario")
	if libxml2 == santuario && libxml2 != refused {
		v.sections[method] = libxml2
		return
	}
	v.sections[method+" libxml2"] = libxml2
	v.sections[method+" santuario"] = santuario
	if _, ok := v.sections[method]; !ok {
		d, err := Scan(v.in, Options{AllowPI: true})
		if err != nil {
			return
		}
		i := slices.IndexFunc(methods, func(m struct {
			name   string
			method Method
			uri    string
		}) bool {
			return m.name == method
		})
		v.sections[method] = string(v.apex(d).AppendCanonical(nil, C14N{Method: methods[i].method, Prefixes: v.prefixes()}))
	}
}

func (v *vector) write(t *testing.T) {
	ar := &txtar.Archive{Files: []txtar.File{v.inFile}}
	for _, key := range []string{"why", "apex", "prefixes", "note"} {
		if value := v.header[key]; value != "" {
			ar.Comment = fmt.Appendf(ar.Comment, "%s: %s\n", key, value)
		}
	}
	for _, m := range v.methodsOf() {
		for _, suffix := range []string{"", " libxml2", " santuario"} {
			if s, ok := v.sections[m+suffix]; ok {
				ar.Files = append(ar.Files, txtar.File{Name: m + suffix, Data: []byte(s + "\n")})
			}
		}
	}
	if err := os.WriteFile(v.file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
