package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/alecthomas/kong"
)

func TestEveryFlagOfRequestHasAHelpText(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&requestCmd{}, kong.Vars{"policies": ""})
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, flag := range parser.Model.Flags {
		if flag.Help == "" {
			flags = append(flags, flag.Name)
		}
	}
	slices.Sort(flags)
	if texts := slices.Sorted(maps.Keys(requestHelp)); !slices.Equal(flags, texts) {
		t.Errorf("flags %q, help texts for %q", flags, texts)
	}
}
