package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// maxExchanges is how many exchanges are kept for the page.
const maxExchanges = 16

// exchanges is the gateway, and keeps what the page shows: what came, what the
// gateway made of it, what reached the service, and what the client got.
type exchanges struct {
	gateway http.Handler
	service *Quotes
	events  *eventLog
	keys    *keytab.Keytab

	one sync.Mutex // held during an exchange, so that its event is the newest

	mu    sync.Mutex
	count int
	list  []exchange
}

// An exchange is a request to the gateway and its answer, for people.
type exchange struct {
	Number   int           `json:"number"`
	Request  message       `json:"request"`
	Inside   *inspect.Node `json:"inside,omitempty"` // what the gateway's key shows of it
	Code     string        `json:"code"`
	Error    string        `json:"error,omitempty"`
	Cause    string        `json:"cause,omitempty"`
	Cure     string        `json:"cure,omitempty"`
	Arrived  *message      `json:"arrived,omitempty"` // at the service
	Response message       `json:"response"`
}

// A message is one of HTTP.
type message struct {
	Line   string   `json:"line"`
	Header []string `json:"header"`
	Body   string   `json:"body"`
}

func newExchanges(gateway http.Handler, w *world, keys *keytab.Keytab) *exchanges {
	return &exchanges{gateway: gateway, service: w.service, events: w.events, keys: keys}
}

// shown are the header fields that are about the call.
var shown = []string{"Authorization", "Content-Type", "Soapaction", "Www-Authenticate", principalHeader}

// messageOf returns a message for people.
func messageOf(line string, header http.Header, body []byte) message {
	m := message{Line: line, Header: []string{}, Body: string(body)}
	for _, name := range shown {
		for _, value := range header[name] {
			m.Header = append(m.Header, name+": "+value)
		}
	}
	return m
}

// ServeHTTP has the gateway answer, and keeps the exchange.
func (e *exchanges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		http.Error(w, "the demo takes small messages", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e.one.Lock()
	defer e.one.Unlock()
	_, before := e.service.seen()
	e.events.take()
	answer := &answer{ResponseWriter: w, status: http.StatusOK}
	e.gateway.ServeHTTP(answer, r)
	x := exchange{Request: messageOf(r.Method+" "+r.URL.RequestURI(), r.Header, body),
		Response: messageOf(strconv.Itoa(answer.status)+" "+http.StatusText(answer.status), w.Header(), answer.body)}
	x.judge(e.events.take())
	if last, calls := e.service.seen(); calls > before {
		arrived := messageOf(last.line, last.header, last.body)
		x.Arrived = &arrived
	}
	x.Inside = e.inside(r.Context(), r.Header.Get("Authorization"), body)
	e.keep(x)
}

// An answer is an [http.ResponseWriter] that keeps what is written.
type answer struct {
	http.ResponseWriter
	status int
	body   []byte
}

// Unwrap returns the connection's, for an [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader keeps the status.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write keeps what is written.
func (a *answer) Write(b []byte) (int, error) {
	a.body = append(a.body, b...)
	return a.ResponseWriter.Write(b)
}

// judge adds what the gateway's log says.
func (x *exchange) judge(ev event) {
	x.Code, x.Error = ev.code, ev.err
	for _, entry := range gateway.Catalogue() {
		if entry.Code == ev.code {
			x.Cause, x.Cure = entry.Cause, entry.Cure
		}
	}
}

// inside explains a token or a message with the gateway's keys, as wssgate inspect
// does. It is nil for what has neither.
func (e *exchanges) inside(ctx context.Context, authorization string, body []byte) *inspect.Node {
	_, token, _ := strings.Cut(authorization, "Negotiate ")
	if token == "" && len(body) == 0 {
		return nil
	}
	what := body
	if token != "" {
		what = []byte("Negotiate " + token)
	}
	// The trees have the error.
	trees, _ := explain.New(explain.Config{Keytab: e.keys, Plaintext: true}).Inspect(ctx, what)
	if len(trees) == 0 {
		return nil
	}
	return trees[0]
}

// keep keeps an exchange, and of those before it the newest.
func (e *exchanges) keep(x exchange) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	x.Number = e.count
	e.list = append(e.list, x)
	if n := len(e.list) - maxExchanges; n > 0 {
		e.list = slices.Delete(e.list, 0, n)
	}
}

// after returns the exchanges that are kept and have higher numbers. It waits for
// one whose answer the client may already have.
func (e *exchanges) after(number int) []exchange {
	e.one.Lock()
	defer e.one.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	list := []exchange{}
	for _, x := range e.list {
		if x.Number > number {
			list = append(list, x)
		}
	}
	return list
}
