package kdc

import (
	"context"
	"errors"
	"slices"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/krb5conf"
)

// ProbeFacts is what a KDC discloses without a login. Nothing authenticates it.
type ProbeFacts struct {
	// Error is the refusal, which is the usual answer: KDC_ERR_PREAUTH_REQUIRED
	// (25) means that the client exists. Its Time is the KDC's clock. It is nil
	// if the KDC requires no pre-authentication and issued a ticket at once;
	// that reply has no time in clear.
	Error *kerberos.KRBError
	// Keys describe the client's keys, in the KDC's order of preference
	// (ETYPE-INFO2, RFC 4120 5.2.7.5). Some KDCs name only the one that they
	// would use. It is nil if the KDC names none.
	Keys []KeyInfo
	// ClientEtype and ClientKvno are of the client's key that the reply is
	// encrypted under, ServiceEtype and ServiceKvno of the service's key that
	// the ticket is encrypted under. They are 0 if Error is not nil, or the KDC
	// names none.
	ClientEtype, ServiceEtype int32
	ClientKvno, ServiceKvno   uint32
	// Ticket is the DER of the Ticket for the service, nil if Error is not nil.
	// [keytab.Keytab.KeyOf] finds the key that decrypts it.
	Ticket []byte
}

// A KeyInfo is one entry of ETYPE-INFO2 (RFC 4120 5.2.7.5).
type KeyInfo struct {
	Etype int32
	Salt  string // valid UTF-8 of a bounded length; "" when absent
}

// Probe asks a KDC for a ticket in the client's name without knowing its key:
// by an AS-REQ without pre-authentication (RFC 4120 3.1.1, 5.4.1). No KDC
// counts that as a login with a wrong password. The KDC is one of the client's
// realm; etypes are those that the client may use, by default 17 to 20 and 23.
// A KRB-ERROR is an answer and not an error, see [ProbeFacts].
func Probe(ctx context.Context, kdc Exchanger, client, service kerberos.Principal,
	etypes ...int32) (ProbeFacts, error) {
	if client.Realm == "" || len(client.Components) == 0 || len(service.Components) == 0 {
		return ProbeFacts{}, errors.New("kerberos: probe: client and service must have names, and the client a realm")
	}
	if len(etypes) == 0 {
		etypes = append(krb5conf.DefaultEtypes(), etype.RC4)
	}
	request := krbmsg.KDCRequest{Realm: client.Realm, Client: client.Components, ClientType: krbmsg.NamePrincipal,
		Service: service.Components, Till: krbmsg.NoEnd(), Nonce: newNonce(), Etypes: etypes}
	reply, err := kdc.Exchange(ctx, client.Realm, krbmsg.EncodeKDCRequest(10, nil, request.Body()))
	if err != nil {
		return ProbeFacts{}, err
	}
	facts, err := parseProbeReply(reply)
	if err != nil {
		return ProbeFacts{},
			&kerberos.Error{Code: kerberos.CodeKDCReply, Detail: "answer to a request without pre-authentication", Err: err}
	}
	return facts, nil
}

// parseProbeReply reads KRB-ERROR or the cleartext of AS-REP (RFC 4120 5.4.2).
func parseProbeReply(b []byte) (f ProbeFacts, err error) {
	if len(b) > 0 && b[0] == der.TagApplication(30) {
		if f.Error, err = krbmsg.ParseKRBError(b); err != nil {
			return ProbeFacts{}, err
		}
		p := der.Parser{In: "METHOD-DATA"}
		f.Keys = keyInfo(p.Whole(f.Error.Data, der.TagSequence, "sequence"))
		return f, nil
	}
	r, err := krbmsg.ParseKDCReply(b, 11)
	if err != nil {
		return f, err
	}
	f.ClientEtype, f.ClientKvno, f.Keys = r.EncPart.Etype, r.EncPart.Kvno, keyInfo(r.PAData)
	f.Ticket = slices.Clone(r.Ticket)
	f.ServiceEtype, f.ServiceKvno, err = ticketKey(r.Ticket)
	return f, err
}

// keyInfo returns the ETYPE-INFO2 in the content of a SEQUENCE OF PA-DATA, or
// nil if that cannot be read: e-data has many forms.
func keyInfo(paData []byte) (keys []KeyInfo) {
	pre, err := krbmsg.ParsePreauth(paData)
	if err != nil {
		return nil
	}
	for _, e := range pre.Info {
		keys = append(keys, KeyInfo{e.Etype, krbmsg.Printable([]byte(e.Salt))})
	}
	return keys
}

// ServiceKey returns the encryption type and version of the service's key that
// the ticket is encrypted under, version 0 if the KDC names none. The ticket
// has both in clear (RFC 4120 5.3).
func ServiceKey(t kerberos.Credential) (etype int32, kvno uint32, err error) {
	return ticketKey(t.Ticket)
}

func ticketKey(ticket []byte) (etype int32, kvno uint32, err error) {
	r, err := krbmsg.TicketInClear(ticket)
	return r.Ticket.Etype, r.Ticket.Kvno, err
}
