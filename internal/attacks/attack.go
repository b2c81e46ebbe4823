package attacks

import (
	"fmt"
	"slices"
	"strings"
)

// A Message is a valid request, as it is sent by HTTP.
type Message struct {
	Octets      []byte
	ContentType string
	Action      string // the SOAPAction field, with its quotes; "" for none
	// Plain is the Body after decryption, if Octets have it encrypted.
	Plain []byte
}

// An Attack is a request of the attacker's.
type Attack struct {
	Class, Name string
	Message
	// Header has further fields of HTTP, or others in place of the usual.
	Header map[string]string
}

// A forge makes attacks out of one message.
type forge struct {
	Message
	src       string
	root      *element
	header    *element
	security  *element
	signature *element // nil if it is encrypted, or there is none
	body      *element
	signed    []*element // that a Reference of the Signature names
	class     string
	attacks   []Attack
	seen      map[string]bool
}

// Of returns the attacks of every class on one message, which has to be of SOAP.
func Of(m Message) ([]Attack, error) {
	root, err := parse(m.Octets)
	if err != nil {
		return nil, err
	}
	f := &forge{Message: m, src: string(m.Octets), root: root, seen: map[string]bool{string(m.Octets): true}}
	f.header, f.body = root.child(root.space, "Header"), root.child(root.space, "Body")
	if f.security = f.header.child(nsWSSE, "Security"); f.security == nil || f.body == nil {
		return nil, fmt.Errorf("no message with a Security header and a Body")
	}
	f.signature = f.security.child(nsDS, "Signature")
	f.findSigned()
	for _, c := range classes {
		f.class = c.name
		c.make(f)
	}
	return f.attacks, nil
}

// classes are the classes of attacks on one message, with what makes them and
// what a receiver does wrong that they get through.
var classes = []struct {
	name, why string
	make      func(*forge)
}{
	{"signature wrapping", "What was signed is not what is used: the signed element stands elsewhere.", (*forge).wrap},
	{"duplicate Ids", "Of two elements with one Id one is signed, and the other used.", (*forge).duplicateIDs},
	{"comment, CDATA and instruction splits", "A reader takes a text in pieces, of which it sees one.", (*forge).split},
	{"prefix rebinding", "A prefix means another namespace, and no digest covers it.", (*forge).rebind},
	{"namespace injection", "Declarations or inherited attributes come from around what is signed.", (*forge).inject},
	{"signature exclusion", "Protection that is missing is taken for none that is needed.", (*forge).exclude},
	{"algorithm substitution", "The message chooses the algorithm.", (*forge).substitute},
	{"HMAC truncation", "A part of an HMAC is taken for the whole (CVE-2009-0217).", (*forge).truncate},
	{"key confusion", "The message chooses the key, or a token that nobody issued.", (*forge).confuseKeys},
	{"derived key abuse", "Derivations without bounds, or in a loop.", (*forge).abuseDerivedKeys},
	{"encryption wrapping", "What is decrypted is not what was signed, or not where it stood.", (*forge).wrapEncryption},
	{"bombs", "Work or memory that grows faster than the message.", (*forge).bomb},
	{"addressing and action spoofing", "What nobody signed says where the message goes and what it asks for.",
		(*forge).spoof},
	{"multipart and HTTP tricks", "Two readers take other octets for the message.", (*forge).trick},
}

// Classes returns the names of the classes of attacks on one message.
func Classes() (names []string) {
	for _, c := range classes {
		names = append(names, c.name)
	}
	return names
}

// Why returns what a receiver does wrong that attacks of a class get through, ""
// for another class.
func Why(class string) string {
	for _, c := range classes {
		if c.name == class {
			return c.why
		}
	}
	return ""
}

// findSigned finds what the References of the Signature name.
func (f *forge) findSigned() {
	if f.signature == nil {
		f.signed = []*element{f.body}
		return
	}
	for _, e := range f.root.all() {
		if id := e.id(); id != "" && strings.Contains(f.signature.in(f.Octets), `URI="#`+id+`"`) {
			f.signed = append(f.signed, e)
		}
	}
}

// add adds an attack, unless its octets are those of another one.
func (f *forge) add(name, octets string) {
	if f.seen[octets] {
		return
	}
	f.seen[octets] = true
	m := f.Message
	m.Octets = []byte(octets)
	f.attacks = append(f.attacks, Attack{Class: f.class, Name: name, Message: m})
}

// addSent adds an attack that is in how the message is sent.
func (f *forge) addSent(name string, a Attack) {
	a.Class, a.Name = f.class, name
	f.attacks = append(f.attacks, a)
}

// An edit replaces the octets of a message from from to to.
type edit struct {
	from, to int
	text     string
}

// edited returns the message with edits, which must not overlap.
func (f *forge) edited(edits ...edit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at { // it is in what another one replaces
			continue
		}
		out.WriteString(f.src[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.WriteString(f.src[at:])
	return out.String()
}

func insert(at int, text string) edit        { return edit{at, at, text} }
func replace(e *element, text string) edit   { return edit{e.start, e.end, text} }
func beforeEnd(e *element, text string) edit { return edit{e.close, e.close, text} }
func afterStart(e *element, text string) edit {
	return edit{e.open, e.open, text}
}

// source returns the octets of an element.
func (f *forge) source(e *element) string { return f.src[e.start:e.end] }
