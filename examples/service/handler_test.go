package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const (
	quotesService = "soap/quotes.example.com"
	question      = `<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body><q:GetQuote xmlns:q="urn:example:quotes">` +
		`<q:Symbol>ACME</q:Symbol></q:GetQuote></s:Body></s:Envelope>`
)

// A world is a KDC, a Handler that alice may call, and a client's processor.
type world struct {
	t       *testing.T
	kdc     *krbtest.KDC
	handler http.Handler
	client  *wssec.Processor
	log     bytes.Buffer
	seen    []*http.Request // what the application got
	answer  func(w http.ResponseWriter, r *http.Request)
}

// kerberosPolicy is the policy of the example.
func kerberosPolicy() wssec.Policy {
	p, _ := wssec.Preset("Kerberos")
	p.TokenOnce = false
	return p
}

func newWorld(t *testing.T, policy wssec.Policy) *world {
	t.Helper()
	w := &world{t: t, kdc: krbtest.New(krbtest.Config{}), answer: quotes}
	w.kdc.AddService(quotesService)
	w.kdc.AddService("soap/other.example.com")
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{
		Keytab: w.kdc.Keytab(nil), Services: []string{quotesService},
		Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(1, 0)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.handler, err = NewHandler(Config{
		Policy: policy, Tokens: acceptor, Clients: []string{"alice@EXAMPLE.COM"}, Replay: memoryStore(),
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen = append(w.seen, r)
		w.answer(rw, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if w.client, err = wssec.NewProcessor(policy, wssec.Config{Replay: memoryStore()}); err != nil {
		t.Fatal(err)
	}
	return w
}

func memoryStore() *replay.Memory {
	return replay.NewMemory(replay.MemoryConfig{})
}

// token returns a fresh token of a client.
func (w *world) token(client, service string) wssec.OutgoingToken {
	w.t.Helper()
	token, key, err := w.kdc.Token(client, service, krbtest.TokenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())}
}

// protect returns the question under a token.
func (w *world) protect(tok wssec.OutgoingToken) ([]byte, *wssec.Request) {
	w.t.Helper()
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	wire, sent, err := w.client.ProtectRequest(nil, env, tok)
	if err != nil {
		w.t.Fatal(err)
	}
	return wire, sent
}

// post sends a message, with more header fields, and returns the answer.
func (w *world) post(message []byte, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/quotes", bytes.NewReader(message))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// open verifies an answer.
func (w *world) open(rec *httptest.ResponseRecorder, sent *wssec.Request) *soap.Envelope {
	w.t.Helper()
	env, err := soap.Parse(rec.Body.Bytes(), xmltext.Options{})
	if err != nil {
		w.t.Fatalf("HTTP %d: %v\n%s", rec.Code, err, &w.log)
	}
	msg, err := w.client.VerifyReply(w.t.Context(), env, sent, wssec.Channel{})
	if err != nil {
		w.t.Fatalf("HTTP %d: %v\n%s", rec.Code, err, &w.log)
	}
	return msg.Envelope()
}

// fault verifies an answer that has to be a protected fault.
func (w *world) fault(rec *httptest.ResponseRecorder, sent *wssec.Request) *soap.Fault {
	w.t.Helper()
	fault, ok := w.open(rec, sent).Fault()
	if !ok || rec.Code != http.StatusInternalServerError {
		w.t.Fatalf("HTTP %d, a fault: %v", rec.Code, ok)
	}
	return fault
}

func TestHandlerPassesThePlainMessageAndTheClientsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	var body []byte
	w.answer = func(rw http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		quotes(rw, r)
	}
	wire, sent := w.protect(w.token("alice", quotesService))
	if bytes.Contains(wire, []byte("ACME")) {
		t.Fatal("the request is in the clear")
	}
	rec := w.post(wire, "SOAPAction", `"urn:example:other"`, "Cookie", "a=b", "X-Wssgate-Principal", "mallory@EXAMPLE.COM")
	if rec.Code != http.StatusOK || bytes.Contains(rec.Body.Bytes(), []byte("42.50")) {
		t.Fatalf("HTTP %d\n%s\n%s", rec.Code, rec.Body, &w.log)
	}
	reply := w.open(rec, sent)
	text := string(reply.Body.AppendSource(nil))
	if !strings.Contains(text, "42.50") || !strings.Contains(text, "alice@EXAMPLE.COM") {
		t.Errorf("reply %s", text)
	}
	if bytes.Contains(body, []byte("Security")) || !bytes.Contains(body, []byte("ACME")) {
		t.Errorf("the application got %s", body)
	}
	if h := w.seen[0].Header; len(h) != 1 {
		t.Errorf("the application got header fields of the client: %v", h)
	}
}

// Whatever is wrong with the protection, the answer is the same, octet for
// octet, and the application is not asked.
func TestHandlerRefusesWithOneFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	good, _ := w.protect(w.token("alice", quotesService))
	if rec := w.post(good); rec.Code != http.StatusOK {
		t.Fatalf("HTTP %d\n%s", rec.Code, &w.log)
	}
	other, _ := w.protect(w.token("alice", "soap/other.example.com"))
	wrongKey := w.token("alice", quotesService)
	wrongKey.Key = wssec.NewKey(bytes.Repeat([]byte{7}, 32))
	forged, _ := w.protect(wrongKey)
	changed, _ := w.protect(w.token("alice", quotesService))
	at := bytes.LastIndex(changed[:bytes.LastIndex(changed, []byte("CipherValue>"))], []byte("CipherValue>")) + 20
	changed[at] ^= 1 // another letter of base64, or none
	var first []byte
	for what, message := range map[string][]byte{
		"the same message again": good, "a ticket for another service": other, "another key": forged,
		"a changed Body": changed, "no protection": []byte(question),
	} {
		rec := w.post(message)
		if first == nil {
			first = rec.Body.Bytes()
		}
		if rec.Code != http.StatusInternalServerError || !bytes.Equal(rec.Body.Bytes(), first) ||
			!bytes.Contains(first, []byte("InvalidSecurity")) {
			t.Errorf("%s: HTTP %d\n%s", what, rec.Code, rec.Body)
		}
	}
	if len(w.seen) != 1 {
		t.Errorf("the application was asked %d times", len(w.seen))
	}
}

func TestHandlerProtectsTheFaultForAClientThatMayNotCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	wire, sent := w.protect(w.token("mallory", quotesService))
	if f := w.fault(w.post(wire), sent); f.Subcode.Local != "FailedAuthentication" {
		t.Errorf("%+v", f)
	}
	if len(w.seen) != 0 {
		t.Error("the application was asked")
	}
}

func TestHandlerProtectsFaultsOfTheApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	for what, answer := range map[string]func(http.ResponseWriter){
		"no such share": func(rw http.ResponseWriter) {
			rw.WriteHeader(http.StatusInternalServerError)
			rw.Write((&soap.Fault{Code: soap.Receiver, Reason: "no"}).AppendEnvelope(nil, soap.V11))
		},
		"no SOAP message": func(rw http.ResponseWriter) { fmt.Fprint(rw, "<html>secret</html>") },
		"another version": func(rw http.ResponseWriter) { rw.Write((&soap.Fault{}).AppendEnvelope(nil, soap.V12)) },
		"no message":      func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusNotFound) },
	} {
		w.answer = func(rw http.ResponseWriter, _ *http.Request) { answer(rw) }
		wire, sent := w.protect(w.token("alice", quotesService))
		if f := w.fault(w.post(wire), sent); f.Code != soap.Receiver {
			t.Errorf("%s: %+v", what, f)
		}
	}
}

func TestHandlerAcceptsOneWayMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	w.answer = func(http.ResponseWriter, *http.Request) {}
	wire, _ := w.protect(w.token("alice", quotesService))
	if rec := w.post(wire); rec.Code != http.StatusAccepted || rec.Body.Len() != 0 {
		t.Errorf("HTTP %d\n%s", rec.Code, rec.Body)
	}
}

// What is no SOAP message of a size and form that we take has an answer of
// HTTP's, and none of it is parsed.
func TestHandlerAppliesLimitsFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kerberosPolicy())
	many := strings.Replace(question, "ACME", strings.Repeat("<a/>", maxElements), 1)
	for what, c := range map[string]struct {
		message, media string
		want           int
	}{
		"too large":          {strings.Repeat(" ", maxMessage+1), soap.V11.ContentType(), http.StatusRequestEntityTooLarge},
		"not SOAP":           {question, "text/plain", http.StatusUnsupportedMediaType},
		"two parts":          {question, `multipart/related; type="text/xml"`, http.StatusUnsupportedMediaType},
		"SOAP 1.1 as 1.2":    {question, soap.V12.ContentType(), http.StatusUnsupportedMediaType},
		"too many elements":  {many, soap.V11.ContentType(), 500},
		"not well-formed":    {"<a", soap.V11.ContentType(), 500},
		"a type declaration": {"<!DOCTYPE a>" + question, soap.V11.ContentType(), 500},
	} {
		if rec := w.post([]byte(c.message), "Content-Type", c.media); rec.Code != c.want {
			t.Errorf("%s: HTTP %d, want %d\n%s", what, rec.Code, c.want, rec.Body)
		}
	}
}

// A client's token is remembered when the client may call, and not before.
func TestHandlerRemembersTokensOfAuthorizedClients(t *testing.T) {
	t.Parallel()
	policy := kerberosPolicy()
	policy.TokenOnce, policy.EncryptSignature = true, false
	w := newWorld(t, policy)
	for client, want := range map[string]string{"alice": "", "mallory": "InvalidSecurity"} {
		tok := w.token(client, quotesService)
		wire, _ := w.protect(tok)
		w.post(wire)
		tok.Omit = true
		wire, sent := w.protect(tok)
		rec := w.post(wire)
		if want == "" {
			w.open(rec, sent)
		} else if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: HTTP %d\n%s", client, rec.Code, rec.Body)
		}
	}
}

// What this handler does not do, it does not take a policy for.
func TestNewHandlerRefusesPoliciesThatNeedMore(t *testing.T) {
	t.Parallel()
	policies := map[string]wssec.Policy{}
	for _, name := range wssec.PresetNames() {
		policies[name], _ = wssec.Preset(name) // Kerberos is with TokenOnce
	}
	_, _, keytab := krbtest.Token(t, "alice", quotesService)
	full := Config{Tokens: krbtest.Acceptor(t, keytab), Replay: memoryStore(),
		Clients: []string{"alice@EXAMPLE.COM"}, Log: slog.New(slog.DiscardHandler)}
	for name, policy := range policies {
		full.Policy = policy
		if _, err := NewHandler(full, nil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	full.Policy, full.Replay = kerberosPolicy(), nil
	if _, err := NewHandler(full, nil); err == nil {
		t.Error("a Config without replay store is taken")
	}
}
