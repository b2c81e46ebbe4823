package wsdl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// definitions returns a WSDL with content.
func definitions(content string) string {
	return `<w:definitions xmlns:w="` + NamespaceWSDL + `" xmlns:s="` + NamespaceSOAP11 + `" xmlns:s12="` +
		NamespaceSOAP12 +
		`" xmlns:h="` + NamespaceHTTP + `" xmlns:x="` + NamespaceSchema + `" xmlns:p="` + NamespacePolicy12 +
		`" xmlns:a="` + namespaceWSA + `" xmlns:u="` + namespaceWSU + `" xmlns:t="urn:t" targetNamespace="urn:t">` +
		content +
		`</w:definitions>`
}

const schema = `<x:schema xmlns:x="` + NamespaceSchema + `"/>`

// A memorySource is a source whose documents are in a map. It counts what is
// fetched.
type memorySource struct {
	HTTPSource
	mu        sync.Mutex
	documents map[string]string
	fetches   atomic.Int32
	wait      chan struct{} // if not nil, a fetch waits until it is closed
}

func newSource(t *testing.T, documents map[string]string) *memorySource {
	t.Helper()
	u, err := url.Parse("http://backend/svc?wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return &memorySource{HTTPSource: HTTPSource{URL: u}, documents: documents}
}

func (s *memorySource) Fetch(ctx context.Context, location string, limit int) ([]byte, string, error) {
	s.fetches.Add(1)
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.documents[location]
	if !ok {
		return nil, "", errors.New("HTTP 404")
	}
	if len(text) > limit {
		return nil, "", errors.New("too long")
	}
	return []byte(text), "", nil
}

func (s *memorySource) set(location, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[location] = text
}

func newPublisher(t *testing.T, c Config) *Publisher {
	t.Helper()
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	p, err := NewPublisher(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func document(t *testing.T, p *Publisher, query string) string {
	t.Helper()
	b, err := p.Document(t.Context(), query, "https://gate/a?b&c'\"")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if _, err := Parse(query, b, Options{}); err != nil {
		t.Fatalf("%s: %v\n%s", query, err, b)
	}
	return string(b)
}

const service = `<w:binding name="B" type="t:T">` +
	`<w:documentation>of B</w:documentation><p:PolicyReference URI="#own"/>` +
	`<s:binding transport="urn:http"/><w:operation name="O" p:PolicyURIs='#own' ><s:operation soapAction="urn:o"/>` +
	`<w:input/><w:output><p:Policy/></w:output><w:fault name="f"></w:fault></w:operation></w:binding>` +
	`<w:binding name="H" type="t:T"><h:binding verb="GET"/></w:binding>` +
	`<w:service name="S">` +
	`<w:port name="here" binding="t:B"><s:address location = 'http://10.0.0.1:81/svc' />` + `<a:EndpointReference>` +
	`<a:Address>http://10.0.0.1:81/svc</a:Address></a:EndpointReference></w:port>` +
	`<w:port name="there" binding="t:B"><s12:address location="http://10.0.0.1:81/other"/></w:port>` +
	`<w:port name="get" binding="t:H"><h:address location="http://10.0.0.1:81/svc"/></w:port>` +
	`</w:service><p:Policy u:Id="own"><p:All/></p:Policy>`

func TestAddressesAndPoliciesAreThoseOfTheRoute(t *testing.T) {
	kerberos, _ := wssec.Preset("Kerberos")
	source := newSource(t, map[string]string{"http://backend/svc?wsdl": definitions(service)})
	p := newPublisher(t, Config{Source: source, Paths: []string{"/svc"}, Policies: []wssec.Policy{kerberos},
		Identity: IdentityOf("HTTP/gate<1>@EXAMPLE.COM")})
	text := document(t, p, "wsdl")
	for _, want := range []string{
		`location = 'https://gate/a?b&amp;c&#39;&quot;' `, `<wsa:Address>https://gate/a?b&amp;c&#39;&quot;</wsa:Address>`,
		`<Spn>HTTP/gate&lt;1&gt;</Spn>`, `of B</w:documentation><wsp:PolicyReference `, `URI="#wssgate-policy"`,
		`<w:input><wsp:PolicyReference `, `</wsp:PolicyReference></w:fault>`,
	} {
		if !strings.Contains(strings.ReplaceAll(text, `"/></w:fault>`, `"></wsp:PolicyReference></w:fault>`), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, not := range []string{"10.0.0.1", "#own", "PolicyURIs", NamespacePolicy12 + `">`, `name="there"`,
		`name="get"`} {
		if strings.Contains(strings.Replace(text, `xmlns:p="`+NamespacePolicy12, "", 1), not) {
			t.Errorf("%s in\n%s", not, text)
		}
	}
	if n := strings.Count(text, `URI="#wssgate-parts"`); n != 3 {
		t.Errorf("%d messages have the parts", n)
	}
}

// A route without protection leaves the WSDL as it is, but for the addresses.
func TestWithoutPoliciesTheWSDLKeepsItsOwn(t *testing.T) {
	source := newSource(t, map[string]string{"http://backend/svc?wsdl": definitions(service)})
	text := document(t, newPublisher(t, Config{Source: source, Paths: []string{"/svc"}}), "wsdl")
	want := strings.NewReplacer("http://10.0.0.1:81/svc",
		"https://gate/a?b&amp;c&#39;&quot;").Replace(definitions(service))
	from, to := strings.Index(want, `<w:port name="there"`), strings.Index(want, `</w:service>`)
	if want = want[:from] + want[to:]; text != `<?xml version="1.0" encoding="utf-8"?>`+"\n"+want+"\n" {
		t.Errorf("%s\ninstead of\n%s", text, want)
	}
}

func TestAllSOAPPortsStayIfNoneIsKnown(t *testing.T) {
	source := newSource(t, map[string]string{"http://backend/svc?wsdl": definitions(service)})
	text := document(t, newPublisher(t, Config{Source: source, Paths: []string{"/elsewhere"}}), "wsdl")
	if strings.Count(text, "https://gate/") != 3 || strings.Contains(text, "10.0.0.1") {
		t.Error(text)
	}
}

func TestWhatIsLinkedIsPublishedUnderItsName(t *testing.T) {
	source := newSource(t, map[string]string{
		"http://backend/svc?wsdl": definitions(`<w:import location="?wsdl=inner"/><w:import location="/svc?wsdl"/>` +
			`<w:types><x:schema><x:import schemaLocation="?xsd=xsd0"/><x:import schemaLocation="types/../a.xsd#f"/>` +
			`<x:import schemaLocation="b/a.xsd"/><x:include schemaLocation="http://www.w3.org/x.xsd"/></x:schema></w:types>`),
		"http://backend/svc?wsdl=inner": definitions(`<w:import location="http://backend:80/svc?wsdl"/>`),
		"http://backend/svc?xsd=xsd0": `<x:schema xmlns:x="` + NamespaceSchema +
			`"><x:include schemaLocation="?xsd=xsd0"/></x:schema>`,
		"http://backend/a.xsd": schema, "http://backend/b/a.xsd": schema,
		"http://backend:80/svc?wsdl": definitions(""),
	})
	p := newPublisher(t, Config{Source: source})
	text := document(t, p, "WSDL")
	at := "https://gate/a?b&amp;c&#39;&quot;?"
	for _, want := range []string{at + `wsdl=inner"`, `location="` + at + `wsdl"`, at + `xsd=xsd0"`, at + `xsd=a.xsd"`,
		at + `xsd=a.xsd-2"`, `"http://www.w3.org/x.xsd"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if text := document(t, p, "xsd=xsd0"); !strings.Contains(text, at+`xsd=xsd0"`) {
		t.Error(text)
	}
	document(t, p, "wsdl=inner")
	if n := source.fetches.Load(); n != 6 {
		t.Errorf("%d documents were fetched", n)
	}
	for _, query := range []string{"xsd", "xsd=../../etc/passwd", "xsd=%2e%2e%2fa.xsd", "xsd=/etc/passwd", "wsdl=",
		"wsdl=x", "",
		"singleWsdl=1", "xsd=a.xsd&wsdl", "xsd=http://backend/a.xsd", "disco"} {
		if query == "wsdl=" {
			continue // is ?wsdl
		}
		if _, err := p.Document(t.Context(), query, "https://gate/"); !errors.Is(err, ErrNoDocument) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestHostileLinksAreNotFollowed(t *testing.T) {
	many := ""
	for i := range 1000 {
		many += fmt.Sprintf(`<x:import schemaLocation="?xsd=%d"/>`, i)
	}
	for name, c := range map[string]struct{ wsdl, says string }{
		"a WSDL elsewhere": {`<w:import location="http://169.254.169.254/latest"/>`,
			"leads to a place that is not listed"},
		"a WSDL on another port": {`<w:import location="http://backend:22/"/>`, "leads to a place that is not listed"},
		"a file":                 {`<w:import location="file:///etc/passwd"/>`, "is no URL of HTTP"},
		"a file, as a schema": {`<w:types><x:schema><x:include schemaLocation="file:///a"/></x:schema></w:types>`,
			"is no URL of HTTP"},
		"an archive": {`<w:types><x:schema><x:include schemaLocation="jar:http://a/!b"/></x:schema></w:types>`,
			"is no URL of HTTP"},
		"many":                     {`<w:types><x:schema>` + many + `</x:schema></w:types>`, "more than 256 documents"},
		"not a WSDL":               {`<w:import location="?xsd=0"/>`, "is a schema, and was linked as a WSDL"},
		"one that is not there":    {`<w:import location="?wsdl=no"/>`, "http://backend/svc?wsdl=no: HTTP 404"},
		"a URL that cannot be one": {`<w:import location="http://%zz/"/>`, "invalid URL escape"},
	} {
		source := newSource(t, map[string]string{"http://backend/svc?wsdl": definitions("\n" + c.wsdl),
			"http://backend/svc?xsd=0": schema})
		_, err := newPublisher(t, Config{Source: source}).Document(t.Context(), "wsdl", "")
		if err == nil || !strings.Contains(err.Error(), c.says) || source.fetches.Load() > 2 {
			t.Errorf("%s: %v, %d fetches", name, err, source.fetches.Load())
		}
	}
}

// A chain of documents, each of which names the next one, ends.
func TestAChainOfDocumentsEnds(t *testing.T) {
	documents := map[string]string{"http://backend/svc?wsdl": definitions(
		`<w:types><x:schema><x:import schemaLocation="?xsd=0"/></x:schema></w:types>`)}
	for i := range 1000 {
		documents[fmt.Sprintf("http://backend/svc?xsd=%d", i)] = fmt.Sprintf(
			`<x:schema xmlns:x="%s"><x:include schemaLocation="?xsd=%d"/></x:schema>`, NamespaceSchema, i+1)
	}
	source := newSource(t, documents)
	_, err := newPublisher(t, Config{Source: source}).Document(t.Context(), "wsdl", "")
	if err == nil || !strings.Contains(err.Error(), "more than 256 documents") || source.fetches.Load() != maxDocuments {
		t.Errorf("%v after %d fetches", err, source.fetches.Load())
	}
}

func TestAllDocumentsTogetherAreBounded(t *testing.T) {
	large := `<x:schema xmlns:x="` + NamespaceSchema + `"><!--` + strings.Repeat("x", 3<<20) + `--></x:schema>`
	documents, links := map[string]string{}, ""
	for i := range 8 {
		links += fmt.Sprintf(`<x:import schemaLocation="?xsd=%d"/>`, i)
		documents[fmt.Sprintf("http://backend/svc?xsd=%d", i)] = large
	}
	documents["http://backend/svc?wsdl"] = definitions(`<w:types><x:schema>` + links + `</x:schema></w:types>`)
	source := newSource(t, documents)
	_, err := newPublisher(t, Config{Source: source}).Document(t.Context(), "wsdl", "")
	if err == nil || !strings.Contains(err.Error(), "too long") || source.fetches.Load() != 7 {
		t.Errorf("%v after %d fetches", err, source.fetches.Load())
	}
}

// However many ask, the backend is asked once.
func TestTheBackendIsAskedOnceForAll(t *testing.T) {
	source := newSource(t, map[string]string{"http://backend/svc?wsdl": definitions("")})
	source.wait = make(chan struct{})
	p := newPublisher(t, Config{Source: source, MaxAge: time.Hour})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Document(gone, "wsdl", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone away: %v", err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := p.Document(t.Context(), "wsdl", ""); err != nil {
				t.Error(err)
			}
		})
	}
	close(source.wait)
	all.Wait()
	if n := source.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestAFailureIsRememberedForAWhile(t *testing.T) {
	source := newSource(t, map[string]string{})
	p := newPublisher(t, Config{Source: source, Retry: time.Hour})
	for range 10 {
		if _, err := p.Document(t.Context(), "wsdl", ""); err == nil || !strings.Contains(err.Error(), "404") {
			t.Fatal(err)
		}
	}
	if n := source.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestWhatWasLoadedIsPublishedWhenTheBackendIsGone(t *testing.T) {
	const root = "http://backend/svc?wsdl"
	source := newSource(t, map[string]string{root: definitions("<!-- one -->")})
	p := newPublisher(t, Config{Source: source, MaxAge: 1, Retry: 1})
	if text := document(t, p, "wsdl"); !strings.Contains(text, "one") {
		t.Error(text)
	}
	source.set(root, definitions("<!-- two -->"))
	if text := document(t, p, "wsdl"); !strings.Contains(text, "two") {
		t.Error(text)
	}
	source.set(root, "<html/>")
	if text := document(t, p, "wsdl"); !strings.Contains(text, "two") {
		t.Error(text)
	}
	p.cfg.MaxStale = 1
	if _, err := p.Document(t.Context(), "wsdl", ""); err == nil {
		t.Error("published for ever")
	}
}

// A backend that does not answer costs the time of one load.
func TestASlowBackendEndsWithTheTimeout(t *testing.T) {
	source := newSource(t, nil)
	source.wait = make(chan struct{})
	p := newPublisher(t, Config{Source: source, Timeout: 10 * time.Millisecond})
	if _, err := p.Document(t.Context(), "wsdl", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestHTTPSourceFetchesAnswersAlone(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/error":
			w.WriteHeader(http.StatusInternalServerError)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 101))
		case "/user":
			name, password, _ := r.BasicAuth()
			w.Header().Set("Content-Type", "text/xml; charset=utf-16")
			_, _ = io.WriteString(w, name+password)
		}
	}))
	defer s.Close()
	u, err := url.Parse(s.URL + "/user")
	if err != nil {
		t.Fatal(err)
	}
	source := &HTTPSource{URL: u, User: url.UserPassword("a", "b"), Own: http.DefaultTransport,
		Other: http.DefaultTransport}
	for path, says := range map[string]string{"/redirect": "HTTP 302", "/error": "HTTP 500", "/gzip": "Content-Encoding",
		"/long": "more than 100 octets"} {
		if _, _, err := source.Fetch(t.Context(), s.URL+path, 100); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	src, charset, err := source.Fetch(t.Context(), s.URL+"/user", 100)
	if err != nil || string(src) != "ab" || charset != "utf-16" || elsewhere.Load() != 0 {
		t.Errorf("%q, %q, %v, %d elsewhere", src, charset, err, elsewhere.Load())
	}
	source.Hosts = []string{"HOST", "o:8080"}
	for link, ok := range map[string]bool{"http://host/a": true, "https://host/a": true, "http://host:81/a": false,
		"http://o:8080/": true, "http://o/": false, "//host/a": true, "http://xhost/": false, "http://host.evil/": false,
		"http://host@evil/": false, "ftp://host/": false} {
		if _, err := source.Resolve(u.String(), link); (err == nil) != ok {
			t.Errorf("%s: %v", link, err)
		}
	}
}

// Several backends have one WSDL: whichever of them is asked, its links lead to
// the same document.
func TestLinksOfOtherBackendsLeadToTheSameDocuments(t *testing.T) {
	own, other := &url.URL{Scheme: "http", Host: "a:81", Path: "/s"}, &url.URL{Scheme: "https", Host: "b"}
	source := &HTTPSource{URL: own, Same: []*url.URL{own, other}}
	for link, want := range map[string]string{"https://B:443/s?xsd=1": "http://a:81/s?xsd=1", "x": "http://a:81/x",
		"http://b/": ""} {
		if got, _ := source.Resolve(own.String(), link); got != want {
			t.Errorf("%s leads to %q", link, got)
		}
	}
}

// Servers name themselves in their links as their machine or the proxy in front of
// them is called: https://github.com/javaee/metro-jax-ws/issues/868,
// https://github.com/DigDes/SoapCore/issues/852 and 802,
// https://github.com/eclipse-ee4j/metro-jax-ws/pull/147. Nothing is fetched there.
func TestLinksByAnotherNameOfTheBackendLeadToIt(t *testing.T) {
	own := &url.URL{Scheme: "http", Host: "10.0.0.1:81", Path: "/Quotes.svc", RawQuery: "wsdl"}
	source := &HTTPSource{URL: own, Hosts: []string{"schemas.example.com"}}
	for link, want := range map[string]string{
		"http://MACHINE.corp.example.com/Quotes.svc?xsd=xsd0": "http://10.0.0.1:81/Quotes.svc?xsd=xsd0",
		"https://www.example.com/quotes.svc?wsdl=wsdl0":       "http://10.0.0.1:81/quotes.svc?wsdl=wsdl0",
		"http://localhost:5180/Quotes.svc?xsd&name=q.xsd":     "http://10.0.0.1:81/Quotes.svc?xsd&name=q.xsd",
		"http://schemas.example.com/Quotes.svc?xsd=1":         "http://schemas.example.com/Quotes.svc?xsd=1",
		"http://MACHINE/other.svc?xsd=xsd0":                   "",
		"http://MACHINE/Quotes.svc":                           "",
		"http://MACHINE/Quotes.svc?run=1":                     "",
		"http://MACHINE/Quotes.svc/../admin?xsd=1":            "",
		"ftp://MACHINE/Quotes.svc?xsd=1":                      "",
	} {
		if got, err := source.Resolve(own.String(), link); got != want || (err == nil) != (want != "") {
			t.Errorf("%s leads to %q, error %v", link, got, err)
		}
	}
}

func TestFileSourceStaysInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"in/a.wsdl": definitions(""), "in/sub/b.xsd": schema,
		"secret.xsd": schema} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.xsd", filepath.Join(dir, "in", "link.xsd")); err != nil {
		t.Fatal(err)
	}
	s := FileSource{File: filepath.Join(dir, "in", "a.wsdl")}
	for _, link := range []string{"../secret.xsd", "/etc/passwd", "file:///etc/passwd", `..\secret.xsd`,
		"sub/../../secret.xsd", "",
		"%2e%2e/secret.xsd"} {
		if location, err := s.Resolve(s.Root(), link); err == nil || errors.Is(err, ErrElsewhere) {
			t.Errorf("%s is %s, %v", link, location, err)
		}
	}
	if _, err := s.Resolve(s.Root(), "http://a/"); !errors.Is(err, ErrElsewhere) {
		t.Error(err)
	}
	for link, ok := range map[string]bool{"sub/b.xsd": true, "link.xsd": false, "sub": false, "none.xsd": false} {
		location, err := s.Resolve(s.Root(), link)
		if err == nil {
			_, _, err = s.Fetch(t.Context(), location, 1000)
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", link, err)
		}
	}
	if back, err := s.Resolve("sub/b.xsd", "../a.wsdl"); err != nil || back != "a.wsdl" {
		t.Error(back, err)
	}
}

// metadata asks a publisher for metadata.
func metadata(t *testing.T, p *Publisher, action, body string) string {
	t.Helper()
	env, err := soap.Parse([]byte(`<e:Envelope xmlns:e="`+soap.NS12+`" xmlns:a="`+namespaceWSA+`"><e:Header><a:Action>`+
		action+
		`</a:Action><a:MessageID>urn:&lt;1></a:MessageID></e:Header><e:Body>`+body+`</e:Body></e:Envelope>`),
		xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !IsMetadataRequest(env) {
		return ""
	}
	b, err := p.Metadata(t.Context(), env, "https://gate/a&b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := soap.Parse(b, xmltext.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return string(b)
}

func TestMetadataHasAllDocumentsOrThoseAskedFor(t *testing.T) {
	source := newSource(t, map[string]string{
		"http://backend/svc?wsdl": definitions(`<w:types><x:schema><x:import schemaLocation="?xsd=a"/></x:schema></w:types>` +
			service),
		"http://backend/svc?xsd=a": schema})
	p := newPublisher(t, Config{Source: source})
	all := metadata(t, p, actionGet, "")
	for _, want := range []string{`/transfer/GetResponse</wsa:Action>`, `<wsa:RelatesTo>urn:&lt;1></wsa:RelatesTo>`,
		`Dialect="http://schemas.xmlsoap.org/wsdl/" Identifier="urn:t"><w:definitions`, `Identifier=""><x:schema`,
		`https://gate/a&amp;b`} {
		if !strings.Contains(strings.ReplaceAll(all, "&gt;", ">"), want) {
			t.Errorf("no %s in\n%s", want, all)
		}
	}
	some := metadata(t, p, actionGetMetadata, `<m:GetMetadata xmlns:m="`+NamespaceMEX+`"><m:Dialect>`+NamespaceSchema+
		`</m:Dialect></m:GetMetadata>`)
	if !strings.Contains(some, "/GetMetadata/Response<") || strings.Count(some, "<mex:MetadataSection ") != 1 {
		t.Error(some)
	}
	if metadata(t, p, "urn:other", "") != "" {
		t.Error("any message asks for metadata")
	}
}

// endpoints is a WSDL with a port for each binding, "/A" for A, and what stands in
// these and beside them.
func endpoints(beside string, bindings map[string]string) string {
	ports := ""
	for name, content := range bindings {
		beside += `<w:binding name="` + name + `" type="t:T">` + content + `</w:binding>`
		ports += `<w:port name="` + name + `" binding="t:` + name + `">` +
			`<s:address location="http://backend/` + name + `"/></w:port>`
	}
	return definitions(`<w:portType name="T"/>` + beside + `<w:service name="S">` + ports + `</w:service>`)
}

func TestAddressingOfTheWSDLIsKept(t *testing.T) {
	const (
		required = `<p:Policy><p:All><m:Addressing xmlns:m="` + NamespaceWSAM + `"/></p:All></p:Policy>`
		optional = `<p:Policy><p:All><m:Addressing xmlns:m="` + NamespaceWSAM + `" p:Optional="true"/></p:All></p:Policy>`
		draft    = `<p:Policy><m:UsingAddressing xmlns:m="` + NamespaceWSAW + `"/></p:Policy>`
		named    = `<p:Policy u:Id="own"><p:PolicyReference URI="#more"/></p:Policy>` +
			`<p:Policy u:Id="more"><p:PolicyReference URI="#own"/>` + required + `</p:Policy>`
	)
	for _, c := range []struct {
		name, beside string
		bindings     map[string]string
		want         Addressing
	}{
		{"none", "", map[string]string{"A": ""}, AddressingUnsaid},
		{"required", "", map[string]string{"A": required}, AddressingRequired},
		{"the draft's", "", map[string]string{"A": draft}, AddressingRequired},
		{"optional", "", map[string]string{"A": optional}, AddressingOptional},
		{"by references", named, map[string]string{"A": `<p:PolicyReference URI="#own"/>`}, AddressingRequired},
		{"in the binding alone", "",
			map[string]string{"A": `<m:UsingAddressing xmlns:m="` + NamespaceWSAW + `"/>`}, AddressingUnsaid},
		{"of nobody", named, map[string]string{"A": ""}, AddressingUnsaid},
		{"of a port that is removed", "", map[string]string{"A": "", "other": required}, AddressingUnsaid},
		{"of one port of two", "", map[string]string{"A": "", "B": required}, AddressingOptional},
		{"of both", "", map[string]string{"A": required, "B": required}, AddressingRequired},
	} {
		source := newSource(t, map[string]string{"http://backend/svc?wsdl": endpoints(c.beside, c.bindings)})
		set, err := Load(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		if got := newRewriting(set, []string{"/A", "/B"}).addressing(); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
}
