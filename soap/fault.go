package soap

import (
	"strings"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// FaultCode is a fault code of SOAP, independent of the version. The zero value
// is [Sender].
type FaultCode uint8

// The codes, under their SOAP 1.2 names (§5.4.6; SOAP 1.1 §4.4.1).
const (
	Sender              FaultCode = iota // the message is at fault: Client in SOAP 1.1
	Receiver                             // the node is at fault: Server in SOAP 1.1
	VersionMismatch                      // the envelope is of an unknown version
	MustUnderstandFault                  // a mandatory header block was not understood
)

// local returns the code's local name in version v.
func (c FaultCode) local(v Version) string {
	names := [...][2]string{{"Client", "Sender"}, {"Server", "Receiver"},
		{"VersionMismatch", "VersionMismatch"}, {"MustUnderstand", "MustUnderstand"}}
	if int(c) >= len(names) {
		c = Receiver
	}
	return names[c][v-V11]
}

// Fault is a SOAP fault (SOAP 1.1 §4.4, SOAP 1.2 §5.4). The zero value is a
// [Sender] fault without a reason.
type Fault struct {
	Code    FaultCode
	Subcode xmltext.Name // such as wsse:InvalidSecurity; in SOAP 1.1 it replaces the code. Zero: none
	// Subsubcode is nested in the Subcode, such as wsa:InvalidCardinality; in SOAP
	// 1.1 it replaces that. Zero: none.
	Subsubcode xmltext.Name
	Reason     string // English text
	Detail     []byte // well-formed XML content of Detail, or nil
	// NotUnderstood are the names of header blocks that a MustUnderstand fault
	// of SOAP 1.2 lists (§5.4.8); SOAP 1.1 has no place for them.
	NotUnderstood []xmltext.Name
	// Header are further header blocks, such as those of WS-Addressing:
	// well-formed XML content, or nil.
	Header []byte
}

// AppendEnvelope appends the whole fault message in version v (V11 if v is
// zero) to dst.
func (f *Fault) AppendEnvelope(dst []byte, v Version) []byte {
	if v == 0 {
		v = V11
	}
	dst = append(dst, `<soap:Envelope xmlns:soap="`...)
	dst = append(dst, v.Namespace()...)
	dst = append(dst, `">`...)
	dst = f.appendHeader(dst, v)
	dst = append(dst, `<soap:Body><soap:Fault>`...)
	if v == V12 {
		dst = f.append12(dst)
	} else {
		dst = f.append11(dst)
	}
	return append(dst, `</soap:Fault></soap:Body></soap:Envelope>`...)
}

// appendHeader writes the Header: the Upgrade block of a version mismatch (SOAP
// 1.2 §5.4.7; in SOAP 1.1 as Appendix A of 1.2 has it), the NotUnderstood blocks
// of a MustUnderstand fault (§5.4.8), and f.Header. There is none without
// blocks.
func (f *Fault) appendHeader(dst []byte, v Version) []byte {
	blocks := append(f.ownBlocks(v), f.Header...)
	if len(blocks) == 0 {
		return dst
	}
	dst = append(dst, `<soap:Header>`...)
	dst = append(dst, blocks...)
	return append(dst, `</soap:Header>`...)
}

// ownBlocks returns the blocks that belong to the fault's code in version v.
func (f *Fault) ownBlocks(v Version) (blocks []byte) {
	switch {
	case f.Code == VersionMismatch:
		return append(blocks, `<soap:Upgrade><soap:SupportedEnvelope xmlns:e="`+NS12+`" qname="e:Envelope"/>`+
			`<soap:SupportedEnvelope xmlns:e="`+NS11+`" qname="e:Envelope"/></soap:Upgrade>`...)
	case v == V11:
		return nil
	}
	for _, n := range f.NotUnderstood {
		blocks = append(blocks, `<soap:NotUnderstood xmlns:n="`...)
		blocks = xmltext.AppendEscapedAttr(blocks, n.Space)
		blocks = append(blocks, `" qname="n:`...)
		blocks = xmltext.AppendEscapedAttr(blocks, n.Local)
		blocks = append(blocks, `"/>`...)
	}
	return blocks
}

func (f *Fault) append11(dst []byte) []byte {
	switch {
	case f.Subsubcode.Local != "":
		dst = appendQName(dst, "faultcode", f.Subsubcode)
	case f.Subcode.Local != "":
		dst = appendQName(dst, "faultcode", f.Subcode)
	default:
		dst = append(dst, `<faultcode>soap:`+f.Code.local(V11)+`</faultcode>`...)
	}
	dst = append(dst, `<faultstring xml:lang="en">`...)
	dst = xmltext.AppendEscapedText(dst, f.Reason)
	dst = append(dst, `</faultstring>`...)
	if f.Detail != nil {
		dst = append(dst, `<detail>`...)
		dst = append(dst, f.Detail...)
		dst = append(dst, `</detail>`...)
	}
	return dst
}

func (f *Fault) append12(dst []byte) []byte {
	dst = append(dst, `<soap:Code><soap:Value>soap:`+f.Code.local(V12)+`</soap:Value>`...)
	if f.Subcode.Local != "" {
		dst = append(dst, `<soap:Subcode>`...)
		dst = appendQName(dst, "soap:Value", f.Subcode)
		if f.Subsubcode.Local != "" {
			dst = append(dst, `<soap:Subcode>`...)
			dst = appendQName(dst, "soap:Value", f.Subsubcode)
			dst = append(dst, `</soap:Subcode>`...)
		}
		dst = append(dst, `</soap:Subcode>`...)
	}
	dst = append(dst, `</soap:Code><soap:Reason><soap:Text xml:lang="en">`...)
	dst = xmltext.AppendEscapedText(dst, f.Reason)
	dst = append(dst, `</soap:Text></soap:Reason>`...)
	if f.Detail != nil {
		dst = append(dst, `<soap:Detail>`...)
		dst = append(dst, f.Detail...)
		dst = append(dst, `</soap:Detail>`...)
	}
	return dst
}

// appendQName writes an element whose content is a QName, its prefix declared
// on it.
func appendQName(dst []byte, tag string, n xmltext.Name) []byte {
	dst = append(dst, "<"+tag+` xmlns:c="`...)
	dst = xmltext.AppendEscapedAttr(dst, n.Space)
	dst = append(dst, `">c:`...)
	dst = xmltext.AppendEscapedText(dst, n.Local)
	return append(dst, "</"+tag+">"...)
}

// Fault returns the fault in the Body, for clients; ok is false if the Body has
// none. Its Detail and NotUnderstood are not set, nor is Subsubcode in SOAP 1.1.
func (e *Envelope) Fault() (f *Fault, ok bool) {
	ns := e.Version.Namespace()
	n := e.Body.FirstChild()
	if n.IsZero() || !n.Is(ns, "Fault") {
		return nil, false
	}
	f = &Fault{}
	if e.Version == V11 {
		f.setCode(n.Child("", "faultcode"), ns)
		f.Reason = text(n.Child("", "faultstring"))
		return f, true
	}
	code := child(n, ns, "Code")
	f.setCode(child(code, ns, "Value"), ns)
	sub := child(code, ns, "Subcode")
	if value := child(sub, ns, "Value"); !value.IsZero() {
		f.setCode(value, "")
	}
	if value := child(child(sub, ns, "Subcode"), ns, "Value"); !value.IsZero() {
		nested := &Fault{}
		nested.setCode(value, "")
		f.Subsubcode = nested.Subcode
	}
	f.Reason = text(child(child(n, ns, "Reason"), ns, "Text"))
	return f, true
}

// setCode sets the code that a QName names: a standard code if it is in
// namespace ns, else a subcode.
func (f *Fault) setCode(n xmltext.Node, ns string) {
	prefix, local, ok := strings.Cut(trimSpace(text(n)), ":")
	if !ok {
		prefix, local = "", prefix
	}
	if n.IsZero() {
		return
	}
	space, _ := n.LookupNamespace(prefix)
	if space != ns {
		f.Subcode = xmltext.Name{Space: space, Local: local}
		return
	}
	for c := Sender; c <= MustUnderstandFault; c++ {
		if local == c.local(V11) || local == c.local(V12) {
			f.Code = c
		}
	}
}

// child is Node.Child that allows the zero Node.
func child(n xmltext.Node, space, local string) xmltext.Node {
	if n.IsZero() {
		return n
	}
	return n.Child(space, local)
}

// text is Node.Text that allows the zero Node.
func text(n xmltext.Node) string {
	if n.IsZero() {
		return ""
	}
	return n.Text()
}
