package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/wssgate/wssgate/internal/backend"
	"github.com/wssgate/wssgate/internal/config"
)

// A backendTarget is a backend with the files that a route connects to it with.
type backendTarget struct {
	text  string
	files backend.TLSFiles
}

// checkBackends checks each backend once, and the files for TLS to it.
func (d *doctor) checkBackends(ctx context.Context) []Result {
	var targets []backendTarget
	var files []backend.TLSFiles
	for i := range d.Settings.Routes {
		r := &d.Settings.Routes[i]
		own := backend.TLSFiles{CA: r.BackendCA, Certificate: r.BackendCert, Key: r.BackendKey,
			ServerName: r.BackendServerName}
		if !slices.Contains(files, own) {
			files = append(files, own)
		}
		for _, text := range r.Backend {
			if t := (backendTarget{text, own}); !slices.Contains(targets, t) {
				targets = append(targets, t)
			}
		}
	}
	list := each(files, d.checkBackendFiles)
	return append(list, each(targets, func(t backendTarget) []Result { return []Result{d.checkBackend(ctx, t)} })...)
}

// checkBackendFiles looks at the client's certificate, and at its key.
func (d *doctor) checkBackendFiles(files backend.TLSFiles) (list []Result) {
	if files.Certificate == "" {
		return nil // a CA file that is of no use fails each of its backends
	}
	c, err := files.Load()
	if err != nil {
		return nil
	}
	leaf := c.Certificates[0].Leaf
	list = append(list, d.certificateLife(files.Certificate, leaf))
	if len(leaf.ExtKeyUsage) > 0 && !slices.ContainsFunc(leaf.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageClientAuth || u == x509.ExtKeyUsageAny
	}) {
		list = append(list, warn(files.Certificate, "the certificate is not for clients (extended key usage)",
			"get one with clientAuth, unless the backends take it"))
	}
	if r, bad := checkSecretFile(files.Key, "whoever reads it can be taken for this gateway by the backends"); bad {
		list = append(list, r)
	}
	return list
}

// checkBackend sends OPTIONS, which changes nothing. Any answer will do.
func (d *doctor) checkBackend(ctx context.Context, t backendTarget) Result {
	b, err := config.ParseBackend(t.text)
	if err != nil {
		return fail("backend", err.Error(), "write it as http://localhost:9100/service")
	}
	hasUser := b.URL.User != nil
	b.URL.User, b.URL.RawQuery = nil, "" // neither shown nor sent
	subject := b.URL.String()
	if b.Socket != "" {
		subject = b.Name + ":" + b.URL.Path
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	began := time.Now()
	status, err := d.options(ctx, b, t.files)
	took := time.Since(began).Round(100 * time.Microsecond)
	switch {
	case err != nil:
		return d.unreachable(subject, t.files, err)
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		return warn(subject, fmt.Sprintf("answers %d %s, in %v", status, http.StatusText(status), took),
			"something stands before the service, which does not run")
	case status == http.StatusNotFound:
		return warn(subject, fmt.Sprintf("answers 404 Not Found to OPTIONS, in %v", took),
			"fine if the service answers POST there; else correct the path in backend:")
	case status == http.StatusUnauthorized && hasUser:
		return ok(subject, "answers 401, in %v; doctor does not send the password", took)
	}
	return ok(subject, "answers OPTIONS with %d, in %v", status, took)
}

// options sends the request as the gateway would, without proxies and
// redirects.
func (d *doctor) options(ctx context.Context, b config.Backend, files backend.TLSFiles) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, b.URL.String(), nil)
	if err != nil {
		return 0, err
	}
	secure, err := files.Load()
	if err != nil {
		return 0, err
	}
	secure.Time = d.Now
	transport := &http.Transport{DialContext: d.Dial, DisableKeepAlives: true, TLSClientConfig: secure}
	if b.Socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.Dial(ctx, "unix", b.Socket)
		}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	io.CopyN(io.Discard, response.Body, 1<<10)
	return response.StatusCode, nil
}

func (d *doctor) unreachable(subject string, files backend.TLSFiles, err error) Result {
	var (
		file      *backend.FileError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &file):
		return fail(file.Path, file.Err.Error(), "correct the file that backend-ca, backend-cert or backend-key names")
	case errors.As(err, &dns):
		return fail(subject, "its host does not resolve: "+resolveError(err), "correct the host in backend:, or DNS")
	case errors.As(err, &authority) && files.CA != "":
		return fail(subject, "its certificate is of an authority that is not in "+files.CA,
			"put the authority's certificate there (backend-ca)")
	case errors.As(err, &authority):
		return fail(subject, "its certificate is of an authority that this machine does not trust",
			"put the authority's certificate into the system's store, or give it by backend-ca")
	case errors.As(err, &host), errors.As(err, &invalid):
		return fail(subject, "its certificate is refused: "+err.Error(),
			"renew the backend's certificate, or name what it is for in backend-server-name")
	case errors.As(err, &record):
		return fail(subject, "does not speak TLS", "write http:// in backend:, or the port of https")
	case errors.Is(err, context.DeadlineExceeded):
		return fail(subject, fmt.Sprintf("does not answer within %v", d.Timeout),
			"check that the service runs, and the firewall; a slow service needs --timeout here, and backend-timeout")
	case errors.As(err, &op) && op.Op == "remote error": // an alert of TLS
		return fail(subject, "refuses the TLS connection: "+op.Err.Error(), cureOfAlert(files))
	case errors.As(err, &op):
		return fail(subject, "no connection: "+op.Err.Error(), "start the service, or correct host and port in backend:")
	}
	return fail(subject, "does not answer as an HTTP server: "+err.Error(), "correct scheme, host and port in backend:")
}

func cureOfAlert(files backend.TLSFiles) string {
	if files.Certificate == "" {
		return "it may ask for a client certificate: give backend-cert and backend-key"
	}
	return "see what it has against the certificate of backend-cert"
}
