package gateway_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/wssgate/wssgate/internal/gateway"
	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/wssec"
)

// A document that is not there is the client's mistake; a description that
// cannot be loaded is not.
func TestDescriptionThatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "service.wsdl")
	text := `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t"/>`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, tt := range map[string]struct {
		file, query string
		status      int
	}{
		"wsdl-no-document": {file, "?wsdl=none", http.StatusNotFound},
		"wsdl-unavailable": {file + ".none", "?wsdl", http.StatusServiceUnavailable},
	} {
		p, err := wsdl.NewPublisher(wsdl.Config{Source: wsdl.FileSource{File: tt.file}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(_ *gateway.Config, r *gateway.Route, _ *wssec.Policy) { r.Description = p })
		req, err := http.NewRequest(http.MethodGet, w.gateway.URL+"/svc"+tt.query, nil)
		w.must(err)
		if r := w.do(req); r.StatusCode != tt.status || w.code(1) != want || w.calls() != 0 {
			t.Errorf("%s: HTTP %d, code %s", want, r.StatusCode, w.code(1))
		}
	}
}
