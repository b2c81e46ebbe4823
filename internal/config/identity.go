package config

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Asserts reports whether the backends of the route get an assertion about the
// client.
func (r *Route) Asserts() bool { return r.AssertionHeader != "" }

// identity checks the settings of assertions.
func (k *checker) identity(r *Route) {
	if !r.Asserts() {
		if _, given := k.cfg.origins[k.prefix+"assertion-header"]; !given && r.AssertionKey != "" {
			k.find("assertion-key", "has no use without assertion-header", "name the header, or remove it")
		}
		return
	}
	for _, s := range []struct{ setting, value, what string }{
		{"assertion-key", r.AssertionKey, "which holds the key that signs"},
		{"assertion-issuer", r.AssertionIssuer, "by which backends know who signs, as https://gw.example.com"},
		{"assertion-audience", strings.Join(r.AssertionAudience, ""), "by which a backend knows that it is meant"},
	} {
		if s.value == "" {
			k.find("assertion-header", "needs "+s.setting+", "+s.what, "give "+s.setting+" too")
		}
	}
	if t := r.AssertionType; !httpguts.ValidHeaderFieldName(t) {
		k.find("assertion-type", fmt.Sprintf("%q is not the type of a token", t), "write wssgate+jwt, at+jwt or JWT")
	}
}
