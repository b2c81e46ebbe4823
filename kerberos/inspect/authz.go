package inspect

import (
	"encoding/binary"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// authzData explains AuthorizationData (RFC 4120 5.2.6), given as the content
// of its SEQUENCE. That of a ticket comes with the key that opened it, which
// PACs are signed with.
func (x *inspection) authzData(n *Node, list []byte, service etype.Key, depth int) {
	p := der.Parser{In: n.Name}
	for i := 0; len(list) > 0 && i < krbmsg.MaxPAData; i++ {
		kind, data := krbmsg.ReadAuthzElement(&p, &list)
		if p.Err != nil {
			x.fail(n, p.Err)
			return
		}
		c := n.Add(adName(kind), OctetCount(len(data)))
		switch kind {
		case krbmsg.ADIfRelevant, krbmsg.ADMandatoryForKDC:
			inner := p.Whole(data, der.TagSequence, c.Name)
			switch {
			case p.Err != nil:
				x.fail(c, p.Err)
				return
			case depth == pac.MaxAuthzDepth:
				c.Note = "lists in lists beyond any use"
			default:
				x.authzData(c, inner, service, depth+1)
			}
		case krbmsg.ADWin2kPAC:
			x.pac(c, data, service)
		default:
			authzElement(c, kind, data)
		}
	}
}

// authzElement explains an element that is no list and no PAC.
func authzElement(c *Node, kind int32, data []byte) {
	switch {
	case kind == krbmsg.ADAPOptions && len(data) == 4:
		c.Value = bitNames(binary.LittleEndian.Uint32(data), []bit{{krbmsg.KerbAPOptionsCBT, "channel-bindings-known"},
			{0x8000, "unverified-target-name"}})
	case kind == adTargetPrincipal:
		if text := utf16Text(data); kerberos.LegalName(text) {
			c.Value, c.Note = text, "the service that the client called"
		}
	case kind == adEtypeNegotiation:
		c.Note = "an acceptor's subkey may be of the first type that both know (RFC 4537)"
		dumpDER(c, data)
	case kind == adIndicator:
		dumpDER(c, data)
	}
}
