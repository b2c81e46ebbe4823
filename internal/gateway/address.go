package gateway

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// An addressing is what the exchange knows of the message's WS-Addressing. The
// zero value is that of a message without any.
type addressing struct {
	soap.Addressing
	invalid error // why it is not, if it could not be read

	relatesTo string // the MessageID that replies repeat, or ""
	action    string // that of the message

	// Nobody wants a reply, or a fault: the address of its endpoint is that which
	// no message is sent to.
	noReply, noFault bool
}

// readAddressing reads the message's WS-Addressing as it was received, for what
// [exchange.refuse] answers: nothing of it is verified, and what is encrypted
// stays so.
func (x *exchange) readAddressing() error {
	a, _ := x.in.env.Addressing(x.rt.actors...)
	x.in.namespace = a.Namespace
	if id := a.Text(a.MessageID); len(id) <= maxRepeated {
		x.in.messageID = id
	}
	return nil
}

// maxRepeated bounds the octets of a MessageID that a refusal repeats: refusals
// that wait for their time are in no budget.
const maxRepeated = 1 << 10

// admittedAddressing reads the WS-Addressing of the admitted message. What is
// wrong with it is an error of [exchange.checkAddressing], which comes once the
// client is authorized.
func (x *exchange) admittedAddressing(in door.Admitted) {
	a := &x.to
	a.Addressing, a.invalid = in.Envelope().Addressing(x.rt.actors...)
	if in.Covers(a.MessageID) || !x.vouches() {
		a.relatesTo = a.Text(a.MessageID)
	}
	if x.rt.TerminateAddressing { // else replies say nothing of it
		a.action = a.Text(a.Action)
	}
	reply, _ := a.EndpointAddress(a.ReplyTo)
	fault := reply
	if !a.FaultTo.IsZero() {
		fault, _ = a.EndpointAddress(a.FaultTo)
	}
	a.noReply, a.noFault = soap.IsNoneAddress(reply), soap.IsNoneAddress(fault)
}

// vouches reports whether the signature of a reply covers its wsa:RelatesTo. It
// then repeats no MessageID that anybody could have written.
func (x *exchange) vouches() bool {
	name := xmltext.Name{Space: x.to.Namespace, Local: "RelatesTo"}
	for _, p := range x.door.Policies() {
		if p.ProtectsReplies() && (p.SignedParts.Has(name) || p.EncryptedParts.Has(name)) {
			return true
		}
	}
	return false
}

// checkAddressing refuses a message whose addressing properties are invalid, that
// wants its reply elsewhere, or that is for another address. It refuses those
// that no protection covers, too: nothing that somebody between may have written
// is followed or passed on.
func (x *exchange) checkAddressing(in door.Admitted) error {
	if x.to.invalid != nil {
		return &Error{Code: CodeAddressing, Err: x.to.invalid}
	}
	if err := x.checkEndpoints(in.Envelope()); err != nil {
		return err
	}
	if x.rt.TerminateAddressing && x.to.Text(x.to.Action) == "" {
		if err := x.to.Required("Action"); err != nil {
			return &Error{Code: CodeAddressing, Err: err}
		}
	}
	return x.checkTo(in)
}

// checkEndpoints refuses endpoints that a reply would have to be sent to: there
// is only the connection that the request came by (1.0 SOAP Binding §6.4.1.7).
// Those for other roles are refused too, since the backend may act in them. In
// the submission (§3) replies may go to From if there is no ReplyTo.
func (x *exchange) checkEndpoints(env *soap.Envelope) error {
	for b := range env.Blocks() {
		if !soap.IsAddressing(b.Space()) {
			continue
		}
		switch local := b.Local(); {
		case local == "ReplyTo", local == "FaultTo",
			local == "From" && b.Space() == soap.NSAddressing04 && x.to.ReplyTo.IsZero():
			if err := checkEndpoint(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkEndpoint(reference xmltext.Node) error {
	a := soap.Addressing{Namespace: reference.Space()}
	address, err := a.EndpointAddress(reference)
	switch {
	case err != nil:
		return &Error{Code: CodeAddressing, Err: err}
	case soap.IsAnonymousAddress(address), soap.IsNoneAddress(address):
		return nil
	}
	return &Error{Code: CodeReplyTo, Err: invalid(reference, soap.FaultOnlyAnonymous,
		fmt.Sprintf("the address is %.200q", address))}
}

// invalid returns the error of a property, with the fault that answers it.
func invalid(n xmltext.Node, f soap.AddressingFault, msg string) *soap.AddressingError {
	return &soap.AddressingError{Namespace: n.Space(), Fault: f, Property: strings.Clone(n.Local()), Path: n.Path(),
		Msg: msg}
}

// checkTo compares the message's wsa:To with the route's addresses
// (WS-Addressing 1.0 Core §3.2, SOAP Binding §6). Routes with one service
// principal and one policy accept each other's messages. Only this field, which
// the client has protected, names the route that a message was made for.
//
// A wsa:To that no protection covers may be anybody's and is ignored, and so is
// the anonymous address, which is what a message without wsa:To means. Such a
// message is refused if the route requires a wsa:To; else the event notes it.
func (x *exchange) checkTo(in door.Admitted) error {
	rt, to := x.rt, x.to.To
	if len(rt.Addresses) == 0 {
		return nil
	}
	text := x.to.Text(to)
	if !to.IsZero() && in.Covers(to) && !soap.IsAnonymousAddress(text) {
		address, err := soap.NormalAddress(text)
		if err == nil && !slices.Contains(rt.addresses, address) {
			err = fmt.Errorf("the message is for %.200q, the route's addresses are %s", text, strings.Join(rt.Addresses, ", "))
		}
		if err != nil {
			return &Error{Code: CodeAddress, Err: invalid(to, soap.FaultUnreachable, err.Error())}
		}
		return nil
	}
	leg := in.Answers() && len(x.door.Policies()) == 0 // of a negotiation; it has no protection
	if rt.RequireTo && !leg {
		return &Error{Code: CodeAddress, Err: &soap.AddressingError{
			Namespace: cmp.Or(x.to.Namespace, soap.NSAddressing), Fault: soap.FaultUnreachable, Property: "To",
			Path: "/Envelope/Header", Msg: "the message has no wsa:To that its protection covers and that names an " +
				"address, and the route requires one"}}
	}
	x.log.note(slog.Bool("to_unknown", true))
	return nil
}

// unwanted reports whether the reply is to be sent to nobody (WS-Addressing 1.0
// Core §2.1, §3.4): the client is then answered as for a one-way message.
func (x *exchange) unwanted() bool {
	unwanted := x.to.noReply
	if x.reply.status == soaphttp.FaultStatus {
		unwanted = x.to.noFault
	}
	if unwanted {
		x.log.note(slog.Bool("reply_unwanted", true))
	}
	return unwanted
}

// chooseAction sets the action for the HTTP header of the backend's request.
// The client's HTTP header is not signed, and many backends dispatch on it
// alone. So if the message has a wsa:Action that its protection covers, that is
// the action; else the client's header is passed unchanged. One in HTTP that is
// not the message's is refused (WS-Addressing 1.0 SOAP Binding §4), whether or
// not anything covers that.
func (x *exchange) chooseAction(in door.Admitted) error {
	x.action = x.in.Action
	n := x.to.Action
	action := x.to.Text(n)
	if n.IsZero() || action == "" && !in.Covers(n) {
		return nil
	}
	sent := soaphttp.PlainAction(x.in.Action)
	switch {
	case !plainAction(action):
		return &Error{Code: CodeAction, Err: invalid(n, soap.FaultInvalidHeader, fmt.Sprintf("the action is %.200q",
			action))}
	case sent != "" && sent != action:
		return &Error{Code: CodeAction, Err: invalid(n, soap.FaultActionMismatch,
			fmt.Sprintf("the action in HTTP is %.200q, that of the message %.200q", sent, action))}
	case !in.Covers(n):
		return nil
	}
	if x.in.Version == soap.V11 {
		action = `"` + action + `"`
	}
	x.action = strings.Clone(action) // a transport may keep it longer than we the message
	x.log.asks(x.action)
	return nil
}

// plainAction reports whether s has no octet that a URI may not have or that
// HTTP reads in another way.
func plainAction(s string) bool {
	return !strings.ContainsFunc(s,
		func(r rune) bool { return r == '"' || r == '\\' || unicode.IsSpace(r) || !unicode.IsGraphic(r) })
}

// forwarding returns what becomes of the message's header blocks. The gateway
// understands those of WS-Addressing, which clients mark as mandatory whether or
// not their policy protects them.
func (x *exchange) forwarding(in door.Admitted) wssec.Forwarding {
	how := wssec.Forwarding{Unprotected: x.rt.OtherHeaders, Understands: soap.IsAddressingHeader,
		Actors: x.rt.ForwardActors, Understood: x.rt.UnderstoodHeaders}
	switch {
	case x.rt.TerminateAddressing:
		how.Replace = func(block xmltext.Node) ([]byte, bool) { return nil, x.terminates(in.Envelope(), block) }
	case x.rt.RewriteTo != "" && (in.Covers(x.to.To) || x.passesAll()):
		how.Replace = func(block xmltext.Node) ([]byte, bool) {
			if block != x.to.To {
				return nil, false
			}
			return x.backendTo(in), true
		}
	}
	return how
}

// terminates reports whether a header block of WS-Addressing ends here. A
// mandatory one that WS-Addressing does not define is left to the rules for those
// that are not understood.
func (x *exchange) terminates(env *soap.Envelope, block xmltext.Node) bool {
	must, _ := env.MustUnderstand(block)
	return soap.IsAddressing(block.Space()) && env.IsFor(block, x.rt.actors...) &&
		(!must || soap.IsAddressingHeader(block.Name()))
}

// passesAll reports whether header blocks pass that no protection covers.
func (x *exchange) passesAll() bool {
	return x.rt.OtherHeaders == wssec.PassHeaders || len(x.door.Policies()) == 0
}

// backendTo returns the wsa:To for the backend in place of the message's.
func (x *exchange) backendTo(in door.Admitted) []byte {
	b := append([]byte(`<wsa:To xmlns:wsa="`), x.to.Namespace...)
	if must, _ := in.Envelope().MustUnderstand(x.to.To); must {
		b = append(append(append(b, `" xmlns:env="`...), x.in.Version.Namespace()...), `" env:mustUnderstand="1`...)
	}
	b = xmltext.AppendEscapedText(append(b, `">`...), x.rt.RewriteTo)
	return append(b, `</wsa:To>`...)
}

// replyBlocks returns the header blocks of WS-Addressing for the backend's reply,
// on a route where its requests have none: action, relationship to the request,
// and an identifier (1.0 Core §3.4; submission §3.3).
func (x *exchange) replyBlocks(reply *soap.Envelope) ([]xmltext.Node, error) {
	if !x.rt.TerminateAddressing || x.to.Namespace == "" {
		return nil, nil
	}
	action, known := x.rt.ReplyActions[x.to.action]
	if !known {
		action = soap.ReplyAction(x.to.action)
	}
	if fault, isFault := reply.Fault(); isFault {
		action = soap.FaultAction(x.to.Namespace, fault)
	}
	b := []byte(`<e:Envelope xmlns:e="` + x.in.Version.Namespace() + `"><e:Header>`)
	b = appendAddressing(b, x.to.Namespace, action, x.to.relatesTo)
	b = append(b, `<wsa:MessageID xmlns:wsa="`+x.to.Namespace+`">`+soap.NewMessageID()+`</wsa:MessageID>`...)
	env, err := soap.Parse(append(b, `</e:Header><e:Body/></e:Envelope>`...), xmltext.Options{})
	if err != nil {
		return nil, err
	}
	return slices.Collect(env.Blocks()), nil
}

// addFaultBlocks adds the header blocks of WS-Addressing to a fault, unless the
// message has none: the action of faults, and wsa:RelatesTo if the message's
// identifier is known (1.0 Core §3.4, SOAP Binding §6; submission §3.3, §4).
func addFaultBlocks(f *soap.Fault, space, relatesTo string) {
	if space != "" {
		f.Header = appendAddressing(f.Header, space, soap.FaultAction(space, f), relatesTo)
	}
}

// appendAddressing appends the header blocks of a reply. The submission requires
// a wsa:To.
func appendAddressing(dst []byte, space, action, relatesTo string) []byte {
	add := func(local, text string) {
		dst = append(dst, `<wsa:`+local+` xmlns:wsa="`+space+`">`...)
		dst = xmltext.AppendEscapedText(dst, text)
		dst = append(dst, `</wsa:`+local+`>`...)
	}
	add("Action", action)
	if relatesTo != "" {
		add("RelatesTo", relatesTo)
	}
	if space == soap.NSAddressing04 {
		add("To", soap.NSAddressing04+"/role/anonymous")
	}
	return dst
}
