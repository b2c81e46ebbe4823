package location_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssgate/wssgate/internal/location"
)

func TestParseReturnsWhatStringWrites(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"security-header", "any-security-header", "authorization", "header:X-Token", "query:token", "cookie:krb",
		"xpath://wsse:BinarySecurityToken", "xpath:/soap11:Envelope/soap11:Header/*[local-name()='T']",
	} {
		l, err := location.Parse(text)
		if err != nil || l.String() != text {
			t.Errorf("%s: %v, %v", text, l, err)
		}
	}
}

func TestParseRefusesOtherTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     "is not a location of tokens",
		"body":                 "is not a location of tokens",
		"security-header:x":    "is not a location of tokens",
		"header:":              "is not the name of an HTTP header",
		"header:a b":           "is not the name of an HTTP header",
		"header:authorization": "is the location authorization",
		"header:cookie":        "write cookie:NAME",
		"cookie:a=b":           "is not the name of a cookie",
		"query:":               "needs a name",
		"xpath:":               "it is empty",
	} {
		if l, err := location.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, l, err)
		}
	}
}

// A bad expression is refused when it is compiled, with itself and the reason.
func TestParseXPathRefusesWhatDoesNotSelectElements(t *testing.T) {
	t.Parallel()
	bound := map[string]string{"a": "urn:a"}
	for expression, want := range map[string]string{
		"//[":                         "expression must evaluate to a node-set",
		"//a:b[":                      "node-set",
		"//b:c":                       "prefix b not defined",
		"//a:*":                       "a:* is not supported",
		"count(//a:b)":                "selects no elements",
		"'x'":                         "selects no elements",
		"1 + 1":                       "selects no elements",
		"//a:b[name()='x']":           "name() is not a function",
		"//*[matches(., '.*')]":       "matches() is not a function",
		"//*[replace(.,'a','b')]":     "replace() is not a function",
		"//comment()":                 "comment() is not a function",
		"//*[translate(., //a, 'b')]": "have to be texts in quotes",
		"//*[translate (., 'a', concat('b', .))]":                         "have to be texts in quotes",
		"//*[translate(translate(.,'a','b'), 'a', translate(.,'a','b'))]": "have to be texts in quotes",
		"id('x')":       "id() is not a function",
		"$x":            "",
		"//*[sum('x')]": "",
		"//x[" + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300) + "]": "depth",
		"//" + strings.Repeat("x", 3000):                                         "longer than",
	} {
		l, err := location.ParseXPath(expression, bound)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), expression[:2]) {
			t.Errorf("%s: %v, %v", expression, l, err)
		}
	}
}

func TestParseXPathBindsPrefixesOnce(t *testing.T) {
	t.Parallel()
	for _, bound := range []map[string]string{
		{"wsse": "urn:evil"}, {"": "urn:a"}, {"a": ""},
	} {
		if _, err := location.ParseXPath("//wsse:BinarySecurityToken", bound); err == nil {
			t.Errorf("%v was accepted", bound)
		}
	}
	own := map[string]string{"t": "urn:t"}
	l, err := location.ParseXPath("//t:x", own)
	if err != nil || cmp.Diff(own, l.Namespaces()) != "" {
		t.Errorf("%v, %v", l.Namespaces(), err)
	}
}

func TestLocationNamesWhatMustNotReachTheBackend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"authorization": {"Authorization", ""}, "header:x-token": {"X-Token", ""}, "cookie:krb": {"", "krb"},
		"query:t": {}, "security-header": {}, "xpath://x": {},
	} {
		l, err := location.Parse(text)
		if got := [2]string{l.Header(), l.Cookie()}; err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestWithoutCookiesKeepsTheOthers(t *testing.T) {
	t.Parallel()
	got := location.WithoutCookies([]string{"a=1; krb=x; b=2", "KRB=y", "krb", ` krb =z;c="krb=1"`, "krb2=q"},
		[]string{"krb"})
	if d := cmp.Diff([]string{"a=1; b=2", `c="krb=1"`, "krb2=q"}, got); d != "" {
		t.Error(d)
	}
}

// What Put has put into a request Find finds there, in the query too if it has
// others.
func TestPutIsFound(t *testing.T) {
	t.Parallel()
	token := []byte{0xfb, 0xff, 0xfe, 1, 2, 3, 4}
	for _, text := range []string{"authorization", "header:X-Token", "query:a&b", "query:t", "cookie:krb"} {
		r := httptest.NewRequest(http.MethodPost, "/svc?x=y", nil)
		r.Header.Set("Cookie", "a=b")
		l := locations(t, text)
		if err := l[0].Put(r, token); err != nil || !l[0].InHTTP() {
			t.Errorf("%s: %v, in HTTP: %t", text, err, l[0].InHTTP())
		}
		found, err := l.Find(location.Message{Header: r.Header, Query: r.URL.RawQuery})
		if err != nil || !bytes.Equal(found.Octets, token) || r.URL.Query().Get("x") != "y" {
			t.Errorf("%s: %x, %v, %s", text, found.Octets, err, r.URL)
		}
	}
	for _, text := range []string{"security-header", "any-security-header", "xpath://a"} {
		r := httptest.NewRequest(http.MethodPost, "/svc", nil)
		if l := locations(t, text)[0]; l.Put(r, token) == nil || l.InHTTP() {
			t.Errorf("%s is in HTTP", text)
		}
	}
}
