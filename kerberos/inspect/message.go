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

// clearTicket is what a Ticket has in clear, as far as it decodes.
type clearTicket struct {
	realm, name string
	part        krbmsg.EncryptedData
	sound       bool // all of it decoded
}

func (t *clearTicket) service() string {
	return t.name + "@" + string(kerberos.AppendEscaped(nil, t.realm))
}

// apReq explains an AP-REQ (RFC 4120 5.5.1), and with a keytab what is in it and what an Acceptor says.
func (x *inspection) apReq(n *Node, p part) {
	whole := p
	content, ok := x.open(n, &p, der.TagApplication(14), "AP-REQ")
	if !ok {
		return
	}
	x.end(n, p, "AP-REQ")
	f := x.sequence(n, content, "AP-REQ", "pvno", "msg-type", "ap-options", "ticket", "authenticator")
	f.constant(0, krbmsg.PVNO)
	f.constant(1, 14)
	if options, ok := f.bits(2); ok {
		n.Add("ap-options", bitNames(options, apOptionBits()))
	}
	var ticket clearTicket
	var tn *Node
	if f.has[3] {
		tn = n.Add("ticket", "")
		ticket = x.clearTicket(tn, f.parts[3])
	}
	an, auth, ok := x.encryptedData(n, "authenticator", f, 4)
	if x.cfg.Keytab == nil || tn == nil {
		return
	}
	if session := x.openTicket(tn, &ticket); ok && !session.key.IsZero() {
		x.openAuthenticator(an, auth, &session)
	}
	x.judge(n, whole.b)
}

// clearTicket explains what stands in clear in the Ticket (RFC 4120 5.3) that p is.
func (x *inspection) clearTicket(n *Node, p part) (t clearTicket) {
	content, ok := x.open(n, &p, der.TagApplication(1), "Ticket")
	if !ok {
		return t
	}
	x.end(n, p, "Ticket")
	f := x.sequence(n, content, "Ticket", "tkt-vno", "realm", "sname", "enc-part")
	f.constant(0, krbmsg.PVNO)
	t.realm, _ = f.text(1)
	name, kind, ok := f.principalName(2)
	if t.name = name; ok {
		n.Add("service", t.service()).Note = nameTypeName(kind)
	}
	_, t.part, t.sound = x.encryptedData(n, "sealed", f, 3)
	return t
}

// encryptedData explains the EncryptedData (RFC 4120 5.2.9) in a field.
func (x *inspection) encryptedData(n *Node, name string, outer *fields, i int) (line *Node, e krbmsg.EncryptedData, ok bool) {
	if !outer.has[i] {
		return nil, e, false
	}
	line = n.Add(name, "")
	f := x.sequence(line, outer.parts[i], outer.name(i), "etype", "kvno?", "cipher")
	etype, okType := f.integer(0)
	kvno, hasKvno := f.integer(1)
	cipher, okCipher := f.content(2, der.TagOctetString)
	e = krbmsg.EncryptedData{Etype: int32(etype), Kvno: uint32(kvno), Cipher: cipher.b}
	var words []string
	if okType {
		words = append(words, etypeText(e.Etype))
	}
	if hasKvno {
		words = append(words, fmt.Sprintf("kvno %d", e.Kvno))
	}
	if okCipher {
		words = append(words, OctetCount(len(e.Cipher)))
	}
	line.Value = strings.Join(words, ", ")
	return line, e, okType && okCipher
}

// apRep explains an AP-REP (RFC 4120 5.5.2), which opens with the session key of an AP-REQ that came before.
func (x *inspection) apRep(n *Node, p part) {
	whole := p
	content, ok := x.open(n, &p, der.TagApplication(15), "AP-REP")
	if !ok {
		return
	}
	x.end(n, p, "AP-REP")
	f := x.sequence(n, content, "AP-REP", "pvno", "msg-type", "enc-part")
	f.constant(0, krbmsg.PVNO)
	f.constant(1, 15)
	line, _, ok := x.encryptedData(n, "sealed", f, 2)
	if !ok {
		return
	}
	for i := range x.learned {
		k := &x.learned[i]
		e, err := krbmsg.OpenAPRep(whole.b, k.session)
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
			x.showKey(n, "subkey", e.Subkey.Etype(), e.Subkey.ExposeKeyOctets()).Note = "of the acceptor: it protects the messages"
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
func (x *inspection) krbError(n *Node, p part) {
	content, ok := x.open(n, &p, der.TagApplication(30), "KRB-ERROR")
	if !ok {
		return
	}
	x.end(n, p, "KRB-ERROR")
	f := x.sequence(n, content, "KRB-ERROR", "pvno", "msg-type", "ctime?", "cusec?", "stime", "susec", "error-code", "crealm?", "cname?", "realm",
		"sname", "e-text?", "e-data?")
	f.constant(0, krbmsg.PVNO)
	f.constant(1, 30)
	if code, ok := f.integer(6); ok {
		n.Addf("error-code", "%d %s", code, kerberos.KRBErrorName(int32(code))).Note = krbErrorMeaning(int32(code))
	}
	if text, ok := f.content(11, der.TagGeneralString); ok {
		n.Add("e-text", string(text.b))
	}
	if t, ok := f.time(4); ok {
		n.Add("stime", x.when(t)).Note = "the sender's clock"
	}
	if t, ok := f.time(2); ok {
		n.Add("ctime", x.when(t)).Note = "the client's"
	}
	x.nameOf(n, "client", f, 7, 8)
	x.nameOf(n, "service", f, 9, 10)
	if data, ok := f.content(12, der.TagOctetString); ok {
		x.errorData(n, data)
	}
	n.Note = "nothing authenticates it"
}

// krbErrorMeaning says in words what services and KDCs mean by the commoner codes.
func krbErrorMeaning(code int32) string {
	switch code {
	case 6:
		return "the KDC does not know the client"
	case 7:
		return "the KDC does not know the service: no service principal name is registered for it"
	case kerberos.KRBErrEtype:
		return "the KDC or service has no key of an encryption type that was asked for"
	case 24:
		return "wrong password or key"
	case 25:
		return "ordinary: the KDC says how the client is to prove itself"
	case kerberos.KRBErrTicketExpired, kerberos.KRBErrTicketNotYet, kerberos.KRBErrSkew:
		return "clocks differ, or the ticket is old"
	case kerberos.KRBErrNotUs:
		return "the ticket is not for this service"
	case kerberos.KRBErrModified:
		return "the service's key does not open the ticket: its keytab is not the KDC's key, or the name is on two accounts"
	case kerberos.KRBErrBadKeyVersion:
		return "the service has no key of the ticket's kvno"
	case kerberos.KRBErrRepeat:
		return "a replay, as the service sees it"
	case 52:
		return "the client has to ask over TCP"
	case 68:
		return "the client is of another realm"
	}
	return ""
}

// errorData explains METHOD-DATA, or says how long it is.
func (x *inspection) errorData(n *Node, data part) {
	c := n.Add("e-data", OctetCount(len(data.b)))
	a, err := krbmsg.ParsePreauth(derContent(data.b))
	if err != nil || len(a.Offered) == 0 {
		return
	}
	x.preauth(c, &a)
}

// derContent is the content of a SEQUENCE, nil if it is none.
func derContent(b []byte) []byte {
	content, rest, why := der.Cut(b, der.TagSequence)
	if why != "" || len(rest) > 0 {
		return nil
	}
	return content
}

func (x *inspection) preauth(n *Node, a *krbmsg.Preauth) {
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

// nameOf adds a principal of a realm and a name in two fields.
func (x *inspection) nameOf(n *Node, label string, f *fields, realm, name int) {
	r, okRealm := f.text(realm)
	s, kind, okName := f.principalName(name)
	switch {
	case okName && okRealm:
		s += "@" + string(kerberos.AppendEscaped(nil, r))
	case okRealm:
		n.Add(label+"'s realm", r)
		return
	case !okName:
		return
	}
	n.Add(label, s).Note = nameTypeName(kind)
}

// kdcRequest explains AS-REQ and TGS-REQ (RFC 4120 5.4.1).
func (x *inspection) kdcRequest(n *Node, p part) {
	kind, name := p.b[0], "AS-REQ"
	if kind == der.TagApplication(12) {
		name = "TGS-REQ"
	}
	titled(n, name, "%s", OctetCount(len(p.b)))
	content, ok := x.open(n, &p, kind, name)
	if !ok {
		return
	}
	x.end(n, p, name)
	f := x.sequence(n, content, name, "", "pvno", "msg-type", "padata?", "req-body")
	f.constant(1, krbmsg.PVNO)
	f.constant(2, int64(kind&0x1f))
	if pa, ok := f.content(3, der.TagSequence); ok {
		x.paData(n, pa)
	}
	if !f.has[4] {
		return
	}
	b := x.sequence(n, f.parts[4], name+": req-body", "kdc-options", "cname?", "realm", "sname?", "from?", "till", "rtime?", "nonce", "etype", "addresses?",
		"enc-authorization-data?", "additional-tickets?")
	if options, ok := b.bits(0); ok {
		n.Add("kdc-options", bitNames(options, kdcOptionBits()))
	}
	if s, kind, ok := b.principalName(1); ok {
		n.Add("client", s).Note = nameTypeName(kind)
	}
	x.nameOf(n, "service", b, 2, 3)
	for i := 4; i <= 6; i++ {
		if t, ok := b.time(i); ok {
			n.Add(strings.TrimSuffix(b.names[i], "?"), x.when(t))
		}
	}
	x.etypeList(n, b)
}

func (x *inspection) etypeList(n *Node, b *fields) {
	list, ok := b.content(8, der.TagSequence)
	line := n.Add("etypes", "")
	var names []string
	for ok && len(list.b) > 0 && len(names) < krbmsg.MaxPAData {
		var c part
		if c, ok = x.open(n, &list, der.TagInteger, b.name(8)); ok {
			var d der.Parser
			names = append(names, strings.TrimPrefix(etypeText(int32(d.Integer(c.b, ""))), "etype "))
		}
	}
	line.Value = strings.Join(names, ", ")
}

// paData explains pre-authentication data. That of a TGS-REQ has an AP-REQ.
func (x *inspection) paData(n *Node, list part) {
	line := n.Add("padata", "")
	var names []string
	for len(list.b) > 0 && len(names) < krbmsg.MaxPAData {
		f := x.fieldsOfNext(line, &list, "PA-DATA", "", "padata-type", "padata-value")
		kind, ok := f.integer(1)
		value, okValue := f.content(2, der.TagOctetString)
		if !ok || !okValue {
			break
		}
		names = append(names, paName(int32(kind)))
		if kind == krbmsg.PATGSReq {
			c := line.Add("", "")
			titled(c, "AP-REQ", "%s", OctetCount(len(value.b)))
			keytab := x.cfg.Keytab
			x.cfg.Keytab = nil // it is for the KDC
			x.apReq(c, value)
			x.cfg.Keytab = keytab
		}
	}
	line.Value = strings.Join(names, ", ")
}

// fieldsOfNext reads the next SEQUENCE of a list.
func (x *inspection) fieldsOfNext(n *Node, list *part, in string, names ...string) *fields {
	content, ok := x.open(n, list, der.TagSequence, in)
	if !ok {
		*list = part{}
		return &fields{x: x, node: n, in: in, names: names}
	}
	return x.fields(n, content, in, names...)
}

// kdcReply explains AS-REP and TGS-REP (RFC 4120 5.4.2).
func (x *inspection) kdcReply(n *Node, p part) {
	kind, name := p.b[0], "AS-REP"
	if kind == der.TagApplication(13) {
		name = "TGS-REP"
	}
	titled(n, name, "%s", OctetCount(len(p.b)))
	content, ok := x.open(n, &p, kind, name)
	if !ok {
		return
	}
	x.end(n, p, name)
	f := x.sequence(n, content, name, "pvno", "msg-type", "padata?", "crealm", "cname", "ticket", "enc-part")
	f.constant(0, krbmsg.PVNO)
	f.constant(1, int64(kind&0x1f))
	if pa, ok := f.content(2, der.TagSequence); ok {
		x.paData(n, pa)
	}
	x.nameOf(n, "client", f, 3, 4)
	if f.has[5] {
		tn := n.Add("ticket", "")
		t := x.clearTicket(tn, f.parts[5])
		if x.cfg.Keytab != nil {
			x.openTicket(tn, &t)
		}
	}
	if line, _, ok := x.encryptedData(n, "sealed", f, 6); ok {
		line.Note = "under the client's key, or that of its ticket"
	}
}

// kdcProxy explains KDC-PROXY-MESSAGE (MS-KKDCP 2.2.2).
func (x *inspection) kdcProxy(n *Node, p part) {
	titled(n, "KDC-PROXY-MESSAGE", "%s", OctetCount(len(p.b)))
	n.Note = "MS-KKDCP"
	f := x.sequence(n, p, "KDC-PROXY-MESSAGE", "kerb-message", "target-domain?", "dclocator-hint?")
	if realm, ok := f.text(1); ok {
		n.Add("target-domain", realm)
	}
	message, ok := f.content(0, der.TagOctetString)
	if !ok {
		n.Name, x.out.Known = "unknown", x.depth > 1
		return
	}
	x.any(n.Add("", ""), message)
}

// krbCred explains KRB-CRED (RFC 4120 5.8.1). Its part is in clear or under a key that is known.
func (x *inspection) krbCred(n *Node, p part, keys ...etype.Key) {
	whole := p
	content, ok := x.open(n, &p, der.TagApplication(22), "KRB-CRED")
	if !ok {
		return
	}
	x.end(n, p, "KRB-CRED")
	f := x.sequence(n, content, "KRB-CRED", "pvno", "msg-type", "tickets", "enc-part")
	f.constant(0, krbmsg.PVNO)
	f.constant(1, 22)
	line, enc, ok := x.encryptedData(n, "sealed", f, 3)
	if !ok || x.failed {
		return
	}
	for _, k := range x.learned {
		keys = append(keys, k.session, k.subkey)
	}
	creds, err := krbmsg.ParseKRBCred(whole.b, keys...)
	if err != nil {
		if line.Note = "opens with the session key or subkey of the AP-REQ that it came in"; len(keys) > 0 || enc.Etype == 0 {
			line.Problem = err.Error()
		}
		return
	}
	defer x.within("KRB-CRED")()
	for i := range creds {
		x.credential(n.Add("credential", ""), &creds[i])
	}
}

// credential explains a ticket with its key, of a KRB-CRED or a credential cache.
func (x *inspection) credential(n *Node, t *kerberos.Credential) {
	n.Add("client", t.Client.String())
	n.Add("service", t.Service.String())
	if t.Service.Components[0] == krbmsg.KRBTGT {
		n.Children[len(n.Children)-1].Note = "a ticket-granting ticket: whoever has it is the client"
	}
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
