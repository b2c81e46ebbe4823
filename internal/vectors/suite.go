package vectors

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Names lists all vectors: paths of text archives without their ending,
// "transcripts/" and a case, "derivedkeys/p_sha1".
func Names(files fs.FS) (names []string, err error) {
	for pattern, name := range map[string]func(string) string{
		"cases/*.txtar": trimEnding, "c14n/*.txtar": trimEnding, "kerberos/*.txtar": trimEnding,
		"wstrust/*.txtar": trimEnding, "http/*.txtar": trimEnding,
		"attacks/*.txtar": trimEnding, "derivedkeys/*.json": trimEnding,
		"transcripts/*/case.yaml": path.Dir,
	} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			names = append(names, name(f))
		}
	}
	slices.Sort(names)
	return names, nil
}

func trimEnding(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// Run runs the vector of a name; derivedkeys are several.
func Run(ctx context.Context, files fs.FS, name string) []Outcome {
	switch folder, base, _ := strings.Cut(name, "/"); folder {
	case "transcripts":
		return []Outcome{transcriptOutcome(ctx, files, base)}
	case "derivedkeys":
		return runDerivations(files, name+".json")
	}
	return []Outcome{runArchive(ctx, files, name+".txtar")}
}

// transcriptOutcome is what came of a conversation.
func transcriptOutcome(ctx context.Context, files fs.FS, name string) Outcome {
	r := Verify(ctx, files, name)
	o := Outcome{Name: "transcripts/" + name, Kind: "transcript", Flags: []string{"transcript"}, Expect: "ok",
		Got:      "ok",
		Messages: r.Messages, Second: r.Second, Notes: r.Notes}
	if o.Problem = strings.Join(r.Problems, "\n"); o.Problem != "" {
		o.Got = "error"
	}
	return o
}

// A Class counts the vectors with one flag.
type Class struct {
	Name     string `json:"name"`
	Vectors  int    `json:"vectors"`
	Accepted int    `json:"accepted"` // that had to be
	Refused  int    `json:"refused"`  // that had to be
	Failed   int    `json:"failed"`
}

// add counts an outcome.
func (c *Class) add(o Outcome) {
	c.Vectors++
	switch {
	case o.Problem != "":
		c.Failed++
	case o.Expect == "ok":
		c.Accepted++
	default:
		c.Refused++
	}
}

// Classes counts outcomes by their flags, in the order of names, and in total. A
// vector with two flags is in two classes.
func Classes(outcomes []Outcome) (classes []Class, total Class) {
	byName := map[string]*Class{}
	for _, o := range outcomes {
		total.add(o)
		for _, f := range classesOf(o) {
			if byName[f] == nil {
				byName[f] = &Class{Name: f}
			}
			byName[f].add(o)
		}
	}
	for _, c := range byName {
		classes = append(classes, *c)
	}
	slices.SortFunc(classes, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	total.Name = "total"
	return classes, total
}

// classesOf are the flags of a vector; "valid" stands beside the class that it
// is valid in, unless there is no other.
func classesOf(o Outcome) []string {
	rest := slices.DeleteFunc(slices.Clone(o.Flags), func(f string) bool { return f == "valid" })
	if len(rest) == 0 {
		return []string{o.Kind}
	}
	return rest
}
