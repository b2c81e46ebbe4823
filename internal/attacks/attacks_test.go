package attacks_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/attacks"
)

var whole = flag.Bool("whole", false, "try every attack on every message, not a sample")

// An outcome is what came of the attacks of a class.
type outcome struct {
	tried, refused, same, reached int
	codes                         map[string]int
}

// honest is what the client has protected: what reaches the backend of the
// message as it was sent.
type honest struct {
	meaning           attacks.Meaning
	principal, action string
}

// honestly sends the messages of a target as they are. What is delivered must be
// what encoding/xml reads in them, or in their plaintext.
func honestly(t *testing.T, s *target) (list []honest) {
	t.Helper()
	g := newGate(t, s, s.newStore())
	for i, m := range s.messages {
		code, got := g.sendFor(attacks.Attack{Message: m})
		if s.nothing && len(got) == 0 && code == "part-not-signed" {
			list = append(list, honest{}) // which no message means
			continue
		}
		if len(got) != 1 {
			t.Fatalf("message %d of %s was delivered %d times: %s", i+1, s.name, len(got), code)
		}
		meaning, err := attacks.Read(got[0].octets)
		must(t, err)
		want := protectedMeaning(t, m)
		if want.Body != meaning.Body && !(m.Plain == nil && strings.Contains(want.Body, "EncryptedData")) {
			t.Fatalf("message %d of %s was delivered as\n%s\nand protected as\n%s", i+1, s.name, meaning.Body, want.Body)
		}
		for _, b := range meaning.Blocks {
			if !slices.Contains(want.Blocks, b) && !slices.ContainsFunc(want.Blocks, isEncrypted) {
				t.Fatalf("message %d of %s was delivered with %s, which it does not have", i+1, s.name, b)
			}
		}
		h := honest{meaning, got[0].header.Get("X-Principal"), signedAction(got[0], meaning)}
		if h.principal != s.clients[i] {
			t.Fatalf("message %d of %s is of %q, want %q", i+1, s.name, h.principal, s.clients[i])
		}
		list = append(list, h)
	}
	return list
}

// isEncrypted reports whether a header block, other than Security, is a
// ciphertext or has one.
func isEncrypted(block string) bool {
	return strings.Contains(block, "}Encrypted") && !strings.Contains(block[:strings.Index(block, ">")], "}Security")
}

// protectedMeaning returns the meaning of a message as it is sent, with the
// plaintext of the Body.
func protectedMeaning(t *testing.T, m attacks.Message) attacks.Meaning {
	t.Helper()
	sent, err := attacks.Read(m.Octets)
	must(t, err)
	if strings.Contains(sent.Body, "EncryptedData") && m.Plain != nil {
		sent.Body, err = attacks.ReadBody(m.Plain)
		must(t, err)
	}
	return sent
}

// signedAction returns the action that a backend is told in HTTP, with the media
// type, which has that of SOAP 1.2, if a wsa:Action protects it; else "": an
// action in HTTP alone passes as it was sent.
func signedAction(d delivery, m attacks.Meaning) string {
	for _, b := range m.Blocks {
		if strings.HasPrefix(b, "<{http://www.w3.org/2005/08/addressing}Action") ||
			strings.HasPrefix(b, "<{http://schemas.xmlsoap.org/ws/2004/08/addressing}Action") {
			return d.header.Get("SOAPAction") + " " + d.header.Get("Content-Type")
		}
	}
	return ""
}

// passed are the fields of HTTP that may reach the backend.
var passed = []string{"Accept", "Accept-Language", "Content-Type", "Soapaction", "User-Agent", "X-Principal", "X-Realm",
	"X-Request-Id"}

// same reports whether a delivery means what one of the messages does.
func same(d delivery, list []honest) error {
	meaning, err := attacks.Read(d.octets)
	if err != nil {
		return fmt.Errorf("encoding/xml does not read it: %w", err)
	}
	for name, values := range d.header {
		if !slices.Contains(passed, name) || len(values) != 1 {
			return fmt.Errorf("the backend got %s: %q", name, values)
		}
	}
	for _, h := range list {
		if meaning.Equal(h.meaning) && d.header.Get("X-Principal") == h.principal && signedAction(d, meaning) == h.action {
			return nil
		}
	}
	return fmt.Errorf("it means %+v, of %s", meaning, d.header.Get("X-Principal"))
}

// A trial sends attacks, many at a time.
type trial struct {
	*testing.T
	results table
	places  chan struct{}
	wait    sync.WaitGroup
	mu      sync.Mutex
}

func newTrial(t *testing.T) *trial {
	return &trial{T: t, results: table{}, places: make(chan struct{}, 64)}
}

// try sends attacks, each of which may be delivered once at most, with the
// meaning of a message of the client's.
func (t *trial) try(g *gate, list []attacks.Attack, protected []honest) {
	for _, a := range list {
		t.places <- struct{}{}
		t.wait.Go(func() {
			defer func() { <-t.places }()
			code, got := g.sendFor(a)
			t.judge(g, a, code, got, protected)
		})
	}
}

func (t *trial) judge(g *gate, a attacks.Attack, code string, got []delivery, protected []honest) {
	var err error
	switch {
	case len(got) > 1:
		err = fmt.Errorf("delivered %d times", len(got))
	case len(got) == 1:
		err = same(got[0], protected)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.results.class(a.Class)
	o.tried++
	o.codes[code]++
	switch {
	case err != nil:
		o.reached++
		t.Errorf("%s: %s: %s: delivered, and not what the client protected: %v\n%.8000s\n%s\n%v", g.target.name,
			a.Class, a.Name, err, a.Octets, got[0].octets, got[0].header)
	case len(got) == 0:
		o.refused++
	default:
		o.same++
		g.accepted = append(g.accepted, a)
	}
}

// log logs what came of the attacks, and by which codes they were refused.
func (t *trial) log() {
	t.Logf("\n%s", t.results)
	for _, class := range slices.Sorted(maps.Keys(t.results)) {
		o := t.results[class]
		t.Logf("%s: %d refused, %d accepted as what the client protected: %v", class, o.refused, o.same, o.codes)
	}
}

// A table has the outcomes by class.
type table map[string]*outcome

func (t table) class(name string) *outcome {
	if t[name] == nil {
		t[name] = &outcome{codes: map[string]int{}}
	}
	return t[name]
}

// String returns the table as it stands in docs/attacks.md.
func (t table) String() string {
	var out strings.Builder
	out.WriteString("| class | tried | reached the backend |\n|---|---|---|\n")
	var sum outcome
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&out, "| %s | %d | %d |\n", name, t[name].tried, t[name].reached)
		sum.tried, sum.reached = sum.tried+t[name].tried, sum.reached+t[name].reached
	}
	fmt.Fprintf(&out, "| all | %d | %d |\n", sum.tried, sum.reached)
	return out.String()
}

// sample returns attacks of a message, every step-th from some place on.
func sample(list []attacks.Attack, from, step int) (some []attacks.Attack) {
	for i := from % step; i < len(list); i += step {
		some = append(some, list[i])
	}
	return some
}

// sampled returns the targets, and of how many attacks one is tried.
func sampled(t *testing.T) (targets []*target, step int) {
	all := append(transcripts(t, true), cases(t)...)
	if *whole {
		return all, 1
	}
	for i := 0; i < len(all); i += 13 {
		targets = append(targets, all[i])
	}
	return targets, 41
}

// TestNoAttackReachesTheBackend sends attacks on messages to the gateway, and
// then those that it took for the message itself as replays of it.
func TestNoAttackReachesTheBackend(t *testing.T) {
	trial := newTrial(t)
	targets, step := sampled(t)
	for n, s := range targets {
		protected := honestly(t, s)
		for i := range s.messages[:min(len(s.messages), 2)] {
			trial.attack(s, i, protected[i:i+1], n, step)
		}
		if len(s.messages) > 1 {
			trial.splice(s, protected, step)
		}
	}
	trial.strip(transcripts(t, false))
	for _, preset := range []string{"Kerberos", "SspiNegotiated", "SecureConversation", "wsHttpBinding"} {
		trial.converse(preset, step)
	}
	trial.wait.Wait()
	trial.log()
	checkDocument(t, trial.results, "")
}

// attack sends attacks on a message, and those that were accepted again.
func (t *trial) attack(s *target, i int, protected []honest, from, step int) {
	list, err := attacks.Of(s.messages[i])
	must(t, err)
	g := newGate(t, s, always{})
	for _, m := range s.messages[:i] { // it may name their token
		g.send(attacks.Attack{Message: m})
	}
	t.try(g, sample(list, from, step), protected)
	t.wait.Wait()
	t.replay(s, i, g.accepted)
}

// replay sends a message twice more, and each attack that was accepted as that
// message, to a gateway that has accepted it already.
func (t *trial) replay(s *target, i int, accepted []attacks.Attack) {
	if s.nothing {
		return
	}
	g := newGate(t, s, s.newStore())
	var again []attacks.Attack
	for n, m := range s.messages[:i+1] {
		a := attacks.Attack{Class: replaying, Name: fmt.Sprintf("message %d", n+1), Message: m}
		if got := g.send(a); len(got) != 1 {
			t.Fatalf("message %d of %s was delivered %d times", n+1, s.name, len(got))
		}
		again = append(again, a, a)
	}
	for _, a := range accepted {
		a.Class, a.Name = replaying, a.Class+": "+a.Name
		again = append(again, a)
	}
	t.try(g, again, nil)
}

// strip sends over plain HTTP what relies on TLS.
func (t *trial) strip(list []*target) {
	for _, s := range list {
		if !s.policy.NeedsTLS() {
			continue
		}
		plain := *s
		plain.tls = false
		for i, m := range s.messages {
			t.try(newGate(t, &plain, always{}), []attacks.Attack{{Class: "TLS stripped", Name: fmt.Sprintf("message %d", i+1),
				Message: m}}, nil)
		}
	}
}

// splice sends attacks made of the first two messages of a target.
func (t *trial) splice(s *target, protected []honest, step int) {
	t.spliceTo(newGate(t, s, always{}), s, protected, step)
}

func (t *trial) spliceTo(g *gate, s *target, protected []honest, step int) {
	for _, pair := range [][2]int{{0, 1}, {1, 0}} {
		list, err := attacks.Spliced(s.messages[pair[0]], s.messages[pair[1]])
		must(t, err)
		t.try(g, sample(list, 0, max(1, step/8)), protected[:2])
	}
}
