package request

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/client"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

func TestMessageTakesAnEnvelopeOrTheContentOfABody(t *testing.T) {
	t.Parallel()
	whole := `<?xml version="1.0"?><e:Envelope xmlns:e="` + soap.NS12 + `"><e:Body><a/></e:Body></e:Envelope>`
	for _, c := range []struct {
		input    string
		version  soap.Version
		want     string
		version2 soap.Version
	}{
		{whole, 0, `<a/>`, soap.V12},
		{whole, soap.V12, `<a/>`, soap.V12},
		{`<q xmlns="urn:q">1</q>`, 0, `<q xmlns="urn:q">1</q>`, soap.V11},
		{"\ufeff<?xml version=\"1.0\"?>\n<!-- c --><q/>\n", soap.V12, `<q/>`, soap.V12},
		{" \n", 0, "", soap.V11},
	} {
		got, err := Message([]byte(c.input), c.version)
		if err != nil {
			t.Errorf("%s: %v", c.input, err)
			continue
		}
		env, err := soap.Parse(got, xmltext.Options{})
		if err != nil || env.Version != c.version2 {
			t.Errorf("%s: %v\n%s", c.input, err, got)
			continue
		}
		start, end := bytes.Index(got, []byte("Body>"))+5, bytes.LastIndex(got, []byte("</"+env.Body.Prefix()+":Body"))
		if string(got[start:end]) != c.want {
			t.Errorf("%s: the Body holds %s", c.input, got[start:end])
		}
	}
	for input, words := range map[string]string{
		"<a/><b/>": "neither", "text": "neither", "<a>": "neither",
		`<Envelope xmlns="urn:x"/>`: "unknown namespace",
	} {
		if _, err := Message([]byte(input), 0); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", input, err)
		}
	}
	if _, err := Message([]byte(whole), soap.V11); err == nil || !strings.Contains(err.Error(), "SOAP 1.2") {
		t.Errorf("another version: %v", err)
	}
}

func TestContentKeepsNamespaces(t *testing.T) {
	t.Parallel()
	got, err := Content([]byte(`<s:Envelope xmlns:s="` + soap.NS11 +
		`" xmlns:p="urn:p"><s:Body><p:a b="p:c"/></s:Body></s:Envelope>`))
	if err != nil || !bytes.Contains(got, []byte(`xmlns:p="urn:p"`)) || !bytes.Contains(got, []byte("<p:a")) {
		t.Errorf("%s, %v", got, err)
	}
}

// A Tracer shows requests before and replies after the wire, and a reply that
// did not verify as it came only.
func TestTracerShowsBothForms(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tracer := &Tracer{W: &out}
	tracer.Trace(client.Traced{Kind: "message", Sent: true, Wire: []byte("<w/>"), Plain: []byte("<p/>")})
	tracer.Trace(client.Traced{Kind: "message", Status: 200, Wire: []byte("<v/>"), Plain: []byte("<o/>")})
	tracer.Trace(client.Traced{Kind: "message", Status: 500, Wire: []byte("<x/>")})
	tracer.Trace(client.Traced{Kind: "negotiation", Sent: true, Wire: []byte("<n/>"), Plain: []byte("<n/>")})
	tracer.Trace(client.Traced{Kind: "negotiation", Status: 200, Wire: []byte("<m/>"), Plain: []byte("<m/>")})
	want := "> message in clear (4 octets)\n<p/>\n\n> message on the wire (4 octets)\n<w/>\n\n" +
		"< message on the wire, HTTP status 200 (4 octets)\n<v/>\n\n< message verified, in clear (4 octets)\n<o/>\n\n" +
		"< message on the wire, HTTP status 500 (4 octets)\n<x/>\n\n" +
		"> negotiation on the wire (4 octets)\n<n/>\n\n< negotiation on the wire, HTTP status 200 (4 octets)\n<m/>\n\n"
	if out.String() != want {
		t.Errorf("%s", &out)
	}
}

func TestLoadCountsOutcomesAndTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n, most, now atomic.Int32
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		var progress []string
		r := Load{Calls: 100, Concurrency: 4, Ticks: ticks.C,
			Progress: func(done, failed int, passed time.Duration) {
				progress = append(progress, fmt.Sprint(done, failed, passed))
			},
			Call: func(context.Context) error {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				i := n.Add(1)
				time.Sleep(100 * time.Millisecond)
				switch {
				case i%10 == 0:
					return &client.Error{Code: client.CodeRefused}
				case i == 5:
					return errors.New("a bug")
				}
				return nil
			}}.Run(t.Context())
		if r.Outcome["ok"] != 89 || r.Outcome["service-refuses"] != 10 || r.Outcome["other"] != 1 || len(r.Times) != 89 ||
			most.Load() != 4 {
			t.Errorf("%v, %d at a time", r.Outcome, most.Load())
		}
		if r.Took != 2500*time.Millisecond || len(progress) != 2 {
			t.Errorf("took %v, progress %q", r.Took, progress)
		}
		if e := new(client.Error); !errors.As(r.Err(), &e) || e.Code != client.CodeRefused {
			t.Errorf("%v", r.Err())
		}
		var out bytes.Buffer
		if err := r.Write(&out); err != nil || !strings.Contains(out.String(), "100 calls in 2.5s, 40 a second\n") ||
			!strings.Contains(out.String(), "  ok                   89\n") || !strings.Contains(out.String(), "99 % 100ms") ||
			!strings.Contains(out.String(), "the first: client: service-refuses") {
			t.Errorf("%v\n%s", err, &out)
		}
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := Load{Calls: 1000, Concurrency: 1, Call: func(context.Context) error { cancel(); return nil }}.Run(ctx)
	if n := r.calls(); n < 1 || n > 3 || r.Err() != nil {
		t.Errorf("%d calls, %v", n, r.Err())
	}
}

func TestProgressIsALineEachTime(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := Progress{W: &out, Calls: 9}
	p.Show(3, 1, 2*time.Second)
	p.Show(6, 1, 3*time.Second)
	p.End()
	if want := "     2s  3 of 9 calls, 1 failed\n     3s  6 of 9 calls, 1 failed\n"; out.String() != want {
		t.Errorf("%q", &out)
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	r := &Result{}
	if r.Percentile(50) != 0 {
		t.Error("of nothing")
	}
	for i := range 1000 {
		r.Times = append(r.Times, time.Duration(i))
	}
	for p, want := range map[float64]time.Duration{0: 0, 50: 500, 99: 990, 99.9: 999, 100: 999} {
		if got := r.Percentile(p); got != want {
			t.Errorf("%v: %d", p, got)
		}
	}
}

// What Message makes of anything is a SOAP message with one element at most in
// its Body, or an envelope as it was given.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{"", "<a/>", "<a/><b/>", "\ufeff<?xml version='1.0'?><a xmlns='urn:a'>x</a><!-- c -->",
		`<e:Envelope xmlns:e="` + soap.NS12 + `"><e:Body/></e:Envelope>`, "\xff\xfe<\x00a\x00/\x00>\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		message, err := Message(input, 0)
		if err != nil || bytes.Equal(message, input) {
			return
		}
		env, err := soap.Parse(message, xmltext.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, message)
		}
		if n := env.Body.FirstChild(); !n.NextSibling().IsZero() || env.Body.HasMixedText() {
			t.Errorf("%s", message)
		}
	})
}
