package wssec_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/wssec"
)

// Implied derived keys are those that a DerivedKeyToken with the same Nonce and
// Length would have.
func TestVerifyAcceptsImpliedDerivedKeys(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{wssec.NSWSC05, wssec.NSWSC13} {
		c := newConversing(t, underContext(derived), nil)
		c.token.Context.Namespace, c.token.Omit = namespace, true
		msg := implied(t, c.message(), namespace)
		m, err := c.verify(t, []byte(msg))
		if err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
		out, err := c.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil || !strings.Contains(string(out), `<wsc:DerivedKeyToken xmlns:wsc="`+namespace+`"`) {
			t.Errorf("%v\n%s", err, out)
		}
		for name, tt := range map[string]struct{ old, new string }{
			"no Nonce":      {`wsc:Nonce="`, `wsc:Other="`},
			"an odd Nonce":  {`wsc:Nonce="`, `wsc:Nonce="?`},
			"a long Nonce":  {`wsc:Nonce="`, `wsc:Nonce="` + strings.Repeat("AAAA", 1000)},
			"Length of 0":   {`wsc:Length="16"`, `wsc:Length="0"`},
			"Length of 65":  {`wsc:Length="16"`, `wsc:Length="65"`},
			"absurd Length": {`wsc:Length="16"`, `wsc:Length="99999999999999999999"`},
		} {
			c.t = t
			e := c.refuses(replace(t, msg, tt.old, tt.new), wssec.CodeDerivedKey)
			if !strings.Contains(e.Error(), "wsc:") {
				t.Errorf("%s: %v", name, e)
			}
		}
		c.serve(t, underContext())
		c.refuses(msg, wssec.CodeDerivedKey)
	}
	c := newConversing(t, underContext(derived), nil)
	m := replace(t, c.message(), `<wsse:SecurityTokenReference xmlns:wsse="`+wssec.NSWSSE+`"><wsse:Reference URI="#SCT`,
		`<wsse:SecurityTokenReference xmlns:wsse="`+wssec.NSWSSE+`" wsc:Nonce="AAAA"><wsse:Reference URI="#SCT`)
	c.refuses(m, wssec.CodeDerivedKey)
	m = replace(t, c.message(), `<wsse:SecurityTokenReference xmlns:wsse="`+wssec.NSWSSE+`"><wsse:Reference URI="#DK`,
		`<wsse:SecurityTokenReference xmlns:wsse="`+wssec.NSWSSE+`" xmlns:wsc="`+wssec.NSWSC05+
			`" wsc:Nonce="AAAA"><wsse:Reference URI="#DK`)
	c.refuses(m, wssec.CodeDerivedKey)
}

// implied changes a message that refers to its context from DerivedKeyTokens so
// that it has none, and the Nonces stand where the tokens were referred to.
func implied(t *testing.T, msg, namespace string) string {
	t.Helper()
	for _, dkt := range regexp.MustCompile(dktPattern).FindAllString(msg, -1) {
		id, nonce := find(t, dkt, `wsu:Id="([^"]*)"`), find(t, dkt, `<wsc:Nonce>(.*?)<`)
		ref := find(t, dkt, `<wsse:Reference.*?</wsse:Reference>`)
		msg = replace(t, msg, dkt, "")
		use := find(t, msg, `<wsse:SecurityTokenReference [^>]*><wsse:Reference URI="#`+id+
			`".*?</wsse:SecurityTokenReference>`)
		msg = replace(t, msg, use, `<wsse:SecurityTokenReference xmlns:wsse="`+wssec.NSWSSE+
			`" xmlns:wsc="`+namespace+`" wsc:Nonce="`+nonce+`" wsc:Length="16">`+ref+`</wsse:SecurityTokenReference>`)
	}
	return msg
}
