package krbmsg

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// usageKRBCred is the key usage of EncKrbCredPart (RFC 4120 7.5.1).
const usageKRBCred = 14

// maxCredTickets bounds the tickets of a KRB-CRED; a delegated credential has
// one.
const maxCredTickets = 8

// A KRBCred is the cleartext of a KRB-CRED (RFC 4120 5.8.1). Slices lie in
// the message.
type KRBCred struct {
	Tickets [][]byte // whole elements
	EncPart EncryptedData
}

// ReadKRBCred reads a KRB-CRED up to its encrypted part.
func ReadKRBCred(b []byte) (c KRBCred, err error) {
	p := der.Parser{In: "KRB-CRED"}
	seq := p.Whole(p.Whole(b, der.TagApplication(22), "tag 22"), der.TagSequence, "sequence")
	p.Constant(&seq, 0, PVNO, "pvno")
	p.Constant(&seq, 1, 22, "msg-type")
	for list := p.Field(&seq, 2, der.TagSequence, "tickets"); len(list) > 0 && p.Err == nil; {
		whole := list
		p.Next(&list, der.TagApplication(1), "ticket")
		if c.Tickets = append(c.Tickets, whole[:len(whole)-len(list)]); len(c.Tickets) > maxCredTickets {
			p.Fail("tickets", "too many")
		}
	}
	c.EncPart = ReadEncryptedData(&p, p.Field(&seq, 3, der.TagSequence, "enc-part"), "KRB-CRED: enc-part")
	p.End(seq, "end")
	return c, p.Err
}

// ParseKRBCred reads KRB-CRED (RFC 4120 5.8.1) and returns its tickets, as
// copies. The encrypted part is decrypted under one of the keys, tried in
// order. It may be in clear (encryption type 0) where an authenticator protects
// it.
func ParseKRBCred(b []byte, keys ...etype.Key) ([]kerberos.Credential, error) {
	c, err := ReadKRBCred(b)
	if err != nil {
		return nil, err
	}
	plain, err := c.Open(keys...)
	if err != nil {
		return nil, err
	}
	if c.EncPart.Etype != 0 {
		defer clear(plain)
	}
	return parseEncKRBCredPart(plain, c.Tickets)
}

// Open returns the plaintext of the encrypted part, which may be in clear; see
// [ParseKRBCred].
func (c *KRBCred) Open(keys ...etype.Key) ([]byte, error) {
	enc := &c.EncPart
	if enc.Etype == 0 {
		return enc.Cipher, nil
	}
	for _, k := range keys {
		if k.IsZero() || k.Etype() != enc.Etype {
			continue
		}
		if plain, err := etype.NewUsageKey(k, usageKRBCred).Decrypt(nil, enc.Cipher); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("KRB-CRED: enc-part of etype %d opens with neither session key nor subkey", enc.Etype)
}

// parseEncKRBCredPart joins EncKrbCredPart (RFC 4120 5.8.1) with its tickets.
func parseEncKRBCredPart(plain []byte, tickets [][]byte) ([]kerberos.Credential, error) {
	p := der.Parser{In: "EncKrbCredPart"}
	seq := p.Whole(p.Whole(plain, der.TagApplication(29), "tag 29"), der.TagSequence, "sequence")
	var creds []kerberos.Credential
	for list := p.Field(&seq, 0, der.TagSequence, "ticket-info"); len(list) > 0 && p.Err == nil; {
		if len(creds) == len(tickets) {
			p.Fail("ticket-info", "more than tickets")
			break
		}
		t, err := readKrbCredInfo(&p, p.Next(&list, der.TagSequence, "KrbCredInfo"))
		if p.Err == nil && err != nil {
			return nil, err
		}
		t.Ticket = bytes.Clone(tickets[len(creds)])
		creds = append(creds, t)
	}
	// Nonce, time and addresses of the sender follow. They are inside an
	// authenticator that was checked.
	if p.Err == nil && (len(creds) == 0 || len(creds) != len(tickets)) {
		p.Fail("ticket-info", "not one for each ticket")
	}
	if p.Err != nil {
		return nil, p.Err
	}
	return creds, nil
}

// readKrbCredInfo reads KrbCredInfo (RFC 4120 5.8.1); names and times must be
// there.
func readKrbCredInfo(p *der.Parser, b []byte) (t kerberos.Credential, err error) {
	p.In = "KrbCredInfo"
	raw := readEncryptionKey(p, p.Field(&b, 0, der.TagSequence, "key"), "key")
	t.Client.Realm = string(ReadRealm(p, &b, 1, "prealm"))
	t.Client.Components = ReadName(p, &b, 2, "pname").Components()
	if flags, ok := p.Optional(&b, 3, der.TagBitString, "flags"); ok {
		t.Flags = p.Flags(flags, "flags")
	}
	t.AuthTime, _ = p.OptionalTime(&b, 4, "authtime")
	t.StartTime, _ = p.OptionalTime(&b, 5, "starttime")
	t.EndTime, _ = p.OptionalTime(&b, 6, "endtime")
	t.RenewTill, _ = p.OptionalTime(&b, 7, "renew-till")
	t.Service.Realm = string(ReadRealm(p, &b, 8, "srealm"))
	t.Service.Components = ReadName(p, &b, 9, "sname").Components()
	p.Optional(&b, 10, der.TagSequence, "caddr")
	p.End(b, "end")
	if p.Err != nil {
		return kerberos.Credential{}, p.Err
	}
	t.SessionKey, err = etype.NewKey(raw.Etype, raw.Octets)
	return t, err
}

// AppendKRBCred appends KRB-CRED (RFC 4120 5.8.1) with one ticket, encrypted
// under key.
func AppendKRBCred(dst []byte, t *kerberos.Credential, key etype.Key) ([]byte, error) {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" || t.Service.Realm == "" ||
		t.EndTime.IsZero() {
		return nil, errors.New("kerberos: delegated ticket without ticket, key, names or end time")
	}
	info := der.Element(der.TagSequence,
		EncodeEncryptionKey(0, t.SessionKey),
		der.Field(1, der.TagGeneralString, []byte(t.Client.Realm)),
		der.Element(der.TagContext(2), EncodeName(1, t.Client.Components)),
		der.Field(3, der.TagBitString, der.Flags(t.Flags)),
		der.OptionalTime(4, t.AuthTime), der.OptionalTime(5, t.StartTime), der.OptionalTime(6, t.EndTime),
		der.OptionalTime(7, t.RenewTill),
		der.Field(8, der.TagGeneralString, []byte(t.Service.Realm)),
		der.Element(der.TagContext(9), EncodeName(2, t.Service.Components)))
	plain := der.Element(der.TagApplication(29), der.Element(der.TagSequence, der.Field(0, der.TagSequence, info)))
	encrypted := etype.NewUsageKey(key, usageKRBCred).AppendEncrypted(nil, plain)
	clear(info)
	clear(plain)
	return der.Append(dst, der.TagApplication(22), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(22)),
		der.Field(2, der.TagSequence, t.Ticket),
		der.Element(der.TagContext(3), EncodeEncryptedData(key.Etype(), encrypted)))), nil
}
