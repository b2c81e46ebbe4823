package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of octets, written as "20MB" (powers of 1000) or "32MiB"
// (powers of 1024); a bare number counts octets.
type Size int64

// units are in the order in which String tries them.
func units() []struct {
	name  string
	value int64
} {
	return []struct {
		name  string
		value int64
	}{
		{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
	}
}

// String returns the shortest exact form: "32MiB", "20MB", "1500B".
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && int64(s)%u.value == 0 {
			return strconv.FormatInt(int64(s)/u.value, 10) + u.name
		}
	}
	return "0B"
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the forms that [Size] describes. Negative sizes and
// sizes over 1<<62 are errors.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.value
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/2/unit {
		return fmt.Errorf("%q is not a size; write it as 500kB, 20MB or 32MiB", text)
	}
	*s = Size(n * unit)
	return nil
}
