package wssec

import (
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Message is a SOAP message whose protection was verified as its policy asks. Only a
// Processor makes one. It is safe for concurrent readers.
type Message struct {
	env      *soap.Envelope
	policy   *Policy
	security xmltext.Node
	tls      bool
	token    CachedToken
	base     baseKey

	verified        []xmltext.Node
	encrypted       []xmltext.Node
	signatureValues [][]byte
	scNamespace     string
	facts           Facts
}

// Facts are figures about one verification, for logs and metrics.
type Facts struct {
	TokenBytes     int           // of the BinarySecurityToken, 0 if the message had none
	PlaintextBytes int           // decrypted
	TokenTime      time.Duration // spent on the ticket
	DecryptTime    time.Duration // spent on decryption and scanning plaintext
	DigestTime     time.Duration // spent on canonicalization and digests
	TokenCacheErr  error         // the token could not be cached; the message is verified all the same
}

// Envelope gives the message with its plaintext in place. It holds unverified parts too;
// see Body, SignedHeaders and AppendForward.
func (m *Message) Envelope() *soap.Envelope { return m.env }

// Body gives the Body.
func (m *Message) Body() xmltext.Node { return m.env.Body }

// Principal gives the client's name and realm; empty in a verified reply.
func (m *Message) Principal() (name, realm string) { return m.token.Name, m.token.Realm }

// Service gives the principal that the client's ticket is for.
func (m *Message) Service() string { return m.token.Service }

// Groups gives the security identifiers of the client's groups, as the PAC of its ticket has
// them. Do not change the list.
func (m *Message) Groups() []string { return m.token.Groups }

// TicketEndTime gives when the client's ticket expires.
func (m *Message) TicketEndTime() time.Time { return m.token.EndTime }

// Facts gives the figures of the verification.
func (m *Message) Facts() Facts { return m.facts }

// Signed gives the nodes that the signature covers, in the order of its References.
func (m *Message) Signed() []xmltext.Node { return m.verified }

// Encrypted gives the parts that were encrypted: the Body for its content, a header block,
// the Signature.
func (m *Message) Encrypted() []xmltext.Node { return m.encrypted }

// Key gives the key that signed and encrypted the message, the zero Key if none did.
func (m *Message) Key() Key { return Key{octets: m.base.octets} }

// isProtected tells whether the policy's protection covers a header block: the signature
// does, or the TLS channel.
func (m *Message) isProtected(b xmltext.Node) bool {
	if m.policy.Binding != Symmetric && m.tls {
		return true
	}
	for _, n := range m.verified {
		if n == b {
			return true
		}
	}
	return false
}

// AsSent gives what the client keeps of this request, so that whoever holds both sides of
// a recorded conversation can verify its reply with VerifyReply.
func (m *Message) AsSent() *Request {
	return &Request{base: m.base, signatureValues: m.signatureValues}
}
