package vectors

import (
	"bytes"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wssgate/wssgate/testvectors"
)

// A checker that cannot fail proves nothing: an attack that gets through is seen,
// and so is a file that says nothing.
func TestAttacksThatGetThroughAreNoticed(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(testvectors.Files, "attacks/signed.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, sections, _ := bytes.Cut(text, []byte("-- message.xml --\n"))
	message, _, _ := bytes.Cut(sections, []byte("\n-- "))
	end := bytes.Index(message, []byte("</s:Header>"))
	block := strings.ReplaceAll(`{"class":"c","name":"n","why":"w","at":[END,END],"text":"<x:x xmlns:x=\"urn:x\"></x:x>"}`,
		"END", strconv.Itoa(end))
	const mark, lenient = "-- attacks --\n", "kind: attacks\nroute: {\"other-headers\":\"pass\"}\n"
	for words, edits := range map[string][]string{
		"":                          nil,
		"it is taken for":           {"kind: attacks\n", lenient, mark, mark + block + "\n"},
		"there are no attacks":      {mark, mark + "-- more --\n"},
		"there is nothing at [7 1]": {mark, mark + `{"class":"c","name":"n","at":[7,1]}` + "\n"},
		"section attacks":           {mark, mark + `{"klass":"c"}` + "\n"},
		"message.xml is refused":    {"-- message.xml --\n", "-- message.xml --\n<?x?>"},
	} {
		changed := string(text)
		for i := 0; i < len(edits); i += 2 {
			changed = strings.Replace(changed, edits[i], edits[i+1], 1)
		}
		keytab, _ := fs.ReadFile(testvectors.Files, "attacks/service.keytab")
		files := fstest.MapFS{"attacks/signed.txtar": {Data: []byte(changed)}, "attacks/service.keytab": {Data: keytab}}
		o := Run(t.Context(), files, "attacks/signed")[0]
		if (o.Problem == "") != (words == "") || !strings.Contains(o.Problem, words) {
			t.Errorf("%q: %.300s", words, o.Problem)
		}
	}
}
