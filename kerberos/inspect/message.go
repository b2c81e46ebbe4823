package inspect

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// principal adds a name of a realm.
func principal(n *Node, label string, name krbmsg.Name, realm []byte) {
	n.Add(label, principalText(name, realm)).Note = nameTypeName(int64(name.Type))
}

func principalText(name krbmsg.Name, realm []byte) string {
	return string(kerberos.AppendEscaped(append(name.AppendText(nil), '@'), realm))
}

// encrypted adds an EncryptedData (RFC 4120 5.2.9).
func encrypted(n *Node, label string, e *krbmsg.EncryptedData) *Node {
	text := etypeText(e.Etype)
	if e.Kvno != 0 {
		text += fmt.Sprintf(", kvno %d", e.Kvno)
	}
	return n.Add(label, text+", "+OctetCount(len(e.Cipher)))
}

// apReq explains an AP-REQ (RFC 4120 5.5.1), and with a keytab what is in it.
func (x *inspection) apReq(n *Node, b []byte) {
	r, err := krbmsg.ParseAPReq(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	n.Add("ap-options", bitNames(r.Options, apOptionBits()))
	ticket := n.Add("ticket", "")
	x.ticketInClear(ticket, &r)
	authenticator := encrypted(n, "authenticator", &r.Authenticator)
	if x.cfg.Keytab == nil {
		return
	}
	if t := x.openTicket(ticket, &r); !t.key.IsZero() {
		x.openAuthenticator(authenticator, &r.Authenticator, &t)
	}
}

// ticketInClear adds what stands in clear in a Ticket (RFC 4120 5.3).
func (x *inspection) ticketInClear(n *Node, r *krbmsg.APReq) {
	principal(n, "service", r.SName, r.Realm)
	encrypted(n, "sealed", &r.Ticket)
}

// ticket explains a Ticket that is not part of an AP-REQ.
func (x *inspection) ticket(n *Node, b []byte) {
	r, err := krbmsg.TicketInClear(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	x.ticketInClear(n, &r)
	if x.cfg.Keytab != nil {
		x.openTicket(n, &r)
	}
}

// apRep explains an AP-REP (RFC 4120 5.5.2), which opens with the session key
// of an AP-REQ that came before.
func (x *inspection) apRep(n *Node, b []byte) {
	part, err := krbmsg.ParseAPRep(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	line := encrypted(n, "sealed", &part)
	for i := range x.learned {
		k := &x.learned[i]
		e, err := krbmsg.OpenAPRep(b, k.session)
		if err != nil {
			continue
		}
		n.Add("opens with", "the session key of "+k.client+" to "+k.service)
		c := n.Add("ctime", e.CTime.Format(time.RFC3339Nano))
		if c.Note = "answers that AP-REQ"; e.Answers(k.ctime) != nil {
			c.Note, c.Problem = "", "is not the authenticator's: "+k.ctime.Format(time.RFC3339Nano)
		}
		if e.Subkey.IsZero() {
			n.Add("subkey", "none").Note = "messages are under the initiator's subkey, or the session key"
		} else {
			c = x.showKey(n, "subkey", e.Subkey.Etype(), e.Subkey.ExposeKeyOctets())
			c.Note = "of the acceptor: it protects the messages"
		}
		n.Addf("seq-number", "%d", e.SeqNumber)
		k.acceptor = e.Subkey
		return
	}
	if line.Note = "opens with the session key of the ticket that it answers"; x.cfg.Keytab != nil {
		line.Note += ": inspect the client's token in the same run, before it"
	}
}

// krbError explains a KRB-ERROR (RFC 4120 5.9.1).
func (x *inspection) krbError(n *Node, b []byte) {
	e, err := krbmsg.ParseKRBError(b)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	n.Note = "nothing authenticates it"
	n.Addf("error-code", "%d %s", e.Code, kerberos.KRBErrorName(e.Code)).Note = krbErrorMeaning(e.Code)
	if e.Text != "" {
		n.Add("e-text", e.Text)
	}
	n.Add("stime", x.when(e.Time)).Note = "the sender's clock"
	if e.Client != "" {
		n.Add("client", e.Client)
	}
	switch {
	case e.Service != "":
		n.Add("service", e.Service+"@"+string(kerberos.AppendEscaped(nil, []byte(e.Realm))))
	case e.Realm != "":
		n.Add("service's realm", e.Realm)
	}
	if e.Data != nil {
		x.errorData(n.Add("e-data", OctetCount(len(e.Data))), e.Data)
	}
}

// errorData explains METHOD-DATA (RFC 4120 5.9.1).
func (x *inspection) errorData(n *Node, data []byte) {
	list, rest, why := der.Cut(data, der.TagSequence)
	if why == "" && len(rest) == 0 {
		x.preauth(n, list)
	}
}

// preauth explains pre-authentication data as a client reads it.
func (x *inspection) preauth(n *Node, list []byte) {
	a, err := krbmsg.ParsePreauth(list)
	if err != nil {
		n.Problem = err.Error()
		return
	}
	var names []string
	for _, kind := range a.Offered {
		names = append(names, paName(kind))
	}
	n.Add("offers", strings.Join(names, ", "))
	for _, e := range a.Info {
		c := n.Add("key", etypeText(e.Etype))
		if e.HasSalt {
			c.Note = fmt.Sprintf("salt %.200q", e.Salt)
		}
	}
}

// kdcRequest explains AS-REQ and TGS-REQ (RFC 4120 5.4.1).
func (x *inspection) kdcRequest(n *Node, name string, b []byte) {
	titled(n, name, b)
	r, padata, err := krbmsg.ParseKDCRequest(b, b[0]&0x1f)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	if padata != nil {
		x.paData(n.Add("padata", ""), padata)
	}
	n.Add("kdc-options", bitNames(r.Options, kdcOptionBits()))
	if r.Client != nil {
		c := n.Add("client", kerberos.Principal{Components: r.Client, Realm: r.Realm}.Name())
		c.Note = nameTypeName(r.ClientType)
	}
	n.Add("service", kerberos.Principal{Components: r.Service, Realm: r.Realm}.String())
	n.Add("till", x.when(r.Till))
	if !r.RenewTill.IsZero() {
		n.Add("rtime", x.when(r.RenewTill))
	}
	var types []string
	for _, et := range r.Etypes {
		types = append(types, strings.TrimPrefix(etypeText(et), "etype "))
	}
	n.Add("etypes", strings.Join(types, ", "))
}

// paData explains pre-authentication data. That of a TGS-REQ has an AP-REQ,
// which is for the KDC.
func (x *inspection) paData(n *Node, list []byte) {
	p := der.Parser{In: "padata"}
	var names []string
	krbmsg.EachPAData(&p, list, func(kind int32, value []byte) {
		names = append(names, paName(kind))
		if kind == krbmsg.PATGSReq {
			c := n.Add("", "")
			titled(c, "AP-REQ", value)
			keytab := x.cfg.Keytab
			x.cfg.Keytab = nil
			x.apReq(c, value)
			x.cfg.Keytab = keytab
		}
	})
	if n.Value = strings.Join(names, ", "); p.Err != nil {
		x.fail(n, p.Err)
	}
}

// kdcReply explains AS-REP and TGS-REP (RFC 4120 5.4.2).
func (x *inspection) kdcReply(n *Node, name string, b []byte) {
	titled(n, name, b)
	r, err := krbmsg.ParseKDCReply(b, b[0]&0x1f)
	if err != nil {
		x.refuse(n, b, err)
		return
	}
	if r.PAData != nil {
		x.paData(n.Add("padata", ""), r.PAData)
	}
	principal(n, "client", r.CName, r.CRealm)
	x.ticket(n.Add("ticket", ""), r.Ticket)
	encrypted(n, "sealed", &r.EncPart).Note = "under the client's key, or that of its ticket"
}

// kdcProxy explains a KDC-PROXY-MESSAGE (MS-KKDCP 2.2.2).
func (x *inspection) kdcProxy(n *Node, b []byte) {
	p := der.Parser{In: "KDC-PROXY-MESSAGE"}
	seq := p.Whole(b, der.TagSequence, "sequence")
	message := p.Field(&seq, 0, der.TagOctetString, "kerb-message")
	if p.Err != nil {
		x.unknown(n, b, p.Err)
		return
	}
	titled(n, "KDC-PROXY-MESSAGE", b)
	n.Note = "MS-KKDCP"
	if realm, ok := p.Optional(&seq, 1, der.TagGeneralString, "target-domain"); ok {
		n.Add("target-domain", string(realm))
	}
	x.nested(n.Add("kerb-message", ""), message)
}

// krbCred explains a KRB-CRED (RFC 4120 5.8.1). Its part is in clear or under a
// key that is known.
func (x *inspection) krbCred(n *Node, b []byte, keys ...etype.Key) {
	c, err := krbmsg.ReadKRBCred(b)
	if err != nil {
		x.fail(n, err) // without its shape: it may hold a key in clear
		return
	}
	line := encrypted(n, "sealed", &c.EncPart)
	for _, k := range x.learned {
		keys = append(keys, k.session, k.subkey)
	}
	creds, err := krbmsg.ParseKRBCred(b, keys...)
	if err != nil {
		line.Note = "opens with the session key or subkey of the AP-REQ that it came in"
		if len(keys) > 0 || c.EncPart.Etype == 0 {
			line.Problem = err.Error()
		}
		return
	}
	for i := range creds {
		c := n.Add("credential", "")
		c.Add("client", creds[i].Client.String())
		service := c.Add("service", creds[i].Service.String())
		if creds[i].Service.Components[0] == krbmsg.KRBTGT {
			service.Note = "a ticket-granting ticket: whoever has it is the client"
		}
		x.credential(c, &creds[i])
	}
}

// credential adds what is known of a ticket beside its names.
func (x *inspection) credential(n *Node, t *kerberos.Credential) {
	n.Add("flags", bitNames(t.Flags, ticketFlagBits()))
	x.times(n, t.AuthTime, t.StartTime, t.EndTime, t.RenewTill)
	x.showKey(n, "session key", t.SessionKey.Etype(), t.SessionKey.ExposeKeyOctets())
}

// times adds a ticket's times; zero ones are left out.
func (x *inspection) times(n *Node, auth, start, end, renew time.Time) {
	if !auth.IsZero() {
		n.Add("authtime", x.when(auth))
	}
	if !start.IsZero() && !start.Equal(auth) {
		c := n.Add("starttime", x.when(start))
		if start.After(x.now) {
			c.Note = "has not come yet"
		}
	}
	if !end.IsZero() {
		c := n.Add("endtime", x.when(end))
		if end.Before(x.now) {
			c.Note = "has expired"
		}
	}
	if !renew.IsZero() {
		n.Add("renew-till", x.when(renew))
	}
}
