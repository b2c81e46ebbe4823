package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/manual"
)

// program returns the command line in the terms of package manual: what --help
// says, as data.
func program(app *kong.Application) *manual.Program {
	p := &manual.Program{Name: app.Name, Summary: app.Help, Flags: flagsOf(app.Node.Flags)}
	for _, node := range app.Children {
		if node.Hidden {
			continue
		}
		c := manual.Command{Name: node.Name, Summary: node.Help, Detail: node.Detail, Flags: flagsOf(node.Flags)}
		for _, a := range node.Positional {
			name := a.Name
			if a.Tag.PlaceHolder != "" {
				name = strings.ToLower(a.Tag.PlaceHolder)
			}
			c.Args = append(c.Args, manual.Arg{Name: name, Help: a.Help, Choices: choices(a.Enum), Optional: !a.Required,
				Many: a.IsCumulative()})
		}
		p.Commands = append(p.Commands, c)
	}
	return p
}

func flagsOf(flags []*kong.Flag) (all []manual.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		flag := manual.Flag{Name: f.Name, Help: f.Help, Default: f.Default, Choices: choices(f.Enum),
			Negatable: f.Tag.Negatable != ""}
		if f.Short != 0 {
			flag.Short = string(f.Short)
		}
		if !f.IsBool() {
			flag.Value = f.FormatPlaceHolder()
		} else if f.Default == "false" {
			flag.Default = ""
		}
		all = append(all, flag)
	}
	return all
}

// choices returns the values of an enum, without the empty one.
func choices(enum string) []string {
	return slices.DeleteFunc(strings.Split(enum, ","), func(s string) bool { return s == "" })
}

// settingsPage describes the file of serve: its flags, by the level where they
// stand.
func settingsPage(p *manual.Program) *manual.SettingsPage {
	ofRoute := manual.SettingsGroup{Title: "SETTINGS OF A ROUTE",
		Text: "They stand in an entry of routes:, and before routes: as what each entry starts from."}
	ofProcess := manual.SettingsGroup{Title: "SETTINGS OF THE PROCESS"}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Route]()) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		names[name] = true
	}
	for _, c := range p.Commands {
		if c.Name != "serve" {
			continue
		}
		for _, f := range c.Flags {
			switch {
			case names[f.Name]:
				ofRoute.Settings = append(ofRoute.Settings, f)
			case f.Name != "config" && f.Name != "check" && f.Name != "help" && f.Name != "version":
				ofProcess.Settings = append(ofProcess.Settings, f)
			}
		}
	}
	return &manual.SettingsPage{
		Name: "wssgate.yaml", About: "configuration of wssgate serve", Intro: settingsIntro(),
		Groups:  []manual.SettingsGroup{ofProcess, ofRoute, listsOfFile()},
		Example: exampleFile, See: []string{"wssgate(1)", "wssgate-serve(1)", "wssgate-doctor(1)"},
	}
}

func settingsIntro() []string {
	return []string{
		"The file that --config names is YAML 1.2 in UTF-8. A setting has one name: max-message here, --max-message " +
			"on the command line, WSSGATE_MAX_MESSAGE in the environment. A flag beats the variable, which beats the file, " +
			"which beats the default. An unknown key is refused, and the refusal names the nearest known one.",
		"Relative paths count from the file's folder. Where a setting has several values, the file has a list. Sizes are " +
			"written 500kB, 20MB (powers of 1000) or 32MiB (powers of 1024), times 500ms, 30s, 5m. YAML's anchors, aliases " +
			"and tags are refused.",
		"wssgate serve --config FILE --check prints what would be in force, and refuses what serve would refuse.",
	}
}

// listsOfFile describes what only the file has.
func listsOfFile() manual.SettingsGroup {
	return manual.SettingsGroup{Title: "LISTS", Text: "What has several entries, each with settings of its own.",
		Settings: []manual.Flag{
			{Name: "routes", Value: "LIST", Help: "The routes."},
			{Name: "listeners", Value: "LIST", Help: "Addresses to listen on, with the keys name, listen, tls-cert and " +
				"tls-key. A route has the names of its own in on-listeners."},
			{Name: "certificates", Value: "LIST", Help: "Further certificates of all listeners with TLS, with the keys " +
				"tls-cert and tls-key. A client gets the one whose names it asks for."},
			{Name: "services", Value: "LIST", Help: "Principals with their keys, which routes share: name, which routes have " +
				"in kerberos-service; keytab or password-file, the file of the keys; principals, those that tickets may be " +
				"for, or any-principal: true, all of the keytab; with a password also salt, kvno and iterations; " +
				"disabled: true refuses every request of their routes."},
		}}
}

const exampleFile = `listen: :8443
tls-cert: tls.crt
tls-key: tls.key
keytab: gateway.keytab
service: soap/gateway.example.com@EXAMPLE.COM
allowed-realms: [EXAMPLE.COM]

routes:
  - path: /quotes
    policy: Kerberos
    backend: http://localhost:9100/quotes
`
