package interop

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// An initiator and an XML security library that share nothing with us: MIT's
// GSS-API makes the token, Go's standard library the message, xmlsec1 opens the
// reply.
func TestMITInitiatorAndXmlsecReadOurReply(t *testing.T) {
	need(t, "xmlsec1")
	k := startKDC(t)
	backend, _ := counting(t)
	g := serve(t, program(t), k, backend, false, "KtpSymmetric")
	tok := initiate(t, k, "")
	status, reply := post(t, g.url+"/KtpSymmetric", handmade(tok, doubleIt))
	if status != http.StatusOK {
		t.Fatalf("HTTP %d\n%s", status, reply)
	}
	if bytes.Contains(reply, []byte("doubledNumber")) {
		t.Errorf("the reply is in the clear: %s", reply)
	}
	if opened := openReply(t, tok.Key, reply); !strings.Contains(opened, "<doubledNumber>42</doubledNumber>") {
		t.Errorf("opened reply: %s", opened)
	}
}

// A bearer token that MIT's GSS-API has bound to our certificate is accepted
// where bindings are required; one that is bound to another server's, relayed
// to us, or to none, is not.
func TestMITInitiatorBindsItsTokenToOurCertificate(t *testing.T) {
	k := startKDC(t)
	backend, calls := counting(t)
	g := serveWith(t, program(t), k, backend, true, map[string]any{"channel-bindings": "required"}, "KtpTransport")
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	roots, err := os.ReadFile(k.file("tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(roots)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	defer client.CloseIdleConnections()
	for _, tt := range []struct {
		what, addr string
		status     int
	}{
		{"ours", strings.TrimPrefix(g.url, "https://"), http.StatusOK},
		{"another server's", strings.TrimPrefix(other.URL, "https://"), http.StatusInternalServerError},
		{"none", "", http.StatusInternalServerError},
	} {
		resp, err := client.Post(g.url+"/KtpTransport", "text/xml; charset=UTF-8",
			bytes.NewReader(bearer(initiate(t, k, tt.addr))))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("bound to %s: HTTP %d\n%s", tt.what, resp.StatusCode, g.log)
		}
	}
	if calls.Load() != 1 || strings.Count(g.log.String(), `"code":"channel-bindings"`) != 2 ||
		!strings.Contains(g.log.String(), `"bound":true`) {
		t.Errorf("%d calls of the service\n%s", calls.Load(), g.log)
	}
}

// bearer is a request whose only protection is that it has the token: the
// policy of KtpTransport.
func bearer(tok gssToken) []byte {
	now := time.Now().UTC()
	const stamp = "2006-01-02T15:04:05.000Z"
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="%s"><s:Header><o:Security xmlns:o="%s" `+
		`xmlns:u="%s"><u:Timestamp><u:Created>%s</u:Created><u:Expires>%s</u:Expires></u:Timestamp>`+
		`<o:BinarySecurityToken `+
		`ValueType="%s">%s</o:BinarySecurityToken></o:Security></s:Header><s:Body>%s</s:Body></s:Envelope>`,
		nsSOAP, nsWSSE, nsWSU, now.Format(stamp), now.Add(5*time.Minute).Format(stamp), krbAP,
		base64.StdEncoding.EncodeToString(tok.Token), doubleIt)
}

func TestRequestsFromBeforeAKillAreRefused(t *testing.T) {
	k := startKDC(t)
	backend, calls := counting(t)
	g := serve(t, program(t), k, backend, false, "KtpSymmetric")
	answered, unseen := handmade(initiate(t, k, ""), doubleIt), handmade(initiate(t, k, ""), doubleIt)
	if status, reply := post(t, g.url+"/KtpSymmetric", answered); status != http.StatusOK {
		t.Fatalf("before: HTTP %d\n%s", status, reply)
	}
	g.restart(t)
	if status, reply := post(t, g.url+"/KtpSymmetric", answered); status != http.StatusInternalServerError ||
		calls.Load() != 1 {
		t.Errorf("answered before the kill: HTTP %d, %d calls of the service\n%s", status, calls.Load(), reply)
	}
	if status, reply := post(t, g.url+"/KtpSymmetric", unseen); status != http.StatusOK {
		t.Errorf("made before the kill, presented for the first time: HTTP %d\n%s", status, reply)
	}
	if status, reply := post(t, g.url+"/KtpSymmetric", handmade(initiate(t, k, ""), doubleIt)); status != http.StatusOK {
		t.Errorf("made after the kill: HTTP %d\n%s", status, reply)
	}
}
