package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// epoch is the time of all cases.
var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

const (
	client  = "alice"
	service = "soap/gw.example.com"
	realm   = "EXAMPLE.COM"
)

// A set collects the files.
type set struct {
	files map[string][]byte
	index []entry
	kdc   *krbtest.KDC
	rnd   *random
}

// An entry of the index.
type entry struct {
	File    string   `json:"file"`
	Kind    string   `json:"kind"`
	Expect  string   `json:"expect"`
	Flags   []string `json:"flags"`
	Comment string   `json:"comment"`
}

// random is randomness that depends on a seed alone.
type random struct{ r *rand.ChaCha8 }

func (r *random) seed(name string) {
	r.r = rand.NewChaCha8(sha256.Sum256([]byte("wssgate vectors " + name)))
}

func (r *random) Read(p []byte) (int, error) { return r.r.Read(p) }

// octets returns n random octets.
func (r *random) octets(n int) []byte {
	b := make([]byte, n)
	_, _ = io.ReadFull(r, b)
	return b
}

// generate makes all files, by their paths in the folder.
func generate() (files map[string][]byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	s := &set{files: map[string][]byte{}, rnd: &random{}}
	s.rnd.seed("kdc")
	s.kdc = krbtest.New(krbtest.Config{Realm: realm, Rand: s.rnd, Time: func() time.Time { return epoch }})
	s.kdc.AddService(service)
	for _, group := range groups() {
		group(s)
	}
	s.finish()
	return s.files, nil
}

// check ends the generation: a case that cannot be built is a mistake here.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A line of a header.
type line struct {
	key   string
	value any // a string is written as it is, all else in JSON
}

// A section of a file.
type section struct {
	name   string
	octets []byte
}

// archive writes the text archive: header lines, then sections. Octets that the
// format would change are in base64, in a section whose name ends so.
func archive(lines []line, sections []section) []byte {
	var b bytes.Buffer
	for _, l := range lines {
		if text, ok := l.value.(string); ok {
			fmt.Fprintf(&b, "%s: %s\n", l.key, text)
			continue
		}
		var value bytes.Buffer
		enc := json.NewEncoder(&value)
		enc.SetEscapeHTML(false)
		check(enc.Encode(l.value))
		fmt.Fprintf(&b, "%s: %s", l.key, value.Bytes())
	}
	for _, s := range sections {
		if isText(s.octets) {
			fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.octets)
			continue
		}
		fmt.Fprintf(&b, "-- %s.base64 --\n", s.name)
		text := base64.StdEncoding.EncodeToString(s.octets)
		for len(text) > 76 {
			b.WriteString(text[:76] + "\n")
			text = text[76:]
		}
		b.WriteString(text + "\n")
	}
	return b.Bytes()
}

// isText reports whether a section keeps octets as they are, through a text
// editor and Git too.
func isText(b []byte) bool {
	return len(b) > 0 && b[len(b)-1] == '\n' && utf8.Valid(b) && !bytes.HasPrefix(b, []byte("-- ")) &&
		!bytes.Contains(b, []byte("\n-- ")) && !bytes.ContainsAny(b, "\r\x00\ufeff")
}

// add enters a file in the set and the index.
func (s *set) add(kind, file, expect, comment, flags string, lines []line, sections []section) {
	if _, ok := s.files[file]; ok {
		panic("two vectors have the name " + file)
	}
	if comment == "" || flags == "" {
		panic(file + " has no comment, or no flags")
	}
	head := []line{{"expect", expect}, {"comment", comment}, {"flags", flags}}
	s.files[file] = archive(append(head, lines...), sections)
	s.index = append(s.index, entry{file, kind, expect, strings.Split(flags, " "), comment})
}

// finish writes the keytab, the index and the schema.
func (s *set) finish() {
	octets, err := s.kdc.Keytab([]string{service}).AppendBinary(nil)
	check(err)
	s.files["kerberos/aes256.keytab"], err = s.kdc.Keytab([]string{service}, 18).AppendBinary(nil)
	check(err)
	for _, folder := range []string{"cases", "kerberos", "wstrust", "http", "attacks"} {
		s.files[folder+"/service.keytab"] = octets
	}
	s.files["schema.json"] = indented(schema())
	slices.SortFunc(s.index, func(a, b entry) int { return strings.Compare(a.File, b.File) })
	s.files["index.json"] = s.indexFile()
}

// indexFile has a line for each vector, and one for the counts.
func (s *set) indexFile() []byte {
	var b bytes.Buffer
	write := func(v any) {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		check(enc.Encode(v))
	}
	b.WriteString("{\"counts\": ")
	write(s.counts())
	b.WriteString(",\"vectors\": [\n")
	for i, e := range s.index {
		if i > 0 {
			b.WriteString(",")
		}
		write(e)
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

// counts are the vectors of each kind and expectation.
func (s *set) counts() map[string]int {
	n := map[string]int{}
	for _, e := range s.index {
		n[e.Kind]++
		verdict := "refused"
		if e.Expect == "ok" {
			verdict = "ok"
		}
		n[fmt.Sprintf("%s, %s", e.Kind, verdict)]++
	}
	return n
}

func indented(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	check(enc.Encode(v))
	return b.Bytes()
}
