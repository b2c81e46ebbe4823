package wsdl

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/wssec"
)

const (
	wsdlURL   = "http://backend/svc?wsdl"
	singleURL = "http://backend/svc?singleWsdl"
)

// linked is a WSDL that links to a schema, as WCF's ?wsdl does.
var linked = definitions(`<w:types><x:schema><x:import schemaLocation="?xsd=xsd0"/></x:schema></w:types>` + service)

// inOne returns the source of the same service's ?singleWsdl. What is not there is
// refused as the server of an httptest would: by a status.
func inOne(t *testing.T, status int, documents map[string]string) *singleSource {
	t.Helper()
	s := newSource(t, documents)
	s.URL.RawQuery = "singleWsdl"
	return &singleSource{s, status}
}

type singleSource struct {
	*memorySource
	status int
}

func (s *singleSource) Fetch(ctx context.Context, location string, limit int) ([]byte, string, error) {
	src, charset, err := s.memorySource.Fetch(ctx, location, limit)
	if err != nil {
		err = statusError(s.status)
	}
	return src, charset, err
}

// What WCF has at ?singleWsdl is published there, with the address and policy of
// the route, whatever stands at ?wsdl.
func TestTheSingleWSDLOfTheServiceIsPublished(t *testing.T) {
	kerberos, _ := wssec.Preset("Kerberos")
	single := inOne(t, 404, map[string]string{singleURL: definitions("<!-- in one -->" + service)})
	p := newPublisher(t, Config{Source: newSource(t, map[string]string{wsdlURL: linked,
		"http://backend/svc?xsd=xsd0": schema}), Single: single, Paths: []string{"/svc"},
		Policies: []wssec.Policy{kerberos}, Identity: IdentityOf("HTTP/gate@EXAMPLE.COM")})
	for _, query := range []string{"singleWsdl", "SINGLEWSDL", "singleWsdl="} {
		text := document(t, p, query)
		for _, want := range []string{"in one", `location = 'https://gate/a?b&amp;c&#39;&quot;' `, "<Spn>HTTP/gate</Spn>",
			`URI="#wssgate-policy"`, "KerberosToken"} {
			if !strings.Contains(text, want) {
				t.Errorf("?%s: no %s in\n%s", query, want, text)
			}
		}
		if strings.Contains(text, "10.0.0.1") {
			t.Errorf("?%s names the backend:\n%s", query, text)
		}
	}
	if text := document(t, p, "wsdl"); !strings.Contains(text, `?xsd=xsd0"`) || strings.Contains(text, "in one") {
		t.Error(text)
	}
	if n := single.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// A service that knows no such query may have its WSDL in one document all the
// same. One in several is not put together.
func TestAWSDLOfOneDocumentIsTheSingleOne(t *testing.T) {
	schemas := map[string]string{wsdlURL: linked, "http://backend/svc?xsd=xsd0": schema}
	alone := map[string]string{wsdlURL: definitions("<!-- alone -->" + service)}
	for name, c := range map[string]struct {
		documents map[string]string
		single    Source
		want, err string // in the document, or in an error
		none      bool   // which is ErrNoDocument
	}{
		"a file alone":    {documents: alone, want: "alone"},
		"files":           {documents: schemas, err: "the WSDL at ?wsdl is 2 documents", none: true},
		"no file":         {documents: nil, err: wsdlURL + ": HTTP 404"},
		"not found":       {documents: alone, single: inOne(t, 404, nil), want: "alone"},
		"not found, two":  {documents: schemas, single: inOne(t, 404, nil), err: singleURL + ": HTTP 404", none: true},
		"no method, two":  {documents: schemas, single: inOne(t, 405, nil), err: "HTTP 405", none: true},
		"as CXF":          {documents: alone, single: inOne(t, 500, nil), want: "alone"},
		"as CXF, two":     {documents: schemas, single: inOne(t, 500, nil), err: "HTTP 500"},
		"forbidden, two":  {documents: schemas, single: inOne(t, 403, nil), err: "HTTP 403"},
		"neither of both": {documents: nil, single: inOne(t, 404, nil), err: singleURL + ": HTTP 404", none: true},
		"a page": {documents: schemas, single: inOne(t, 404, map[string]string{singleURL: "<html/>"}),
			err: "is neither wsdl:definitions"},
		"a DOCTYPE": {documents: schemas, single: inOne(t, 404, map[string]string{singleURL: "<!DOCTYPE a><a/>"}),
			err: "document type declaration"},
	} {
		p := newPublisher(t, Config{Source: newSource(t, c.documents), Single: c.single, Paths: []string{"/svc"}})
		text, err := p.Document(t.Context(), "singleWsdl", "https://gate/")
		rewritten := strings.Contains(string(text), c.want) && !strings.Contains(string(text), "10.0.0.1")
		switch {
		case c.err == "" && (err != nil || !rewritten):
			t.Errorf("%s: %v\n%s", name, err, text)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v", name, err)
		case errors.Is(err, ErrNoDocument) != c.none:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// That there is none is an answer: it takes the place of one that was loaded, and
// the service is not asked again at once.
func TestAServiceThatHasNoSingleWSDLAnyMoreIsBelieved(t *testing.T) {
	documents := map[string]string{singleURL: definitions(service)}
	single := inOne(t, 404, documents)
	c := Config{Source: newSource(t, map[string]string{wsdlURL: linked, "http://backend/svc?xsd=xsd0": schema}),
		Single: single, MaxAge: 1}
	p := newPublisher(t, c)
	document(t, p, "singleWsdl")
	delete(documents, singleURL)
	for range 3 {
		_, err := p.Document(t.Context(), "singleWsdl", "")
		if !errors.Is(err, ErrNoDocument) {
			t.Fatal(err)
		}
		p.single.cfg.MaxAge = time.Hour
	}
	if n := single.fetches.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// A server that takes ?singleWsdl for ?wsdl, or writes links into it, has them
// under queries of their own: they may name other documents than ?wsdl's.
func TestLinksOfTheSingleWSDLHaveQueriesOfTheirOwn(t *testing.T) {
	other := strings.Replace(schema, "/>", "><!-- other --></x:schema>", 1)
	p := newPublisher(t, Config{
		Source: newSource(t, map[string]string{wsdlURL: linked, "http://backend/svc?xsd=xsd0": schema}),
		Single: inOne(t, 404, map[string]string{singleURL: linked, "http://backend/svc?xsd=xsd0": other})})
	text := document(t, p, "singleWsdl")
	if !strings.Contains(text, `&quot;?singlewsdl=xsd0"`) {
		t.Error(text)
	}
	if text := document(t, p, "singleWsdl=xsd0"); !strings.Contains(text, "other") {
		t.Error(text)
	}
	if text := document(t, p, "xsd=xsd0"); strings.Contains(text, "other") {
		t.Error(text)
	}
	for _, query := range []string{"singleWsdl=none", "singleWsdl=../../etc/passwd", "singleWsdl=http://backend/",
		"wsdl=xsd0"} {
		if _, err := p.Document(t.Context(), query, ""); !errors.Is(err, ErrNoDocument) {
			t.Errorf("%s: %v", query, err)
		}
	}
	hostile := newPublisher(t, Config{Source: newSource(t, nil), Single: inOne(t, 404, map[string]string{
		singleURL: definitions(`<w:import location="http://169.254.169.254/latest"/>`)})})
	if _, err := hostile.Document(t.Context(), "singleWsdl", ""); err == nil ||
		!strings.Contains(err.Error(), "leads to a place that is not listed") {
		t.Error(err)
	}
}
