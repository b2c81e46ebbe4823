package explain

import (
	"fmt"
	"slices"
	"strconv"
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
	m.found.context = m.found.context || isContextType(valueType)
	if local && !m.ids[name].IsZero() {
		return m.tokenKey(m.ids[name], depth)
	}
	secret, known := m.x.contexts[name]
	if known || isContextType(valueType) {
		m.found.context = true
		return key{octets: secret, from: "the context " + name}
	}
	if n := m.ids[uri]; !local && !n.IsZero() {
		k := m.tokenKey(n, depth)
		k.from += " (named without #, which the gateway refuses)"
		return k
	}
	return key{from: "a token that is not in the message: " + uri}
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
		m.found.context = true
		k.octets = m.x.contexts[n.Child(n.Space(), "Identifier").Text()]
	case isSC(n, "DerivedKeyToken"):
		from := m.resolve(n.Child(wssec.NSWSSE, "SecurityTokenReference"), depth+1)
		k.derived = true
		k.from += " of " + from.from
		m.found.base = from.token
		if d := readDerivation(n); d.problem == "" && from.octets != nil {
			k.octets = wssec.DeriveKey(from.octets, d.label, d.nonce, d.offset, d.length)
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

// derivation is what a DerivedKeyToken says.
type derivation struct {
	label          string
	nonce          []byte
	offset, length int
	problem        string
}

// readDerivation is lenient where wssec is not, within bounds on the work.
func readDerivation(n xmltext.Node) derivation {
	d := derivation{label: wssec.DefaultLabel, length: 32}
	number := func(local string, into *int) {
		if c := n.Child(n.Space(), local); !c.IsZero() {
			v, err := strconv.Atoi(strings.TrimSpace(c.Text()))
			if err != nil || v < 0 || v > 1024 {
				d.problem = local + " is not a number of any use"
			} else {
				*into = v
			}
		}
	}
	number("Length", &d.length)
	number("Offset", &d.offset)
	generation := -1
	if number("Generation", &generation); generation >= 0 {
		d.offset = min(generation*d.length, 1024)
	}
	if c := n.Child(n.Space(), "Label"); !c.IsZero() {
		d.label = c.Text()
	}
	nonce := n.Child(n.Space(), "Nonce")
	var err error
	if d.nonce, err = xmlenc.AppendBase64(nil, nonce); nonce.IsZero() || err != nil {
		d.problem = "Nonce is missing or not base64"
	}
	return d
}

func (m *message) derivedKeyToken(n *inspect.Node, c xmltext.Node) {
	d := readDerivation(c)
	from := m.resolve(c.Child(wssec.NSWSSE, "SecurityTokenReference"), 0)
	n.Value = fmt.Sprintf("P_SHA1 of %s, offset %d, length %d, nonce of %s", from.from, d.offset, d.length, octets(len(d.nonce)))
	if d.label != wssec.DefaultLabel {
		n.Add("Label", d.label)
	}
	n.Problem = d.problem
	if k := m.tokenKey(c, 0); k.octets != nil && m.x.cfg.ShowKeys {
		n.Addf("octets", "%x", k.octets)
	}
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
	for i := range s.References {
		m.reference(n.Add("signs", ""), s, &s.References[i])
	}
}

// reference explains one Reference and checks its digest.
func (m *message) reference(n *inspect.Node, s *xmldsig.Signature, r *xmldsig.Reference) {
	target, c14n := m.ids[r.URI[1:]], r.C14N
	if r.STRTransform {
		m.found.strTransform = true
		target = m.keyOf(s.KeyInfo).token
		if isSC(target, "DerivedKeyToken") && s.KeyInfo.Child(wssec.NSWSSE, "SecurityTokenReference").FirstChild().Is(wssec.NSWSSE, "Embedded") {
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
	digest, ok := xmldsig.LookupDigest(r.DigestMethod)
	if !ok {
		m.fail(n, "unknown digest")
		return
	}
	if m.work >= maxWork {
		m.fail(n, "not checked: the message has more parts than any peer signs")
		return
	}
	right := m.digestIs(r, digest, target, c14n)
	if !right && r.STRTransform && m.digestIs(r, digest, target, r.C14N) {
		right, m.found.strForm = true, wssec.STRWCF
	}
	if !right {
		if at, sealed := m.undecrypted(target); sealed {
			n.Note += "; the digest is that of the plaintext, or another: " + at
			m.sign(target, s)
			return
		}
		m.fail(n, "the digest is wrong: the part was altered, or was digested in another state")
		return
	}
	n.Note += ", digest right"
	m.sign(target, s)
}

func (m *message) digestIs(r *xmldsig.Reference, d xmldsig.DigestMethod, n xmltext.Node, c xmltext.C14N) bool {
	h := d.New()
	return !m.workExceeded() && n.WriteCanonical(h, c) == nil && r.CheckDigest(h)
}

// undecrypted reports whether a part holds what was not decrypted.
func (m *message) undecrypted(n xmltext.Node) (string, bool) {
	if n.FirstChild().Is(nsXenc, "EncryptedData") || n.Is(nsXenc, "EncryptedData") {
		return "it is still encrypted", true
	}
	return "", false
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
