package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestHelpHasEverySettingAndNoOther(t *testing.T) {
	t.Parallel()
	settings := fieldsOf(&Flags{})
	described := 0
	for _, table := range []map[string]description{processHelp(), routeHelp(), fileHelp()} {
		for name, d := range table {
			if _, known := settings[name]; !known {
				t.Errorf("%s is described and not a setting", name)
			}
			if !strings.HasSuffix(d.help, ".") {
				t.Errorf("%s: %q is not a sentence", name, d.help)
			}
			described++
		}
	}
	if described != len(settings) {
		t.Errorf("%d settings are described, of %d", described, len(settings))
	}
	for name := range settings {
		if help, _ := Help(name); help == "" {
			t.Errorf("%s has no help", name)
		}
	}
	if help, choices := Help("no-setting"); help != "" || choices != "" {
		t.Error(help, choices)
	}
}

func TestEverySettingHasAGroup(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for name := range fieldsOf(&Flags{}) {
		group := Group(name)
		if used[group] = true; group != "" && !slices.Contains(Groups(), group) || group == "" && name != "config" {
			t.Errorf("%s is in group %q", name, group)
		}
	}
	for _, group := range Groups() {
		if !used[group] {
			t.Errorf("nothing is in group %q", group)
		}
	}
	for name, want := range map[string]string{"listen": groupListener, "policy": groupRoute, "backend-ca": groupBackend,
		"keytab": groupKerberos, "denied-groups": groupClients, "cookie-name": groupNegotiate, "max-headers": groupLimits,
		"kdc-listen": groupRelay, "log-level": groupLog, "no-setting": ""} {
		if group := Group(name); group != want {
			t.Errorf("%s is in group %q, want %q", name, group, want)
		}
	}
}

func TestHelpListsTheDefaultAmongTheChoices(t *testing.T) {
	t.Parallel()
	listed := 0
	forEachField(reflect.ValueOf(&Flags{}).Elem(), func(name string, _ reflect.Value, tag reflect.StructTag) {
		if list := choices(name); list != nil {
			listed++
			if !slices.Contains(list, tag.Get("default")) {
				t.Errorf("%s: default %q, choices %v", name, tag.Get("default"), list)
			}
		}
	})
	if listed == 0 {
		t.Error("no setting has choices")
	}
}
