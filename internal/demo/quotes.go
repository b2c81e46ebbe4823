package demo

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Quotes is the plain service: it knows nothing of security. SOAP messages ask it
// GetQuote, and a GET for the price of the symbol at the end of the path. It is safe
// for concurrent use.
type Quotes struct {
	mu    sync.Mutex
	count int
	last  request
}

// A request is what reached the service.
type request struct {
	line   string // "POST /"
	header http.Header
	body   []byte
}

// ServeHTTP answers.
func (q *Quotes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.mu.Lock()
	q.count++
	q.last = request{r.Method + " " + r.URL.RequestURI(), r.Header.Clone(), body}
	q.mu.Unlock()
	if symbol, ok := strings.CutPrefix(r.URL.Path, pathHTTP+"/"); ok && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s: %s EUR\n", symbol, Price)
		return
	}
	w.Header().Set("Content-Type", soap.V11.ContentType())
	symbol, err := symbolOf(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		fault := &soap.Fault{Code: soap.Sender, Reason: err.Error()}
		_, _ = w.Write(fault.AppendEnvelope(nil, soap.V11))
		return
	}
	fmt.Fprintf(w, `<soap:Envelope xmlns:soap="%s"><soap:Body><q:Quote `+
		`xmlns:q="urn:example:quotes"><q:Symbol>%s</q:Symbol><q:Price `+
		`currency="EUR">%s</q:Price></q:Quote></soap:Body></soap:Envelope>`,
		soap.NS11, xmltext.AppendEscapedText(nil, symbol), Price)
}

func symbolOf(message []byte) (string, error) {
	const ns = "urn:example:quotes"
	env, err := soap.Parse(message, xmltext.Options{})
	if err != nil {
		return "", errors.New("not a SOAP message")
	}
	question := env.Body.Child(ns, "GetQuote")
	if question.IsZero() || question.Child(ns, "Symbol").IsZero() {
		return "", errors.New("ask GetQuote with a Symbol")
	}
	return strings.TrimSpace(question.Child(ns, "Symbol").Text()), nil
}

// seen returns the last request, and how many there were.
func (q *Quotes) seen() (last request, calls int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last, q.count
}
