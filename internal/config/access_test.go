package config

import (
	"strings"
	"testing"
)

// What could never match, or would be read otherwise than it is meant, is
// refused with how to write it.
func TestCheckRefusesWrongListsOfClients(t *testing.T) {
	for text, want := range map[string]string{
		"denied-principals: [alice]\n":            `denied-principals: "alice" names no realm; write it as alice@EXAMPLE.COM`,
		"denied-principals: ['*']\n":              `denied-principals: "*" names no realm`,
		"denied-principals: ['CORP\\alice']\n":    `denied-principals: CORP\alice is a logon name of Windows`,
		"allowed-principals: ['a@B/*']\n":         `"a@B/*" is not the name of a principal with its realm, nor a pattern`,
		"denied-principals: ['a//*@B']\n":         "nor a pattern of such names; write it as alice@EXAMPLE.COM or host/*@",
		"allowed-principals: ['al *@B']\n":        `"al *@B" cannot be written in an HTTP header`,
		"allowed-realms: ['*@EXAMPLE.COM']\n":     `allowed-realms: "*@EXAMPLE.COM" is not a realm, nor a pattern of realms`,
		"denied-realms: ['EXAMPLE COM']\n":        `denied-realms: "EXAMPLE COM" is not a realm, nor a pattern of realms`,
		"denied-groups: ['Domain Admins']\n":      `denied-groups: "Domain Admins" is not a security identifier`,
		"denied-groups: ['S-1-5-21-1-2-3-*']\n":   "is not a security identifier",
		"allowed-principals: [*@EXAMPLE.COM]\n":   "a text that begins with * or another special character needs quotes",
		"allowed-realms: [*.EXAMPLE.COM]\n":       "in quotes if it begins with *",
		"standard: none\ndenied-realms: [EVIL]\n": "denied-realms: has no effect under standard none",
	} {
		_, err := load(t, oneRoute+text, Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s got %v", text, err)
		}
	}
}

func TestAccessReturnsTheListsOfARoute(t *testing.T) {
	cfg, err := load(t, oneRoute+`allowed-principals: ['*@EXAMPLE.COM', 'host/*@*.EXAMPLE.COM', 'a\*@A']
allowed-realms: ['*.EXAMPLE.COM']
allowed-groups: [S-1-5-21-1-2-3-512]
denied-principals: ["test-*@EXAMPLE.COM"]
denied-realms: [EVIL]
denied-groups: [S-1-5-21-1-2-3-666]
trusted-realms: [EXAMPLE.COM]
`, Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := cfg.Routes[0].Access()
	var all []string
	for _, list := range [][]string{l.AllowedPrincipals, l.AllowedRealms, l.AllowedGroups, l.DeniedPrincipals,
		l.DeniedRealms, l.DeniedGroups, cfg.Routes[0].RealmsOf(nil).Trusted} {
		all = append(all, strings.Join(list, " "))
	}
	const want = `*@EXAMPLE.COM host/*@*.EXAMPLE.COM a\*@A|*.EXAMPLE.COM|S-1-5-21-1-2-3-512|test-*@EXAMPLE.COM|EVIL|` +
		"S-1-5-21-1-2-3-666|EXAMPLE.COM"
	if got := strings.Join(all, "|"); got != want {
		t.Errorf("got %s", got)
	}
}
