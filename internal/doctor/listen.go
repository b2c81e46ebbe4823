package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// checkListen connects to where serve would listen, and reports whether what
// listens there is a gateway with this configuration: whether it has the replay
// journal, and the certificate of the file.
func (d *doctor) checkListen(ctx context.Context) []Result {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	subject := d.Settings.Listen
	conn, err := d.Dial(ctx, "tcp", d.listenAddr())
	if conn != nil {
		defer conn.Close()
	}
	pid, running := d.gateway()
	switch {
	case err != nil && running:
		return []Result{warn(subject, "nothing listens there, and a process has the replay journal", "look at its log: it may be starting or ending, or listen elsewhere")}
	case err != nil:
		return []Result{ok(subject, "nothing listens there; no gateway is running")}
	case running:
		list := []Result{ok(subject, "%s listens, or what is before it", process(pid))}
		return append(list, d.checkServed(conn)...)
	case d.Settings.ReplayJournal && locksAreKnown:
		return []Result{warn(subject, "something listens there, and it is no gateway with this state-dir", "stop it, or give another --listen")}
	}
	return []Result{ok(subject, "something listens there: the gateway, if it is running")}
}

// listenAddr is the listener's address as one to connect to.
func (d *doctor) listenAddr() string {
	host, port, _ := net.SplitHostPort(d.Settings.Listen)
	switch ip := net.ParseIP(host); {
	case host == "" || ip.Equal(net.IPv4zero):
		host = "127.0.0.1" // and not localhost, which not every container knows
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// gateway finds which process has the replay journal.
func (d *doctor) gateway() (pid int, running bool) {
	lock, err := os.Stat(filepath.Join(d.StateDir, "replay", "replay.lock"))
	if !d.Settings.ReplayJournal || d.StateDir == "" || err != nil {
		return 0, false
	}
	return lockedBy(lock)
}

// process names one; the number of one in another container is not told.
func process(pid int) string {
	if pid <= 0 {
		return "another process"
	}
	return "process " + strconv.Itoa(pid)
}

// checkServed compares the certificate that is served with that of the file,
// which is read at start only.
func (d *doctor) checkServed(conn net.Conn) []Result {
	if d.Settings.TLSCert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(d.Settings.TLSCert, d.Settings.TLSKey)
	if err != nil {
		return nil // reported by another check
	}
	conn.SetDeadline(time.Now().Add(d.Timeout))
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // it is looked at, and nothing sent over it
	if err := client.Handshake(); err != nil {
		return []Result{fail(d.Settings.Listen, "what listens there does not speak TLS: "+err.Error(), "restart wssgate with this configuration")}
	}
	served := client.ConnectionState().PeerCertificates[0]
	if !bytes.Equal(served.Raw, pair.Certificate[0]) {
		return []Result{warn(d.Settings.Listen, "the certificate that is served is not that of "+d.Settings.TLSCert+": it is valid until "+served.NotAfter.UTC().Format(time.DateOnly),
			"restart wssgate: it reads the file at its start")}
	}
	return nil
}
