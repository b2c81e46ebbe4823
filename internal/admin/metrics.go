package admin

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wssgate/wssgate/internal/gateway"
)

// metrics are those of Prometheus. Every label has a bounded set of values:
// routes and policies of the configuration, codes of the catalogue, stages.
type metrics struct {
	registry  *prometheus.Registry
	exchanges *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	stages    *prometheus.HistogramVec
	requests  *prometheus.HistogramVec
	replies   *prometheus.HistogramVec
	backends  *prometheus.CounterVec
	backend   *prometheus.HistogramVec
	kdcs      *prometheus.HistogramVec
	tickets   *prometheus.CounterVec
	shadows   *prometheus.CounterVec
	skew      prometheus.Histogram

	mu      sync.RWMutex
	ofRoute map[routeKey]*routeMetrics
	ofStage map[string]prometheus.Observer

	waiting batch
}

// A routeKey names the metrics of exchanges of a kind.
type routeKey struct{ route, policy, code string }

// routeMetrics are the metrics of exchanges of a kind, found once: to find them by
// their labels costs more than to count.
type routeMetrics struct {
	count                     prometheus.Counter
	seconds, request, replies prometheus.Observer
	backend                   prometheus.Observer
}

func newMetrics(a *Admin) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), ofRoute: map[routeKey]*routeMetrics{},
		ofStage: map[string]prometheus.Observer{}}
	m.exchanges = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wssgate_exchanges_total",
		Help: "Exchanges by route, policy and outcome: ok, or a code of wssgate errors. " +
			"Requests that reach no route have none."},
		[]string{"route", "policy", "code"})
	m.seconds = histogram("wssgate_exchange_seconds", "Time from the header of a request to its answer.",
		prometheus.ExponentialBuckets(0.0005, 2, 16), "route")
	m.stages = histogram("wssgate_stage_seconds", "Time of each stage of exchanges, those of the log.",
		prometheus.ExponentialBuckets(0.00001, 4, 12), "stage")
	m.requests = histogram("wssgate_request_bytes", "Octets of the bodies of requests.",
		prometheus.ExponentialBuckets(256, 4, 10), "route")
	m.replies = histogram("wssgate_reply_bytes", "Octets of the bodies of answers.",
		prometheus.ExponentialBuckets(256, 4, 10), "route")
	m.backends = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wssgate_backend_responses_total",
		Help: "Responses of backends by route and HTTP status."}, []string{"route", "status"})
	m.backend = histogram("wssgate_backend_seconds", "Time of backends by route, from the request to the whole reply.",
		prometheus.ExponentialBuckets(0.0005, 2, 16), "route")
	m.kdcs = prometheus.NewHistogramVec(histogramOpts("wssgate_kdc_seconds", "Time of requests to KDCs, until one has "+
		"answered or none has: by who asks them (gateway, delegated, s4u, relay) and the outcome, ok or failed. "+
		"A KRB-ERROR is an answer.", prometheus.ExponentialBuckets(0.0005, 2, 16)), []string{"by", "outcome"})
	m.tickets = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wssgate_tickets_total",
		Help: "Tickets accepted, by encryption type of ticket and of the client's key; kvno is own, or other if a " +
			"key of another version opened it."},
		[]string{"etype", "key_etype", "kvno"})
	m.shadows = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wssgate_shadow_total",
		Help: "Messages of routes with shadow, which all passed, by what would have become of them: ok, or a code of " +
			"wssgate errors."}, []string{"route", "code"})
	m.skew = prometheus.NewHistogram(histogramOpts("wssgate_ticket_skew_seconds",
		"How far the clocks of clients are ahead (negative: behind).", []float64{-300, -60, -10, -1, 0, 1, 10, 60, 300}))
	m.registry.MustRegister(m.exchanges, m.seconds, m.stages, m.requests, m.replies, m.backends, m.backend, m.kdcs,
		m.tickets, m.shadows, m.skew, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), state{a})
	return m
}

// histogram has the classic buckets and, for who asks for them, native ones.
func histogram(name, help string, buckets []float64, label string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(histogramOpts(name, help, buckets), []string{label})
}

func histogramOpts(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1,
		NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour}
}

// observe counts an exchange: with others, or before the next scrape.
func (m *metrics) observe(x *gateway.Record) {
	if full := m.waiting.add(x); full != nil {
		m.countAll(full)
	}
}

// countAll counts exchanges, and gives their place back.
func (m *metrics) countAll(list []observed) {
	for i := range list {
		m.count(&list[i])
	}
	m.waiting.giveBack(list)
}

// count counts an exchange.
func (m *metrics) count(x *observed) {
	of := m.of(x.routeKey)
	of.count.Inc()
	of.seconds.Observe(x.total.Seconds())
	of.request.Observe(float64(x.in))
	of.replies.Observe(float64(x.out))
	for _, s := range x.stages {
		if s.name == "" {
			break
		}
		m.stage(s.name).Observe(s.took.Seconds())
		if s.name == "backend" && of.backend != nil {
			of.backend.Observe(s.took.Seconds())
		}
	}
	if x.verdict != "" {
		m.shadows.WithLabelValues(x.route, x.verdict).Inc()
	}
	if x.backendStatus != 0 {
		m.backends.WithLabelValues(x.route, strconv.Itoa(x.backendStatus)).Inc()
	}
}

// of returns the metrics of a kind of exchanges.
func (m *metrics) of(key routeKey) *routeMetrics {
	m.mu.RLock()
	of := m.ofRoute[key]
	m.mu.RUnlock()
	if of != nil {
		return of
	}
	of = &routeMetrics{m.exchanges.WithLabelValues(key.route, key.policy, key.code),
		m.seconds.WithLabelValues(key.route), m.requests.WithLabelValues(key.route),
		m.replies.WithLabelValues(key.route), nil}
	if key.route != "" { // else no backend is asked
		of.backend = m.backend.WithLabelValues(key.route)
	}
	m.mu.Lock()
	m.ofRoute[key] = of
	m.mu.Unlock()
	return of
}

func (m *metrics) stage(name string) prometheus.Observer {
	m.mu.RLock()
	of := m.ofStage[name]
	m.mu.RUnlock()
	if of == nil {
		of = m.stages.WithLabelValues(name)
		m.mu.Lock()
		m.ofStage[name] = of
		m.mu.Unlock()
	}
	return of
}

// Ticket counts a ticket that was accepted: names of its encryption type and of
// that of the client's key, whether it was opened by the key of its own version,
// and how far the client's clock is ahead.
func (a *Admin) Ticket(etype, keyEtype string, ownKvno bool, skew time.Duration) {
	kvno := "own"
	if !ownKvno {
		kvno = "other"
	}
	a.metrics.tickets.WithLabelValues(etype, keyEtype, kvno).Inc()
	a.metrics.skew.Observe(skew.Seconds())
}

// KDC counts a request to KDCs: who has asked, how long it took, and whether one
// has answered.
func (a *Admin) KDC(by string, took time.Duration, answered bool) {
	outcome := "ok"
	if !answered {
		outcome = "failed"
	}
	a.metrics.kdcs.WithLabelValues(by, outcome).Observe(took.Seconds())
}

// handler answers scrapes, a few at a time.
func (m *metrics) handler() http.Handler {
	scrapes := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second, EnableOpenMetrics: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.countAll(m.waiting.take())
		scrapes.ServeHTTP(w, r)
	})
}
