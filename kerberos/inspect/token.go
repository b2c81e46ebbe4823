package inspect

import (
	"encoding/binary"
	"fmt"
	"slices"

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
func (x *inspection) frame(n *Node, b []byte) {
	titled(n, "GSS-API token", b)
	x.initial = x.depth == 1
	oid, body, err := krbmsg.ReadFrame(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	switch mech := string(oid); mech {
	case krbmsg.OIDSPNEGO:
		x.spnego(n, b)
	case krbmsg.OIDKRB5, krbmsg.OIDMSKRB5, krbmsg.OIDOldKRB5, krbmsg.OIDU2U, krbmsg.OIDIAKERB:
		n.Add("mechanism", mechText(mech))
		x.krb5Token(n, body, b)
	case krbmsg.OIDNTLM:
		x.any(n, body)
		n.Note = "in a GSS-API frame"
	default:
		n.Add("mechanism", mechText(mech))
	}
}

// tokenKinds are the token identifiers behind the mechanisms of Kerberos.
var tokenKinds = map[string]string{
	krbmsg.TokAPREQ: "AP-REQ", krbmsg.TokAPREP: "AP-REP", krbmsg.TokError: "KRB-ERROR",
	"\x04\x00": "TGT-REQ of user-to-user", "\x04\x01": "TGT-REP of user-to-user", "\x05\x01": "IAKERB-PROXY",
	"\x01\x01": "MIC token of RFC 1964", "\x02\x01": "Wrap token of RFC 1964",
	"\x01\x02": "context deletion token of RFC 1964",
}

// krb5Token explains what is behind the mechanism in a frame (RFC 4121 4.1, RFC
// 1964 1.2, RFC 4757 7).
func (x *inspection) krb5Token(n *Node, body, whole []byte) {
	if len(body) < 2 {
		x.fail(n, fmt.Errorf("GSS-API token ends before its token identifier"))
		return
	}
	id, message := string(body[:2]), body[2:]
	kind, known := tokenKinds[id]
	x.initial = x.initial && (!known || id == krbmsg.TokAPREQ)
	n.Value = "krb5 " + kind + ", " + OctetCount(len(whole))
	inner := &Node{}
	switch id {
	case krbmsg.TokAPREQ:
		x.apReq(inner, message)
	case krbmsg.TokAPREP:
		x.apRep(inner, message)
	case krbmsg.TokError:
		x.krbError(inner, message)
	case "\x01\x01", "\x02\x01", "\x01\x02":
		titled(n, kind, whole)
		x.rc4Token(n, whole)
	default:
		if n.Value = OctetCount(len(whole)); known {
			n.Value = kind + ", " + n.Value
		} else {
			x.fail(n, fmt.Errorf("unknown token identifier %x", id))
		}
	}
	n.Nest(inner)
}

// rc4Token explains the per-message tokens of RFC 1964 1.2, which RC4 has still
// (RFC 4757 7).
func (x *inspection) rc4Token(n *Node, b []byte) {
	t, err := krbmsg.ReadRC4Token(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	sign := map[uint16]string{0: "DES MAC MD5: withdrawn", 4: "HMAC SHA1 DES3: withdrawn", 0x11: "HMAC of RC4"}
	seal := map[uint16]string{0: "DES: withdrawn", 2: "DES3: withdrawn", 0x10: "RC4", 0xffff: "none: not encrypted"}
	alg := binary.LittleEndian.Uint16(t.Header[2:])
	n.Addf("SGN_ALG", "0x%04x %s", alg, sign[alg])
	wrap := t.Header[0] == 2
	if wrap {
		alg = binary.LittleEndian.Uint16(t.Header[4:])
		n.Addf("SEAL_ALG", "0x%04x %s", alg, seal[alg])
	}
	n.Add("SND_SEQ", "encrypted")
	n.Add("payload", OctetCount(len(t.Payload)))
	x.openMessage(n, b, wrap)
}

// perMessage explains a Wrap or MIC token (RFC 4121 4.2.6).
func (x *inspection) perMessage(n *Node, b []byte) {
	h, _ := krbmsg.ReadMessageHeader(b)
	titled(n, "MIC token", b)
	flags := n.Add("flags", bitNames(uint32(h.Flags), []bit{{krbmsg.FlagSentByAcceptor, "sent-by-acceptor"},
		{krbmsg.FlagSealed, "sealed"}, {krbmsg.FlagAcceptorSubkey, "acceptor-subkey"}}))
	if h.Flags&krbmsg.FlagSentByAcceptor == 0 {
		flags.Note = "sent by the initiator"
	}
	body := &Node{Name: "body", Value: OctetCount(len(b) - krbmsg.CFXHeader), Note: "checksum"}
	if h.Wrap {
		n.Name = "Wrap token"
		ec := n.Addf("EC", "%d", h.EC)
		ec.Note, body.Note = "octets of checksum", "message in clear, and checksum"
		if h.Flags&krbmsg.FlagSealed != 0 {
			ec.Note, body.Note = "octets of filler", "encrypted"
		}
		n.Addf("RRC", "%d", h.RRC).Note = rotationText(h.RRC)
	}
	n.Addf("SND_SEQ", "%d", h.Seq)
	n.Children = append(n.Children, body)
	x.openMessage(n, b, h.Wrap)
}

// rotationText is what a right rotation count (RFC 4121 4.2.5) shows of its
// sender.
func rotationText(rrc uint16) string {
	switch rrc {
	case 0:
		return "not rotated, as MIT sends it"
	case 28, 12:
		return "rotated, as Windows sends it"
	}
	return "rotated"
}

// spnego explains a NegotiationToken (RFC 4178 4.2), with its frame if it has
// one.
func (x *inspection) spnego(n *Node, b []byte) {
	x.initial = x.depth == 1
	titled(n, "SPNEGO token", b)
	init, resp, err := krbmsg.ParseNegotiationToken(b)
	switch {
	case err != nil:
		if b[0] != der.TagApplication(0) {
			n.Name = map[byte]string{der.TagContext(0): "SPNEGO NegTokenInit",
				der.TagContext(1): "SPNEGO NegTokenResp"}[b[0]]
		}
		x.initial = x.initial && b[0] != der.TagContext(1)
		x.refuse(n, b, err)
	case init != nil:
		x.negTokenInit(n, init)
	default:
		x.initial = false
		x.negTokenResp(n, resp)
	}
}

func (x *inspection) negTokenInit(n *Node, t *krbmsg.NegTokenInit) {
	n.Name = "SPNEGO NegTokenInit"
	if t.Hints {
		n.Name, n.Note = "SPNEGO NegTokenInit2", "an acceptor that speaks first (MS-SPNG)"
		x.initial = x.initial && t.MechToken != nil
	}
	line := n.Add("mechTypes", krbmsg.MechNames(t.Mechs))
	for i, oid := range t.Mechs {
		line.Add(fmt.Sprint(i+1), mechText(oid))
	}
	if t.ReqFlags != nil {
		n.Add("reqFlags", OctetCount(len(t.ReqFlags))).Note = "to be ignored"
	}
	switch {
	case t.MechToken != nil:
		c := n.Add("mechToken", "")
		c.Note = "for " + krbmsg.MechName(t.Mechs[0])
		if slices.IndexFunc(t.Mechs, krbmsg.IsKerberos) > 0 {
			c.Note += ", which the acceptor does not take: it drops this token"
		}
		x.nested(c, t.MechToken)
	case !t.Hints:
		n.Add("mechToken", "none").Note = "the client waits for the acceptor's choice"
	}
	x.mechListMIC(n, t.MechListMIC)
}

func (x *inspection) negTokenResp(n *Node, t *krbmsg.NegTokenResp) {
	n.Name = "SPNEGO NegTokenResp"
	if t.State != krbmsg.NegAbsent {
		n.Add("negState", t.State.String()).Note = map[krbmsg.NegState]string{krbmsg.NegReject: "the peer refuses",
			krbmsg.NegRequestMIC: "the peer wants a mechListMIC"}[t.State]
	}
	if t.SupportedMech != "" {
		n.Add("supportedMech", mechText(t.SupportedMech))
	}
	if t.ResponseToken != nil {
		x.nested(n.Add("responseToken", ""), t.ResponseToken)
	}
	x.mechListMIC(n, t.MechListMIC)
}

func (x *inspection) mechListMIC(n *Node, mic []byte) {
	if mic != nil {
		x.nested(n.Add("mechListMIC", ""), mic)
	}
}

// nested explains a token in a field, under the field's name.
func (x *inspection) nested(c *Node, token []byte) {
	initial, inner := x.initial, &Node{}
	x.any(inner, token)
	c.Nest(inner)
	x.initial = initial
}
