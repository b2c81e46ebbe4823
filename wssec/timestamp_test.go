package wssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

func TestVerifyRejectsExpiredTimestamps(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	start := ps.now
	msg, _ := ps.request(t, plainOrder)
	for offset, ok := range map[time.Duration]bool{
		-4*time.Minute - 59*time.Second: true, -5*time.Minute - time.Second: false,
		0: true, 9*time.Minute + 59*time.Second: true, 10 * time.Minute: false,
	} {
		ps.now = start.Add(offset)
		_, err := ps.verify(t, msg)
		if ok && err != nil {
			t.Errorf("at %v: %v", offset, err)
		}
		if !ok {
			refused(t, err, wssec.CodeMessageExpired)
		}
	}
	ps.now = start
	for _, bad := range []string{"2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "now", "", strings.Repeat("1", 100)} {
		created := find(t, string(msg), `<wsu:Created>([^<]*)<`)
		_, err := ps.verify(t, []byte(replace(t, string(msg), created, bad)))
		refused(t, err, wssec.CodeTimestampInvalid)
	}
}

// TestVerifyRejectsInexactTimes: what is no xs:dateTime is no time, wherever it
// stands.
func TestVerifyRejectsInexactTimes(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	now := ps.now.UTC()
	for _, element := range []string{"Created", "Expires"} {
		old := find(t, string(raw), `<wsu:`+element+`>([^<]*)<`)
		for _, text := range []string{now.Format("2006-01-02T") + "3:04:05Z", now.Format("2006-01-02T15:04:05") + ",5Z",
			now.Format("2006-01-02T15:04:05") + "+24:00", now.Format("2006-01-02T15:04:05"), "<x/>", ""} {
			_, err := ps.verify(t, []byte(strings.Replace(string(raw), ">"+old+"<", ">"+text+"<", 1)))
			refused(t, err, wssec.CodeTimestampInvalid)
		}
	}
	for text, code := range map[string]wssec.Code{
		// Expires is before it
		"-0044-03-15T12:00:00Z": wssec.CodeMessageExpired, "12026-01-01T00:00:00Z": wssec.CodeTimestampInvalid,
		now.Format("2006-01-02T15:04:05") + "." + strings.Repeat("0", 500) + "Z": wssec.CodeDigestInvalid,
		now.Add(-24*time.Hour).Format("2006-01-02") + "T24:00:00Z":               wssec.CodeDigestInvalid,
	} {
		if code == wssec.CodeDigestInvalid {
			ps.now = now
			if strings.Contains(text, "T24") {
				ps.now = now.Truncate(24 * time.Hour).Add(time.Minute)
			}
		}
		raw, _ := ps.request(t, plainOrder)
		_, err := ps.verify(t, []byte(strings.Replace(string(raw), find(t, string(raw), `<wsu:Created>([^<]*)<`), text, 1)))
		refused(t, err, code)
	}
}

// TestVerifyRejectsMalformedTimestamps: Created, at most one Expires after it,
// and nothing else (WSS §10; BSP R3203, R3221, R3222, R3224, R3227).
func TestVerifyRejectsMalformedTimestamps(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	raw, _ := ps.request(t, plainOrder)
	msg := string(raw)
	created := find(t, msg, `<wsu:Created>.*</wsu:Created>`)
	expires := find(t, msg, `<wsu:Expires>.*</wsu:Expires>`)
	whole := find(t, msg, `<wsu:Timestamp .*</wsu:Timestamp>`)
	for name, changed := range map[string]string{
		"no Created":           replace(t, msg, created, ""),
		"Expires before":       replace(t, msg, created+expires, expires+created),
		"two Expires":          replace(t, msg, expires, expires+expires),
		"Expires not after":    replace(t, msg, expires, strings.ReplaceAll(created, "Created", "Expires")),
		"text between":         replace(t, msg, expires, "text"+expires),
		"an element of others": replace(t, msg, expires, expires+"<x/>"),
		"two Timestamps":       replace(t, msg, whole, whole+whole),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ps.verify(t, []byte(changed))
			refused(t, err, wssec.CodeTimestampInvalid)
		})
	}
}
