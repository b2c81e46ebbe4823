package inspect

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// openedTicket is what an opened ticket gives.
type openedTicket struct {
	key             etype.Key // session key; zero when the ticket does not open or has none that is supported
	client, service string
}

// openTicket opens a ticket with the keytab as an Acceptor does, or else with any other key of the keytab.
func (x *inspection) openTicket(n *Node, t *clearTicket) (s openedTicket) {
	if !t.sound {
		return s
	}
	s.service = t.service()
	plain, entry, err := x.cfg.Keytab.OpenTicket(nil, s.service, t.part.Etype, t.part.Kvno, t.part.Cipher, false)
	x.plaintexts = append(x.plaintexts, plain)
	line := n.Add("opens with", "")
	if err != nil {
		plain, entry = x.openWithAny(t.part)
		if entry == nil {
			line.Value = "no key of the keytab"
			var refusal *kerberos.Error
			if errors.As(err, &refusal) {
				line.Note = refusal.Detail
			}
			return s
		}
		line.Note = "a key that is not looked at for this service: names must match"
	}
	line.Value = fmt.Sprintf("the keytab's key, kvno %d", entry.Kvno)
	if err != nil {
		line.Value = fmt.Sprintf("the keytab's key of %s, kvno %d", entry.Principal, entry.Kvno)
	}
	if err == nil && t.part.Kvno != 0 && entry.Rank(t.part.Kvno) == 2 {
		line.Note = fmt.Sprintf("the ticket says kvno %d: keytab or ticket is out of date", t.part.Kvno)
	}
	x.ticketKey = entry.Key
	defer x.within("ticket")()
	s.key, s.client = x.ticketPart(n, part{plain, 0})
	return s
}

// within marks a decrypted part as the one that is being read, until the result is called.
func (x *inspection) within(sealed string) func() {
	before := x.sealed
	x.sealed = sealed
	return func() { x.sealed = before }
}

// maxAnyTrials bounds the keys that are tried beyond those of the ticket's principal.
const maxAnyTrials = 256

func (x *inspection) openWithAny(sealed krbmsg.EncryptedData) ([]byte, *keytab.Entry) {
	entries := x.cfg.Keytab.Entries()
	trials := 0
	for i := range entries {
		e := &entries[i]
		if e.Etype != sealed.Etype || e.Key.IsZero() {
			continue
		}
		if trials++; trials > maxAnyTrials {
			break
		}
		if plain, err := e.OpenTicket(nil, sealed.Cipher); err == nil {
			x.plaintexts = append(x.plaintexts, plain)
			return plain, e
		}
	}
	return nil, nil
}

// ticketPart explains EncTicketPart (RFC 4120 5.3).
func (x *inspection) ticketPart(n *Node, p part) (session etype.Key, client string) {
	content, ok := x.open(n, &p, der.TagApplication(3), "EncTicketPart")
	if !ok {
		return session, ""
	}
	x.end(n, p, "EncTicketPart")
	f := x.sequence(n, content, "EncTicketPart", "flags", "key", "crealm", "cname", "transited", "authtime", "starttime?", "endtime", "renew-till?", "caddr?",
		"authorization-data?")
	x.nameOf(n, "client", f, 2, 3)
	if last := n.Children[len(n.Children)-1]; last.Name == "client" {
		client = last.Value
	}
	if flags, ok := f.bits(0); ok {
		n.Add("flags", bitNames(flags, ticketFlagBits()))
	}
	auth, _ := f.time(5)
	start, _ := f.time(6)
	end, _ := f.time(7)
	renew, _ := f.time(8)
	x.times(n, auth, start, end, renew)
	session = x.encryptionKey(n, "session key", f, 1)
	if f.has[4] {
		tr := x.sequence(n, f.parts[4], "transited", "tr-type", "contents")
		if path, ok := tr.content(1, der.TagOctetString); ok && len(path.b) > 0 {
			n.Add("transited", x.nameText(n, path, "transited")).Note = "realms on the client's path"
		}
	}
	if list, ok := f.content(9, der.TagSequence); ok {
		x.addresses(n, list)
	}
	if list, ok := f.content(10, der.TagSequence); ok {
		x.authzData(n.Add("authorization-data", ""), list, 0)
	}
	return session, client
}

// encryptionKey explains an EncryptionKey (RFC 4120 5.2.9) by its type and gives it, if it is of a supported one.
func (x *inspection) encryptionKey(n *Node, label string, f *fields, i int) etype.Key {
	if !f.has[i] {
		return etype.Key{}
	}
	k := x.sequence(n, f.parts[i], f.name(i), "keytype", "keyvalue")
	et, okType := k.integer(0)
	octets, ok := k.content(1, der.TagOctetString)
	if !ok || !okType {
		return etype.Key{}
	}
	x.showKey(n, label, int32(et), octets.b)
	key, err := etype.NewKey(int32(et), octets.b)
	if err != nil {
		return etype.Key{}
	}
	return key
}

func (x *inspection) addresses(n *Node, list part) {
	for i := 0; len(list.b) > 0 && i < krbmsg.MaxPAData; i++ {
		f := x.fieldsOfNext(n, &list, "HostAddress", "addr-type", "address")
		kind, _ := f.integer(0)
		octets, ok := f.content(1, der.TagOctetString)
		if !ok {
			return
		}
		value := fmt.Sprintf("type %d, %s", kind, OctetCount(len(octets.b)))
		if a, legal := netip.AddrFromSlice(octets.b); legal && (kind == 2 || kind == 24) {
			value = a.String()
		} else if kind == 20 && kerberos.LegalName(string(octets.b)) {
			value = string(bytes.TrimSpace(octets.b))
		}
		n.Add("address", value)
	}
}

// openAuthenticator opens an authenticator and keeps the keys of the context.
func (x *inspection) openAuthenticator(n *Node, e krbmsg.EncryptedData, s *openedTicket) {
	if e.Etype != s.key.Etype() {
		n.Problem = fmt.Sprintf("is encrypted with etype %d, the session key has %d", e.Etype, s.key.Etype())
		return
	}
	plain, err := etype.NewUsageKey(s.key, etype.UsageAuthenticator).Decrypt(nil, e.Cipher)
	x.plaintexts = append(x.plaintexts, plain)
	if err != nil {
		n.Problem = "does not open with the session key: altered, or made by who does not have it"
		return
	}
	defer x.within("authenticator")()
	p := part{plain, 0}
	content, ok := x.open(n, &p, der.TagApplication(2), "Authenticator")
	if !ok {
		return
	}
	x.end(n, p, "Authenticator")
	f := x.sequence(n, content, "Authenticator", "authenticator-vno", "crealm", "cname", "cksum?", "cusec", "ctime", "subkey?", "seq-number?",
		"authorization-data?")
	f.constant(0, krbmsg.PVNO)
	x.nameOf(n, "client", f, 1, 2)
	if last := n.Children[len(n.Children)-1]; last.Name == "client" && last.Value != s.client {
		last.Problem = "is not the ticket's client"
	}
	learned := learnedKeys{session: s.key, client: s.client, service: s.service}
	if t, ok := f.time(5); ok {
		usec, _ := f.integer(4)
		learned.ctime = t.Add(time.Duration(usec) * time.Microsecond)
		n.Add("ctime", learned.ctime.Format("2006-01-02T15:04:05.000000Z")).Note = clockWords(learned.ctime.Sub(x.now))
		x.out.Made = learned.ctime
	}
	learned.subkey = x.encryptionKey(n, "subkey", f, 6)
	if v, ok := f.integer(7); ok {
		n.Addf("seq-number", "%d", uint32(v))
	}
	if list, ok := f.content(8, der.TagSequence); ok {
		x.authzData(n.Add("authorization-data", ""), list, 0)
	}
	x.checksum(n, f, &learned)
	x.remember(learned)
	if x.out.Key = learned.subkey; !f.has[6] {
		x.out.Key = s.key
	}
}

// clockWords is a difference of clocks, if the authenticator has just been made.
func clockWords(skew time.Duration) string {
	switch {
	case skew.Abs() < time.Second:
		return "now"
	case skew > 0:
		return shortDuration(skew) + " ahead of our clock"
	}
	return shortDuration(-skew) + " ago by our clock"
}

// checksum explains the authenticator's checksum: that of GSS-API (RFC 4121 4.1.1), or another.
func (x *inspection) checksum(n *Node, outer *fields, k *learnedKeys) {
	if !outer.has[3] {
		n.Add("cksum", "none")
		return
	}
	f := x.sequence(n, outer.parts[3], outer.name(3), "cksumtype", "checksum")
	kind, okKind := f.integer(0)
	sum, ok := f.content(1, der.TagOctetString)
	if !ok || !okKind {
		return
	}
	line := n.Addf("cksum", "%s, %s", cksumText(int32(kind)), OctetCount(len(sum.b)))
	if kind != krbmsg.ChecksumGSS {
		return
	}
	a := krbmsg.Authenticator{CksumType: krbmsg.ChecksumGSS, Cksum: sum.b}
	c, err := a.GSSChecksum()
	if len(sum.b) >= 24 {
		line.Add("flags", bitNames(binary.LittleEndian.Uint32(sum.b[20:]), gssFlagBits()))
		bindings := "none"
		if !bytes.Equal(sum.b[4:20], make([]byte, md5.Size)) {
			bindings = fmt.Sprintf("MD5 %x", sum.b[4:20])
		}
		line.Add("channel bindings", bindings)
	}
	if err != nil {
		x.fail(line, sum.at, "%v", err)
		return
	}
	if c.KRBCred == nil {
		return
	}
	d := line.Add("delegation", OctetCount(len(c.KRBCred)))
	d.Note = "KRB-CRED"
	x.krbCred(d, part{c.KRBCred, sum.at + 28}, k.session, k.subkey)
}

// judge says what an Acceptor with this keytab does with an AP-REQ, now and, if only time is against it, at its own
// time.
func (x *inspection) judge(n *Node, token []byte) {
	err := x.ask(token, x.now, gss.PACIgnore)
	if x.out.Err == nil {
		x.out.Err = err
	}
	v := x.verdict(n, err)
	if err == nil {
		x.judgePAC(v, token)
	}
	var refusal *kerberos.Error
	if !errors.As(err, &refusal) || x.out.Made.IsZero() {
		return
	}
	switch refusal.Code {
	case kerberos.CodeSkew, kerberos.CodeTicketExpired, kerberos.CodeTicketNotYet:
		then := v.Add("at its own time", "accepted")
		then.Note = kerberos.FormatTime(x.out.Made)
		if err := x.ask(token, x.out.Made, gss.PACIgnore); errors.As(err, &refusal) {
			then.Value = "refused: " + string(refusal.Code)
			then.Add("why", refusal.Reason())
		}
	}
}

// ask has an Acceptor look at a bare AP-REQ as a GSS-API context would.
func (x *inspection) ask(token []byte, now time.Time, rule gss.PACRule) error {
	a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: x.cfg.Keytab, Etypes: x.cfg.Etypes, PAC: rule, Replay: anyReplay{}, Time: func() time.Time { return now }})
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeNoEtype, Detail: "keytab", Err: err}
	}
	_, _, err = a.NewContext(gss.AcceptConfig{Delegation: true}).Step(context.Background(), krbmsg.AppendFrame(nil, krbmsg.TokAPREQ, token))
	return err
}

// anyReplay is a gss.ReplayStore to which everything is new: what is inspected is not thereby used up.
type anyReplay struct{}

func (anyReplay) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// verdict adds what an Acceptor says.
func (x *inspection) verdict(n *Node, err error) *Node {
	if err == nil {
		v := n.Add("verdict", "accepted")
		v.Note = "by an acceptor with this keytab, unless it was presented before"
		return v
	}
	var refusal *kerberos.Error
	if !errors.As(err, &refusal) {
		return n.Addf("verdict", "refused: %v", err)
	}
	v := n.Addf("verdict", "refused: %s", refusal.Code)
	v.Add("why", refusal.Reason())
	for _, info := range kerberos.Codes() {
		if info.Code == refusal.Code {
			v.Add("cause", info.Cause)
			v.Add("cure", info.Cure)
		}
	}
	return v
}

// bareTicket explains a Ticket that came alone.
func (x *inspection) bareTicket(n *Node, p part) {
	t := x.clearTicket(n, p)
	if x.cfg.Keytab != nil {
		x.openTicket(n, &t)
	}
}
