package wssec

import (
	"context"
	"crypto/sha1"
	"slices"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// Message is a SOAP message whose protection was verified under a [Policy].
// Only a [Processor] makes one. It is safe for concurrent use.
type Message struct {
	env      *soap.Envelope
	policy   *Policy
	security xmltext.Node
	actor    string       // of the Security header, if the policy names it
	detached xmltext.Node // the token, if it stands outside the Security header
	tls      bool
	token    CachedToken
	context  *SecurityContext // nil without one
	base     baseKey

	endorsing *SecurityContext // nil without one

	tokens    TokenCache // where Remember enters the token; nil if it does not
	tokenHash TokenHash

	verified        []xmltext.Node
	encrypted       []xmltext.Node
	signatureValues [][]byte
	scNamespace     string
	facts           Facts

	// The memory of lists while they are short.
	verifiedRoom  [4]xmltext.Node
	valuesRoom    [1][]byte
	valueRoom     [sha1.Size]byte
	encryptedRoom [2]xmltext.Node
}

// Facts are figures about one verification, for logs and metrics.
type Facts struct {
	TokenBytes      int           // of the BinarySecurityToken, 0 if the message had none
	PlaintextBytes  int           // decrypted
	CiphertextBytes int           // of the elements in whose place the plaintext stands
	TokenTime       time.Duration // spent on the token
	DecryptTime     time.Duration // spent on decryption and scanning plaintext
	DigestTime      time.Duration // spent on canonicalization and digests
	// UncoveredPrefix describes content that PrefixesCovered would have
	// refused; nil if there is none.
	UncoveredPrefix *Error
}

// Envelope returns the message with its plaintext in place. It holds parts that
// nothing protects, too; see [Message.Body], [Message.Signed] and
// [Message.AppendForward].
func (m *Message) Envelope() *soap.Envelope { return m.env }

// Body returns the Body, which is verified if the policy signs it.
func (m *Message) Body() xmltext.Node { return m.env.Body }

// Principal returns the client's name and realm; empty in a verified reply.
func (m *Message) Principal() (name, realm string) { return m.token.Name, m.token.Realm }

// Service returns the principal that the client's ticket is for, as
// "soap/gw.example.com@EXAMPLE.COM".
func (m *Message) Service() string { return m.token.Service }

// Context returns the security context under which the message came, and whether
// there is one. Its Key is that of the Instance which the message named. Do not
// change its Groups.
func (m *Message) Context() (sc SecurityContext, ok bool) {
	if m.context == nil {
		return SecurityContext{}, false
	}
	return *m.context, true
}

// Endorsing returns the security context whose SecurityContextToken endorses the
// message (SP §8.3), and whether there is one: its key has signed the message's
// Signature or, where TLS protects the message, its Timestamp, and its client is
// that of the message. Only a Processor with Config.EndorsingContexts accepts
// such messages. Do not change its Groups.
func (m *Message) Endorsing() (sc SecurityContext, ok bool) {
	if m.endorsing == nil {
		return SecurityContext{}, false
	}
	return *m.endorsing, true
}

// Groups returns the security identifiers of the client's groups, as the PAC of
// its ticket has them. Callers must not modify the list.
func (m *Message) Groups() []string { return m.token.Groups }

// Credentials returns what the client's token has to call others in its name, as
// the TokenVerifier wrote it (see [VerifiedCredentials]); nil if there is nothing.
// Under a security context it is that of the token which the context was issued
// for. Secret; callers must not modify it.
func (m *Message) Credentials() []byte { return m.token.Credentials }

// TicketEndTime returns when the client's ticket expires; zero if a security
// context does not say.
func (m *Message) TicketEndTime() time.Time {
	if m.context != nil {
		return m.context.TicketEnd
	}
	return m.token.EndTime
}

// Release ends the use of the message, with its envelope: the memory of its index
// is used for others, and its plaintext is overwritten and then too. The caller
// has to be the only one who uses it. Nodes of the message, and strings that they
// have returned, may not be used any more; what else the methods of m have
// returned stays as it is. [Processor.Protect] and ProtectOwn still take m: they
// need its key, its signature and a few names, of which m has copies then; Signed
// and Encrypted return nothing. A second call does nothing. A message that is not released is left to the collector.
func (m *Message) Release() {
	m.actor = strings.Clone(m.actor)
	m.base.context = m.base.context.clone()
	m.base.node, m.security, m.detached = xmltext.Node{}, xmltext.Node{}, xmltext.Node{}
	m.verified, m.verifiedRoom, m.encrypted, m.encryptedRoom = nil, [4]xmltext.Node{}, nil, [2]xmltext.Node{}
	m.env.Release()
}

// Facts returns the figures of the verification.
func (m *Message) Facts() Facts { return m.facts }

// Signed returns the nodes that the signature covers, in the order of its
// References.
func (m *Message) Signed() []xmltext.Node { return m.verified }

// Encrypted returns the parts that were encrypted: the Body if its content was,
// header blocks, the Signature.
func (m *Message) Encrypted() []xmltext.Node { return m.encrypted }

// Key returns the key that signed and encrypted the message, or the zero [Key]
// if none did.
func (m *Message) Key() Key { return Key{octets: m.base.octets} }

// Remember enters the message's token in the [TokenCache], so that later
// messages can name it by its hash (Kerberos Token Profile 1.1.1 §3.3). Call it
// once the client is authorized: before that, any holder of a ticket could take
// room in the cache. Without the call each message must have its token. Under a
// policy without TokenOnce, and for a message that named its token by its hash,
// it does nothing. After an error the message is still verified; the client has
// to send its token again.
func (m *Message) Remember(ctx context.Context) error {
	if m.tokens == nil {
		return nil
	}
	tok := m.token
	tok.Key = NewKey(tok.Key.octets)
	return m.tokens.PutToken(context.WithoutCancel(ctx), m.tokenHash, tok)
}

// TLS reports whether the message came by TLS, as its Channel had it.
func (m *Message) TLS() bool { return m.tls }

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

// AsSent returns what the client keeps of this request, for
// [Processor.VerifyReply] with both sides of a recorded conversation.
func (m *Message) AsSent() *Request {
	r := &Request{base: m.base, signatureValues: slices.Clone(m.signatureValues)}
	r.base.context = r.base.context.clone()
	return r
}
