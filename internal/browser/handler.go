package browser

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writeTimeout is long enough for the whole client at 20 kB/s.
const writeTimeout = 3 * time.Minute

// Caching: what has a hash in its name never changes; for what keeps its name the
// cache asks each time, which is answered 304, so that the entry never names a
// module that is gone.
const (
	cacheImmutable = "public, max-age=31536000, immutable"
	cacheAsk       = "public, no-cache"
)

// A handler serves files.
type handler struct {
	files   *Files
	at      string
	origins []string
}

// Handler returns the handler of the files below the path at, which has no slash
// at its end. Pages of origins may load them from elsewhere, in the form of
// https://app.example.com, or * for any; pages of the same origin always may. It is
// safe for concurrent use.
func (f *Files) Handler(at string, origins []string) http.Handler {
	return &handler{f, at, origins}
}

// ServeHTTP serves GET and HEAD of a file.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	h.allow(header, r)
	name, _ := strings.CutPrefix(r.URL.Path, h.at+"/")
	file := h.files.Named(name)
	switch {
	case file == nil:
		header.Set("Cache-Control", "no-store")
		http.Error(w, "no file of the browser client: pages import "+Entry+", which names those of this version",
			http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the browser client is read by GET and HEAD", http.StatusMethodNotAllowed)
	default:
		file.serve(w, r)
	}
}

// allow names the origin whose pages may load the file (the CORS protocol).
func (h *handler) allow(header http.Header, r *http.Request) {
	if slices.Contains(h.origins, "*") {
		header.Set("Access-Control-Allow-Origin", "*")
		return
	}
	header.Add("Vary", "Origin")
	listed := func(origin string) bool { return len(origin) > 0 && strings.EqualFold(origin, r.Header.Get("Origin")) }
	if len(r.Header["Origin"]) == 1 && slices.ContainsFunc(h.origins, listed) {
		header.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	}
}

// serve writes the form of the file that the client likes best.
func (f *File) serve(w http.ResponseWriter, r *http.Request) {
	form := f.choose(r.Header["Accept-Encoding"])
	header := w.Header()
	header.Add("Vary", "Accept-Encoding")
	header.Set("Cache-Control", cacheAsk)
	if f.Immutable {
		header.Set("Cache-Control", cacheImmutable)
	}
	header.Set("ETag", form.etag)
	if matches(r.Header["If-None-Match"], form.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	octets, err := form.octets, error(nil)
	if form.coding == codingNone {
		octets, err = f.Octets()
	} else {
		header.Set("Content-Encoding", form.coding)
	}
	if err != nil { // the program's own file is broken
		header.Del("ETag")
		header.Set("Cache-Control", "no-store")
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", f.Type)
	header.Set("Content-Length", strconv.Itoa(len(octets)))
	deadline := http.NewResponseController(w)
	_ = deadline.SetWriteDeadline(time.Now().Add(writeTimeout))
	defer func() { _ = deadline.SetWriteDeadline(time.Time{}) }() // the connection goes on
	if r.Method == http.MethodGet {
		_, _ = w.Write(octets)
	}
}

// matches reports whether an If-None-Match names an entity tag (RFC 9110 13.1.2),
// in weak comparison.
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == etag || one == "*" {
				return true
			}
		}
	}
	return false
}
