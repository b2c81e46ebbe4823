package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/soaphttp"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// addressing returns the header block of WS-Addressing with a local name, of
// either version, or the zero Node.
func addressing(env *soap.Envelope, local string) xmltext.Node {
	for b := range env.Blocks() {
		if b.Local() == local && soap.IsAddressing(b.Space()) {
			return b
		}
	}
	return xmltext.Node{}
}

// addressingText returns the text of such a block, "" without one.
func addressingText(env *soap.Envelope, local string) string {
	return strings.TrimSpace(addressing(env, local).Text())
}

// addressed returns the message with the message addressing properties of a
// request (WS-Addressing 1.0 Core §3.2, §3.4; submission §3). One that has a block
// of them already gets a MessageID, if it has none.
func addressed(env *soap.Envelope, ns, to, action string) (*soap.Envelope, error) {
	for b := range env.Blocks() {
		switch {
		case !soap.IsAddressing(b.Space()):
		case addressingText(env, "MessageID") != "":
			return env, nil
		default:
			return soap.Parse(withBlocks(env, messageID(nil, b.Space())), xmltext.Options{})
		}
	}
	action = soaphttp.PlainAction(action)
	if action == "" {
		return nil, errors.New("WS-Addressing needs an action, and there is none")
	}
	anonymous := ns + "/anonymous"
	if ns == soap.NSAddressing04 {
		anonymous = ns + "/role/anonymous"
	}
	b := []byte(`<wsa:Action xmlns:wsa="` + ns + `" xmlns:env="` + env.Version.Namespace() + `" env:mustUnderstand="1">`)
	b = xmltext.AppendEscapedText(b, action)
	b = messageID(append(b, `</wsa:Action>`...), ns)
	b = append(b, `<wsa:ReplyTo xmlns:wsa="`+ns+`"><wsa:Address>`+anonymous+`</wsa:Address></wsa:ReplyTo>`...)
	b = append(b, `<wsa:To xmlns:wsa="`+ns+`" xmlns:env="`+env.Version.Namespace()+`" env:mustUnderstand="1">`...)
	b = xmltext.AppendEscapedText(b, to)
	b = append(b, `</wsa:To>`...)
	return soap.Parse(withBlocks(env, b), xmltext.Options{})
}

// messageID appends a new MessageID.
func messageID(b []byte, ns string) []byte {
	return append(b, `<wsa:MessageID xmlns:wsa="`+ns+`">`+soap.NewMessageID()+`</wsa:MessageID>`...)
}

// withBlocks returns the source of a message with further header blocks, the
// first ones of its Header.
func withBlocks(env *soap.Envelope, blocks []byte) []byte {
	src := env.Doc.Source()
	start, content, contentEnd, end := env.Header.SourceRange()
	if env.Header.IsZero() {
		_, content, _, _ = env.Root.SourceRange()
		name := "Header"
		if p := env.Root.Prefix(); p != "" {
			name = p + ":Header"
		}
		return splice(src, content, content, []byte("<"+name+">"), blocks, []byte("</"+name+">"))
	}
	if content == contentEnd && contentEnd == end { // <Header/>
		return splice(src, start, end, env.Header.AppendOwnTag(nil), blocks, env.Header.AppendEndTag(nil))
	}
	return splice(src, content, content, blocks)
}

// splice returns src with parts in the place of src[from:to].
func splice(src []byte, from, to int, parts ...[]byte) []byte {
	out := append([]byte(nil), src[:from]...)
	for _, p := range parts {
		out = append(out, p...)
	}
	return append(out, src[to:]...)
}

// relates compares wsa:RelatesTo of a verified reply with the MessageID of its
// request (WS-Addressing 1.0 Core §3.4). A block that the reply's protection does
// not cover is ignored. With must set, the reply is refused without one: nothing
// else ties it to its request.
func relates(req *soap.Envelope, reply *wssec.Message, must bool) error {
	id := addressingText(req, "MessageID")
	if id == "" {
		return nil
	}
	for _, n := range reply.Signed() {
		if n.Local() != "RelatesTo" || !soap.IsAddressing(n.Space()) {
			continue
		}
		if kind, _ := n.Attr("", "RelationshipType"); kind != "" && !strings.HasSuffix(strings.ToLower(kind), "reply") {
			continue
		}
		if got := strings.TrimSpace(n.Text()); got != id {
			return fmt.Errorf("at %s: the reply relates to %.100q, not to this request, %.100q", n.Path(), got, id)
		}
		must = false
	}
	if must {
		return errors.New("the reply has no signed wsa:RelatesTo, and nothing else ties it to this request")
	}
	return nil
}
