package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// A token is a Kerberos token that was opened, or the context that a
// negotiation has established.
type token struct {
	key   []byte
	etype int32
}

// A key is what a token of a message gives.
type key struct {
	octets  []byte // nil when it is not known
	from    string // "DerivedKeyToken #DK-1 of BinarySecurityToken #BST-1"
	derived bool
	token   xmltext.Node // the element that it comes from; zero when that is not in the message
}

// message is one SOAP message that is being explained.
type message struct {
	x    *Inspector
	ctx  context.Context
	env  *soap.Envelope
	now  time.Time
	root *inspect.Node

	security  xmltext.Node // the first Security header, "" for those without actor before others
	ids       map[string]xmltext.Node
	opened    map[xmltext.Node]*token // tokens of this message
	trees     map[xmltext.Node]*inspect.Node
	refused   error     // what an acceptor says of the token
	made      time.Time // when the message was made, as it says itself
	parts     map[xmltext.Node]*partState
	order     []xmltext.Node
	found     findings
	firstFail error
	work      int // decryptions and digests so far
}

// partState is what protects a part of the message.
type partState struct {
	signed, encrypted string // how, "" if not
}

// Bounds on what is shown of a message and done for it. A message has some ten
// signed parts.
const (
	maxWork     = 128
	maxChildren = 64
	maxBlocks   = 64
	maxTokens   = 16 // outside the Security header
)

// message explains a SOAP message, or what other XML holds of tokens.
func (x *Inspector) message(ctx context.Context, src []byte) (*inspect.Node, error) {
	root := &inspect.Node{Name: "SOAP message", Value: octets(len(src))}
	env, err := soap.Parse(src, xmltext.Options{})
	if err != nil {
		root.Name, root.Problem = "XML", err.Error()
		if doc, scanErr := xmltext.Scan(src, xmltext.Options{}); scanErr == nil {
			m := &message{x: x, ctx: ctx, now: x.cfg.Time(), root: root, opened: map[xmltext.Node]*token{}}
			if n := m.tokensIn(root, doc.Root()); n > 0 {
				root.Problem, root.Value = "", nameOf(doc.Root())+", "+octets(len(src))
				return root, m.refused
			}
		}
		return root, fmt.Errorf("it is no SOAP message: %w", err)
	}
	m := &message{x: x, ctx: ctx, env: env, now: x.cfg.Time(), root: root, ids: map[string]xmltext.Node{},
		opened: map[xmltext.Node]*token{}, trees: map[xmltext.Node]*inspect.Node{}, parts: map[xmltext.Node]*partState{}}
	root.Name = env.Version.String() + " message"
	m.explain()
	if x.cfg.Keytab == nil {
		return root, nil
	}
	return root, m.addVerdict(src)
}

// explain walks the message as a receiver does.
func (m *message) explain() {
	m.indexIDs()
	for b := range m.env.Blocks() {
		if b.Is(wssec.NSWSSE, "Security") {
			m.securityHeader(b)
		}
	}
	m.protection()
	if fault, ok := m.env.Fault(); ok {
		m.root.Addf("fault", "%s", fault.Reason)
	}
	m.tokensIn(m.root, m.env.Body)
	if m.x.cfg.Plaintext {
		m.plaintext(m.root.Add("plaintext", ""))
	}
}

// plaintext shows the Body as it is now. A key that a security token service
// has put into it is a key.
func (m *message) plaintext(n *inspect.Node) {
	if !m.x.cfg.ShowKeys {
		for c := range m.env.Body.Descendants() {
			if isWST(c, "BinarySecret") {
				n.Note = "holds a key (wst:BinarySecret), so it is shown with keys only"
				return
			}
		}
	}
	n.Text = string(m.env.Body.AppendSource(nil))
}

// indexIDs finds what a reference may name, here with less distinction than the
// gateway makes.
func (m *message) indexIDs() {
	m.ids = map[string]xmltext.Node{}
	enter := func(n xmltext.Node) {
		if id := idOf(n); id != "" && m.ids[id].IsZero() {
			m.ids[id] = n
		}
	}
	blocks := 0
	for b := range m.env.Blocks() {
		if blocks++; blocks > maxBlocks {
			break
		}
		enter(b)
		if b.Is(wssec.NSWSSE, "Security") || b.Is(wssec.NSWSSE11, "EncryptedHeader") {
			for c := range b.Children() {
				enter(c)
			}
		}
	}
	enter(m.env.Body)
	for c := range m.env.Body.Children() {
		if c.Is(nsXenc, "EncryptedData") {
			enter(c)
		}
	}
}

// part returns the state of a part, which is new at first.
func (m *message) part(n xmltext.Node) *partState {
	p, ok := m.parts[n]
	if !ok {
		p = &partState{}
		m.parts[n] = p
		m.order = append(m.order, n)
	}
	return p
}

// securityHeader explains the children of a Security header in their order.
// What a ReferenceList names is decrypted where the list stands, so that what
// comes after it is seen as the sender signed it.
func (m *message) securityHeader(b xmltext.Node) {
	n := m.root.Add("Security", "")
	var attrs []string
	if must, _ := m.env.MustUnderstand(b); must {
		attrs = append(attrs, "mustUnderstand")
	}
	if role := m.env.Role(b); role != "" {
		attrs = append(attrs, "for "+role)
	}
	n.Value = strings.Join(attrs, ", ")
	for c := range b.Children() { // a list before a token may name what its key encrypts
		if c.Is(wssec.NSWSSE, "BinarySecurityToken") && len(m.trees) < maxTokens {
			m.trees[c] = &inspect.Node{}
			m.binaryToken(m.trees[c], c)
		}
	}
	if m.security.IsZero() {
		m.security, m.found.actor = b, m.env.Role(b)
	} else {
		n.Note = "a second Security header"
	}
	count := 0
	for c := b.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if count++; count > maxChildren {
			n.Add("…", "more elements than any peer sends")
			return
		}
		line := n.Add(nameOf(c), "")
		m.securityChild(line, c, count)
		if id := idText(c); id != "" && line.Value != "" {
			line.Value = id + ", " + line.Value
		} else {
			line.Value += id
		}
	}
}

func (m *message) securityChild(n *inspect.Node, c xmltext.Node, position int) {
	switch {
	case c.Is(wssec.NSWSU, "Timestamp"):
		m.timestamp(n, c)
	case c.Is(wssec.NSWSSE, "BinarySecurityToken"):
		if t := m.trees[c]; t != nil {
			t.Name = n.Name
			*n = *t
		}
	case isSC(c, "DerivedKeyToken"):
		m.derivedKeyToken(n, c)
	case isSC(c, "SecurityContextToken"):
		m.found.context = true
		n.Value = "context " + c.Child(c.Space(), "Identifier").Text()
		if m.x.contexts[c.Child(c.Space(), "Identifier").Text()] == nil && m.x.cfg.Keytab != nil {
			n.Note = "its key is not known: inspect the negotiation in the same run, before it"
		}
	case c.Is(nsXenc, "ReferenceList"):
		m.referenceList(n, c, xmltext.Node{}, position)
	case c.Is(nsXenc, "EncryptedKey"):
		m.encryptedKey(n, c)
		if list := c.Child(nsXenc, "ReferenceList"); !list.IsZero() {
			m.referenceList(n, list, c, position)
		}
	case c.Is(nsXenc, "EncryptedData"):
		if n.Value = "encrypted"; m.parts[c] == nil {
			m.fail(n, "no ReferenceList before it names it, so it stays closed")
		}
	case c.Is(nsDS, "Signature"):
		m.signature(n, c, position)
	case c.Is(wssec.NSWSSE11, "SignatureConfirmation"):
		n.Value = "confirms the signature of the request"
		if value, ok := c.Attr("", "Value"); !ok || value == "" {
			n.Value = "says that the request had no signature"
		}
		m.found.confirms = true
	case c.Is(wssec.NSWSSE, "UsernameToken"):
		n.Value = c.Child(wssec.NSWSSE, "Username").Text()
		n.Problem = "not a Kerberos token; the gateway refuses it"
	default:
		n.Note = "not looked into"
	}
}

func (m *message) timestamp(n *inspect.Node, c xmltext.Node) {
	m.found.timestamp = true
	m.part(c)
	for _, name := range []string{"Created", "Expires"} {
		t := c.Child(wssec.NSWSU, name)
		if t.IsZero() {
			continue
		}
		at, err := wssec.ParseDateTime(t.Text())
		if err != nil {
			n.Add(name, t.Text()).Problem = err.Error()
			continue
		}
		n.Add(name, inspect.FormatTime(at, m.now))
		if name == "Created" {
			m.made = at
		}
	}
}

// binaryToken explains a BinarySecurityToken and what it holds.
func (m *message) binaryToken(n *inspect.Node, c xmltext.Node) *token {
	valueType, _ := c.Attr("", "ValueType")
	data, err := xmlenc.AppendBase64(nil, c)
	n.Value = strings.TrimPrefix(n.Value+", "+algorithm(valueType), ", ")
	if valueType == "" {
		n.Problem = "has no ValueType, which says what it is"
	}
	if err != nil {
		n.Problem = err.Error()
		return nil
	}
	r := m.x.kerberos.Inspect(data)
	n.Nest(r.Node)
	if m.refused == nil {
		m.refused = r.Err
	}
	if !r.Made.IsZero() {
		m.made = r.Made
	}
	if r.Key.IsZero() {
		return nil
	}
	t := &token{key: r.Key.ExposeKeyOctets(), etype: r.Key.Etype()}
	m.opened[c] = t
	m.x.keep(wssec.HashToken(data), t)
	return t
}

// maxKept bounds the tokens of one run.
const maxKept = 256

func (x *Inspector) keep(hash wssec.TokenHash, t *token) {
	if len(x.tokens) < maxKept {
		x.tokens[hash] = t
	}
}

// tokensIn explains tokens outside the Security header: the BinaryExchange of a
// negotiation (WS-Trust), and the key that comes out of it. It returns their
// number.
func (m *message) tokensIn(n *inspect.Node, at xmltext.Node) (count int) {
	var wrapped, context xmltext.Node
	visit := func(c xmltext.Node) {
		switch {
		case isWST(c, "BinaryExchange"), c.Is(wssec.NSWSSE, "BinarySecurityToken"):
			if count++; count <= maxTokens {
				m.binaryToken(n.Add(nameOf(c), idText(c)), c)
			}
		case isSC(c, "SecurityContextToken") && context.IsZero():
			context = c.Child(c.Space(), "Identifier")
		case c.Is(nsXenc, "EncryptedKey") && isWST(c.Parent(), "RequestedProofToken"):
			wrapped = c
		}
	}
	visit(at)
	for c := range at.Descendants() {
		visit(c)
	}
	if !wrapped.IsZero() {
		count++
		m.proofToken(n, wrapped, context)
	}
	return count
}

// proofToken explains the key that a negotiation ends with: GSS_Wrap of it
// (WS-Trust 1.3 §4.4.5 and 8).
func (m *message) proofToken(n *inspect.Node, c, context xmltext.Node) {
	line := n.Add("wst:RequestedProofToken", algorithm(methodOf(c)))
	ek, err := xmlenc.ParseEncryptedKey(c, maxTokens)
	if err != nil {
		line.Problem = err.Error()
		return
	}
	data, err := ek.AppendCipher(nil)
	if err != nil || !strings.HasSuffix(ek.Algorithm, "#GSS_Wrap") {
		return
	}
	r := m.x.kerberos.Inspect(data)
	line.Nest(r.Node)
	if id := context.Text(); r.Message != nil && id != "" && len(m.x.contexts) < maxKept {
		m.x.contexts[id] = r.Message
		line.Add("gives", "the key of context "+id)
	}
}

func methodOf(c xmltext.Node) string {
	uri, _ := c.Child(nsXenc, "EncryptionMethod").Attr("", "Algorithm")
	return uri
}

// protection sums up what protects each part of the message.
func (m *message) protection() {
	n := m.root.Add("parts", "")
	blocks := 0
	for b := range m.env.Blocks() {
		if blocks++; blocks > maxBlocks {
			n.Add("…", "more header blocks than can be shown")
			break
		}
		if !b.Is(wssec.NSWSSE, "Security") {
			m.part(b)
		}
	}
	m.part(m.env.Body)
	hidden := m.mayHideSignature()
	for _, p := range m.order {
		s := m.parts[p]
		value := "neither signed nor encrypted"
		switch {
		case hidden && p.Parent() == m.security && p.Is(nsXenc, "EncryptedData"):
			value = "encrypted (" + s.encrypted + ")"
		case hidden && s.encrypted != "":
			value = "encrypted (" + s.encrypted + "); whether signed is unknown: inside what could not be opened"
		case hidden:
			value = "unknown: inside what could not be opened"
		case s.signed != "" && s.encrypted != "":
			value = "signed (" + s.signed + "), encrypted (" + s.encrypted + ")"
		case s.signed != "":
			value = "signed (" + s.signed + ")"
		case s.encrypted != "":
			value = "encrypted (" + s.encrypted + ")"
		}
		line := n.Add(label(p), value)
		if p == m.env.Body {
			if first := p.FirstChild(); !first.IsZero() && !first.Is(nsXenc, "EncryptedData") {
				line.Note = "holds " + nameOf(first)
			}
		}
		if text := addressingText(p); text != "" {
			line.Note = text
		}
	}
}

// mayHideSignature reports whether the Signature may be in an element of the
// Security header that could not be opened. Then nobody can say of any part
// that it is not signed.
func (m *message) mayHideSignature() bool {
	if m.found.signature != "" {
		return false
	}
	for b := range m.env.Blocks() {
		for c := range b.Children() {
			if b.Is(wssec.NSWSSE, "Security") && c.Is(nsXenc, "EncryptedData") {
				return true
			}
		}
	}
	return false
}

// addressingText is what a WS-Addressing header says.
func addressingText(n xmltext.Node) string {
	if n.Space() != nsWSA && n.Space() != nsWSA04 {
		return ""
	}
	if a := n.Child(n.Space(), "Address"); !a.IsZero() {
		return strings.TrimSpace(a.Text())
	}
	return strings.TrimSpace(n.Text())
}

// fail notes at a line that something is not as it claims to be.
func (m *message) fail(n *inspect.Node, format string, args ...any) {
	n.Problem = fmt.Sprintf(format, args...)
	if m.firstFail == nil {
		m.firstFail = errors.New(n.Name + ": " + n.Problem)
	}
}

// workExceeded reports whether a message has had as much work as it gets. Each
// piece may be as long as the message.
func (m *message) workExceeded() bool {
	m.work++
	return m.work > maxWork
}

// octets is "1,234 octets".
func octets(n int) string { return inspect.OctetCount(n) }
