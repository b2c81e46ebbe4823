package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
)

// checkTo holds the message's wsa:To against the route's addresses (WS-Addressing
// 1.0 Core §3.2, SOAP Binding §6). Routes with one service principal and one policy
// accept each other's messages; only this field, which the client protected, says
// for which of them a message was made.
//
// One that no protection covers anybody on the way can write, so it says nothing,
// and neither does the anonymous address, which a message without wsa:To means.
// Then the message is refused if the route demands more, else the event notes it.
func (x *exchange) checkTo(in door.Admitted) error {
	rt := x.rt
	if len(rt.Addresses) == 0 {
		return nil
	}
	named := false
	for _, n := range coveredBlocks(in, "To") {
		text := strings.TrimSpace(n.Text())
		if soap.IsAnonymousAddress(text) {
			continue
		}
		address, err := soap.NormalAddress(text)
		if err == nil && !n.FirstChild().IsZero() {
			err = errors.New("it holds elements")
		}
		if err == nil && !slices.Contains(rt.addresses, address) {
			err = fmt.Errorf("the message is for %.200q, the route's addresses are %s", text, strings.Join(rt.Addresses, ", "))
		}
		if err != nil {
			return wrongAddress(n.Space(), fmt.Errorf("at %s: %w", n.Path(), err))
		}
		named = true
	}
	if named {
		return nil
	}
	if rt.RequireTo {
		return wrongAddress(soap.NSAddressing, errors.New("the message has no wsa:To that its protection covers and that names an address, and the route requires one"))
	}
	x.log.note(slog.Bool("to_unknown", true))
	return nil
}

// wrongAddress makes the error whose fault is that of the message's WS-Addressing
// (1.0 SOAP Binding §6.4.2; submission §4).
func wrongAddress(space string, err error) *Error {
	return &Error{Code: CodeAddress, Err: err, Subcode: xmltext.Name{Space: space, Local: "DestinationUnreachable"}}
}

// coveredBlocks gives the WS-Addressing header blocks of a local name that are for
// the backend and that the client's protection covers.
func coveredBlocks(in door.Admitted, local string) []xmltext.Node {
	var found []xmltext.Node
	env := in.Envelope()
	for b := range env.Blocks() {
		if !b.Is(soap.NSAddressing, local) && !b.Is(soap.NSAddressing04, local) {
			continue
		}
		if role := env.Role(b); in.Covers(b) && (role == "" || soap.IsNext(role)) {
			found = append(found, b)
		}
	}
	return found
}
