package interop

import (
	"regexp"
	"strconv"
	"testing"
	"time"
)

// filePolicies are those under which CXF's clients send files: signed and
// encrypted, signed, with an encrypted signature in a part too, ciphertext
// signed, under TLS, and the same under contexts that were negotiated or asked for.
var filePolicies = []struct {
	port      string
	tls       bool
	big       bool
	streaming bool // CXF's streaming client, too
}{
	{"KtpSymmetric", false, true, false},
	{"KtpSymmetricSignOnly", false, true, false},
	{"KtpTransport", true, true, true},
	{"KtpSymmetricEncryptSignature", false, false, false},
	{"KtpSymmetricEncryptBeforeSigning", false, false, false},
	{"KtpSymmetricSoap12", false, false, false},
	{"KtpTransportEndorsing", true, false, true},
	{"SpnegoSymmetric", false, false, false},
	{"SpnegoTransportEndorsing", true, false, true},
	{"KtpSecureConversationNoDerived", false, false, false},
}

// Files of 10 MB go both ways. The client succeeds only if CXF verified and
// decrypted the reply, and found the file in it.
func TestCXFClientsSendFilesByMTOM(t *testing.T) {
	c := newCXF(t, startKDC(t))
	wssgate := program(t)
	for _, tt := range []struct {
		name, rule, service string
		how                 string // the service gets files
		big                 bool
	}{
		{"inline, to a service without MTOM", "inline", "Files", "inline", true},
		{"inline, to a service with MTOM", "inline", "Mtom", "inline", false},
		{"as MTOM, to a service with MTOM", "mtom", "Mtom", "as MTOM", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			backend, out := c.backendOutput(t)
			settings := map[string]any{"mtom": tt.rule}
			var plain, tls []string
			for _, p := range filePolicies {
				if p.tls {
					tls = append(tls, p.port)
				} else {
					plain = append(plain, p.port)
				}
			}
			gateways := map[bool]*gateway{
				false: serveRoutes(t, wssgate, c.kdc, backend+tt.service, false, settings, underContexts(t), plain...),
				true:  serveRoutes(t, wssgate, c.kdc, backend+tt.service, true, settings, underContexts(t), tls...),
			}
			calls := 0
			call := func(port string, tls bool, size int, args ...string) {
				calls++
				if said, err := c.call(t, port, gateways[tls].url+"/"+port,
					append(args, "-file", strconv.Itoa(size))...); err != nil {
					t.Errorf("%s, %d octets: CXF's client: %v\n%s\n%s", port, size, err, said, gateways[tls].log)
				}
			}
			for _, p := range filePolicies {
				size := 20000
				if p.big && tt.big {
					size = 10 << 20
				}
				call(p.port, p.tls, size, "-mtom")
				if p.streaming {
					call(p.port, p.tls, 20000, "-mtom", "-streaming")
				}
			}
			how := regexp.MustCompile(" octets " + tt.how)
			if n := countOf(out, how, calls); n != calls {
				t.Errorf("%d of %d files came %s:\n%s", n, calls, tt.how, out)
			}
			call("KtpSymmetric", false, 20000) // a client without MTOM
			if n := countOf(out, regexp.MustCompile("File of 20000 octets inline"), 1); n == 0 {
				t.Errorf("the message of a client without MTOM is forwarded as MTOM:\n%s", out)
			}
		})
	}
}

// countOf returns how often a process has said something, once that is as often as
// is expected: what it has written before an answer may be read after it.
func countOf(out *output, what *regexp.Regexp, expected int) (n int) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if n = len(what.FindAllString(out.String(), -1)); n >= expected || time.Now().After(end) {
			return n
		}
	}
}

// What CXF 4.0.6 sends otherwise: it encrypts the name of an attachment and not
// the attachment, or signs the name, or, with derived keys, writes the Body twice,
// the second time in clear. No digest covers the file, so it is refused. The
// ciphertext may stand in the envelope.
func TestFilesThatCXFDoesNotProtectAreRefused(t *testing.T) {
	c := newCXF(t, startKDC(t))
	backend, out := c.backendOutput(t)
	g := serveRoutes(t, program(t), c.kdc, backend+"Files", false, nil, underContexts(t), "KtpSymmetric",
		"KtpSymmetricSignOnly", "KtpSymmetricDerived", "SpnegoSymmetric", "SpnegoSymmetricDerived")
	seen := map[string]int{}
	for _, tt := range []struct {
		port, code string
		args       []string
	}{
		{"KtpSymmetric", "mtom-include", []string{"-set", "ws-security.expand.xop.include=false"}},
		{"KtpSymmetric", "mtom-include", []string{"-streaming"}},
		{"KtpSymmetricSignOnly", "digest-invalid", []string{"-set", "ws-security.expand.xop.include=false"}},
		{"KtpSymmetricSignOnly", "mtom-include", []string{"-streaming"}},
		{"KtpSymmetricDerived", "envelope-invalid", nil},
		{"SpnegoSymmetric", "mtom-include", []string{"-streaming"}},
		{"SpnegoSymmetricDerived", "envelope-invalid", nil},
		{"KtpSymmetric", "ok", []string{"-set", "ws-security.store.bytes.in.attachment=false"}},
	} {
		line := regexp.MustCompile(`"code":"` + tt.code + `","status":\d+,"route":"/` + tt.port + `"`)
		seen[line.String()]++
		expected := seen[line.String()]
		said, err := c.call(t, tt.port, g.url+"/"+tt.port, append(tt.args, "-file", "20000", "-mtom")...)
		if ok := tt.code == "ok"; ok != (err == nil) || countOf(g.log, line, expected) != expected {
			t.Errorf("%s %v: %v, want %s\n%s", tt.port, tt.args, err, tt.code, said)
		}
	}
	if n := countOf(out, regexp.MustCompile("File of"), 1); n != 1 {
		t.Errorf("the service got %d files:\n%s", n, out)
	}
}

// CPU time of the gateway for a file of 10 MB both ways, as MTOM and inline, in
// turns. .ci/long runs it; the ratios go to docs/performance.md.
func TestSpeedOfMTOM(t *testing.T) {
	if !*speeds {
		t.Skip("measures for minutes, as .ci/long has it: -speeds")
	}
	c := newCXF(t, startKDC(t))
	backend := c.backend(t)
	wssgate := program(t)
	for _, port := range []string{"KtpSymmetric", "KtpSymmetricSignOnly"} {
		settings := map[string]any{"mtom": "mtom"}
		toMTOM := serveWith(t, wssgate, c.kdc, backend+"Mtom", false, settings, port)
		toFiles := serveWith(t, wssgate, c.kdc, backend+"Files", false, nil, port)
		cost := map[string]time.Duration{}
		const rounds, calls = 3, 4
		for range rounds {
			for _, way := range []struct {
				name string
				g    *gateway
				args []string
			}{
				{"inline", toFiles, nil},
				{"MTOM, forwarded inline", toFiles, []string{"-mtom"}},
				{"MTOM, forwarded as MTOM", toMTOM, []string{"-mtom"}},
			} {
				used := cpuTime(t, way.g.cmd.Process.Pid)
				args := append(way.args, "-file", strconv.Itoa(10<<20), "-count", strconv.Itoa(calls))
				if said, err := c.call(t, port, way.g.url+"/"+port, args...); err != nil {
					t.Fatalf("%s: %v\n%s", way.name, err, said)
				}
				cost[way.name] += (cpuTime(t, way.g.cmd.Process.Pid) - used) / (rounds * calls)
			}
		}
		for name, each := range cost {
			t.Logf("speed: %s, %s: %v of CPU time each, %.2f times inline", port, name, each.Round(time.Millisecond),
				float64(each)/float64(cost["inline"]))
		}
	}
}
