package soaphttp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

const (
	message11 = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><q xmlns="urn:q"/></s:Body></s:Envelope>`
	message12 = `<s:Envelope xmlns:s="` + soap.NS12 + `"><s:Body><q xmlns="urn:q"/></s:Body></s:Envelope>`
)

// post sends a handler one message.
func post(h *Handler, method, contentType, action string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", body)
	r.Header.Set("Content-Type", contentType)
	if action != "" {
		r.Header.Set("SOAPAction", action)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestHandlerPassesMessagesOnAndWritesReplies(t *testing.T) {
	t.Parallel()
	var got []string
	h := &Handler{Answer: func(_ *http.Request, m *Message) (Reply, error) {
		got = append(got, m.Version.String()+" "+m.Action+" "+m.Body.FirstChild().Local())
		if m.Action == "urn:oneway" {
			return Reply{}, nil
		}
		return Reply{Message: []byte("answer")}, nil
	}}
	rec := post(h, "POST", "text/xml; charset=utf-8", `"urn:a"`, strings.NewReader(message11))
	if rec.Code != 200 || rec.Body.String() != "answer" || rec.Header().Get("Content-Type") != soap.V11.ContentType() {
		t.Errorf("SOAP 1.1: %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	rec = post(h, "POST", `application/soap+xml; action="urn:oneway"`, "", strings.NewReader(message12))
	if rec.Code != http.StatusAccepted || rec.Body.Len() != 0 || rec.Header().Get("Content-Type") != "" {
		t.Errorf("a one-way message: %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	if want := "SOAP 1.1 urn:a q,SOAP 1.2 urn:oneway q"; strings.Join(got, ",") != want {
		t.Errorf("got %q", got)
	}
}

// What is no SOAP message within the limits is answered without asking Answer:
// by HTTP where it is a matter of HTTP, else by a fault without detail.
func TestHandlerRejectsWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	const v11, v12 = "text/xml", "application/soap+xml"
	deep := strings.Replace(message11, "<s:Body>", "<s:Body>"+strings.Repeat("<a/>", 100), 1)
	for what, c := range map[string]struct {
		method, contentType string
		body                io.Reader
		status              int
		fault               string
	}{
		"GET":               {"GET", v11, strings.NewReader(message11), 405, ""},
		"no SOAP":           {"POST", "text/plain", strings.NewReader(message11), 415, ""},
		"too large":         {"POST", v11, strings.NewReader(strings.Repeat(" ", 2001)), 413, ""},
		"cut off":           {"POST", v11, io.MultiReader(strings.NewReader("<a"), failing{}), 400, ""},
		"1.1 as 1.2":        {"POST", v12, strings.NewReader(message11), 415, ""},
		"not well-formed":   {"POST", v11, strings.NewReader("<a"), 500, "Client"},
		"no envelope":       {"POST", v12, strings.NewReader("<a/>"), 500, "Sender"},
		"too many elements": {"POST", v11, strings.NewReader(deep), 500, "Client"},
	} {
		var refused error
		h := &Handler{
			Answer:  func(*http.Request, *Message) (Reply, error) { t.Error(what, "is answered"); return Reply{}, nil },
			Refused: func(_ *http.Request, err error) { refused = err },
			Limits:  xmltext.Limits{MessageBytes: 2000, Elements: 50},
		}
		rec := post(h, c.method, c.contentType, "", c.body)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.fault) || strings.Contains(rec.Body.String(),
			"offset") {
			t.Errorf("%s: %d %s", what, rec.Code, rec.Body)
		}
		if (refused == nil) != (c.method == "GET") {
			t.Errorf("%s: refused with %v", what, refused)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHandlerWritesNoDetailOfErrors(t *testing.T) {
	t.Parallel()
	h := &Handler{Answer: func(*http.Request, *Message) (Reply, error) { return Reply{}, errors.New("secret") }}
	rec := post(h, "POST", "text/xml", "", strings.NewReader(message11))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "secret") || !strings.Contains(rec.Body.String(),
		"Server") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	h = &Handler{Answer: h.Answer, Fault: func(error) *soap.Fault {
		return &soap.Fault{Code: soap.Sender,
			Reason: "yours"}
	}}
	rec = post(h, "POST", "application/soap+xml", "", strings.NewReader(message12))
	if !strings.Contains(rec.Body.String(), "yours") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// WCF, CXF and Spring-WS read a fault under status 500 alone, of the Sender and
// in SOAP 1.2 too (dotnet/wcf#4454, javaee/metro-jax-ws#795).
func TestHandlerWritesFaultsWithStatus500(t *testing.T) {
	t.Parallel()
	for _, code := range []soap.FaultCode{soap.Sender, soap.Receiver, soap.VersionMismatch, soap.MustUnderstandFault} {
		h := &Handler{
			Answer: func(*http.Request, *Message) (Reply, error) { return Reply{}, errors.New("no") },
			Fault:  func(error) *soap.Fault { return &soap.Fault{Code: code, Reason: "yours"} },
		}
		for media, message := range map[string]string{"text/xml": message11, "application/soap+xml": message12} {
			if rec := post(h, "POST", media, "", strings.NewReader(message)); rec.Code != 500 {
				t.Errorf("%v, %s: %d", code, media, rec.Code)
			}
		}
	}
}

func TestHandlerBoundsMessagesAtATime(t *testing.T) {
	t.Parallel()
	inside, leave, left := make(chan bool), make(chan bool), make(chan bool)
	h := &Handler{MaxMessages: 1, Answer: func(*http.Request, *Message) (Reply, error) {
		inside <- true
		<-leave
		return Reply{}, nil
	}}
	go func() {
		post(h, "POST", "text/xml", "", strings.NewReader(message11))
		left <- true
	}()
	<-inside
	if rec := post(h, "POST", "text/xml", "", strings.NewReader(message11)); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", rec.Code)
	}
	leave <- true
	<-left
	go func() { <-inside; leave <- true }()
	if rec := post(h, "POST", "text/xml", "", strings.NewReader(message11)); rec.Code != http.StatusAccepted {
		t.Errorf("a place is free: %d", rec.Code)
	}
}

func TestSetMediaWritesWhatMediaOfReads(t *testing.T) {
	t.Parallel()
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		for _, action := range []string{"", "urn:a", `http://example.com/a?b=c;d`} {
			h := http.Header{}
			SetMedia(h, v, action)
			m, err := MediaOf(h)
			if err != nil || m.Version != v || m.Charset != "utf-8" || PlainAction(m.Action) != action {
				t.Errorf("%v %q: %v is %+v, %v", v, action, h, m, err)
			}
			if _, has := h["Soapaction"]; has != (v == soap.V11) {
				t.Errorf("%v: %v", v, h)
			}
		}
	}
}

func TestRecorderKeepsTheFirstStatusAndTheBody(t *testing.T) {
	t.Parallel()
	var r Recorder
	r.Header().Set("X", "y")
	if r.Status != 0 {
		t.Errorf("status %d before the answer", r.Status)
	}
	r.WriteHeader(500)
	r.WriteHeader(200)
	_, _ = io.WriteString(&r, "a")
	_, _ = io.WriteString(&r, "b")
	if r.Status != 500 || r.Body.String() != "ab" {
		t.Errorf("%d %s", r.Status, &r.Body)
	}
}
