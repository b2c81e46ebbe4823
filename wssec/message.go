package wssec

import (
	"context"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Message is a SOAP message whose protection was verified as its policy asks.
// Only a Processor makes one. It is safe for concurrent readers.
type Message struct {
	env      *soap.Envelope
	policy   *Policy
	security xmltext.Node
	tls      bool
	token    CachedToken
	base     baseKey

	tokens    TokenCache // where Remember enters the token; nil if it does not
	tokenHash TokenHash

	verified        []xmltext.Node
	encrypted       []xmltext.Node
	signatureValues [][]byte
	scNamespace     string
	facts           Facts
}

// Facts are figures about one verification, for logs and metrics.
type Facts struct {
	TokenBytes      int           // of the BinarySecurityToken, 0 if the message had none
	PlaintextBytes  int           // decrypted
	CiphertextBytes int           // of the elements in whose place the plaintext stands
	TokenTime       time.Duration // spent on the ticket
	DecryptTime     time.Duration // spent on decryption and scanning plaintext
	DigestTime      time.Duration // spent on canonicalization and digests
	// UncoveredPrefix describes content that PrefixesCovered would have
	// refused; nil without.
	UncoveredPrefix *Error
}

// Envelope returns the message with its plaintext in place. It holds unverified
// parts too; see Body, SignedHeaders and AppendForward.
func (m *Message) Envelope() *soap.Envelope { return m.env }

// Body returns the Body.
func (m *Message) Body() xmltext.Node { return m.env.Body }

// Principal returns the client's name and realm; empty in a verified reply.
func (m *Message) Principal() (name, realm string) { return m.token.Name, m.token.Realm }

// Service returns the principal that the client's ticket is for.
func (m *Message) Service() string { return m.token.Service }

// Groups returns the security identifiers of the client's groups, as the PAC of
// its ticket has them. Do not change the list.
func (m *Message) Groups() []string { return m.token.Groups }

// TicketEndTime returns when the client's ticket expires.
func (m *Message) TicketEndTime() time.Time { return m.token.EndTime }

// Facts returns the figures of the verification.
func (m *Message) Facts() Facts { return m.facts }

// Signed returns the nodes that the signature covers, in the order of its
// References.
func (m *Message) Signed() []xmltext.Node { return m.verified }

// Encrypted returns the parts that were encrypted: the Body for its content, a
// header block, the Signature.
func (m *Message) Encrypted() []xmltext.Node { return m.encrypted }

// Key returns the key that signed and encrypted the message, the zero Key if
// none did.
func (m *Message) Key() Key { return Key{octets: m.base.octets} }

// Remember keeps the message's token, so that later messages can name it by its
// hash (Kerberos Token Profile 1.1.1 §3.3). Call it as soon as the client is
// authorized: before that it would let whoever has any ticket take room in the
// cache. Without the call each message must bring its token. Under a policy
// without TokenOnce, and for a message that named its token by the hash itself,
// it does nothing. An error costs later messages their short form, not this one
// its acceptance.
func (m *Message) Remember(ctx context.Context) error {
	if m.tokens == nil {
		return nil
	}
	tok := m.token
	tok.Key = NewKey(tok.Key.octets)
	return m.tokens.PutToken(context.WithoutCancel(ctx), m.tokenHash, tok)
}

// isProtected reports whether the policy's protection covers a header block:
// the signature does, or the TLS channel.
func (m *Message) isProtected(b xmltext.Node) bool {
	if m.policy.Binding != SymmetricBinding && m.tls {
		return true
	}
	for _, n := range m.verified {
		if n == b {
			return true
		}
	}
	return false
}

// AsSent returns what the client keeps of this request, so that whoever holds
// both sides of a recorded conversation can verify its reply with VerifyReply.
func (m *Message) AsSent() *Request {
	return &Request{base: m.base, signatureValues: m.signatureValues}
}
