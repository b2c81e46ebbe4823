package gateway_test

// This is a program that attacks the gateway by the clock. It is no test of
// `go test ./...`; run it by
//
//	go test ./internal/gateway -run '^TestTimingAttack$' -timeout 0 -v -attack all -questions 100000 -concurrency 16
//
// -attack takes the names of trials, separated by commas, or all. -questions is
// the most that one asks; most ask fewer. A whole run takes a quarter of an
// hour on two processors; one with -questions 2000 two minutes, in which an
// oracle as wide as the one that was there would be seen. The gateway is a
// process of its own. It fails if an attack without defences does not succeed,
// or one with a defence does. What it found stands in docs/timing.md.

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	attackFlag      = flag.String("attack", "", "trials of TestTimingAttack, or all")
	questionsFlag   = flag.Int("questions", 100_000, "questions of TestTimingAttack in a trial of release times")
	concurrencyFlag = flag.Int("concurrency", 16, "connections of TestTimingAttack, in trials of release times")
)

// A trial is one way to ask a gateway with some defences.
type trial struct {
	name   string
	with   defences
	most   int // questions, however many -questions are; 0 for no limit
	expect expectation
	ask    func(*attacker, int) []sample
}

// An expectation is what the times are to tell.
type expectation int

const (
	silent expectation = iota // nothing, or a defence has failed
	tells                     // something, or the attack does not work and says nothing about defences
	either                    // what a defence alone is not meant to hide
)

var (
	none    = defences{}
	release = defences{Release: true}
	counter = defences{Counter: true}
	shape   = defences{Shape: true}
	both    = defences{Shape: true, Release: true} // the counter would end the trial
	oneCPU  = defences{Release: true, Procs: 1}
	bothOne = defences{Shape: true, Release: true, Procs: 1}
)

func trials() []trial {
	return []trial{
		{"padding-undefended", none, 12_000, tells, (*attacker).askPadding},
		{"padding-release", release, 0, silent, (*attacker).askPadding},
		{"padding-release-alone", release, 3_000, silent, (*attacker).askPaddingAlone},
		{"padding-counter", counter, 12_000, silent, (*attacker).askPadding},
		{"padding-shape", shape, 0, silent, (*attacker).askPadding},
		{"xml-undefended", none, 4_000, tells, (*attacker).askXML},
		{"xml-release", release, 20_000, silent, (*attacker).askXML},
		{"xml-shape", shape, 20_000, silent, (*attacker).askXML},
		{"pairs-undefended", none, 4_000, tells, (*attacker).askPairs},
		{"pairs-release", release, 10_000, either, (*attacker).askPairs},
		{"pairs-both", both, 10_000, silent, (*attacker).askPairs},
		{"below-step-release", release, 4_000, silent,
			func(a *attacker, n int) []sample { return a.askSize(n, 256<<10-512) }},
		{"above-step-release", release, 4_000, silent,
			func(a *attacker, n int) []sample { return a.askSize(n, 256<<10+512) }},
		{"load-release", release, 10_000, silent, (*attacker).askUnderLoad},
		{"hangup-release", release, 10_000, silent, (*attacker).askAndHangUp},
		{"probe-undefended", none, 10_000, either, (*attacker).askAndProbe},
		{"probe-release", release, 10_000, either, (*attacker).askAndProbe},
		{"probe-both", both, 10_000, silent, (*attacker).askAndProbe},
		{"probe-release-one-cpu", oneCPU, 10_000, either, (*attacker).askAndProbe},
		{"probe-both-one-cpu", bothOne, 10_000, silent, (*attacker).askAndProbe},
	}
}

func TestTimingAttack(t *testing.T) {
	if *attackFlag == "" {
		t.Skip("a program of its own: see the top of the file")
	}
	wanted := strings.Split(*attackFlag, ",")
	fmt.Println("| trial | questions | median, class | median, rest | AUC | p | place of the octet | late | suspended |")
	for _, x := range trials() {
		if wanted[0] == "all" || slices.Contains(wanted, x.name) {
			t.Run(x.name, x.run)
		}
	}
}

// alarm is the p below which a defence is said to have failed: by
// chance in one of some ten thousand runs of all trials.
const alarm = 1e-5

func (x trial) run(t *testing.T) {
	n := *questionsFlag
	if x.most > 0 {
		n = min(n, x.most)
	}
	a := newAttacker(t, x.with)
	if !x.with.Release {
		a.connections = 1 // where answers are not awaited, more would only disturb each other
	}
	samples := x.ask(a, n)
	for x.expect == tells && compare(samples).p > alarm && len(samples) < x.most {
		samples = append(samples, x.ask(a, n)...) // beside other work it takes more to see something
	}
	v, place, counted := compare(samples), "", a.gateway.stop()
	if strings.HasPrefix(x.name, "padding") {
		place = fmt.Sprint(placeOf(a.truth, samples))
	}
	fmt.Printf("| %s | %v | %s | %d | %d |\n", x.name, v, place, counted.Late, counted.Suspended)
	switch {
	case x.expect == tells && v.p > alarm:
		t.Error("the attack does not work: it says nothing about the defences")
	case x.expect == silent && v.p < alarm:
		t.Error("the times tell")
	}
	if counted.Busy > 0 {
		t.Errorf("%d questions were not looked at", counted.Busy)
	}
}

// An attacker has a recorded message and no key. He puts ciphertext of its Body
// in the place of the encrypted Signature.
type attacker struct {
	t       *testing.T
	gateway *attacked
	parts   [4]string // of the message: up to Created, to Expires, to the Signature's ciphertext, and behind it
	cipher  []byte    // of the recorded Body, its IV first
	target  int       // block of cipher whose last octet he is after
	truth   byte      // what he is after: that octet of the block's raw decryption
	padding string    // octets of further header blocks

	connections int
}

const block = 16

func newAttacker(t *testing.T, with defences) *attacker {
	a := &attacker{t: t, gateway: startAttacked(t, with), target: 200 + rand.IntN(100), connections: *concurrencyFlag}
	message := string(a.gateway.Message)
	values := regexp.MustCompile(`<xenc:CipherValue>([^<]*)<`).FindAllStringSubmatch(message, -1)
	var err error
	if a.cipher, err = base64.StdEncoding.DecodeString(values[1][1]); err != nil {
		t.Fatal(err)
	}
	// Little is left of the Body, and as many header blocks are added as make
	// room for the longest Signature.
	message = strings.Replace(message, values[1][1], base64.StdEncoding.EncodeToString(a.cipher[:2*block]), 1)
	more := strings.Repeat(`<a:x xmlns:a="http://www.w3.org/2005/08/addressing"/>`, 60)
	message = strings.Replace(message, "</s:Header>", more+"</s:Header>", 1)
	cut := regexp.MustCompile(`(?s)^(.*<wsu:Created>)[^<]*(<.*<wsu:Expires>)[^<]*(<.*)` +
		regexp.QuoteMeta(values[0][1]) + `(.*)$`).FindStringSubmatch(message)
	if cut == nil {
		t.Fatal("the recorded message is of another form")
	}
	copy(a.parts[:], cut[1:])
	last := a.target*block - 1 // of the ciphertext block before the target, and of the target's plaintext
	a.truth = a.cipher[last] ^ a.gateway.Body[last]
	return a
}

// message is the question whether a ciphertext opens. The Timestamp is not
// looked into before that, so it is written anew.
func (a *attacker) message(cipher []byte) []byte {
	now := time.Now().UTC()
	return fmt.Appendf(nil, "%s%s%s%s%s%s%s", a.parts[0], now.Format(time.RFC3339), a.parts[1],
		now.Add(5*time.Minute).Format(time.RFC3339),
		a.parts[2], base64.StdEncoding.EncodeToString(cipher),
		strings.Replace(a.parts[3], "</s:Header>", a.padding+"</s:Header>", 1))
}

// longest is the ciphertext that is known to be scanned, of the length that the
// gateway still takes.
const longest = 47 << 10

// guess asks whether the target's last octet is right padding under guess: if
// it is, what stands before is scanned, and else nothing is.
func (a *attacker) guess(g byte) (cipher []byte, right bool) {
	cipher = slices.Clone(a.cipher[:longest])
	for range block - 1 {
		cipher = append(cipher, byte(rand.IntN(256)))
	}
	cipher = append(append(cipher, g), a.cipher[a.target*block:][:block]...)
	pad := a.truth ^ g
	return cipher, pad >= 1 && pad <= block
}

// evenly guesses with right padding half of the time, for trials that do not
// look for the octet but for a difference.
func (a *attacker) evenly() (message []byte, right bool) {
	g := byte(rand.IntN(256))
	if rand.IntN(2) == 0 {
		g = a.truth ^ byte(1+rand.IntN(block))
	}
	cipher, right := a.guess(g)
	return a.message(cipher), right
}

// askPadding looks for the octet with all connections.
func (a *attacker) askPadding(n int) []sample { return a.each(n, a.connections, a.onePadding) }

// askPaddingAlone does so with one, on a gateway that has nothing else to do.
func (a *attacker) askPaddingAlone(n int) []sample { return a.each(n, 1, a.onePadding) }

func (a *attacker) onePadding(l *line, i int) sample {
	g := byte(i)
	cipher, right := a.guess(g)
	return sample{l.ask(a.message(cipher)), right, g}
}

// askXML changes the first block of a well-formed plaintext, through its IV: a
// mistake in the fourth octet against one in the last kilobyte.
func (a *attacker) askXML(n int) []sample {
	padded, _ := a.guess(a.truth ^ 1)
	return a.each(n, a.connections, func(l *line, _ int) sample {
		cipher, early := slices.Clone(padded), rand.IntN(2) == 0
		if early {
			cipher[3] ^= 'A' ^ '!'
		} else {
			cipher[3] ^= 'A' ^ 'C'
		}
		return sample{took: l.ask(a.message(cipher)), class: early}
	})
}

// askSize asks with messages of a size.
func (a *attacker) askSize(n, size int) []sample {
	message, _ := a.evenly()
	const element = `<x:y xmlns:x="u:x"/>`
	room := size - len(message) - len(`<x xmlns="u:x"></x>`)
	a.padding = `<x xmlns="u:x">` +
		strings.Repeat(element, room/len(element)) + strings.Repeat(" ", room%len(element)) + `</x>`
	return a.each(n, a.connections, a.oneEvenly)
}

func (a *attacker) oneEvenly(l *line, _ int) sample {
	message, right := a.evenly()
	return sample{took: l.ask(message), class: right}
}

// askUnderLoad keeps the gateway busy meanwhile with what it refuses at once:
// documents that are wide, and wrong at the end.
func (a *attacker) askUnderLoad(n int) []sample {
	wide := []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
		strings.Repeat(`<a b="" c=""/>`, 20<<10) + "</s:Wrong>")
	stop := make(chan bool)
	var load sync.WaitGroup
	for range 3 {
		load.Go(func() {
			l := a.dial()
			defer l.Close()
			for {
				select {
				case <-stop:
					return
				default:
					l.ask(wide)
				}
			}
		})
	}
	defer load.Wait()
	defer close(stop)
	return a.each(n, a.connections, a.oneEvenly)
}

// askPairs sends two questions at once over one HTTP/2 connection, of which one
// has right padding, and looks at which answer comes first, and by how much.
func (a *attacker) askPairs(n int) []sample {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.gateway.Certificate)
	return a.collect(n/2, a.connections, func() (func(int) sample, func()) {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{RootCAs: pool}}}
		return func(int) sample { return a.onePair(client) }, client.CloseIdleConnections
	})
}

func (a *attacker) onePair(client *http.Client) sample {
	var messages [2][]byte
	var done [2]time.Time
	firstIsRight := rand.IntN(2) == 0
	for i := range messages {
		g := a.truth ^ 1
		if (i == 0) != firstIsRight {
			g = a.truth ^ 200
		}
		cipher, _ := a.guess(g)
		messages[i] = a.message(cipher)
	}
	var both sync.WaitGroup
	for i := range messages {
		both.Go(func() {
			resp, err := client.Post(a.gateway.TLS+"/svc", "text/xml; charset=utf-8", bytes.NewReader(messages[i]))
			done[i] = time.Now()
			if err != nil {
				a.t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.ProtoMajor != 2 {
				a.t.Errorf("HTTP/%d", resp.ProtoMajor)
			}
		})
	}
	both.Wait()
	return sample{took: done[0].Sub(done[1]), class: firstIsRight}
}

// askAndHangUp closes its half of the connection behind the question, and looks
// at when the gateway closes the other: there need not be an answer.
func (a *attacker) askAndHangUp(n int) []sample {
	return a.collect(n, a.connections, func() (func(int) sample, func()) {
		return func(int) sample {
			l := a.dial()
			defer l.Close()
			message, right := a.evenly()
			l.send(message)
			if err := l.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				a.t.Error(err)
			}
			_, _ = io.Copy(io.Discard, l.r)
			return sample{took: time.Since(l.sent), class: right}
		}, func() {}
	})
}

// askAndProbe does not look at the answer, but at how soon another connection
// gets one that nothing delays, while the gateway works on the question.
func (a *attacker) askAndProbe(n int) (samples []sample) {
	probe := a.dial()
	defer probe.Close()
	var lines [32]*line
	for i := range lines {
		lines[i] = a.dial()
		defer lines[i].Close()
	}
	for i := range n {
		l := lines[i%len(lines)]
		if i >= len(lines) {
			l.answer()
		}
		message, right := a.evenly()
		l.send(message)
		samples = append(samples, sample{took: probe.get(), class: right})
	}
	for i := range min(n, len(lines)) {
		lines[i].answer()
	}
	return samples
}

// each collects n samples over so many connections.
func (a *attacker) each(n, connections int, one func(*line, int) sample) []sample {
	return a.collect(n, connections, func() (func(int) sample, func()) {
		l := a.dial()
		return func(i int) sample { return one(l, i) }, func() { l.Close() }
	})
}

func (a *attacker) collect(n, workers int, open func() (one func(int) sample, done func())) []sample {
	samples := make([]sample, n)
	order := rand.Perm(n)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			one, done := open()
			defer done()
			for i := w; i < n; i += workers {
				samples[i] = one(order[i])
			}
		})
	}
	all.Wait()
	return samples
}

// A line is a connection, with as little between the attacker and his clock as
// can be.
type line struct {
	net.Conn
	t    *testing.T
	r    *bufio.Reader
	sent time.Time
}

func (a *attacker) dial() *line { return dialLine(a.t, a.gateway.Plain) }

func dialLine(t *testing.T, base string) *line {
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Error(err)
		return nil
	}
	return &line{Conn: c, t: t, r: bufio.NewReader(c)}
}

// ask returns the time from the end of sending to the first octet of the
// refusal.
func (l *line) ask(message []byte) time.Duration {
	l.send(message)
	return l.answer()
}

func (l *line) send(message []byte) {
	head := fmt.Sprintf("POST /svc HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: "+
		"%d\r\n\r\n", len(message))
	if _, err := l.Write(append([]byte(head), message...)); err != nil {
		l.t.Error(err)
	}
	l.sent = time.Now()
}

func (l *line) answer() time.Duration {
	_, err := l.r.Peek(1)
	took := time.Since(l.sent)
	if err != nil {
		l.t.Error(err)
		return 0
	}
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		l.t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode == http.StatusOK {
		l.t.Errorf("HTTP %d %s: %v", resp.StatusCode, body, err)
	}
	return took
}

// get asks for what is not there, which is refused at once.
func (l *line) get() time.Duration {
	_, _ = io.WriteString(l, "GET /none HTTP/1.1\r\nHost: gw\r\n\r\n")
	l.sent = time.Now()
	return l.answer()
}
