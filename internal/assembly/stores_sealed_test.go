package assembly

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/seal"
	"github.com/wssgate/wssgate/internal/store/redistest"
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A onceClient sends messages under one ticket, as clients of a policy with token-once do:
// the first has the token, and the others name it.
type onceClient struct {
	w         *nodesWorld
	processor *wssec.Processor
	token     wssec.OutgoingToken
}

func (c *onceClient) send(node int) int {
	c.w.t.Helper()
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	c.w.must(err)
	wire, _, err := c.processor.ProtectRequest(nil, env, c.token)
	c.w.must(err)
	c.token.Omit = true
	return c.w.post(node, wire)
}

const oncePolicy = "{preset: Kerberos, token-once: true}"

func (w *nodesWorld) once() (c *onceClient, key []byte) {
	w.t.Helper()
	p, _ := wssec.Preset("Kerberos")
	p.TokenOnce = true
	token, sub, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	return &onceClient{w, w.clientOf(p), wssec.OutgoingToken{Token: token, Key: wssec.NewKey(sub.ExposeKeyOctets())}},
		sub.ExposeKeyOctets()
}

// A ticket that one node has accepted is named to another; not on another route.
func TestNodesRememberTickets(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	w := newNodesWorld(t, oncePolicy, "", url, url)
	c, _ := w.once()
	for i, node := range []int{0, 1, 1, 0} {
		if status := c.send(node); status != http.StatusOK {
			t.Fatalf("message %d, node %d: HTTP %d, %s", i, node, status, w.lastCode())
		}
	}
}

// What is stolen from a store is of no use: neither its files nor its memory have
// keys, tokens or names of clients.
func TestDumpOfAStoreHasNoSecrets(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	w := newNodesWorld(t, "[SspiNegotiated, "+oncePolicy+"]", "", server.URL(), server.URL())
	c, key := w.once()
	if status := c.send(0); status != http.StatusOK {
		t.Fatal(status, w.lastCode())
	}
	sc := w.context()
	if o := w.ask("/a", sc); o.status != http.StatusOK {
		t.Fatal(o.event)
	}
	w.send(rst("left-open", ntlmFirst())) // waits for its second leg
	octets, err := os.ReadFile(w.keys)
	w.must(err)
	stateKey, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(octets)))
	w.must(err)
	secrets := map[string][]byte{
		"key of a ticket": key, "token": c.token.Token[len(c.token.Token)-100:], "client": []byte("alice"),
		"key of a security context": sc.Key.ExposeSecretOctets(), "state key": stateKey, "service": []byte(service),
	}
	if n := server.Do("DBSIZE"); len(n) < 2 {
		t.Fatalf("the store has %s keys", n)
	}
	server.Do("SET", "canary", "a canary that is found")
	server.Do("SAVE")
	for where, octets := range dumps(t, server) {
		if !bytes.Contains(octets, []byte("canary that is found")) {
			t.Errorf("%s: the canary is not found either", where)
		}
		for name, secret := range secrets {
			for form, s := range map[string][]byte{"": secret, " in hexadecimal": []byte(hex.EncodeToString(secret)),
				" in base64": []byte(base64.StdEncoding.EncodeToString(secret)[:len(secret)*4/3-3])} {
				if bytes.Contains(octets, s) {
					t.Errorf("%s has the %s%s", where, name, form)
				}
			}
		}
	}
}

// dumps returns what a server has written to its disk, and its memory.
func dumps(t *testing.T, server *redistest.Server) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.Walk(server.Dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && !strings.HasSuffix(path, ".manifest") && info.Size() > 200 {
			found[filepath.Base(path)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil || len(found) < 2 {
		t.Fatal(err, len(found))
	}
	found["the memory"] = server.Memory()
	return found
}

// The keys are changed while nodes run, one after the other, and no context is
// lost.
func TestNodesChangeTheirKeysWithoutALostContext(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL()
	w := newNodesWorld(t, "SspiNegotiated", "", url, url)
	sc := w.context()
	for stage, keys := range [][2][]string{{{"a"}, {"a", "b"}}, {{"a", "b"}, {"a", "b"}}, {{"a", "b"}, {"b", "a"}},
		{{"b", "a"}, {"b", "a"}}} {
		for node := range w.nodes {
			stateKeys(t, w.dir, keys[node]...)
			w.rings[node].reload()
		}
		for node := range w.nodes {
			w.on(node)
			fresh := w.context()
			for other := range w.nodes {
				w.on(other)
				for name, sc := range map[string]*wssec.SecurityContext{"of before": sc, "fresh": fresh} {
					if o := w.ask("/a", sc); o.status != http.StatusOK {
						t.Errorf("stage %d, node %d: the context %s: %v", stage, other, name, o.event)
					}
				}
			}
		}
	}
}

// TestRoundTripsOfAnExchange counts what a message costs: replies are held back
// until all has been asked that a message under a ticket asks, so that it would
// wait for ever if it asked one after the other. A message under a security context
// over TLS asks nothing.
func TestRoundTripsOfAnExchange(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr)
	w := newNodesWorld(t, "[Kerberos, SspiNegotiated]", "", proxy.URL())
	if status := w.post(0, w.message()); status != http.StatusOK {
		t.Fatal(status, w.lastCode())
	}
	proxy.Hold(func(sent []byte) bool { return strings.Count(string(sent), "\r\nNX\r\n") >= 2 })
	if status := w.post(0, w.message()); status != http.StatusOK {
		t.Errorf("a message under a ticket has more than one round trip: HTTP %d, %s", status, w.lastCode())
	}
	proxy.Hold(nil)

	o := newOutageWorld(t)
	o.underTLS()
	before := commands(o.server)
	for range 50 {
		if status := o.underTLS(); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	for command, n := range commands(o.server) { // looks of the two nodes, every few seconds
		if n -= before[command]; n > 20 {
			t.Errorf("%d %s for 50 messages under a security context over TLS", n, command)
		}
	}
}

func commands(s *redistest.Server) map[string]int {
	n := map[string]int{}
	for _, command := range []string{"get", "set", "mget", "eval", "evalsha", "multi", "pttl"} {
		n[command] = s.Calls(command)
	}
	return n
}

// What one kind of entry, or one route, has sealed is nothing for another, though
// somebody puts it there.
func TestTokensOfAllNodesAreForTheirScope(t *testing.T) {
	t.Parallel()
	s, err := stores.Open(loadConfig(t, "keytab: x\nbackend: http://127.0.0.1:1\nstore: "+redistest.Start(t).URL()+
		"\nstate-keys: x\nstore-timeout: 10s\n"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	redistest.Until(t, "the store works", func() bool { return len(s.Outages()) == 0 })
	entries := s.Any().Entries(valkey.Tokens, valkey.EntriesConfig{})
	none := func() wssec.TokenCache { return wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{}) }
	keys := map[string]wssec.StateSealer{"same": seal.NewRing(seal.Random()), "other": seal.NewRing(seal.Random())}
	hash, key := wssec.HashToken([]byte("token")), make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	want := wssec.CachedToken{Name: "alice", Realm: realm, Service: service, Groups: []string{"S-1-5-21-1"}, Etype: 18,
		Key: wssec.NewKey(key), EndTime: time.Now().Add(time.Hour).Round(0), ValueType: "urn:x",
		Credentials: []byte("secret")}
	if err := stores.NewTokens(none(), entries, keys["same"], "/a").PutToken(t.Context(), hash, want); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		keys, scope string
		found       bool
	}{{"same", "/a", true}, {"same", "/b", false}, {"other", "/a", false}} {
		got, ok, err := stores.NewTokens(none(), entries, keys[tt.keys], tt.scope).GetToken(t.Context(), hash)
		if ok != tt.found || err != nil {
			t.Errorf("%s keys, scope %s: %v, %v", tt.keys, tt.scope, ok, err)
		}
		if ok && (!got.Key.Equal(want.Key) || fmt.Sprint(got) != fmt.Sprint(want)) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
