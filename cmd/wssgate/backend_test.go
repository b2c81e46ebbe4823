package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/wssgate/wssgate/internal/demo"
	"github.com/wssgate/wssgate/soap"
)

// newBackend returns the backend of the scripts, with one path for each thing
// that backends do. Those that hang do so until done is closed.
func newBackend(done <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", &demo.Quotes{})
	describedBackend(mux, done)
	mux.Handle("/redirect", http.RedirectHandler("/", http.StatusTemporaryRedirect))
	mux.Handle("/plain", backendSays(http.StatusOK, soap.V11.ContentType(), plainReply))
	mux.Handle("/oneway", backendSays(http.StatusAccepted, "", ""))
	mux.Handle("/nocontent", backendSays(http.StatusNoContent, "", ""))
	mux.Handle("/html", backendSays(http.StatusOK, "text/html", "<html>Stacktrace</html>"))
	mux.Handle("/htmlerror", backendSays(http.StatusServiceUnavailable, "text/html", "<html>Stacktrace</html>"))
	fault := soap.Fault{Code: soap.Sender, Reason: "no such symbol"}
	mux.Handle("/fault", backendSays(http.StatusInternalServerError, soap.V11.ContentType(),
		string(fault.AppendEnvelope(nil, soap.V11))))
	mux.HandleFunc("/same", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		backendSays(http.StatusOK, r.Header.Get("Content-Type"), string(body))(w, r)
	})
	mux.HandleFunc("/echo/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %s\n", r.Method, r.URL.Path, r.Header.Get("X-Wssgate-Principal"),
			r.Header.Get("Authorization"), body)
	})
	mux.HandleFunc("/mirror", func(w http.ResponseWriter, r *http.Request) { // its reply has the request as text
		message, _ := io.ReadAll(r.Body)
		v := soap.V11
		if bytes.Contains(message, []byte(soap.NS12)) {
			v = soap.V12
		}
		backendSays(http.StatusOK, v.ContentType(), fmt.Sprintf(
			`<e:Envelope xmlns:e="%s"><e:Body><m><![CDATA[%s]]></m></e:Body></e:Envelope>`, v.Namespace(), message))(w, r)
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		backendSays(http.StatusOK, soap.V11.ContentType(), zipped(plainReply, ""))(w, r)
	})
	bomb() // now, since nobody waits yet
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		backendSays(http.StatusOK, soap.V11.ContentType(), bomb())(w, r)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-done })
	mux.HandleFunc("/trickle", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", soap.V11.ContentType())
		_, _ = io.WriteString(w, plainReply[:40])
		_ = http.NewResponseController(w).Flush()
		<-done
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(plainReply)))
		backendSays(http.StatusOK, soap.V11.ContentType(), plainReply[:40])(w, r)
	})
	mux.HandleFunc("/hangup", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return mux
}

const plainReply = `<e:Envelope xmlns:e="` + soap.NS11 + `"><e:Body><a/></e:Body></e:Envelope>`

func backendSays(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// bomb is 64 MiB of blanks. Under the race detector it takes seconds to make.
var bomb = sync.OnceValue(func() string { return zipped("", " ") })

// zipped returns text and 64 MiB of filler, if there is one.
func zipped(text, filler string) string {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(w, text)
	for range len(filler) * 64 {
		_, _ = w.Write(bytes.Repeat([]byte(filler), 1<<20))
	}
	_ = w.Close()
	return b.String()
}
