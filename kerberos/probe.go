package kerberos

import (
	"context"
	"errors"
	"slices"
)

// KDCFacts is what a KDC tells somebody who has not logged in. Nothing authenticates it.
type KDCFacts struct {
	// Error is the refusal, which is the usual answer: KDC_ERR_PREAUTH_REQUIRED (25) says that the client exists. Its
	// Time is the KDC's clock. It is nil when the KDC asks for no pre-authentication and gave a ticket at once; the
	// reply then has no time in clear.
	Error *KRBError
	// Keys are what the KDC says of the client's keys, by its preference (ETYPE-INFO2, RFC 4120 5.2.7.5). Some KDCs name
	// only the one that they would use. Nil when it says nothing.
	Keys []KDCKeyInfo
	// ClientEtype and ClientKvno are of the client's key under which the reply is encrypted, ServiceEtype and
	// ServiceKvno of the service's key under which the ticket is. 0 when Error is not nil, and where the KDC names none.
	ClientEtype, ServiceEtype int32
	ClientKvno, ServiceKvno   uint32
	// Ticket is DER of the Ticket for the service, nil when Error is not. Keytab.KeyOf tells whether a keytab opens it.
	Ticket []byte
}

// A KDCKeyInfo is one entry of ETYPE-INFO2.
type KDCKeyInfo struct {
	Etype int32
	Salt  string // printable and bounded; empty when the KDC leaves it out
}

// ProbeKDC asks a KDC for a ticket in the client's name, without proving anything: an AS-REQ without pre-authentication
// (RFC 4120 3.1.1, 5.4.1). No KDC counts that as an attempt to log in with a wrong password. The realm is the client's;
// etypes are those that the client may use, none means 17 to 20 and 23. A KDC that answers with an error is a success, see
// [KDCFacts].
func ProbeKDC(ctx context.Context, kdc KDCExchanger, client, service Principal, etypes ...int32) (KDCFacts, error) {
	if client.Realm == "" || len(client.Components) == 0 || len(service.Components) == 0 {
		return KDCFacts{}, errors.New("kerberos: probe: client and service must have names, and the client a realm")
	}
	if len(etypes) == 0 {
		etypes = append(defaultEtypes(), EtypeRC4)
	}
	request := kdcRequest{realm: client.Realm, client: client.Components, clientType: namePrincipal, service: service.Components,
		till: noEnd(), nonce: newNonce(), etypes: etypes}
	reply, err := kdc.Exchange(ctx, client.Realm, kdcMessage(10, nil, request.body()))
	if err != nil {
		return KDCFacts{}, err
	}
	facts, err := parseProbeReply(reply)
	if err != nil {
		return KDCFacts{}, &Error{Code: CodeKDCReply, Detail: "answer to a request without pre-authentication", Err: err}
	}
	return facts, nil
}

// parseProbeReply reads KRB-ERROR or the cleartext of AS-REP (RFC 4120 5.4.2).
func parseProbeReply(b []byte) (f KDCFacts, err error) {
	if len(b) > 0 && b[0] == tagApplication(30) {
		if f.Error, err = parseKRBError(b); err != nil {
			return KDCFacts{}, err
		}
		p := derParser{in: "METHOD-DATA"}
		f.Keys = keyInfo(p.whole(f.Error.Data, tagSequence, "sequence"))
		return f, nil
	}
	r, err := parseKDCReply(b, 11)
	if err != nil {
		return f, err
	}
	f.ClientEtype, f.ClientKvno, f.Keys = r.encPart.etype, r.encPart.kvno, keyInfo(r.paData)
	f.Ticket = slices.Clone(r.ticket)
	f.ServiceEtype, f.ServiceKvno, err = ticketKey(r.ticket)
	return f, err
}

// keyInfo finds ETYPE-INFO2 in the content of SEQUENCE OF PA-DATA. What it cannot read it leaves: e-data has many forms.
func keyInfo(paData []byte) (keys []KDCKeyInfo) {
	pre, err := parsePreauth(paData)
	if err != nil {
		return nil
	}
	for _, e := range pre.info {
		keys = append(keys, KDCKeyInfo{e.etype, printable([]byte(e.salt))})
	}
	return keys
}

// ServiceKey tells under which key of the service the ticket is encrypted: encryption type and key version, 0 where the
// KDC names none. Both stand in the ticket in clear (RFC 4120 5.3).
func ServiceKey(t ServiceTicket) (etype int32, kvno uint32, err error) { return ticketKey(t.Ticket) }

func ticketKey(ticket []byte) (etype int32, kvno uint32, err error) {
	r, err := ticketInClear(ticket)
	return r.ticket.etype, r.ticket.kvno, err
}

// KeyOf gives the keytab's entry that opens a Ticket (RFC 4120 5.3), of any supported encryption type and key version. That
// is what tells a keytab that is good, whatever its numbers say. The error is an *Error, as an Acceptor's.
func (kt *Keytab) KeyOf(ticket []byte) (KeytabEntry, error) {
	r, err := ticketInClear(ticket)
	if err != nil {
		return KeytabEntry{}, &Error{Code: CodeTokenMalformed, Detail: "ticket", Err: err}
	}
	service := string(appendEscaped(append(r.sname.appendText(nil), '@'), r.realm))
	_, used, err := kt.OpenTicket(nil, service, r.ticket.etype, r.ticket.kvno, r.ticket.cipher, false)
	if err != nil {
		return KeytabEntry{}, err
	}
	return *used, nil
}

// ticketInClear reads what is in clear in a Ticket.
func ticketInClear(ticket []byte) (r apReq, err error) {
	p := derParser{in: "Ticket"}
	seq := p.whole(p.whole(ticket, tagApplication(1), "tag 1"), tagSequence, "sequence")
	p.constant(&seq, 0, pvno, "tkt-vno")
	r.realm = readRealm(&p, &seq, 1, "realm")
	r.sname = readName(&p, &seq, 2, "sname")
	r.ticket = readEncryptedData(&p, p.field(&seq, 3, tagSequence, "enc-part"), "Ticket: enc-part")
	p.end(seq, "end")
	return r, p.err
}
