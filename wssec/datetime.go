package wssec

import (
	"errors"
	"strings"
	"time"
)

// ParseDateTime parses an xs:dateTime with a time zone, exactly as XML Schema
// 1.1 Part 2 §3.3.7 has it, with white space around it collapsed. time.Parse
// accepts an hour of one digit, a comma, zones of +24:00 and +00:60, and
// rejects 24:00:00.
//
// Years have up to nine digits, and may be negative or 0000 (which XML Schema
// 1.0 did not allow). A fraction of a second may have any number of digits, of
// which nine count. A value without a zone is an error (BSP R3217 requires
// UTC).
func ParseDateTime(text string) (time.Time, error) {
	s := dateTime{rest: strings.Trim(text, " \t\r\n")}
	t, ok := s.parse()
	switch {
	case s.noZone:
		return time.Time{}, errors.New("a time without a zone; write UTC, as in 2026-01-31T12:00:00.000Z (BSP R3217)")
	case s.longYear:
		return time.Time{}, errors.New("a year of more than nine digits")
	case !ok:
		return time.Time{}, errors.New("not an xs:dateTime, such as 2026-01-31T12:00:00.000Z (XML Schema Part 2, 3.3.7)")
	}
	return t, nil
}

// dateTime is what is left of an xs:dateTime.
type dateTime struct {
	rest             string
	noZone, longYear bool
}

// parse parses the production dateTimeLexicalRep (§3.3.7).
func (s *dateTime) parse() (t time.Time, ok bool) {
	year, ok1 := s.year()
	month, ok2 := s.field("-", 1, 12)
	day, ok3 := s.field("-", 1, 31)
	hour, ok4 := s.field("T", 0, 24)
	minute, ok5 := s.field(":", 0, 59)
	second, ok6 := s.field(":", 0, 59)
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) {
		return t, false
	}
	nanos, zeros, ok := s.fraction()
	if !ok || hour == 24 && (minute > 0 || second > 0 || !zeros) {
		return t, false // §3.3.7: 24:00:00 is the first instant of the next day
	}
	zone, ok := s.zone()
	if !ok || s.rest != "" {
		return t, false
	}
	// §3.3.7, dayOfMonth: a day that the month does not have would be one of
	// the next.
	if day > 28 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return t, false
	}
	return time.Date(year, time.Month(month), day, hour, minute-zone, second, nanos, time.UTC), true
}

// year takes -?([1-9][0-9]{3,}|0[0-9]{3}).
func (s *dateTime) year() (int, bool) {
	rest, negative := strings.CutPrefix(s.rest, "-")
	year, n := 0, 0
	for ; n < len(rest) && isDigit(rest[n]); n++ {
		if year = year*10 + int(rest[n]-'0'); year > 999_999_999 {
			s.longYear = true
			return 0, false
		}
	}
	if s.rest = rest[n:]; negative {
		year = -year
	}
	return year, n == 4 || n > 4 && rest[0] != '0'
}

// field takes what stands before it and two digits between least and most.
func (s *dateTime) field(before string, least, most int) (int, bool) {
	rest, ok := strings.CutPrefix(s.rest, before)
	if !ok || len(rest) < 2 || !isDigit(rest[0]) || !isDigit(rest[1]) {
		return 0, false
	}
	s.rest = rest[2:]
	n := int(rest[0]-'0')*10 + int(rest[1]-'0')
	return n, n >= least && n <= most
}

// fraction takes (\.[0-9]+)?, and reports whether it is zero.
func (s *dateTime) fraction() (nanos int, zeros, ok bool) {
	rest, ok := strings.CutPrefix(s.rest, ".")
	if !ok {
		return 0, true, true
	}
	n, zeros := 0, true
	for unit := int(1e8); n < len(rest) && isDigit(rest[n]); n++ {
		nanos += int(rest[n]-'0') * unit
		unit /= 10
		zeros = zeros && rest[n] == '0'
	}
	s.rest = rest[n:]
	return nanos, zeros, n > 0
}

// zone takes Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00) and returns minutes east
// of UTC.
func (s *dateTime) zone() (minutes int, ok bool) {
	if s.rest == "" {
		s.noZone = true
		return 0, false
	}
	if rest, ok := strings.CutPrefix(s.rest, "Z"); ok {
		s.rest = rest
		return 0, true
	}
	sign := 1
	if s.rest[0] == '-' {
		sign = -1
	} else if s.rest[0] != '+' {
		return 0, false
	}
	hours, ok1 := s.field(s.rest[:1], 0, 14)
	min, ok2 := s.field(":", 0, 59)
	return sign * (hours*60 + min), ok1 && ok2 && hours*60+min <= 14*60
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
