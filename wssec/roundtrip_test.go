package wssec_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const nsWSA = "http://www.w3.org/2005/08/addressing"

// policies are those that a round trip must survive.
func policies(t testing.TB) map[string]wssec.Policy {
	to := "{" + nsWSA + "}To"
	return map[string]wssec.Policy{
		"Kerberos":                    preset(t, "Kerberos"),
		"KerberosOverTransport":       preset(t, "KerberosOverTransport"),
		"KerberosToken":               preset(t, "KerberosToken"),
		"SspiNegotiated":              preset(t, "SspiNegotiated"),
		"SspiNegotiatedOverTransport": preset(t, "SspiNegotiatedOverTransport"),
		"wsHttpBinding":               preset(t, "wsHttpBinding"),
		"under a context":             underContext(),
		"symmetric":                   symmetric(),
		"sign only":                   symmetric(func(p *wssec.Policy) { p.EncryptedParts.Body = false }),
		"encrypt before sign":         symmetric(func(p *wssec.Policy) { p.ProtectionOrder = wssec.EncryptBeforeSign }),
		"encrypt before sign, signature and header encrypted": symmetric(func(p *wssec.Policy) {
			p.ProtectionOrder, p.EncryptSignature = wssec.EncryptBeforeSign, true
			p.SignedParts.Headers, p.EncryptedParts.Headers = []string{to}, []string{to}
		}),
		"header signed": symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{to} }),
		"header signed, encrypted": symmetric(func(p *wssec.Policy) {
			p.SignedParts.Headers,
				p.EncryptedParts.Headers = []string{to}, []string{to}
		}),
		"headers by namespace": symmetric(func(p *wssec.Policy) { p.SignedParts.Headers = []string{"{" + nsWSA + "}*"} }),
		"encrypt signature":    symmetric(func(p *wssec.Policy) { p.EncryptSignature = true }),
		"derived":              symmetric(func(p *wssec.Policy) { p.DerivedKeys = wssec.DerivedKeysRequired }),
		"derived 2005": symmetric(func(p *wssec.Policy) {
			p.DerivedKeys,
				p.DerivedKeyVersion = wssec.DerivedKeysRequired, wssec.SC05
		}),
		"Basic256": symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 }),
		"Basic256Sha256": symmetric(func(p *wssec.Policy) {
			p.AlgorithmSuite,
				p.SignatureMethod = wssec.Basic256Sha256, wssec.HMACSHA256
		}),
		"Basic192 hmac-sha384": symmetric(func(p *wssec.Policy) {
			p.AlgorithmSuite, p.SignatureMethod = wssec.Basic192,
				wssec.HMACSHA384
		}),
		"sha384, sha512": symmetric(func(p *wssec.Policy) {
			p.DigestMethod,
				p.SignatureMethod = wssec.DigestSHA384, wssec.HMACSHA512
		}),
		"sha512":    symmetric(func(p *wssec.Policy) { p.DigestMethod = wssec.DigestSHA512 }),
		"TripleDes": symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.TripleDes }),
		"Basic128GCM whole": symmetric(func(p *wssec.Policy) {
			p.AlgorithmSuite, p.KeyFit = wssec.Basic128GCM,
				wssec.FitWhole
		}),
		"Basic256GCM hmac-sha512": symmetric(func(p *wssec.Policy) {
			p.AlgorithmSuite,
				p.SignatureMethod = wssec.Basic256GCMSha256, wssec.HMACSHA512
		}),
		"protect tokens, strict": symmetric(func(p *wssec.Policy) { p.ProtectTokens, p.Layout = true, wssec.LayoutStrict }),
		"no optional attributes": symmetric(func(p *wssec.Policy) {
			p.OptionalAttributes, p.DerivedKeys = wssec.SwitchOff, wssec.DerivedKeysRequired
		}),
		"signature confirmation": symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }),
		"without timestamp":      symmetric(func(p *wssec.Policy) { p.Timestamp = wssec.TimestampForbidden }),
		"actors":                 symmetric(func(p *wssec.Policy) { p.Actors = []string{"urn:gate?a=1&b=2", "urn:b"} }),
		"timestamp last":         symmetric(func(p *wssec.Policy) { p.Layout = wssec.LayoutLaxTimestampLast }),
		"timestamp last, transport": {Binding: wssec.TransportBinding, Layout: wssec.LayoutLaxTimestampLast,
			SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UsePlain}}},
		"timestamp first": symmetric(func(p *wssec.Policy) { p.Layout = wssec.LayoutLaxTimestampFirst }),
		"signed endorsing": {Binding: wssec.TransportBinding, AlgorithmSuite: wssec.Basic256,
			SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken, Use: wssec.UseSignedEndorsing}}},
		"endorsing without binding": {Binding: wssec.NoBinding, AlgorithmSuite: wssec.Basic128,
			SignedParts: wssec.Parts{Body: true}, SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken,
				Use: wssec.UseEndorsing}}},
		"endorsing, derived": {Binding: wssec.TransportBinding, AlgorithmSuite: wssec.Basic128,
			DerivedKeys: wssec.DerivedKeysRequired, SupportingTokens: []wssec.SupportingToken{{Token: wssec.KerberosToken,
				Use: wssec.UseEndorsing}}},
	}
}

// envelopes are shapes that sign-and-rebuild must not disturb.
var envelopes = map[string]string{
	"plain": message(600),
	"SOAP 1.2, default namespace": `<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Header><To xmlns="` +
		nsWSA + `">urn:x</To></Header>` +
		`<Body><m xmlns="urn:m"><inner xmlns="">text</inner></m></Body></Envelope>`,
	"no header": `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">
<e:Body><m/></e:Body>
</e:Envelope>`,
	"empty header and body": `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header/><e:Body/></` +
		`e:Envelope>`,
	"Id of its own": `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body xmlns:u="` + wssec.NSWSU +
		`" u:Id="mine"><m Id="mine2"/></e:Body></e:Envelope>`,
	"wsu bound otherwise": `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" ` +
		`xmlns:wsu="urn:other"><e:Header><t:To xmlns:t="` + nsWSA + `" wsu:a="b">x</t:To></e:Header>` +
		`<e:Body><wsu:m q="wsu:name" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
		`xsi:type="wsu:T"/></e:Body></e:Envelope>`,
	"Header redeclares": `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:1"><e:Header ` +
		`xmlns:p="urn:2"><t:To xmlns:t="` + nsWSA + `"><p:x/></t:To></e:Header>` +
		`<e:Body p:a="1"><p:m/> mixed &amp; text &#13; <![CDATA[<raw>]]></e:Body></e:Envelope>`,
	"white space and quotes": "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/' >\r\n <e:Header >" +
		"\n <t:To xmlns:t='" + nsWSA + "' a = 'it&apos;s \"q\" &#9;'\n>x</t:To >\n</e:Header>\n<e:Body" +
		"\n>\r\n<m a='1'/>\t</e:Body ></e:Envelope >",
	"comments": `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><!-- a --><e:Header><t:To xmlns:t="` +
		nsWSA + `">x<!-- b -->y</t:To></e:Header><e:Body><!-- c --><m>1<!-- d -->2</m></e:Body></e:Envelope>`,
}

func TestVerifyAcceptsWhatProtectWrites(t *testing.T) {
	t.Parallel()
	for name, policy := range policies(t) {
		for kind, plain := range envelopes {
			t.Run(name+"/"+kind, func(t *testing.T) {
				if strings.HasPrefix(kind, "empty") && policy.EncryptedParts.Body {
					policy.EncryptedParts.Body = policy.EncryptSignature // an empty content is not always an EncryptedData
				}
				if policy.Timestamp == wssec.TimestampForbidden && kind == "Id of its own" {
					return // an echo with the same Ids and no time in it has the signature of its request
				}
				ps := newPeers(t, policy, nil)
				msg, sent := ps.request(t, plain)
				m, err := ps.verify(t, msg)
				if err != nil {
					t.Fatalf("%v\n%s", err, msg)
				}
				sameBody(t, plain, m)
				reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(plain)), m)
				if err != nil {
					t.Fatal(err)
				}
				back, err := ps.client.VerifyReply(context.Background(), parse(t, reply), sent, secure())
				if err != nil {
					t.Fatalf("%v\n%s", err, reply)
				}
				sameBody(t, plain, back)
				if policy.ProtectsReplies() && bytes.Contains(reply, []byte("BinarySecurityToken")) {
					t.Error("a reply repeats the token")
				}
			})
		}
	}
}

// TestLargeReplyArrivesWhole under policies that write it in different ways: its index is given up before it is
// written. Its header blocks, and one of ours in the place of another, are written after.
func TestLargeReplyArrivesWhole(t *testing.T) {
	t.Parallel()
	const elements = 60_000 // an index of more than 2 MiB
	plain := `<s:Envelope xmlns:s="` + soap.NS11 + `" xmlns:p="urn:p"><s:Header><p:h p:k="v">x</p:h>` +
		`<a:To xmlns:a="` + nsWSA + `">%s</a:To></s:Header><s:Body p:k="v">text<p:all xmlns:q="urn:q" q:k="'">` +
		strings.Repeat(`<q:i k='v'><i/></q:i>`, elements/2) +
		`</p:all> ]]&gt; <![CDATA[<x>]]><p:last/>&#13;</s:Body></s:Envelope>`
	sent, want := strings.Replace(plain, "%s", "theirs", 1), strings.Replace(plain, "%s", "ours", 1)
	all := policies(t)
	for _, name := range []string{
		"KerberosOverTransport", "KerberosToken", "under a context", "sign only", "header signed, encrypted",
		"encrypt before sign, signature and header encrypted", "derived", "signature confirmation",
	} {
		ps := newPeers(t, all[name], nil)
		msg, request := ps.request(t, message(100))
		m, err := ps.verify(t, msg)
		if err != nil {
			t.Fatal(name, err)
		}
		own := parse(t, []byte(want)).Header.Child(nsWSA, "To")
		reply, err := ps.service.Protect(t.Context(), nil, parse(t, []byte(sent)), m, own)
		if err != nil {
			t.Fatal(name, err)
		}
		back, err := ps.client.VerifyReply(t.Context(), parse(t, reply), request, secure())
		if err != nil {
			t.Fatal(name, err)
		}
		sameBody(t, want, back)
	}
}

// sameBody compares the Body as it would be forwarded with the one sent, in
// canonical form but for the wsu:Id that signing adds.
func sameBody(t *testing.T, plain string, m *wssec.Message) {
	t.Helper()
	fwd, err := m.AppendForward(nil, wssec.Forwarding{Unprotected: wssec.PassHeaders})
	if err != nil {
		t.Fatal(err)
	}
	got, want := parse(t, fwd).Body, parse(t, []byte(plain)).Body
	if g, w := content(got), content(want); g != w {
		t.Errorf("forwarded Body has\n%s\nwant\n%s\nfrom\n%s", g, w, fwd)
	}
	if g, w := header(parse(t, fwd).Header), header(parse(t, []byte(plain)).Header); g != w {
		t.Errorf("forwarded Header has\n%s\nwant\n%s", g, w)
	}
}

func header(n xmltext.Node) string {
	var b []byte
	for c := range n.Children() {
		b = append(b, c.Name().String()...)
		b = append(b, content(c)...)
	}
	return string(b)
}

// content returns the canonical form of what is inside n.
func content(n xmltext.Node) string {
	b := n.AppendCanonical(nil, xmltext.C14N{})
	b = b[bytes.IndexByte(b, '>')+1:]
	return string(b[:bytes.LastIndexByte(b, '<')])
}
