package wssec

import (
	"fmt"
	"strings"
	"testing"
)

// TestTargetFindsTheOneElementOfAnId: an Id that a second element outside the
// Body's content carries, in any form that some stack takes for an identifier,
// leads nowhere.
func TestTargetFindsTheOneElementOfAnId(t *testing.T) {
	t.Parallel()
	utility := ` xmlns:u="` + NSWSU + `"`
	to := `<p:To` + utility + ` u:Id="a"/>`
	for name, tt := range map[string]struct {
		blocks, body, uri string
		want              Code
	}{
		"header block":               {to, ``, "#a", ""},
		"no such Id":                 {to, ``, "#b", CodeReference},
		"no fragment":                {to, ``, "a", CodeReference},
		"empty fragment":             {to, ``, "#", CodeReference},
		"the whole document":         {to, ``, "", CodeReference},
		"another document":           {to, ``, "http://example.com/#a", CodeReference},
		"deeper than a header block": {`<p:w>` + to + `</p:w>`, ``, "#a", CodeReference},
		"a copy deeper":              {to + `<p:w>` + to + `</p:w>`, ``, "#a", CodeDuplicateID},
		"a copy as xml:id":           {to + `<p:w xml:id="a"/>`, ``, "#a", CodeDuplicateID},
		"a copy as ID":               {to + `<p:w><p:x ID="a"/></p:w>`, ``, "#a", CodeDuplicateID},
		"another attribute":          {to + `<p:w key="a"/>`, ``, "#a", ""},
		"a copy in the Body":         {to, `<p:w Id="a"/>`, "#a", ""},
		"an Id without a namespace":  {`<p:To Id="a"/>`, ``, "#a", CodeReference},
	} {
		v := &verification{p: writerOf(t, nil).p, env: envelopeOf(t, tt.blocks, tt.body)}
		if err := v.indexIDs(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n, err := v.ids.target(tt.uri, v.env.Root)
		wantCode(t, name, err, tt.want)
		if tt.want == "" && n != v.env.Header.FirstChild() {
			t.Errorf("%s: leads to %s", name, n.Path())
		}
	}
}

func TestIndexIDsRejectsTwoTargetsOfAnId(t *testing.T) {
	t.Parallel()
	to := `<p:To xmlns:u="` + NSWSU + `" u:Id="a"/>`
	v := &verification{p: writerOf(t, nil).p, env: envelopeOf(t, to+to, ``)}
	wantCode(t, "two header blocks", v.indexIDs(), CodeDuplicateID)
	v.env = envelopeOf(t, strings.Repeat(`<p:x/>`, maxHeaderBlocks), ``)
	wantCode(t, "as many header blocks as allowed", v.indexIDs(), "")
	v.env = envelopeOf(t, strings.Repeat(`<p:x/>`, maxHeaderBlocks+1), ``)
	wantCode(t, "too many header blocks", v.indexIDs(), CodeLimit)
}

// TestBodyEncryptionIsAllOfTheBody: beside anything else an EncryptedData is the
// application's data.
func TestBodyEncryptionIsAllOfTheBody(t *testing.T) {
	t.Parallel()
	data := `<x:EncryptedData xmlns:x="` + nsXenc + `"/>`
	for body, want := range map[string]bool{
		data: true, " " + data + "\n": true, `<!--c-->` + data: true,
		``: false, data + data: false, data + `<p:a/>`: false, `<p:a/>` + data: false, `text` + data: false,
		`<p:a>` + data + `</p:a>`: false, `<EncryptedData/>`: false,
	} {
		if got := !bodyEncryption(envelopeOf(t, "", body)).IsZero(); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
}

// TestIdsAreFoundHoweverManyThereAre: in a list, and from a certain number on in a
// map.
func TestIdsAreFoundHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	var blocks strings.Builder
	for n := range 3 * longList {
		v := &verification{p: writerOf(t, nil).p, env: envelopeOf(t, blocks.String(), ``)}
		wantCode(t, "indexing", v.indexIDs(), "")
		i := 0
		for b := range v.env.Blocks() {
			if at, err := v.ids.target(fmt.Sprintf("#id%d", i), v.env.Root); err != nil || at != b {
				t.Errorf("Id %d of %d: %v", i, n, err)
			}
			i++
		}
		if v.ids.has(fmt.Sprintf("id%d", n)) || i != n {
			t.Errorf("an Id more than %d", n)
		}
		fmt.Fprintf(&blocks, `<p:b xmlns:u="%s" u:Id="id%d"><p:c Id="other%d"/></p:b>`, NSWSU, n, n)
	}
	twice := `<p:b xmlns:u="` + NSWSU + `" u:Id="id3"/>`
	v := &verification{p: writerOf(t, nil).p, env: envelopeOf(t, blocks.String()+twice, ``)}
	wantCode(t, "twice among many", v.indexIDs(), CodeDuplicateID)
}
