package negotiate

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/kerberos"
)

// TestChallengesOfOneFieldAndOfSeveral: commas separate challenges and their
// parameters alike, and stand in quoted strings.
func TestChallengesOfOneFieldAndOfSeveral(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fields []string
		want   []challenge
	}{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{"Negotiate"}, []challenge{{"Negotiate", ""}}},
		{[]string{"negotiate YQ=="}, []challenge{{"negotiate", "YQ=="}}},
		{[]string{"Negotiate, NTLM"}, []challenge{{"Negotiate", ""}, {"NTLM", ""}}},
		{[]string{"NTLM", "Negotiate YQ=="}, []challenge{{"NTLM", ""}, {"Negotiate", "YQ=="}}},
		{[]string{`Basic realm="a, Negotiate", charset = "UTF-8",Negotiate`},
			[]challenge{{"Basic", `realm="a, Negotiate"`}, {"Negotiate", ""}}},
		{[]string{`Basic realm="a\", Negotiate"`, " ,, Negotiate ,"},
			[]challenge{{"Basic", `realm="a\", Negotiate"`}, {"Negotiate", ""}}},
		{[]string{`Basic realm="never ends, Negotiate`}, []challenge{{"Basic", `realm="never ends, Negotiate`}}},
	} {
		if got := challenges(tt.fields); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q", tt.fields, got)
		}
	}
}

func TestServerTokenRejectsSeveral(t *testing.T) {
	t.Parallel()
	for field, ok := range map[string]bool{
		"Negotiate YQ==": true, "Negotiate, Negotiate YQ==": true, "Negotiate": true,
		"Negotiate YQ==, Negotiate Yg==": false, "Negotiate *": false,
	} {
		_, found, err := serverToken(http.Header{"Www-Authenticate": {field}}, false)
		if !found || (err == nil) != ok {
			t.Errorf("%s: found %t, %v", field, found, err)
		}
	}
}

// TestResponseHasOneToken: of two, a client cannot know which is the server's.
func TestResponseHasOneToken(t *testing.T) {
	t.Parallel()
	h := http.Header{"Www-Authenticate": {"Negotiate YWJj", "Negotiate ZGVm"}}
	token, found, err := serverToken(h, false)
	if !errors.Is(err, &kerberos.Error{Code: CodeChallenge}) || !found || token != nil {
		t.Errorf("%q, %v, %v", token, found, err)
	}
}

// FuzzChallenges: whatever a server sends, a challenge is a scheme and one
// element of its field, and a token decodes to what was encoded.
func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{"Negotiate YQ==", `Basic realm="a, b", Negotiate`, "Application Negotiate wss://a b",
		`"\`, "a=b,c", ",,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for _, c := range challenges([]string{field}) {
			if c.scheme == "" || !strings.Contains(field, c.scheme) || !strings.Contains(field, c.rest) {
				t.Errorf("%q: %+v", field, c)
			}
		}
		h := http.Header{"Www-Authenticate": {field}}
		if own, ok := ParseApplicationChallenge(h); ok {
			h.Set("Www-Authenticate", own.String())
			if again, ok := ParseApplicationChallenge(h); !ok || again != own {
				t.Errorf("%q: %+v, then %+v", field, own, again)
			}
		}
		token, found, err := serverToken(h, true)
		if token != nil && (!found || err != nil || !strings.Contains(field, base64.StdEncoding.EncodeToString(token))) {
			t.Errorf("%q: %q, found %t, %v", field, token, found, err)
		}
	})
}

// FuzzCredentials: a token is what one field has behind the scheme, and there
// is none beside an error.
func FuzzCredentials(f *testing.F) {
	for _, seed := range []string{"Negotiate YQ==", "negotiate  YQ==", "Application Negotiate YQ==", "NTLM YQ==",
		"Negotiate"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for _, application := range []bool{false, true} {
			a := &Authenticator{Config{Application: application}}
			token, err := a.credentials(http.Header{"Authorization": {field}})
			if token != nil && (err != nil || !strings.Contains(field, base64.StdEncoding.EncodeToString(token))) {
				t.Errorf("%q: %q, %v", field, token, err)
			}
		}
	})
}

// A cookie of maxCookie octets is read, and a token of as much base64 as
// kerberos.MaxTokenBytes take; a longer cookie is none, and a longer token is
// refused.
func TestHeadersAtTheirLimits(t *testing.T) {
	t.Parallel()
	a := &Authenticator{Config{CookieName: "negotiate", Session: 1}}
	for n, read := range map[int]bool{maxCookie: true, maxCookie + 1: false} {
		field := "negotiate=e" + strings.Repeat("A", n-1)
		if c := a.readCookie(&http.Request{Header: http.Header{"Cookie": {field}}}); read != (c.kind == kindSealed) {
			t.Errorf("a cookie of %d octets: read %t", n, !read)
		}
	}
	for n, want := range map[int]kerberos.Code{kerberos.MaxTokenBytes: "",
		kerberos.MaxTokenBytes + 3: kerberos.CodeTokenTooLarge} {
		text := base64.StdEncoding.EncodeToString(make([]byte, n))
		token, err := a.credentials(http.Header{"Authorization": {"Negotiate " + text}})
		var e *kerberos.Error
		if errors.As(err, &e); want == "" && (err != nil || len(token) != n) || want != "" && (e == nil || e.Code != want) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

// FuzzReadCookie: whatever a client sends is a cookie of ours in its one
// spelling, or none.
func FuzzReadCookie(f *testing.F) {
	f.Add("negotiate=n" + strings.Repeat("A", 43))
	f.Add("negotiate=eAAAA; other=x")
	f.Fuzz(func(t *testing.T, field string) {
		a := &Authenticator{Config{CookieName: "negotiate", Session: 1, BodyLater: true}}
		r := &http.Request{Header: http.Header{"Cookie": {field}}}
		if c := a.readCookie(r); c.kind != 0 && !strings.Contains(field, c.String()) {
			t.Errorf("%q: %s", field, c)
		}
		for _, kept := range a.withoutSecrets(r.Header)["Cookie"] {
			if len((&http.Request{Header: http.Header{"Cookie": {kept}}}).CookiesNamed("negotiate")) > 0 {
				t.Errorf("%q: %q is passed on", field, kept)
			}
		}
	})
}
