package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/config"
)

// checkListen looks at every listener.
func (d *doctor) checkListen(ctx context.Context) (list []Result) {
	for i := range d.Settings.Listeners {
		list = append(list, d.checkListener(ctx, &d.Settings.Listeners[i])...)
	}
	return list
}

// checkListener connects to the address of a listener, and checks whether a
// gateway with this configuration listens there: one that has the replay
// journal, and the certificates of the files.
func (d *doctor) checkListener(ctx context.Context, l *config.Listener) []Result {
	if _, passed := l.Passed(); passed {
		return []Result{skip(l.Listen, "the address is that of a socket unit: systemctl list-sockets")}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	subject := l.Listen
	conn, err := d.Dial(ctx, "tcp", listenAddr(l))
	if conn != nil {
		defer conn.Close()
	}
	pid, running := d.gateway()
	switch {
	case err != nil && running:
		return []Result{warn(subject, "nothing listens there, and a process has the replay journal",
			"look at its log: it may be starting or ending, or listen elsewhere")}
	case err != nil:
		return []Result{ok(subject, "nothing listens there; no gateway is running")}
	case running:
		list := []Result{ok(subject, "%s listens, or what is before it", process(pid))}
		return append(list, d.checkServed(ctx, conn, l)...)
	case d.Settings.ReplayJournal && locksAreKnown:
		return []Result{warn(subject, "something listens there, and it is no gateway with this state-dir",
			"stop it, or give another --listen")}
	}
	return []Result{ok(subject, "something listens there: the gateway, if it is running")}
}

// listenAddr returns the address to connect to for a listener.
func listenAddr(l *config.Listener) string {
	host, port, _ := net.SplitHostPort(l.Listen)
	switch ip := net.ParseIP(host); {
	case host == "" || ip.Equal(net.IPv4zero):
		host = "127.0.0.1" // and not localhost, which not every container knows
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// gateway finds the process that has the replay journal.
func (d *doctor) gateway() (pid int, running bool) {
	lock, err := os.Stat(filepath.Join(d.StateDir, "replay", "replay.lock"))
	if !d.Settings.ReplayJournal || d.StateDir == "" || err != nil {
		return 0, false
	}
	return lockedBy(lock)
}

// process returns the words for a process. The number of one in another
// container is not known.
func process(pid int) string {
	if pid <= 0 {
		return "another process"
	}
	return "process " + strconv.Itoa(pid)
}

// checkServed compares the certificates that are served with those of the
// files, which are read at start only.
func (d *doctor) checkServed(ctx context.Context, conn net.Conn, l *config.Listener) (list []Result) {
	var earlier []*x509.Certificate
	for i, c := range d.Settings.CertificatesOf(l) {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil || pair.Leaf == nil {
			continue // reported by another check
		}
		host := ""
		if i > 0 {
			if host = hostOfAlone(pair.Leaf, earlier); host == "" {
				continue
			}
			if conn, err = d.Dial(ctx, "tcp", listenAddr(l)); err != nil {
				continue
			}
			defer conn.Close()
		}
		earlier = append(earlier, pair.Leaf)
		served, err := d.handshake(conn, host)
		if err != nil {
			return append(list, fail(l.Listen, "what listens there does not speak TLS: "+err.Error(),
				"restart wssgate with this configuration"))
		}
		if !served.Equal(pair.Leaf) {
			list = append(list, warn(l.Listen, "the certificate that is served is not that of "+c.TLSCert+
				": it is valid until "+served.NotAfter.UTC().Format(time.DateOnly),
				"restart wssgate: it reads the file at its start"))
		}
	}
	return list
}

// hostOfAlone returns a host that a certificate is for and no earlier one is, or
// "" if there is none.
func hostOfAlone(leaf *x509.Certificate, earlier []*x509.Certificate) string {
	for _, name := range leaf.DNSNames {
		name = strings.Replace(name, "*.", "any.", 1)
		if !slices.ContainsFunc(earlier, func(e *x509.Certificate) bool { return e.VerifyHostname(name) == nil }) {
			return name
		}
	}
	return ""
}

// handshake returns the certificate that a client gets that asks for a host, or
// for none if host is "". It is looked at, and nothing sent over the connection.
func (d *doctor) handshake(conn net.Conn, host string) (*x509.Certificate, error) {
	conn.SetDeadline(time.Now().Add(d.Timeout))
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: host})
	if err := client.Handshake(); err != nil {
		return nil, err
	}
	return client.ConnectionState().PeerCertificates[0], nil
}
