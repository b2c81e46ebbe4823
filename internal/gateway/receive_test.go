package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// Dense markup has an index that is much larger than itself, and costs as much
// of the budget before anybody knows who sent it.
func TestReceiveReservesTheIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxInFlight = 1 << 20 })
	for i, body := range []string{strings.Repeat("<b/>", 50_000), strings.Repeat(`<b`+numbered(200)+`/>`, 1000)} {
		r := w.post(soap.V11, strings.NewReader(envelope(soap.V11, body)))
		if f := w.plainFault(r); r.StatusCode != 503 || f.Code != soap.Receiver || w.code(i+1) != "overloaded" {
			t.Errorf("HTTP %d, fault %+v, code %s", r.StatusCode, f, w.code(i+1))
		}
	}
	// Behind a cipher it shows later, and the client is not told what it was.
	msg, _ := w.protect(soap.V11, "<q:Ask xmlns:q=\"urn:q\">"+strings.Repeat("<b/>", 50_000)+"</q:Ask>")
	f := w.plainFault(w.post(soap.V11, bytes.NewReader(msg)))
	if like := w.plainFault(w.post(soap.V11, bytes.NewReader(msg))); w.code(3) != "plaintext-memory" ||
		w.code(4) != "ticket-replay" || !reflect.DeepEqual(f, like) || w.calls() != 0 {
		t.Errorf("fault %+v, code %s; %+v, code %s", f, w.code(3), like, w.code(4))
	}
	r, req := w.call()
	w.open(r, req)
}

// A backend may take longer than a client may take to send.
func TestReceiveEndsTheReadTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.backend = func(rw http.ResponseWriter, r *http.Request) { time.Sleep(3 * time.Second); echo(rw, r) }
	addr, _ := w.listen(&gateway.Server{HeaderTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second,
		ShutdownTimeout: time.Second})
	msg, req := w.protect(soap.V11, payload)
	resp, err := http.Post("http://"+addr+"/svc", "text/xml", bytes.NewReader(msg))
	w.must(err)
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	w.open(httpReply{resp, b}, req)
}

// What is refused before the message is looked at.
func TestReceiveRefusesWhatIsNotAMessage(t *testing.T) {
	t.Parallel()
	big := strings.NewReader(strings.Repeat("x", 5000))
	tests := map[string]struct {
		header string
		body   io.Reader
		status int
		code   string
	}{
		"no type":           {"Content-Type: ", strings.NewReader("x"), 415, "media-type"},
		"JSON":              {"Content-Type: application/json", strings.NewReader("{}"), 415, "media-type"},
		"XML, but not SOAP": {"Content-Type: application/xml", strings.NewReader("<a/>"), 415, "media-type"},
		"bad parameter":     {"Content-Type: text/xml; charset=\"", strings.NewReader("<a/>"), 415, "media-type"},
		"MTOM": {`Content-Type: multipart/related; type="application/xop+xml"; ` +
			`start-info="application/soap+xml"; boundary=b`, strings.NewReader("--b--"), 400, "mtom-package"},
		"MTOM without boundary": {`Content-Type: multipart/related; type="application/xop+xml"; ` +
			`start-info="application/soap+xml"`, strings.NewReader("--b--"), 415, "media-type"},
		"SwA": {`Content-Type: multipart/related; type="text/xml"; boundary=b`, strings.NewReader("--b--"), 415,
			"attachments"},
		"compressed":       {"Content-Encoding: gzip", strings.NewReader("x"), 415, "content-encoding"},
		"compressed twice": {"Content-Encoding: identity, br", strings.NewReader("x"), 415, "content-encoding"},
		"too large, told":  {"Accept: */*", big, 413, "request-too-large"},
		"too large, chunked": {"Accept: */*", io.MultiReader(strings.NewReader(strings.Repeat("<", 5000))), 413,
			"request-too-large"},
		"charset": {"Content-Type: text/xml; charset=utf-16", strings.NewReader(envelope(soap.V11, "")), 415,
			"xml-encoding"},
		"unknown charset": {"Content-Type: text/xml; charset=ebcdic", strings.NewReader(envelope(soap.V11, "")), 415,
			"xml-encoding"},
		"version": {"Accept: */*", strings.NewReader(envelope(soap.V12, "")), 415, "soap-version-mismatch"},
		"DOCTYPE": {"Accept: */*",
			strings.NewReader(`<!DOCTYPE a [<!ENTITY x "y">]>` + envelope(soap.V11, "&x;")), 500, "xml-doctype"},
		"PI":       {"Accept: */*", strings.NewReader(`<?php 1?>` + envelope(soap.V11, "")), 500, "xml-instruction"},
		"deep":     {"Accept: */*", strings.NewReader(strings.Repeat("<a>", 1300)), 500, "xml-limit"},
		"not XML":  {"Accept: */*", strings.NewReader("hello"), 500, "xml-syntax"},
		"empty":    {"Accept: */*", strings.NewReader(""), 500, "xml-syntax"},
		"not SOAP": {"Accept: */*", strings.NewReader("<a/>"), 500, "version-mismatch"},
		"SOAP with a tail": {"Accept: */*",
			strings.NewReader(`<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body/><s:Body/></s:Envelope>`), 500,
			"envelope-invalid"},
		"no Security": {"Accept: */*", strings.NewReader(envelope(soap.V11, payload)), 500, "security-header-missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 4096 })
			r := w.post(soap.V11, tt.body, tt.header)
			w.plainFault(r)
			if r.StatusCode != tt.status || w.code(1) != tt.code || w.calls() != 0 {
				t.Errorf("HTTP %d, code %s, %d calls, want %d and %s: %v", r.StatusCode, w.code(1), w.calls(), tt.status,
					tt.code, w.event(1)["error"])
			}
		})
	}
}

// The answer to a SOAP 1.2 message with a malformed type is a fault of SOAP
// 1.2.
func TestReceiveAnswersAMalformedContentTypeInItsVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req, _ := http.NewRequest(http.MethodPost, w.gateway.URL+"/svc", strings.NewReader("<a/>"))
	req.Header.Set("Content-Type", "application/soap+xml; charset=UTF-8; action=http://example.com/ticker")
	r := w.do(req)
	if r.StatusCode != 415 || r.Header.Get("Content-Type") != soap.V12.ContentType() ||
		!bytes.Contains(r.body, []byte(soap.NS12)) || w.code(1) != "media-type" {
		t.Errorf("HTTP %d, %s, code %s\n%s", r.StatusCode, r.Header.Get("Content-Type"), w.code(1), r.body)
	}
	if words := w.event(1)["error"].(string); !strings.Contains(words, `write action="http://example.com/ticker"`) {
		t.Error(words)
	}
}

func TestReceiveReadsChunkedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	msg, req := w.protect(soap.V11, `<q:Ask xmlns:q="urn:q">`+strings.Repeat("a", 300_000)+`</q:Ask>`)
	r := w.post(soap.V11, io.MultiReader(bytes.NewReader(msg))) // hides the length
	if r.StatusCode != 200 {
		t.Fatalf("HTTP %d %s", r.StatusCode, r.body)
	}
	if opened := w.open(r, req); len(opened) < 300_000 {
		t.Errorf("%d octets came back", len(opened))
	}
}

// refusedByHeader returns requests without their bodies that are refused for
// what their header says, with the status of each.
func refusedByHeader() map[string]int {
	const length = "Content-Length: 100\r\n"
	return map[string]int{
		"POST /svc HTTP/1.1\r\nContent-Type: application/json\r\n" + length:                                   415,
		"POST /svc HTTP/1.1\r\n" + length:                                                                     415,
		"POST /svc HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\n" + length:                 415,
		"POST /svc HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n":                            413,
		"POST /svc HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 5000000\r\n":                         413,
		"PUT /svc HTTP/1.1\r\nContent-Type: text/xml\r\n" + length:                                            405,
		"POST /other HTTP/1.1\r\nContent-Type: text/xml\r\n" + length:                                         404,
		"POST /off HTTP/1.1\r\nContent-Type: text/xml\r\n" + length:                                           500,
		"POST /svc HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n":              415,
		"POST /svc HTTP/1.1\r\nContent-Type: text/xml\r\nX: " + strings.Repeat("x", 60<<10) + "\r\n" + length: 503,
	}
}

// newHeaderWorld is a world of small limits with a route that is disabled.
func newHeaderWorld(t *testing.T) (w *world, addr string) {
	w = newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) {
		c.MaxMessage, c.MaxInFlight = 4096, 50<<10
	})
	w.config.Routes = append(w.config.Routes, gateway.Route{Path: "/off", Disabled: true})
	g, err := gateway.New(w.config)
	w.must(err)
	w.gateway.Config.Handler = g
	addr, _ = w.listen(&gateway.Server{MaxHeaderBytes: 128 << 10, HeaderTimeout: time.Hour, ReadTimeout: time.Hour,
		ShutdownTimeout: time.Millisecond})
	return w, addr
}

// What the header decides is decided before the client is told to go on, and
// before the body that it waits to send.
func TestReceiveRefusesByTheHeaderWithoutTheBody(t *testing.T) {
	t.Parallel()
	w, addr := newHeaderWorld(t)
	for request, status := range refusedByHeader() {
		line, rest, _ := strings.Cut(request, "\r\n")
		for what, end := range map[string]string{"waits": "Expect: 100-continue\r\n\r\n", "stops": "\r\n5\r\nhello"} {
			r, err := raw(t, addr, line+"\r\nHost: a\r\n"+rest+end)
			if err != nil || r.StatusCode != status || !r.Close {
				t.Errorf("%.100q, client %s: %v, %v, want %d", request, what, r, err, status)
			}
		}
	}
	if w.calls() != 0 {
		t.Errorf("%d calls", w.calls())
	}
}

// A refusal costs no connection if the body is there: clients that ask to be
// asked for a token send all of it.
func TestReceiveKeepsConnectionsOfWholeRequests(t *testing.T) {
	t.Parallel()
	w, addr := newHeaderWorld(t)
	conn, err := net.Dial("tcp", addr)
	w.must(err)
	defer conn.Close()
	w.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	in := bufio.NewReader(conn)
	for _, body := range []string{"Content-Length: 5\r\n\r\nhello",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"} {
		for range 2 {
			_, err = fmt.Fprintf(conn, "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%s", body)
			w.must(err)
			r, err := http.ReadResponse(in, nil)
			if err != nil || r.StatusCode != 415 || r.Close {
				t.Fatalf("%q: %v, %v", body, r, err)
			}
			_, err = io.Copy(io.Discard, r.Body)
			w.must(err)
		}
	}
}

// Clients that write the whole body before they read get a refusal that comes
// before its end. The body is larger than what the system takes on the way.
func TestReceiveAnswersClientsThatWriteFirst(t *testing.T) {
	t.Parallel()
	w, addr := newHeaderWorld(t)
	body := make([]byte, 32<<20)
	for _, c := range []struct {
		path, mediaType string
		status          int
	}{{"/svc", "text/xml", 413}, {"/svc", "application/json", 415}, {"/none", "text/xml", 404}} {
		conn, err := net.Dial("tcp", addr)
		w.must(err)
		w.must(conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			c.path, c.mediaType, len(body))
		w.must(err)
		if _, err := conn.Write(body); err != nil {
			t.Errorf("%s %s: %v", c.path, c.mediaType, err)
		}
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || r.StatusCode != c.status || !r.Close {
			t.Errorf("%s %s: %v, %v", c.path, c.mediaType, r, err)
		}
		conn.Close()
	}
}

// A client that neither goes on nor goes away is waited for no longer than a
// moment.
func TestReceiveLeavesClientsThatStop(t *testing.T) {
	t.Parallel()
	w, addr := newHeaderWorld(t)
	const request = "POST /svc HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\nx"
	begin := time.Now()
	conn, err := net.Dial("tcp", addr)
	w.must(err)
	defer conn.Close()
	w.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, request)
	w.must(err)
	if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 415 ") {
		t.Errorf("%q, %v", text, err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("after %v", took)
	}
}

// RFC 9110 §12.5.3: 415 for the coding says which one is taken, and 415 for
// anything else does not.
func TestReceiveNamesTheCodingThatItTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for header, want := range map[string]string{"Content-Encoding: gzip": "identity", "Content-Type: text/plain": ""} {
		if r := w.post(soap.V11, strings.NewReader("x"), header); r.StatusCode != 415 ||
			r.Header.Get("Accept-Encoding") != want {
			t.Errorf("%s: HTTP %d, %v", header, r.StatusCode, r.Header)
		}
	}
	if r, _ := w.call("Content-Encoding: Identity"); r.StatusCode != 200 {
		t.Errorf("identity: HTTP %d", r.StatusCode)
	}
}
