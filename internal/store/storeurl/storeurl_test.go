package storeurl_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssgate/wssgate/internal/store/storeurl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]storeurl.URL{
		"redis://localhost":             {Kind: storeurl.Single, Hosts: []string{"localhost:6379"}},
		"valkey://gate@10.0.0.1:7000/3": {Kind: storeurl.Single, User: "gate", Hosts: []string{"10.0.0.1:7000"}, Database: 3},
		"rediss://[2001:db8::1]:6380/":  {Kind: storeurl.Single, TLS: true, Hosts: []string{"[2001:db8::1]:6380"}},
		"rediss://[2001:db8::1]":        {Kind: storeurl.Single, TLS: true, Hosts: []string{"[2001:db8::1]:6379"}},
		"redis+sentinel://a,b:27000/main/2": {Kind: storeurl.Sentinel, Hosts: []string{"a:26379", "b:27000"}, Primary: "main",
			Database: 2},
		"valkeys+cluster://u@a,b": {Kind: storeurl.Cluster, TLS: true, User: "u", Hosts: []string{"a:6379", "b:6379"}},
	} {
		got, err := storeurl.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
		again, err := storeurl.Parse(got.String())
		if want.User = ""; err != nil || !cmp.Equal(again, &want) {
			t.Errorf("%s is printed as %s, which is %+v, %v", text, got, again, err)
		}
	}
}

func TestParseRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		"localhost:6379":          "does not begin",
		"http://localhost":        "does not begin",
		"redis+other://localhost": "does not begin",
		"redis://":                "no host",
		"redis://a:0":             "no host",
		"redis://a:port":          "no host",
		"redis://a,b":             "several hosts",
		"redis://a/x":             "number of a database",
		"redis+cluster://a/1":     "a cluster has 0 alone",
		"redis+sentinel://a":      "name of a primary",
		"redis://a?db=1":          "character",
		"redis://a /":             "character",
		"redis+cluster://" + strings.Repeat("a,", 40) + "a": "more than",
	} {
		if u, err := storeurl.Parse(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
}

// A password in an address is refused, and not repeated.
func TestParseRefusesAPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"redis://:verysecret@a", "redis://u:verysecret@a", "redis+cluster://u:very@secret@a,b"} {
		if _, err := storeurl.Parse(text); !errors.Is(err, storeurl.ErrPassword) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// What is read is printed in a form that is read as the same.
func FuzzParse(f *testing.F) {
	f.Add("redis+sentinel://u@a,b:1/name/2")
	f.Add("rediss://[::1]:7/")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := storeurl.Parse(text)
		if err != nil {
			return
		}
		again, err := storeurl.Parse(u.String())
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", text, u, err)
		}
		u.User = ""
		if d := cmp.Diff(u, again); d != "" {
			t.Error(d)
		}
	})
}
