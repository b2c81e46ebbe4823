package wstrust

import (
	"errors"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// Recognizes reports whether a message is one of a negotiation: its Body is an
// RST or RSTR with a BinaryExchange of SPNEGO, its action, that of HTTP and
// wsa:Action, is theirs, and no Security header protects it. Anything else is an
// ordinary message, for the service behind may itself speak WS-Trust. soapAction
// is the action of HTTP, "" without one. Nothing in the message is verified.
func (n *Negotiator) Recognizes(env *soap.Envelope, soapAction string) bool {
	body := only(env.Body)
	v := versionOf(body.Space())
	if v == 0 {
		return false
	}
	exchange := body.Child(v.Trust(), "BinaryExchange")
	if exchange.IsZero() {
		return false
	}
	if valueType, _ := exchange.Attr("", "ValueType"); !v.isSPNEGO(valueType) {
		return false
	}
	to, err := readAddressing(env)
	if err != nil {
		return false
	}
	if _, ok := n.timestamp(env); !ok {
		return false
	}
	switch body.Local() {
	case "RequestSecurityToken":
		return to.sameAction(soapAction, v.ActionRST())
	case "RequestSecurityTokenResponse":
		return to.sameAction(soapAction, v.ActionRSTR())
	}
	return false
}

// timestamp returns the Timestamp of a message, the zero Node without a Security
// header. ok is false for a message with a Security header that a negotiation
// does not have: any other content, or any at all under message security.
func (n *Negotiator) timestamp(env *soap.Envelope) (timestamp xmltext.Node, ok bool) {
	for b := range env.Blocks() {
		if !b.Is(wssec.NSWSSE, "Security") {
			continue
		}
		if !n.cfg.Timestamps || !timestamp.IsZero() {
			return xmltext.Node{}, false
		}
		if timestamp = only(b); timestamp.IsZero() || !timestamp.Is(wssec.NSWSU, "Timestamp") {
			return xmltext.Node{}, false
		}
	}
	return timestamp, true
}

// A message is one of a negotiation that the client has sent.
type message struct {
	env       *soap.Envelope
	to        addressing
	element   xmltext.Node // the RST or RSTR
	version   Version
	timestamp bool // it has one, and so shall the answer

	first    bool // it is an RST
	request  *RequestSecurityToken
	context  string
	exchange *BinaryExchange
}

// readMessage reads a message of a negotiation, and checks all that can be
// checked without knowing of its negotiation.
func (n *Negotiator) readMessage(env *soap.Envelope) (*message, error) {
	m := &message{env: env, element: only(env.Body)}
	var err error
	if m.to, err = readAddressing(env); err != nil {
		return nil, m.refused(err)
	}
	for _, step := range []func() error{m.to.checkReplyTo, m.checkUnderstood,
		func() error { return n.checkTimestamp(m) }, m.readBody} {
		if err := step(); err != nil {
			return nil, m.refused(err)
		}
	}
	return m, nil
}

// refused puts what is known of the message into an Error.
func (m *message) refused(err error) error {
	var e *Error
	if errors.As(err, &e) && m.element.Local() == "RequestSecurityToken" {
		e.Leg = 1
	}
	return withMessage(err, m.version, m.to)
}

// checkTimestamp holds the Timestamp of a message, if there is one, against the
// clock.
func (n *Negotiator) checkTimestamp(m *message) error {
	timestamp, ok := n.timestamp(m.env)
	if !ok {
		return errAt(CodeInvalidRequest, m.env.Header, "a Security header in a message of a negotiation")
	}
	if m.timestamp = !timestamp.IsZero(); !m.timestamp {
		return nil
	}
	return freshness{n.cfg.MaxAge, n.cfg.ClockSkew}.check(timestamp, n.cfg.Time())
}

func (m *message) checkUnderstood() error { return checkUnderstood(m.env, nil) }

// readBody reads the RST or RSTR.
func (m *message) readBody() error {
	if m.element.IsZero() {
		return errAt(CodeInvalidRequest, m.env.Body, "not exactly one element")
	}
	if start, _, _, end := m.element.SourceRange(); end-start > maxMessage {
		return errAt(CodeInvalidRequest, m.element, "%d octets; at most %d are taken", end-start, maxMessage)
	}
	if m.version = versionOf(m.element.Space()); m.element.Local() == "RequestSecurityTokenResponse" &&
		m.version != 0 {
		response, err := readResponse(m.element)
		if err != nil {
			return err
		}
		m.context, m.exchange = response.Context, response.Exchange
	} else {
		request, err := ReadRequest(m.element)
		if err != nil {
			return err
		}
		m.first, m.request, m.context, m.exchange = true, request, request.Context, request.Exchange
	}
	switch {
	case m.context == "":
		return errAt(CodeInvalidRequest, m.element, "no Context, by which the messages of a negotiation are known")
	case m.exchange == nil:
		return errAt(CodeInvalidRequest, m.element, "no BinaryExchange")
	}
	return nil
}

// checkUnderstood refuses mandatory header blocks for us, as the ultimate
// receiver, next or one of the actors, that are neither of WS-Addressing nor a
// Security header, which has been looked at.
func checkUnderstood(env *soap.Envelope, actors []string) error {
	for b := range env.Blocks() {
		mandatory, err := env.MustUnderstand(b)
		if err != nil {
			return errAt(CodeInvalidRequest, b, "%w", err)
		}
		if !mandatory || !env.IsFor(b, actors...) {
			continue
		}
		if !soap.IsAddressingHeader(b.Name()) && !b.Is(wssec.NSWSSE, "Security") {
			e := errAt(CodeNotUnderstood, b, "a mandatory header block that is not known")
			e.Block = xmltext.Name{Space: b.Space(), Local: strings.Clone(b.Local())}
			return e
		}
	}
	return nil
}
