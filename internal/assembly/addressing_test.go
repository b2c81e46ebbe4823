package assembly

import (
	"net/url"
	"testing"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/gateway"
)

// The backend's own address in its wsa:To is without the password for its HTTP
// server, which applications log.
func TestRewriteToHasNoPassword(t *testing.T) {
	for setting, want := range map[string]string{
		"": "", "backend": "http://quotes.internal:9100/q?a=b", "http://other.internal/q": "http://other.internal/q",
	} {
		backend, err := url.Parse("http://gate:secret@quotes.internal:9100/q?a=b")
		if err != nil {
			t.Fatal(err)
		}
		route := gateway.Route{Backend: backend}
		setAddressing(&route, &config.Route{RewriteTo: setting})
		if route.RewriteTo != want || backend.User == nil {
			t.Errorf("%q: %q, the backend's user %v", setting, route.RewriteTo, backend.User)
		}
	}
}
