package config

import (
	"strings"
	"testing"
)

// TestAdminClients: a keytab and a list of clients need each other.
func TestAdminClients(t *testing.T) {
	for text, want := range map[string]string{
		"admin-keytab: k\n":                                               "would let in everybody who has a ticket",
		"admin-allowed-principals: [alice@A.TEST]\n":                      "has no use without admin-keytab",
		"admin-keytab: k\nadmin-allowed-principals: [alice]\n":            `admin-allowed-principals: "alice" names no realm`,
		"admin-keytab: k\nadmin-allowed-principals: ['*/admin@A.TEST']\n": "",
	} {
		_, err := load(t, oneRoute+text, Flags{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
