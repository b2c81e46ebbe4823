package interop

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// curl calls a SOAP service with the token in Authorization, in SPNEGO as MIT's
// library makes it, over a route that takes bearer tokens. The token does not
// reach the service.
func TestCurlSendsTheTokenOfASOAPMessage(t *testing.T) {
	k := startKDC(t)
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>`
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, envelope, fmt.Sprintf("<a>%s %t %d</a>", r.Header.Get("X-Wssgate-Principal"),
			r.Header.Get("Authorization") != "", strings.Count(string(body), "<q/>")))
	}))
	t.Cleanup(service.Close)
	g := serveHTTP(t, k, service.URL, map[string]any{
		"path": "/soap", "standard": "soap", "policy": "KerberosToken", "token-location": "authorization",
	})
	message := filepath.Join(t.TempDir(), "message.xml")
	if err := os.WriteFile(message, []byte(fmt.Sprintf(envelope, "<q/>")), 0o600); err != nil {
		t.Fatal(err)
	}
	post := []string{"-H", "Content-Type: text/xml", "--data-binary", "@" + message, g.url + "/soap"}
	for _, version := range []string{"--http1.1", "--http2"} {
		out := k.curl(t, append([]string{version, "--negotiate", "-u", ":", g.url + "/soap"}, post...)...)
		if strings.Count(out, "<a>alice@EXAMPLE.COM false 1</a>") != 2 { // over one connection
			t.Errorf("%s: %s\n%s", version, out, g.log)
		}
	}
	out := k.curl(t, append([]string{"-D", "-"}, post...)...)
	if header := strings.ToLower(out); !strings.Contains(header, " 401") ||
		!strings.Contains(header, "www-authenticate: negotiate") ||
		!strings.Contains(out, "Fault") {
		t.Errorf("without a ticket: %s\n%s", out, g.log)
	}
}

// The token comes in Authorization, signature and encrypted Body in the message,
// which names the token by its SHA-1. The token is of MIT's library, the message
// of none of our packages, and xmlsec1 opens the reply. Without the token, and
// with another one of the same client, the message is refused.
func TestHandmadeRequestIsVerifiedWithATokenInHTTP(t *testing.T) {
	need(t, "xmlsec1")
	k := startKDC(t)
	backend, _ := counting(t)
	g := serveWith(t, program(t), k, backend, false, map[string]any{"token-location": "authorization"}, "KtpSymmetric")
	tok, other := initiate(t, k, ""), initiate(t, k, "")
	message := withoutToken(t, tok)
	for _, tt := range []struct {
		authorization string
		status        int
	}{
		{"", http.StatusUnauthorized}, {inAuthorization(other), http.StatusInternalServerError},
		{inAuthorization(tok), http.StatusOK},
		{inAuthorization(tok), http.StatusInternalServerError}, // it is no longer new
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/KtpSymmetric", bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/xml; charset=UTF-8")
		req.Header.Set("Authorization", tt.authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		reply, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Fatalf("%.30q: HTTP %d, want %d\n%s\n%s", tt.authorization, resp.StatusCode, tt.status, reply, g.log)
		}
		if tt.status != http.StatusOK {
			continue
		}
		if opened := openReply(t, tok.Key, reply); !strings.Contains(opened, "<doubledNumber>42</doubledNumber>") {
			t.Errorf("opened reply: %s", opened)
		}
	}
}

func inAuthorization(tok gssToken) string {
	return "Negotiate " + base64.StdEncoding.EncodeToString(tok.Token)
}

// withoutToken is a handmade message that names its token by its SHA-1.
func withoutToken(t *testing.T, tok gssToken) []byte {
	t.Helper()
	sum := sha1.Sum(tok.Token)
	message := regexp.MustCompile(`<wsse:BinarySecurityToken.*</wsse:BinarySecurityToken>`).ReplaceAll(
		handmade(tok, doubleIt), nil)
	named := regexp.MustCompile(`<wsse:Reference URI="#bst"[^>]*/>`).ReplaceAll(message, []byte(
		`<wsse:KeyIdentifier ValueType="http://docs.oasis-open.org/wss/oasis-wss-kerberos-token-profile-1.1#`+
			`Kerberosv5APREQSHA1">`+base64.StdEncoding.EncodeToString(sum[:])+`</wsse:KeyIdentifier>`))
	if bytes.Contains(named, []byte("#bst")) || bytes.Count(named, []byte("KeyIdentifier>")) != 2 {
		t.Fatalf("not replaced: %s", named)
	}
	return named
}
