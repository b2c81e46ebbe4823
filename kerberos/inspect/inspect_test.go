package inspect_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

var updateGolden = flag.Bool("update", false, "write the golden files of inspections anew")

// golden holds a tree to testdata/inspect/name.
func golden(t *testing.T, name string, nodes ...*inspect.Node) {
	t.Helper()
	var got []byte
	for _, n := range nodes {
		got = append(n.AppendText(got), '\n')
	}
	file := filepath.Join("testdata", "inspect", name+".txt")
	if *updateGolden {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

// TestInspectPrintsAsRecorded: CXF's negotiation with its service's answer, in
// clear and with the keytab; RC4 tokens; MIT's files.
func TestInspectPrintsAsRecorded(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	readRecorded(t, "../testdata/cxf-spnego.txt", func(name string, at time.Time, tokens [][]byte) {
		name = strings.TrimSuffix(name, "/01")
		if name != "SpnegoSymmetric" && name != "SpnegoSymmetric-rc4" {
			return
		}
		t.Run(name, func(t *testing.T) {
			clock := func() time.Time { return at }
			x := inspect.New(inspect.Config{Keytab: kt, Time: clock})
			clear := inspect.New(inspect.Config{Time: clock}).Inspect(tokens[0]).Node
			golden(t, name, clear, x.Inspect(tokens[0]).Node, x.Inspect(tokens[1]).Node)
		})
	})
	for _, file := range []string{"cxf.keytab", "mit-4.ccache"} {
		t.Run(file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("../testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file, inspect.New(inspect.Config{Keytab: kt, Time: fixedTime}).Inspect(b).Node)
		})
	}
}

// A pair is an initiator's and an acceptor's context that have not spoken yet.
type pair struct{ initiator, acceptor *gss.Context }

func newPair(t testing.TB, a *gss.Acceptor, ticket kerberos.Credential, init gss.InitConfig,
	accept gss.AcceptConfig) pair {
	t.Helper()
	i, err := gss.NewInitiatorContext(ticket, init)
	if err != nil {
		t.Fatal(err)
	}
	return pair{i, a.NewContext(accept)}
}

// record lets two contexts establish themselves and returns their tokens in
// order.
func record(t *testing.T, p pair) (tokens [][]byte) {
	t.Helper()
	var token []byte
	for step := 0; ; step++ {
		c := p.initiator
		if step%2 == 1 {
			c = p.acceptor
		}
		reply, _, err := c.Step(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if len(reply) == 0 {
			return tokens
		}
		token = reply
		tokens = append(tokens, reply)
		if p.initiator.Established() && p.acceptor.Established() {
			return tokens
		}
	}
}

// shownSecret reports whether a text has a key in it.
func shownSecret(text string, key []byte) bool {
	lower := strings.ToLower(text)
	return strings.Contains(text, string(key)) || strings.Contains(lower, hex.EncodeToString(key)) ||
		strings.Contains(text, base64.RawStdEncoding.EncodeToString(key)[:20])
}

// TestInspectOpensTokensWithTheKeysBefore: from the client's token to the last
// message, each token opens with what the ones before it have taught; keys are
// shown only when asked for.
func TestInspectOpensTokensWithTheKeysBefore(t *testing.T) {
	t.Parallel()
	for _, et := range allEtypes {
		t.Run(etype.Name(et), func(t *testing.T) {
			t.Parallel()
			inspectConversation(t, et)
		})
	}
}

func inspectConversation(t *testing.T, etype int32) {
	t.Helper()
	k := newKDC()
	tgt, err := k.Ticket("alice", "krbtgt/EXAMPLE.COM",
		krbtest.TicketOptions{Flags: kerberos.FlagForwarded | kerberos.FlagForwardable})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := k.Ticket("alice", service, krbtest.TicketOptions{Etype: etype, SessionEtype: etype})
	if err != nil {
		t.Fatal(err)
	}
	const flags = kerberos.GSSMutual | kerberos.GSSReplay | kerberos.GSSInteg | kerberos.GSSConf
	p := newPair(t, newAcceptor(t, k, gss.AcceptorConfig{Etypes: allEtypes}), ticket,
		gss.InitConfig{Delegate: &tgt, GSSFlags: flags, Time: fixedTime}, gss.AcceptConfig{Delegation: true})
	tokens := record(t, p)
	for _, c := range []*gss.Context{p.initiator, p.acceptor} {
		for _, sealed := range []bool{true, false} {
			token, err := c.Wrap(nil, []byte("a message of some length, for somebody"), sealed)
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, token)
		}
	}
	secrets := [][]byte{ticket.SessionKey.ExposeKeyOctets(), p.acceptor.Key().ExposeKeyOctets(),
		tgt.SessionKey.ExposeKeyOctets()}
	for _, show := range []bool{false, true} {
		x := inspect.New(inspect.Config{Keytab: k.Keytab(nil), Etypes: allEtypes, ShowKeys: show, ShowMessages: true,
			Time: fixedTime})
		var text []byte
		for _, token := range tokens {
			r := x.Inspect(token)
			if !r.Known || !r.Sound || r.Err != nil {
				t.Errorf("known %t, sound %t, %v", r.Known, r.Sound, r.Err)
			}
			text = r.Node.AppendText(text)
		}
		for _, want := range []string{"AP-REP", "answers that AP-REQ", "verdict    accepted",
			"krbtgt/EXAMPLE.COM@EXAMPLE.COM",
			"delegation mutual replay"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if n := bytes.Count(text, []byte("| a message of some length")); n != 4 {
			t.Errorf("%d of 4 messages\n%s", n, text)
		}
		for i, secret := range secrets {
			if got := shownSecret(string(text), secret); got != show {
				t.Errorf("key %d: shown %t with ShowKeys %t\n%s", i, got, show, text)
			}
		}
	}
}

// TestInspectExplainsRefusals: with the code, the reason and the cure; what
// only time is against is accepted at its own time.
func TestInspectExplainsRefusals(t *testing.T) {
	t.Parallel()
	k := newKDC()
	stranger := krbtest.New(krbtest.Config{Time: fixedTime})
	stranger.AddService(service)
	stranger.AddService("soap/elsewhere.example.com")
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	for _, c := range []struct {
		name   string
		keytab *keytab.Keytab
		etypes []int32
		at     time.Time
		code   kerberos.Code
		words  []string
	}{
		{"accepted", k.Keytab(nil), nil, now, "", []string{"verdict        accepted", "alice@EXAMPLE.COM"}},
		{"skew", k.Keytab(nil), nil, now.Add(6 * time.Minute), kerberos.CodeSkew,
			[]string{"at its own time  accepted", "Synchronise the clocks"}},
		{"expired", k.Keytab(nil), nil, now.Add(96 * time.Hour), kerberos.CodeTicketExpired,
			[]string{"at its own time  accepted", "has expired"}},
		{"another keytab", stranger.Keytab(nil), nil, now, kerberos.CodeTicketIntegrity,
			[]string{"no key of the keytab", "cure "}},
		{"another service", stranger.Keytab([]string{"soap/elsewhere.example.com"}), nil, now,
			kerberos.CodeNoPrincipal,
			[]string{"keytab has no key for it"}},
		{"etype", k.Keytab(nil), []int32{17}, now, kerberos.CodeEtype, []string{"allowed are 17", "client "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := inspect.New(inspect.Config{Keytab: c.keytab, Etypes: c.etypes,
				Time: func() time.Time { return c.at }})
			r := x.Inspect(token)
			text := string(r.Node.AppendText(nil))
			if code(r.Err) != c.code || c.code != "" && !strings.Contains(text, "refused: "+string(c.code)) {
				t.Errorf("%v\n%s", r.Err, text)
			}
			for _, w := range c.words {
				if !strings.Contains(text, w) {
					t.Errorf("no %q in\n%s", w, text)
				}
			}
		})
	}
}

// TestInspectNamesTheKeyOfAnotherName: a key that opens the ticket under
// another name is shown, since that is the cure.
func TestInspectNamesTheKeyOfAnotherName(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	entries := k.Keytab([]string{service}).Entries()
	for i := range entries {
		entries[i].Principal.Components = []string{"SOAP", "gw.example.com"}
	}
	r := inspect.New(inspect.Config{Keytab: keytab.New(entries...), Time: fixedTime}).Inspect(token)
	text := string(r.Node.AppendText(nil))
	for _, w := range []string{"the keytab's key of SOAP/gw.example.com@EXAMPLE.COM", "names must match",
		"differs by upper and lower case", "alice@EXAMPLE.COM"} {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

// TestInspectShowsTheShapeOfWhatIsCutOff: of a token that ends anywhere there
// is shown what there is, with the place, as what no gateway reads.
func TestInspectShowsTheShapeOfWhatIsCutOff(t *testing.T) {
	t.Parallel()
	k := newKDC()
	token, _ := mustToken(t, k, krbtest.TokenOptions{})
	x := inspect.New(inspect.Config{Keytab: k.Keytab(nil), Time: fixedTime})
	for n := 1; n < len(token); n++ {
		r := x.Inspect(token[:n])
		text := string(r.Node.AppendText(nil))
		if r.Sound || !strings.Contains(text, "! ") || strings.Contains(text, "accepted") {
			t.Fatalf("first %d octets:\n%s", n, text)
		}
		if n < len(token)-1 {
			continue
		}
		for _, w := range []string{"not read by the gateway", "GeneralString  gw.example.com", "(octet 1)",
			"refused: token-malformed"} {
			if !strings.Contains(text, w) {
				t.Errorf("no %q in\n%s", w, text)
			}
		}
	}
}

// TestInspectExplainsPACs: who the client is and of which groups; whether the
// service's signature is right; what a route with groups does.
func TestInspectExplainsPACs(t *testing.T) {
	t.Parallel()
	pac := krbtest.PACOptions{
		Logon: &krbtest.PACLogon{Name: "alice", FullName: "Alice \x1b[31mLiddell", Domain: "EXAMPLE", Server: "DC1",
			DomainID: "S-1-5-21-7-8-9", UserID: 1104, PrimaryGroup: 513,
			Groups: []krbtest.PACGroup{{ID: 513}, {ID: 1200}}, Extra: []krbtest.PACSID{{SID: "S-1-18-1"}}},
		UPN: &krbtest.PACUPN{UPN: "alice@example.com", DNSDomain: "EXAMPLE.COM"},
	}
	inspect := func(pac krbtest.PACOptions) (string, error) {
		k := newKDC()
		token, _ := mustToken(t, k, krbtest.TokenOptions{Ticket: krbtest.TicketOptions{PAC: &pac}})
		r := inspect.New(inspect.Config{Keytab: k.Keytab(nil), Time: fixedTime}).Inspect(token)
		return string(r.Node.AppendText(nil)), r.Err
	}
	text, err := inspect(pac)
	for _, w := range []string{`EXAMPLE\alice (Alice \x1b[31mLiddell)`, "S-1-5-21-7-8-9-1104", "groups        3",
		"S-1-5-21-7-8-9-513  (Domain Users)", "S-1-5-21-7-8-9-1200\n", "alice@example.com",
		"right: made with the key that opened the ticket", "verdict        accepted"} {
		if !strings.Contains(text, w) || err != nil {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
	pac.Signed = func(b []byte) []byte { b[len(b)-60] ^= 1; return b }
	text, err = inspect(pac)
	for _, w := range []string{"! server signature does not fit", "verdict        accepted",
		"with allowed-groups  refused: pac-integrity"} {
		if !strings.Contains(text, w) || err != nil {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}
