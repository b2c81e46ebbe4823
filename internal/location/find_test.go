package location_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const (
	secret = "a secret token"
	valid  = `ValueType="` + wssec.KerberosAPREQ + `"`
)

var encoded = base64.StdEncoding.EncodeToString([]byte(secret))

// bst returns a BinarySecurityToken under a prefix.
func bst(prefix string) string {
	return fmt.Sprintf(`<%s:BinarySecurityToken xmlns:%[1]s="%s" %s>%s</%[1]s:BinarySecurityToken>`,
		prefix, wssec.NSWSSE, valid, encoded)
}

// security returns a Security header for an actor, "" for none.
func security(actor, content string) string {
	if actor != "" {
		actor = ` s:actor="` + actor + `"`
	}
	return `<o:Security xmlns:o="` + wssec.NSWSSE + `"` + actor + `>` + content + `</o:Security>`
}

func parse(t testing.TB, space, header, body string) *soap.Envelope {
	t.Helper()
	env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+space+`"><s:Header>`+header+`</s:Header><s:Body>`+body+
		`</s:Body></s:Envelope>`), xmltext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func locations(t testing.TB, texts ...string) (ls location.Locations) {
	t.Helper()
	for _, text := range texts {
		l, err := location.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, l)
	}
	return ls
}

// codeOf is the code of an error, "" for nil. No error has the token.
func codeOf(t testing.TB, err error) wssec.Code {
	t.Helper()
	var e *wssec.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		t.Fatalf("%T: %v", err, err)
	case strings.Contains(err.Error(), encoded[:12]) || strings.Contains(err.Error(), secret):
		t.Errorf("the error has the token: %v", err)
	}
	return e.Code
}

func TestFindTakesTheTokenOfEachLocation(t *testing.T) {
	t.Parallel()
	for _, space := range []string{soap.NS11, soap.NS12} {
		for name, m := range map[string]struct{ at, header, body, line, query string }{
			"our Security header":    {at: "security-header", header: security("", bst("x"))},
			"beside another actor's": {at: "security-header", header: security("", bst("x")) + security("urn:b", bst("y"))},
			"another actor's":        {at: "any-security-header", header: security("urn:b", bst("wsse"))},
			"any":                    {at: "any-security-header", header: security("", bst("wsse"))},
			"XPath in the Body":      {at: "xpath://wsse:BinarySecurityToken", body: "<b>" + bst("q") + "</b>"},
			"XPath of another name": {at: "xpath:/*/*/*[@of='t']",
				header: `<h xmlns="urn:h" of="t">` + encoded + `</h><h xmlns="urn:h"/>`},
			"Negotiate":            {at: "authorization", line: "Authorization: negotiate   " + encoded},
			"Negotiate with a tab": {at: "authorization", line: "Authorization: Negotiate\t" + encoded},
			"an HTTP header":       {at: "header:X-Token", line: "X-Token: " + encoded},
			"URL-safe, no padding": {at: "header:X-Token", line: "X-Token: " + strings.TrimRight(encoded, "=")},
			"a query":              {at: "query:to ken", query: "a=b&to%20ken=" + encoded + "&c"},
			"a cookie":             {at: "cookie:krb", line: `Cookie: a=b; krb="` + encoded + `"; c=d`},
		} {
			header := http.Header{}
			if key, value, ok := strings.Cut(m.line, ": "); ok {
				header.Add(key, value)
			}
			if space == soap.NS12 {
				m.header = strings.ReplaceAll(m.header, "s:actor", "s:role")
			}
			found, err := locations(t, m.at).Find(location.Message{
				Envelope: parse(t, space, m.header, m.body), Header: header, Query: m.query,
			})
			if err != nil || string(found.Octets) != secret {
				t.Errorf("%s, %s: %q, %v", space, name, found.Octets, err)
			}
		}
	}
}

// A message without a token is no error here: what follows depends on the
// policy.
func TestFindFindsNothingElsewhere(t *testing.T) {
	t.Parallel()
	m := location.Message{
		Envelope: parse(t, soap.NS11, security("urn:other", bst("x")),
			"<BinarySecurityToken>"+encoded+"</BinarySecurityToken>"),
		Header: http.Header{"Authorization": {"Basic " + encoded}, "X-Tokens": {encoded}, "Cookie": {"KRB=" + encoded},
			"X_token": {encoded}},
		Query: "Token=" + encoded + "&tok%zz=1&",
	}
	for _, at := range []string{
		"security-header", "authorization", "header:X-Token", "query:token", "cookie:krb",
		"xpath:/soap12:Envelope//wsse:BinarySecurityToken", "xpath://soap11:Body/wsse:BinarySecurityToken",
	} {
		if found, err := locations(t, at).Find(m); err != nil || !found.IsZero() {
			t.Errorf("%s: %q, %v", at, found.Octets, err)
		}
	}
}

// Which of two tokens counts must not depend on what somebody adds.
func TestFindRefusesTwoTokens(t *testing.T) {
	t.Parallel()
	const body = "xpath://soap11:Body/*"
	for name, m := range map[string]struct {
		at           []string
		header, body string
		lines        http.Header
		query        string
	}{
		"HTTP and Security header": {at: []string{"security-header", "authorization"}, header: security("", bst("x")),
			lines: http.Header{"Authorization": {"Negotiate " + encoded}}},
		"two headers": {at: []string{"header:X-T"}, lines: http.Header{"X-T": {encoded, encoded}}},
		"header, cookie": {at: []string{"header:X-T", "cookie:c"},
			lines: http.Header{"X-T": {encoded}, "Cookie": {"c=" + encoded}}},
		"two cookies":     {at: []string{"cookie:c"}, lines: http.Header{"Cookie": {"c=" + encoded + ";c=" + encoded}}},
		"two Cookies":     {at: []string{"cookie:c"}, lines: http.Header{"Cookie": {"c=" + encoded, "c=x"}}},
		"two parameters":  {at: []string{"query:t"}, query: "t=" + encoded + "&%74=" + encoded},
		"two in a header": {at: []string{"security-header"}, header: security("", bst("x")+bst("y"))},
		"two actors": {at: []string{"any-security-header"},
			header: security("", bst("x")) + security("urn:b", bst("x"))},
		"XPath of two": {at: []string{body}, body: bst("x") + bst("y")},
		"two XPaths":   {at: []string{body, "xpath://soap11:Header/*"}, header: bst("x"), body: bst("y")},
	} {
		found, err := locations(t, m.at...).Find(location.Message{
			Envelope: parse(t, soap.NS11, m.header, m.body), Header: m.lines, Query: m.query,
		})
		if codeOf(t, err) != wssec.CodeTokenAmbiguous || !found.IsZero() {
			t.Errorf("%s: %q, %v", name, found.Octets, err)
		}
	}
	// One element that two locations lead to is one token.
	found, err := locations(t, "security-header", "xpath://wsse:BinarySecurityToken", "xpath://wsse:Security/*").Find(
		location.Message{Envelope: parse(t, soap.NS11, security("", bst("x")), "")})
	if err != nil || string(found.Octets) != secret {
		t.Errorf("%q, %v", found.Octets, err)
	}
}

func TestFindRefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", wssec.MaxTokenText+4)
	for name, m := range map[string]struct {
		at, body string
		lines    http.Header
		query    string
	}{
		"empty Negotiate":    {at: "authorization", lines: http.Header{"Authorization": {"Negotiate"}}},
		"two Authorizations": {at: "authorization", lines: http.Header{"Authorization": {"Negotiate " + encoded, "Basic x"}}},
		"two tokens in one": {at: "authorization",
			lines: http.Header{"Authorization": {"Negotiate " + encoded + ", Negotiate x"}}},
		"not base64":             {at: "header:X-T", lines: http.Header{"X-T": {"a secret!"}}},
		"a broken escape":        {at: "query:t", query: "t=%zz"},
		"line ends":              {at: "query:t", query: "t=" + encoded + "%0d%0a"},
		"too long for a cookie":  {at: "cookie:c", lines: http.Header{"Cookie": {"c=" + long}}},
		"too long for a header":  {at: "header:X-T", lines: http.Header{"X-T": {long}}},
		"too long for a message": {at: "xpath://t", body: "<t>" + long + "</t>"},
		"elements":               {at: "xpath://t", body: "<t><u>" + encoded + "</u></t>"},
		"another ValueType": {at: "xpath://soap11:Body/*",
			body: strings.ReplaceAll(bst("x"), wssec.KerberosAPREQ, "urn:other")},
	} {
		found, err := locations(t, m.at).Find(location.Message{
			Envelope: parse(t, soap.NS11, "", m.body), Header: m.lines, Query: m.query,
		})
		if codeOf(t, err) != wssec.CodeInvalidToken || !found.IsZero() {
			t.Errorf("%s: %q, %v", name, found.Octets, err)
		}
	}
}

// A name is its namespace and local name, whatever prefix or default namespace
// the message has.
func TestFindComparesExpandedNames(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"the prefix of another namespace": `<wsse:BinarySecurityToken xmlns:wsse="urn:evil">` + encoded +
			`</wsse:BinarySecurityToken>`,
		"another default namespace": `<BinarySecurityToken xmlns="urn:evil">` + encoded + `</BinarySecurityToken>`,
		"none":                      `<BinarySecurityToken>` + encoded + `</BinarySecurityToken>`,
	} {
		env := parse(t, soap.NS11, "", body)
		if found, err := locations(t, "xpath://wsse:BinarySecurityToken").Find(location.Message{Envelope: env}); err != nil ||
			!found.IsZero() {
			t.Errorf("%s: %q, %v", name, found.Octets, err)
		}
		found, err := locations(t, "xpath://BinarySecurityToken").Find(location.Message{Envelope: env})
		if err != nil || found.IsZero() != (name != "none") {
			t.Errorf("%s, without a prefix: %q, %v", name, found.Octets, err)
		}
	}
	// Attributes too: only that without a namespace is @of.
	env := parse(t, soap.NS11, "", `<h xmlns:p="urn:p" p:of="t">AAAA</h><h of="t">`+encoded+`</h>`)
	found, err := locations(t, "xpath://h[@of='t']").Find(location.Message{Envelope: env})
	if err != nil || string(found.Octets) != secret {
		t.Errorf("%q, %v", found.Octets, err)
	}
}

// The library knows nodes again by a text made of names and positions, which an
// attacker can make equal for two of them.
func TestFindSeesBothOfTwoElementsThatLookTheSame(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a position in a name": `<p:x xmlns:p="urn:p"/><p:y xmlns:p="urn:p"><p:x-1 xmlns:p="urn:p">AAAA</p:x-1></p:y>` +
			`<p:x xmlns:p="urn:p">AAAA</p:x>`,
	} {
		l, err := location.ParseXPath("//p:y/p:x-1 | //soap11:Body/p:x", map[string]string{"p": "urn:p"})
		if err != nil {
			t.Fatal(err)
		}
		found, err := location.Locations{l}.Find(location.Message{Envelope: parse(t, soap.NS11, "", body)})
		if codeOf(t, err) != wssec.CodeTokenAmbiguous {
			t.Errorf("%s: %q, %v", name, found.Octets, err)
		}
	}
}

// Expressions are used by many messages at a time.
func TestFindIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	ls := locations(t, "xpath://*[contains(local-name(), 'Token') and count(ancestor::*) > 2]"+
		"[position()=1][string-length(.) > 3]")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				other := strings.Repeat("<a/>", i)
				found, err := ls.Find(location.Message{Envelope: parse(t, soap.NS11, security("", bst("x")), other)})
				if err != nil || string(found.Octets) != secret {
					t.Errorf("%q, %v", found.Octets, err)
					return
				}
			}
		})
	}
	all.Wait()
}
