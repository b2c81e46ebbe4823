package wssec_test

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

func TestParseDateTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-31T12:00:00Z":                 "2026-01-31T12:00:00Z",
		" \t\r\n2026-01-31T12:00:00.5Z\n":      "2026-01-31T12:00:00.5Z",
		"2026-01-31T12:00:00.123456789999999Z": "2026-01-31T12:00:00.123456789Z",
		"2026-01-31T12:00:00+14:00":            "2026-01-30T22:00:00Z",
		"2026-01-31T12:00:00-14:00":            "2026-02-01T02:00:00Z",
		"2026-01-31T12:00:00-00:00":            "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00+05:45":            "2026-01-31T06:15:00Z",
		"2026-12-31T24:00:00Z":                 "2027-01-01T00:00:00Z",
		"2026-12-31T24:00:00.000+01:00":        "2026-12-31T23:00:00Z",
		"2024-02-29T00:00:00Z":                 "2024-02-29T00:00:00Z",
		"9999-12-31T23:59:59.9999999Z":         "9999-12-31T23:59:59.9999999Z", // .NET's DateTime.MaxValue
		"10000-01-01T00:00:00Z":                "10000-01-01T00:00:00Z",
		"0000-02-29T00:00:00Z":                 "0000-02-29T00:00:00Z",
		"-0001-01-01T00:00:00Z":                "-0001-01-01T00:00:00Z",
	} {
		got, err := wssec.ParseDateTime(text)
		if err != nil || got.Format("2006-01-02T15:04:05.999999999Z07:00") != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, word := range map[string]string{
		"2026-01-31T3:04:05Z": "", "2026-01-31T12:00:00,5Z": "", "2026-01-31T12:00:00+24:00": "",
		"2026-01-31T12:00:00+00:60": "",
		"2026-01-31T12:00:00+-0:+0": "", "2026-01-31T12:00:00+14:01": "", "2026-01-31T12:00:00-14:59": "",
		"2026-01-31T12:00:00+1:00": "",
		"2026-01-31T12:00:00+0100": "", "2026-01-31T12:00:00z": "", "2026-01-31t12:00:00Z": "", "2026-01-31 12:00:00Z": "",
		"2026-01-31T12:00:60Z": "", "2026-01-31T12:60:00Z": "", "2026-01-31T24:00:01Z": "", "2026-01-31T24:00:00.001Z": "",
		"2026-01-31T25:00:00Z":  "",
		"2026-01-31T12:00:00.Z": "", "2026-01-31T12:00Z": "", "2026-01-31": "", "2026-02-29T00:00:00Z": "",
		"2026-04-31T00:00:00Z": "",
		"2026-00-01T00:00:00Z": "", "2026-13-01T00:00:00Z": "", "2026-01-00T00:00:00Z": "", "2026-1-1T00:00:00Z": "",
		"26-01-01T00:00:00Z":    "",
		"02026-01-01T00:00:00Z": "", "+2026-01-01T00:00:00Z": "", "2026-01-31T12:00:00ZZ": "", "2026-01-31T12:00:00 Z": "",
		"":                           "",
		"\u00a02026-01-31T12:00:00Z": "", "2026-01-31T12:00:00\u0660Z": "", "--2026-01-31T12:00:00Z": "",
		"2026-01-31T12:00:00":            "without a zone",
		"99999999999999-01-01T00:00:00Z": "year of more than nine digits",
	} {
		if got, err := wssec.ParseDateTime(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// lexical is the regular expression of XML Schema 1.1 Part 2 §3.3.7, with its
// zone.
var lexical = regexp.MustCompile(`^(-?(?:[1-9][0-9]{3,}|0[0-9]{3}))-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])` +
	`T(?:([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?|(24:00:00(?:\.0+)?))` +
	`(Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))$`)

// FuzzParseDateTime compares with the specification's regular expression, and
// with its function timeOnTimeline (§E.3.4) in integers without bound.
func FuzzParseDateTime(f *testing.F) {
	for _, s := range []string{"2026-01-31T12:00:00.5Z", "-0001-02-29T24:00:00.0+14:00", "2000-02-29T23:59:59-13:59",
		"123456-12-31T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-01-31T3:04:05Z", "2026-01-31T12:00:00,5+24:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := wssec.ParseDateTime(text)
		m := lexical.FindStringSubmatch(strings.Trim(text, "\t\n\r "))
		number := func(s string) int64 {
			n, _ := new(big.Int).SetString("0"+s, 10)
			if n == nil || !n.IsInt64() {
				return -1
			}
			return n.Int64()
		}
		if m == nil {
			if err == nil {
				t.Fatalf("%q is read as %v", text, got)
			}
			return
		}
		year := number(strings.TrimPrefix(m[1], "-"))
		tooLong := year < 0 || year > 999_999_999
		if m[1][0] == '-' {
			year = -year
		}
		month, day := number(m[2]), number(m[3])
		leap := int64(0)
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			leap = 1
		}
		days := []int64{31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
		if tooLong || day > days[month-1] {
			if err == nil {
				t.Fatalf("%q is read as %v", text, got)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		floor := func(a, b int64) int64 { return (a - ((a%b)+b)%b) / b }
		ordinal := 365*(year-1) + floor(year-1, 4) - floor(year-1, 100) + floor(year-1, 400) + day - 1 // from 0001-01-01
		for _, d := range days[:month-1] {
			ordinal += d
		}
		seconds := ordinal*86400 + number(m[4])*3600 + number(m[5])*60 + number(m[6])
		if m[8] != "" {
			seconds += 86400
		}
		if zone := m[9]; zone != "Z" {
			offset := number(zone[1:3])*3600 + number(zone[4:])*60
			if zone[0] == '+' {
				offset = -offset
			}
			seconds += offset
		}
		nanos := number((strings.TrimPrefix(m[7], ".") + "000000000")[:9])
		if want := seconds - 62135596800; got.Unix() != want || int64(got.Nanosecond()) != nanos ||
			got.Location() != time.UTC {
			t.Fatalf("%q is read as %v, want second %d and %d ns", text, got, want, nanos)
		}
	})
}
