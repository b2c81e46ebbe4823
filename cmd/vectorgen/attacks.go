package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/wssgate/wssgate/internal/attacks"
)

// An attackLine is an attack in a file: the message with the octets from At[0] to
// At[1] replaced.
type attackLine struct {
	Class       string            `json:"class"`
	Name        string            `json:"name"`
	Why         string            `json:"why"`
	At          [2]int            `json:"at"`
	Text        string            `json:"text,omitempty"`
	Octets      []byte            `json:"octets,omitempty"` // in base64, where it is no text
	ContentType string            `json:"content-type,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
}

// attackFiles are attacks on valid messages and replies: of each class some, from
// its beginning to its end.
func attackFiles(s *set) {
	add := func(name, comment string, kind change, changes ...change) {
		s.attackFile(name, comment, kind, changes...)
	}
	v12 := func(m *message) { m.soap12 = true }
	add("signed", "Body and Timestamp signed, nothing encrypted.", signed)
	add("encrypted", "Body signed and encrypted.", symmetric, v12)
	add("encrypted-first", "Body encrypted, then signed.", symmetric, encryptFirst)
	add("derived", "Keys that DerivedKeyTokens derive from that of the ticket.", derived, v12)
	add("encrypted-signature", "Body and Signature encrypted, as WCF has it.", wcf)
	add("encrypted-key", "The key in an EncryptedKey under that of the ticket.", symmetric,
		func(m *message) { m.ek = true })
	add("to", "A signed wsa:To beside the Body.", symmetric, to, v12)
	add("secret", "A signed and encrypted header block.", symmetric, secret)
	add("str-transform", "The signature covers the token by the STR-Transform.", signed,
		func(m *message) { m.strRef = true }, with(func(p *policy) { p.ProtectTokens = true }))
	add("context", "A security context.", context, with(func(p *policy) { p.DerivedKeys = "required" }))
	add("context-renewed", "A renewed security context, with its Instance.", signedContext,
		func(m *message) { m.sc.Instance = "urn:uuid:1" }, v12)
	for name, kind := range map[string]change{"signed": signed, "encrypted": symmetric, "derived": derived,
		"encrypted-signature": wcf, "context": context} {
		version := func(m *message) { m.soap12 = name == "derived" }
		add("reply-"+name, "It is a reply, for whose client another one must not be it.", kind, version,
			answer(kind, version))
	}
}

// attackFile adds the attacks on a message.
func (s *set) attackFile(name, comment string, kind change, changes ...change) {
	m := s.on("attacks "+name, kind, changes...)
	if m.before != nil {
		s.rnd.seed("build attacks " + m.before.name)
		m.before.build()
	}
	s.rnd.seed("build attacks " + name)
	m.build()
	media := "text/xml; charset=utf-8"
	if m.soap12 {
		media = "application/soap+xml; charset=utf-8"
	}
	list, err := attacks.Of(attacks.Message{Octets: []byte(m.envelope), ContentType: media, Plain: []byte(m.plain)})
	check(err)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	list = slices.DeleteFunc(list, func(a attacks.Attack) bool { // it is the message
		return string(a.Octets) == m.envelope && a.ContentType == media && a.Header == nil
	})
	for _, a := range chosen(list, m.reply) {
		check(enc.Encode(lineOf(a, m.envelope, media)))
	}
	lines := append([]line{{"kind", "attacks"}, {"content-type", media}}, m.lines()...)
	s.add("attacks", "attacks/"+name+".txtar", "unharmed", "Attacks on a message. "+comment, "attacks", lines,
		append(m.sections(true), section{"attacks", out.Bytes()}))
}

// chosen returns of each class four attacks at most that are not large, evenly
// from the first to the last. What is in HTTP alone says nothing of a reply.
func chosen(list []attacks.Attack, reply bool) (some []attacks.Attack) {
	const each, largest = 4, 24 << 10
	byClass := map[string][]attacks.Attack{}
	for _, a := range list {
		if len(a.Octets) <= largest && !(reply && (a.Header != nil || a.Class == "multipart and HTTP tricks")) {
			byClass[a.Class] = append(byClass[a.Class], a)
		}
	}
	for _, class := range attacks.Classes() {
		of := byClass[class]
		for i := range min(each, len(of)) {
			some = append(some, of[i*(len(of)-1)/max(1, min(each, len(of))-1)])
		}
	}
	return some
}

// lineOf returns how an attack differs from its message.
func lineOf(a attacks.Attack, message, media string) attackLine {
	l := attackLine{Class: a.Class, Name: a.Name, Why: attacks.Why(a.Class), Header: a.Header}
	if a.ContentType != media {
		l.ContentType = a.ContentType
	}
	octets := string(a.Octets)
	from := 0
	for from < min(len(octets), len(message)) && octets[from] == message[from] {
		from++
	}
	back := 0
	for back < min(len(octets), len(message))-from && octets[len(octets)-1-back] == message[len(message)-1-back] {
		back++
	}
	l.At = [2]int{from, len(message) - back}
	if text := octets[from : len(octets)-back]; utf8.ValidString(text) {
		l.Text = text
	} else {
		l.Octets = []byte(text)
	}
	return l
}
