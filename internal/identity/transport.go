package identity

import (
	"net/http"
	"strings"

	"github.com/wssgate/wssgate/internal/door"
)

// A Transport adds an assertion about the client to each request to a backend.
// It is safe for concurrent use.
type Transport struct {
	Base   http.RoundTripper // sends the requests
	Signer *Signer
	// Header is the HTTP header with the assertion. Authorization has it as a
	// bearer token (RFC 6750 §2.1).
	Header string
}

// RoundTrip implements [http.RoundTripper]. The context has the client
// ([door.CallerOf]); for one that is not known nothing is sent. A request whose
// context has none is wssgate's own, such as for the service's description, and
// goes without an assertion. The header never is that of the request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	own := r.WithContext(r.Context()) // a copy, since a transport changes no request
	if own.Header = r.Header.Clone(); own.Header == nil {
		own.Header = http.Header{}
	}
	own.Header.Del(t.Header)
	if caller, ok := door.CallerOf(r.Context()); ok {
		value, err := t.value(caller)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
		own.Header.Set(t.Header, value)
	}
	return t.Base.RoundTrip(own)
}

func (t *Transport) value(caller door.Caller) (string, error) {
	value, err := t.Signer.Sign(caller)
	if err == nil && strings.EqualFold(t.Header, "Authorization") {
		value = "Bearer " + value
	}
	return value, err
}
