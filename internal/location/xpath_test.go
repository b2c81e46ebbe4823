package location_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/location"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// The work for a message is bounded by its size, whatever an expression costs.
func TestFindEndsExpensiveExpressions(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	wide := strings.Repeat("<a b='c'>text</a>", 2000)
	for _, expression := range []string{
		"//*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0]",
		"//*//*//*//*//*//*//*//*//*//*[false()]",
		"//a/ancestor::*/descendant::*/ancestor::*/descendant::*/ancestor::*/descendant::*[false()]",
		"//a[following::a[preceding::a[following::a[preceding::a]]]][false()]",
		"//a/preceding-sibling::*/following-sibling::*/preceding-sibling::*[false()]",
		"//*[string-length(concat(string(/), string(/), string(/))) < 0]",
		"//@*[. = //@*[. = //@*]][false()]",
		"(//a | //a/.. | //a/../..)[false()]",
	} {
		l, err := location.ParseXPath(expression, nil)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		_, err = location.Locations{l}.Find(location.Message{Envelope: parse(t, soap.NS11, "", deep+wide)})
		if codeOf(t, err) != wssec.CodeTokenSearch || !strings.Contains(err.Error(), "takes more work") {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// Texts that an expression makes of a message are within the memory that is
// reserved for the search, or the search ends.
func TestFindMakesNoMoreTextThanIsReserved(t *testing.T) { // not parallel: it measures allocations
	twice := "."
	for len(twice) < 900 {
		twice = "concat(" + twice + "," + twice + ")"
	}
	nested := "."
	for range 60 {
		nested = "normalize-space(concat(" + nested + ",'x'))"
	}
	var all []string
	for range 40 {
		all = append(all, "translate(normalize-space(.),'te','üü')")
	}
	for name, expression := range map[string]string{
		"each twice": "/*[string-length(" + twice + ") < 0]",
		"nested":     "/*[" + nested + " = 'x']",
		"many":       "/*[contains(concat(" + strings.Join(all, ",") + "), 'x')]",
		"compared":   "/*[. = /*/*]",
	} {
		l, err := location.ParseXPath(expression, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, size := range []int{1000, 50_000, 500_000} {
			env := parse(t, soap.NS11, "", "<a>"+strings.Repeat("text ", size/5)+"</a>")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = location.Locations{l}.Find(location.Message{Envelope: env})
			runtime.ReadMemStats(&after)
			took, reserved := int(after.TotalAlloc-before.TotalAlloc), location.Locations{l}.Memory(env.Doc)+64<<10
			if took > reserved {
				t.Errorf("%s, %d octets: %d were allocated, %d are reserved; %v", name, size, took, reserved, err)
			}
		}
	}
}

// An expression that takes no texts of elements needs no memory for them.
func TestMemoryOfUsualExpressions(t *testing.T) {
	t.Parallel()
	env := parse(t, soap.NS11, security("urn:b", bst("x")), "<a>"+strings.Repeat("text ", 20_000)+"</a>")
	for expression, texts := range map[string]bool{
		"//wsse:BinarySecurityToken": false, "//*[local-name()='T']/a[2]": false,
		"//a[@b = 'x' and @c!=\"y\"][last()]":          false,
		"//*[namespace-uri() = 'urn:a'][position()<3]": false, "//x-y[not(-1)]": true,
		"//*[.='x']": true, "//*[contains(., 'x')]": true, "//*[@a = @b]": true, "//*[number(.)]": true,
	} {
		got := locations(t, "xpath:"+expression).Memory(env.Doc)
		if got < 96*5 || (got > 100_000) != texts {
			t.Errorf("%s: %d", expression, got)
		}
	}
	if got := locations(t, "authorization", "security-header").Memory(env.Doc); got != 0 {
		t.Errorf("without expressions: %d", got)
	}
}

// What an operator usually writes is far from the bound, whatever the message.
func TestFindLooksAtAllOfALargeMessage(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty elements": strings.Repeat("<a/>", 200_000),
		"attributes":     strings.Repeat("<a b='1' c='2' d='3'/>", 50_000),
		"text":           "<a>" + strings.Repeat("text ", 200_000) + "</a>",
		"nothing":        "",
	} {
		env := parse(t, soap.NS11, security("urn:b", bst("x")), body)
		for _, expression := range []string{
			"//wsse:BinarySecurityToken", "/*/soap11:Header/wsse:Security/wsse:BinarySecurityToken",
			"//*[local-name()='BinarySecurityToken']", "//*[@ValueType='" + wssec.KerberosAPREQ + "']",
			"//wsse:Security[@soap11:actor='urn:b']/*", "/soap11:Envelope/soap11:Header//*[namespace-uri()='" + wssec.NSWSSE +
				"' and not(*)]",
		} {
			found, err := locations(t, "xpath:"+expression).Find(location.Message{Envelope: env})
			if err != nil || string(found.Octets) != secret {
				t.Errorf("%s, %s: %q, %v", name, expression, found.Octets, err)
			}
		}
	}
}

// The axes and functions select what XPath 1.0 has them select.
func TestFindFollowsTheAxes(t *testing.T) {
	t.Parallel()
	const body = `<r><a n="1">QUFB</a><b n="2"><c>QkJC</c></b><a n="3" m="x">Q0ND</a><d/></r>`
	for expression, want := range map[string]string{
		"//r/a[1]":                          "AAA",
		"//r/a[last()]":                     "CCC",
		"//r/a[@m]":                         "CCC",
		"//r/*[@n=3]":                       "CCC",
		"//c":                               "BBB",
		"//b/*":                             "BBB",
		"//b/preceding-sibling::a":          "AAA",
		"//b/following-sibling::a":          "CCC",
		"//c/ancestor::r/a[@n='1']":         "AAA",
		"//c/../../a[2]":                    "CCC",
		"//*[text()='QkJC']":                "BBB",
		"//*[.='QkJC'][not(*)]":             "BBB",
		"//a[starts-with(@m,'x')]":          "CCC",
		"//a[string(@n)='1']":               "AAA",
		"//*[local-name()='c']/self::c":     "BBB",
		"//d/preceding::c":                  "BBB",
		"//r/a[following-sibling::b]":       "AAA",
		"//r/child::a[position()=2]":        "CCC",
		"(//a)[2]":                          "CCC",
		"//a[@n='1' or @n='9'] | //a[@n=1]": "AAA",
		"//r/a[namespace-uri()=''][1]":      "AAA",
	} {
		l, err := location.ParseXPath(expression, nil)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		found, err := location.Locations{l}.Find(location.Message{Envelope: parse(t, soap.NS11, "", body)})
		if err != nil || string(found.Octets) != want {
			t.Errorf("%s: %q, %v", expression, found.Octets, err)
		}
	}
	for _, expression := range []string{"//a/@n", "//a/text()", "/"} {
		l, err := location.ParseXPath(expression, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (location.Locations{l}).Find(location.Message{Envelope: parse(t, soap.NS11, "", body)}); codeOf(t,
			err) != wssec.CodeTokenSearch {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// No expression makes the library run on, or fail with anything but an error.
func FuzzParseXPath(f *testing.F) {
	for _, expression := range []string{
		"//wsse:BinarySecurityToken", "//*[@a='b'][2]", "/*/*[position()=last()]", "//a | //b", "-1", "//@*", "(//a)[1]/..",
		"namespace::x", "//a[substring('abc', 2, 1)]", "//a[sum(//b) > 1]", "processing-instruction('x')",
	} {
		f.Add(expression)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		l, err := location.ParseXPath(expression, nil)
		if err != nil {
			return
		}
		env := parse(t, soap.NS11, security("", bst("x")), fmt.Sprintf("<a b='c'>%s</a>", encoded))
		found, err := location.Locations{l}.Find(location.Message{Envelope: env})
		if err == nil && !found.IsZero() && found.Node.IsZero() {
			t.Errorf("%s: a token of no element", expression)
		}
		codeOf(t, err)
	})
}
