package importer

import (
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/wsdl"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// actionSpaces are the namespaces of the attribute Action of inputs and outputs:
// WS-Addressing Metadata 1.0, its drafts, and the submission.
var actionSpaces = []string{
	"http://www.w3.org/2007/05/addressing/metadata", "http://www.w3.org/2006/05/addressing/wsdl",
	soap.NSAddressing, "http://schemas.xmlsoap.org/ws/2004/08/addressing",
}

// An actionPair is the action of a request and of its reply.
type actionPair struct {
	input, output string
	at            wsdl.Place // of the operation in the port type
}

// replyActions returns the actions of a binding's operations whose reply has another
// action than [soap.ReplyAction] returns.
func replyActions(documents []*wsdl.Document, binding wsdl.Binding) []actionPair {
	portType, in, ok := wsdl.FindPortType(documents, binding.Type)
	if !ok {
		return nil
	}
	var list []actionPair
	for _, op := range portType.Operations {
		if op.Input.IsZero() || op.Output.IsZero() {
			continue
		}
		pair := actionPair{at: in.Place(op.Node)}
		pair.input = inputAction(portType, op, soapAction(binding, op.Name))
		pair.output = defaultAction(portType, op, op.Output, "Response")
		if a := explicitAction(op.Output); a != "" {
			pair.output = a
		}
		usual := soap.ReplyAction(pair.input) == pair.output
		if !usual && !slices.ContainsFunc(list, func(p actionPair) bool { return p.input == pair.input }) {
			list = append(list, pair)
		}
	}
	return list
}

// soapAction returns the SOAPAction of an operation.
func soapAction(binding wsdl.Binding, name string) string {
	for _, op := range binding.Operations {
		if op.Name == name {
			return op.Action
		}
	}
	return ""
}

// inputAction returns the action of an operation's requests: that of its
// attribute, else its SOAPAction, else the default (WS-Addressing Metadata 1.0
// §4.4.1 and §4.4.4).
func inputAction(t wsdl.PortType, op wsdl.Operation, soapAction string) string {
	if a := explicitAction(op.Input); a != "" {
		return a
	}
	if soapAction != "" {
		return soapAction
	}
	return defaultAction(t, op, op.Input, "Request")
}

func explicitAction(message xmltext.Node) string {
	for _, space := range actionSpaces {
		if a, ok := message.Attr(space, "Action"); ok {
			return strings.TrimSpace(a)
		}
	}
	return ""
}

// defaultAction returns the action of a message without one (WS-Addressing
// Metadata 1.0 §4.4.4): target namespace, port type and the name of the input or
// output, which is by default the operation's with a suffix (WSDL 1.1 §2.4.5).
func defaultAction(t wsdl.PortType, op wsdl.Operation, message xmltext.Node, suffix string) string {
	name, ok := message.Attr("", "name")
	if !ok || name == "" {
		name = op.Name + suffix
	}
	space, delimiter := t.Name.Space, "/"
	if strings.HasPrefix(strings.ToLower(space), "urn:") {
		delimiter = ":"
	}
	return strings.TrimSuffix(space, delimiter) + delimiter + t.Name.Local + delimiter + name
}
