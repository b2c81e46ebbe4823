package gateway_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A sample is one answer: how long it took, and what the question was about.
type sample struct {
	took  time.Duration
	class bool // the truth: right padding, an early mistake
	guess byte // what the attacker tried
}

// A verdict holds how well the times tell the classes apart.
type verdict struct {
	n, in         int           // samples, and those of the class
	median, other time.Duration // of the class and of the rest
	auc           float64       // chance that one of the class took longer than one of the rest
	p             float64       // of an auc this far from 1/2 without any difference
}

// compare is the test of Mann, Whitney and Wilcoxon, two-sided, by its normal
// approximation. It does not mind outliers, of which times on a network have
// many.
func compare(samples []sample) verdict {
	ranks := ranksOf(samples)
	v := verdict{n: len(samples)}
	var sum float64
	var in, out []time.Duration
	for i, s := range samples {
		if s.class {
			sum += ranks[i]
			in = append(in, s.took)
		} else {
			out = append(out, s.took)
		}
	}
	v.in, v.median, v.other = len(in), quantile(in, 0.5), quantile(out, 0.5)
	a, b := float64(len(in)), float64(len(out))
	if a == 0 || b == 0 {
		v.auc, v.p = 0.5, 1
		return v
	}
	u := sum - a*(a+1)/2
	v.auc = u / (a * b)
	z := (u - a*b/2) / math.Sqrt(a*b*(a+b+1)/12)
	v.p = math.Erfc(math.Abs(z) / math.Sqrt2)
	return v
}

// ranksOf returns the rank of each sample by its time, the mean for equal ones.
func ranksOf(samples []sample) []float64 {
	order := make([]int, len(samples))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return int(samples[i].took - samples[j].took) })
	ranks := make([]float64, len(samples))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && samples[order[j]].took == samples[order[i]].took {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// placeOf is the attacker's own method, which knows no truth: of the 256 values
// that the last octet of the target's raw decryption can have each is scored by
// the times of the guesses that it would make right padding. It returns the place
// of the true value among them, 1 if the attacker has it, 128 in the mean for
// chance.
func placeOf(truth byte, samples []sample) int {
	ranks := ranksOf(samples)
	var sum, n [256]float64
	for i, s := range samples {
		sum[s.guess] += ranks[i]
		n[s.guess]++
	}
	score := func(v byte) (total float64) {
		for pad := byte(1); pad <= 16; pad++ {
			if g := v ^ pad; n[g] > 0 {
				total += sum[g]/n[g] - float64(len(samples))/2
			}
		}
		return math.Abs(total) // whichever way the times differ
	}
	place := 1
	for v := range 256 {
		if byte(v) != truth && score(byte(v)) >= score(truth) {
			place++
		}
	}
	return place
}

func (v verdict) String() string {
	p := fmt.Sprintf("%.2f", v.p)
	if v.p < 0.01 {
		p = fmt.Sprintf("%.0e", v.p)
	}
	return fmt.Sprintf("%d | %v | %v | %.3f | %s", v.n, v.median.Round(time.Microsecond),
		v.other.Round(time.Microsecond), v.auc, p)
}

// The program's own judgement: it sees a difference of a tenth of the noise in
// 100,000 samples, and none where there is none.
func TestCompareFindsDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, shift float64) []sample {
		var s []sample
		for range n {
			g := byte(r.IntN(256))
			pad := g ^ 0x5a
			right := pad >= 1 && pad <= 16
			took := 1000 + 100*r.NormFloat64()
			if right {
				took += shift
			}
			s = append(s, sample{time.Duration(took * 1000), right, g})
		}
		return s
	}
	for _, seen := range [][]sample{draw(100_000, 10), draw(2_000, 100)} {
		if v, place := compare(seen), placeOf(0x5a, seen); v.p > 1e-9 || v.auc < 0.52 || place != 1 {
			t.Errorf("%v, place %d", v, place)
		}
	}
	for range 20 {
		if v := compare(draw(5_000, 0)); v.p < 1e-4 || v.auc < 0.45 || v.auc > 0.55 {
			t.Error(v)
		}
	}
}
