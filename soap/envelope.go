package soap

import (
	"iter"

	"github.com/wssgate/wssgate/soap/xmltext"
)

// Envelope is a SOAP message as received; see [Parse]. Nothing in it is
// authenticated. It is safe for concurrent use as long as nothing is grafted
// into its Doc.
type Envelope struct {
	Version Version
	Doc     *xmltext.Doc
	Root    xmltext.Node // the Envelope element
	Header  xmltext.Node // zero if the message has no Header
	Body    xmltext.Node
}

// Parse parses one SOAP message. It retains src and never modifies it. The
// error is an [*xmltext.SyntaxError] for XML that is refused, or an [*Error]
// for XML that is not a SOAP envelope (SOAP 1.1 §4, SOAP 1.2 §5).
func Parse(src []byte, opt xmltext.Options) (*Envelope, error) {
	doc, err := xmltext.Scan(src, opt)
	if err != nil {
		return nil, err
	}
	root := doc.Root()
	v := versionOf(root.Space())
	if v == 0 || root.Local() != "Envelope" {
		return nil, &Error{CodeVersionMismatch, root.Path(),
			"the root element is " + root.Name().String() + ", not an Envelope of SOAP 1.1 or 1.2"}
	}
	e := &Envelope{Version: v, Doc: doc, Root: root}
	if err := e.children(); err != nil {
		return nil, err
	}
	return e, e.checkHeader()
}

// Release ends the use of the envelope: see [xmltext.Doc.Release].
func (e *Envelope) Release() { e.Doc.Release() }

// children finds Header and Body: an optional Header, then one Body, then
// nothing. SOAP 1.1 §4.1.1 allows further elements after Body. They are
// refused, because no policy can cover them; no stack writes them.
func (e *Envelope) children() error {
	ns := e.Version.Namespace()
	for c := range e.Root.Children() {
		switch {
		case !e.Body.IsZero():
			return e.errorf(c, "an element after the Body")
		case c.Is(ns, "Header") && e.Header.IsZero():
			e.Header = c
		case c.Is(ns, "Body"):
			e.Body = c
		default:
			return e.errorf(c, "expected an optional Header, then a Body, in the Envelope's namespace")
		}
	}
	if e.Body.IsZero() {
		return e.errorf(e.Root, "the Envelope has no Body")
	}
	if e.Root.HasMixedText() {
		return e.errorf(e.Root, "text beside Header and Body")
	}
	return nil
}

// checkHeader enforces that header blocks are namespace-qualified elements
// (SOAP 1.1 §4.2, SOAP 1.2 §5.2) with readable SOAP attributes.
func (e *Envelope) checkHeader() error {
	if e.Header.IsZero() {
		return nil
	}
	if e.Header.HasMixedText() {
		return e.errorf(e.Header, "text between header blocks")
	}
	for b := range e.Header.Children() {
		if b.Space() == "" {
			return e.errorf(b, "the header block has no namespace (SOAP 1.1 §4.2, SOAP 1.2 §5.2.1)")
		}
		if _, err := e.MustUnderstand(b); err != nil {
			return err
		}
		if _, err := e.Relay(b); err != nil {
			return err
		}
	}
	return nil
}

func (e *Envelope) errorf(n xmltext.Node, msg string) error {
	return &Error{CodeEnvelope, n.Path(), msg}
}

// Blocks returns the header blocks in document order; none if there is no
// Header.
func (e *Envelope) Blocks() iter.Seq[xmltext.Node] {
	return e.Header.Children() // a call that is compiled in place: a loop allocates nothing
}
