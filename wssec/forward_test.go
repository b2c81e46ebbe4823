package wssec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

func TestAppendForwardAppliesTheHeaderRule(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(), nil) // wsa:To is not signed
	msg, _ := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	fwd, err := m.AppendForward(nil, wssec.Forwarding{})
	if err != nil || strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("dropped header: %v\n%s", err, fwd)
	}
	fwd, err = m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
	if err != nil || !strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("passed header: %v\n%s", err, fwd)
	}
	_, err = m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.RefuseHeaders})
	refused(t, err, wssec.CodeHeaderRefused)

	must, _ := ps.request(t, replace(t, plainOrder, `<a:To `, `<a:To s:mustUnderstand="1" `))
	if m, err = ps.verify(t, must); err != nil {
		t.Fatal(err)
	}
	_, err = m.AppendForward(nil, wssec.Forwarding{})
	refused(t, err, wssec.CodeNotUnderstood)
	fwd, understood := m.AppendForward(nil, wssec.Forwarding{
		Understands: func(block xmltext.Name) bool { return block == xmltext.Name{Space: nsWSA, Local: "To"} },
	})
	if understood != nil || strings.Contains(string(fwd), "urn:svc") {
		t.Errorf("a block that is understood: %v\n%s", understood, fwd)
	}
	f := string(wssec.FaultFor(err).AppendEnvelope(nil, soap.V12))
	if !strings.Contains(f, "MustUnderstand") || !strings.Contains(f, `qname="n:To"`) {
		t.Error(f)
	}
}

// forwardOf verifies a message with one header block beside the Security header
// and returns what is forwarded of the block: "passed", "dropped" or the code of
// the error.
func forwardOf(t *testing.T, ps *peers, v soap.Version, block string, rule wssec.Forwarding) string {
	t.Helper()
	plain := `<s:Envelope xmlns:s="` + v.Namespace() + `"><s:Header>` + block + `</s:Header>` +
		`<s:Body><m/></s:Body></s:Envelope>`
	msg, _ := ps.request(t, plain)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatalf("%v in\n%s", err, msg)
	}
	out, err := m.AppendForward(nil, rule)
	var e *wssec.Error
	switch {
	case errors.As(err, &e):
		return string(e.Code)
	case strings.Contains(string(out), block[:strings.IndexByte(block, ' ')+1]):
		return "passed"
	}
	return "dropped"
}

// TestAppendForwardFollowsRoles: for whom a header block is decides before the
// rule does (SOAP 1.1 §4.2.2, SOAP 1.2 §2.7). The blocks of urn:s are signed,
// those of urn:u are not.
func TestAppendForwardFollowsRoles(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) {
		p.SignedParts.Headers, p.Actors = []string{"{urn:s}*"}, []string{"urn:gate"}
	}), nil)
	const must, relay = ` s:mustUnderstand="1"`, ` s:relay="true"`
	const lost, unnamed, refuses = "header-not-understood", "actor-not-forwarded", "header-refused"
	pass, refuse := wssec.Forwarding{Unprotected: wssec.PassHeaders}, wssec.Forwarding{Unprotected: wssec.RefuseHeaders}
	last := wssec.Forwarding{UltimateReceiver: true}
	named := wssec.Forwarding{Actors: []string{"urn:b", soap.RoleNone}}
	known := wssec.Forwarding{Understood: []string{"{urn:s}h", "{urn:u}*"}}
	knownAll := wssec.Forwarding{Understood: known.Understood, Unprotected: wssec.PassHeaders}
	for _, tt := range []struct {
		attrs            string // SOAP 1.2; R is the namespace of roles
		rule             wssec.Forwarding
		signed, unsigned string
	}{
		{``, wssec.Forwarding{}, "passed", "dropped"}, // for the backend
		{``, pass, "passed", "passed"},
		{``, refuse, "passed", refuses},
		{must, wssec.Forwarding{}, "passed", lost},
		{must, pass, "passed", "passed"},
		{` s:role="R/ultimateReceiver"` + must, wssec.Forwarding{}, "passed", lost},
		{` s:role="R/next"`, wssec.Forwarding{}, "dropped", "dropped"}, // for us
		{` s:role="R/next"`, pass, "dropped", "dropped"},
		{` s:role="R/next"`, refuse, "dropped", refuses},
		{` s:role="R/next"` + relay, wssec.Forwarding{}, "passed", "dropped"},
		{` s:role="R/next" s:relay="1"`, pass, "passed", "passed"},
		{` s:role="R/next" s:relay="0"`, pass, "dropped", "dropped"},
		{` s:role="R/next"` + relay, refuse, "passed", refuses},
		{` s:role="R/next"` + must, pass, lost, lost},
		{` s:role="R/next"` + must + relay, pass, lost, lost}, // relay makes no difference to a mandatory one
		{` s:role="urn:gate"` + must, pass, lost, lost},
		{` s:role=" urn:gate "`, pass, "dropped", "dropped"},
		{` s:role="urn:gate"` + relay, wssec.Forwarding{}, "passed", "dropped"},
		{` s:role="R/next"` + must, known, "passed", lost},
		{` s:role="R/next"` + must, knownAll, "passed", "passed"},
		{` s:role="urn:gate"`, known, "passed", "dropped"},
		{` s:role="urn:b"`, wssec.Forwarding{}, "passed", "dropped"}, // for another node
		{` s:role="urn:b"`, pass, "passed", "passed"},
		{` s:role="urn:b"`, refuse, "passed", refuses},
		{` s:role="urn:b"` + must, wssec.Forwarding{}, "passed", unnamed},
		{` s:role="urn:b"` + must, pass, "passed", "passed"},
		{` s:role="urn:b"` + must, refuse, "passed", refuses},
		{` s:role="urn:b"` + must, known, "passed", unnamed}, // not ours to understand
		{` s:role="urn:b"` + must, named, "passed", "passed"},
		{` s:role="urn:B"` + must, named, "passed", unnamed},
		{` s:role="urn:b"` + must, last, "passed", "dropped"}, // there is no other node
		{` s:role="R/next"` + must, last, lost, lost},
		{` s:role="R/none"` + must, wssec.Forwarding{}, "passed", "dropped"}, // nobody has to understand it (§2.2)
	} {
		for space, want := range map[string]string{"urn:s": tt.signed, "urn:u": tt.unsigned} {
			block := `<x:h xmlns:x="` + space + `"` + strings.Replace(tt.attrs, "R/", soap.NS12+"/role/", 1) + `/>`
			if got := forwardOf(t, ps, soap.V12, block, tt.rule); got != want {
				t.Errorf("%s, %+v: %s, want %s", block, tt.rule, got, want)
			}
		}
	}
}

// TestAppendForwardNeverRelaysInSOAP11: there the contract of a header entry
// ends with whom it is for (§4.2.2), and relay is an attribute like any other.
func TestAppendForwardNeverRelaysInSOAP11(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) {
		p.SignedParts.Headers, p.Actors = []string{"{urn:s}*"}, []string{"urn:gate"}
	}), nil)
	for attrs, want := range map[string]string{
		` s:actor="` + soap.ActorNext + `" s:relay="1"`:          "dropped",
		` s:actor="` + soap.ActorNext + `" s:relay="maybe"`:      "dropped",
		` s:actor="urn:gate"`:                                    "dropped",
		` s:actor="` + soap.ActorNext + `" s:mustUnderstand="1"`: "header-not-understood",
		` s:actor="urn:gate" s:mustUnderstand="1"`:               "header-not-understood",
		` s:actor="urn:b" s:mustUnderstand="1"`:                  "passed",
		` s:role="` + soap.RoleNext + `" s:mustUnderstand="1"`:   "passed", // no attribute of SOAP 1.1
		` s:actor="" s:mustUnderstand="1"`:                       "passed",
	} {
		if got := forwardOf(t, ps, soap.V11, `<x:h xmlns:x="urn:s"`+attrs+`/>`, wssec.Forwarding{}); got != want {
			t.Errorf("%s: %s, want %s", attrs, got, want)
		}
	}
}

// TestAppendForwardPassesSecurityHeadersOfNamedActorsAlone: what another node
// is to believe reaches it only where the operator says so, under every rule.
func TestAppendForwardPassesSecurityHeadersOfNamedActorsAlone(t *testing.T) {
	t.Parallel()
	const unnamed = "actor-not-forwarded"
	named := []string{"urn:b"}
	for _, policy := range []wssec.Policy{symmetric(), preset(t, "KerberosOverTransport")} { // TLS covers the header
		ps := newPeers(t, policy, nil)
		covered := policy.Binding != wssec.SymmetricBinding
		for attrs, want := range map[string][3]string{ // by drop, pass and refuse
			` s:actor="urn:b"`:                      {"dropped", "dropped", "header-refused"},
			` s:actor="urn:b" s:mustUnderstand="1"`: {unnamed, unnamed, "header-refused"},
		} {
			block := `<w:Security xmlns:w="` + wssec.NSWSSE + `"` + attrs + `><w:UsernameToken/></w:Security>`
			for i, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.PassHeaders, wssec.RefuseHeaders} {
				want := want[i]
				if covered && rule == wssec.RefuseHeaders {
					want = map[bool]string{true: unnamed, false: "dropped"}[strings.Contains(attrs, "must")]
				}
				if got := forwardOf(t, ps, soap.V11, block, wssec.Forwarding{Unprotected: rule}); got != want {
					t.Errorf("%s, %s: %s, want %s", attrs, rule, got, want)
				}
				if got := forwardOf(t, ps, soap.V11, block, wssec.Forwarding{Unprotected: rule, Actors: named}); got != "passed" {
					t.Errorf("%s, %s, named: %s", attrs, rule, got)
				}
			}
		}
	}
}

// TestAppendForwardDropsWhatIsUnderstood: a mandatory block that the caller has
// processed fails no message, for the backend and for next alike.
func TestAppendForwardDropsWhatIsUnderstood(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{urn:s}*"} }), nil)
	understands := func(n xmltext.Name) bool { return n.Local == "h" }
	for _, role := range []string{"", soap.RoleUltimateReceiver, soap.RoleNext} {
		for block, want := range map[string][2]string{ // by drop and by pass
			`<x:h xmlns:x="urn:u"`: {"dropped", "passed"}, `<x:h xmlns:x="urn:s"`: {"passed", "passed"},
			`<x:i xmlns:x="urn:u"`: {"header-not-understood", "passed"},
		} {
			block += ` s:mustUnderstand="true" s:role="` + role + `"/>`
			for i, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.PassHeaders} {
				how := wssec.Forwarding{Unprotected: rule, Understands: understands}
				want := want[i]
				if role == soap.RoleNext && strings.Contains(block, "x:i") {
					want = "header-not-understood"
				}
				if got := forwardOf(t, ps, soap.V12, block, how); got != want {
					t.Errorf("%s, %s: %s, want %s", block, rule, got, want)
				}
			}
		}
	}
}

func TestAppendForwardHasNoCiphertext(t *testing.T) {
	t.Parallel()
	client := newPeers(t, symmetric(encryptFirst), nil)
	service := newPeers(t, symmetric(encryptFirst, func(p *wssec.Policy) {
		p.EncryptedParts, p.OptionalEncryptedParts = wssec.Parts{}, wssec.Parts{Body: true}
	}), nil)
	req, _ := client.request(t, plainOrder)
	acceptor := *client
	acceptor.service = service.withTickets(t, client)
	if _, err := acceptor.verify(t, req); err != nil {
		t.Fatal(err)
	}
	_, err := acceptor.verify(t, []byte(replace(t, string(req),
		find(t, string(req), `<xenc:ReferenceList.*</xenc:ReferenceList>`), "")))
	refused(t, err, wssec.CodeReference)
}

func TestAppendForwardHasSignedHeadersInEitherOrder(t *testing.T) {
	t.Parallel()
	to := []string{"{" + nsWSA + "}To"}
	for _, order := range []wssec.ProtectionOrder{wssec.SignBeforeEncrypt, wssec.EncryptBeforeSign} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) {
			p.ProtectionOrder, p.SignedParts.Headers, p.EncryptedParts.Headers = order, to, to
		}), nil)
		req, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range []wssec.HeaderRule{wssec.DropHeaders, wssec.RefuseHeaders} {
			fwd, err := m.AppendForward(nil, wssec.Forwarding{Unprotected: rule})
			if err != nil || !strings.Contains(string(fwd), "urn:svc") {
				t.Errorf("%s, %s: %v\n%s", order, rule, err, fwd)
			}
		}
		hidden := replace(t, string(req), `<wsse11:EncryptedHeader `, `<wsse11:EncryptedHeader env:actor="urn:nobody" `)
		id := find(t, hidden, `<wsse11:EncryptedHeader.*?<xenc:EncryptedData [^>]* Id="([^"]*)"`)
		_, err = ps.verify(t, []byte(replace(t, hidden, `<xenc:DataReference URI="#`+id+`"/>`, "")))
		refused(t, err, wssec.CodeReference)
	}
}

// TestAppendForwardDoesNotGrowAMessage: declarations of the Envelope are
// written once, however many blocks stand in their scope.
func TestAppendForwardDoesNotGrowAMessage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`)
	for i := range 200 {
		fmt.Fprintf(&b, ` xmlns:n%d="urn:%s"`, i, strings.Repeat("x", 500))
	}
	b.WriteString(`><s:Header>`)
	for range 200 {
		b.WriteString(`<n1:h/>`)
	}
	b.WriteString(`</s:Header><s:Body>`)
	for range 500 {
		b.WriteString(`<n1:m/>`)
	}
	b.WriteString(`</s:Body></s:Envelope>`)
	for _, policy := range []wssec.Policy{preset(t, "KerberosToken"), symmetric()} {
		ps := newPeers(t, policy, nil)
		req, _ := ps.request(t, b.String())
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		fwd, err := m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
		if err != nil || len(fwd) > len(req)+1000 {
			t.Errorf("%s: %d octets from %d, %v", policy.Binding, len(fwd), len(req), err)
		}
		reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(b.String())), m)
		if err != nil || len(reply) > 3*b.Len() {
			t.Errorf("%s: a reply of %d octets from %d, %v", policy.Binding, len(reply), b.Len(), err)
		}
	}
}

func TestAppendForwardReplacesWhatTheCallerHasProcessed(t *testing.T) {
	t.Parallel()
	for _, headers := range [][]string{nil, {"{" + nsWSA + "}To"}} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = headers }), nil)
		msg, _ := ps.request(t, replace(t, plainOrder, `<a:To `, `<a:To s:mustUnderstand="1" `))
		m, err := ps.verify(t, msg)
		if err != nil {
			t.Fatal(err)
		}
		for want, instead := range map[string][]byte{"": nil,
			"<x:y xmlns:x=\"urn:x\"/>": []byte("<x:y xmlns:x=\"urn:x\"/>")} {
			var asked []string
			fwd, err := m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.RefuseHeaders,
				Replace: func(b xmltext.Node) ([]byte, bool) {
					asked = append(asked, b.Local())
					return instead, b.Is(nsWSA, "To")
				}})
			if err != nil || strings.Contains(string(fwd), "urn:svc") || !strings.Contains(string(fwd), want) ||
				strings.Join(asked, " ") != "To" {
				t.Errorf("%v %q: asked %v, %v\n%s", headers, want, asked, err, fwd)
			}
		}
	}
}
