package config

import (
	"strings"
	"testing"
)

func TestParseBackend(t *testing.T) {
	for text, want := range map[string]string{
		"http://localhost:9100/service":    "localhost:9100 http://localhost:9100/service ",
		"https://u:s3cret@[::1]:8443/a?b":  "[::1]:8443 https://u:s3cret@[::1]:8443/a?b ",
		"unix:/run/app.sock":               "unix:/run/app.sock http://localhost /run/app.sock",
		"unix:/run/app.sock:/service?x=1":  "unix:/run/app.sock http://localhost/service?x=1 /run/app.sock",
		"unix:run/app.sock":                "",
		"unix:/run/app.sock:service":       "",
		"unix:/run/app.sock:/service#part": "",
		"unix:":                            "",
		"localhost:9100":                   "",
		"ftp://localhost/":                 "",
		"http:///service":                  "",
		"http://localhost/#part":           "",
		"":                                 "",
	} {
		b, err := ParseBackend(text)
		got := ""
		if err == nil {
			got = b.Name + " " + b.URL.String() + " " + b.Socket
		}
		if got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestBackendIsOneOrSeveral(t *testing.T) {
	const rest = "keytab: k\n"
	for file, want := range map[string]string{
		rest + "backend: http://a/s\n":                           "http://a/s",
		rest + "backend: [http://a/s, \"https://[::1]:1/s\"]\n":  "http://a/s https://[::1]:1/s",
		rest + "backend:\n  - http://a/s\n  - unix:/b.sock:/s\n": "http://a/s unix:/b.sock:/s",
	} {
		cfg, err := load(t, file, Flags{}, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := strings.Join(cfg.Routes[0].Backend, " "); got != want {
			t.Errorf("%s: got %q", file, got)
		}
		text, err := cfg.Effective()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(t, string(text), Flags{}, nil)
		if err != nil || strings.Join(again.Routes[0].Backend, " ") != want {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestCheckRefusesBackends(t *testing.T) {
	const rest = "keytab: k\n"
	for file, want := range map[string]string{
		"backend: []\n":          "gate.yaml:2:10: backend: is an empty list; write it as http://localhost:9100/service",
		"backend: {a: b}\n":      "gate.yaml:2:11: backend: is neither a URL nor a list of URLs",
		"backend: [[a]]\n":       "backend: is neither a URL nor a list of URLs",
		"backend: [http://a,]\n": "",
		"backend: [http://a, no]\n": "gate.yaml:2:21: backend: no is a switch in YAML, but this setting takes a text; " +
			"write it in quotes to use it as a text",
		"backend: [http://a, ftp://b]\n":      "gate.yaml:2:1: backend: is not an http or https URL",
		"backend: unix:app.sock\n":            "is not a unix socket with a path; write it as unix:/run/app.sock:/service",
		"backend: [http://a/s, http://a/s]\n": "backend: a is there twice; remove one",
		"backend: [http://a/s, http://b/t]\n": "backend: a and b differ in path, query or user; give all backends of a " +
			"route the same, or let each have a route of its own",
		"backend: [http://u:p@a/, http://b/]\n":  "backend: a and b differ in path, query or user",
		"backend: [http://a/?x, http://b/?y]\n":  "backend: a and b differ in path, query or user",
		"backend: [http://xxxxx@a/, http://b]\n": "backend: xxxxx is what --check prints in place of a secret",
		"backend: http://a\nbackend-ca: ca.pem\n": "gate.yaml:3:1: backend-ca: has no use: no backend of the route is " +
			"https; write https:// in backend, or remove it",
		"backend: https://a\nbackend-cert: c.pem\n": "backend-cert: has no key; give backend-key too",
		"backend: https://a\nbackend-key: c.pem\n":  "backend-key: has no certificate; give backend-cert too",
		"backend: https://a\nbackend-server-name: a:1\n": "backend-server-name: \"a:1\" is not a host name; write it as " +
			"app.example.com, without port",
		"backend: https://a\nbackend-connect-timeout: 0s\n": "backend-connect-timeout: 0s is not a duration",
	} {
		_, err := load(t, rest+file, Flags{}, nil)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", file, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v\nwant %s", file, err, want)
		}
	}
}

// What is wrong with a backend is said without the password in it.
func TestRefusedBackendsShowNoSecrets(t *testing.T) {
	for _, file := range []string{
		"backend: [http://u:s3cret@a/x, http://u:s3cret@b/y]\n",
		"backend: [http://u:s3cret@a/x, http://u:s3cret@a/x]\n",
		"backend: \"ftp://u:s3cret@a/\"\n",
		"backend: \"http://u:s3cret@a\\x7f/\"\n",
	} {
		if _, err := load(t, "keytab: k\n"+file, Flags{}, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Of several backends each is masked.
func TestEffectiveMasksSecretsOfAllBackends(t *testing.T) {
	cfg, err := load(t, "keytab: k\nbackend: [http://u:s3cret@a/, http://u:s3cret@b/]\n", Flags{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := cfg.Effective()
	if strings.Contains(string(text), "s3cret") || strings.Count(string(text), "http://xxxxx@") != 2 {
		t.Errorf("got\n%s", text)
	}
	if strings.Contains(cfg.Routes[0].Backend.String(), "s3cret") {
		t.Error("String shows a secret")
	}
}
