package interop

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// What it costs to watch: exchanges of 6 kB through wssgate serve without an
// operator's listener, with one (metrics), and with one and a collector of traces
// (metrics, and a span for each exchange and stage), in turns. The
// collector takes what it gets, and its time is not counted. .ci/long runs it; the
// figures go to docs/performance.md.
func TestSpeedWithTelemetry(t *testing.T) {
	if !*speeds {
		t.Skip("measures for some minutes, as .ci/long has it: -speeds")
	}
	h := newHop(t)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(collector.Close)
	off := h.startServe(t, map[string]any{"admin": "off"})
	addr, _ := freeAddr(t)
	metrics := h.startServe(t, map[string]any{"admin": addr})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	addr, _ = freeAddr(t)
	traced := h.startServe(t, map[string]any{"admin": addr})
	t.Setenv("OTEL_TRACES_SAMPLER", "traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.05")
	addr, _ = freeAddr(t)
	sampled := h.startServe(t, map[string]any{"admin": addr})
	const rounds, requests, clients = 41, 1000, 8
	for path, messages := range map[string]func(int) [][]byte{"/none": h.inClear, "/protected": h.protected} {
		all := []contender{
			contenderOf(h, "off", off, path, messages), contenderOf(h, "metrics", metrics, path, messages),
			contenderOf(h, "metrics and traces", traced, path, messages),
			contenderOf(h, "metrics and every twentieth trace", sampled, path, messages),
		}
		each := map[string][]spent{}
		for round := range rounds {
			for i := range all {
				c := all[(i+round)%len(all)] // nobody is always behind the same one
				s := oneTurn(t, requests, clients, c)
				if round > 0 {
					each[c.name] = append(each[c.name], s)
				}
			}
		}
		for _, c := range all[1:] {
			t.Logf("speed: telemetry: %s, %s: %.3f of the CPU time, %.3f of the requests a second", path, c.name,
				cpuOf(each[c.name])/cpuOf(each["off"]), perSecond(each[c.name], each["off"]))
		}
		t.Logf("speed: telemetry: %s: off: %.1f µs of CPU time each", path, cpuOf(each["off"]))
	}
}

// cpuOf returns the mean CPU time in microseconds. The system counts it in hundredths
// of a second, which a median would show.
func cpuOf(all []spent) (mean float64) {
	for _, s := range all {
		mean += float64(s.cpu) / float64(len(all)) / 1e3
	}
	return mean
}

// perSecond returns the median of the quotients, round by round, of requests a
// second.
func perSecond(a, b []spent) float64 {
	var all []float64
	for i := range a {
		all = append(all, float64(b[i].wall)/float64(a[i].wall))
	}
	slices.SortFunc(all, cmp.Compare[float64])
	return all[len(all)/2]
}
