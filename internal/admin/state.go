package admin

import (
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// state is the [prometheus.Collector] of what is read when it is asked for.
type state struct{ a *Admin }

// The metrics of state.
var (
	describedInfo      = describe("build_info", "1, with the version of the program and of Go.", "version", "go")
	describedReady     = describe("ready", "1 if requests may come, as /readyz has it.")
	describedExchanges = describe("exchanges_in_progress", "Exchanges in progress.")
	describedMost      = describe("exchanges_limit", "Most exchanges in progress (max-connections).")
	describedOctets    = describe("memory_in_flight_bytes", "Octets that exchanges in progress hold.")
	describedMemory    = describe("memory_in_flight_limit_bytes", "Most octets that exchanges hold (max-in-flight).")
	describedUnproved  = describe("memory_unverified_bytes", "Octets that messages hold which are not verified yet.")
	describedContexts  = describe("security_contexts", "Security contexts and HTTP sessions.")
	describedHalfOpen  = describe("negotiations_half_open", "Negotiations in progress.")
	describedReplay    = describe("replay_records", "Replay records, of tickets and of messages.", "of")
	describedOut       = describe("backend_out", "1 if the backend does not answer, or asked for a pause.",
		"route", "backend")
	describedSent = prometheus.NewDesc("wssgate_spans_total",
		"Spans of traces, by what became of them: sent or lost.", []string{"outcome"}, nil)
	describedLoaded = describe("configuration_loaded_timestamp_seconds", "When the settings in force were loaded.")
	describedStale  = describe("configuration_failing",
		"1 if the configuration was loaded again since, and refused.")
	describedTaken = describe("key_file_read_timestamp_seconds", "When the keytab or password file in use was read.",
		"file")
	describedFailing = describe("key_file_failing", "1 if the file as it is now is not used.", "file")
	describedKvno    = describe("key_kvno", "Version of a principal's newest key.", "principal", "etype")
	describedMade    = describe("key_made_timestamp_seconds",
		"When a principal's newest key was made, as its keytab has it.", "principal", "etype")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("wssgate_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{describedInfo, describedReady, describedExchanges, describedMost, describedOctets,
		describedMemory, describedUnproved, describedContexts, describedHalfOpen, describedReplay, describedOut,
		describedLoaded, describedStale, describedTaken, describedFailing, describedKvno, describedMade, describedSent} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s state) Collect(ch chan<- prometheus.Metric) {
	cfg := &s.a.cfg
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		for i := range labels {
			labels[i] = strings.ToValidUTF8(labels[i], "?")
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(describedInfo, 1, cfg.Version, runtime.Version())
	gauge(describedReady, flag(len(s.a.unready()) == 0))
	if cfg.Use != nil {
		u := cfg.Use()
		gauge(describedExchanges, float64(u.Exchanges))
		gauge(describedMost, float64(u.MaxExchanges))
		gauge(describedOctets, float64(u.Octets))
		gauge(describedMemory, float64(u.MaxOctets))
		gauge(describedUnproved, float64(u.Unverified))
	}
	if cfg.State != nil {
		now := cfg.State()
		gauge(describedContexts, float64(now.Contexts))
		gauge(describedHalfOpen, float64(now.Negotiations))
		gauge(describedReplay, float64(now.TicketRecords), "tickets")
		gauge(describedReplay, float64(now.MessageRecords), "messages")
	}
	s.backends(gauge)
	if cfg.Configuration != nil {
		now := cfg.Configuration()
		gauge(describedLoaded, float64(now.Loaded.Unix()))
		gauge(describedStale, flag(now.Failing != ""))
	}
	s.keys(gauge)
	if cfg.Traces != nil {
		sent, lost := cfg.Traces()
		ch <- prometheus.MustNewConstMetric(describedSent, prometheus.CounterValue, float64(sent), "sent")
		ch <- prometheus.MustNewConstMetric(describedSent, prometheus.CounterValue, float64(lost), "lost")
	}
}

// backends collects the backends of routes. Two routes may have one name, and a
// route one backend twice.
func (s state) backends(gauge func(*prometheus.Desc, float64, ...string)) {
	if s.a.cfg.Backends == nil {
		return
	}
	type name struct{ route, backend string }
	out := map[name]bool{}
	for _, b := range s.a.cfg.Backends() {
		n := name{b.Route, b.Name}
		out[n] = out[n] || b.Out
	}
	for n, is := range out {
		gauge(describedOut, flag(is), n.route, n.backend)
	}
}

// keys collects the files with keys. Two files may hold one principal.
func (s state) keys(gauge func(*prometheus.Desc, float64, ...string)) {
	if s.a.cfg.Keys == nil {
		return
	}
	type name struct{ principal, etype string }
	said := map[name]bool{}
	for _, f := range s.a.cfg.Keys() {
		gauge(describedTaken, float64(f.Taken.Unix()), f.Path)
		gauge(describedFailing, flag(f.Failing != ""), f.Path)
		for _, k := range f.Keys {
			n := name{k.Principal, k.Etype}
			if said[n] {
				continue
			}
			said[n] = true
			gauge(describedKvno, float64(k.Kvno), k.Principal, k.Etype)
			if !k.Made.IsZero() {
				gauge(describedMade, float64(k.Made.Unix()), k.Principal, k.Etype)
			}
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
