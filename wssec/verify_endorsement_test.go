package wssec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/wssec"
)

// renewing are peers under a bootstrap policy whose client, alice, has a context
// that endorses what she sends, as has mallory.
type renewing struct {
	*peers
	t            testing.TB
	own, foreign wssec.SecurityContext
}

func newRenewing(t testing.TB, p wssec.Policy, seen gss.ReplayStore) *renewing {
	t.Helper()
	r := &renewing{peers: newPeers(t, p, seen), t: t}
	if r.cfg.Contexts == nil {
		r.cfg.Contexts = wssec.NewSecurityContexts(wssec.ContextsConfig{Scope: "/route", Time: r.cfg.Time})
	}
	r.cfg.EndorsingContexts = true
	r.serve(t, p)
	r.own = contextOf(wssec.SecureConversationToken, r.now)
	r.own.Identifier, r.own.Key = "urn:uuid:own", wssec.NewKey(bytes.Repeat([]byte("o"), 32))
	r.foreign = r.own
	r.foreign.Identifier, r.foreign.Name = "urn:uuid:foreign", "mallory"
	for _, sc := range []wssec.SecurityContext{r.own, r.foreign} {
		if err := r.cfg.Contexts.Issue(t.Context(), sc); err != nil {
			t.Fatal(err)
		}
	}
	r.token.Endorsing = &r.own
	return r
}

func (r *renewing) message() string {
	r.t.Helper()
	msg, _ := r.request(r.t, plainOrder)
	return string(msg)
}

func (r *renewing) refuses(msg string, codes ...wssec.Code) error {
	r.t.Helper()
	_, err := r.verify(r.t, []byte(msg))
	refused(r.t, err, codes...)
	return err
}

func endorsedPolicies(t testing.TB) map[string]wssec.Policy {
	return map[string]wssec.Policy{
		"Kerberos":                    preset(t, "Kerberos"),
		"KerberosOverTransport":       preset(t, "KerberosOverTransport"),
		"SspiNegotiated":              preset(t, "SspiNegotiated"),
		"SspiNegotiatedOverTransport": preset(t, "SspiNegotiatedOverTransport"),
		"symmetric":                   symmetric(),
		"derived":                     symmetric(derived),
		"under a context":             underContext(),
		"encrypt before sign":         underContext(derived, encryptFirst),
		"encrypt before sign, signature encrypted": underContext(derived, encryptFirst,
			func(p *wssec.Policy) { p.EncryptSignature = true }),
		"strict": symmetric(derived, func(p *wssec.Policy) { p.Layout, p.EncryptSignature = wssec.LayoutStrict, true }),
		"GCM": underContext(func(p *wssec.Policy) {
			p.AlgorithmSuite, p.EncryptSignature = wssec.Basic256GCMSha256, true
		}),
		"signature confirmation": symmetric(func(p *wssec.Policy) { p.SignatureConfirmation = true }),
		"timestamp last": symmetric(func(p *wssec.Policy) {
			p.Layout, p.ProtectTokens = wssec.LayoutLaxTimestampLast, true
		}),
	}
}

func TestVerifyAcceptsAnEndorsingContext(t *testing.T) {
	t.Parallel()
	for name, p := range endorsedPolicies(t) {
		for _, namespace := range []string{wssec.NSWSC05, wssec.NSWSC13} {
			t.Run(fmt.Sprintf("%s, %s", name, namespace), func(t *testing.T) {
				t.Parallel()
				r := newRenewing(t, p, nil)
				r.own.Namespace = namespace
				msg, sent := r.request(t, plainOrder)
				m, err := r.verify(t, msg)
				if err != nil {
					t.Fatalf("%v\n%s", err, msg)
				}
				if sc, ok := m.Endorsing(); !ok || sc.Identifier != r.own.Identifier || sc.Name != "alice" {
					t.Errorf("endorsed by %v, %v", sc.Identifier, ok)
				}
				under, ok := m.Context()
				if ok != (r.token.Context != nil) || ok && under.Identifier != r.token.Context.Identifier {
					t.Errorf("under %q, %v", under.Identifier, ok)
				}
				out, err := r.service.Protect(t.Context(), nil, parse(t, []byte(plainOrder)), m)
				if err != nil || bytes.Contains(out, []byte(r.own.Identifier)) {
					t.Fatalf("%v, or the reply names the endorsing context\n%s", err, out)
				}
				if _, err := r.client.VerifyReply(t.Context(), parse(t, out), sent, secure()); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// The client's own token may be one that it has sent before.
func TestVerifyAcceptsAnEndorsingContextBesideARememberedToken(t *testing.T) {
	t.Parallel()
	p := preset(t, "SecureConversation")
	r := newRenewing(t, *p.Bootstrap, nil)
	if _, err := r.verify(t, []byte(r.message())); err != nil {
		t.Fatal(err)
	}
	r.token.Omit = true
	m, err := r.verify(t, []byte(r.message()))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Endorsing(); !ok {
		t.Error("not endorsed")
	}
	r.token.Endorsing = &r.foreign
	r.refuses(r.message(), wssec.CodeEndorsingClient)
}

// Without an endorsing token nothing changes.
func TestVerifyAcceptsMessagesWithoutAnEndorsingContext(t *testing.T) {
	t.Parallel()
	for name, p := range endorsedPolicies(t) {
		r := newRenewing(t, p, nil)
		r.token.Endorsing = nil
		m, err := r.verify(t, []byte(r.message()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, ok := m.Endorsing(); ok {
			t.Errorf("%s: endorsed", name)
		}
	}
}

// A policy that bootstraps nothing takes one token and one Signature.
func TestVerifyRejectsEndorsingContextsThatItIsNotAskedToAccept(t *testing.T) {
	t.Parallel()
	for _, p := range endorsedPolicies(t) {
		r := newRenewing(t, p, nil)
		r.cfg.EndorsingContexts = false
		r.serve(t, p)
		r.refuses(r.message(), wssec.CodeUnsupportedToken, wssec.CodeSignatureExtra, wssec.CodeLimit)
	}
	unsigned := preset(t, "KerberosToken")
	r := newRenewing(t, unsigned, nil)
	r.token.Endorsing = nil
	token := `<wsc:SecurityContextToken xmlns:wsc="` + wssec.NSWSC05 + `"><wsc:Identifier>` + r.own.Identifier +
		`</wsc:Identifier></wsc:SecurityContextToken>`
	r.refuses(replace(t, r.message(), "</wsse:Security>", token+"</wsse:Security>"), wssec.CodeUnsupportedToken)
}

func TestVerifyRejectsUnusableEndorsingContexts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code  wssec.Code
		fault string
		spoil func(r *renewing)
	}{
		"another client's": {wssec.CodeEndorsingClient, "InvalidSecurity",
			func(r *renewing) { r.token.Endorsing = &r.foreign }},
		"another key": {wssec.CodeSignatureInvalid, "InvalidSecurity",
			func(r *renewing) { r.own.Key = wssec.NewKey(bytes.Repeat([]byte("x"), 32)) }},
		"unknown": {wssec.CodeContextUnknown, "BadContextToken",
			func(r *renewing) { r.own.Identifier = "urn:uuid:unknown" }},
		"expired": {wssec.CodeContextExpired, "BadContextToken", func(r *renewing) {
			late := r.own
			late.Identifier, late.Expires = "urn:uuid:late", r.now.Add(time.Minute)
			_ = r.cfg.Contexts.Issue(r.t.Context(), late)
			r.own, r.now = late, r.now.Add(time.Minute)
		}},
		"cancelled": {wssec.CodeContextCancelled, "BadContextToken",
			func(r *renewing) { _ = r.cfg.Contexts.Cancel(r.t.Context(), r.own.Identifier, nil) }},
		"instance": {wssec.CodeContextInstance, "BadContextToken", func(r *renewing) { r.own.Instance = "urn:2" }},
		"negotiated": {wssec.CodeContextType, "BadContextToken", func(r *renewing) {
			other := contextOf(wssec.SpnegoContextToken, r.now)
			other.Identifier = "urn:uuid:negotiated"
			_ = r.cfg.Contexts.Issue(r.t.Context(), other)
			r.own.Identifier = other.Identifier
		}},
	} {
		for _, p := range []wssec.Policy{preset(t, "Kerberos"), preset(t, "SspiNegotiated"), underContext(),
			preset(t, "SspiNegotiatedOverTransport")} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRenewing(t, p, nil)
				tt.spoil(r)
				if f := wssec.FaultFor(r.refuses(r.message(), tt.code)); f.Subcode.Local != tt.fault {
					t.Errorf("%+v", f)
				}
			})
		}
	}
}

const signaturePattern = `<ds:Signature .*?</ds:Signature>`

// signatures returns the Signatures of a message.
func signatures(t *testing.T, msg string) []string {
	t.Helper()
	all := regexp.MustCompile(signaturePattern).FindAllString(msg, -1)
	if len(all) != 2 {
		t.Fatalf("%d Signatures in\n%s", len(all), msg)
	}
	return all
}

// sctOf is a SecurityContextToken.
func sctOf(sc wssec.SecurityContext, id string) string {
	return `<wsc:SecurityContextToken xmlns:wsc="` + sc.Namespace + `" xmlns:wsu="` + wssec.NSWSU + `" wsu:Id="` + id +
		`"><wsc:Identifier>` + sc.Identifier + `</wsc:Identifier></wsc:SecurityContextToken>`
}

// What an endorsing Signature covers is the Signature of its message. Other
// Signatures, other elements, and the same ones elsewhere are something else.
func TestVerifyRejectsEndorsementsOfSomethingElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		codes  []wssec.Code
		attack func(t *testing.T, r *renewing, msg string) string
	}{
		"no Signature": {[]wssec.Code{wssec.CodeSignatureMissing}, func(t *testing.T, _ *renewing, msg string) string {
			return replace(t, msg, signatures(t, msg)[1], "")
		}},
		"no token": {[]wssec.Code{wssec.CodeSignatureExtra}, func(t *testing.T, r *renewing, msg string) string {
			return replace(t, msg, find(t, msg, `<wsc:SecurityContextToken [^>]*><wsc:Identifier>`+r.own.Identifier+
				`.*?</wsc:SecurityContextToken>`), "")
		}},
		"no Signature of the message": {[]wssec.Code{wssec.CodeSignatureMissing},
			func(t *testing.T, _ *renewing, msg string) string { return replace(t, msg, signatures(t, msg)[0], "") }},
		"the Timestamp": {[]wssec.Code{wssec.CodeNotSigned}, covering(`wsu:Id="(TS-[^"]*)"`)},
		"the Body":      {[]wssec.Code{wssec.CodeNotSigned}, covering(`wsu:Id="(B-[^"]*)"`)},
		"its own token": {[]wssec.Code{wssec.CodeNotSigned}, covering(`URI="#(SCT-[^"]*)"[^>]*></wsse:Reference>` +
			`</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature></wsse:Security>`)},
		"the Signature and the Body": {[]wssec.Code{wssec.CodeNotSigned},
			covering(` Id="(SIG-[^"]*)"`, `wsu:Id="(B-[^"]*)"`)},
		"nothing": {[]wssec.Code{wssec.CodeSecurityInvalid}, covering()},
		"nowhere": {[]wssec.Code{wssec.CodeReference}, func(t *testing.T, r *renewing, msg string) string {
			return resigned(t, r, msg, `(?s)<ds:Reference URI="#SIG-[^"]*"`, `<ds:Reference URI="#nowhere"`)
		}},
		"itself": {[]wssec.Code{wssec.CodeReference}, func(t *testing.T, r *renewing, msg string) string {
			return resigned(t, r, msg, `(?s)<ds:Reference URI="#SIG-[^"]*"`, `<ds:Reference URI="#SIG-other"`)
		}},
		"that of another message": {[]wssec.Code{wssec.CodeReference}, func(t *testing.T, r *renewing, msg string) string {
			return replace(t, msg, signatures(t, msg)[1], signatures(t, r.message())[1])
		}},
		"that of another message, under the same Id": {[]wssec.Code{wssec.CodeReference, wssec.CodeSignatureInvalid},
			func(t *testing.T, r *renewing, msg string) string {
				other, id := r.message(), ` Id="(SIG-[^"]*)"`
				stolen := strings.ReplaceAll(signatures(t, other)[1], find(t, signatures(t, other)[0], id),
					find(t, signatures(t, msg)[0], id))
				return replace(t, msg, signatures(t, msg)[1], stolen)
			}},
		"that of another message, kept as a header block": {[]wssec.Code{wssec.CodeReference},
			func(t *testing.T, r *renewing, msg string) string {
				other := signatures(t, r.message())
				msg = replace(t, msg, signatures(t, msg)[1], other[1])
				return replace(t, msg, "</s:Header>", other[0]+"</s:Header>")
			}},
		"a Signature before that of the message": {[]wssec.Code{wssec.CodeReference, wssec.CodeUnsupportedToken},
			func(t *testing.T, _ *renewing, msg string) string {
				both := signatures(t, msg)
				return replace(t, msg, both[0]+both[1], both[1]+both[0])
			}},
		"a third Signature": {[]wssec.Code{wssec.CodeSignatureExtra}, func(t *testing.T, r *renewing, msg string) string {
			return replace(t, msg, "</wsse:Security>", signatures(t, r.message())[1]+"</wsse:Security>")
		}},
		"a third token": {[]wssec.Code{wssec.CodeUnsupportedToken}, func(t *testing.T, r *renewing, msg string) string {
			return replace(t, msg, "</wsse:Security>", sctOf(r.foreign, "third")+"</wsse:Security>")
		}},
		"a token that stands behind": {[]wssec.Code{wssec.CodeLayout}, func(t *testing.T, r *renewing, msg string) string {
			token := find(t, msg, `<wsc:SecurityContextToken [^>]*><wsc:Identifier>`+r.own.Identifier+
				`.*?</wsc:SecurityContextToken>`)
			return replace(t, replace(t, msg, token, ""), "</wsse:Security>", token+"</wsse:Security>")
		}},
		"a Signature that was changed since": {[]wssec.Code{wssec.CodeDigestInvalid},
			func(t *testing.T, _ *renewing, msg string) string {
				sig := signatures(t, msg)[0] // in what it does not cover itself
				return replace(t, msg, sig, replace(t, sig, "</ds:SignatureValue>", " </ds:SignatureValue>"))
			}},
		"other algorithms": {[]wssec.Code{wssec.CodeUnsupportedAlg}, func(t *testing.T, _ *renewing, msg string) string {
			sig := signatures(t, msg)[1]
			return replace(t, msg, sig, replace(t, sig, "xmldsig#hmac-sha1", "xmldsig-more#hmac-sha256"))
		}},
		"no Timestamp": {[]wssec.Code{wssec.CodeTimestampMissing}, func(t *testing.T, _ *renewing, msg string) string {
			return replace(t, msg, find(t, msg, `<wsu:Timestamp .*?</wsu:Timestamp>`), "")
		}},
		"its key from the Timestamp": {[]wssec.Code{wssec.CodeReference}, func(t *testing.T, _ *renewing, msg string) string {
			sig := signatures(t, msg)[1]
			return replace(t, msg, sig, strings.ReplaceAll(sig, find(t, sig, `URI="#(SCT-[^"]*)"`),
				find(t, msg, `wsu:Id="(TS-[^"]*)"`)))
		}},
		"no key": {[]wssec.Code{wssec.CodeSecurityInvalid}, func(t *testing.T, _ *renewing, msg string) string {
			sig := signatures(t, msg)[1]
			return replace(t, msg, sig, strings.Replace(sig, find(t, sig, `<ds:KeyInfo.*</ds:KeyInfo>`), "", 1))
		}},
		"a derived key that is implied": {[]wssec.Code{wssec.CodeReference},
			func(t *testing.T, _ *renewing, msg string) string {
				sig := signatures(t, msg)[1]
				str := `<wsse:SecurityTokenReference `
				return replace(t, msg, sig, replace(t, sig, str, str+`xmlns:i="`+wssec.NSWSC05+`" i:Nonce="AAAA" `))
			}},
		"its key by Identifier": {[]wssec.Code{wssec.CodeReference}, func(t *testing.T, r *renewing, msg string) string {
			sig := signatures(t, msg)[1]
			return replace(t, msg, sig, strings.ReplaceAll(sig, find(t, sig, `(URI="#SCT-[^"]*")`),
				`URI="`+r.own.Identifier+`"`))
		}},
	} {
		for _, p := range []wssec.Policy{symmetric(), underContext()} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRenewing(t, p, nil)
				if p.ProtectionToken == wssec.KerberosToken {
					p.Timestamp = wssec.TimestampOptional
					r.serve(t, p)
				}
				r.refuses(tt.attack(t, r, r.message()), tt.codes...)
				if _, err := r.verify(t, []byte(r.message())); err != nil {
					t.Errorf("untouched: %v", err)
				}
			})
		}
	}
}

// covering makes the endorsing Signature one over other elements, whose Ids match
// the patterns, by the context's key.
func covering(patterns ...string) func(*testing.T, *renewing, string) string {
	return func(t *testing.T, r *renewing, msg string) string {
		var ids []string
		for _, p := range patterns {
			ids = append(ids, find(t, msg, p))
		}
		return signedAnew(t, r, msg, ids...)
	}
}

func signedAnew(t *testing.T, r *renewing, msg string, ids ...string) string {
	t.Helper()
	out, err := wssec.SignOther(r.service, msg, r.own.Key, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// resigned changes the endorsing Signature and signs it again.
func resigned(t *testing.T, r *renewing, msg, pattern, with string) string {
	t.Helper()
	sig := signatures(t, signedAnew(t, r, msg, find(t, msg, ` Id="(SIG-[^"]*)"`)))[1]
	changed := regexp.MustCompile(pattern).ReplaceAllString(sig, with)
	changed = string(wssec.Resign(r.service, []byte(changed), r.own.Key))
	return replace(t, msg, signatures(t, msg)[1], changed)
}

// The key of an endorsing context is good for nothing else: else its owner could
// sign in the name of whoever's token stands in the message.
func TestVerifyRejectsMessagesByTheKeyOfTheEndorsingContext(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]wssec.Policy{"raw": underContext(), "derived": underContext(derived)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRenewing(t, p, nil)
			victim := *r.token.Context
			forged := victim
			forged.Key = r.foreign.Key
			r.token.Context, r.token.Endorsing = &forged, &r.foreign
			msg := r.message()
			r.refuses(msg, wssec.CodeSignatureInvalid)
			own := find(t, msg, `<wsc:SecurityContextToken [^>]*wsu:Id="([^"]*)"[^>]*><wsc:Identifier>`+victim.Identifier)
			endorsing := find(t, msg, `<wsc:SecurityContextToken [^>]*wsu:Id="([^"]*)"[^>]*><wsc:Identifier>`+
				r.foreign.Identifier)
			r.refuses(strings.ReplaceAll(msg, `URI="#`+own, `URI="#`+endorsing), wssec.CodeUnsupportedToken)
			r.refuses(strings.ReplaceAll(msg, `URI="#`+own, `URI="`+r.foreign.Identifier), wssec.CodeTokenUnavailable)
		})
	}
}

func TestVerifyRejectsAnEncryptedKeyUnderTheEndorsingContext(t *testing.T) {
	t.Parallel()
	p := symmetric(func(p *wssec.Policy) { p.AlgorithmSuite = wssec.Basic256 })
	r := newRenewing(t, p, nil)
	endorsement := signatures(t, r.message())[1]
	wrapper := r.token
	wrapper.Key = r.own.Key
	out, _, err := wssec.ProtectUnderEncryptedKey(r.client, parse(t, []byte(plainOrder)), wrapper,
		bytes.Repeat([]byte("f"), 32))
	if err != nil {
		t.Fatal(err)
	}
	token := find(t, endorsement, `URI="#(SCT-[^"]*)"`)
	msg := replace(t, string(out), `URI="#BST-1"`, `URI="#`+token+`"`)
	msg = replace(t, msg, "<xenc:EncryptedKey", sctOf(r.own, token)+"<xenc:EncryptedKey")
	r.refuses(replace(t, msg, "</wsse:Security>", endorsement+"</wsse:Security>"), wssec.CodeTokenUnavailable)
}

// A DerivedKeyToken of one token is none of the other.
func TestVerifyRejectsEndorsementsByOtherDerivedKeys(t *testing.T) {
	t.Parallel()
	r := newRenewing(t, underContext(derived), nil)
	msg := r.message()
	both := signatures(t, msg)
	dk := `URI="(#DK-[^"]*)"`
	own, endorsing := find(t, both[0], dk), find(t, both[1], dk)
	r.refuses(replace(t, msg, both[1], strings.Replace(both[1], endorsing, own, 1)), wssec.CodeReference)
	r.refuses(replace(t, msg, both[0], strings.Replace(both[0], own, endorsing, 1)), wssec.CodeUnsupportedToken)
	raw := strings.Replace(both[1], endorsing, find(t, msg, `<wsc:DerivedKeyToken [^>]*wsu:Id="`+endorsing[1:]+
		`".*?URI="(#SCT-[^"]*)"`), 1)
	raw = strings.ReplaceAll(raw, "/dk", "/sct")
	r.refuses(replace(t, msg, both[1], raw), wssec.CodeDerivedKey)
	dkt := find(t, msg, `<wsc:DerivedKeyToken [^>]*wsu:Id="`+endorsing[1:]+`".*?</wsc:DerivedKeyToken>`)
	short := strings.Replace(dkt, "<wsc:Length>16", "<wsc:Length>8", 1)
	r.refuses(replace(t, msg, dkt, short), wssec.CodeKeyLength)
	r.refuses(replace(t, msg, dkt, strings.Replace(dkt, "wsc:Nonce>", "wsc:Salt>", 2)), wssec.CodeDerivedKey)
	r.refuses(replace(t, msg, dkt, strings.Replace(dkt, find(t, dkt, `URI="(#SCT-[^"]*)"`), own, 1)), wssec.CodeReference)
}

// Where the Signature of the message is encrypted the other is too: one
// ciphertext is opened before the message is authenticated, and one behind it.
func TestVerifyRejectsEncryptedEndorsementsOutOfPlace(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Kerberos", "SspiNegotiated"} {
		r := newRenewing(t, preset(t, name), nil)
		const pattern = `(?s)(<xenc:EncryptedData [^>]*>.*?</xenc:EncryptedData>)</wsse:Security>`
		msg := r.message()
		all := find(t, msg, pattern)
		second := all[strings.LastIndex(all, "<xenc:EncryptedData "):]
		id := find(t, second, ` Id="([^"]*)"`)
		listed := find(t, msg, `<xenc:DataReference URI="#`+id+`"[^>]*>(?:</xenc:DataReference>)?`)
		r.refuses(replace(t, msg, second, ""), wssec.CodeReference, wssec.CodeSignatureMissing)
		r.refuses(replace(t, replace(t, msg, second, ""), listed, ""), wssec.CodeSignatureMissing)
		r.refuses(replace(t, msg, listed, ""), wssec.CodeReference)
		r.refuses(replace(t, msg, second, strings.Replace(second, id, "copy", 1)+second), wssec.CodeLimit)
		clear := newRenewing(t, symmetric(), nil)
		inClear := signatures(t, clear.message())[1]
		r.refuses(replace(t, msg, second, second+inClear), wssec.CodeSignatureExtra)
		value := find(t, second, `<xenc:CipherValue>([^<]*)`)
		other := r.message()
		all = find(t, other, pattern)
		foreign := find(t, all[strings.LastIndex(all, "<xenc:EncryptedData "):], `<xenc:CipherValue>([^<]*)`)
		r.refuses(replace(t, msg, value, foreign), wssec.CodeDecryption, wssec.CodePlaintext)
	}
}

func TestVerifyRejectsAReplayOfAnEndorsedMessage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Kerberos", "SspiNegotiated"} {
		r := newRenewing(t, preset(t, name), replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)}))
		msg := r.message()
		if _, err := r.verify(t, []byte(msg)); err != nil {
			t.Fatal(err)
		}
		r.refuses(msg, wssec.CodeMessageReplayed, wssec.CodeFailedAuth)
	}
}

// Over transport the endorsing Signature covers the Timestamp, and that alone.
func TestVerifyRejectsEndorsementsOverTransportOfSomethingElse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"KerberosOverTransport", "SspiNegotiatedOverTransport"} {
		p := preset(t, name)
		p.SignedParts.Headers = []string{"{" + nsWSA + "}To"}
		r := newRenewing(t, p, nil)
		for _, ids := range [][]string{{`wsu:Id="(H-[^"]*)"`}, {` Id="(SIG-[^"]*)"`},
			{`wsu:Id="(TS-[^"]*)"`, `wsu:Id="(H-[^"]*)"`}} {
			r.refuses(covering(ids...)(t, r, r.message()), wssec.CodeNotSigned)
		}
		msg := r.message()
		if _, err := r.verify(t, []byte(covering(`wsu:Id="(TS-[^"]*)"`)(t, r, msg))); name[0] == 'S' && err != nil {
			t.Error(err)
		}
		r.now = r.now.Add(time.Second)
		later := r.message()
		r.refuses(replace(t, later, signatures(t, later)[1], signatures(t, msg)[1]), wssec.CodeReference)
	}
}

func TestNewProcessorNeedsContextsThatEndorse(t *testing.T) {
	t.Parallel()
	contexts := wssec.NewSecurityContexts(wssec.ContextsConfig{})
	for _, tt := range []struct {
		policy string
		cfg    wssec.Config
		ok     bool
	}{
		{"Kerberos", wssec.Config{EndorsingContexts: true, Replay: anyReplay{}}, false},
		{"Kerberos", wssec.Config{EndorsingContexts: true, Replay: anyReplay{}, Contexts: contexts}, true},
		{"wsHttpBinding", wssec.Config{EndorsingContexts: true, Replay: anyReplay{}, Contexts: contexts}, false},
	} {
		if _, err := wssec.NewProcessor(preset(t, tt.policy), tt.cfg); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.policy, err)
		}
	}
}

func TestProtectRequestRejectsEndorsingContextsOutOfPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy wssec.Policy
		change func(r *renewing)
	}{
		"negotiated":           {underContext(), func(r *renewing) { r.own.Token = wssec.SpnegoContextToken }},
		"without Identifier":   {underContext(), func(r *renewing) { r.own.Identifier = "" }},
		"the other is omitted": {underContext(), func(r *renewing) { r.token.Omit = true }},
		"no signature":         {preset(t, "KerberosToken"), func(*renewing) {}},
	} {
		r := newRenewing(t, tt.policy, nil)
		tt.change(r)
		_, _, err := r.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), r.token)
		if err == nil {
			t.Errorf("%s: protected", name)
		}
	}
	c := newConversing(t, preset(t, "wsHttpBinding"), nil)
	c.token.Endorsing = &c.alice
	if _, _, err := c.client.ProtectRequest(nil, parse(t, []byte(plainOrder)), c.token); err == nil {
		t.Error("a context endorses itself")
	}
}

// A request to renew a context that its token endorses is for the bootstrap; one
// under the token itself is not.
func TestChoiceFindsRenewalsByTheirTokens(t *testing.T) {
	t.Parallel()
	renew := []string{"http://schemas.xmlsoap.org/ws/2005/02/trust/RST/SCT/Renew",
		"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/SCT/Renew"}
	for _, name := range []string{"wsHttpBinding", "SecureConversation"} {
		policies := presets(t, "KerberosOverTransport", name)
		choice, err := wssec.NewChoice([]string{"a", "b"}, policies)
		if err != nil {
			t.Fatal(err)
		}
		of := func(p wssec.Policy, action string, endorsed bool) (int, bool, error) {
			r := newRenewing(t, p, nil)
			if !endorsed {
				r.token.Endorsing = nil
			}
			msg, _ := r.request(t, `<s:Envelope xmlns:s="`+soap.NS11+`"><s:Header><a:Action xmlns:a="`+nsWSA+`">`+action+
				`</a:Action></s:Header><s:Body><q/></s:Body></s:Envelope>`)
			return choice.Of(parse(t, msg))
		}
		for _, action := range renew {
			if i, boot, err := of(*policies[1].Bootstrap, action, true); err != nil || i != 1 || !boot {
				t.Errorf("%s, endorsed: %d %v, %v", name, i, boot, err)
			}
			expectChoice(t, choice, policies[1], action, 1, false)
			if _, _, err := of(policies[0], action, true); err == nil {
				t.Errorf("%s: a policy without bootstrap has renewals", name)
			}
		}
		for _, action := range []string{"urn:op", strings.TrimSuffix(renew[0], "/Renew")} {
			if _, _, err := of(*policies[1].Bootstrap, action, true); err == nil {
				t.Errorf("%s: %s is endorsed", name, action)
			}
		}
	}
}

// However a message is changed, it is refused, or means what it meant and is
// endorsed by its own context or by none.
func TestVerifyRejectsOrForwardsUnchangedAMutatedEndorsedMessage(t *testing.T) {
	t.Parallel()
	for name, policy := range endorsedPolicies(t) {
		if policy.Binding != wssec.SymmetricBinding {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRenewing(t, policy, nil)
			r.cfg.Guard = wssec.NewKeyGuard(wssec.KeyGuardConfig{Allowance: 1 << 30})
			r.serve(t, policy)
			msg := []byte(r.message())
			want, err := meaning(r.service, msg)
			if err != nil {
				t.Fatal(err)
			}
			random, env := rand.New(rand.NewPCG(1, uint64(len(msg)))), parse(t, msg)
			for range 200 {
				changed := mutate(random, msg, env)
				got, err := meaning(r.service, changed)
				if err == nil && got != want {
					t.Fatalf("accepted and forwarded as\n%s\nwant\n%s\nmessage\n%s", got, want, changed)
				}
				if err == nil {
					r.endorsedByItself(changed)
				}
			}
		})
	}
}

// endorsedByItself requires that no other context than alice's endorses a message.
func (r *renewing) endorsedByItself(msg []byte) {
	r.t.Helper()
	m, err := r.verify(r.t, msg)
	if err != nil {
		r.t.Fatal(err)
	}
	if sc, ok := m.Endorsing(); ok && sc.Identifier != r.own.Identifier {
		r.t.Errorf("endorsed by %s\n%s", sc.Identifier, msg)
	}
}
