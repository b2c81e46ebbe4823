package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// What a Body can be filled with that takes long to scan or to canonicalize.
func slowContents() map[string]string {
	var wide, spaces strings.Builder
	for i := range 250 {
		fmt.Fprintf(&wide, ` a%d=""`, i)
		fmt.Fprintf(&spaces, ` xmlns:a%d="u:%d"`, i, i)
	}
	return map[string]string{
		"empty elements":  `<a/>`,
		"attributes":      `<a b="" c=""/>`,
		"wide elements":   `<a` + wide.String() + `/>`,
		"wide namespaces": `<a` + spaces.String() + `/>`,
		"namespaces":      `<b:a xmlns:b="u:a"/>`,
		"depth":           strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"references":      `<a>` + strings.Repeat(`&#65;`, 1000) + `</a>`,
		"text":            `<a>` + strings.Repeat(`text `, 1000) + `</a>`,
	}
}

// BenchmarkRefusal is the basis of the delays of release.go: messages that cost
// all the work there is, and are refused for a part that is not signed. The
// delay of the size has to be four times the fastest of a few runs, or more:
// what others do on the machine meanwhile is in the other runs.
func BenchmarkRefusal(b *testing.B) {
	for _, size := range []int{16 << 10, 256 << 10, 1 << 20, 4 << 20, 32 << 20} {
		for name, content := range slowContents() {
			b.Run(fmt.Sprintf("%dkB/%s", size>>10, name), func(b *testing.B) {
				g, message := refused(b, `<q xmlns="urn:q">`+strings.Repeat(content, (size-12<<10)*3/4/len(content))+`</q>`)
				fastest := time.Hour
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, "/svc", strings.NewReader(message))
					r.Header.Set("Content-Type", "text/xml")
					start := time.Now()
					g.ServeHTTP(httptest.NewRecorder(), r)
					fastest = min(fastest, time.Since(start))
				}
				b.ReportMetric(float64(g.DelayOf(len(message)))/float64(fastest), "delay/fastest")
			})
		}
	}
}

// acceptsAll is a replay store and a cache that make one message good for ever.
type acceptsAll struct {
	wssec.TokenCache
	key wssec.Key
}

func (acceptsAll) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

func (a acceptsAll) GetToken(context.Context, wssec.TokenHash) (wssec.CachedToken, bool, error) {
	return wssec.CachedToken{ValueType: wssec.GSSKerberosAPREQ, Key: a.key, EndTime: time.Now().Add(time.Hour)}, true, nil
}

// refused returns a gateway that answers at once, and a message of the owner of
// a key with a header block that is not signed.
func refused(b *testing.B, body string) (*gateway.Gateway, string) {
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService(service)
	token, key, err := kdc.Token("alice", service, krbtest.TokenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	policy, _ := wssec.Preset("Kerberos")
	all := acceptsAll{key: wssec.NewKey(key.ExposeKeyOctets())}
	processor, err := wssec.NewProcessor(policy, wssec.Config{Replay: all, Tokens: all})
	if err != nil {
		b.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Log: slog.New(slog.NewJSONHandler(codeCheck{b, "part-not-signed"}, nil)),
		MaxInFlight: 1 << 32,
		Routes: []gateway.Route{{Path: "/svc", Door: door.NewSecurity("", processor),
			Backend: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}}})
	if err != nil {
		b.Fatal(err)
	}
	g.AnswerAtOnce()
	env, err := soap.Parse([]byte(envelope(soap.V11, body)), xmltext.Options{})
	if err != nil {
		b.Skip("more of it than a message may have: ", err)
	}
	message, _, err := processor.ProtectRequest(nil, env, wssec.OutgoingToken{Token: token, Key: all.key, Omit: true})
	if err != nil {
		b.Fatal(err)
	}
	const unsigned = `<a:x xmlns:a="http://www.w3.org/2005/08/addressing"/></s:Header>`
	return g, strings.Replace(string(message), "</s:Header>", unsigned, 1)
}

// codeCheck insists that every exchange ends with a code.
type codeCheck struct {
	b    *testing.B
	code string
}

func (c codeCheck) Write(event []byte) (int, error) {
	if !strings.Contains(string(event), `"code":"`+c.code+`"`) {
		c.b.Errorf("%s", event)
	}
	return len(event), nil
}

// BenchmarkWait measures how late a wait of 20 ms ends by how long the process
// was busy in it: by Go's own timers, and as the releaser waits. The tenth
// percentile leaves out what other processes have to do with it.
func BenchmarkWait(b *testing.B) {
	for name, rest := range map[string]func(time.Duration){"runtime": time.Sleep, "releaser": gateway.SleepExactly} {
		for _, busy := range []time.Duration{0, 200, 400, 600, 800} {
			b.Run(fmt.Sprintf("%s/busy-%dus", name, busy), func(b *testing.B) {
				var late []time.Duration
				for b.Loop() {
					start := time.Now()
					for time.Since(start) < busy*time.Microsecond {
					}
					end := start.Add(20 * time.Millisecond)
					if name != "runtime" {
						time.Sleep(time.Until(end) - gateway.Lead)
					}
					rest(time.Until(end))
					late = append(late, time.Since(end))
				}
				b.ReportMetric(float64(quantile(late, 0.1).Microseconds()), "µs-late")
			})
		}
	}
}
