package importer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/internal/wsdl"
)

// Bounds of what one import reads.
const (
	maxDocuments = 64
	maxOctets    = 16 << 20
	fetchTimeout = 30 * time.Second // of one document
)

// A fetcher reads a WSDL and those that it imports. Schemas are not read: no policy
// stands in them.
type fetcher struct {
	Config
	folders []string // absolute, without symbolic links
	origins []*url.URL
	client  *http.Client

	documents []*wsdl.Document
	seen      map[string]bool
	octets    int
	lacks     []wsdl.Finding // imports that were not followed
}

func newFetcher(c Config) *fetcher {
	f := &fetcher{Config: c, seen: map[string]bool{}}
	f.client = &http.Client{Timeout: fetchTimeout, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > 5 || !f.allowsURL(req.URL) {
			return fmt.Errorf("it redirects to %.200q, which is not allowed", req.URL.Redacted())
		}
		return nil
	}}
	return f
}

// isURL reports whether a source is fetched by HTTP.
func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

// fetchAll reads the documents, the WSDL first.
func (f *fetcher) fetchAll(ctx context.Context) ([]*wsdl.Document, error) {
	if err := f.allow(); err != nil {
		return nil, &ArgumentError{err}
	}
	first, at, err := f.first(ctx)
	if err != nil {
		return nil, err
	}
	if first.Kind != wsdl.KindWSDL {
		return nil, fmt.Errorf("%s is a %s, and no WSDL", first.Name, first.Kind)
	}
	if err := f.follow(ctx, first, at); err != nil {
		return nil, err
	}
	return f.documents, nil
}

// allow reads what the operator allows.
func (f *fetcher) allow() error {
	for _, text := range f.Allow {
		if isURL(text) {
			u, err := url.Parse(text)
			if err != nil {
				return fmt.Errorf("--allow-imports: %q is not a URL", text)
			}
			f.origins = append(f.origins, u)
			continue
		}
		if err := f.allowFolder(text); err != nil {
			return fmt.Errorf("--allow-imports: %w", err)
		}
	}
	return nil
}

func (f *fetcher) allowFolder(name string) error {
	folder, err := filepath.Abs(name)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return err
	}
	f.folders = append(f.folders, folder)
	return nil
}

// first reads the WSDL itself. at is where it is, to resolve its imports: a URL, an
// absolute path, or "".
func (f *fetcher) first(ctx context.Context) (d *wsdl.Document, at string, err error) {
	switch {
	case f.Source == "-":
		text, err := f.read(f.Stdin)
		if err != nil {
			return nil, "", fmt.Errorf("standard input: %w", err)
		}
		d, err := f.parse("standard input", text, "")
		return d, "", err
	case isURL(f.Source):
		u, err := url.Parse(f.Source)
		if err != nil {
			return nil, "", &ArgumentError{err}
		}
		f.origins = append(f.origins, &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"})
		d, err := f.get(ctx, u)
		return d, u.String(), err
	}
	if at, err = filepath.Abs(f.Source); err != nil {
		return nil, "", &ArgumentError{err}
	}
	r, err := openFile(at, f.Source)
	if err != nil {
		return nil, "", &ArgumentError{fmt.Errorf("%w; name the file or URL of a WSDL, or - for standard input", err)}
	}
	defer r.Close()
	if err := f.allowFolder(filepath.Dir(at)); err != nil {
		return nil, "", err
	}
	d, err = f.readFile(r, f.Source)
	return d, at, err
}

// follow reads the WSDLs that d imports, and those that they import. One that is
// there already is not read again, so loops end.
func (f *fetcher) follow(ctx context.Context, d *wsdl.Document, at string) error {
	f.seen[at] = true
	for _, link := range d.Links {
		if link.Kind != wsdl.KindWSDL {
			continue
		}
		location, ok := f.locate(at, link.Location)
		if !ok {
			f.lacks = append(f.lacks, wsdl.Finding{Place: d.Place(link.Node),
				Text: fmt.Sprintf("import of %.200q is not followed: it "+
					"is outside of the folder or origin of the WSDL; name its folder or URL with --allow-imports if you trust it",
					link.Location)})
			continue
		}
		if f.seen[location] {
			continue
		}
		if len(f.documents) >= maxDocuments {
			return d.Errorf(link.Node, "there are more than %d documents", maxDocuments)
		}
		next, err := f.fetch(ctx, location)
		if err != nil {
			return d.Errorf(link.Node, "import of %.200q: %w", link.Location, err)
		}
		if err := f.follow(ctx, next, location); err != nil {
			return err
		}
	}
	return nil
}

// fetch reads a document from where [fetcher.locate] says that it is.
func (f *fetcher) fetch(ctx context.Context, location string) (*wsdl.Document, error) {
	if !isURL(location) {
		return f.open(location, shortest(location))
	}
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	return f.get(ctx, u)
}

// locate returns where the document of an import is, a URL or an absolute path, and
// whether it may be read. at is where the importing document is.
func (f *fetcher) locate(at, location string) (string, bool) {
	u, err := url.Parse(location)
	if err != nil {
		return "", false
	}
	if isURL(at) {
		base, err := url.Parse(at)
		if err != nil {
			return "", false
		}
		u = base.ResolveReference(u)
		if !f.allowsURL(u) && wsdl.IsOwnLink(base, u) {
			u.Scheme, u.Host, u.User = base.Scheme, base.Host, nil
		}
	}
	if u.Scheme != "" {
		u.Fragment = ""
		return u.String(), isURL(u.String()) && f.allowsURL(u)
	}
	name := filepath.FromSlash(u.Path)
	if u.Host != "" || u.RawQuery != "" || name == "" || at == "" && !filepath.IsAbs(name) {
		return "", false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(at), name)
	}
	name, err = filepath.EvalSymlinks(name)
	if err != nil {
		name = filepath.Clean(name)
	}
	return name, f.allowsFile(name)
}

// allowsURL reports whether u is under one of the URLs that may be read. A path
// with dots that a server may resolve is not.
func (f *fetcher) allowsURL(u *url.URL) bool {
	if u.User != nil || u.Path != "" && path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
		return false
	}
	return slices.ContainsFunc(f.origins, func(o *url.URL) bool {
		return u.Scheme == o.Scheme && strings.EqualFold(u.Host, o.Host) &&
			(u.Path == o.Path || strings.HasPrefix(u.Path, strings.TrimSuffix(o.Path, "/")+"/") || o.Path == "")
	})
}

// allowsFile reports whether a file is in one of the folders that may be read.
func (f *fetcher) allowsFile(name string) bool {
	return slices.ContainsFunc(f.folders, func(folder string) bool {
		rel, err := filepath.Rel(folder, name)
		return err == nil && filepath.IsLocal(rel)
	})
}

// shortest returns a path as an operator would write it.
func shortest(name string) string {
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}

// open reads a file; name is for errors.
func (f *fetcher) open(file, name string) (*wsdl.Document, error) {
	r, err := openFile(file, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return f.readFile(r, name)
}

// openFile opens a regular file; name is for errors.
func openFile(file, name string) (*os.File, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	return os.Open(file)
}

func (f *fetcher) readFile(r io.Reader, name string) (*wsdl.Document, error) {
	text, err := f.read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f.parse(name, text, "")
}

// get reads a document by HTTP.
func (f *fetcher) get(ctx context.Context, u *url.URL) (*wsdl.Document, error) {
	name := u.Redacted()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the answer is HTTP %d", name, resp.StatusCode)
	}
	text, err := f.read(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f.parse(name, text, charsetOf(resp.Header.Get("Content-Type")))
}

// read reads a document within the bounds of one and of all.
func (f *fetcher) read(r io.Reader) ([]byte, error) {
	limit := min(wsdl.DefaultMaxDocument, maxOctets-f.octets)
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if f.octets += len(text); len(text) > limit {
		return nil, fmt.Errorf("more than %d octets in one document, or %d in all", wsdl.DefaultMaxDocument, maxOctets)
	}
	return text, nil
}

func (f *fetcher) parse(name string, text []byte, charset string) (*wsdl.Document, error) {
	d, err := wsdl.Parse(name, text, wsdl.Options{Charset: charset})
	if err != nil {
		return nil, err
	}
	f.documents = append(f.documents, d)
	return d, nil
}
