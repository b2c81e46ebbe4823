package doctor_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheckBackendReportsTheAnswer(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.RawQuery != "" {
			t.Error("doctor has sent what is secret")
		}
		w.WriteHeader(status)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for _, test := range []struct {
		backend string
		status  int
		want    []string
	}{
		{plain.URL, 200, nil},
		{plain.URL, 405, nil},
		{plain.URL, 500, nil},
		{strings.Replace(plain.URL, "://", "://user:s3cret@", 1) + "?token=s3cret", 401, nil},
		{plain.URL, 404, []string{"warn backend … answers 404"}},
		{plain.URL, 503, []string{"warn backend … answers 503 Service Unavailable … something stands before the service"}},
		{secure.URL, 200, []string{"fail backend … authority that this machine does not trust; … backend-ca"}},
		{strings.Replace(plain.URL, "http:", "https:", 1), 200, []string{"fail backend … does not speak TLS; write http://"}},
		{"http://127.0.0.1:1", 200, []string{"fail backend … no connection: connect: connection refused"}},
		{"http://nowhere.invalid/", 200, []string{"fail backend … its host does not resolve"}},
	} {
		c := offline(t)
		c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
		c.set("backend", test.backend)
		status = test.status
		c.expectOf("backend", test.want...)
		for _, r := range c.run() {
			if strings.Contains(r.Subject+r.Found+r.Cure, "s3cret") {
				t.Errorf("a secret is shown: %+v", r)
			}
		}
	}
}
