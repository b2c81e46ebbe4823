package wssec

import (
	"slices"
	"time"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// timestamp is a wsu:Timestamp (WSS §10).
type timestamp struct {
	node             xmltext.Node
	created, expires time.Time // expires is zero if absent
}

// parse reads a Timestamp as BSP 1.1 has it: one Created, at most one Expires
// after it, nothing else.
func (t *timestamp) parse(n xmltext.Node) (err error) {
	t.node = n
	c := n.FirstChild()
	if c.IsZero() || !c.Is(NSWSU, "Created") || n.HasMixedText() {
		return errAt(CodeTimestampInvalid, n, "must hold elements only, Created first (BSP R3203)")
	}
	if t.created, err = parseTime(c); err != nil {
		return err
	}
	if c = c.NextSibling(); c.IsZero() {
		return nil
	}
	if !c.Is(NSWSU, "Expires") || !c.NextSibling().IsZero() {
		return errAt(CodeTimestampInvalid, c, "only one Expires may follow Created (BSP R3222, R3224)")
	}
	if t.expires, err = parseTime(c); err != nil {
		return err
	}
	if !t.expires.After(t.created) {
		return errAt(CodeTimestampInvalid, c, "Expires is not after Created (BSP R3221)")
	}
	return nil
}

// maxTimeText bounds the text of a time: fractions may have any number of
// digits.
const maxTimeText = 1 << 10

// parseTime reads the xs:dateTime of Created or Expires.
func parseTime(n xmltext.Node) (time.Time, error) {
	if _, start, end, _ := n.SourceRange(); end-start > maxTimeText {
		return time.Time{}, errAt(CodeTimestampInvalid, n, "the time is longer than %d octets", maxTimeText)
	}
	if !n.FirstChild().IsZero() {
		return time.Time{}, errAt(CodeTimestampInvalid, n, "has an element in the place of a time")
	}
	text, plain := n.PlainText()
	if !plain {
		text = n.AppendText(nil)
	}
	t, err := ParseDateTime(string(text))
	if err != nil {
		return time.Time{}, errAt(CodeTimestampInvalid, n, "%w", err)
	}
	return t, nil
}

// acceptedUntil returns the time at which check stops accepting the timestamp.
func (t *timestamp) acceptedUntil(p *Policy) time.Time {
	end := t.created.Add(p.MaxAge + p.ClockSkew)
	if e := t.expires.Add(p.ClockSkew); !t.expires.IsZero() && e.Before(end) {
		return e
	}
	return end
}

// check returns an error unless a message with this timestamp is acceptable at
// now. Its errors are CodeMessageExpired and have the distance, so that an
// operator can recognize a wrong clock.
func (t *timestamp) check(p *Policy, now time.Time) error {
	switch {
	case t.created.After(now.Add(p.ClockSkew)):
		return errAt(CodeMessageExpired, t.node,
			"created %v in the future; %v of clock skew are allowed (clock-skew): check the clocks",
			t.created.Sub(now).Round(time.Millisecond), p.ClockSkew)
	case !now.Before(t.created.Add(p.MaxAge + p.ClockSkew)):
		return errAt(CodeMessageExpired, t.node,
			"created %v ago; %v and %v of clock skew are allowed (max-age, clock-skew)",
			now.Sub(t.created).Round(time.Millisecond), p.MaxAge, p.ClockSkew)
	case !t.expires.IsZero() && !now.Before(t.expires.Add(p.ClockSkew)):
		return errAt(CodeMessageExpired, t.node,
			"expired %v ago; %v of clock skew are allowed (clock-skew)",
			now.Sub(t.expires).Round(time.Millisecond), p.ClockSkew)
	}
	return nil
}

// appendDateTime appends UTC with milliseconds, which every peer reads (BSP R3220). The
// standard library has a way for this layout, though not with milliseconds, that
// takes a third of the time of another.
func appendDateTime(dst []byte, t time.Time) []byte {
	ms := t.Nanosecond() / 1e6
	dst = t.UTC().AppendFormat(dst, time.RFC3339)
	return append(dst[:len(dst)-len("Z")], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}

// timestampBytes is the room for a usual Timestamp.
const timestampBytes = 300

// appendTimestamp writes a Timestamp in its own exclusive canonical form.
func appendTimestamp(dst []byte, id string, now time.Time, ttl time.Duration) []byte {
	dst = slices.Grow(dst, timestampBytes)
	dst = append(append(dst, `<wsu:Timestamp xmlns:wsu="`+NSWSU+`" wsu:Id="`...), id...)
	dst = appendDateTime(append(dst, `"><wsu:Created>`...), now)
	dst = appendDateTime(append(dst, `</wsu:Created><wsu:Expires>`...), now.Add(ttl))
	return append(dst, `</wsu:Expires></wsu:Timestamp>`...)
}
