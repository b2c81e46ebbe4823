package main

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A message is one that a sender protects. The zero values are what a usual
// client writes; edits change the text of any step before the next one uses it,
// so that what follows (digest, HMAC, encryption) is right for the wrong text.
type message struct {
	s    *set
	name string
	p    policy

	soap12  bool
	tls     bool
	now     time.Time // of the receiver; zero is epoch
	extra   []line    // of the header
	created time.Time // zero is epoch
	expires time.Duration
	mime    func(envelope string) (contentType string, body []byte) // makes a package of the envelope

	ap        krbtest.TokenOptions
	valueType string
	etypes    []int32
	sc        *scContext // stands for the Kerberos token
	key       []byte     // effective
	tokenKey  []byte     // that of the token, where key is that of an EncryptedKey
	raw       []byte     // octets of the token
	form      string     // of references to the token: "", hash, embedded, unattached
	implied   bool       // keys are implied by wsc:Nonce
	ek        bool       // keys are those of an EncryptedKey
	ekOctets  int        // of its key; 0 means those of the suite
	ekList    bool       // the EncryptedKey has the ReferenceList
	scNS      string     // of DerivedKeyTokens
	dkt       map[string]*derivation

	body    string
	blocks  []block
	signs   []string // ids, in order; nil is all that the policy signs
	wssForm bool     // the STR-Transform is as str-transform: wss has it, whatever the policy
	strRef  bool     // the signature covers the token by the STR-Transform
	prefix  map[string][]string
	order   []string
	dropped map[string]bool
	edits   map[string][]func(string) string
	before  *message // is verified first
	reply   bool     // to before
	confirm []string // values of SignatureConfirmation
	keyUsed string   // the key of the header, in hexadecimal, if not key
	sigKey  []byte   // instead of the right one
	encKey  []byte
	envOpen string // declarations on the Envelope

	receiverPolicy *policy // if it is another
	receiver       *string // protection-order of the receiver, if another
	encryptedBody  bool    // the receiver wants it, and the sender does not
	clearBody      bool    // the other way round
	clearSignature bool    // of a Signature that the receiver wants encrypted
	forbidDerived  bool    // the receiver's derived-keys is forbidden
	requireDerived bool    // or required
	encRaw         bool    // the token's own key encrypts, beside derived ones
	mixed          bool    // the token's key signs, and that of the EncryptedKey encrypts

	value    string // SignatureValue, once built
	envelope string
	plain    string
}

// A block is a header block; it declares its own namespaces.
type block struct {
	id, text      string
	sign, encrypt bool
}

// A derivation is a DerivedKeyToken, or the attributes that imply one.
type derivation struct {
	nonce          []byte
	label          string
	offset, length int
	xml            string // its children behind the reference; "" is the usual
}

// A scContext is a security context that exists before the case.
type scContext struct {
	Identifier string `json:"identifier"`
	Instance   string `json:"instance,omitempty"`
	Namespace  string `json:"namespace"`
	Token      string `json:"token"`
	Key        string `json:"key"`               // hexadecimal
	OldKey     string `json:"old-key,omitempty"` // before a renewal, in hexadecimal
	Expires    string `json:"expires,omitempty"`
	Cancelled  bool   `json:"cancelled,omitempty"`
	Client     string `json:"client,omitempty"` // if it is not alice
	used       string // Identifier in the message, if another
}

// A change is how a case differs from a usual message.
type change func(*message)

// at returns the text of a step after its edits.
func (m *message) at(step, text string) string {
	for _, edit := range m.edits[step] {
		text = edit(text)
	}
	return text
}

// edit replaces once in the text of a step. It is a mistake if there is nothing
// to replace.
func edit(step, old, new string) change {
	return rewrite(step, func(text string) string {
		if !strings.Contains(text, old) {
			panic(fmt.Sprintf("%s has no %q: %.2000s", step, old, text))
		}
		return strings.Replace(text, old, new, 1)
	})
}

// editAll replaces each.
func editAll(step, old, new string) change {
	return rewrite(step, func(text string) string {
		if !strings.Contains(text, old) {
			panic(fmt.Sprintf("%s has no %q: %.2000s", step, old, text))
		}
		return strings.ReplaceAll(text, old, new)
	})
}

// rewrite changes the text of a step.
func rewrite(step string, f func(string) string) change {
	return func(m *message) {
		if m.edits == nil {
			m.edits = map[string][]func(string) string{}
		}
		m.edits[step] = append(m.edits[step], f)
	}
}

func (m *message) soapNS() string {
	if m.soap12 {
		return nsSOAP12
	}
	return nsSOAP11
}

// build makes the message.
func (m *message) build() {
	m.makeKey()
	kids := map[string]string{}
	kids["timestamp"] = m.at("timestamp", m.timestamp())
	kids["token"] = m.at("token", m.token())
	for i, value := range m.confirm {
		kids["confirmation"] += m.at("confirmation", fmt.Sprintf(`<wsse11:SignatureConfirmation xmlns:wsse11="%s" `+
			`xmlns:wsu="%s" wsu:Id="sc-%d" Value="%s"></wsse11:SignatureConfirmation>`, nsWSSE11, nsWSU, i+1, value))
	}
	row := suites()[m.p.AlgorithmSuite]
	if m.ek {
		m.makeEncryptedKey(kids, row)
	}
	p := &protector{m: m, kids: kids, suite: row, parts: map[string]string{}, list: nil}
	p.run()
	order := m.order
	if order == nil {
		order = usualOrder(m.p.ProtectionOrder == "encrypt-before-sign")
	}
	var security strings.Builder
	for _, kid := range order {
		if !m.dropped[kid] {
			security.WriteString(kids[kid])
		}
	}
	open := `<wsse:Security xmlns:wsse="` + nsWSSE + `" s:mustUnderstand="1">`
	header := p.blocks + m.at("security", open+security.String()+`</wsse:Security>`)
	m.envelope = m.at("envelope", `<s:Envelope xmlns:s="`+m.soapNS()+`"`+m.envOpen+`><s:Header>`+header+`</s:Header>`+
		p.parts["body"]+"</s:Envelope>\n")
}

func usualOrder(encryptFirst bool) []string {
	list := []string{"timestamp", "confirmation", "token", "dkt-sig", "dkt-enc", "ek"}
	if encryptFirst {
		return append(list, "signature", "list")
	}
	return append(list, "list", "signature")
}

// timestamp is the wsu:Timestamp (WSS §10).
func (m *message) timestamp() string {
	created := m.created
	if created.IsZero() {
		created = epoch
	}
	expires := m.expires
	if expires == 0 {
		expires = 5 * time.Minute
	}
	const form = "2006-01-02T15:04:05.000Z"
	return `<wsu:Timestamp xmlns:wsu="` + nsWSU + `" wsu:Id="ts"><wsu:Created>` + created.UTC().Format(form) +
		`</wsu:Created><wsu:Expires>` + created.Add(expires).UTC().Format(form) + `</wsu:Expires></wsu:Timestamp>`
}

// makeKey makes the token and the key that goes with it.
func (m *message) makeKey() {
	switch {
	case m.sc != nil:
		m.key, _ = hex.DecodeString(m.sc.Key)
	case m.before != nil && m.form == "hash":
		m.key, m.raw, m.valueType = m.before.key, m.before.raw, m.before.valueType
	default:
		token, key, err := m.s.kdc.Token(client, service, m.ap)
		check(err)
		m.raw = []byte(m.at("ap-req", string(token)))
		m.key = key.ExposeKeyOctets()
	}
	if m.valueType == "" {
		m.valueType = gssToken
	}
}

// token is the token's element.
func (m *message) token() string {
	if m.sc != nil {
		id := m.sc.Identifier
		if m.sc.used != "" {
			id = m.sc.used
		}
		text := `<wsc:SecurityContextToken xmlns:wsc="` + m.sc.Namespace + `" xmlns:wsu="` + nsWSU +
			`" wsu:Id="token"><wsc:Identifier>` + id + `</wsc:Identifier>`
		if m.sc.Instance != "" {
			text += `<wsc:Instance>` + m.sc.Instance + `</wsc:Instance>`
		}
		return text + `</wsc:SecurityContextToken>`
	}
	return `<wsse:BinarySecurityToken xmlns:wsse="` + nsWSSE + `" xmlns:wsu="` + nsWSU + `" EncodingType="` +
		base64URI +
		`" ValueType="` + m.valueType + `" wsu:Id="token">` + b64(m.raw) + `</wsse:BinarySecurityToken>`
}

// tokenType is the ValueType of references to the token.
func (m *message) tokenType() string {
	if m.sc != nil {
		return m.sc.Namespace + "/sct"
	}
	return m.valueType
}

// tokenSTR is a SecurityTokenReference to the token (WSS §7, KTP §3.3, WSC §2).
func (m *message) tokenSTR(attrs string) string {
	open := `<wsse:SecurityTokenReference xmlns:wsse="` + nsWSSE + `" xmlns:wsse11="` + nsWSSE11 + `"` + attrs +
		` wsse11:TokenType="` + m.tokenType() + `">`
	ref := `<wsse:Reference URI="#token" ValueType="` + m.tokenType() + `"></wsse:Reference>`
	switch m.form {
	case "hash":
		sum := sha1.Sum(m.raw)
		ref = `<wsse:KeyIdentifier EncodingType="` + base64URI + `" ValueType="` + tokenSHA1 + `">` + b64(sum[:]) +
			`</wsse:KeyIdentifier>`
	case "embedded":
		ref = `<wsse:Embedded>` + m.token() + `</wsse:Embedded>`
	case "unattached":
		ref = `<wsse:Reference URI="` + m.sc.Identifier + `" ValueType="` + m.tokenType() + `"></wsse:Reference>`
	}
	return m.at("str", open+ref+`</wsse:SecurityTokenReference>`)
}

// makeEncryptedKey makes a key of the sender's choice the key of the message
// (WSS §9.2).
func (m *message) makeEncryptedKey(kids map[string]string, row suite) {
	key := m.s.rnd.octets(cmp.Or(m.ekOctets, row.encKey))
	wrapped := []byte(m.at("wrapped", string(wrapKey(m.key[:row.encKey], key))))
	list := ""
	if m.ekList {
		list = `<xenc:ReferenceList><xenc:DataReference URI="#ed-body"></xenc:DataReference></xenc:ReferenceList>`
	}
	kids["ek"] = m.at("ek", `<xenc:EncryptedKey xmlns:xenc="`+nsXenc+`" Id="ek"><xenc:EncryptionMethod Algorithm="`+
		row.wrap+`"></xenc:EncryptionMethod><ds:KeyInfo xmlns:ds="`+nsDS+`">`+m.tokenSTR("")+
		`</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>`+b64(wrapped)+`</xenc:CipherValue></xenc:CipherData>`+list+
		`</xenc:EncryptedKey>`)
	m.tokenKey, m.key = m.key, key
	sum := sha1.Sum(wrapped)
	m.raw = sum[:]
}

// ekSTR is a reference to the EncryptedKey.
func (m *message) ekSTR() string {
	ref := `<wsse:Reference URI="#ek"></wsse:Reference>`
	if m.form == "ek-hash" {
		ref = `<wsse:KeyIdentifier EncodingType="` + base64URI + `" ValueType="` + ekSHA1 + `">` + b64(m.raw) +
			`</wsse:KeyIdentifier>`
	}
	return m.at("ek-str", `<wsse:SecurityTokenReference xmlns:wsse="`+nsWSSE+`">`+ref+`</wsse:SecurityTokenReference>`)
}

// keyFor returns the key of a use, "sig" or "enc", and the reference to it.
func (p *protector) keyFor(use string, length int) (key []byte, str string) {
	m := p.m
	d := m.dkt[use]
	if d == nil {
		d = &derivation{}
	}
	if d.length == 0 {
		d.length = length
	}
	if d.label == "" {
		d.label = defaultLabel
	}
	base := m.tokenSTR
	if m.ek && (use == "enc" || !m.mixed) {
		base = func(string) string { return m.ekSTR() }
	}
	if d.label == "\x00" {
		d.label, d.xml = "", fmt.Sprintf("<wsc:Length>%d</wsc:Length><wsc:Label></wsc:Label>", d.length)
	}
	switch {
	case m.encRaw && use == "enc", m.p.DerivedKeys != "required" && len(m.dkt) == 0 && !m.implied:
		if m.mixed && use == "sig" {
			return m.tokenKey, base("")
		}
		return m.key, base("")
	case d.nonce == nil:
		d.nonce = m.s.rnd.octets(16)
	}
	key = pSHA1(m.key, d.label, d.nonce, d.offset, d.length)
	if m.implied {
		return key, base(fmt.Sprintf(` xmlns:wsc="%s" wsc:Nonce="%s" wsc:Length="%d"`, m.sNS(), b64(d.nonce), d.length))
	}
	xml := d.xml
	if xml == "" {
		xml = fmt.Sprintf(`<wsc:Offset>%d</wsc:Offset><wsc:Length>%d</wsc:Length>`, d.offset, d.length)
		if d.label != defaultLabel {
			xml += `<wsc:Label>` + d.label + `</wsc:Label>`
		}
	}
	p.kids["dkt-"+use] = m.at("dkt-"+use,
		`<wsc:DerivedKeyToken xmlns:wsc="`+m.sNS()+`" xmlns:wsu="`+nsWSU+`" wsu:Id="dk-`+
			use+`">`+base("")+xml+`<wsc:Nonce>`+b64(d.nonce)+`</wsc:Nonce></wsc:DerivedKeyToken>`)
	return key, m.at("dk-str", `<wsse:SecurityTokenReference xmlns:wsse="`+nsWSSE+`"><wsse:Reference URI="#dk-`+use+
		`" ValueType="`+m.sNS()+`/dk"></wsse:Reference></wsse:SecurityTokenReference>`)
}

// sNS is the version of WS-SecureConversation of DerivedKeyTokens.
func (m *message) sNS() string {
	switch {
	case m.scNS != "":
		return m.scNS
	case m.sc != nil:
		return m.sc.Namespace
	}
	return nsSC05
}

// lines are the header of the case.
func (m *message) lines() []line {
	now := m.now
	if now.IsZero() {
		now = epoch
	}
	list := []line{{"time", now.Format(time.RFC3339)}, {"tls", m.tls}, {"policy", m.receivers()}, {"service",
		service + "@" + realm},
		{"client", client + "@" + realm}, {"key", cmp.Or(m.keyUsed, hex.EncodeToString(m.key))}}
	if m.tokenKey != nil {
		list = append(list, line{"token-key", hex.EncodeToString(m.tokenKey)})
	}
	if m.sc != nil {
		list = append(list, line{"contexts", []*scContext{m.sc}})
	} else {
		list = append(list, line{"keytab", "service.keytab"})
	}
	if m.etypes != nil {
		list = append(list, line{"etypes", m.etypes})
	}
	if m.reply {
		list = append(list, line{"direction", "reply"})
	}
	return append(list, m.extra...)
}

// receivers is the policy of the receiver.
func (m *message) receivers() policy {
	if m.receiverPolicy != nil {
		return *m.receiverPolicy
	}
	p := m.p
	if m.receiver != nil {
		p.ProtectionOrder = *m.receiver
	}
	if m.encryptedBody {
		p.EncryptedParts = &parts{Body: true}
	}
	if m.clearBody {
		p.EncryptedParts = nil
	}
	p.EncryptSignature = p.EncryptSignature || m.clearSignature
	if m.forbidDerived {
		p.DerivedKeys = "forbidden"
	}
	if m.requireDerived {
		p.DerivedKeys = "required"
	}
	return p
}

// sections are those of the case.
func (m *message) sections(valid bool) (list []section) {
	if m.before != nil {
		list = append(list, section{"before.xml", []byte(m.before.envelope)})
	}
	if m.mime != nil {
		contentType, body := m.mime(m.envelope)
		m.extra = append(m.extra, line{"content-type", contentType})
		list = append(list, section{"message.mime", body})
	} else {
		list = append(list, section{"message.xml", []byte(m.envelope)})
	}
	if valid {
		list = append(list, section{"body.xml", append(bytes.Clone([]byte(m.plain)), '\n')})
	}
	return list
}
