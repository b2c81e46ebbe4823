package seeds

import (
	"encoding/binary"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// NegTokenResps returns NegTokenResps of all shapes.
func NegTokenResps() (tokens [][]byte) {
	for _, t := range []krbmsg.NegTokenResp{
		{
			State:         krbmsg.NegAcceptCompleted,
			SupportedMech: krbmsg.OIDMSKRB5,
			ResponseToken: []byte("\x60\x03rep"),
		},
		{State: krbmsg.NegRequestMIC, SupportedMech: krbmsg.OIDKRB5},
		{State: krbmsg.NegAbsent, MechListMIC: []byte("mic")},
		{State: krbmsg.NegReject},
	} {
		tokens = append(tokens, t.Token())
	}
	return tokens
}

// ClearKRBCred returns a KRB-CRED that a fuzzer can change: its encrypted part
// is in clear.
func ClearKRBCred(ticket *kerberos.Credential, key etype.Key) ([]byte, error) {
	b, err := krbmsg.AppendKRBCred(nil, ticket, key)
	if err != nil {
		return nil, err
	}
	c, err := krbmsg.ReadKRBCred(b)
	if err != nil {
		return nil, err
	}
	plain, err := c.Open(key)
	if err != nil {
		return nil, err
	}
	return der.Element(der.TagApplication(22), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagInteger, der.Integer(22)),
		der.Field(2, der.TagSequence, c.Tickets...),
		der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(0, plain)))), nil
}

// LongLengths writes a GSS-API token, a token of a negotiation or a Kerberos
// message with each of its lengths in n octets, except those of elements with
// certain tags.
func LongLengths(b []byte, n int, except ...byte) (long []byte) {
	for len(b) > 0 {
		tag := b[0]
		content, rest, why := der.Cut(b, tag)
		if why != "" {
			panic(why)
		}
		switch inner, after, why := der.Cut(content, der.TagOID); {
		// A token identifier is not an element.
		case tag == der.TagApplication(0) && why == "" && string(inner) != krbmsg.OIDSPNEGO:
			oid := LongLengths(content[:len(content)-len(after)], n, except...)
			content = slices.Concat(oid, after[:2], LongLengths(after[2:], n, except...))
		case tag&0x20 != 0:
			content = LongLengths(content, n, except...)
		case tag == der.TagOctetString:
			frame, rest, why := der.Cut(content, der.TagApplication(0))
			if why == "" && len(rest) == 0 && len(frame) > 0 && frame[0] == der.TagOID {
				content = LongLengths(content, n, except...)
			}
		}
		if slices.Contains(except, tag) {
			long, b = append(long, b[:len(b)-len(rest)]...), rest
			continue
		}
		long = append(long, tag, 0x80|byte(n))
		long = append(long, make([]byte, max(n-8, 0))...)
		size := binary.BigEndian.AppendUint64(nil, uint64(len(content)))
		long = append(append(long, size[max(8-n, 0):]...), content...)
		b = rest
	}
	return long
}
