package soap_test

import (
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
)

// Addresses that RFC 3986 calls equivalent without knowing the server have one
// normal form.
func TestNormalAddressIsEqualForEquivalentAddresses(t *testing.T) {
	t.Parallel()
	for want, same := range map[string][]string{
		"https://gw.example.com/svc": {"HTTPS://GW.Example.COM/svc", "https://gw.example.com:443/svc",
			"https://gw.example.com:/svc",
			"https://gw.example.com/%73vc", "https://gw.example.com/s%76%63", "\n https://gw.example.com/svc\t"},
		"http://gw.example.com/": {"http://gw.example.com", "http://gw.example.com:80",
			"http://gw.example.com:80/"},
		"http://gw.example.com/?wsdl":                {"http://gw.example.com?wsdl", "http://gw.example.com:80/?wsdl"},
		"http://gw.example.com:443/svc":              {"http://GW.example.com:443/svc"},
		"https://[::1]/svc":                          {"https://[::1]:443/svc"},
		"https://[fe80::a]/":                         {"https://[FE80::A]"},
		"https://gw.example.com/K%C3%A4ufe":          {"https://gw.example.com/Käufe", "https://gw.example.com/K%c3%a4ufe"},
		"https://gw.example.com/a%2Fb":               {"https://gw.example.com/a%2fb"},
		"https://gw.example.com/svc?a=%25&b=~":       {"https://gw.example.com/svc?a=%25&b=%7e"},
		"urn:example:quotes":                         {"URN:example:quotes"},
		"net.tcp://gw.example.com:808/svc":           {"NET.TCP://gw.example.com:808/svc"},
		"https://gw.example.com/svc/../other":        {"https://gw.example.com/svc/%2e%2E/other"},
		"https://gw.example.com/;v=1/(a)!$&'*+,=:@/": {"https://gw.example.com:443/;v=1/(a)!$&'*+,=:@/"},
	} {
		for _, text := range append(same, want) {
			if got, err := soap.NormalAddress(text); err != nil || got != want {
				t.Errorf("%q: %q, %v; want %q", text, got, err, want)
			}
		}
	}
}

// What may lead to another service is another address.
func TestNormalAddressDiffersForDifferentAddresses(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, text := range []string{
		"https://gw.example.com/svc", "http://gw.example.com/svc", "https://gw.example.com/SVC",
		"https://gw.example.com/svc/", "https://gw.example.com//svc",
		"https://gw.example.com:8443/svc", "https://gw.example.com:80/svc", "https://gw.example.com./svc",
		"https://gw.example.com/svc?", "https://gw.example.com/svc?x",
		"https://gw.example.com/a/../svc", "https://gw.example.com/./svc", "https://gw.example.com/%2Fsvc",
		"https://gw.example.com/svc%20",
		"https://gw.example.com%2Fsvc", "https://gw.example.com.evil/svc", "urn:svc", "urn:SVC",
	} {
		got, err := soap.NormalAddress(text)
		if err != nil || seen[got] != "" {
			t.Errorf("%q: %q, %v; the form of %q too", text, got, err, seen[got])
		}
		seen[got] = text
	}
}

func TestNormalAddressRejectsWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "svc", "/svc", "//gw.example.com/svc", "https:", "https:/svc", "https:svc", "https://", "https:///svc",
		"https://:443/svc", ":x", "1a:x", "a b:x", "ürn:x", "urn:",
		"https://u@gw.example.com/svc", "https://u:p@gw.example.com/", "https://gw.example.com/svc#f",
		"https://gw.example.com/svc#", "https://gw.example.com/a b",
		"https://gw.example.com/a\nb", "https://gw.example.com/%", "https://gw.example.com/%2",
		"https://gw.example.com/%g0", "https://gw.example.com/%0g",
		"https://gw.example.com/<svc>", `https://gw.example.com/a\b`, "https://gw.example.com/\x00",
		"https://gw.example.com/" + strings.Repeat("a", 8<<10),
	} {
		if got, err := soap.NormalAddress(text); err == nil {
			t.Errorf("%.80q has the form %.80q", text, got)
		}
	}
}

// The normal form of a normal form is itself.
func FuzzNormalAddress(f *testing.F) {
	for _, s := range []string{"https://GW:443/%7e?%2f", "urn:%c3", "http://[::1]:80", "a://b%41:@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := soap.NormalAddress(text)
		if err != nil {
			return
		}
		if again, err := soap.NormalAddress(first); err != nil || again != first {
			if len(first) <= 8<<10 {
				t.Errorf("%q: %q, then %q, %v", text, first, again, err)
			}
		}
	})
}
