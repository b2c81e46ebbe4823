package explain

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmldsig"
)

// findings are what a message shows of the policy that its sender follows.
type findings struct {
	actors                        []string // of the Security header that is the gateway's
	timestamp, confirms           bool
	encryption, signature, digest string          // URIs; "" when the message has none
	derived, rawKey               bool            // keys are used through DerivedKeyTokens; as they are
	context, contextKnown         bool            // a key is that of a SecurityContextToken; of one that is known
	contextToken                  wssec.TokenType // of that one
	bootstrap                     *wssec.Policy   // under which that one was issued; nil for a negotiation
	byHash                        bool            // a key of a token that is not in the message
	lists                         []int           // positions of the lists that name parts
	signed                        int             // position of the signature
	signer, base                  xmltext.Node
	sealedSignature, tokenSigned  bool
	strTransform                  bool
	strForm                       wssec.STRForm
	signedParts, encryptedParts   wssec.Parts
	fit                           wssec.KeyFit
}

// policy is one that fits the message: what a route needs to accept
// it.
func (f *findings) policy() wssec.Policy {
	p := wssec.Policy{Binding: wssec.NoBinding, Actors: f.actors, Timestamp: wssec.TimestampForbidden}
	if f.timestamp {
		p.Timestamp = wssec.TimestampRequired
	}
	token := wssec.KerberosToken
	if f.context {
		token, p.Bootstrap = f.contextToken, f.bootstrap
	}
	use := wssec.SupportingToken{Token: token, Use: wssec.UsePlain}
	switch {
	case f.signature != "" && (f.signedParts.Body || f.encryption != ""):
		p.Binding, p.ProtectionToken = wssec.SymmetricBinding, token
		p.ProtectTokens = f.tokenSigned
		p.EncryptedParts, p.EncryptSignature = f.encryptedParts, f.sealedSignature
		p.TokenOnce = f.byHash
	case f.signature != "":
		p.Binding = wssec.TransportBinding
		if use.Use = wssec.UseEndorsing; f.tokenSigned {
			use.Use = wssec.UseSignedEndorsing
		}
	}
	if p.Binding != wssec.SymmetricBinding {
		p.SupportingTokens = []wssec.SupportingToken{use}
	}
	if f.signature == "" {
		return p
	}
	p.SignedParts, p.KeyFit, p.STRTransform = f.signedParts, f.fit, f.strForm
	f.algorithms(&p)
	if p.DerivedKeys = wssec.DerivedKeysForbidden; f.derived {
		p.DerivedKeys = wssec.DerivedKeysRequired
		if f.rawKey {
			p.DerivedKeys = wssec.DerivedKeysAllowed
		}
	}
	if len(f.lists) > 0 && f.lists[0] > f.signed {
		p.ProtectionOrder = wssec.EncryptBeforeSign
	}
	return p
}

// algorithms takes the first suite whose ciphers and digests are those of the
// message.
func (f *findings) algorithms(p *wssec.Policy) {
	p.AlgorithmSuite = wssec.Basic128
	best := -1
	for _, name := range wssec.SuiteNames() {
		s, _ := wssec.LookupSuite(name)
		score := 0
		if f.encryption == "" || s.Encryption.URI == f.encryption {
			score += 2
		}
		if s.Digest.URI == f.digest {
			score++
		}
		if score > best {
			best, p.AlgorithmSuite = score, name
		}
	}
	if s, _ := wssec.LookupSuite(p.AlgorithmSuite); s.Digest.URI != f.digest {
		p.DigestMethod = map[string]wssec.DigestName{xmldsig.SHA1: wssec.DigestSHA1,
			xmldsig.SHA256: wssec.DigestSHA256, xmldsig.SHA384: wssec.DigestSHA384,
			xmldsig.SHA512: wssec.DigestSHA512}[f.digest]
	}
	p.SignatureMethod = map[string]wssec.SignatureName{xmldsig.HMACSHA256: wssec.HMACSHA256,
		xmldsig.HMACSHA384: wssec.HMACSHA384,
		xmldsig.HMACSHA512: wssec.HMACSHA512}[f.signature]
}

// policyText is a policy as a configuration file has it.
func policyText(p wssec.Policy) string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	line("binding", string(p.Binding))
	line("protection-token", string(p.ProtectionToken))
	for _, t := range p.SupportingTokens {
		line("supporting-tokens", fmt.Sprintf("[{token: %s, use: %s}]", t.Token, t.Use))
	}
	line("algorithm-suite", string(p.AlgorithmSuite))
	line("signature-method", string(p.SignatureMethod))
	line("digest-method", string(p.DigestMethod))
	line("signed-parts", partsText(p.SignedParts))
	line("encrypted-parts", partsText(p.EncryptedParts))
	line("protection-order", string(p.ProtectionOrder))
	for _, s := range []struct {
		key string
		on  bool
	}{{"encrypt-signature", p.EncryptSignature}, {"protect-tokens", p.ProtectTokens},
		{"signature-confirmation", p.SignatureConfirmation}, {"token-once", p.TokenOnce}} {
		if s.on {
			line(s.key, "true")
		}
	}
	line("derived-keys", string(p.DerivedKeys))
	line("timestamp", string(p.Timestamp))
	line("key-fit", string(p.KeyFit))
	line("str-transform", string(p.STRTransform))
	if len(p.Actors) > 0 {
		line("actor", "["+quoted(p.Actors)+"]")
	}
	if p.Bootstrap != nil {
		b.WriteString("bootstrap:\n")
		for text := range strings.Lines(policyText(*p.Bootstrap)) {
			b.WriteString("  " + text)
		}
	}
	return b.String()
}

// quoted is a list as YAML has it, without brackets.
func quoted(list []string) string {
	var words []string
	for _, text := range list {
		words = append(words, fmt.Sprintf("%q", text))
	}
	return strings.Join(words, ", ")
}

func partsText(p wssec.Parts) string {
	var words []string
	if p.Body {
		words = append(words, "body: true")
	}
	if len(p.Headers) > 0 {
		words = append(words, "headers: ["+quoted(p.Headers)+"]")
	}
	if len(words) == 0 {
		return ""
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// offer shows the policy that the message seems to follow, if serve takes one
// like it. It is said to fit only when the message was accepted under it.
func (m *message) offer(t *trial) {
	n := m.root.Add("policy", "")
	err := t.found.Validate()
	switch {
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		n.Note = "none that serve takes is like this message: " + first
		return
	case t.reply && m.found.signature == "":
		n.Note = "that of the request"
	case t.now.err == nil || t.then.err == nil:
		n.Note = "one that fits this message, as a route has it"
	default:
		n.Note = "what this message looks like; whether a route with it accepts such messages cannot be said, " +
			"as this one is refused"
	}
	n.Text = policyText(t.found)
}
