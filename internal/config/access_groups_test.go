package config

import (
	"strings"
	"testing"
)

func TestCheckRefusesWrongRealmSIDs(t *testing.T) {
	for _, good := range []string{"A.EXAMPLE=S-1-5-21-1-2-3", "A.EXAMPLE=*"} {
		cfg, err := load(t, oneRoute+"realm-sids: [\""+good+"\", B.EXAMPLE=S-1-5-21-4-5-6]\n", Flags{}, nil)
		if err != nil || len(cfg.Routes[0].DomainsOfRealms()["A.EXAMPLE"]) != 1 ||
			cfg.Routes[0].DomainsOfRealms()["B.EXAMPLE"][0] != "S-1-5-21-4-5-6" {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"A.EXAMPLE", "A.EXAMPLE=", "=S-1-5-21-1-2-3", "A.EXAMPLE=S-1-5-21-1-2-3-512",
		"A.EXAMPLE=S-1-5-32", "A.EXAMPLE=s-1-5-21-1-2-3",
		"a@A.EXAMPLE=*", "A.EXAMPLE=**", "*=S-1-5-21-1-2", "A.EXAMPLE=S-1-5-21-1-2-3=4"} {
		_, err := load(t, oneRoute+"realm-sids: [\""+bad+"\"]\n", Flags{}, nil)
		if err == nil || !strings.Contains(err.Error(),
			"realm-sids: \""+bad+"\" is not a realm with the SID of a domain; write it as OTHER.EXAMPLE=S-1-5-21-") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestCheckRefusesWrongGroups(t *testing.T) {
	_, err := load(t, oneRoute+"allowed-groups: [S-1-5-32-544, 'Domain Admins']\n", Flags{}, nil)
	if err == nil || !strings.Contains(err.Error(),
		`gate.yaml:5:1: allowed-groups: "Domain Admins" is not a security identifier; write it as S-1-5-21-`) {
		t.Errorf("got %v", err)
	}
}
