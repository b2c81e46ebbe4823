//go:build unix

package wssec_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

var plot = flag.String("linear-plot", "", "file that TestCostIsLinear writes its plot to, as SVG")

// unlimited are options for messages of any size.
var unlimited = xmltext.Options{Limits: xmltext.Limits{MessageBytes: -1, Elements: -1, Attributes: -1}}

// TestCostIsLinear measures exchanges from 1 kB to 512 MB, by the CPU time of the
// process for each octet of the Body, and draws them. It takes minutes and 8 GB.
func TestCostIsLinear(t *testing.T) {
	if *plot == "" {
		t.Skip("-linear-plot=FILE, for docs/performance.md")
	}
	var sizes []int
	var costs []float64 // ns for each octet
	for size := 1 << 10; size <= 512<<20; size *= 2 {
		sizes = append(sizes, size)
		costs = append(costs, costOf(t, size))
		t.Logf("linear: %9d octets %8.3f ns/octet", size, costs[len(costs)-1])
	}
	if err := os.WriteFile(*plot, []byte(drawing(sizes, costs)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// costOf returns the median CPU time of exchanges with a Body of size octets, for
// each octet, in ns.
func costOf(t *testing.T, size int) float64 {
	defer runtime.KeepAlive(make([]byte, 64<<20)) // as wssgate serve
	ps := newPeers(t, symmetric(), nil)
	cfg := ps.cfg
	cfg.XML = unlimited
	for _, p := range []**wssec.Processor{&ps.client, &ps.service} {
		var err error
		if *p, err = wssec.NewProcessor(symmetric(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	scan := func(src []byte) *soap.Envelope {
		env, err := soap.Parse(src, unlimited)
		if err != nil {
			t.Fatal(err)
		}
		return env
	}
	plain := []byte(message(size))
	msg, _, err := ps.client.ProtectRequest(nil, scan(plain), ps.token)
	if err != nil {
		t.Fatal(err)
	}
	var forward, out []byte
	exchange := func() {
		m, err := ps.service.Verify(t.Context(), scan(msg), secure())
		if err != nil {
			t.Fatal(err)
		}
		if forward, err = m.AppendForward(forward[:0], wssec.Forwarding{}); err != nil {
			t.Fatal(err)
		}
		m.Release()
		reply := scan(plain)
		if out, err = ps.service.Protect(t.Context(), out[:0], reply, m); err != nil {
			t.Fatal(err)
		}
		reply.Release()
	}
	exchange()
	batch, rounds := max(1, 4<<20/size), 5
	var times []time.Duration
	for range rounds {
		start := cpuTime(t)
		for range batch {
			exchange()
		}
		times = append(times, cpuTime(t)-start)
	}
	slices.Sort(times)
	return float64(times[rounds/2]) / float64(batch) / float64(size)
}

// drawing returns the plot, both axes logarithmic.
func drawing(sizes []int, costs []float64) string {
	const width, height, left, bottom, top = 760, 320, 60, 40, 20
	x := func(size float64) float64 {
		return left + (width-left-20)*math.Log2(size/float64(sizes[0]))/math.Log2(float64(sizes[len(sizes)-1]/sizes[0]))
	}
	least, most := 1.0, 2.0
	for most < slices.Max(costs) {
		most *= 2
	}
	y := func(cost float64) float64 {
		return height - bottom - (height-bottom-top)*math.Log2(cost/least)/math.Log2(most/least)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" `, width, height)
	b.WriteString(`font-family="sans-serif" font-size="12">` + "\n")
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="14">ns of CPU time for each octet of the Body, by its size</text>`+"\n", left)
	for c := least; c <= most; c *= 2 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, y(c), width-20, left-6, y(c)+4, c)
	}
	names := []string{"1 kB", "8 kB", "64 kB", "512 kB", "4 MB", "32 MB", "256 MB"}
	for i, name := range names {
		at := x(float64(int(1<<10) << (3 * i)))
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, height-bottom+18, name)
	}
	b.WriteString(`<polyline fill="none" stroke="#06c" stroke-width="2" points="`)
	for i, size := range sizes {
		fmt.Fprintf(&b, "%.1f,%.1f ", x(float64(size)), y(max(costs[i], least)))
	}
	b.WriteString(`"/>` + "\n</svg>\n")
	return b.String()
}
