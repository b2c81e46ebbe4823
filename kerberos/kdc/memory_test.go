package kdc

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// dialled records what was dialled.
type dialled struct {
	mu   sync.Mutex
	list []string
}

func (d *dialled) add(network, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, network+"/"+strings.TrimSuffix(address, ":88"))
}

// take returns what was dialled since the last call.
func (d *dialled) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := strings.Join(d.list, " ")
	d.list = nil
	return text
}

func answerFrom(c net.Conn, reply []byte) {
	if _, err := c.Read(make([]byte, 4000)); err == nil {
		c.Write(reply)
	}
}

const (
	threeKDCs = "[realms]\nA = {\nkdc = one\nkdc = two\nkdc = three\n}\n"
	neverUDP  = "[libdefaults]\nudp_preference_limit = 1\n"
)

// A KDC that is silent costs its wait once: those that follow ask the one that
// answered. After a while a single request tries the configured order again.
func TestTransportRemembersTheKDCThatAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log dialled
		alive := "three:88"
		k := newKDCs(t, TransportConfig{Krb5Conf: threeKDCs + neverUDP, Patience: 250 * time.Millisecond,
			Dial: scriptedDial(func(network, address string, c net.Conn) {
				log.add(network, address)
				if address != alive {
					io.Copy(io.Discard, c)
					return
				}
				answerFrom(c, framed(errReply(6)))
			})})
		exchange := func(want string, took time.Duration) {
			t.Helper()
			start := time.Now()
			_, err := k.Exchange(t.Context(), "A", []byte("request"))
			synctest.Wait()
			if got := log.take(); err != nil || got != want || time.Since(start) != took {
				t.Errorf("dialled %s in %v (%v), want %s in %v", got, time.Since(start), err, want, took)
			}
		}
		exchange("tcp/one tcp/two tcp/three", 500*time.Millisecond)
		exchange("tcp/three", 0)
		time.Sleep(retryAfter)
		exchange("tcp/one tcp/two tcp/three", 500*time.Millisecond)
		exchange("tcp/three", 0)
		alive = "one:88"
		exchange("tcp/three tcp/one", 250*time.Millisecond)
		exchange("tcp/one", 0)
	})
}

// A KDC that has the request by TCP does not get it by UDP too, and one that has it
// by UDP gets it by TCP only if it fails, or is silent for a second: two copies may
// count as two logins.
func TestAKDCIsNotAskedTwice(t *testing.T) {
	t.Parallel()
	small, large := "request", "request"+strings.Repeat(" ", defaultUDPLimit)
	for name, c := range map[string]struct {
		request        string
		silent, closes string // who does; others answer
		want           string // dialled, with the milliseconds
	}{
		"answers":              {small, "", "", "0 udp/one"},
		"silent by UDP":        {small, "udp/one udp/two", "", "0 udp/one 250 udp/two 1000 tcp/one"},
		"one silent":           {small, "udp/one", "", "0 udp/one 250 udp/two"},
		"refuses by UDP":       {small, "", "udp/one udp/two", "0 udp/one 0 udp/two 0 tcp/one"},
		"one of each":          {small, "udp/two", "udp/one", "0 udp/one 0 udp/two 250 tcp/one"},
		"dead":                 {small, "udp/one tcp/one udp/two", "", "0 udp/one 250 udp/two 1000 tcp/one 1250 tcp/two"},
		"large":                {large, "", "", "0 tcp/one"},
		"large, one silent":    {large, "tcp/one", "tcp/two", "0 tcp/one 250 tcp/two 250 udp/two"},
		"large, refused twice": {large, "", "tcp/one tcp/two", "0 tcp/one 0 tcp/two 0 udp/one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log dialled
				start := time.Now()
				k := newKDCs(t, TransportConfig{Krb5Conf: "[realms]\nA = {\nkdc = one\nkdc = two\n}\n",
					Patience: 250 * time.Millisecond,
					Dial: scriptedDial(func(network, address string, conn net.Conn) {
						log.add(fmt.Sprintf("%d %s", time.Since(start).Milliseconds(), network), address)
						who := network + "/" + strings.TrimSuffix(address, ":88")
						switch {
						case strings.Contains(c.silent, who):
							io.Copy(io.Discard, conn)
						case !strings.Contains(c.closes, who):
							answerBy(network, conn, errReply(6))
						}
					})})
				answer, err := k.Ask(t.Context(), "A", []byte(c.request))
				synctest.Wait()
				from := strings.TrimSuffix(answer.From.String(), ":88")
				if got := log.take(); err != nil || got != c.want || !strings.HasSuffix(c.want, from) {
					t.Errorf("dialled %s, want %s; answer from %v: %v", got, c.want, answer.From, err)
				}
			})
		})
	}
}

// answerBy reads a request, and answers it in the form of the network.
func answerBy(network string, c net.Conn, reply []byte) {
	if network == "tcp" {
		reply = framed(reply)
	}
	answerFrom(c, reply)
}

// A KDC that is out of service says so once.
func TestAKDCOutOfServiceIsNotAskedByTCP(t *testing.T) {
	t.Parallel()
	var log dialled
	k := newKDCs(t, TransportConfig{Krb5Conf: threeKDCs, Dial: scriptedDial(func(network, address string, c net.Conn) {
		log.add(network, address)
		answerBy(network, c, errReply(krbErrUnavailable))
	})})
	answer, err := k.Ask(t.Context(), "A", []byte("request"))
	if got := log.take(); err != nil || got != "udp/one udp/two udp/three" || answer.Reply == nil {
		t.Errorf("dialled %s: %v", got, err)
	}
}

// Answers that are too big for UDP cost two requests once: those of the same kind
// go by TCP for a while. Nor does that make the KDC one to go back to.
func TestTransportRemembersWhatIsTooBigForUDP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log dialled
		tgs, as := []byte("tgs request"), []byte("as request")
		k := newKDCs(t, TransportConfig{Krb5Conf: threeKDCs, Patience: 250 * time.Millisecond,
			Dial: scriptedDial(func(network, address string, c net.Conn) {
				log.add(network, address)
				request := make([]byte, 100)
				n, _ := c.Read(request)
				switch {
				case network == "tcp":
					c.Write(framed(errReply(6)))
				case string(request[:n]) == string(tgs):
					c.Write(errReply(krbErrTooBig))
				default:
					c.Write(errReply(6))
				}
			})})
		exchange := func(request []byte, want string) {
			t.Helper()
			_, err := k.Exchange(t.Context(), "A", request)
			if got := log.take(); err != nil || got != want {
				t.Errorf("%s: dialled %s, want %s: %v", request, got, want, err)
			}
		}
		exchange(tgs, "udp/one tcp/one")
		exchange(tgs, "tcp/one")
		exchange(as, "udp/one")
		if len(k.good.good) > 0 {
			t.Errorf("%v", k.good.good)
		}
		time.Sleep(retryAfter)
		exchange(tgs, "udp/one tcp/one")
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	var m memory
	now := time.Now()
	for n := range 3 * maxGood {
		m.answered(strings.Repeat("A", n+1), Address{"tcp", "x"}, false, now)
		m.wasTooBig(exchange{strings.Repeat("A", n+1), 0x6c}, now)
		if len(m.good) > maxGood || len(m.tooBig) > 2*maxGood {
			t.Fatalf("%d realms, %d answers", len(m.good), len(m.tooBig))
		}
	}
}
