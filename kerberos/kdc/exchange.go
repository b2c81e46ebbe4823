package kdc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// maxUDPRequest is the most that MIT's library sends by UDP.
const maxUDPRequest = 32700

// attempts returns the addresses to ask, in order: all by UDP, then all by TCP;
// or the other way round, if the request or its answer is large, or counts once.
func (k *Transport) attempts(kind exchange, list []Address, size int, once bool, now time.Time) []Address {
	networks := []string{"udp", "tcp"}
	switch {
	case k.udp == 0 || size > maxUDPRequest:
		networks = networks[1:]
	case size > k.udp || once || k.good.isTooBig(kind, now):
		slices.Reverse(networks)
	}
	attempts := make([]Address, 0, len(networks)*len(list))
	for _, network := range networks {
		for _, a := range list {
			one := Address{network, a.Address}
			if (a.Network == "" || a.Network == network) && !slices.Contains(attempts, one) {
				attempts = append(attempts, one)
			}
		}
	}
	return attempts
}

// An Answer is the reply of a KDC, or of a password server, and which one it was.
type Answer struct {
	Reply []byte
	From  Address
}

// Exchange sends the request to the realm's [Transport.KDCs], one after the
// other without waiting long for any, and returns the first reply. If all that
// answer are out of service (KDC_ERR_SVC_UNAVAILABLE), that is the reply.
// Errors are those of [Transport.KDCs], a [*kerberos.Error] with
// [kerberos.CodeKDC] that names each KDC that was tried, or ctx's.
func (k *Transport) Exchange(ctx context.Context, realm string, request []byte) (reply []byte, err error) {
	answer, err := k.Ask(ctx, realm, request)
	return answer.Reply, err
}

// Ask is [Transport.Exchange]; it also returns which KDC answered.
func (k *Transport) Ask(ctx context.Context, realm string, request []byte) (Answer, error) {
	if err := checkSize(request); err != nil {
		return Answer{}, err
	}
	list, err := k.KDCs(ctx, realm)
	if err != nil {
		return Answer{}, err
	}
	now, kind := time.Now(), exchange{realm, request[0]}
	asks := readAsked(request)
	attempts := k.attempts(kind, list, len(request), asks.once, now)
	r := kdcRun{Transport: k, request: request, asks: asks, waiting: slices.Clone(k.good.order(realm, attempts, now))}
	answer, err := r.run(ctx)
	if answer.Reply != nil && err == nil && !r.unavailable {
		r.remember(kind, answer.From, attempts[0])
	}
	if answer.Reply != nil || err != nil {
		return answer, err
	}
	e := kerberos.Errorf(kerberos.CodeKDC,
		"no KDC of realm %s answered; is one running there, and do firewalls let port 88 through, UDP and TCP?", realm)
	if len(attempts) == 0 {
		e.Detail = fmt.Sprintf("realm %s has KDCs for UDP only (%s), and a request of %d octets goes by TCP; see "+
			"udp_preference_limit in krb5.conf", realm, describe(list), len(request))
	}
	if len(r.failed) > 0 {
		e.Err = kdcFailures(r.failed)
	}
	return Answer{}, e
}

// remember notes who answered, and that the answer is too big for UDP. The KDC
// is good by TCP and UDP, unless it was silent by UDP.
func (r *kdcRun) remember(kind exchange, from, first Address) {
	now := time.Now()
	if r.tooBig {
		r.good.wasTooBig(kind, now)
	}
	if r.tooBig || first.Network == "tcp" {
		from.Network, first.Network = "", ""
	}
	r.good.answered(kind.realm, from, from == first, now)
}

func checkSize(request []byte) error {
	if len(request) == 0 || len(request) > maxKDCMessage {
		return kerberos.Errorf(kerberos.CodeKDC, "request of %d octets; it must have 1 to %d",
			len(request), maxKDCMessage)
	}
	return nil
}

// kdcFailures are the errors of the KDCs that were asked.
type kdcFailures []error

func (f kdcFailures) Error() string {
	lines := make([]string, len(f))
	for n, err := range f {
		lines[n] = err.Error()
	}
	return strings.Join(lines, "; ")
}

func (f kdcFailures) Unwrap() []error { return f }

// kdcRun is the state of one Exchange: KDCs are asked in order, the next one if
// the one before has failed or takes long.
type kdcRun struct {
	*Transport
	request []byte
	asks    asked
	waiting []Address // not yet asked
	asked   []Address
	results chan kdcResult
	open    int    // number of KDCs asked that have not answered
	refused Answer // of a KDC that is out of service
	failed  []error

	closed      map[Address]closing
	unavailable bool // refused is the result
	tooBig      bool // for UDP was a reply, so that a KDC was asked again by TCP

	mu   sync.Mutex
	have []holder
}

// A closing is how often a KDC has closed the connection in the place of an answer,
// and when it is to be asked again.
type closing struct {
	times int
	again time.Time
}

// A KDC that closes the connection may have too many: MIT's keeps 45, and closes the
// oldest when there is one more, whether it has answered there or not. It is asked
// again, after the others, as often as this, the first time after closedPause and
// each time after twice as long. With a password it is asked once more only: had it
// looked at the request, each would be a login that failed, and five lock accounts.
const (
	closedTimes = 5
	closedPause = 30 * time.Millisecond
)

// A holder is a KDC that has the request and has not failed.
type holder struct {
	Address
	since time.Time
}

type kdcResult struct {
	from  Address
	reply []byte
	err   error
}

// run returns the answer, without a reply if there is none, or ctx's error.
func (r *kdcRun) run(ctx context.Context) (Answer, error) {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// As many as there can be, so that no goroutine stays blocked.
	r.results = make(chan kdcResult, (2+closedTimes)*len(r.waiting))
	answer, wait := r.first(ctx)
	if answer.Reply != nil {
		return answer, nil
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	for outer.Err() == nil && (r.open > 0 || len(r.waiting) > 0) {
		select {
		case <-patience.C:
			patience.Reset(r.next(ctx))
		case result := <-r.results:
			r.open--
			reply, askNext := r.took(ctx, result)
			if reply != nil {
				return Answer{reply, result.from}, nil
			}
			if askNext {
				patience.Reset(0)
			}
		case <-outer.Done():
		}
	}
	if outer.Err() != nil {
		return Answer{}, fmt.Errorf("%w while waiting for %s", outer.Err(), describe(r.asked))
	}
	r.unavailable = true
	return r.refused, nil
}

func describe(list []Address) string {
	var names []string
	for _, a := range list {
		names = append(names, a.String())
	}
	return orNone(names)
}

// first asks the first KDC, if that is by UDP, and returns its answer if it
// comes before the next KDC is to be asked, else how long to wait for that. Most
// exchanges end here, in the caller's goroutine.
func (r *kdcRun) first(ctx context.Context) (answer Answer, wait time.Duration) {
	if len(r.waiting) == 0 || r.waiting[0].Network != "udp" || !r.knows(r.waiting[0].Address) {
		return Answer{}, 0
	}
	a, until := r.waiting[0], time.Now().Add(r.cfg.Timeout)
	r.waiting, r.asked = r.waiting[1:], append(r.asked, a)
	r.open++
	conn, err := r.sendUDP(ctx, a)
	var reply []byte
	if err == nil {
		reply, err = receiveUDP(ctx, conn, time.Now().Add(min(r.cfg.Patience, r.cfg.Timeout)), r.asks.isAnsweredBy)
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && time.Now().Before(until) {
			go func() { r.results <- r.listen(ctx, a, conn, until) }()
			return Answer{}, 0
		}
		conn.Close()
	}
	r.open--
	if err != nil {
		r.drop(a)
	}
	reply, askNext := r.took(ctx, kdcResult{a, reply, noAnswer(ctx, err)})
	if askNext {
		return Answer{}, 0
	}
	return Answer{reply, a}, r.cfg.Patience
}

// sendUDP sends the request to a KDC.
func (r *kdcRun) sendUDP(ctx context.Context, a Address) (net.Conn, error) {
	conn, err := r.dial(ctx, a)
	if err != nil {
		return nil, err
	}
	r.hold(a)
	_ = conn.SetWriteDeadline(time.Now().Add(r.cfg.Timeout))
	if _, err = conn.Write(r.request); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// listen waits for the answer to a datagram, and closes its socket.
func (r *kdcRun) listen(ctx context.Context, a Address, conn net.Conn, until time.Time) kdcResult {
	defer conn.Close()
	reply, err := receiveUDP(ctx, conn, until, r.asks.isAnsweredBy)
	if err != nil {
		r.drop(a)
	}
	return kdcResult{a, reply, noAnswer(ctx, err)}
}

// askAgain is how long a KDC that has the request by UDP may take before it gets
// it by TCP. A datagram may be lost, but a KDC that is slow counts two requests as
// two logins.
const askAgain = time.Second

// next asks the next KDC whose turn it is, and returns when the one after it is
// to be asked.
func (r *kdcRun) next(ctx context.Context) time.Duration {
	now, soonest := time.Now(), time.Duration(-1)
	for n := 0; n < len(r.waiting); n++ {
		a := r.waiting[n]
		wait, never := r.wait(a, now)
		switch {
		case never:
			r.waiting = slices.Delete(r.waiting, n, n+1)
			n--
		case wait <= 0:
			r.waiting = slices.Delete(r.waiting, n, n+1)
			r.ask(ctx, a)
			return r.cfg.Patience
		case soonest < 0 || wait < soonest:
			soonest = wait
		}
	}
	if soonest < 0 {
		return r.cfg.Patience
	}
	return soonest
}

// wait returns how long not to ask a KDC because it, or one that may count it
// once, has the request; or that it is not to be asked.
func (r *kdcRun) wait(a Address, now time.Time) (wait time.Duration, never bool) {
	if c, ok := r.closed[a]; ok {
		wait = c.again.Sub(now)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.have {
		if r.asks.once {
			wait = max(wait, h.since.Add(r.cfg.Timeout/2).Sub(now))
		}
		switch {
		case h.Address.Address != a.Address:
		case a.Network == "udp":
			return 0, true
		default:
			wait = max(wait, h.since.Add(max(askAgain, r.cfg.Patience)).Sub(now))
		}
	}
	return wait, false
}

// hold notes that a KDC is being sent the request, drop that it has failed.
func (r *kdcRun) hold(a Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.have = append(r.have, holder{a, time.Now()})
}

func (r *kdcRun) drop(a Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.have = slices.DeleteFunc(r.have, func(h holder) bool { return h.Address == a })
}

func (r *kdcRun) ask(ctx context.Context, a Address) {
	if !slices.Contains(r.asked, a) {
		r.asked = append(r.asked, a)
	}
	r.open++
	go func() { r.results <- r.askOne(ctx, a) }()
}

// askOne sends the request to one KDC and waits for its answer.
func (r *kdcRun) askOne(ctx context.Context, a Address) kdcResult {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	until, _ := ctx.Deadline()
	if a.Network == "udp" {
		conn, err := r.sendUDP(ctx, a)
		if err != nil {
			r.drop(a)
			return kdcResult{a, nil, noAnswer(ctx, err)}
		}
		return r.listen(ctx, a, conn, until)
	}
	conn, err := r.dial(ctx, a)
	if err != nil {
		return kdcResult{a, nil, err}
	}
	defer conn.Close()
	r.hold(a)
	reply, err := converse(ctx, conn, a.Network, r.request, isKDCReply)
	if err != nil {
		r.drop(a)
	}
	return kdcResult{a, reply, err}
}

// took handles the result of one KDC: it returns the reply, or reports whether
// to ask the next KDC. A KDC whose reply is too big for UDP is asked again by
// TCP.
func (r *kdcRun) took(ctx context.Context, result kdcResult) (reply []byte, askNext bool) {
	if result.err != nil {
		if !r.askLater(result) {
			r.failed = append(r.failed, fmt.Errorf("%s: %w", result.from, result.err))
		}
		return nil, true
	}
	if result.reply[0] != der.TagApplication(30) {
		return result.reply, false
	}
	e, err := krbmsg.ParseKRBError(result.reply)
	if err != nil || e.Code != krbErrTooBig && e.Code != krbErrUnavailable {
		return result.reply, false
	}
	if e.Code == krbErrUnavailable {
		r.refused = Answer{result.reply, result.from}
		r.leaveOut(func(w Address) bool { return w.Address == result.from.Address })
		return nil, true
	}
	a := Address{"tcp", result.from.Address}
	if result.from.Network != "udp" || slices.Contains(r.asked, a) {
		r.failed = append(r.failed, fmt.Errorf("%s: %w", result.from, e))
		return nil, true
	}
	r.tooBig = true
	r.leaveOut(func(w Address) bool { return w == a })
	r.ask(ctx, a)
	return nil, false
}

// askLater reports whether a KDC has closed the connection and is to be asked again.
// One that may count the request once is not.
func (r *kdcRun) askLater(result kdcResult) bool {
	c := r.closed[result.from]
	_, ok := errors.AsType[hangUp](result.err)
	if !ok || r.asks.once || c.times == closedTimes || r.asks.counted && c.times > 0 {
		return false
	}
	pause := closedPause << c.times
	if r.closed == nil {
		r.closed = make(map[Address]closing)
	}
	r.closed[result.from] = closing{c.times + 1, time.Now().Add(pause + rand.N(pause))}
	r.waiting = append(r.waiting, result.from)
	return true
}

// leaveOut removes KDCs from those that are to be asked.
func (r *kdcRun) leaveOut(is func(Address) bool) { r.waiting = slices.DeleteFunc(r.waiting, is) }
