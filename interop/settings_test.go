package interop

import (
	"strings"
	"testing"
)

// What a route may ask for beside its policy, and which of it CXF's clients
// meet: their content has no prefix that no digest covers, those with
// WS-Addressing write the URL that they were given, and none binds its token to
// a channel.
func TestCXFClientsUnderFurtherSettings(t *testing.T) {
	c := newCXF(t, startKDC(t))
	backend, wssgate := c.backend(t), program(t)
	own := func(url string, route map[string]any) {
		route["addresses"], route["content-prefixes"] = []string{url}, "covered"
	}
	plain := serveRoutes(t, wssgate, c.kdc, backend, false, nil, own,
		"KtpSymmetric", "KtpSymmetricEncryptBeforeSigning", "KtpSymmetricAddressing")
	tls := serveRoutes(t, wssgate, c.kdc, backend, true, map[string]any{"channel-bindings": "when-present"}, own,
		"KtpTransport", "KtpTransportEndorsing")
	elsewhere := serveRoutes(t, wssgate, c.kdc, backend, false, nil, func(_ string, route map[string]any) {
		route["addresses"] = []string{"https://gw.example.com/other"}
	}, "KtpSymmetric", "KtpSymmetricAddressing")
	named := serveRoutes(t, wssgate, c.kdc, backend, false, map[string]any{"wsa-to": "required"}, own,
		"KtpSymmetric", "KtpSymmetricAddressing")
	bound := serveWith(t, wssgate, c.kdc, backend, true, map[string]any{"channel-bindings": "required"}, "KtpTransport")

	const dom, streaming = "DOM", "streaming"
	for _, tt := range []struct {
		name     string
		g        *gateway
		port     string
		clients  []string
		refused  string // code in the log; "" is accepted
		inTheLog string
	}{
		{"own address, content covered", plain, "KtpSymmetric", []string{dom, streaming}, "", `"to_unknown":true`},
		{"own address, content covered", plain, "KtpSymmetricEncryptBeforeSigning", []string{dom}, "", ""},
		{"own address, content covered", plain, "KtpSymmetricAddressing", []string{dom}, "", ""},
		{"bindings when present", tls, "KtpTransport", []string{dom, streaming}, "", ""},
		{"bindings when present", tls, "KtpTransportEndorsing", []string{dom, streaming}, "", ""},
		{"another's address", elsewhere, "KtpSymmetric", []string{dom}, "", `"to_unknown":true`},
		{"another's address", elsewhere, "KtpSymmetricAddressing", []string{dom}, "wrong-address", ""},
		{"wsa:To required", named, "KtpSymmetric", []string{dom}, "wrong-address", ""},
		{"wsa:To required", named, "KtpSymmetricAddressing", []string{dom}, "", ""},
		{"bindings required", bound, "KtpTransport", []string{dom, streaming}, "channel-bindings", ""},
	} {
		for _, client := range tt.clients {
			t.Run(tt.name+"/"+tt.port+"/"+client, func(t *testing.T) {
				t.Parallel()
				args := []string{"-count", "2"}
				if client == streaming {
					args = append(args, "-streaming")
				}
				out, err := c.call(t, tt.port, tt.g.url+"/"+tt.port, args...)
				if (err == nil) != (tt.refused == "") {
					t.Errorf("CXF's client: %v\n%s", err, out)
				}
				for _, want := range []string{tt.refused, tt.inTheLog} {
					if !strings.Contains(tt.g.log.String(), want) {
						t.Errorf("no %s in the log\n%s", want, tt.g.log)
					}
				}
			})
		}
	}
}
