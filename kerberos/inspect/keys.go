package inspect

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos/gss"
)

// openMessage tries a per-message token with the keys of the contexts that are
// known.
func (x *inspection) openMessage(n *Node, token []byte, wrap bool) {
	if len(x.learned) == 0 {
		if x.cfg.Keytab != nil {
			n.Note = "to open it, inspect the client's token and the answer in the same run, before it"
		}
		return
	}
	if !wrap {
		n.Note = "to check it, the message is needed, which is not in it"
		return
	}
	for i := range x.learned {
		k := &x.learned[i]
		for _, acceptor := range []bool{true, false} {
			message, sealed, ok := k.unwrap(token, acceptor)
			if ok {
				x.showMessage(n, k, message, sealed)
				x.out.Message, x.out.Client, x.out.Service = message, k.client, k.service
				return
			}
		}
	}
	n.Note = "opens with no key of the contexts inspected before it"
}

// unwrap opens a Wrap token as one side of a context does, whatever its number.
func (k *learnedKeys) unwrap(token []byte, acceptor bool) (message []byte, sealed, ok bool) {
	cfg := gss.MessageConfig{Key: k.subkey, AcceptorSubkey: k.acceptor, Acceptor: acceptor, Order: gss.AnyOrder}
	if cfg.Key.IsZero() {
		cfg.Key = k.session
	}
	m, err := gss.NewMessageProtection(cfg)
	if err != nil {
		return nil, false, false
	}
	message, sealed, err = m.Unwrap(nil, token)
	return message, sealed, err == nil
}

func (x *inspection) showMessage(n *Node, k *learnedKeys, message []byte, sealed bool) {
	c := n.Add("opens with", "the keys of "+k.client+" to "+k.service)
	if !sealed {
		c.Name = "checksum right with"
	}
	c = n.Add("message", OctetCount(len(message)))
	control := func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
	isText := utf8.Valid(message) && !strings.ContainsFunc(string(message), control)
	switch {
	case isText && x.cfg.ShowMessages:
		c.Text = string(message)
	case isText:
		c.Note = "text; shown on request"
	case x.cfg.ShowKeys:
		c.Text = fmt.Sprintf("%x", message)
	default:
		c.Note = "no text: it may be a key, and is shown with keys only"
	}
}
