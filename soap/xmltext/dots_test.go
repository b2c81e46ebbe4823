package xmltext

import (
	"strings"
	"testing"
)

// dotSegments are the examples of Canonical XML 1.1, appendix A: a path, and what
// is left of it. A dash stands for nothing.
const dotSegments = `
no/.././/pseudo-netpath/seg/file.ext pseudo-netpath/seg/file.ext
no/..//.///pseudo-netpath/seg/file.ext pseudo-netpath/seg/file.ext
yes/no//..//.///pseudo-netpath/seg/file.ext yes/pseudo-netpath/seg/file.ext
no/../yes yes            no/../yes/ yes/            no/../yes/no/.. yes/     ../../no/../.. ../../../
no/../.. ../             no/.. -                    no/../ -                 /a/b/c/./../../g /a/g
mid/content=5/../6 mid/6 ../../.. ../../../         no/../../ ../            ../.. ../../
..yes/..no/..no/..no/../../../..yes ..yes/..yes     ..yes/..no/..no/..no/../../../..yes/ ..yes/..yes/
../../../ ../../../      . -                        ./ -                     ./. -
//no/.. /                ../../no/.. ../../         ../../no/../ ../../      yes/no/../ yes/
yes/no/no/../.. yes/     yes/no/no/no/../../.. yes/ yes/no/../yes/no/no/../.. yes/yes/
yes/no/no/no/../../../yes yes/yes                   yes/no/no/no/../../../yes/ yes/yes/
/no/../ /                /yes/no/../ /yes/          /yes/no/no/../.. /yes/   /yes/no/no/no/../../.. /yes/
../../..no/.. ../../     ../../..no/../ ../../      ..yes/..no/../ ..yes/    ..yes/..no/..no/../.. ..yes/
..yes/...no/..no/..no/../../.. ..yes/               ..yes/..no/../..yes/..no/..no/../.. ..yes/..yes/
/..no/../ /              /..yes/..no/../ /..yes/    /..yes/..no/..no/../.. /..yes/
/..yes/..no/..no/..no/../../.. /..yes/              / /    /. /    /./ /    /./. /    /././ /
/.. /    /../.. /    /../../.. /    //.. /    //..//.. /    //..//..//.. /    /./.. /    /./.././.. /
/./.././.././.. /    .. ../    ../ ../
`

func TestRemoveDotSegmentsMatchesCanonicalXML(t *testing.T) {
	t.Parallel()
	fields := strings.Fields(dotSegments)
	for i := 0; i+1 < len(fields); i += 2 {
		want := strings.TrimPrefix(fields[i+1], "-")
		if got := removeDotSegments(fields[i]); got != want {
			t.Errorf("%s: %q, want %q", fields[i], got, want)
		}
	}
	if len(fields) != 2*60 {
		t.Errorf("%d paths", len(fields)/2)
	}
}
