package wstrust

import (
	"errors"
	"strings"
	"time"

	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// addressing is what the WS-Addressing header blocks of a request say. The zero
// value is a message without them.
type addressing struct {
	soap.Addressing
	action    string
	messageID string
}

// readAddressing reads the blocks of either version. What two readers could take
// for two messages is refused, such as two blocks of a kind.
func readAddressing(env *soap.Envelope) (a addressing, err error) {
	if a.Addressing, err = env.Addressing(); err != nil {
		invalid, _ := errors.AsType[*soap.AddressingError](err)
		return addressing{}, &Error{Code: CodeInvalidRequest, Path: invalid.Path, Err: errors.New(invalid.Msg)}
	}
	a.action, a.messageID = a.Text(a.Action), a.Text(a.MessageID)
	return a, nil
}

// checkReplyTo refuses a message whose answer is to go elsewhere: there is only
// the connection that it came by.
func (a *addressing) checkReplyTo() error {
	if a.ReplyTo.IsZero() {
		return nil
	}
	if address, _ := a.EndpointAddress(a.ReplyTo); !soap.IsAnonymousAddress(address) {
		return errAt(CodeInvalidRequest, a.ReplyTo,
			"the answer can only go back the way that the request came: the address must be anonymous")
	}
	return nil
}

// anonymous is the address of the answer.
func (a *addressing) anonymous() string {
	if a.Namespace == soap.NSAddressing04 {
		return soap.NSAddressing04 + "/role/anonymous"
	}
	return soap.NSAddressing + "/anonymous"
}

// A reply is an envelope around what is answered.
type reply struct {
	version   soap.Version
	to        addressing // of the request
	action    string
	timestamp []byte // a Timestamp element for the Security header, nil for none
}

// append writes the envelope. No element is white space or an empty-element tag:
// one reader in the field expects each end tag.
func (r *reply) append(dst, body []byte) []byte {
	dst = append(dst, `<s:Envelope xmlns:s="`+r.version.Namespace()+`"><s:Header>`...)
	dst = r.to.appendBlocks(dst, r.action)
	if r.timestamp != nil {
		dst = append(dst, `<o:Security xmlns:o="`+wssec.NSWSSE+`" s:mustUnderstand="1">`...)
		dst = append(dst, r.timestamp...)
		dst = append(dst, `</o:Security>`...)
	}
	dst = append(dst, `</s:Header><s:Body>`...)
	dst = append(dst, body...)
	return append(dst, `</s:Body></s:Envelope>`...)
}

// appendBlocks writes the blocks of an answer; none if the request had none.
func (a *addressing) appendBlocks(dst []byte, action string) []byte {
	if a.Namespace == "" {
		return dst
	}
	dst = a.appendBlock(dst, "Action", action)
	if a.messageID != "" {
		dst = a.appendBlock(dst, "RelatesTo", a.messageID)
	}
	return a.appendBlock(dst, "To", a.anonymous())
}

func (a *addressing) appendBlock(dst []byte, local, text string) []byte {
	dst = append(dst, `<a:`+local+` xmlns:a="`+a.Namespace+`">`...)
	dst = xmltext.AppendEscapedText(dst, text)
	return append(dst, `</a:`+local+`>`...)
}

// appendFaultBlocks writes those of a fault, under the action that faults have
// (1.0 SOAP Binding §6; submission §4).
func (a *addressing) appendFaultBlocks(dst []byte) []byte {
	if a.Namespace == soap.NSAddressing04 {
		return a.appendBlocks(dst, soap.NSAddressing04+"/fault")
	}
	return a.appendBlocks(dst, soap.NSAddressing+"/soap/fault")
}

// only returns the one element in the Body, the zero Node if there are none or
// several.
func only(body xmltext.Node) xmltext.Node {
	n := body.FirstChild()
	if n.IsZero() || !n.NextSibling().IsZero() || body.HasMixedText() {
		return xmltext.Node{}
	}
	return n
}

// sameAction reports whether a message's actions are want: that of HTTP and
// wsa:Action, where they are set. One has to be.
func (a *addressing) sameAction(soapAction, want string) bool {
	soapAction = strings.Trim(soapAction, `"`)
	return (soapAction != "" || a.action != "") && (soapAction == "" || soapAction == want) && (a.action == "" ||
		a.action == want)
}

// timestampLife is how long a Timestamp that we write is good.
const timestampLife = 5 * time.Minute

// freshness is how old a Timestamp may be, and how far clocks may differ.
type freshness struct{ age, skew time.Duration }

// check holds a Timestamp (WSS §10), alone in its Security header, against the
// clock.
func (f freshness) check(n xmltext.Node, now time.Time) error {
	if err := checkOnce(n, "Created", "Expires"); err != nil {
		return err
	}
	created, err := timeOf(n.Child(wssec.NSWSU, "Created"))
	if err != nil {
		return err
	}
	expires, err := timeOf(n.Child(wssec.NSWSU, "Expires"))
	switch {
	case err != nil:
		return err
	case created.IsZero():
		return errAt(CodeTimestamp, n, "no Created")
	case created.After(now.Add(f.skew)):
		return errAt(CodeTimestamp, n, "created %v in the future; allowed are %v: check the clocks",
			created.Sub(now).Round(time.Millisecond), f.skew)
	case !now.Before(created.Add(f.age + f.skew)):
		return errAt(CodeTimestamp, n, "created %v ago; allowed are %v and %v of clock skew",
			now.Sub(created).Round(time.Millisecond), f.age, f.skew)
	case !expires.IsZero() && !now.Before(expires.Add(f.skew)):
		return errAt(CodeTimestamp, n, "expired %v ago; allowed are %v of clock skew",
			now.Sub(expires).Round(time.Millisecond), f.skew)
	}
	return nil
}

// appendTimestamp writes a Timestamp.
func appendTimestamp(dst []byte, now time.Time) []byte {
	dst = append(dst, `<u:Timestamp xmlns:u="`+wssec.NSWSU+`" u:Id="_0"><u:Created>`...)
	dst = now.UTC().AppendFormat(dst, timeFormat)
	dst = append(dst, `</u:Created><u:Expires>`...)
	dst = now.Add(timestampLife).UTC().AppendFormat(dst, timeFormat)
	return append(dst, `</u:Expires></u:Timestamp>`...)
}
