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
	"github.com/wssgate/wssgate/wstrust"
)

// A token is a Kerberos token that was opened, or the context that a
// negotiation has established.
type token struct {
	key   []byte
	etype int32
}

// A key is that of a token of a message, as far as it is known.
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

	security  xmltext.Node // the Security header for the gateway; see findSecurity
	endorsing xmltext.Node // the SecurityContextToken beside that of the policy
	ids       map[string]xmltext.Node
	opened    map[xmltext.Node]*token // tokens of this message
	trees     map[xmltext.Node]*inspect.Node
	refused   error     // the acceptor's refusal of the token
	made      time.Time // when the message was made, by its own account
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
	m := &message{x: x, ctx: ctx, now: x.cfg.Time(), root: &inspect.Node{}, ids: map[string]xmltext.Node{},
		opened: map[xmltext.Node]*token{}, trees: map[xmltext.Node]*inspect.Node{},
		parts: map[xmltext.Node]*partState{}}
	var err error
	if m.env, err = soap.Parse(src, xmltext.Options{}); err != nil {
		return m.root, m.fragment(src, err)
	}
	m.root.Name, m.root.Value = m.env.Version.String()+" message", octets(len(src))
	m.explain()
	if x.cfg.Keytab == nil {
		return m.root, nil
	}
	return m.root, m.addVerdict(src)
}

// fragment explains the tokens in XML that is no SOAP message, such as a part
// of one. What was meant to be one, or is to be verified, is refused.
func (m *message) fragment(src []byte, notSOAP error) error {
	m.root.Name, m.root.Value = "XML", octets(len(src))
	if doc, err := xmltext.Scan(src, xmltext.Options{}); err == nil {
		found := m.tokensIn(m.root, doc.Root())
		if found > 0 && m.x.cfg.Policy == nil && doc.Root().Local() != "Envelope" {
			m.root.Value = nameOf(doc.Root()) + ", " + m.root.Value
			m.root.Note = "no SOAP message: its tokens alone"
			return m.refused
		}
	}
	m.root.Problem = notSOAP.Error()
	return fmt.Errorf("it is no SOAP message: %w", notSOAP)
}

// explain walks the message as a receiver does.
func (m *message) explain() {
	m.indexIDs()
	m.findSecurity()
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

// findSecurity finds the Security header for the gateway: under the policy that
// was given, one for its actors, and else the first that is for every node, or
// for the first actor that the message names.
func (m *message) findSecurity() {
	var actors []string
	if m.x.cfg.Policy != nil {
		actors = m.x.cfg.Policy.Actors
	}
	var first xmltext.Node
	for b := range m.env.Blocks() {
		switch {
		case !b.Is(wssec.NSWSSE, "Security"):
		case m.security.IsZero() && wssec.IsSecurityHeader(m.env, b, actors):
			m.security = b
		case first.IsZero():
			first = b
		}
	}
	if m.security.IsZero() && m.x.cfg.Policy == nil && !first.IsZero() {
		m.security, actors = first, []string{m.env.Role(first)}
	}
	m.found.actors = actors
	if !m.security.IsZero() {
		m.endorsing = endorsing(m.security)
	}
}

// securityHeader explains the children of a Security header in their order; of
// one for another actor, the tokens alone. What a ReferenceList names is decrypted where the list stands, so that what
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
	ours := wssec.IsSecurityHeader(m.env, b, m.found.actors)
	switch {
	case !ours:
		n.Note = "for another actor: the gateway does not process it, and passes it on under forward-actors"
	case b != m.security:
		m.fail(n, "a second Security header for the gateway, which refuses such messages")
	}
	count := 0
	for c := b.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if count++; count > maxChildren {
			n.Add("…", "more elements than any peer sends")
			return
		}
		line := n.Add(nameOf(c), "")
		if ours || c.Is(wssec.NSWSSE, "BinarySecurityToken") {
			m.securityChild(line, c, count)
		}
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
		id := c.Child(c.Space(), "Identifier").Text()
		if n.Value = "context " + id; m.contextKey(id) == nil && m.x.cfg.Keytab != nil {
			n.Note = "its key is not known: " + inspectNegotiation
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
			n.Value = "the request had no signature"
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
		n.Problem = "has no ValueType, which names what it is"
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
	var answer xmltext.Node
	visit := func(c xmltext.Node) {
		switch {
		case isWST(c, "BinaryExchange"), c.Is(wssec.NSWSSE, "BinarySecurityToken"):
			if count++; count <= maxTokens {
				m.binaryToken(n.Add(nameOf(c), idText(c)), c)
			}
		case answer.IsZero() && (isWST(c, "RequestSecurityTokenResponse") ||
			isWST(c, "RequestSecurityTokenResponseCollection")):
			answer = c
		}
	}
	visit(at)
	for c := range at.Descendants() {
		visit(c)
	}
	if !answer.IsZero() {
		count += m.proofTokens(n, answer)
	}
	return count
}

// proofTokens explains the keys that a negotiation ends with: GSS_Wrap of them
// (WS-Trust 1.3 §4.4.5 and 8).
func (m *message) proofTokens(n *inspect.Node, answer xmltext.Node) (count int) {
	responses, err := wstrust.ReadResponses(answer)
	if err != nil {
		n.Add(nameOf(answer), "").Problem = err.Error()
	}
	for _, r := range responses {
		if r.Proof == nil {
			continue
		}
		count++
		if r.Proof.Wrapped == nil {
			m.computedKey(n, r)
			continue
		}
		line := n.Add("wst:RequestedProofToken", "GSS_Wrap")
		key := m.x.kerberos.Inspect(r.Proof.Wrapped)
		line.Nest(key.Node)
		if key.Message != nil && r.Token != nil && len(m.x.contexts) < maxKept {
			m.x.contexts[r.Token.Identifier] = newSecurityContext(&key, r)
			line.Add("holds", "the key of context "+r.Token.Identifier)
		}
	}
	return count
}

// computedKey explains the key of a context that was issued over a secured
// channel, and keeps it for the messages that follow.
func (m *message) computedKey(n *inspect.Node, r *wstrust.RequestSecurityTokenResponse) {
	line := n.Add("wst:RequestedProofToken", "the key itself")
	if r.Proof.ComputedKey != "" {
		line.Value = "P_SHA1 of the entropy of both sides"
	}
	if m.x.asked == nil || r.Token == nil {
		line.Note = "the key is not known: inspect the request for the context in the same run, before it"
		return
	}
	if sc, ok := m.x.asked.issuedContext(r); ok && len(m.x.contexts) < maxKept {
		m.x.contexts[r.Token.Identifier] = sc
		line.Add("holds", "the key of context "+r.Token.Identifier)
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
			if wssec.IsSecurityHeader(m.env, b, m.found.actors) && c.Is(nsXenc, "EncryptedData") {
				return true
			}
		}
	}
	return false
}

// addressingText is the address or text of a WS-Addressing header block.
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
