package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What is refused before the message is looked at.
func TestHTTPRefusals(t *testing.T) {
	big := strings.NewReader(strings.Repeat("x", 5000))
	tests := map[string]struct {
		header string
		body   io.Reader
		status int
		code   string
	}{
		"no type":            {"Content-Type: ", strings.NewReader("x"), 415, "media-type"},
		"JSON":               {"Content-Type: application/json", strings.NewReader("{}"), 415, "media-type"},
		"XML, but not SOAP":  {"Content-Type: application/xml", strings.NewReader("<a/>"), 415, "media-type"},
		"bad parameter":      {"Content-Type: text/xml; charset=\"", strings.NewReader("<a/>"), 415, "media-type"},
		"MTOM":               {`Content-Type: multipart/related; type="application/xop+xml"; start-info="application/soap+xml"; boundary=b`, strings.NewReader("--b--"), 415, "multipart"},
		"compressed":         {"Content-Encoding: gzip", strings.NewReader("x"), 415, "content-encoding"},
		"too large, told":    {"Accept: */*", big, 413, "request-too-large"},
		"too large, chunked": {"Accept: */*", io.MultiReader(strings.NewReader(strings.Repeat("<", 5000))), 413, "request-too-large"},
		"charset":            {"Content-Type: text/xml; charset=utf-16", strings.NewReader(envelope(soap.V11, "")), 500, "xml-encoding"},
		"unknown charset":    {"Content-Type: text/xml; charset=ebcdic", strings.NewReader(envelope(soap.V11, "")), 500, "xml-encoding"},
		"version":            {"Accept: */*", strings.NewReader(envelope(soap.V12, "")), 415, "soap-version-mismatch"},
		"DOCTYPE":            {"Accept: */*", strings.NewReader(`<!DOCTYPE a [<!ENTITY x "y">]>` + envelope(soap.V11, "&x;")), 500, "xml-doctype"},
		"PI":                 {"Accept: */*", strings.NewReader(`<?php 1?>` + envelope(soap.V11, "")), 500, "xml-instruction"},
		"deep":               {"Accept: */*", strings.NewReader(strings.Repeat("<a>", 1300)), 500, "xml-limit"},
		"not XML":            {"Accept: */*", strings.NewReader("hello"), 500, "xml-syntax"},
		"empty":              {"Accept: */*", strings.NewReader(""), 500, "xml-syntax"},
		"not SOAP":           {"Accept: */*", strings.NewReader("<a/>"), 500, "version-mismatch"},
		"SOAP with a tail":   {"Accept: */*", strings.NewReader(`<s:Envelope xmlns:s="` + soap.NS11 + `"><s:Body/><s:Body/></s:Envelope>`), 500, "envelope-invalid"},
		"no Security":        {"Accept: */*", strings.NewReader(envelope(soap.V11, payload)), 500, "security-header-missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config, _ *gateway.Route, _ *wssec.Policy) { c.MaxMessage = 4096 })
			r := w.post(soap.V11, tt.body, tt.header)
			w.plainFault(r)
			if r.StatusCode != tt.status || w.code(1) != tt.code || w.calls() != 0 {
				t.Errorf("HTTP %d, code %s, %d calls, want %d and %s: %v", r.StatusCode, w.code(1), w.calls(), tt.status, tt.code, w.event(1)["error"])
			}
		})
	}
}

// The answer to a SOAP 1.2 message with a malformed type is a fault of SOAP 1.2.
func TestAMalformedContentTypeHasAFaultOfItsVersion(t *testing.T) {
	w := newWorld(t)
	req, _ := http.NewRequest(http.MethodPost, w.gateway.URL+"/svc", strings.NewReader("<a/>"))
	req.Header.Set("Content-Type", "application/soap+xml; charset=UTF-8; action=http://example.com/ticker")
	r := w.do(req)
	if r.StatusCode != 415 || r.Header.Get("Content-Type") != soap.V12.ContentType() || !bytes.Contains(r.body, []byte(soap.NS12)) || w.code(1) != "media-type" {
		t.Errorf("HTTP %d, %s, code %s\n%s", r.StatusCode, r.Header.Get("Content-Type"), w.code(1), r.body)
	}
	if words := w.event(1)["error"].(string); !strings.Contains(words, `write action="http://example.com/ticker"`) {
		t.Error(words)
	}
}

func TestOnlyPOST(t *testing.T) {
	w := newWorld(t)
	for i, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"} {
		req, _ := http.NewRequest(method, w.gateway.URL+"/svc?wsdl", nil)
		r := w.do(req)
		if r.StatusCode != 405 || r.Header.Get("Allow") != "POST" || w.code(i+1) != "method-not-allowed" {
			t.Errorf("%s: HTTP %d, Allow %q, code %s", method, r.StatusCode, r.Header.Get("Allow"), w.code(i+1))
		}
	}
}

func TestPathsAreExact(t *testing.T) {
	w := newWorld(t)
	for i, path := range []string{"/", "/svc/", "/svc/x", "/SVC", "//svc", "/x/../svc", "/%2e/svc"} {
		req, _ := http.NewRequest("POST", w.gateway.URL, strings.NewReader("x"))
		req.URL.Opaque = path
		if r := w.do(req); r.StatusCode != 404 || w.code(i+1) != "no-route" || !strings.Contains(w.event(i + 1)["error"].(string), "POST \"") {
			t.Errorf("%s: HTTP %d, code %s", path, r.StatusCode, w.code(i+1))
		}
	}
}

// Java's client offers HTTP/2 on every plain connection; it must be served, in
// HTTP/1.1.
func TestUpgradeOfferIsIgnored(t *testing.T) {
	w := newWorld(t)
	r, req := w.call("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA")
	if r.StatusCode != 200 || r.ProtoMajor != 1 {
		t.Fatalf("%s %d", r.Proto, r.StatusCode)
	}
	w.open(r, req)
}

func TestChunkedRequests(t *testing.T) {
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

// Whatever fails in ticket, signature, digest, decryption, plaintext, coverage
// or replay: status, headers and body are octet for octet the same, so nobody
// learns from an answer which it was. The log does.
func TestSecurityFailuresLookTheSame(t *testing.T) {
	for _, v := range []soap.Version{soap.V11, soap.V12} {
		t.Run(v.String(), func(t *testing.T) { securityFailuresLookTheSame(t, v) })
	}
}

func securityFailuresLookTheSame(t *testing.T, v soap.Version) {
	w := newWorld(t)
	edit := func(old, new string) func() []byte {
		return func() []byte {
			msg, _ := w.protect(v, payload)
			out := regexp.MustCompile(old).ReplaceAll(msg, []byte(new))
			if bytes.Equal(out, msg) {
				t.Fatalf("%s changed nothing", old)
			}
			return out
		}
	}
	replayed, _ := w.protect(v, payload)
	w.post(v, bytes.NewReader(replayed))
	foreign := newWorld(t)
	ways := []struct {
		name    string
		message func() []byte
		code    string
	}{
		{"no header", func() []byte { return []byte(envelope(v, payload)) }, "security-header-missing"},
		{"ticket of another KDC", func() []byte { m, _ := foreign.protect(v, payload); return m }, "ticket-integrity"},
		{"replay", func() []byte { return replayed }, "ticket-replay"},
		{"garbage token", edit(`(?s)(<wsse:BinarySecurityToken[^>]*>)[^<]*`, "${1}YIIBAA=="), "token-malformed"},
		{"no base64", edit(`(?s)(<wsse:BinarySecurityToken[^>]*>)[^<]*`, "${1}!"), "invalid-security-token"},
		{"timestamp", edit(`<wsu:Created>20`, "<wsu:Created> 20"), ""},
		{"ciphertext of the signature", edit(`(<xenc:CipherValue>)[^<]{6}`, "${1}AAAAAA"), ""},
		{"ciphertext of the body", edit(`(Body.*<xenc:CipherValue>)[^<]{6}`, "${1}AAAAAA"), ""},
		{"body's padding", edit(`(Body.*)[^<]{6}(</xenc:CipherValue>)`, "${1}AAAAAA$2"), ""},
		{"algorithm", edit(`aes128-cbc`, "aes256-cbc"), ""},
		{"body in the clear", edit(`(Body[^>]*>)<xenc:EncryptedData.*</xenc:EncryptedData>(</s:Body>)`, "${1}"+payload+"$2"), ""},
		{"derived key", edit(`<wsc:Length>16`, "<wsc:Length>17"), ""},
		{"reference", edit(`<xenc:DataReference URI="#ED`, `<xenc:DataReference URI="#XX`), ""},
	}
	var first httpReply
	codes := map[string]bool{}
	for i, way := range ways {
		r := w.post(v, bytes.NewReader(way.message()))
		code := w.code(i + 2)
		codes[code] = true
		if way.code != "" && code != way.code {
			t.Errorf("%s: code %s, want %s: %v", way.name, code, way.code, w.event(i + 2)["error"])
		}
		r.Header.Del("Date")
		if i == 0 {
			first = r
			if f := w.plainFault(r); f.Subcode != (xmltext.Name{Space: wssec.NSWSSE, Local: "InvalidSecurity"}) {
				t.Errorf("fault %+v", f)
			}
			continue
		}
		if r.StatusCode != first.StatusCode || toJSON(t, r.Header) != toJSON(t, first.Header) || !bytes.Equal(r.body, first.body) {
			t.Errorf("%s (%s): HTTP %d %v\n%s\ndiffers from HTTP %d %v\n%s", way.name, code, r.StatusCode, r.Header, r.body, first.StatusCode, first.Header, first.body)
		}
	}
	if w.calls() != 1 || len(codes) < 6 {
		t.Errorf("%d calls of the backend; the log tells apart only %v", w.calls(), codes)
	}
}

func TestExpiredMessagesAreSaidSo(t *testing.T) {
	w := newWorld(t)
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	w.must(err)
	policy, _ := wssec.Preset("Kerberos")
	policy.MessageReplay, policy.TokenOnce = "off", false
	late, err := wssec.NewProcessor(policy, wssec.Config{Time: func() time.Time { return time.Now().Add(-time.Hour) }})
	w.must(err)
	env, _ := soap.Parse([]byte(envelope(soap.V11, payload)), xmltext.Options{})
	msg, _, err := late.ProtectRequest(nil, env, wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
	w.must(err)
	r := w.post(soap.V11, bytes.NewReader(msg))
	if f := w.plainFault(r); f.Subcode.Local != "MessageExpired" || w.code(1) != "message-expired" {
		t.Errorf("fault %+v, code %s", f, w.code(1))
	}
}
