package xmltext

import (
	"errors"
	"testing"
)

func TestScanRejectsInstructions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		`<a><??></a>`:            ErrPISyntax,
		`<a><? p?></a>`:          ErrPISyntax,
		`<a><?1?></a>`:           ErrPISyntax,
		`<a><?xml x?></a>`:       ErrPISyntax,
		`<a><?XmL x?></a>`:       ErrPISyntax,
		`<a><?a:b?></a>`:         ErrPISyntax,
		`<a><?a+?></a>`:          ErrPISyntax,
		`<a><?p </a>`:            ErrUnexpectedEnd,
		`<a><?p`:                 ErrUnexpectedEnd,
		`<?xml?><a/>`:            ErrPISyntax,
		`<a><?xml-stylesheet?>x`: ErrUnexpectedEnd, // the target itself is fine
	} {
		if _, err := Scan([]byte(in), Options{AllowPI: true}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}
