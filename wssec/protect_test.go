package wssec_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// TestProtectRejectsAMissingKey: a Message of another policy brings none.
func TestProtectRejectsAMissingKey(t *testing.T) {
	t.Parallel()
	bare := newPeers(t, preset(t, "KerberosToken"), nil)
	msg, _ := bare.request(t, plainOrder)
	m, err := bare.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	for _, derived := range []wssec.DerivedKeysRule{wssec.DerivedKeysForbidden, wssec.DerivedKeysRequired} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys, p.EncryptedParts.Body = derived, false }), nil)
		_, err = ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		refused(t, err, wssec.CodeKeyLength)
		ps.token.Key = wssec.Key{}
		_, _, err = ps.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), ps.token)
		refused(t, err, wssec.CodeKeyLength)
	}
}

func TestProtectWritesATimestampUnderTransport(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, preset(t, "KerberosOverTransport"), nil)
	msg, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, msg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ps.client.VerifyReply(context.Background(), parse(t, []byte(plainOrder)), sent, secure())
	refused(t, err, wssec.CodeSecurityMissing)
	reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
	if err != nil || !bytes.Contains(reply, []byte("Timestamp")) || bytes.Contains(reply, []byte("Signature")) {
		t.Errorf("%v\n%s", err, reply)
	}
}

// TestProtectWritesTheConfirmationBeforeTheSignature: WCF refuses a
// SignatureConfirmation that stands behind the Signature.
func TestProtectWritesTheConfirmationBeforeTheSignature(t *testing.T) {
	t.Parallel()
	for _, derived := range []wssec.DerivedKeysRule{wssec.DerivedKeysForbidden, wssec.DerivedKeysRequired} {
		ps := newPeers(t, symmetric(func(p *wssec.Policy) { p.DerivedKeys, p.SignatureConfirmation = derived, true }), nil)
		raw, _ := ps.request(t, plainOrder)
		m, err := ps.verify(t, raw)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
		if err != nil {
			t.Fatal(err)
		}
		confirmation, signature := bytes.Index(reply, []byte("<wsse11:SignatureConfirmation")),
			bytes.Index(reply, []byte("<ds:Signature "))
		if confirmation < 0 || signature < confirmation {
			t.Errorf("derived keys %s: SignatureConfirmation at octet %d, Signature at %d", derived, confirmation, signature)
		}
	}
}

// TestProtectWritesNothingUnprotected: a Body that is signed and
// encrypted does not make a header readable to the client alone.
func TestProtectWritesNothingUnprotected(t *testing.T) {
	t.Parallel()
	ps := newPeers(t, preset(t, "Kerberos"), nil)
	req, sent := ps.request(t, plainOrder)
	m, err := ps.verify(t, req)
	if err != nil {
		t.Fatal(err)
	}
	plain := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:x" ` +
		`x:a="secret1"><s:Header x:a="secret2"><x:h>secret3</x:h>` +
		`<a:To xmlns:a="` + nsWSA + `">urn:back</a:To></s:Header><s:Body><m xmlns="urn:m">secret4</m></s:Body></s:Envelope>`
	mandatory := replace(t, plain, `<x:h>`, `<x:h s:mustUnderstand="1">`)
	for rule, want := range map[wssec.HeaderRule]struct {
		plain string
		code  wssec.Code
	}{"": {plain: plain}, wssec.DropHeaders: {plain: mandatory, code: wssec.CodeHeaderRefused},
		wssec.RefuseHeaders: {plain: plain, code: wssec.CodeHeaderRefused}} {
		cfg := ps.cfg
		cfg.ReplyHeaders = rule
		service, err := wssec.NewProcessor(ps.service.Policy(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		out, err := service.Protect(t.Context(), nil, parse(t, []byte(want.plain)), m)
		if want.code != "" {
			refused(t, err, want.code)
			continue
		}
		if err != nil || strings.Contains(string(out), "secret") {
			t.Fatalf("%v\n%s", err, out)
		}
		back, err := ps.client.VerifyReply(t.Context(), parse(t, out), sent, secure())
		if err != nil || !strings.Contains(content(back.Envelope().Header), "urn:back") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestProtectAnswersTheActorOfTheRequest: a client looks for the actor that it
// has written, and one that has written none, or next, for none.
func TestProtectAnswersTheActorOfTheRequest(t *testing.T) {
	t.Parallel()
	actors := func(list ...string) wssec.Policy {
		return symmetric(func(p *wssec.Policy) { p.Actors = list })
	}
	for _, tt := range []struct {
		client []string
		want   string
	}{{nil, ""}, {[]string{"urn:one", "urn:two"}, "urn:one"}, {[]string{"urn:two"}, "urn:two"}} {
		ps := newPeers(t, actors(tt.client...), nil)
		ps.serve(t, actors("urn:one", "urn:two"))
		raw, sent := ps.request(t, plainOrder)
		if tt.client == nil {
			raw = []byte(replace(t, string(raw), `env:mustUnderstand="1"`, `env:mustUnderstand="1" env:actor="`+
				soap.ActorNext+`"`))
		}
		m, err := ps.verify(t, raw)
		if err != nil {
			t.Fatal(err)
		}
		reply := replace(t, plainOrder, `<s:Header>`, `<s:Header><w:Security xmlns:w="`+wssec.NSWSSE+`" s:actor="`+
			soap.ActorNext+`"/><w:Security xmlns:w="`+wssec.NSWSSE+`" s:actor="urn:two"/>`) // of the backend's own
		out, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(reply)), m)
		if err != nil {
			t.Fatal(err)
		}
		env := parse(t, out)
		var got []string
		for b := range env.Blocks() {
			if b.Is(wssec.NSWSSE, "Security") {
				got = append(got, env.Role(b))
			}
		}
		if len(got) != 1 || got[0] != tt.want {
			t.Errorf("client %q: Security headers for %q, want %q", tt.client, got, tt.want)
		}
		if _, err := ps.client.VerifyReply(t.Context(), env, sent, secure()); err != nil {
			t.Error(err)
		}
	}
}
