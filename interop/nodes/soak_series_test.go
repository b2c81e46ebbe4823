package nodes

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what a node holds at a time, as /proc and its own metrics have it.
type usage struct {
	memory, heap, goroutines, files int
	contexts, records, halfOpen     int
	state                           int     // octets in its state-dir
	cpu                             float64 // seconds since its start
}

// use asks a node what it holds.
func (n *node) use() (u usage, err error) {
	resp, err := http.Get("http://" + n.host + ":9180/metrics")
	if err != nil {
		return u, err
	}
	defer resp.Body.Close()
	m := readMetrics(resp.Body)
	n.mu.Lock()
	proc := fmt.Sprintf("/proc/%d/", n.cmd.Process.Pid)
	n.mu.Unlock()
	statm, err := os.ReadFile(proc + "statm")
	if err != nil {
		return u, err
	}
	open, err := os.ReadDir(proc + "fd")
	if err != nil {
		return u, err
	}
	_ = filepath.WalkDir(filepath.Join(n.w.dir, "state-"+n.host), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil { // else it was just replaced
			u.state += int(info.Size())
		}
		return nil
	})
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	return usage{memory: pages * os.Getpagesize(), state: u.state, heap: int(m["go_memstats_heap_inuse_bytes"]),
		files: len(open), goroutines: int(m["go_goroutines"]), contexts: int(m["wssgate_security_contexts"]),
		records: int(m["wssgate_replay_records"]), halfOpen: int(m["wssgate_negotiations_half_open"]),
		cpu: m["process_cpu_seconds_total"]}, err
}

// readMetrics adds up the values of each metric of a text of Prometheus, whatever
// their labels.
func readMetrics(text io.Reader) map[string]float64 {
	sums := map[string]float64{}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		line := lines.Text()
		blank := strings.LastIndexByte(line, ' ')
		if blank < 0 || line[0] == '#' {
			continue
		}
		name, _, _ := strings.Cut(line[:blank], "{")
		if v, err := strconv.ParseFloat(line[blank+1:], 64); err == nil {
			sums[name] += v
		}
	}
	return sums
}

// samples are series of figures over the time of a soak.
type samples struct {
	classes []*class
	names   []string
	rows    [][]float64
	file    *csv.Writer
}

// run takes a sample every 30 seconds, or forty in all, and has something changed
// every minute, or forty times.
func (s *samples) run(t *testing.T, l *soakLoad, c *changes) {
	t.Helper()
	if *soakCSV != "" {
		f, err := os.Create(*soakCSV)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s.file = csv.NewWriter(f)
	}
	begin := time.Now()
	sample := time.NewTicker(min(*soakFor/40, 30*time.Second))
	defer sample.Stop()
	change := time.NewTicker(min(*soakFor/40, time.Minute) * 99 / 100)
	defer change.Stop()
	end := time.After(*soakFor)
	for {
		select {
		case <-sample.C:
			s.take(t, l, time.Since(begin))
		case <-change.C:
			c.next(t)
		case <-end:
			return
		}
	}
}

// take takes one.
func (s *samples) take(t *testing.T, l *soakLoad, after time.Duration) {
	t.Helper()
	u, err := l.n.use()
	if err != nil {
		t.Fatalf("%v: has it ended?\n%s", err, l.n.log())
	}
	s.names, s.rows = s.names[:0], append(s.rows, nil)
	row := len(s.rows) - 1
	add := func(name string, value float64) {
		s.names, s.rows[row] = append(s.names, name), append(s.rows[row], value)
	}
	add("seconds", after.Round(time.Second).Seconds())
	add("memory MiB", float64(u.memory)/(1<<20))
	add("heap MiB", float64(u.heap)/(1<<20))
	add("goroutines", float64(u.goroutines))
	add("descriptors", float64(u.files))
	add("state MiB", float64(u.state)/(1<<20))
	add("CPU seconds", u.cpu)
	add("load of the machine", loadAverage())
	add("security contexts", float64(u.contexts))
	add("replay records", float64(u.records))
	add("half-open negotiations", float64(u.halfOpen))
	add("answered", float64(l.answered.Load()))
	add("refused", float64(l.refusals()))
	add("gone", float64(l.gone.Load()))
	for _, c := range s.classes {
		took := c.took()
		if c.name == "gone" {
			continue
		}
		add(c.name+" calls", float64(len(took)))
		add(c.name+" p50 ms", quantile(took, 50))
		add(c.name+" p99 ms", quantile(took, 99))
	}
	s.write(row)
}

// write appends a row to the file.
func (s *samples) write(row int) {
	if s.file == nil {
		return
	}
	if row == 0 {
		_ = s.file.Write(s.names)
	}
	var texts []string
	for _, v := range s.rows[row] {
		texts = append(texts, strconv.FormatFloat(v, 'f', -1, 64))
	}
	_ = s.file.Write(texts)
	s.file.Flush()
}

// loadAverage is that of the last minute, of all that the machine does.
func loadAverage() (load float64) {
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &load)
	}
	return load
}

// quantile returns that of a share of 100, in milliseconds, 0 of nothing.
func quantile(took []time.Duration, share int) float64 {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return float64(took[min(len(took)-1, len(took)*share/100)].Microseconds()) / 1000
}

// A tolerance is how much more the last quarter may have than the second: a share
// and a number. The numbers are what comes and goes: the collector's turn,
// connections, and other programs on the machine.
type tolerance struct {
	share, number float64
	lower         bool // judge the lower tenth, what a collection leaves, in place of the median
}

// tolerances are those of the series that are judged. Those of latency are for
// some hundred calls in each sample.
var tolerances = map[string]tolerance{
	"memory MiB":  {share: 0.10, number: 16},
	"heap MiB":    {share: 0.10, number: 8, lower: true},
	"goroutines":  {share: 0.10, number: 16},
	"descriptors": {share: 0.10, number: 16},
	"state MiB":   {share: 0.10, number: 2},
	"p50 ms":      {share: 0.50, number: 5},
	"p99 ms":      {share: 1.00, number: 100},
}

// toleranceOf returns the tolerance of a series, and whether it is judged.
func toleranceOf(name string) (tol tolerance, judged bool) {
	words := strings.Fields(name)
	latency := words[len(words)-1] == "ms"
	if latency {
		name = words[len(words)-2] + " ms"
	}
	tol, judged = tolerances[name]
	if latency && *soakFor < 10*time.Minute {
		tol.number *= 10 // a sample is of a few calls
	}
	return tol, judged
}

// flat reports whether a series is: the median of its last quarter is at most that
// of the second one and what is tolerated; so it is with the lower tenth of the heap,
// which goes up and down with the collector. The first is for what fills: records,
// contexts and pools.
func (tol tolerance) flat(series []float64) (second, last float64, ok bool) {
	n := len(series)
	percent := 50
	if tol.lower {
		percent = 10
	}
	second, last = percentile(series[n/4:n/2], percent), percentile(series[n*3/4:], percent)
	return second, last, last <= second*(1+tol.share)+tol.number
}

// percentile is that of what is not 0, as a sample without calls is.
func percentile(series []float64, percent int) float64 {
	sorted := slices.DeleteFunc(slices.Sorted(slices.Values(series)), func(v float64) bool { return v == 0 })
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)*percent/100]
}

// check logs the series, and reports those that are not flat.
func (s *samples) check(t *testing.T) {
	t.Helper()
	if len(s.rows) < 8 {
		t.Fatalf("%d samples", len(s.rows))
	}
	for i, name := range s.names {
		var series []float64
		for _, row := range s.rows {
			series = append(series, row[i])
		}
		tol, judged := toleranceOf(name)
		second, last, ok := tol.flat(series)
		t.Logf("soak: | %s | %.3g | %.3g |", name, second, last)
		if judged && !ok {
			t.Errorf("%s grows: %.1f in the second quarter, %.1f in the last", name, second, last)
		}
	}
}

// A series that grows by more than is tolerated is reported, and one with a few
// high samples is not.
func TestFlat(t *testing.T) {
	tol := tolerance{share: 0.10, number: 16}
	grows, peaks := make([]float64, 240), make([]float64, 240)
	for i := range grows {
		grows[i], peaks[i] = 100+float64(i)/2, 100
		if i%5 == 0 {
			peaks[i] = 500
		}
	}
	if second, last, ok := tol.flat(grows); ok || second != 145 || last != 205 {
		t.Errorf("growth is flat: %v, %v", second, last)
	}
	if second, last, ok := tol.flat(peaks); !ok {
		t.Errorf("peaks are growth: %v, %v", second, last)
	}
}
