package redistest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Replica starts a replica of s, and waits until it is in step.
func (s *Server) Replica(args ...string) *Server {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	r := start(s.t, s.bin, 6379, append([]string{"--replicaof", host + " " + port}, args...)...)
	r.until("is in step", func() bool { return r.Info("master_link_status") == "up" })
	return r
}

// Sentinels are three of them, which watch one primary under the name "main".
type Sentinels struct {
	All []*Server
}

// StartSentinels starts three sentinels for a primary, and waits until they know
// each other and its replicas.
func StartSentinels(t testing.TB, primary *Server, replicas int) *Sentinels {
	t.Helper()
	program := need(t, "redis-sentinel", "redis-sentinel")
	host, port, _ := net.SplitHostPort(primary.Addr)
	all := &Sentinels{}
	for range 3 {
		dir := shortDir(t)
		file := filepath.Join(dir, "sentinel.conf")
		text := "sentinel monitor main " + host + " " + port + " 2\nsentinel down-after-milliseconds main 500\n" +
			"sentinel failover-timeout main 3000\nsentinel parallel-syncs main 1\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all.All = append(all.All, startSentinel(t, program, file))
	}
	for _, s := range all.All {
		s.until("knows the others", func() bool {
			text, _ := s.Try("SENTINEL", "MASTER", "main")
			return fieldIn(text, "num-other-sentinels") == "2" &&
				fieldIn(text, "num-slaves") == map[int]string{0: "0", 1: "1", 2: "2"}[replicas]
		})
	}
	return all
}

func startSentinel(t testing.TB, program, file string) *Server {
	t.Helper()
	s := &Server{Addr: ownAddress(26379), Dir: filepath.Dir(file), t: t, bin: program, out: &lockedBuffer{}}
	host, port, _ := net.SplitHostPort(s.Addr)
	s.args = []string{file, "--sentinel", "--bind", host, "--port", port, "--dir", s.Dir, "--protected-mode", "no",
		"--sentinel", "announce-ip", host}
	s.run()
	t.Cleanup(s.Kill)
	return s
}

// fieldIn returns the line behind that of a name.
func fieldIn(text, name string) string {
	lines := strings.Split(text, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		if lines[i] == name {
			return lines[i+1]
		}
	}
	return ""
}

// URL returns the address of the primary as wssgate has it.
func (s *Sentinels) URL() string {
	var hosts []string
	for _, one := range s.All {
		hosts = append(hosts, one.Addr)
	}
	return "redis+sentinel://" + strings.Join(hosts, ",") + "/main"
}

// Primary returns the address of the primary as the first sentinel has it.
func (s *Sentinels) Primary() string {
	host, port, _ := strings.Cut(s.All[0].Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), "\n")
	return net.JoinHostPort(host, port)
}

// A Cluster is one of three primaries.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts a cluster of three primaries, and waits until it works.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	for range 3 {
		c.Nodes = append(c.Nodes, Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000"))
	}
	for i, slots := range []string{"0 5460", "5461 10922", "10923 16383"} {
		from, to, _ := strings.Cut(slots, " ")
		c.Nodes[i].Do("CLUSTER", "ADDSLOTSRANGE", from, to)
		if host, port, _ := net.SplitHostPort(c.Nodes[i].Addr); i > 0 {
			c.Nodes[0].Do("CLUSTER", "MEET", host, port)
		}
	}
	for _, node := range c.Nodes {
		node.until("is in the cluster", func() bool {
			text := node.Do("CLUSTER", "INFO")
			return strings.Contains(text, "cluster_state:ok") && strings.Contains(text, "cluster_known_nodes:3") &&
				strings.Contains(text, "cluster_size:3")
		})
	}
	return c
}

// Replica starts a replica of a node, and waits until it is in step and all know it.
// It is in the URL too.
func (c *Cluster) Replica(of int) *Server {
	primary := c.Nodes[of]
	primary.t.Helper()
	r := Start(primary.t, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
	host, port, _ := net.SplitHostPort(primary.Addr)
	r.Do("CLUSTER", "MEET", host, port)
	id := primary.Do("CLUSTER", "MYID")
	r.until("knows its primary", func() bool {
		_, err := r.Try("CLUSTER", "REPLICATE", id)
		return err == nil
	})
	r.until("is in step", func() bool { return r.Info("master_link_status") == "up" })
	c.Nodes = append(c.Nodes, r)
	for _, node := range c.Nodes {
		node.until("knows the replica", func() bool {
			text := node.Do("CLUSTER", "NODES")
			return strings.Count(text, "slave") == 1 && strings.Count(text, "\n") == len(c.Nodes)
		})
	}
	return r
}

// URL returns the address as wssgate has it.
func (c *Cluster) URL() string {
	var hosts []string
	for _, one := range c.Nodes {
		hosts = append(hosts, one.Addr)
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}
