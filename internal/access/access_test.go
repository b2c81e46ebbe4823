package access_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/access"
	"github.com/wssgate/wssgate/kerberos"
)

func rules(t testing.TB, l access.Lists) *access.Rules {
	t.Helper()
	r, err := access.New(l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// decide decides about a principal, given in text form, with groups.
func decide(t testing.TB, r *access.Rules, text string, groups ...string) access.Decision {
	t.Helper()
	p, err := kerberos.ParsePrincipal(text)
	if err != nil {
		t.Fatal(err)
	}
	return r.Decide(p.Name(), p.Realm, groups)
}

func TestPatternsMatchWithinTheirComponents(t *testing.T) {
	t.Parallel()
	for pattern, tt := range map[string]struct{ in, out []string }{
		`alice@EXAMPLE.COM`: {
			[]string{"alice@EXAMPLE.COM", `al\ice@EXAMPLE.COM`},
			[]string{"Alice@EXAMPLE.COM", "alice@example.com", "alice@EXAMPLE.COM.", "alice/admin@EXAMPLE.COM",
				"alicex@EXAMPLE.COM", "xalice@EXAMPLE.COM", "alice@EU.EXAMPLE.COM", "álice@EXAMPLE.COM",
				"аlice@EXAMPLE.COM", "alice\u200b@EXAMPLE.COM", `alice\@EXAMPLE.COM@OTHER.COM`,
				`alice\@EXAMPLE.COM@EXAMPLE.COM`},
		},
		`*@EXAMPLE.COM`: {
			[]string{"alice@EXAMPLE.COM", `a\/b@EXAMPLE.COM`, `*@EXAMPLE.COM`, `a\@OTHER.COM@EXAMPLE.COM`},
			[]string{"alice/admin@EXAMPLE.COM", "alice@OTHER.COM", `alice\@EXAMPLE.COM@OTHER.COM`, "a@XEXAMPLE.COM"},
		},
		`host/*@EXAMPLE.COM`: {
			[]string{"host/a@EXAMPLE.COM", "host/a.b.c@EXAMPLE.COM", `host/a\/b@EXAMPLE.COM`},
			[]string{`host\/a@EXAMPLE.COM`, "host/a/b@EXAMPLE.COM", "host@EXAMPLE.COM", "hosts/a@EXAMPLE.COM",
				"Host/a@EXAMPLE.COM", `x\/host/a@EXAMPLE.COM`, "a/host@EXAMPLE.COM"},
		},
		`*/admin@*`: {
			[]string{"alice/admin@EXAMPLE.COM", "bob/admin@OTHER.COM"},
			[]string{"admin@EXAMPLE.COM", `alice\/admin@EXAMPLE.COM`, "a/b/admin@EXAMPLE.COM", "alice/admin/x@EXAMPLE.COM"},
		},
		`svc-*-prod@*.EXAMPLE.COM`: {
			[]string{"svc-a-prod@EU.EXAMPLE.COM", "svc-a-prod-prod@A.B.EXAMPLE.COM", "svc--prod@X.EXAMPLE.COM"},
			[]string{"svc-prod@EU.EXAMPLE.COM", "svc-a-prod@EXAMPLE.COM", "svc-a-prod@EVILEXAMPLE.COM",
				"svc-a-prod@EU.EXAMPLE.COM.EVIL", "svc-a-prod@EU-EXAMPLE.COM"},
		},
		`\*@EXAMPLE.COM`:     {[]string{`*@EXAMPLE.COM`}, []string{"alice@EXAMPLE.COM", `\\*@EXAMPLE.COM`}},
		`a?[b]@EXAMPLE.COM`:  {[]string{`a?[b]@EXAMPLE.COM`}, []string{"axb@EXAMPLE.COM"}},
		`a\/b@EXAMPLE.COM`:   {[]string{`a\/b@EXAMPLE.COM`}, []string{"a/b@EXAMPLE.COM"}},
		`a\\\@*@EXAMPLE.COM`: {[]string{`a\\\@x@EXAMPLE.COM`}, []string{`a\@x@EXAMPLE.COM`, `a\\x@EXAMPLE.COM`}},
	} {
		r := rules(t, access.Lists{AllowedPrincipals: []string{pattern}})
		for _, text := range tt.in {
			if d := decide(t, r, text); !d.Admitted || d.Rule != "allowed-principals: "+pattern {
				t.Errorf("%s does not admit %s: %+v", pattern, text, d)
			}
		}
		for _, text := range tt.out {
			if d := decide(t, r, text); d.Admitted || d.Rule != "allowed-principals" {
				t.Errorf("%s admits %s: %+v", pattern, text, d)
			}
		}
	}
}

// What is no name is no pattern either: it would match nobody, or be taken for
// something else.
func TestNewRefusesWhatIsNoPattern(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "alice", "@EXAMPLE.COM", "alice@", "a//b@R", "/a@R", "a/@R", "a@R@S", "a@R/S",
		`a@R\@S`, `a@R\/S`, `a@R\\S`, `a\`, `a@R\`, `a\nb@R`, `a\0@R`, "a\x00@R", "a\x7f@R", "\xff@R", "a@\xff",
		strings.Repeat("a/", 16) + "a@R", strings.Repeat("a", 1025) + "@R", "*", `*\@R`} {
		if _, err := access.New(access.Lists{AllowedPrincipals: []string{text}}); err == nil {
			t.Errorf("allowed-principals %q is accepted", text)
		}
		if _, err := access.New(access.Lists{DeniedPrincipals: []string{text}}); err == nil {
			t.Errorf("denied-principals %q is accepted", text)
		}
	}
	for _, text := range []string{"", "a@R", "a/R", `a\@R`, `R\`, "R\x00", "\xff"} {
		if _, err := access.New(access.Lists{AllowedRealms: []string{text}}); err == nil {
			t.Errorf("allowed-realms %q is accepted", text)
		}
		if _, err := access.New(access.Lists{DeniedRealms: []string{text}}); err == nil {
			t.Errorf("denied-realms %q is accepted", text)
		}
	}
}

// Who is refused for the case of its name is not admitted for it; the reason has
// the entry that was meant.
func TestRefusalNamesTheEntryThatDiffersByCase(t *testing.T) {
	t.Parallel()
	r := rules(t, access.Lists{AllowedPrincipals: []string{"Bob@EXAMPLE.COM", "svc-*@example.com"}})
	for name, entry := range map[string]string{
		"bob@EXAMPLE.COM": "Bob@EXAMPLE.COM", "svc-a@EXAMPLE.COM": "svc-*@example.com", "carol@EXAMPLE.COM": "",
	} {
		d := decide(t, r, name)
		if d.Admitted || d.Rule != access.AllowedPrincipals || strings.Contains(d.Why, "case alone") != (entry != "") ||
			!strings.Contains(d.Why, entry) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Each list that is not empty has to admit, and deny wins. The rule says which
// entries decided.
func TestDenyWins(t *testing.T) {
	t.Parallel()
	const admins, users = "S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513"
	l := access.Lists{
		AllowedPrincipals: []string{"*@EXAMPLE.COM", "*/admin@EXAMPLE.COM"}, AllowedRealms: []string{"EXAMPLE.*"},
		AllowedGroups: []string{users, admins}, DeniedPrincipals: []string{"mallory*@*"},
		DeniedRealms: []string{"*.EVIL"}, DeniedGroups: []string{"S-1-5-21-1-2-3-666"},
	}
	const ofAdmins = "allowed-realms: EXAMPLE.*, allowed-groups: " + admins
	for _, tt := range []struct {
		client string
		groups []string
		rule   string // "!" in front of what refuses
	}{
		{"alice@EXAMPLE.COM", []string{admins}, "allowed-principals: *@EXAMPLE.COM, " + ofAdmins},
		{"alice/admin@EXAMPLE.COM", []string{"S-1-5-21-1-2-3-9", admins},
			"allowed-principals: */admin@EXAMPLE.COM, " + ofAdmins},
		{"alice@EXAMPLE.COM", nil, "!denied-groups"},
		{"alice@EXAMPLE.COM", []string{"S-1-5-21-1-2-3-9"}, "!allowed-groups"},
		{"alice@EXAMPLE.COM", []string{admins, "S-1-5-21-1-2-3-666"}, "!denied-groups: S-1-5-21-1-2-3-666"},
		{"mallory2@EXAMPLE.COM", []string{admins}, "!denied-principals: mallory*@*"},
		{"alice@EXAMPLE.EVIL", []string{admins}, "!denied-realms: *.EVIL"},
		{"alice@OTHER.COM", []string{admins}, "!allowed-principals"},
	} {
		d := decide(t, rules(t, l), tt.client, tt.groups...)
		if want, refuses := strings.CutPrefix(tt.rule, "!"); d.Admitted == refuses || d.Rule != want ||
			refuses == (d.Why == "") || refuses && !strings.HasPrefix(d.Rule, d.Setting) {
			t.Errorf("%s %v: %+v, want %s", tt.client, tt.groups, d, tt.rule)
		}
	}
	l.AllowedPrincipals = nil
	if d := decide(t, rules(t, l), "alice@OTHER.COM", admins); d.Rule != "allowed-realms" || d.Admitted {
		t.Errorf("another realm: %+v", d)
	}
	l = access.Lists{DeniedRealms: l.DeniedRealms}
	if d := decide(t, rules(t, l), "alice@OTHER.COM"); !d.Admitted || d.Rule != "" {
		t.Errorf("whom no list denies: %+v", d)
	}
}

// A client chooses how its ticket writes its name, as far as the KDC takes names
// for the same. It must not choose one by which it is not denied.
func TestDeniedClientHasNoOtherSpelling(t *testing.T) {
	t.Parallel()
	r := rules(t, access.Lists{
		DeniedPrincipals: []string{`mallory@EXAMPLE.COM`, `svc\/*@EXAMPLE.COM`, `straße@EXAMPLE.COM`, `kim/*@EXAMPLE.COM`},
		DeniedRealms:     []string{"EVIL.COM", "*.evil.com"},
	})
	for _, text := range []string{
		"mallory@EXAMPLE.COM", "Mallory@EXAMPLE.COM", "MALLORY@example.com", `m\allory@EXAMPLE.COM`, `mal\lor\y@EXAMPLE.COM`,
		`svc\/a@EXAMPLE.COM`, `SVC\/A@EXAMPLE.COM`, "STRAẞE@EXAMPLE.COM", "\u212aim/x@EXAMPLE.COM", "KIM/x@EXAMPLE.COM",
		"alice@EVIL.COM", "alice@evil.com", "alice@Sub.Evil.Com", "alice/x/y@a.b.EVIL.COM",
		`mallory\@example.com@EXAMPLE.COM`, `m.allory\@example.com@EXAMPLE.COM`, `x/mallory\@example.com@EXAMPLE.COM`,
	} {
		if d := decide(t, r, text); d.Admitted || !strings.HasPrefix(d.Rule, "denied-") {
			t.Errorf("%s is not denied: %+v", text, d)
		}
	}
	for _, text := range []string{"alice@EXAMPLE.COM", "mallory/admin@EXAMPLE.COM", "mallory@OTHER.COM",
		"svc/a@EXAMPLE.COM",
		"alice@NOTEVIL.COM"} {
		if d := decide(t, r, text); !d.Admitted {
			t.Errorf("%s is denied: %+v", text, d)
		}
	}
}

// A name that is none, as no ticket has it, is refused where names are listed,
// and cannot bring a realm of its own.
func TestDecideRefusesWhatIsNoName(t *testing.T) {
	t.Parallel()
	r := rules(t, access.Lists{AllowedPrincipals: []string{"*@EXAMPLE.COM"}})
	for _, name := range []string{"", "alice@EXAMPLE.COM", "a//b", `a\`, "a\x00", "\xff"} {
		for _, realm := range []string{"EXAMPLE.COM", "OTHER.COM", ""} {
			if d := r.Decide(name, realm, nil); d.Admitted || d.Why == "" {
				t.Errorf("%q of %q: %+v", name, realm, d)
			}
		}
	}
	for _, realm := range []string{"", "EXAMPLE.COM@EXAMPLE.COM", "X/EXAMPLE.COM"} {
		if d := r.Decide("alice", realm, nil); d.Admitted {
			t.Errorf("realm %q: %+v", realm, d)
		}
	}
	var none *access.Rules
	if d := none.Decide("alice", "EXAMPLE.COM", nil); !d.Admitted || !none.Empty() || !rules(t, access.Lists{}).Empty() {
		t.Errorf("without lists: %+v", d)
	}
}

// FuzzPatterns holds patterns against regular expressions that are made of them.
func FuzzPatterns(f *testing.F) {
	f.Add(`host/*a*@*.EXAMPLE.COM`, `host/bab`, "EU.EXAMPLE.COM")
	f.Add(`\*\/*\@x@R*R`, `*\/y\@x`, "R")
	f.Add(`a*a@R`, `a`, "R")
	f.Add(`*ab*ab*@R`, `abab`, "R")
	f.Fuzz(func(t *testing.T, pattern, name, realm string) {
		r, err := access.New(access.Lists{AllowedPrincipals: []string{pattern}})
		p, err2 := kerberos.ParsePrincipal(name)
		if err != nil || err2 != nil || p.Realm != "" || !kerberos.LegalName(realm) || strings.ContainsAny(realm, `@/\`) {
			return
		}
		p.Realm = realm
		if got, want := r.Decide(p.Name(), realm, nil).Admitted, expression(pattern).MatchString(joined(p)); got != want {
			t.Errorf("%q, %q: %t", pattern, p, got)
		}
	})
}

// joined returns a principal with characters between its parts that no name has.
func joined(p kerberos.Principal) string {
	return strings.Join(p.Components, "\x01") + "\x02" + p.Realm
}

// expression translates a pattern that was accepted.
func expression(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for escaped := false; pattern != ""; {
		r, n := utf8.DecodeRuneInString(pattern)
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			b.WriteString(`[^\x01\x02]*`)
		case r == '/':
			b.WriteString(`\x01`)
		case r == '@':
			b.WriteString(`\x02`)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		pattern = pattern[n:]
	}
	return regexp.MustCompile(b.String() + `$`)
}
