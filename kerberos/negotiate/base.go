//go:build !js

package negotiate

import "net/http"

// defaultBase is TransportConfig.Base where that is nil.
func defaultBase() http.RoundTripper { return http.DefaultTransport }
