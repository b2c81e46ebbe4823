package nodes

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/client"
)

// block returns the blocks of a language in the recipe, one behind the other, with
// what is written there in the place of addresses, files and the password.
func (h *hostsOfRecipe) block(language string, number int) string {
	h.t.Helper()
	text, err := os.ReadFile("../../docs/recipes/many-nodes.md")
	if err != nil {
		h.t.Fatal(err)
	}
	all := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if number >= len(all) {
		h.t.Fatalf("the recipe has no block %d of %s", number, language)
	}
	return h.fill.Replace(all[number][1])
}

// hostsOfRecipe are the three hosts of docs/recipes/many-nodes.md.
type hostsOfRecipe struct {
	t        *testing.T
	w        *world
	hosts    [3]string
	fill     *strings.Replacer
	programs [3][]*exec.Cmd
}

// newHostsOfRecipe makes the files that the recipe makes by commands.
func newHostsOfRecipe(t *testing.T) *hostsOfRecipe {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-sentinel", "openssl"} {
		need(t, program, program)
	}
	need(t, "/usr/sbin/nginx", "nginx")
	h := &hostsOfRecipe{t: t, w: newWorld(t, "")}
	etc := h.w.dir
	pairs := []string{"/etc/wssgate", etc, "http://quotes.internal:8080", h.w.backend.url, "svc.keytab", "soap.keytab",
		"[10.0.0.5]", "[127.0.0.0/8]"}
	for i := range h.hosts {
		h.hosts[i] = ownHost()
		pairs = append(pairs, fmt.Sprintf("gw%d.internal", i+1), h.hosts[i])
	}
	h.fill = strings.NewReplacer(pairs...)
	if out, err := exec.Command("sh", "-e", "-c", h.block("sh", 0)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.fill = strings.NewReplacer(append(pairs, "PASSWORD", strings.TrimSpace(string(h.w.read("store.password"))))...)
	return h
}

// need skips the test if a program is not installed.
func need(t *testing.T, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed: apt-get install %s", program, debian)
	}
	t.Skipf("needs %s: apt-get install %s", program, debian)
}

// run starts a program on a host, in a folder of its own, and waits until it
// listens.
func (h *hostsOfRecipe) run(host int, port string, args func(dir string) []string) {
	h.t.Helper()
	dir, err := os.MkdirTemp(h.w.dir, "host")
	if err != nil {
		h.t.Fatal(err)
	}
	command := args(dir)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		h.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.programs[host] = append(h.programs[host], cmd)
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && h.t.Failed() {
			h.t.Logf("%s:\n%.4000s", command[0], text)
		}
	})
	address := net.JoinHostPort(h.hosts[host], port)
	until(h.t, address+" listens", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// file writes a configuration.
func (h *hostsOfRecipe) file(dir, name, text string) string {
	h.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// die kills all that runs on a host.
func (h *hostsOfRecipe) die(host int) {
	for _, cmd := range h.programs[host] {
		_ = cmd.Process.Kill()
	}
}

// docs/recipes/many-nodes.md as it is written. A host dies with all that is on it,
// the primary of the store too, and clients go on.
func TestRecipeOfManyNodes(t *testing.T) {
	t.Parallel()
	h := newHostsOfRecipe(t)
	for i, host := range h.hosts {
		h.run(i, "6379", func(dir string) []string {
			text := "bind " + host + "\nreplica-announce-ip " + host + "\ndir " + dir + "\n" + h.block("redis", 0)
			if i > 0 {
				text += h.block("redis", 1)
			}
			return []string{"redis-server", h.file(dir, "redis.conf", text)}
		})
	}
	for i, host := range h.hosts {
		h.run(i, "26379", func(dir string) []string {
			return []string{"redis-sentinel", h.file(dir, "sentinel.conf", "bind "+host+"\nsentinel announce-ip "+host+
				"\nprotected-mode no\ndir "+dir+"\n"+h.block("sentinel", 0))}
		})
	}
	config := h.block("yaml", 0)
	for i, host := range h.hosts {
		h.run(i, "8080", func(dir string) []string {
			own := strings.NewReplacer("listen: :8080", "listen: "+host+":8080\nadmin: "+host+":9180",
				"/var/lib/wssgate", dir).Replace(config)
			return []string{h.w.program, "serve", "--config", h.file(dir, "wssgate.yaml", own)}
		})
	}
	url := h.nginx()
	for _, host := range h.hosts {
		until(t, host+" is ready", func() bool { return readyAt(host) })
	}
	kerberos, conversation := h.client(url+"/quotes", "Kerberos"), h.client(url+"/orders", "ws2007HttpBinding")
	call := func(c *client.Client) error {
		id := h.w.backend.register("recipe")
		_, err := c.Call(context.Background(), client.Request{Message: question(id), Action: "urn:q:ask"})
		return err
	}
	for range 9 {
		for _, c := range []*client.Client{kerberos, conversation} {
			if err := call(c); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range h.hosts {
		until(t, "sentinels that know all", func() bool { return h.sentinelKnowsAll(i) })
	}
	h.die(0)
	until(t, "calls go on", func() bool {
		good := 0
		for range 4 {
			if call(kerberos) == nil && call(conversation) == nil {
				good++
			}
		}
		return good == 4
	})
	h.w.backend.check(t)
}

// sentinelKnowsAll reports whether the sentinel of a host knows both replicas and
// both other sentinels, which takes some seconds.
func (h *hostsOfRecipe) sentinelKnowsAll(host int) bool {
	out, err := exec.Command("redis-cli", "-h", h.hosts[host], "-p", "26379", "SENTINEL", "MASTER", "wssgate").Output()
	text := string(out)
	return err == nil && strings.Contains(text, "num-slaves\n2\n") && strings.Contains(text, "num-other-sentinels\n2\n")
}

// client makes one of a route.
func (h *hostsOfRecipe) client(url, policy string) *client.Client {
	k := &worker{load: &load{w: h.w}, url: url, name: "recipe", tickets: h.w.tickets(), transport: to}
	return k.client("", policy)
}

// nginx starts nginx in front, on a host of its own.
func (h *hostsOfRecipe) nginx() (url string) {
	front := ownHost()
	config := strings.Replace(h.block("nginx", 0), "listen 8000", "listen "+front+":8000", 1)
	first := h.hosts[0]
	h.hosts[0] = front // where run waits for it
	h.run(0, "8000", func(dir string) []string {
		text := "worker_processes 1; user root; events {} http { access_log off;\n"
		for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			text += what + "_temp_path " + dir + "/" + what + ";\n"
		}
		return []string{"/usr/sbin/nginx", "-e", "stderr", "-g", "daemon off; pid " + dir + "/pid;", "-c",
			h.file(dir, "nginx.conf", text+config+"}")}
	})
	h.hosts[0] = first
	h.programs[0] = h.programs[0][:len(h.programs[0])-1] // it does not die with the host
	return "http://" + front + ":8000"
}
