package negotiate

import (
	"io"
	"net/http"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/gss"
)

// An exchange is a request of a client with its legs.
type exchange struct {
	t       *Transport
	r       *http.Request
	body    *body
	cookies []*http.Cookie // of the legs before
	context *gss.Context   // nil before the first token
	done    bool           // the context is established
}

// maxRounds bounds the requests of one exchange.
const maxRounds = 8

// run sends the request until the server has answered it.
func (x *exchange) run() (*http.Response, error) {
	token, err := x.first()
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		resp, err := x.send(token)
		if err != nil {
			return nil, err
		}
		next, more, err := x.next(resp)
		if err != nil {
			discard(resp)
			return nil, err
		}
		if !more {
			return resp, nil
		}
		if !x.body.rewind() {
			return resp, nil // 401: the body cannot be sent a second time
		}
		discard(resp)
		x.keepCookies(resp)
		token = next
	}
	return nil, kerberos.Errorf(CodeServerRefused, "more than %d requests and the context is not established", maxRounds)
}

// first returns the token of a preemptive client. With channel bindings it has
// none for a host whose certificate is not known.
func (x *exchange) first() ([]byte, error) {
	if !x.t.cfg.Preemptive {
		return nil, nil
	}
	var binding []byte
	if x.t.cfg.ChannelBindings {
		if binding = x.t.binding(x.r.URL); binding == nil {
			return nil, nil
		}
	}
	return x.begin(binding)
}

// begin returns the first token of a new context.
func (x *exchange) begin(binding []byte) (token []byte, err error) {
	if x.context, err = x.t.context(x.r.Context(), x.r.URL, binding); err != nil {
		return nil, err
	}
	token, x.done, err = x.context.Step(x.r.Context(), nil)
	return token, err
}

// send sends the request with a token, nil for none. The caller's request is
// not changed.
func (x *exchange) send(token []byte) (*http.Response, error) {
	r := x.r.Clone(x.r.Context())
	r.Body = x.body.attempt()
	if token != nil {
		r.Header.Set("Authorization", encodeToken(token))
	}
	if x.body.single() && r.Header.Get("Expect") == "" {
		r.Header.Set("Expect", "100-continue")
	}
	for _, c := range x.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return x.t.cfg.Base.RoundTrip(r)
}

// keepCookies keeps the cookies that a leg has set for the next one: they name
// the negotiation. A cookie of the caller's with the name gives way.
func (x *exchange) keepCookies(resp *http.Response) {
	for _, c := range resp.Cookies() {
		x.cookies = slices.DeleteFunc(x.cookies, func(old *http.Cookie) bool { return old.Name == c.Name })
		x.r = x.r.Clone(x.r.Context())
		removeCookie(x.r, c.Name)
		if c.MaxAge >= 0 {
			x.cookies = append(x.cookies, c)
		}
	}
}

func removeCookie(r *http.Request, name string) {
	all := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range all {
		if c.Name != name {
			r.AddCookie(c)
		}
	}
}

// next returns the token for the next leg. more is false if the response is the
// answer to the request.
func (x *exchange) next(resp *http.Response) (token []byte, more bool, err error) {
	binding := x.t.learn(x.r.URL, resp.TLS)
	theirs, found, err := serverToken(resp.Header, x.t.cfg.Application)
	switch {
	case resp.StatusCode != http.StatusUnauthorized:
		return nil, false, x.verify(resp, theirs, err)
	case !found:
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case x.context == nil && theirs == nil:
		token, err = x.begin(binding)
		return token, true, err
	case theirs == nil || x.context == nil || x.done:
		if x.context != nil {
			x.t.refused(x.r.URL)
		}
		return nil, false, nil // the caller gets the refusal
	}
	if token, x.done, err = x.context.Step(x.r.Context(), theirs); err != nil {
		x.t.refused(x.r.URL)
		return nil, false, &kerberos.Error{Code: CodeServerRefused, Detail: x.r.URL.Host + " refused the token", Err: err}
	}
	return token, token != nil, nil
}

// verify has the context take the server's last token (RFC 4559 5). A response
// that reports no success proves nothing and needs no proof.
func (x *exchange) verify(resp *http.Response, token []byte, err error) error {
	if x.context == nil {
		return nil
	}
	if err == nil && token != nil && !x.done {
		_, x.done, err = x.context.Step(x.r.Context(), token)
	}
	failed := resp.StatusCode >= 400 && !x.t.cfg.MutualAlways
	switch {
	case err != nil:
		return &kerberos.Error{Code: CodeNotMutual, Detail: x.r.URL.Host + " has sent a token that proves nothing", Err: err}
	case x.done, failed, x.t.cfg.NoMutual && token == nil:
		return nil
	}
	return kerberos.Errorf(CodeNotMutual, "HTTP %d of %s, without the token that proves who it is", resp.StatusCode,
		x.r.URL.Host)
}

// discard reads what little is left of a body, so that its connection can be
// used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}
