package nodes

import (
	"strings"
	"testing"
	"time"
)

// A node alone is killed with kill -9 and started again, again and again under
// load. What its memory held has to be negotiated anew, and a connection takes its
// exchange with it; nothing is answered or forwarded twice, nothing is forwarded
// that was not verified, and what was accepted before a kill is refused after it.
func TestFaultsOfANodeThatIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.inMemory = map[string]bool{"negotiated": true, "conversation": true, "legs": true, "http-legs": true}
	n := w.start()
	b := startBalancer(t, n.addr())
	l := startLoad(t, w, b)
	begin := time.Now()
	for time.Since(begin) < *loadFor {
		time.Sleep(min(*loadFor/4, 2*time.Second))
		before := l.answered.Load()
		until(t, "answers to clients of all kinds", func() bool { return l.kindsAnswered() && l.answered.Load() > before+20 })
		l.kills.Add(1)
		l.setOutage(true) // what is made while nobody has the journal open is refused
		n.kill()
		n.run()
		l.setOutage(false)
	}
	l.end()
	n.kill()
	n.run()
	answered, refused := 0, 0
	for _, wire := range l.wires {
		status, err := l.replay(wire)
		if wire.answered { // what was not may be accepted once; the backend sees whether it came before
			answered++
			if status >= 400 {
				refused++
			} else {
				t.Errorf("%s, answered before: HTTP %d %v", wire.path, status, err)
			}
		}
	}
	t.Logf("faults: | %d times kill -9 in %v | %d answered, %d whose connection ended with the node, %d made while it "+
		"was down, %d whose context it had forgotten; %d forged or repeated | then %d of %d answered ones refused | %s",
		l.kills.Load(), time.Since(begin).Round(time.Second), l.answered.Load(), l.lost.Load(), l.refused.Load(),
		l.forgotten.Load(), l.replayed.Load(), refused, answered, n.exchanges())
	l.check(t)
	if strings.Contains(n.log(), "DATA RACE") || strings.Contains(n.log(), "panic") || t.Failed() {
		t.Log(n.log())
	}
}
