package inspect

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// openedTicket is what an opened ticket holds.
type openedTicket struct {
	key             etype.Key // session key; zero when the ticket does not open or has none that is supported
	client, service string
}

// openTicket opens a ticket with the keytab as an Acceptor does, or else with
// any other key of the keytab.
func (x *inspection) openTicket(n *Node, r *krbmsg.APReq) (t openedTicket) {
	t.service = principalText(r.SName, r.Realm)
	sealed := &r.Ticket
	plain, entry, err := x.cfg.Keytab.OpenTicket(nil, t.service, sealed.Etype, sealed.Kvno, sealed.Cipher, false)
	line := n.Add("opens with", "")
	if err != nil {
		if plain, entry = x.openWithAny(sealed); entry == nil {
			line.Value = "no key of the keytab"
			var refusal *kerberos.Error
			if errors.As(err, &refusal) {
				line.Note = refusal.Detail
			}
			return t
		}
		line.Note = "a key that is not looked at for this service: names must match"
		line.Value = fmt.Sprintf("the keytab's key of %s, kvno %d", entry.Principal, entry.Kvno)
	} else {
		line.Value = fmt.Sprintf("the keytab's key, kvno %d", entry.Kvno)
		if sealed.Kvno != 0 && entry.Rank(sealed.Kvno) == 2 {
			line.Note = fmt.Sprintf("the ticket names kvno %d: keytab or ticket is out of date", sealed.Kvno)
		}
	}
	x.plaintexts = append(x.plaintexts, plain)
	part, err := krbmsg.ParseEncTicketPart(plain)
	if err != nil {
		x.fail(n, err)
		return t
	}
	t.client = principalText(part.CName, part.CRealm)
	x.ticketPart(n, &part, entry.Key)
	t.key, _ = etype.NewKey(part.Key.Etype, part.Key.Octets)
	return t
}

// maxAnyTrials bounds the keys that are tried beyond those of the ticket's
// principal.
const maxAnyTrials = 256

func (x *inspection) openWithAny(sealed *krbmsg.EncryptedData) ([]byte, *keytab.Entry) {
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
			return plain, e
		}
	}
	return nil, nil
}

// ticketPart explains EncTicketPart (RFC 4120 5.3) of a ticket that a service's
// key has opened.
func (x *inspection) ticketPart(n *Node, t *krbmsg.EncTicketPart, service etype.Key) {
	principal(n, "client", t.CName, t.CRealm)
	n.Add("flags", bitNames(t.Flags, ticketFlagBits()))
	x.times(n, t.AuthTime, t.StartTime, t.EndTime, t.RenewTill)
	x.showKey(n, "session key", t.Key.Etype, t.Key.Octets)
	if len(t.Transited) > 0 {
		n.Add("transited", legalText(t.Transited)).Note = "realms on the client's path"
	}
	addresses(n, t.Addresses)
	if t.AuthzData != nil {
		x.authzData(n.Add("authorization-data", ""), t.AuthzData, service, 0)
	}
}

// legalText is text of a decrypted part. What is no legal name might be
// anything, and is not shown.
func legalText(b []byte) string {
	if !kerberos.LegalName(string(b)) {
		return "(not a legal name)"
	}
	return string(b)
}

// addresses adds those of HostAddresses (RFC 4120 5.2.5).
func addresses(n *Node, list []byte) {
	p := der.Parser{In: "caddr"}
	for i := 0; len(list) > 0 && i < krbmsg.MaxPAData; i++ {
		kind, octets := krbmsg.ReadAddress(&p, &list)
		if p.Err != nil {
			n.Add("address", "").Problem = p.Err.Error()
			return
		}
		value := fmt.Sprintf("type %d, %s", kind, OctetCount(len(octets)))
		ip := kind == krbmsg.AddressIPv4 || kind == krbmsg.AddressIPv6
		if a, legal := netip.AddrFromSlice(octets); legal && ip {
			value = a.String()
		} else if kind == krbmsg.AddressNetBIOS && kerberos.LegalName(string(octets)) {
			value = string(bytes.TrimSpace(octets))
		}
		n.Add("address", value)
	}
}

// openAuthenticator opens an authenticator, explains it (RFC 4120 5.5.1) and
// keeps the keys of the context.
func (x *inspection) openAuthenticator(n *Node, e *krbmsg.EncryptedData, t *openedTicket) {
	if e.Etype != t.key.Etype() {
		n.Problem = fmt.Sprintf("is encrypted with etype %d, the session key has %d", e.Etype, t.key.Etype())
		return
	}
	plain, err := etype.NewUsageKey(t.key, etype.UsageAuthenticator).Decrypt(nil, e.Cipher)
	x.plaintexts = append(x.plaintexts, plain)
	if err != nil {
		n.Problem = "does not open with the session key: altered, or made by who does not have it"
		return
	}
	a, err := krbmsg.ParseAuthenticator(plain)
	if err != nil {
		x.fail(n, err)
		return
	}
	principal(n, "client", a.CName, a.CRealm)
	if principalText(a.CName, a.CRealm) != t.client {
		n.Children[0].Problem = "is not the ticket's client"
	}
	n.Add("ctime", a.CTime.Format("2006-01-02T15:04:05.000000Z")).Note = clockWords(a.CTime.Sub(x.now))
	learned := learnedKeys{session: t.key, client: t.client, service: t.service, ctime: a.CTime}
	x.out.Key, x.out.Made = t.key, a.CTime
	if a.HasSubkey {
		x.showKey(n, "subkey", a.Subkey.Etype, a.Subkey.Octets)
		learned.subkey, _ = etype.NewKey(a.Subkey.Etype, a.Subkey.Octets)
		x.out.Key = learned.subkey
	}
	n.Addf("seq-number", "%d", a.SeqNumber)
	if a.AuthzData != nil {
		x.authzData(n.Add("authorization-data", ""), a.AuthzData, etype.Key{}, 0)
	}
	x.checksum(n, &a, &learned)
	x.remember(learned)
}

// clockWords is a difference of clocks, if the authenticator has just been
// made.
func clockWords(skew time.Duration) string {
	switch {
	case skew.Abs() < time.Second:
		return "now"
	case skew > 0:
		return shortDuration(skew) + " ahead of our clock"
	}
	return shortDuration(-skew) + " ago by our clock"
}

// checksum explains the authenticator's checksum: that of GSS-API (RFC 4121
// 4.1.1), or another.
func (x *inspection) checksum(n *Node, a *krbmsg.Authenticator, k *learnedKeys) {
	if a.Cksum == nil {
		n.Add("cksum", "none")
		return
	}
	line := n.Addf("cksum", "%s, %s", cksumText(a.CksumType), OctetCount(len(a.Cksum)))
	c, err := a.GSSChecksum()
	if err != nil {
		x.fail(line, err)
		return
	}
	if c.Bindings == nil {
		return
	}
	line.Add("flags", bitNames(c.Flags, gssFlagBits()))
	bindings := "none"
	if !bytes.Equal(c.Bindings, make([]byte, md5.Size)) {
		bindings = fmt.Sprintf("MD5 %x", c.Bindings)
	}
	line.Add("channel bindings", bindings)
	if c.KRBCred != nil {
		d := line.Add("delegation", OctetCount(len(c.KRBCred)))
		d.Note = "KRB-CRED"
		x.krbCred(d, c.KRBCred, k.session, k.subkey)
	}
}
