package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// authzData explains AuthorizationData (RFC 4120 5.2.6), given as the content of its SEQUENCE.
func (x *inspection) authzData(n *Node, list part, depth int) {
	for i := 0; len(list.b) > 0 && i < krbmsg.MaxPAData; i++ {
		f := x.fieldsOfNext(n, &list, "authorization-data", "ad-type", "ad-data")
		kind, ok := f.integer(0)
		data, okData := f.content(1, der.TagOctetString)
		if !ok || !okData {
			return
		}
		c := n.Add(adName(int32(kind)), OctetCount(len(data.b)))
		x.authzElement(c, int32(kind), data, depth)
	}
}

func (x *inspection) authzElement(c *Node, kind int32, data part, depth int) {
	switch kind {
	case krbmsg.ADIfRelevant, krbmsg.ADMandatoryForKDC:
		if depth == pac.MaxAuthzDepth {
			x.fail(c, data.at, "lists in lists beyond any use")
			return
		}
		if inner, ok := x.open(c, &data, der.TagSequence, c.Name); ok {
			x.authzData(c, inner, depth+1)
		}
	case krbmsg.ADWin2kPAC:
		x.pac(c, data)
	case krbmsg.ADAPOptions:
		if len(data.b) == 4 {
			c.Value = bitNames(binary.LittleEndian.Uint32(data.b), []bit{{krbmsg.KerbAPOptionsCBT, "channel-bindings-known"}, {0x8000, "unverified-target-name"}})
		}
	case 129: // RFC 4537
		list, ok := x.open(c, &data, der.TagSequence, c.Name)
		var types []string
		for ok && len(list.b) > 0 && len(types) < krbmsg.MaxPAData {
			var v part
			if v, ok = x.open(c, &list, der.TagInteger, c.Name); ok {
				var p der.Parser
				types = append(types, strings.TrimPrefix(etypeText(int32(p.Integer(v.b, ""))), "etype "))
			}
		}
		c.Value = strings.Join(types, ", ")
		c.Note = "an acceptor's subkey may be of the first type that both know (RFC 4537)"
	case 97:
		list, ok := x.open(c, &data, der.TagSequence, c.Name)
		var names []string
		for ok && len(list.b) > 0 && len(names) < krbmsg.MaxPAData {
			var v part
			if v, ok = x.open(c, &list, 0x0c, c.Name); ok { // UTF8String
				names = append(names, x.nameText(c, v, c.Name))
			}
		}
		c.Value = strings.Join(names, ", ")
	case 144:
		if text := utf16Text(data.b); kerberos.LegalName(text) {
			c.Value = text
			c.Note = "the service that the client called"
		}
	}
}

// pacBufferName is a type of PAC buffer (MS-PAC 2.4).
func pacBufferName(kind uint32) string {
	names := map[uint32]string{1: "LOGON_INFO", 2: "CREDENTIALS_INFO", 6: "SERVER_CHECKSUM", 7: "PRIVSVR_CHECKSUM", 10: "CLIENT_INFO", 11: "S4U_DELEGATION_INFO",
		12: "UPN_DNS_INFO", 13: "CLIENT_CLAIMS_INFO", 14: "DEVICE_INFO", 15: "DEVICE_CLAIMS_INFO", 16: "TICKET_CHECKSUM", 17: "ATTRIBUTES_INFO", 18: "REQUESTOR",
		19: "FULL_CHECKSUM"}
	if name, ok := names[kind]; ok {
		return name
	}
	return fmt.Sprintf("buffer of type %d", kind)
}
