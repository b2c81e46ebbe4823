package explain

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wssec/xmldsig"
	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// keyOf follows the one SecurityTokenReference of a KeyInfo.
func (m *message) keyOf(keyInfo xmltext.Node) key {
	str := keyInfo.Child(wssec.NSWSSE, "SecurityTokenReference")
	if str.IsZero() {
		return key{from: "no SecurityTokenReference"}
	}
	return m.resolve(str, 0)
}

// maxChain bounds keys that derive from keys.
const maxChain = 4

// resolve finds the token that a SecurityTokenReference names (WSS §7), and its
// key if that is known.
func (m *message) resolve(str xmltext.Node, depth int) key {
	ref := str.FirstChild()
	switch {
	case impliesKey(str):
		m.found.derived = true
		return key{from: "a key that wsc:Nonce implies, which is not looked into", derived: true}
	case depth > maxChain:
		return key{from: "a chain of tokens beyond any use"}
	case ref.Is(wssec.NSWSSE, "Reference"):
		return m.byURI(ref, depth)
	case ref.Is(wssec.NSWSSE, "KeyIdentifier"):
		return m.byHash(ref)
	case ref.Is(wssec.NSWSSE, "Embedded"):
		return m.tokenKey(ref.FirstChild(), depth)
	}
	return key{from: "an unknown form of reference, " + nameOf(ref)}
}

// byURI follows a Reference: to an Id of the message, or to the identifier of a
// context, before which CXF's streaming client writes "#" as if it were an Id.
func (m *message) byURI(ref xmltext.Node, depth int) key {
	uri, _ := ref.Attr("", "URI")
	valueType, _ := ref.Attr("", "ValueType")
	name, local := strings.CutPrefix(uri, "#")
	n := m.ids[name]
	m.found.context = m.found.context || isContextType(valueType) && (n.IsZero() || n != m.endorsing)
	if local && !n.IsZero() {
		return m.tokenKey(n, depth)
	}
	if _, known := m.x.contexts[name]; known || isContextType(valueType) {
		return key{octets: m.contextKey(name), from: "the context " + name}
	}
	if n := m.ids[uri]; !local && !n.IsZero() {
		k := m.tokenKey(n, depth)
		k.from += " (named without #, which the gateway refuses)"
		return k
	}
	return key{from: "a token that is not in the message: " + uri}
}

// contextKey returns the key of a context, nil if it is not known.
func (m *message) contextKey(identifier string) []byte {
	sc := m.x.contexts[identifier]
	if identifier == identifierOf(m.endorsing) {
		return sc.key // it says nothing of the policy
	}
	m.found.context, m.found.contextKnown = true, m.found.contextKnown || sc.key != nil
	m.found.contextToken, m.found.bootstrap = sc.issued.Token, sc.bootstrap
	return sc.key
}

// isContextType reports whether uri is the ValueType of a SecurityContextToken,
// of any version of WS-SecureConversation.
func isContextType(uri string) bool { return strings.HasSuffix(uri, "/sct") }

// tokenKey returns the key of a token of the message.
func (m *message) tokenKey(n xmltext.Node, depth int) key {
	k := key{from: label(n), token: n}
	switch {
	case n.Is(wssec.NSWSSE, "BinarySecurityToken"):
		t := m.opened[n]
		if t == nil && n.Parent().Is(wssec.NSWSSE, "Embedded") {
			t = m.binaryToken(&inspect.Node{}, n)
		}
		if t != nil {
			k.octets = t.key
		}
	case isSC(n, "SecurityContextToken"):
		k.octets = m.contextKey(identifierOf(n))
	case isSC(n, "DerivedKeyToken"):
		k.derived = true
		d, err := wssec.ParseDerivedKeyToken(n)
		if err != nil {
			break
		}
		from := m.resolve(d.Reference, depth+1)
		k.from += " of " + from.from
		m.found.base = from.token
		if from.octets != nil {
			k.octets = wssec.DeriveKey(from.octets, d.Label, d.Nonce, d.Offset, d.Length)
		}
	case n.Is(nsXenc, "EncryptedKey"):
		k.octets = m.unwrapped(n, depth+1)
	}
	return k
}

// byHash finds the token that a KeyIdentifier names by its SHA-1 (Kerberos
// Token Profile 1.1.1 §3.3).
func (m *message) byHash(ref xmltext.Node) key {
	valueType, _ := ref.Attr("", "ValueType")
	octets, err := xmlenc.AppendBase64(nil, ref)
	if err != nil || len(octets) != len(wssec.TokenHash{}) {
		return key{from: "a KeyIdentifier that is no SHA-1"}
	}
	from := fmt.Sprintf("%s %x…", algorithm(valueType), octets[:4])
	hash := wssec.TokenHash(octets)
	for n, t := range m.opened {
		if m.x.tokens[hash] == t {
			return key{octets: t.key, from: label(n) + " by its SHA-1", token: n}
		}
	}
	m.found.byHash = true
	if t := m.x.tokens[hash]; t != nil {
		return key{octets: t.key, from: from + ", the token of an earlier message"}
	}
	return key{from: from + ", a token of another message"}
}

func (m *message) derivedKeyToken(n *inspect.Node, c xmltext.Node) {
	d, err := wssec.ParseDerivedKeyToken(c)
	if err != nil {
		m.fail(n, "%v", reason(err))
		return
	}
	from := m.resolve(d.Reference, 0)
	n.Value = fmt.Sprintf("P_SHA1 of %s, offset %d, length %d, nonce of %s", from.from, d.Offset, d.Length,
		octets(len(d.Nonce)))
	if d.Label != wssec.DefaultLabel {
		n.Add("Label", d.Label)
	}
	if k := m.tokenKey(c, 0); k.octets != nil && m.x.cfg.ShowKeys {
		n.Addf("octets", "%x", k.octets)
	}
}

// reason returns what a reader of wssec finds wrong, without the place.
func reason(err error) error {
	if e, ok := errors.AsType[*wssec.Error](err); ok && e.Err != nil {
		return e.Err
	}
	return err
}

func (m *message) encryptedKey(n *inspect.Node, c xmltext.Node) {
	from := m.keyOf(c.Child(nsDS, "KeyInfo"))
	n.Value = algorithm(methodOf(c)) + " under " + from.from
	switch secret := m.unwrapped(c, 0); {
	case secret != nil && m.x.cfg.ShowKeys:
		n.Addf("octets", "%x", secret)
	case secret == nil && from.octets != nil:
		m.fail(n, "does not unwrap with this key")
	}
}

// unwrapped is the key in an EncryptedKey, nil if it does not come out.
func (m *message) unwrapped(c xmltext.Node, depth int) []byte {
	if depth > maxChain {
		return nil
	}
	ek, err := xmlenc.ParseEncryptedKey(c, maxChildren)
	if err != nil {
		return nil
	}
	size, ok := xmlenc.WrapKeySize(ek.Algorithm)
	kek := m.resolve(ek.KeyInfo.Child(wssec.NSWSSE, "SecurityTokenReference"), depth)
	if !ok || len(kek.octets) < size || ek.CipherLen() > 256 {
		return nil
	}
	wrapped, err := ek.AppendCipher(nil)
	if err != nil {
		return nil
	}
	secret, err := xmlenc.UnwrapKey(kek.octets[:size], wrapped)
	if err != nil {
		return nil
	}
	return secret
}

// referenceList explains which EncryptedData a list names, and decrypts them
// where the keys are known.
func (m *message) referenceList(n *inspect.Node, list, under xmltext.Node, position int) {
	count := 0
	for ref := range list.Children() {
		if count++; count > maxChildren {
			return
		}
		uri, _ := ref.Attr("", "URI")
		line := n.Add("encrypts", "")
		ed := m.ids[strings.TrimPrefix(uri, "#")]
		if ed.Is(wssec.NSWSSE11, "EncryptedHeader") {
			ed = ed.Child(nsXenc, "EncryptedData")
		}
		if ed.IsZero() || !ed.Is(nsXenc, "EncryptedData") {
			m.fail(line, "%s leads to no EncryptedData at a place where it may stand", uri)
			continue
		}
		m.encryptedData(line, ed, under, position)
	}
}

// encryptedData explains one EncryptedData and puts its plaintext in its
// place.
func (m *message) encryptedData(n *inspect.Node, ed, under xmltext.Node, position int) {
	e, err := xmlenc.ParseEncryptedData(ed)
	if err != nil {
		m.fail(n, "%v", err)
		return
	}
	k := m.keyOf(e.KeyInfo)
	if e.KeyInfo.IsZero() && !under.IsZero() {
		k = m.tokenKey(under, 0)
	}
	at, what := ed, "an element of "+nameOf(ed.Parent())
	switch {
	case e.Type == xmlenc.TypeContent:
		what = "the content of " + nameOf(ed.Parent())
	case ed.Parent().Is(wssec.NSWSSE11, "EncryptedHeader"):
		at, what = ed.Parent(), "a header block"
	case ed.Parent() == m.env.Header:
		what = "a header block"
	}
	n.Value = what
	n.Note = algorithm(e.Algorithm) + " with " + k.from
	m.found.encryption, m.found.derived = e.Algorithm, m.found.derived || k.derived
	m.found.rawKey = m.found.rawKey || !k.derived
	m.found.lists = append(m.found.lists, position)
	part := m.decrypt(n, &e, at, k)
	if part.IsZero() {
		part = ed
		if e.Type == xmlenc.TypeContent {
			part = ed.Parent()
		}
		if k.octets == nil && m.x.cfg.Keytab != nil {
			n.Note += "; its key is not known"
		}
	}
	s := m.part(part)
	s.encrypted = algorithm(e.Algorithm)
	if at.Parent() == m.security || part.Is(nsDS, "Signature") {
		m.found.sealedSignature = true
		m.found.lists = m.found.lists[:len(m.found.lists)-1]
	} else if part == m.env.Body {
		m.found.encryptedParts.Body = true
	} else {
		m.found.encryptedParts.Headers = appendName(m.found.encryptedParts.Headers, part)
	}
}

// decrypt returns the part that the plaintext is, now grafted in its place;
// zero when it does not come out.
func (m *message) decrypt(n *inspect.Node, e *xmlenc.EncryptedData, at xmltext.Node, k key) xmltext.Node {
	method, ok := xmlenc.LookupMethod(e.Algorithm)
	if k.octets == nil || !ok || m.workExceeded() {
		return xmltext.Node{}
	}
	kind := xmltext.GraftElement
	if e.Type == xmlenc.TypeContent {
		kind = xmltext.GraftContent
	}
	for _, fit := range []wssec.KeyFit{wssec.FitWSS4J, wssec.FitWhole} {
		use := k.octets
		if fit == wssec.FitWSS4J && len(use) > method.KeySize && !method.GCM {
			use = use[:method.KeySize]
		}
		data, err := e.AppendCipher(nil)
		if err != nil {
			m.fail(n, "CipherValue is not base64")
			return xmltext.Node{}
		}
		plain, err := method.Decrypt(use, data)
		if err != nil || at.Graft(plain, kind, xmltext.Options{}) != nil {
			continue
		}
		if fit == wssec.FitWhole {
			m.found.fit = fit
		}
		m.indexMore(at)
		if kind == xmltext.GraftContent {
			return e.Node.Parent()
		}
		return at.Replacement()
	}
	m.fail(n, "does not decrypt: another key, or altered")
	return xmltext.Node{}
}

// indexMore enters what has come to light.
func (m *message) indexMore(at xmltext.Node) {
	if n := at.Replacement(); !n.IsZero() && at.Parent() != m.env.Body {
		if id := idOf(n); id != "" {
			m.ids[id] = n
		}
	}
}

// signature explains a Signature: the key, each Reference, and whether they
// verify.
func (m *message) signature(n *inspect.Node, c xmltext.Node, position int) {
	s, err := xmldsig.Parse(c)
	if err != nil {
		m.fail(n, "%v", err)
		return
	}
	before := m.found
	k := m.keyOf(s.KeyInfo)
	n.Value = algorithm(s.Method) + " with " + k.from
	m.found.signature, m.found.signed = s.Method, position
	m.found.derived, m.found.rawKey = m.found.derived || k.derived, m.found.rawKey || !k.derived
	if m.found.signer = k.token; k.derived {
		m.found.signer = m.found.base
	}
	if method, ok := xmldsig.LookupSignature(s.Method); ok && k.octets != nil && !m.workExceeded() {
		if s.CheckValue(method.New(k.octets)) {
			n.Note = "the SignatureValue is right"
		} else {
			m.fail(n, "SignatureValue is wrong: another key, or SignedInfo was altered")
		}
	}
	endorses := !m.endorsing.IsZero() && m.found.signer == m.endorsing
	for i := range s.References {
		m.reference(n.Add("signs", ""), s, &s.References[i])
	}
	if endorses {
		m.found = before // it says nothing of the policy
	}
}

// reference explains one Reference and checks its digest.
func (m *message) reference(n *inspect.Node, s *xmldsig.Signature, r *xmldsig.Reference) {
	target, c14n := m.ids[r.URI[1:]], r.C14N
	if r.STRTransform {
		m.found.strTransform = true
		target = m.keyOf(s.KeyInfo).token
		if isSC(target, "DerivedKeyToken") &&
			s.KeyInfo.Child(wssec.NSWSSE, "SecurityTokenReference").FirstChild().Is(wssec.NSWSSE, "Embedded") {
			target = xmltext.Node{}
		}
		c14n.DefaultNS, c14n.Prefixes = true, slices.Concat(r.C14N.Prefixes, []string{"#default"})
	}
	m.found.digest = r.DigestMethod
	if target.IsZero() {
		m.fail(n, "%s leads to no part that may be signed", r.URI)
		return
	}
	n.Value = label(target)
	n.Note = algorithm(r.DigestMethod)
	if r.C14NMethod != xmldsig.ExclusiveC14N {
		n.Note += ", " + algorithm(r.C14NMethod)
	}
	if r.STRTransform {
		n.Note += ", STR-Transform"
	}
	m.digest(n, s, r, target, c14n)
}

// digest checks the digest of a part.
func (m *message) digest(n *inspect.Node, s *xmldsig.Signature, r *xmldsig.Reference, part xmltext.Node,
	c14n xmltext.C14N) {
	digest, ok := xmldsig.LookupDigest(r.DigestMethod)
	switch {
	case !ok:
		m.fail(n, "unknown digest")
		return
	case m.work >= maxWork:
		m.fail(n, "not checked: the message has more parts than any peer signs")
		return
	case fips140.Enforced() && digest.URI == xmldsig.SHA1:
		m.fail(n, "not checked: SHA-1 is outside FIPS 140-3")
		return
	case m.digestIs(r, digest, part, c14n):
		n.Note += ", digest right"
	case r.STRTransform && m.digestIs(r, digest, part, r.C14N):
		n.Note += ", digest right"
		m.found.strForm = wssec.STRWCF
	case isEncrypted(part):
		n.Note += "; the digest is that of the plaintext, or another: it is still encrypted"
	default:
		m.fail(n, "the digest is wrong: the part was altered, or was digested in another state")
		return
	}
	m.sign(part, s)
}

func (m *message) digestIs(r *xmldsig.Reference, d xmldsig.DigestMethod, n xmltext.Node, c xmltext.C14N) bool {
	h := d.New()
	return !m.workExceeded() && n.WriteCanonical(h, c) == nil && r.CheckDigest(h)
}

// isEncrypted reports whether a part, or its content, was not decrypted.
func isEncrypted(n xmltext.Node) bool {
	return n.FirstChild().Is(nsXenc, "EncryptedData") || n.Is(nsXenc, "EncryptedData")
}

// sign enters a part as signed.
func (m *message) sign(n xmltext.Node, s *xmldsig.Signature) {
	m.part(n).signed = algorithm(s.Method)
	switch {
	case n == m.env.Body:
		m.found.signedParts.Body = true
	case n.Parent() == m.env.Header:
		m.found.signedParts.Headers = appendName(m.found.signedParts.Headers, n)
	case n.Is(wssec.NSWSSE, "BinarySecurityToken"):
		m.found.tokenSigned = true
	}
}

// appendName adds the expanded name of a header block as a policy has it.
func appendName(list []string, n xmltext.Node) []string {
	if name := n.Name().String(); n.Space() != "" && !slices.Contains(list, name) && len(list) < maxBlocks {
		return append(list, name)
	}
	return list
}
