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
func (x *inspection) keytabFile(n *Node, p part) {
	titled(n, "keytab", "format %d, %s", p.b[1], OctetCount(len(p.b)))
	entries, err := keytab.ParseEntries(p.b)
	if err != nil {
		n.Problem, x.failed = keytab.Explain(p.b, err).Error(), true
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
		n.Problem = "has no AES key: give the account AES keys and fetch a new keytab; domain controllers no longer issue RC4 tickets"
	}
}

// ccacheFile explains a credential cache file.
func (x *inspection) ccacheFile(n *Node, p part) {
	titled(n, "credential cache", "format %d, %s", p.b[1], OctetCount(len(p.b)))
	c, err := ccache.ParsePartial(p.b)
	if err != nil {
		n.Problem, x.failed = err.Error(), true
	}
	if len(c.Client.Components) > 0 && c.Client.Realm != "" {
		n.Add("client", c.Client.String())
	}
	if c.KDCOffset != 0 {
		n.Add("KDC's clock", c.KDCOffset.Round(time.Millisecond).String()).Note = "against this machine's, when the cache was written"
	}
	defer x.within("credential cache")()
	for i := range c.Tickets {
		if x.nodes += 8; x.nodes > maxInspectLines {
			n.Add("…", "more than can be shown")
			return
		}
		t := &c.Tickets[i]
		line := n.Add("ticket", t.Service.String())
		if t.Service.Components[0] == krbmsg.KRBTGT {
			line.Note = "ticket-granting"
		}
		if t.Client.String() != c.Client.String() {
			line.Add("client", t.Client.String())
		}
		line.Add("flags", bitNames(t.Flags, ticketFlagBits()))
		x.times(line, t.AuthTime, t.StartTime, t.EndTime, t.RenewTill)
		x.showKey(line, "session key", t.SessionKey.Etype(), t.SessionKey.ExposeKeyOctets())
		x.cachedTicket(line, t)
	}
	if c.Skipped > 0 {
		n.Addf("skipped", "%d", c.Skipped).Note = "entries with a session key of an encryption type that is not supported"
	}
}

// cachedTicket tells how a ticket is sealed, and with a keytab whether that opens it.
func (x *inspection) cachedTicket(n *Node, t *kerberos.Credential) {
	inner := &Node{}
	clear := x.clearTicket(inner, part{t.Ticket, 0})
	for _, c := range inner.Children {
		if c.Name == "sealed" {
			c.Name = "sealed with"
			n.Children = append(n.Children, c)
		}
	}
	if x.cfg.Keytab == nil || len(x.cfg.Keytab.EntriesOf(clear.service())) == 0 {
		return
	}
	x.openTicket(n.Add("this keytab", ""), &clear)
}
