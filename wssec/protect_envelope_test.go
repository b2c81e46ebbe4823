package wssec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// TestProtectKeepsOrRejectsIdsOfTheBackend: what is written into SignedInfo
// must name one element, and be nothing but a name.
func TestProtectKeepsOrRejectsIdsOfTheBackend(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, signOnly(), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	reply := func(headerID, bodyID, below string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="` + wssec.NSWSU +
			`"><s:Header><a:To xmlns:a="` + nsWSA + `"` + headerID + `>` + below +
			`</a:To></s:Header><s:Body` + bodyID + `><m xmlns="urn:m"/></s:Body></s:Envelope>`
	}
	for name, x := range map[string]struct {
		plain string
		ok    bool
	}{
		"its own":     {reply(` u:Id="h"`, ` u:Id="b"`, ""), true},
		"quote":       {reply("", ` u:Id='"'`, ""), false},
		"injection":   {reply("", ` u:Id='a" Type="urn:x'`, ""), false},
		"ampersand":   {reply("", ` u:Id="a&amp;b"`, ""), false},
		"tab":         {reply("", ` u:Id="a&#9;b"`, ""), false},
		"empty":       {reply("", ` u:Id=""`, ""), false},
		"shared":      {reply(` u:Id="x"`, ` u:Id="x"`, ""), false},
		"below":       {reply(` u:Id="x"`, "", `<y Id="x"/>`), false},
		"another one": {reply(` u:Id="x" Id="x"`, "", ""), false},
	} {
		out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(x.plain)), m)
		if !x.ok {
			refused(t, err, wssec.CodeProtect)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestProtectRemovesTheSecurityHeaderOfTheBackend(t *testing.T) {
	t.Parallel()
	for _, name := range wssec.PresetNames() {
		ps := newPeers(t, preset(t, name), nil)
		req, sent := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatal(err)
		}
		out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(replace(t, plainOrder, `<s:Header>`,
			`<s:Header><w:Security xmlns:w="`+wssec.NSWSSE+
				`"><w:UsernameToken><w:Password>secret</w:Password></w:UsernameToken></w:Security>`))), m)
		if err != nil || strings.Contains(string(out), "UsernameToken") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if _, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Header blocks of the caller's own are protected like the reply's, stay whatever
// the rule is, and take the place of those of either version of WS-Addressing.
func TestProtectAddsBlocksOfTheCaller(t *testing.T) {
	t.Parallel()
	own := parse(t, []byte(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>`+
		`<w:Action xmlns:w="`+nsWSA+`">urn:ours</w:Action></e:Header><e:Body/></e:Envelope>`))
	action := own.Header.FirstChild()
	for name, policy := range map[string]wssec.Policy{
		"unsigned": symmetric(), "over TLS": preset(t, "KerberosOverTransport"), "no Timestamp": preset(t, "KerberosToken"),
		"signed": symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{" + nsWSA + "}*"} }),
		"encrypted": symmetric(func(p *wssec.Policy) {
			p.SignedParts.Headers, p.EncryptedParts.Headers = []string{"{" + nsWSA + "}*"}, []string{"{" + nsWSA + "}Action"}
			p.ProtectionOrder = wssec.EncryptBeforeSign
		}),
	} {
		ps := newPeers(t, policy, nil)
		req, sent := ps.request(t, plainOrder)
		m, err := ps.verify(t, req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, plain := range []string{plainOrder, replace(t, plainOrder, find(t, plainOrder, `<s:Header>.*</s:Header>`),
			"")} {
			out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plain)), m, action)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			reply, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure())
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
			var texts []string
			for b := range reply.Envelope().Blocks() {
				if b.Space() == nsWSA {
					texts = append(texts, b.Text())
				}
			}
			if len(texts) != 1 || texts[0] != "urn:ours" {
				t.Errorf("%s: %v\n%s", name, texts, out)
			}
			signed := slices.ContainsFunc(reply.Signed(), func(n xmltext.Node) bool { return n.Is(nsWSA, "Action") })
			if signed != (name == "signed" || name == "encrypted") {
				t.Errorf("%s: signed %v\n%s", name, signed, out)
			}
		}
	}
}
