package inspect

import (
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// Bounds of a dump.
const (
	maxDumpDepth = 16
	maxDumpLines = 256
)

// dumpDER adds the shape of octets that a reader refuses: what elements they
// are, without a meaning. It shows numbers, times and texts, and the length of
// all else.
func dumpDER(n *Node, b []byte) {
	if len(b) == 0 {
		return
	}
	d := dump{left: maxDumpLines}
	c := n.Add("octets", OctetCount(len(b)))
	c.Note = "not read by the gateway: their shape only"
	d.elements(c, b, 0, 0)
}

// dump is a dump that is being made.
type dump struct{ left int }

// elements adds a line for each element of b, which stands at an offset of the
// input.
func (d *dump) elements(n *Node, b []byte, at, depth int) {
	for len(b) > 0 {
		if d.left--; d.left < 0 || depth == maxDumpDepth {
			n.Add("…", "more than can be shown")
			return
		}
		tag := b[0]
		if len(b) < 2 {
			n.Problem = fmt.Sprintf("cut off (octet %d)", at)
			return
		}
		length, header, why := der.CutLength(b[1:])
		if why != "" {
			n.Problem = fmt.Sprintf("%s (octet %d)", why, at+1)
			return
		}
		c := n.Add(tagName(tag), "")
		body := b[1+header:]
		if length > len(body) {
			c.Problem = fmt.Sprintf("announces %d octets, %d are there (octet %d)", length, len(body), at+1)
			length = len(body)
		}
		at += 1 + header
		if c.Value = OctetCount(length); tag&0x20 != 0 {
			d.elements(c, body[:length], at, depth+1)
		} else if text := primitiveText(tag, body[:length]); text != "" {
			c.Value = text
		}
		b, at = body[length:], at+length
	}
}

// tagName is an identifier octet (X.690 8.1.2) in words.
func tagName(tag byte) string {
	names := map[byte]string{der.TagInteger: "INTEGER", der.TagBitString: "BIT STRING",
		der.TagOctetString: "OCTET STRING", der.TagOID: "OID",
		der.TagEnumerated: "ENUMERATED", tagUTF8String: "UTF8String", der.TagGeneralizedTime: "GeneralizedTime",
		der.TagGeneralString: "GeneralString", der.TagSequence: "SEQUENCE"}
	switch name, known := names[tag]; {
	case known:
		return name
	case tag&0xe0 == 0xa0:
		return fmt.Sprintf("[%d]", tag&0x1f)
	case tag&0xe0 == 0x60:
		return fmt.Sprintf("[APPLICATION %d]", tag&0x1f)
	}
	return fmt.Sprintf("tag 0x%02x", tag)
}

// tagUTF8String is an identifier octet that only dumps need.
const tagUTF8String = 0x0c

// primitiveText is a primitive element as text, if that is no secret: a key
// would be an OCTET STRING, or no text.
func primitiveText(tag byte, b []byte) string {
	p := der.Parser{}
	switch tag {
	case der.TagInteger, der.TagEnumerated:
		if v := p.Integer(b, ""); p.Err == nil {
			return fmt.Sprint(v)
		}
	case der.TagOID:
		return krbmsg.MechName(string(b))
	case der.TagBitString:
		if v := p.Flags(b, ""); p.Err == nil {
			return fmt.Sprintf("0x%x", v)
		}
	case der.TagGeneralizedTime:
		if v := p.Time(b, ""); p.Err == nil {
			return kerberos.FormatTime(v)
		}
	case der.TagGeneralString, tagUTF8String:
		if kerberos.LegalName(string(b)) && len(b) <= kerberos.MaxNameBytes {
			return strings.ToValidUTF8(string(b), "")
		}
	}
	return ""
}
