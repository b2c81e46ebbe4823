package main

import (
	"strings"
	"time"
)

// timestamps are refusals of the Timestamp (WSS §10, BSP R3203 to R3229).
func timestamps(s *set) {
	add := func(name, expect, comment string, kind change, changes ...change) {
		s.case_("timestamp-"+name, expect, comment, "timestamp", kind, changes...)
	}
	const invalid, expired = "timestamp-invalid", "message-expired"
	add("missing", "timestamp-missing", "The policy asks for a Timestamp.", signed, without("timestamp"))
	add("missing-transport", "timestamp-missing",
		"The policy asks for a Timestamp, which the endorsing signature covers.",
		transport, without("timestamp"), signsOnly("token"))
	add("forbidden", invalid, "The policy forbids a Timestamp.", signed,
		with(func(p *policy) { p.Timestamp = "forbidden" }))
	add("two", invalid, "Two Timestamps (BSP R3227).", signed, rewrite("timestamp", func(s string) string {
		return s + strings.Replace(s, `"ts"`, `"ts-2"`, 1)
	}), signsOnly("body"))
	s.clocks(add)
	for name, change := range map[string][3]string{
		"created-missing": {"Without Created (BSP R3203).", "<wsu:Created>2026-03-02T10:00:00.000Z</wsu:Created>", ""},
		"created-two": {"Two Created (BSP R3203).", "</wsu:Created>",
			"</wsu:Created><wsu:Created>2026-03-02T10:00:00.000Z</wsu:Created>"},
		"expires-two": {"Two Expires (BSP R3224).", "</wsu:Expires>",
			"</wsu:Expires><wsu:Expires>2026-03-02T10:05:00.000Z</wsu:Expires>"},
		"expires-before": {"Expires before Created (BSP R3221).", "10:05:00.000Z", "09:59:00.000Z"},
		"expires-equal":  {"Expires at Created (BSP R3221).", "10:05:00.000Z", "10:00:00.000Z"},
		"element":        {"Another element (BSP R3222).", "</wsu:Timestamp>", `<x xmlns=""></x></wsu:Timestamp>`},
		"text":           {"Text beside Created.", "<wsu:Created>", "x<wsu:Created>"},
		"element-inside": {"An element in Created.", "<wsu:Created>", `<wsu:Created><x xmlns=""></x>`},
		"no-zone":        {"A time without zone (BSP R3217).", "10:00:00.000Z", "10:00:00.000"},
		"no-date":        {"A time without date.", "2026-03-02T10:00:00", "10:00:00"},
		"day":            {"The 30th of February.", "2026-03-02T10:00", "2026-02-30T10:00"},
		"month":          {"A month 13.", "2026-03-02T10:00", "2026-13-02T10:00"},
		"hour":           {"An hour 25.", "T10:00:00", "T25:00:00"},
		"minute":         {"A minute 60.", "T10:00:00", "T10:60:00"},
		"second":         {"A second 60.", "T10:00:00", "T10:00:60"},
		"comma":          {"A comma in the place of a point.", "10:00:00.000Z", "10:00:00,000Z"},
		"point":          {"A point without digits behind it (XML Schema Part 2 §3.2.7).", "10:00:00.000Z", "10:00:00.Z"},
		"short-hour":     {"An hour of one digit.", "T10:00:00", "T9:00:00"},
		"zone":           {"A zone of more than 14 hours.", "10:00:00.000Z", "10:00:00.000+14:01"},
		"zone-minute":    {"A zone with 60 minutes.", "10:00:00.000Z", "10:00:00.000+00:60"},
		"lower":          {"Letters in lower case.", "2026-03-02T10:00:00.000Z", "2026-03-02t10:00:00.000z"},
		"year":           {"A year of three digits.", "2026-03-02T10:00", "026-03-02T10:00"},
		"empty":          {"An empty Created.", "2026-03-02T10:00:00.000Z</wsu:C", "</wsu:C"},
		"words":          {"A date as HTTP has it.", "2026-03-02T10:00:00.000Z", "Mon, 02 Mar 2026 10:00:00 GMT"},
	} {
		add(name, invalid, change[0], signed, edit("timestamp", change[1], change[2]))
	}
	add("order", invalid, "Expires before Created in the order of elements (BSP R3203).", signed,
		rewrite("timestamp", func(s string) string {
			i, j := strings.Index(s, "<wsu:Created>"), strings.Index(s, "<wsu:Expires>")
			k := strings.Index(s, "</wsu:Timestamp>")
			return s[:i] + s[j:k] + s[i:j] + s[k:]
		}))
	for name, value := range map[string]string{
		"offset": "2026-03-02T12:00:00.000+02:00", "seconds": "2026-03-02T10:00:00Z",
		"midnight":   "2026-03-01T24:00:00Z",
		"fraction-9": "2026-03-02T10:00:00.000000001Z", "fraction-20": "2026-03-02T10:00:00.00000000000000000001Z",
		"space": "\n 2026-03-02T10:00:00.000Z ", "west": "2026-03-01T20:00:00-14:00",
	} {
		change := edit("timestamp", "2026-03-02T10:00:00.000Z", value)
		if name == "midnight" {
			add("form-"+name, expired, "24:00:00 is the first instant of the next day.", signed, change)
			continue
		}
		add("form-"+name, "ok", "Created as "+strings.TrimSpace(value)+", with the white space around it.", signed,
			change)
	}
	longest := func(n int) change {
		return rewrite("timestamp", func(s string) string {
			const t = "2026-03-02T10:00:00.000Z"
			return strings.Replace(s, t, t[:19]+"."+strings.Repeat("0", n-21)+"Z", 1)
		})
	}
	add("form-1024", "ok", "A time of 1,024 octets: the most.", signed, longest(1024))
	add("form-1025", invalid, "A time of 1,025 octets.", signed, longest(1025))
}

// clocks are times at the edges of what is accepted: 5 minutes of age, of skew
// and of life.
func (s *set) clocks(add adder) {
	const expired = "message-expired"
	long := func(m *message) { m.expires = time.Hour }
	ap := func(t time.Time) change { return func(m *message) { m.ap.Time, m.now = t, t } }
	after := func(d time.Duration) change { return all(ap(epoch.Add(d)), at(epoch.Add(d))) }
	add("age-edge", "ok", "Nearly 10 minutes old: max-age and clock-skew are 5 minutes each.", signed, long,
		after(10*time.Minute-time.Second))
	add("age-over", expired, "10 minutes old: max-age and clock-skew are 5 minutes each.", signed, long,
		after(10*time.Minute))
	add("expired-edge", "ok", "Expired nearly 5 minutes ago, which clock-skew allows.", signed,
		func(m *message) { m.expires = time.Minute }, after(6*time.Minute-time.Second))
	add("expired-over", expired, "Expired 5 minutes ago.", signed, func(m *message) { m.expires = time.Minute },
		after(6*time.Minute))
	add("future-edge", "ok", "Created 5 minutes in the future, which clock-skew allows.", signed, after(-5*time.Minute),
		ticketEarly)
	add("future-over", expired, "Created 5 minutes and a second in the future.", signed,
		after(-5*time.Minute-time.Second),
		ticketEarly)
	add("skew-policy", expired, "Created 31 seconds in the future, and the policy allows 30 of clock-skew.", signed,
		after(-31*time.Second), ticketEarly, with(func(p *policy) { p.ClockSkew = "30s" }))
	add("age-policy", expired, "91 seconds old, and the policy allows 60 and 30 of clock-skew.", signed, long,
		after(91*time.Second), with(func(p *policy) { p.ClockSkew, p.MaxAge = "30s", "1m" }))
	add("no-expires", "ok", "Without Expires: max-age bounds it.", signed, rewrite("timestamp", func(s string) string {
		return s[:strings.Index(s, "<wsu:Expires>")] + "</wsu:Timestamp>"
	}))
	add("no-expires-old", expired, "Without Expires, and 10 minutes old.", signed, after(10*time.Minute),
		rewrite("timestamp", func(s string) string {
			return s[:strings.Index(s, "<wsu:Expires>")] + "</wsu:Timestamp>"
		}))
	add("transport-old", expired, "Under TLS, 10 minutes old.", transport, after(10*time.Minute))
}

// ticketEarly lets the ticket begin before the case.
func ticketEarly(m *message) { m.ap.Ticket.AuthTime = epoch.Add(-time.Hour) }
