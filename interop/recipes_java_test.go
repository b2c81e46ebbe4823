package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// javaRecipe writes a program of the recipes, its policy and its login
// configuration with the lab's names, and returns what runs it.
func (c *cxf) javaRecipe(t *testing.T, class string, args ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	login := strings.NewReplacer("useTicketCache=true",
		`useKeyTab=true keyTab="`+c.file("alice.keytab")+`" principal="alice@EXAMPLE.COM"`,
		"/etc/service.keytab", c.file("svc.keytab"), "soap/service.example.com", "bob/service.ws.apache.org").
		Replace(recipe(t, "", "alice {") + recipe(t, "", "service {"))
	for name, text := range map[string]string{class + ".java": recipe(t, "java", "public class "+class),
		"policy.xml": recipe(t, "xml", "<sp:SymmetricBinding>"), "login.conf": login} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path, err := os.ReadFile(filepath.Join(c.build, "cp.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("java", append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Djava.security.krb5.conf=" + c.file("krb5.conf"), "-Djava.security.auth.login.config=login.conf",
		"-cp", strings.TrimSpace(string(path)), class + ".java"}, args...)...)
	cmd.Dir = dir
	return cmd
}

// The recipes for Java: CXF as client and as service, and WSS4J by hand.
func TestRecipesOfJavaRunAsWritten(t *testing.T) {
	c := newCXF(t, startKDC(t))
	wssgate := program(t)
	policy := recipe(t, "yaml", "algorithm-suite: Basic128")
	dir := t.TempDir()
	config := filepath.Join(dir, "gate.yaml")
	addr, _ := freeAddr(t)
	text := policy + "listen: " + addr + "\nadmin: off\nkeytab: " + c.file("svc.keytab") + "\nservice: " + service +
		"\nbackend: " + c.backend(t) + "\nstate-dir: " + dir + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon(t, exec.Command(wssgate, "serve", "--config", config), listening(addr))
	const principal = "bob@service.ws.apache.org"
	for class, want := range map[string]string{"CallService": "<doubledNumber>42</doubledNumber>",
		"CallByHand": "HTTP 200"} {
		cmd := c.javaRecipe(t, class, "http://"+addr+"/", principal, "policy.xml")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", class, err, out)
		}
	}
	at, _ := freeAddr(t)
	daemon(t, c.javaRecipe(t, "SecuredService", "http://"+at+"/", principal, "policy.xml"), saidReady)
	cmd := exec.Command(wssgate, "request", "http://"+at+"/", "--config", config, "--keytab", c.file("alice.keytab"),
		"--principal", "alice@EXAMPLE.COM", "--krb5-conf", c.file("krb5.conf"))
	cmd.Stdin = strings.NewReader(`<a:Ask xmlns:a="urn:example"/>`)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), ">42</a:Answer>") {
		t.Errorf("request: %v\n%s", err, out)
	}
}
