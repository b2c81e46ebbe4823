package interop

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/wssgate/wssgate/client"
	kdcclient "github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

var speeds = flag.Bool("speeds", false, "compare the CPU time of our servers with that of others'")

// CPU time of the server's process for each call, wssgate's with a Go service
// behind it and CXF's with the service in it, one after the other in turns.
// .ci/long runs it; the ratios go to docs/performance.md.
func TestSpeedAgainstCXFServer(t *testing.T) {
	if !*speeds {
		t.Skip("measures for a minute, as .ci/long has it: -speeds")
	}
	c := newCXF(t, startKDC(t))
	backend, _ := counting(t)
	ports := []string{"SpnegoSymmetric", "KtpSymmetric"}
	g := serveRoutes(t, program(t), c.kdc, backend, false, nil, func(_ string, route map[string]any) {
		if port := strings.TrimPrefix(route["path"].(string), "/"); strings.HasPrefix(port, "Spnego") {
			route["policy"] = negotiated(t, port)
		}
	}, ports...)
	java, url := c.secureServerProcess(t, "("+strings.Join(ports, "|")+")Port")
	tickets := c.tickets(t)
	message := `<soap:Envelope xmlns:soap="` + nsSOAP + `"><soap:Body>` + doubleIt + `</soap:Body></soap:Envelope>`
	servers := map[string]struct {
		pid int
		url string
	}{"wssgate": {g.cmd.Process.Pid, g.url}, "CXF": {java.Process.Pid, url}}

	for _, work := range []struct {
		name, port string
		fresh      bool // a new client for each call
	}{
		{"negotiation and one call", "SpnegoSymmetric", true},
		{"call under a context", "SpnegoSymmetric", false},
		{"call with a ticket", "KtpSymmetric", false},
	} {
		cost := map[string]time.Duration{}
		const rounds, calls = 4, 300
		for round := range rounds {
			for name, s := range servers {
				used := cpuTime(t, s.pid)
				caller := c.caller(t, tickets, s.url+"/"+work.port, work.port)
				for range calls {
					if work.fresh {
						caller = c.caller(t, tickets, s.url+"/"+work.port, work.port)
					}
					if _, err := caller.Call(t.Context(), client.Request{Message: []byte(message)}); err != nil {
						t.Fatalf("%s, %s: %v", work.name, name, err)
					}
				}
				if used = cpuTime(t, s.pid) - used; round > 0 { // the first warms up
					cost[name] += used / (rounds - 1) / calls
				}
			}
		}
		t.Logf("speed: %s: wssgate %v, CXF %v of CPU time each, %.1f times", work.name,
			cost["wssgate"].Round(time.Microsecond),
			cost["CXF"].Round(time.Microsecond), float64(cost["CXF"])/float64(cost["wssgate"]))
	}
}

// secureServerProcess is secureServer with its process, and the URL of its plain ports.
func (c *cxf) secureServerProcess(t *testing.T, only string) (cmd *exec.Cmd, url string) {
	t.Helper()
	addr, port := freeAddr(t)
	_, tlsPort := freeAddr(t)
	cmd = exec.Command("bash", c.java("SecureServer", "-wsdl", c.wsdl(), "-only", only, "-http", port, "-https", tlsPort,
		"-p12", c.file("tls.p12"))...)
	cmd.Env = append(os.Environ(), c.env()...)
	daemon(t, cmd, saidReady)
	return cmd, "http://" + addr
}

// tickets returns those of alice.
func (c *cxf) tickets(t *testing.T) *kdcclient.Client {
	t.Helper()
	conf, err := krb5conf.Read(c.file("krb5.conf"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keytab.Load(c.file("alice.keytab"))
	if err != nil {
		t.Fatal(err)
	}
	tickets, err := kdcclient.NewClient(kdcclient.ClientConfig{Client: "alice@EXAMPLE.COM", Krb5Conf: conf, Keytab: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tickets.Close)
	return tickets
}

// caller returns a client of a port at a URL, which has negotiated nothing yet.
func (c *cxf) caller(t *testing.T, tickets *kdcclient.Client, url, port string) *client.Client {
	t.Helper()
	of := policyOf
	if strings.HasPrefix(port, "Spnego") {
		of = negotiated
	}
	text, err := yaml.Marshal(of(t, port))
	if err != nil {
		t.Fatal(err)
	}
	var policy wssec.Policy
	if err := yaml.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	caller, err := client.New(client.Config{
		URL: url, Service: service, Policy: policy, Tickets: tickets, Trust: wstrust.V13, NoAuthenticator: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return caller
}
