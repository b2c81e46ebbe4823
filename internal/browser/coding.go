package browser

import (
	"strconv"
	"strings"
)

// codingNone is the name of no coding.
const codingNone = "identity"

// choose returns the form of a file that a client likes best, by the values of its
// Accept-Encoding fields; of those that it likes alike the first. A client that
// says nothing gets it without coding, though it would have to take any: many that
// say nothing know none.
func (f *File) choose(accept []string) form {
	best, liked := f.forms[len(f.forms)-1], 0.0
	if len(accept) == 0 {
		return best
	}
	weights := acceptable(accept)
	for _, one := range f.forms {
		if q := weights.of(one.coding); q > liked {
			best, liked = one, q
		}
	}
	return best // without coding if it takes none (RFC 9110 12.5.3)
}

// weights are the qvalues of codings in lower case, * among them.
type weights map[string]float64

// of returns how much a coding is liked, from 0, not at all, to 1.
func (w weights) of(coding string) float64 {
	if q, ok := w[coding]; ok {
		return q
	}
	if q, ok := w["*"]; ok {
		return q
	}
	if coding == codingNone { // acceptable unless it is excluded, and the last choice
		return 0.0001
	}
	return 0
}

// acceptable reads Accept-Encoding (RFC 9110 12.5.3). What has not its form counts
// for nothing: the coding is not acceptable.
func acceptable(fields []string) weights {
	all := weights{}
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			coding, parameter, weighted := strings.Cut(item, ";")
			coding = strings.ToLower(strings.TrimSpace(coding))
			if coding == "x-gzip" { // the same (RFC 9110 8.4.1.3)
				coding = "gzip"
			}
			if coding != "" {
				all[coding] = 1
			}
			if weighted {
				all[coding] = qvalue(parameter)
			}
		}
	}
	return all
}

// qvalue reads a weight (RFC 9110 12.4.2), 0 if it is none.
func qvalue(parameter string) float64 {
	name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
	if !strings.EqualFold(name, "q") || len(value) > len("0.000") || strings.Trim(value, "0123456789.") != "" {
		return 0
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || q > 1 {
		return 0
	}
	return q
}
