package gateway

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/soap"
)

// chooseAction sets the action to tell the backend in HTTP. The client's HTTP header
// is under no signature, and many backends dispatch on it alone: if the message
// has a wsa:Action that its protection covers, that is the action, and another
// one in HTTP is refused (WS-Addressing 1.0 SOAP Binding §4). Without one the
// client's is passed as it came.
func (x *exchange) chooseAction(in door.Admitted) error {
	sent := x.in.action
	covered := coveredBlocks(in, "Action")
	if len(covered) == 0 {
		x.action = sent
		return nil
	}
	action := strings.TrimSpace(covered[0].Text())
	for _, n := range covered {
		if text := strings.TrimSpace(n.Text()); text != action || !n.FirstChild().IsZero() || !plainAction(text) {
			return &Error{Code: CodeAction, Err: fmt.Errorf("at %s: the action is %q", n.Path(), text)}
		}
	}
	if sent = unquoted(sent); sent != "" && sent != action {
		return &Error{Code: CodeAction, Err: fmt.Errorf("the action in HTTP is %q, that of the message %q", sent, action)}
	}
	if x.in.version == soap.V11 {
		action = `"` + action + `"`
	}
	x.action = action
	return nil
}

// unquoted takes the quotes of a SOAPAction header off.
func unquoted(action string) string {
	action = strings.TrimSpace(action)
	if inner, ok := strings.CutPrefix(action, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return strings.TrimSpace(inner)
		}
	}
	return action
}

// plainAction refuses what no URI holds, and what HTTP would read in another way.
func plainAction(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r == '\\' || unicode.IsSpace(r) || !unicode.IsGraphic(r) })
}
