package wssec_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// A meter is a Config.Reserve with a limit, or one that refuses one call.
type meter struct{ held, peak, limit, calls, refuse int }

var errMeter = errors.New("the meter is full")

func (m *meter) reserve(_ context.Context, octets int) error {
	m.calls++
	if m.limit > 0 && m.held+octets > m.limit || m.calls == m.refuse && octets > 0 {
		return errMeter
	}
	m.held += octets
	m.peak = max(m.peak, m.held)
	return nil
}

// metered is ps.service with a meter.
func metered(t *testing.T, ps *peers, m *meter) *wssec.Processor {
	t.Helper()
	cfg := ps.cfg
	cfg.Reserve = m.reserve
	p, err := wssec.NewProcessor(ps.service.Policy(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bodies are contents of a Body: ordinary, and with an index that is large for
// them.
func bodies() map[string]string {
	return map[string]string{
		"text":           "<q>" + strings.Repeat("words ", 200_000) + "</q>",
		"empty elements": strings.Repeat("<a/>", 200_000),
		"attributes":     strings.Repeat("<a"+numbered(100)+"/>", 200),
	}
}

func around(body string) string {
	return `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body>` + body + `</s:Body></s:Envelope>`
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` z%d=""`, i)
	}
	return b.String()
}

// TestVerifyReservesWhatItAllocates: all that Verify keeps was reserved, and
// what it still has reserved in the end is little more; also if the plaintext stands in
// the message, and is no more memory.
func TestVerifyReservesWhatItAllocates(t *testing.T) {
	for name, body := range bodies() {
		for _, inPlace := range []bool{false, true} {
			ps := newPeers(t, symmetric(), nil)
			var m meter
			service := metered(t, ps, &m)
			wssec.DecryptInPlaceFrom(service, 0)
			msg, _ := ps.request(t, around(body))
			env := parse(t, msg)
			if inPlace {
				env = own(t, msg)
			}
			var before, after runtime.MemStats
			for range 3 { // the memory of messages before is forgotten
				runtime.GC()
			}
			runtime.ReadMemStats(&before)
			verified, err := service.Verify(t.Context(), env, wssec.Channel{})
			if err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			kept := int(after.HeapAlloc) - int(before.HeapAlloc)
			t.Logf("%-15s message %d, in place %v: kept %d, reserved %d, at most %d", name, len(msg), inPlace, kept, m.held,
				m.peak)
			if kept > m.held+64<<10 || m.held > kept+kept/4+64<<10 {
				t.Errorf("%s, in place %v: Verify keeps %d octets, %d are reserved", name, inPlace, kept, m.held)
			}
			runtime.KeepAlive(verified)
			runtime.KeepAlive(msg)
		}
	}
}

// TestVerifyRejectsWithoutMemory: what the length of the ciphertext decides is
// answered as such; what is in it has the uniform fault. Nothing stays
// reserved.
func TestVerifyRejectsWithoutMemory(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil)
	msg, _ := ps.request(t, around(bodies()["empty elements"]))
	for _, c := range []struct {
		limit int
		code  wssec.Code
		fault string
	}{
		{len(msg) / 4, wssec.CodeNoMemory, "The message could not be processed."},
		{3 * len(msg), wssec.CodePlaintextMemory, wssec.FaultFor(&wssec.Error{Code: wssec.CodeDecryption}).Reason},
	} {
		m := meter{limit: c.limit}
		_, err := metered(t, ps, &m).Verify(t.Context(), parse(t, msg), wssec.Channel{})
		var e *wssec.Error
		if !errors.As(err, &e) || e.Code != c.code || wssec.FaultFor(err).Reason != c.fault {
			t.Fatalf("limit %d: %v, fault %+v", c.limit, err, wssec.FaultFor(err))
		}
		if errors.Is(err, errMeter) != (c.code == wssec.CodeNoMemory) {
			t.Errorf("limit %d: %v", c.limit, err)
		}
		if m.held != 0 {
			t.Errorf("limit %d: %d octets are still reserved", c.limit, m.held)
		}
		ps = newPeers(t, symmetric(), nil) // the message is claimed
		msg, _ = ps.request(t, around(bodies()["empty elements"]))
	}
}

// TestVerifyReservesForAnEncryptedSignatureByItsLength: while no key has proved
// itself, no question about memory depends on a plaintext.
func TestVerifyReservesForAnEncryptedSignatureByItsLength(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.EncryptSignature = true }), nil)
	msg, _ := ps.request(t, message(100))
	asked := map[string]int{}
	for name, change := range map[string]func([]byte) []byte{
		"as it was": func(b []byte) []byte { return b },
		"changed":   func(b []byte) []byte { return flipSignatureCiphertext(t, b) },
	} {
		m := meter{}
		_, _ = metered(t, ps, &m).Verify(t.Context(), parse(t, change(append([]byte(nil), msg...))), wssec.Channel{})
		asked[name] = m.peak
	}
	if asked["as it was"] < asked["changed"] || asked["changed"] < xmltext.IndexBound(500) {
		t.Errorf("%v", asked)
	}
}

// flipSignatureCiphertext changes an octet in the middle of the first
// CipherValue.
func flipSignatureCiphertext(t *testing.T, msg []byte) []byte {
	t.Helper()
	before, rest, ok := strings.Cut(string(msg), "<xenc:CipherValue>")
	if !ok {
		t.Fatal("no CipherValue")
	}
	b := []byte(rest)
	at := strings.IndexByte(rest, '<') / 2
	if b[at]++; b[at] == 'Z'+1 || b[at] == 'z'+1 || b[at] == '9'+1 || b[at] < '0' {
		b[at] = 'A'
	}
	return []byte(before + "<xenc:CipherValue>" + string(b))
}

// TestProtectReservesWhatItAllocates: what a reply takes while it is made is
// reserved before, and afterwards no more than its octets.
func TestProtectReservesWhatItAllocates(t *testing.T) {
	policies := map[string]func(*wssec.Policy){
		"sign before encrypt": func(*wssec.Policy) {},
		"nothing encrypted":   func(p *wssec.Policy) { p.EncryptedParts = wssec.Parts{} },
		"encrypted signature": func(p *wssec.Policy) { p.EncryptSignature = true },
		"encrypt before sign": func(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign },
		"headers": func(p *wssec.Policy) {
			p.SignedParts.Headers = []string{"{urn:h}*"}
			p.EncryptedParts.Headers = p.SignedParts.Headers
		},
	}
	headers := strings.Repeat(`<h:h xmlns:h="urn:h">`+strings.Repeat("head ", 2000)+`</h:h>`, 20)
	replies := map[string]string{
		"long": message(1 << 20), "short": message(10),
		"repeating": `<s:Envelope xmlns:s="` + soap.NS11 + `" xmlns:a="urn:` + strings.Repeat("a", 200) + `"><s:Body>` +
			strings.Repeat(`<b c="`+strings.Repeat("c", 300)+`"/>`, 1000) + `</s:Body></s:Envelope>`,
		"headers": `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Header>` + headers +
			`</s:Header><s:Body><a/></s:Body></s:Envelope>`,
	}
	for policyName, change := range policies {
		for replyName, reply := range replies {
			p := symmetric(change)
			ps := newPeers(t, p, nil)
			var m meter
			service := metered(t, ps, &m)
			msg, _ := ps.request(t, message(100))
			verified, err := service.Verify(t.Context(), parse(t, msg), wssec.Channel{})
			if err != nil {
				t.Fatalf("%s: %v", policyName, err)
			}
			env := parse(t, []byte(reply))
			m = meter{}
			var out []byte
			all := allocated(func() { out, err = service.Protect(t.Context(), nil, env, verified) })
			if err != nil {
				t.Fatalf("%s, %s: %v", policyName, replyName, err)
			}
			t.Logf("%-20s %-10s %8d octets: allocated %8d, reserved at most %8d, in the end %8d for %8d", policyName,
				replyName, len(reply), all, m.peak, m.held, len(out))
			// Half of it may be lists that grew, and what is written twice.
			if all*4/allocationFactor > 2*m.peak+m.peak/2+64<<10 { // allocationFactor is 4 without the race detector
				t.Errorf("%s, %s: %d octets allocated, %d reserved", policyName, replyName, all, m.peak)
			}
			if m.held > cap(out) || m.held < len(out) || m.held > len(out)+len(out)/2+24<<10 {
				t.Errorf("%s, %s: %d octets are reserved for a reply of %d", policyName, replyName, m.held, len(out))
			}
			m = meter{limit: m.peak / 2}
			if _, err := service.Protect(t.Context(), nil, env, verified); !errors.Is(err, errMeter) || m.held != 0 {
				t.Errorf("%s, %s: %v, %d octets reserved", policyName, replyName, err, m.held)
			}
		}
	}
}
