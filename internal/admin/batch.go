package admin

import (
	"log/slog"
	"sync"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
)

// batchSize is how many exchanges are counted together. To count touches some
// hundred places in memory, which other work has driven out of the processor's
// caches: for several exchanges, one after the other, that is paid once.
const batchSize = 64

// maxStages is how many stages of an exchange are counted, more than any has.
const maxStages = 12

// A batch has the exchanges that are not counted yet.
type batch struct {
	mu         sync.Mutex
	list, free []observed // of batchSize; free is nil while it is counted
}

// observed is what is counted of an exchange.
type observed struct {
	routeKey
	total         time.Duration
	in, out       int
	backendStatus int
	verdict       string // the code of a trial; "" for none
	stages        [maxStages]stageTime
}

type stageTime struct {
	name string // "" for none
	took time.Duration
}

// set sets o, which is zero, to what is counted of x.
func (o *observed) set(x *gateway.Record) {
	o.routeKey = routeKey{x.Route, x.Policy, x.Code}
	o.total, o.in, o.out, o.backendStatus = x.Total, x.BytesIn, x.BytesOut, x.BackendStatus
	if x.Verdict != nil {
		o.verdict = x.Verdict.Code
	}
	n := 0
	for _, s := range x.Stages {
		if s.Value.Kind() == slog.KindDuration && n < maxStages {
			o.stages[n] = stageTime{s.Key, s.Value.Duration()}
			n++
		}
	}
}

// add adds an exchange. It returns those that have to be counted now, and given
// back then.
func (b *batch) add(x *gateway.Record) []observed {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = make([]observed, 0, batchSize)
	}
	b.list = b.list[:len(b.list)+1]
	if b.list[len(b.list)-1].set(x); len(b.list) < batchSize {
		return nil
	}
	return b.swap()
}

// take returns those that have to be counted before a scrape.
func (b *batch) take() []observed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.swap()
}

func (b *batch) swap() []observed {
	full := b.list
	b.list, b.free = b.free, nil
	return full
}

// giveBack takes back what has been counted.
func (b *batch) giveBack(counted []observed) {
	if counted == nil {
		return
	}
	clear(counted)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = counted[:0]
}
