package attacks_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/wssgate/wssgate/internal/attacks"
	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/testvectors"
	"github.com/wssgate/wssgate/wssec"
)

// A target is a service, and valid requests to it.
type target struct {
	name     string
	policy   wssec.Policy
	keytab   []byte
	services []string
	etypes   []int32
	contexts []wssec.SecurityContext
	time     time.Time
	tls      bool
	clients  []string // one for each message
	messages []attacks.Message
	replies  []reply

	renewed      map[string]wssec.Key // of contexts that were renewed, the key before
	clientRealms []string
	maxSkew      time.Duration
	addressing   bool // ends here, so that replies have wsa:RelatesTo
	nothing      bool // of what the policy protects nothing is for the backend
}

// always accepts every message as a new one, so that each attack is refused for
// what it is.
type always struct{}

func (always) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// processor makes the receiver of a target, which lives at its time.
func (s *target) processor(t testing.TB, store gss.ReplayStore) *wssec.Processor {
	t.Helper()
	now := func() time.Time { return s.time }
	cfg := wssec.Config{Replay: store, Time: now, Contexts: wssec.NewSecurityContexts(wssec.ContextsConfig{Time: now}),
		ContentPrefixes: wssec.PrefixesCovered,
		Tokens:          wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{}),
		Guard:           wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})}
	for _, c := range s.contexts {
		first := c
		if old, ok := s.renewed[c.Identifier]; ok {
			first.Instance, first.Key = "", old
		}
		must(t, cfg.Contexts.Issue(t.Context(), first))
		if first.Instance != c.Instance {
			must(t, cfg.Contexts.Renew(t.Context(), c))
		}
	}
	if len(s.keytab) > 0 {
		keys, err := keytab.Parse(s.keytab)
		must(t, err)
		acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: keys, Services: s.services,
			Etypes: append(slices.Clone(s.etypes), 17, 18, 19, 20), Time: now, Replay: store,
			ClientRealms: s.clientRealms, MaxSkew: s.maxSkew})
		must(t, err)
		cfg.Verifier = acceptor
	}
	p, err := wssec.NewProcessor(s.policy, cfg)
	must(t, err)
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A delivery is what the backend got.
type delivery struct {
	octets []byte
	header http.Header
}

type deliveriesKey struct{}

// The recorder is the backend.
type recorder struct{}

func (recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got := r.Context().Value(deliveriesKey{}).(*[]delivery)
	*got = append(*got, delivery{bytes.Clone(b), r.Header.Clone()})
	if text, ok := r.Context().Value(answerKey{}).(string); ok {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}},
			Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r}, nil
	}
	return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// A gate is the gateway in front of the recorder.
type gate struct {
	*gateway.Gateway
	target *target

	accepted []attacks.Attack // as what the client protected
	codes    sync.Map         // of Records, by the address of the client
	sent     atomic.Int64
}

// newGate makes the gateway of a target.
func newGate(t testing.TB, s *target, store gss.ReplayStore) *gate {
	t.Helper()
	return newGateOf(t, s, door.NewSecurity(s.policy.Name, s.processor(t, store)))
}

// newGateOf makes a gateway with a door.
func newGateOf(t testing.TB, s *target, d door.Door) *gate {
	t.Helper()
	g := &gate{target: s}
	backend, _ := url.Parse("http://backend.invalid/service")
	var err error
	g.Gateway, err = gateway.New(gateway.Config{
		Log: slog.New(slog.DiscardHandler), Transport: recorder{}, RefusalDelay: time.Millisecond,
		Observe: func(r *gateway.Record) { g.codes.Store(r.Client, r.Code) },
		Routes: []gateway.Route{{Path: "/svc", Door: d, Backend: backend, PrincipalHeader: "X-Principal",
			RealmHeader: "X-Realm", TerminateAddressing: s.addressing,
			TLSOffloaded: s.tls}},
	})
	must(t, err)
	return g
}

// send sends a request and returns what the backend got.
func (g *gate) send(a attacks.Attack) []delivery {
	_, got := g.sendFor(a)
	return got
}

// sendFor sends a request from an address of its own, by which its Record is
// found, and returns the code, too.
func (g *gate) sendFor(a attacks.Attack) (code string, got []delivery) {
	n := g.sent.Add(1)
	client := fmt.Sprintf("10.%d.%d.%d:1024", n>>16&255, n>>8&255, n&255)
	got = g.exchange(a, client)
	if c, ok := g.codes.LoadAndDelete(client); ok {
		code, _ = c.(string)
	}
	return code, got
}

func (g *gate) exchange(a attacks.Attack, client string) (got []delivery) {
	ctx := context.WithValue(context.Background(), deliveriesKey{}, &got)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://service.example.com/svc", bytes.NewReader(a.Octets))
	r.RemoteAddr = client
	r.Header.Set("Content-Type", a.ContentType)
	if a.Action != "" {
		r.Header.Set("SOAPAction", a.Action)
	}
	for name, value := range a.Header {
		r.Header[name] = []string{value}
	}
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		g.ServeHTTP(httptest.NewRecorder(), r)
	}()
	return got
}

// replaying is the class of attacks on a message that was accepted.
const replaying = "replay"

// transcripts returns the recorded conversations with protected requests under
// a symmetric binding, or over TLS alone, where the channel protects the rest.
func transcripts(t testing.TB, symmetric bool) (list []*target) {
	t.Helper()
	files, err := fs.Glob(testvectors.Files, "transcripts/*/case.yaml")
	must(t, err)
	for _, f := range files {
		s := readTranscript(t, path.Dir(f))
		if len(s.messages) > 0 && (s.policy.Binding == wssec.SymmetricBinding) == symmetric {
			list = append(list, s)
		}
	}
	return list
}

type transcript struct {
	Captured time.Time `yaml:"captured"`
	TLS      bool      `yaml:"tls"`
	Keytab   string    `yaml:"keytab"`
	Client   string    `yaml:"client-principal"`
	Service  string    `yaml:"service-principal"`
	Enctypes []int32   `yaml:"enctypes"`
	Contexts []struct {
		Identifier string          `yaml:"identifier"`
		Namespace  string          `yaml:"namespace"`
		Token      wssec.TokenType `yaml:"token"`
		Key        string          `yaml:"key"`
	} `yaml:"contexts"`
	Policy   wssec.Policy `yaml:"policy"`
	Messages []struct {
		File, Expect, Under, Plain string
	} `yaml:"messages"`
}

func readTranscript(t testing.TB, dir string) *target {
	t.Helper()
	file := func(name string) []byte {
		b, err := fs.ReadFile(testvectors.Files, path.Join(dir, name))
		must(t, err)
		return b
	}
	var c transcript
	must(t, yaml.Unmarshal(file("case.yaml"), &c))
	s := &target{name: path.Base(dir), policy: c.Policy, keytab: file(c.Keytab), services: []string{c.Service},
		etypes: c.Enctypes, time: c.Captured.Add(3 * time.Second), tls: c.TLS}
	for _, x := range c.Contexts {
		key, err := base64.StdEncoding.DecodeString(x.Key)
		must(t, err)
		s.contexts = append(s.contexts, s.context(c.Client, x.Identifier, x.Namespace, "", x.Token, key))
	}
	for _, m := range c.Messages {
		if m.Expect != "ok" || m.Under != "" {
			continue
		}
		if strings.Contains(m.File, "response") {
			if n := len(s.messages) - 1; n >= 0 {
				s.replies = append(s.replies, reply{n, request(file(m.File), file(m.Plain), "")})
			}
			continue
		}
		s.messages = append(s.messages, request(file(m.File), file(m.Plain),
			string(file(strings.TrimSuffix(m.File, ".xml")+".headers"))))
		s.clients = append(s.clients, c.Client)
	}
	return s
}

func (s *target) context(client, identifier, namespace, instance string, token wssec.TokenType,
	key []byte) wssec.SecurityContext {
	name, realm, _ := strings.Cut(client, "@")
	return wssec.SecurityContext{Identifier: identifier, Namespace: namespace, Instance: instance,
		Token: cmp.Or(token, s.policy.ClientToken()), Key: wssec.NewKey(key), Name: name, Realm: realm,
		Created: s.time.Add(-time.Minute), Expires: s.time.Add(time.Hour)}
}

// request returns a request with the media type and action of its header.
func request(octets, plain []byte, header string) attacks.Message {
	m := attacks.Message{Octets: octets, Plain: plain, ContentType: "text/xml; charset=utf-8"}
	if bytes.Contains(octets, []byte("http://www.w3.org/2003/05/soap-envelope")) {
		m.ContentType = "application/soap+xml; charset=utf-8"
	}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch strings.ToLower(name) {
		case "content-type":
			m.ContentType = value
		case "soapaction":
			m.Action = value
		}
	}
	return m
}

// cases returns the valid requests of testvectors/cases under a symmetric
// binding.
func cases(t testing.TB) (list []*target) {
	t.Helper()
	files, err := fs.Glob(testvectors.Files, "cases/*.txtar")
	must(t, err)
	for _, f := range files {
		if s := readCase(t, f); s != nil {
			list = append(list, s)
		}
	}
	return list
}

// readArchive returns header and sections of a case.
func readArchive(t testing.TB, name string) (header map[string]string, section map[string][]byte) {
	t.Helper()
	text, err := fs.ReadFile(testvectors.Files, name)
	must(t, err)
	archive := txtar.Parse(text)
	header, section = map[string]string{}, map[string][]byte{}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		header[key] = value
	}
	for _, f := range archive.Files {
		section[f.Name] = f.Data
	}
	return header, section
}

// readCase reads a case with an accepted message under a symmetric binding, else
// nil. What is bound to a channel, and what encoding/xml cannot read, is none.
func readCase(t testing.TB, name string) *target {
	t.Helper()
	header, section := readArchive(t, name)
	if header["bindings"] != "" || header["charset"] != "" || header["direction"] != "" {
		return nil
	}
	if header["content-prefixes"] == "" && strings.Contains(header["flags"], "content-prefix") {
		return nil // it is accepted that prefixes in content change their meaning
	}
	if header["expect"] != "ok" || section["message.xml"] == nil {
		return nil
	}
	s := caseTarget(t, name, header)
	if s == nil || s.policy.Binding != wssec.SymmetricBinding {
		return nil
	}
	for _, section := range [][2][]byte{{section["before.xml"], nil}, {section["message.xml"], section["body.xml"]}} {
		if section[0] == nil {
			continue
		}
		m := request(section[0], section[1], "")
		if _, err := attacks.Read(m.Octets); err != nil {
			return nil // in an encoding that encoding/xml does not have
		}
		s.messages, s.clients = append(s.messages, m), append(s.clients, header["client"])
	}
	s.nothing = !s.policy.SignedParts.Body
	return s
}

// caseTarget makes the service of a case.
func caseTarget(t testing.TB, name string, header map[string]string) *target {
	t.Helper()
	s := &target{name: strings.TrimSuffix(path.Base(name), ".txtar"), tls: header["tls"] == "true"}
	must(t, yaml.Unmarshal([]byte(header["policy"]), &s.policy))
	if header["bootstrap"] != "" {
		s.policy.Bootstrap = &wssec.Policy{}
		must(t, yaml.Unmarshal([]byte(header["bootstrap"]), s.policy.Bootstrap))
	}
	var err error
	s.time, err = time.Parse(time.RFC3339, header["time"])
	must(t, err)
	for key, value := range map[string]any{"etypes": &s.etypes, "client-realms": &s.clientRealms} {
		if header[key] != "" {
			must(t, json.Unmarshal([]byte(header[key]), value))
		}
	}
	if header["max-skew"] != "" {
		s.maxSkew, err = time.ParseDuration(header["max-skew"])
		must(t, err)
	}
	if header["service"] != "" {
		s.services = []string{header["service"]}
	}
	if header["keytab"] != "" {
		s.keytab, err = fs.ReadFile(testvectors.Files, path.Join("cases", header["keytab"]))
		must(t, err)
	}
	return s.withContexts(t, header["client"], header["contexts"])
}

// withContexts adds the contexts of a case, renewals among them.
func (s *target) withContexts(t testing.TB, client, list string) *target {
	t.Helper()
	if list == "" {
		return s
	}
	var contexts []struct {
		Identifier, Namespace, Instance, Key string
		Token                                wssec.TokenType
		OldKey                               string `json:"old-key"`
	}
	must(t, json.Unmarshal([]byte(list), &contexts))
	s.renewed = map[string]wssec.Key{}
	for _, c := range contexts {
		key, err := hex.DecodeString(c.Key)
		must(t, err)
		sc := s.context(client, c.Identifier, c.Namespace, c.Instance, c.Token, key)
		s.contexts = append(s.contexts, sc)
		if c.Instance != "" {
			old, err := hex.DecodeString(cmp.Or(c.OldKey, c.Key))
			must(t, err)
			s.renewed[c.Identifier] = wssec.NewKey(old)
		}
	}
	return s
}

// newStore is a replay store that has seen all there was.
func (s *target) newStore() gss.ReplayStore {
	return replay.NewMemory(replay.MemoryConfig{Time: func() time.Time { return s.time }, CompleteSince: time.Unix(0, 0)})
}
