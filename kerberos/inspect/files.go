package inspect

import (
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// keytabFile explains a keytab file.
func (x *inspection) keytabFile(n *Node, b []byte) {
	n.Name, n.Value = "keytab", fmt.Sprintf("format %d, %s", b[1], OctetCount(len(b)))
	entries, err := keytab.ParseEntries(b)
	if err != nil {
		x.fail(n, keytab.Explain(b, err))
	}
	kt := keytab.New(entries...)
	for _, name := range kt.Principals() {
		c := n.Add("", "")
		c.Name = name.String()
		if !legalPrincipal(name) {
			c.Name = "(name with control characters or not in UTF-8)"
			c.Problem = "cannot be shown: it may be a key of a damaged file"
		}
		x.keytabKeys(c, kt.EntriesOf(name.String()))
		if x.nodes > maxInspectLines {
			n.Add("…", "more than can be shown")
			return
		}
	}
	if len(entries) == 0 && err == nil {
		n.Note = "holds no keys"
	}
}

func legalPrincipal(p kerberos.Principal) bool {
	for _, c := range p.Components {
		if !kerberos.LegalName(c) {
			return false
		}
	}
	return kerberos.LegalName(p.Realm)
}

func (x *inspection) keytabKeys(n *Node, list []*keytab.Entry) {
	rc4Only := true
	for _, e := range list {
		x.nodes++
		c := n.Add(fmt.Sprintf("kvno %d", e.Kvno), etypeText(e.Etype))
		if e.Timestamp.Unix() != 0 {
			c.Note = "of " + x.when(e.Timestamp)
		}
		switch {
		case e.Key.IsZero():
			c.Problem = "cannot be used: the encryption type is not supported"
		case x.cfg.ShowKeys:
			c.Addf("octets", "%x", e.Key.ExposeKeyOctets())
		}
		rc4Only = rc4Only && (e.Etype == etype.RC4 || e.Key.IsZero())
	}
	if rc4Only {
		n.Problem = "has no AES key: give the account AES keys and fetch a new keytab; " +
			"domain controllers no longer issue RC4 tickets"
	}
}

// ccacheFile explains a credential cache file.
func (x *inspection) ccacheFile(n *Node, b []byte) {
	n.Name, n.Value = "credential cache", fmt.Sprintf("format %d, %s", b[1], OctetCount(len(b)))
	c, err := ccache.ParsePartial(b)
	if err != nil {
		x.fail(n, err)
	}
	if len(c.Client.Components) > 0 && c.Client.Realm != "" {
		n.Add("client", c.Client.String())
	}
	if c.KDCOffset != 0 {
		n.Add("KDC's clock", c.KDCOffset.Round(time.Millisecond).String()).Note = "against this machine's, when " +
			"the cache was written"
	}
	if !x.tickets(n, c.Client, c.Tickets) {
		return
	}
	if c.Skipped > 0 {
		line := n.Addf("skipped", "%d", c.Skipped)
		line.Note = "entries with a session key of an encryption type that is not supported"
	}
}

// tickets adds a line for each ticket of a client, and reports whether there was
// room for all.
func (x *inspection) tickets(n *Node, client kerberos.Principal, all []kerberos.Credential) bool {
	for i := range all {
		if x.nodes += 8; x.nodes > maxInspectLines {
			n.Add("…", "more than can be shown")
			return false
		}
		t := &all[i]
		line := n.Add("ticket", t.Service.String())
		if len(t.Service.Components) > 0 && t.Service.Components[0] == krbmsg.KRBTGT {
			line.Note = "ticket-granting"
		}
		if t.Client.String() != client.String() {
			line.Add("client", t.Client.String())
		}
		x.credential(line, t)
		x.cachedTicket(line, t)
	}
	return true
}

// cachedTicket adds how a ticket is sealed, and with a keytab that has keys of
// its service whether one opens it.
func (x *inspection) cachedTicket(n *Node, t *kerberos.Credential) {
	r, err := krbmsg.TicketInClear(t.Ticket)
	if err != nil {
		x.fail(n, err)
		return
	}
	encrypted(n, "sealed with", &r.Ticket)
	if x.cfg.Keytab != nil && len(x.cfg.Keytab.EntriesOf(principalText(r.SName, r.Realm))) > 0 {
		x.openTicket(n.Add("this keytab", ""), &r)
	}
}
