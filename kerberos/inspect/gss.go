package inspect

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// mechText is "krb5 1.2.840.113554.1.2.2".
func mechText(oid string) string {
	if name, text := krbmsg.MechName(oid), krbmsg.OIDText(oid); name != text {
		return name + " " + text
	}
	return "unknown " + krbmsg.OIDText(oid)
}

// frame explains a GSS-API token (RFC 2743 3.1).
func (x *inspection) frame(n *Node, p part) {
	whole := p
	titled(n, "GSS-API token", "%s", OctetCount(len(p.b)))
	body, ok := x.open(n, &p, der.TagApplication(0), "GSS-API frame")
	if !ok {
		return
	}
	x.end(n, p, "GSS-API frame")
	oid, ok := x.open(n, &body, der.TagOID, "mechanism")
	if !ok {
		return
	}
	switch mech := string(oid.b); mech {
	case krbmsg.OIDSPNEGO:
		x.spnego(n, body, whole)
	case krbmsg.OIDKRB5, krbmsg.OIDMSKRB5, krbmsg.OIDOldKRB5, krbmsg.OIDU2U, krbmsg.OIDIAKERB:
		x.krb5Token(n, mech, body, whole)
	case krbmsg.OIDNTLM:
		x.any(n, body)
		n.Note = "in a GSS-API frame"
	default:
		n.Add("mechanism", mechText(mech))
	}
}

// krb5Token explains what is behind the mechanism in a frame (RFC 4121 4.1, RFC 1964 1.2, RFC 4757 7).
func (x *inspection) krb5Token(n *Node, mech string, p, whole part) {
	n.Add("mechanism", mechText(mech))
	if len(p.b) < 2 {
		x.fail(n, p.at, "GSS-API token ends before its token identifier")
		return
	}
	id, message := p.b[:2], p.skip(2)
	inner := &Node{}
	kind := ""
	switch string(id) {
	case krbmsg.TokAPREQ:
		kind = "AP-REQ"
	case krbmsg.TokAPREP:
		kind = "AP-REP"
	case krbmsg.TokError:
		kind = "KRB-ERROR"
	case "\x04\x00", "\x04\x01":
		kind = map[byte]string{0: "TGT-REQ of user-to-user", 1: "TGT-REP of user-to-user"}[id[1]]
		titled(inner, kind, "%s", OctetCount(len(message.b)))
		n.Children = append(n.Children, inner)
		n.Value = kind + ", " + OctetCount(len(whole.b))
		return
	case "\x01\x01", "\x02\x01", "\x01\x02":
		x.rc4Token(n, p, whole)
		return
	case "\x05\x01":
		n.Value = "IAKERB-PROXY, " + OctetCount(len(whole.b))
		return
	default:
		n.Problem = fmt.Sprintf("unknown token identifier %x", id)
		x.failed = true
		return
	}
	n.Value = "krb5 " + kind + ", " + OctetCount(len(whole.b))
	x.any(inner, message)
	if inner.Name != kind {
		x.fail(inner, message.at, "the token identifier announces %s", kind)
		n.Children = append(n.Children, inner)
		return
	}
	inner.Name, inner.Value = "", ""
	n.Nest(inner)
}

// rc4Token explains the per-message tokens of RFC 1964 1.2, which RC4 has still (RFC 4757 7). p is behind the
// mechanism.
func (x *inspection) rc4Token(n *Node, p, whole part) {
	kind := map[byte]string{1: "MIC token", 2: "Wrap token"}[p.b[0]]
	if p.b[1] == 2 {
		kind = "context deletion token"
	}
	titled(n, kind+" of RFC 1964", "%s", OctetCount(len(whole.b)))
	if len(p.b) < krbmsg.RC4MICLen {
		x.fail(n, p.at, "shorter than header, number and checksum")
		return
	}
	sign := map[uint16]string{0: "DES MAC MD5: withdrawn", 4: "HMAC SHA1 DES3: withdrawn", 0x11: "HMAC of RC4"}
	seal := map[uint16]string{0: "DES: withdrawn", 2: "DES3: withdrawn", 0x10: "RC4", 0xffff: "none: not encrypted"}
	alg := binary.LittleEndian.Uint16(p.b[2:])
	n.Addf("SGN_ALG", "0x%04x %s", alg, sign[alg])
	if p.b[0] == 2 {
		alg = binary.LittleEndian.Uint16(p.b[4:])
		n.Addf("SEAL_ALG", "0x%04x %s", alg, seal[alg])
	}
	n.Add("SND_SEQ", "encrypted")
	n.Add("payload", OctetCount(len(p.b)-krbmsg.RC4MICLen))
	x.openMessage(n, whole, p.b[0] == 2)
}

// perMessage explains a Wrap or MIC token (RFC 4121 4.2.6).
func (x *inspection) perMessage(n *Node, p part) {
	b := p.b
	wrap := b[0] == 5
	titled(n, map[bool]string{true: "Wrap token", false: "MIC token"}[wrap], "%s", OctetCount(len(b)))
	flags := uint32(b[2])
	sealed := flags&krbmsg.FlagSealed != 0
	n.Add("flags", bitNames(flags, []bit{{krbmsg.FlagSentByAcceptor, "sent-by-acceptor"}, {krbmsg.FlagSealed, "sealed"}, {krbmsg.FlagAcceptorSubkey, "acceptor-subkey"}}))
	if flags&krbmsg.FlagSentByAcceptor == 0 {
		n.Children[0].Note = "sent by the initiator"
	}
	if wrap {
		ec, rrc := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
		c := n.Addf("EC", "%d", ec)
		if c.Note = "octets of filler"; !sealed {
			c.Note = "octets of checksum"
		}
		c = n.Addf("RRC", "%d", rrc)
		switch {
		case rrc == 0:
			c.Note = "not rotated, as MIT sends it"
		case rrc == 28 || rrc == 12:
			c.Note = "rotated, as Windows sends it"
		default:
			c.Note = "rotated"
		}
	}
	n.Addf("SND_SEQ", "%d", binary.BigEndian.Uint64(b[8:]))
	body := n.Add("body", OctetCount(len(b)-krbmsg.CFXHeader))
	switch {
	case !wrap:
		body.Note = "checksum"
	case sealed:
		body.Note = "encrypted"
	default:
		body.Note = "message in clear, and checksum"
	}
	x.openMessage(n, p, wrap)
}

// openMessage tries a per-message token with the keys of the contexts that are known.
func (x *inspection) openMessage(n *Node, p part, wrap bool) {
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
			message, sealed, ok := k.unwrap(p.b, acceptor)
			if ok {
				x.showMessage(n, k, message, sealed)
				x.out.Message = message
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
	isText := utf8.Valid(message) && !strings.ContainsFunc(string(message), func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' })
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

// spnego explains a NegotiationToken (RFC 4178 4.2). whole is with its frame, if it has one.
func (x *inspection) spnego(n *Node, p, whole part) {
	if len(p.b) > 0 && p.b[0] == der.TagContext(1) {
		x.negTokenResp(n, p)
		return
	}
	titled(n, "SPNEGO NegTokenInit", "%s", OctetCount(len(whole.b)))
	content, ok := x.open(n, &p, der.TagContext(0), "NegTokenInit")
	if !ok {
		return
	}
	x.end(n, p, "NegTokenInit")
	hints := strings.Contains(string(content.b), krbmsg.HintName)
	names := []string{"mechTypes", "reqFlags?", "mechToken?", "mechListMIC?"}
	if hints {
		n.Name = "SPNEGO NegTokenInit2"
		n.Note = "an acceptor that speaks first (MS-SPNG)"
		names = []string{"mechTypes", "reqFlags?", "mechToken?", "negHints?", "mechListMIC?"}
	}
	f := x.sequence(n, content, "NegTokenInit", names...)
	mechs := x.mechTypes(n, f)
	if flags, ok := f.content(1, der.TagBitString); ok {
		n.Add("reqFlags", OctetCount(len(flags.b))).Note = "to be ignored"
	}
	if token, ok := f.content(2, der.TagOctetString); ok {
		c := n.Add("mechToken", "")
		if len(mechs) > 0 {
			c.Note = "for " + krbmsg.MechName(mechs[0])
		}
		x.otherChoice = slices.IndexFunc(mechs, krbmsg.IsKerberos) > 0
		x.nested(c, token)
		x.otherChoice = false
	} else if !hints {
		n.Add("mechToken", "none").Note = "the client waits for the acceptor's choice"
	}
	x.mechListMIC(n, f, len(names)-1)
	x.judgeMechs(n, mechs, hints)
}

// nested explains a token in a field, under the field's name.
func (x *inspection) nested(c *Node, token part) {
	inner := &Node{}
	x.any(inner, token)
	c.Nest(inner)
}

func (x *inspection) mechTypes(n *Node, f *fields) (mechs []string) {
	list, ok := f.content(0, der.TagSequence)
	if !ok {
		return nil
	}
	line := n.Add("mechTypes", "")
	for ok && len(list.b) > 0 && len(mechs) < krbmsg.MaxMechTypes {
		var oid part
		if oid, ok = x.open(line, &list, der.TagOID, "mechTypes"); ok {
			mechs = append(mechs, string(oid.b))
			line.Addf(fmt.Sprint(len(mechs)), "%s", mechText(string(oid.b)))
		}
	}
	line.Value = strings.TrimSpace(krbmsg.MechNames(mechs))
	return mechs
}

func (x *inspection) mechListMIC(n *Node, f *fields, i int) {
	if mic, ok := f.content(i, der.TagOctetString); ok {
		x.nested(n.Add("mechListMIC", ""), mic)
	}
}

// judgeMechs says what a list of mechanisms leads to.
func (x *inspection) judgeMechs(n *Node, mechs []string, hints bool) {
	i := slices.IndexFunc(mechs, krbmsg.IsKerberos)
	switch {
	case len(mechs) == 0 || hints:
	case i < 0:
		err := krbmsg.NoKerberos(&krbmsg.NegTokenInit{Mechs: mechs})
		if x.out.Err == nil {
			x.out.Err = err
		}
		x.verdict(n, err)
	case i > 0:
		n.Add("leads to", "request-mic").Note = "Kerberos is not the client's first choice: the acceptor drops the mechToken and asks for a new one and a mechListMIC"
	}
}

func (x *inspection) negTokenResp(n *Node, p part) {
	titled(n, "SPNEGO NegTokenResp", "%s", OctetCount(len(p.b)))
	content, ok := x.open(n, &p, der.TagContext(1), "NegTokenResp")
	if !ok {
		return
	}
	x.end(n, p, "NegTokenResp")
	f := x.sequence(n, content, "NegTokenResp", "negState?", "supportedMech?", "responseToken?", "mechListMIC?")
	f.leaf(0, der.TagEnumerated, func(p *der.Parser, b []byte) {
		state := krbmsg.NegState(p.Integer(b, "negState"))
		c := n.Add("negState", state.String())
		switch state {
		case krbmsg.NegReject:
			c.Note = "the peer refuses"
		case krbmsg.NegRequestMIC:
			c.Note = "the peer wants a mechListMIC"
		}
	})
	if oid, ok := f.content(1, der.TagOID); ok {
		n.Add("supportedMech", mechText(string(oid.b)))
	}
	if token, ok := f.content(2, der.TagOctetString); ok {
		x.nested(n.Add("responseToken", ""), token)
	}
	x.mechListMIC(n, f, 3)
}

// ntlm explains an NTLM message (MS-NLMP 2.2.1) as far as it tells why it came.
func (x *inspection) ntlm(n *Node, p part) {
	kind := uint32(0)
	if len(p.b) >= 12 {
		kind = binary.LittleEndian.Uint32(p.b[8:])
	}
	names := map[uint32]string{1: "NEGOTIATE", 2: "CHALLENGE", 3: "AUTHENTICATE"}
	titled(n, "NTLM", "%s, %s", strings.TrimSpace(fmt.Sprintf("message %d %s", kind, names[kind])), OctetCount(len(p.b)))
	if kind == 3 {
		for i, name := range []string{"domain", "user", "workstation"} {
			if text := ntlmField(p.b, 28+8*i); text != "" {
				n.Add(name, text)
			}
		}
	}
	if x.otherChoice {
		return
	}
	err := krbmsg.ErrNTLM()
	if x.out.Err == nil {
		x.out.Err = err
	}
	x.verdict(n, err)
}

// ntlmField is a text of an AUTHENTICATE message: length, room and offset stand at pos.
func ntlmField(b []byte, pos int) string {
	if len(b) < pos+8 {
		return ""
	}
	size, at := uint64(binary.LittleEndian.Uint16(b[pos:])), uint64(binary.LittleEndian.Uint32(b[pos+4:]))
	if at+size > uint64(len(b)) {
		return ""
	}
	return utf16Text(b[at : at+size])
}

// utf16Text is text of UTF-16, low octets first.
func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
