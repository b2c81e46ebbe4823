package kerberos

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// authzData explains AuthorizationData (RFC 4120 5.2.6), given as the content of its SEQUENCE.
func (x *inspection) authzData(n *InspectNode, list part, depth int) {
	for i := 0; len(list.b) > 0 && i < maxPAData; i++ {
		f := x.fieldsOfNext(n, &list, "authorization-data", "ad-type", "ad-data")
		kind, ok := f.integer(0)
		data, okData := f.content(1, tagOctetString)
		if !ok || !okData {
			return
		}
		c := n.Add(adName(int32(kind)), OctetCount(len(data.b)))
		x.authzElement(c, int32(kind), data, depth)
	}
}

func (x *inspection) authzElement(c *InspectNode, kind int32, data part, depth int) {
	switch kind {
	case adIfRelevant, adMandatoryForKDC:
		if depth == maxAuthzDepth {
			x.fail(c, data.at, "lists in lists beyond any use")
			return
		}
		if inner, ok := x.open(c, &data, tagSequence, c.Name); ok {
			x.authzData(c, inner, depth+1)
		}
	case adWin2kPAC:
		x.pac(c, data)
	case adAPOptions:
		if len(data.b) == 4 {
			c.Value = bitNames(binary.LittleEndian.Uint32(data.b), []bit{{kerbAPOptionsCBT, "channel-bindings-known"}, {0x8000, "unverified-target-name"}})
		}
	case 129: // RFC 4537
		list, ok := x.open(c, &data, tagSequence, c.Name)
		var types []string
		for ok && len(list.b) > 0 && len(types) < maxPAData {
			var v part
			if v, ok = x.open(c, &list, tagInteger, c.Name); ok {
				var p derParser
				types = append(types, strings.TrimPrefix(etypeText(int32(p.integer(v.b, ""))), "etype "))
			}
		}
		c.Value = strings.Join(types, ", ")
		c.Note = "an acceptor's subkey may be of the first type that both know (RFC 4537)"
	case 97:
		list, ok := x.open(c, &data, tagSequence, c.Name)
		var names []string
		for ok && len(list.b) > 0 && len(names) < maxPAData {
			var v part
			if v, ok = x.open(c, &list, 0x0c, c.Name); ok { // UTF8String
				names = append(names, x.nameText(c, v, c.Name))
			}
		}
		c.Value = strings.Join(names, ", ")
	case 144:
		if text := utf16Text(data.b); legalName(text) {
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
