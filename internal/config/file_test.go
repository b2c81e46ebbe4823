package config

import (
	"strings"
	"testing"
)

// What an anchor or a tag stands before may be nothing at all.
func TestLoadRefusesAnchorsAliasesAndTags(t *testing.T) {
	for text, want := range map[string]string{
		"allowed-principals: &a ~\n": `gate.yaml:5:21: "&" is an anchor, which this ` +
			`file may not have; write the value itself`,
		"allowed-principals: &a\n":                                  "gate.yaml:5:21: ",
		"allowed-realms: [A.EXAMPLE]\nallowed-principals: !!null\n": "gate.yaml:6:21: ",
		"allowed-principals: !!null x\n":                            `gate.yaml:5:21: "!!null" is a tag`,
		"allowed-principals: !!seq x\n":                             "gate.yaml:5:26: ",
		"allowed-principals: !!map [x]\n":                           "gate.yaml:5:26: ",
		"allowed-principals: [!!null x]\n":                          "gate.yaml:5:22: ",
		"clock-skew: !!binary x\n":                                  "gate.yaml:5:13: ",
		"policy: !x {preset: Kerberos}\n":                           "gate.yaml:5:9: ",
		"&a path: /x\n":                                             "gate.yaml:5:1: ",
		"log-level: &l info\nlog-format: *l\n":                      "is an anchor",
		"policy:\n  <<: {preset: Kerberos}\n":                       `"<<" is an alias`,
	} {
		_, err := load(t, oneRoute+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
