package explain_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/internal/explain"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// The Security header that is taken for the gateway's is the one that it takes
// itself: with the policy of a route, and without one where the header is for
// every node, or the only one.
func TestInspectTakesTheSecurityHeaderOfTheGateway(t *testing.T) {
	t.Parallel()
	kdc := krbtest.New(krbtest.Config{})
	kdc.AddService("soap/gw.example.com")
	const other = `<o:Security xmlns:o="` + wssec.NSWSSE + `" s:role="urn:ledger"><o:UsernameToken/></o:Security>`
	const next = `<o:Security xmlns:o="` + wssec.NSWSSE + `" s:role="` + soap.RoleNext + `"/>`
	for name, tt := range map[string]struct {
		actors  []string // of the client's policy
		others  string   // further Security headers, in front of the client's
		given   bool     // the policy is given
		serves  []string // the actors of that policy
		refused wssec.Code
		shows   []string
	}{
		"one": {shows: []string{`verdict +accepted`}},
		"beside another's": {others: other,
			shows: []string{`verdict +accepted`, `for another actor: the gateway does not`}},
		"for an actor": {actors: []string{"urn:gate"},
			shows: []string{`verdict +accepted`, `\| actor: \["urn:gate"\]\n`}},
		"for next too": {others: next, refused: wssec.CodeSecurityDuplicate,
			shows: []string{`a second Security header`}},
		"for a policy's actor":   {actors: []string{"urn:gate"}, given: true, serves: []string{"urn:a", "urn:gate"}},
		"for an actor of nobody": {actors: []string{"urn:gate"}, given: true, refused: wssec.CodeSecurityMissing},
		"for two of the policy's": {others: other, given: true, serves: []string{"urn:ledger"},
			refused: wssec.CodeSecurityDuplicate},
	} {
		t.Run(name, func(t *testing.T) {
			policy, _ := wssec.Preset("Kerberos")
			policy.Actors = tt.actors
			client, err := wssec.NewProcessor(policy, wssec.Config{})
			if err != nil {
				t.Fatal(err)
			}
			token, key, err := kdc.Token("alice", "soap/gw.example.com", krbtest.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			env, err := soap.Parse([]byte(`<s:Envelope xmlns:s="`+soap.NS12+`"><s:Header><x:h xmlns:x="urn:x"/></s:Header>`+
				`<s:Body><q/></s:Body></s:Envelope>`), xmltext.Options{})
			if err != nil {
				t.Fatal(err)
			}
			wire, _, err := client.ProtectRequest(nil, env,
				wssec.OutgoingToken{Token: token, Key: wssec.NewKey(key.ExposeKeyOctets())})
			if err != nil {
				t.Fatal(err)
			}
			wire = []byte(strings.Replace(string(wire), `<s:Header>`, `<s:Header>`+tt.others, 1))
			cfg := explain.Config{Keytab: kdc.Keytab(nil)}
			if policy.Actors = tt.serves; tt.given {
				cfg.Policy = &policy
			}
			trees, err := explain.New(cfg).Inspect(t.Context(), wire)
			out := text(trees)
			if (err == nil) != (tt.refused == "") || !strings.Contains(out, string(tt.refused)) {
				t.Errorf("%v, want %q\n%s", err, tt.refused, out)
			}
			for _, want := range tt.shows {
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("no %s in\n%s", want, out)
				}
			}
			if !tt.given {
				policy.Actors = tt.actors
			}
			acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kdc.Keytab(nil), Replay: forgetful{}})
			if err != nil {
				t.Fatal(err)
			}
			r := route{}
			r.processor, err = wssec.NewProcessor(policy, wssec.Config{Verifier: acceptor,
				Replay: replay.NewMemory(replay.MemoryConfig{})})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.request(t.Context(), wire); (err == nil) != (tt.refused == "") ||
				err != nil && !strings.Contains(err.Error(), string(tt.refused)) {
				t.Errorf("a route says %v, want %q", err, tt.refused)
			}
		})
	}
}
