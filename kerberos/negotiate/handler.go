package negotiate

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
)

// Handler returns a handler that passes to next what an authenticated client
// has sent, and answers everything else itself. next gets the request without
// the client's token and our cookie; [FromRequestContext] has the client. The
// server's token is in the header of the response before next is called.
func (a *Authenticator) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res := a.Authenticate(r)
		if res.Identity == nil {
			a.Write(w, r, res)
			return
		}
		next.ServeHTTP(res.writer(w), a.Admit(r, res.Identity))
		res.Complete(w.Header(), http.StatusOK) // of a handler that has written nothing
	})
}

// Admit returns the request for the handler behind: without the client's token
// and our cookie, with its Identity in the context.
func (a *Authenticator) Admit(r *http.Request, i *Identity) *http.Request {
	out := r.WithContext(WithIdentity(r.Context(), i))
	out.Header = a.withoutSecrets(r.Header)
	return out
}

// Write answers a request without an Identity.
func (a *Authenticator) Write(w http.ResponseWriter, r *http.Request, res *Result) {
	addMissing(w.Header(), res.Header)
	w.Header().Set("Cache-Control", "no-store")
	a.cfg.Answer(w, r, res)
}

// addMissing adds the values to h that it does not have.
func addMissing(h, values http.Header) {
	for name, all := range values {
		for _, value := range all {
			if !slices.Contains(h[name], value) {
				h[name] = append(h[name], value)
			}
		}
	}
}

// writer returns w, for a handler whose response must have the Result's header.
func (res *Result) writer(w http.ResponseWriter) http.ResponseWriter {
	res.Complete(w.Header(), http.StatusOK)
	return &responseWriter{ResponseWriter: w, result: res}
}

// A responseWriter completes the final response, also if the handler has cleared
// its header, as httputil.ReverseProxy does after each 1xx response.
type responseWriter struct {
	http.ResponseWriter
	result *Result
	final  bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *responseWriter) WriteHeader(status int) {
	if !w.final && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.final = true
		w.result.Complete(w.Header(), status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *responseWriter) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

// ReadFrom implements [io.ReaderFrom], by which files are sent without copies.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements [http.Flusher].
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for an [http.ResponseController].
func (w *responseWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements [http.Hijacker].
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for an [http.ResponseController].
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) begin() {
	if !w.final {
		w.WriteHeader(http.StatusOK)
	}
}

// writeText writes the answer with a line of text.
func writeText(w http.ResponseWriter, _ *http.Request, res *Result) {
	text := http.StatusText(res.Status)
	if coded := (*kerberos.Error)(nil); errors.As(res.Err, &coded) && coded.Code == kerberos.CodeNTLM {
		text += ": Kerberos is wanted here, and the client sent NTLM. It has no Kerberos ticket for the name in the URL: " +
			"the name is an IP address, or no service principal is registered for it."
	}
	if res.Status == http.StatusNoContent {
		w.WriteHeader(res.Status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(res.Status)
	_, _ = io.WriteString(w, strings.TrimSpace(text)+"\n")
}
