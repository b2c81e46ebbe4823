package wsdl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A FileSource is a WSDL in a file. Links lead to files of its directory and
// below, and not by symbolic links out of it.
type FileSource struct{ File string }

// Root returns the name of the file.
func (s FileSource) Root() string { return filepath.Base(s.File) }

// Resolve returns the name of a file in the directory of the WSDL.
func (s FileSource) Resolve(base, link string) (string, error) {
	u, err := url.Parse(link)
	switch {
	case err != nil:
		return "", err
	case u.Scheme == "http" || u.Scheme == "https" || u.Host != "":
		return "", ErrElsewhere
	case u.Scheme != "" || u.Path == "" || strings.Contains(u.Path, `\`):
		return "", errors.New("is not the name of a file")
	}
	name := path.Join(path.Dir(base), u.Path)
	if path.IsAbs(u.Path) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("is not in the directory of %s", s.File)
	}
	return name, nil
}

// Fetch reads a file.
func (s FileSource) Fetch(_ context.Context, location string, limit int) ([]byte, string, error) {
	root, err := os.OpenRoot(filepath.Dir(s.File))
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	f, err := root.Open(location)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	if i, err := f.Stat(); err != nil || !i.Mode().IsRegular() {
		return nil, "", errors.Join(err, errors.New("is not a regular file"))
	}
	src, err := readAll(f, limit)
	return src, "", err
}

// An HTTPSource is a WSDL that an HTTP server has. Links lead to documents of the
// same scheme, host and port, and to those of Hosts; see [IsOwnLink] for servers
// that have another name for themselves. Redirects are not followed.
type HTTPSource struct {
	URL *url.URL // without user
	// User is the name and password for the host of URL, nil for none.
	User *url.Userinfo
	// Same are the URLs of other servers with the same documents: a link to one of
	// them leads to the server of URL.
	Same []*url.URL
	// Hosts are the other hosts that documents are fetched from, as "host" or
	// "host:port". Without a port it is that of the scheme.
	Hosts []string
	// Own sends requests to the host of URL, and Other to those of Hosts.
	Own, Other http.RoundTripper
}

// Root returns the URL.
func (s *HTTPSource) Root() string { return s.URL.String() }

// Resolve returns a URL.
func (s *HTTPSource) Resolve(base, link string) (string, error) {
	from, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	to, err := from.Parse(link)
	switch {
	case err != nil:
		return "", err
	case to.Scheme != "http" && to.Scheme != "https" || to.Host == "":
		return "", errors.New("is no URL of HTTP")
	}
	to.Fragment, to.User = "", nil
	for _, same := range s.Same {
		if isServer(to, same) {
			to.Scheme, to.Host = s.URL.Scheme, s.URL.Host
		}
	}
	listed := func(h string) bool { return strings.EqualFold(hostPort(to), withPort(h, to)) }
	switch {
	case s.owns(to) || slices.ContainsFunc(s.Hosts, listed):
	case IsOwnLink(s.URL, to):
		to.Scheme, to.Host = s.URL.Scheme, s.URL.Host
	default:
		return "", ErrElsewhere
	}
	return to.String(), nil
}

// IsOwnLink reports whether a link to another server is one to the server of the
// WSDL itself, by a name that it has elsewhere: WCF writes that of its machine,
// others the one in front of them. Such a link has the path of the WSDL's own URL,
// and ?wsdl or ?xsd. The document is to be fetched from the server of the WSDL.
func IsOwnLink(description, link *url.URL) bool {
	if (link.Scheme != "http" && link.Scheme != "https") || !strings.EqualFold(link.Path, description.Path) {
		return false
	}
	for name := range link.Query() {
		if strings.EqualFold(name, "wsdl") || strings.EqualFold(name, "xsd") {
			return true
		}
	}
	return false
}

func (s *HTTPSource) owns(u *url.URL) bool { return isServer(u, s.URL) }

// isServer reports whether two URLs are of one scheme, host and port.
func isServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostPort(a), hostPort(b))
}

// hostPort returns the host of a URL with its port.
func hostPort(u *url.URL) string { return withPort(u.Host, u) }

// withPort returns a host with a port: its own, or that of u's scheme.
func withPort(host string, u *url.URL) string {
	if (&url.URL{Host: host}).Port() != "" {
		return host
	}
	if u.Scheme == "https" {
		return host + ":443"
	}
	return host + ":80"
}

// Fetch gets a document. Nothing but 200 is an answer.
func (s *HTTPSource) Fetch(ctx context.Context, location string, limit int) ([]byte, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "text/xml, application/wsdl+xml, application/xml")
	req.Header.Set("User-Agent", "wssgate")
	transport := s.Other
	if s.owns(req.URL) {
		transport = s.Own
		if s.User != nil {
			password, _ := s.User.Password()
			req.SetBasicAuth(s.User.Username(), password)
		}
	}
	res, err := transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, "", statusError(res.StatusCode)
	}
	if enc := res.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, "", fmt.Errorf("Content-Encoding %.50q", enc)
	}
	src, err := readAll(res.Body, limit)
	_, parameters, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return src, parameters["charset"], err
}

// readAll reads at most limit octets.
func readAll(r io.Reader, limit int) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(src) > limit {
		err = fmt.Errorf("more than %d octets", limit)
	}
	return src, err
}
