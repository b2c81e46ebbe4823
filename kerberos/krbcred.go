package kerberos

import (
	"bytes"
	"errors"
	"fmt"
)

// usageKRBCred is the key usage of EncKrbCredPart (RFC 4120 7.5.1).
const usageKRBCred = 14

// maxCredTickets bounds the tickets of a KRB-CRED; a delegated credential has one.
const maxCredTickets = 8

// parseKRBCred reads KRB-CRED (RFC 4120 5.8.1) and gives its tickets, as copies. The encrypted part is under one of the
// keys, which are tried in order, or in clear (encryption type 0), as it may be inside an authenticator.
func parseKRBCred(b []byte, keys ...Key) ([]ServiceTicket, error) {
	p := derParser{in: "KRB-CRED"}
	seq := p.whole(p.whole(b, tagApplication(22), "tag 22"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "pvno")
	p.constant(&seq, 1, 22, "msg-type")
	var tickets [][]byte
	for list := p.field(&seq, 2, tagSequence, "tickets"); len(list) > 0 && p.err == nil; {
		whole := list
		p.next(&list, tagApplication(1), "ticket")
		if tickets = append(tickets, whole[:len(whole)-len(list)]); len(tickets) > maxCredTickets {
			p.fail("tickets", "too many")
		}
	}
	enc := readEncryptedData(&p, p.field(&seq, 3, tagSequence, "enc-part"), "KRB-CRED: enc-part")
	p.end(seq, "end")
	if p.err != nil {
		return nil, p.err
	}
	plain, err := openKRBCred(enc, keys)
	if err != nil {
		return nil, err
	}
	if enc.etype != 0 {
		defer clear(plain)
	}
	return parseEncKRBCredPart(plain, tickets)
}

func openKRBCred(enc encryptedData, keys []Key) ([]byte, error) {
	if enc.etype == 0 {
		return enc.cipher, nil
	}
	for _, k := range keys {
		if k.IsZero() || k.Etype() != enc.etype {
			continue
		}
		if plain, err := newUsageKey(k, usageKRBCred).open(nil, enc.cipher); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("KRB-CRED: enc-part of etype %d opens with neither session key nor subkey", enc.etype)
}

// parseEncKRBCredPart joins EncKrbCredPart (RFC 4120 5.8.1) with its tickets.
func parseEncKRBCredPart(plain []byte, tickets [][]byte) ([]ServiceTicket, error) {
	p := derParser{in: "EncKrbCredPart"}
	seq := p.whole(p.whole(plain, tagApplication(29), "tag 29"), tagSequence, "sequence")
	var creds []ServiceTicket
	for list := p.field(&seq, 0, tagSequence, "ticket-info"); len(list) > 0 && p.err == nil; {
		if len(creds) == len(tickets) {
			p.fail("ticket-info", "more than tickets")
			break
		}
		t, err := readKrbCredInfo(&p, p.next(&list, tagSequence, "KrbCredInfo"))
		if p.err == nil && err != nil {
			return nil, err
		}
		t.Ticket = bytes.Clone(tickets[len(creds)])
		creds = append(creds, t)
	}
	// Nonce, time and addresses of the sender follow. They are inside an authenticator that was checked.
	if p.err == nil && (len(creds) == 0 || len(creds) != len(tickets)) {
		p.fail("ticket-info", "not one for each ticket")
	}
	if p.err != nil {
		return nil, p.err
	}
	return creds, nil
}

// krbCredInfo is KrbCredInfo (RFC 4120 5.8.1); names and times must be there.
func readKrbCredInfo(p *derParser, b []byte) (t ServiceTicket, err error) {
	p.in = "KrbCredInfo"
	raw := readEncryptionKey(p, p.field(&b, 0, tagSequence, "key"), "key")
	t.Client.Realm = string(readRealm(p, &b, 1, "prealm"))
	t.Client.Components = readName(p, &b, 2, "pname").components()
	if flags, ok := p.optional(&b, 3, tagBitString, "flags"); ok {
		t.Flags = p.flags(flags, "flags")
	}
	t.AuthTime, _ = p.optionalTime(&b, 4, "authtime")
	t.StartTime, _ = p.optionalTime(&b, 5, "starttime")
	t.EndTime, _ = p.optionalTime(&b, 6, "endtime")
	t.RenewTill, _ = p.optionalTime(&b, 7, "renew-till")
	t.Service.Realm = string(readRealm(p, &b, 8, "srealm"))
	t.Service.Components = readName(p, &b, 9, "sname").components()
	p.optional(&b, 10, tagSequence, "caddr")
	p.end(b, "end")
	if p.err != nil {
		return ServiceTicket{}, p.err
	}
	t.SessionKey, err = NewKey(raw.etype, raw.octets)
	return t, err
}

// appendKRBCred appends KRB-CRED with one ticket, encrypted under key.
func appendKRBCred(dst []byte, t *ServiceTicket, key Key) ([]byte, error) {
	if t.SessionKey.IsZero() || len(t.Ticket) == 0 || t.Client.Realm == "" || t.Service.Realm == "" || t.EndTime.IsZero() {
		return nil, errors.New("kerberos: delegated ticket without ticket, key, names or end time")
	}
	info := derElement(tagSequence,
		derEncryptionKey(0, t.SessionKey),
		derField(1, tagGeneralString, []byte(t.Client.Realm)),
		derElement(tagContext(2), derName(1, t.Client.Components)),
		derField(3, tagBitString, derFlags(t.Flags)),
		derOptionalTime(4, t.AuthTime), derOptionalTime(5, t.StartTime), derOptionalTime(6, t.EndTime), derOptionalTime(7, t.RenewTill),
		derField(8, tagGeneralString, []byte(t.Service.Realm)),
		derElement(tagContext(9), derName(2, t.Service.Components)))
	plain := derElement(tagApplication(29), derElement(tagSequence, derField(0, tagSequence, info)))
	sealed := newUsageKey(key, usageKRBCred).appendSealed(nil, plain)
	clear(info)
	clear(plain)
	return appendDER(dst, tagApplication(22), derElement(tagSequence,
		derField(0, tagInteger, derInteger(pvno)),
		derField(1, tagInteger, derInteger(22)),
		derField(2, tagSequence, t.Ticket),
		derElement(tagContext(3), derEncryptedData(key.Etype(), sealed)))), nil
}
