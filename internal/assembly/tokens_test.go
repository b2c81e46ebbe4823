package assembly

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// negotiate sends a message with a token in Authorization to a route.
func (w *serviceWorld) negotiate(path string, message, token []byte) (status int) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(message)))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}

// signed protects the question with a token that is sent elsewhere.
func (w *serviceWorld) signed(service string) (message, token []byte) {
	w.t.Helper()
	token, key, err := w.kdc.Token("alice", service, krbtest.TokenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	env, err := soap.Parse([]byte(question), xmltext.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	message, _, err = w.client.ProtectRequest(nil, env,
		wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets()), Omit: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return message, token
}

// Token in HTTP, signature and Body in the message. A ticket for one service is
// refused on the route of another, and the log names both.
func TestNewTakesTokensFromHTTPForTheirServiceAlone(t *testing.T) {
	t.Parallel()
	const quotes, orders = "soap/quotes.example.com", "soap/orders.example.com"
	w := newServiceWorld(t, quotes, orders)
	both := w.keytab("both.keytab", quotes, orders)
	if err := w.assemble("token-location: authorization\nservices:\n" +
		"  - {name: quotes, keytab: " + both + ", principals: [" + quotes + "]}\n" +
		"  - {name: orders, keytab: " + both + ", principals: [" + orders + "]}\n" +
		"routes:\n  - {path: /quotes, kerberos-service: quotes}\n" +
		"  - {path: /orders, kerberos-service: orders}\n"); err != nil {
		t.Fatal(err)
	}
	for path, service := range map[string]string{"/quotes": quotes, "/orders": orders} {
		message, token := w.signed(service)
		if status := w.negotiate(path, message, token); status != 200 {
			t.Errorf("%s: %d\n%s", path, status, w.log.String())
		}
	}
	message, token := w.signed(quotes)
	if status := w.negotiate("/orders", message, token); status != 500 || w.lastCode() != "ticket-service" ||
		!strings.Contains(w.log.String(), quotes) || !strings.Contains(w.log.String(), orders) {
		t.Errorf("%d %s\n%s", status, w.lastCode(), w.log.String())
	}
	// Without the Body's signature naming it, the token is worth nothing here,
	// and nobody can name one that came before (token-once).
	fresh, token := w.signed(quotes)
	if status := w.negotiate("/quotes", []byte(question), token); status == 200 {
		t.Error("a bearer token was accepted under Kerberos")
	}
	if status := w.postMessage("/quotes", fresh); status != 401 || w.lastCode() != "security-token-missing" {
		t.Errorf("%d %s", status, w.lastCode())
	}
}

func (w *serviceWorld) postMessage(path string, message []byte) (status int) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(message)))
	r.Header.Set("Content-Type", soap.V11.ContentType())
	rec := httptest.NewRecorder()
	w.gateway.ServeHTTP(rec, r)
	return rec.Code
}

func TestWarnOfTokensInURLsNamesTheLocation(t *testing.T) {
	t.Parallel()
	w := newServiceWorld(t, service)
	if err := w.assemble("tls-offloaded: true\npolicy: KerberosToken\ntoken-location: [query:ticket, cookie:t]\nkeytab: " +
		w.keytab("k", service) + "\n"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(w.log.String(), `"token-location":"query:ticket"`); n != 1 ||
		!strings.Contains(w.log.String(), "write their tokens into URLs") {
		t.Errorf("%d warnings\n%s", n, w.log.String())
	}
}
