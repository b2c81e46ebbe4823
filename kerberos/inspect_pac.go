package kerberos

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pac explains a PAC (MS-PAC 2.3). Its signatures of the KDC cannot be checked here, that of the service's key can.
func (x *inspection) pac(n *InspectNode, p part) {
	buffers, err := parsePACBuffers(p.b)
	if err != nil {
		x.fail(n, p.at, "%v", err)
	}
	pac := new(PAC)
	for _, b := range buffers.list {
		c := n.Add(pacBufferName(b.kind), OctetCount(b.end-b.start))
		octets := p.b[b.start:b.end]
		if err := pac.read(b.kind, octets); err != nil {
			x.fail(c, p.at+b.start, "%v", err)
			continue
		}
		x.pacBuffer(c, pac, b.kind, octets)
	}
	if x.ticketKey.IsZero() || err != nil || x.sealed != "ticket" {
		return
	}
	for _, c := range n.Children {
		if c.Name != pacBufferName(pacServerSig) {
			continue
		}
		if err := buffers.verify(x.ticketKey); err != nil {
			c.Problem = err.(*Error).Detail
		} else {
			c.Note = "right: made with the key that opened the ticket"
		}
	}
}

// pacBuffer explains a buffer that was read into pac.
func (x *inspection) pacBuffer(c *InspectNode, pac *PAC, kind uint32, octets []byte) {
	switch kind {
	case pacLogonInfo:
		x.logonInfo(c, pac.Logon)
	case pacClientInfo:
		c.Value = pac.ClientName + ", of " + stamp(pac.AuthTime)
	case pacUPNDNSInfo:
		c.Value = pac.UPN.UPN
		if pac.UPN.Made {
			c.Note = "made of account and domain"
		}
		c.Add("domain", pac.UPN.DNSDomain)
		if pac.UPN.SAMName != "" {
			c.Add("account", pac.UPN.SAMName)
		}
		if pac.UPN.SID != "" {
			c.Add("SID", pac.UPN.SID.String())
		}
	case pacAttributes:
		c.Value = bitNames(pac.Attributes, []bit{{1, "asked-for"}, {2, "given-unasked"}})
	case pacRequestor:
		c.Value = pac.Requestor.String()
	case pacServerSig, pacKDCSig, 16, 19:
		if len(octets) >= 4 {
			c.Value = cksumText(int32(binary.LittleEndian.Uint32(octets)))
		}
		if kind != pacServerSig {
			c.Note = "with the key of krbtgt: only the KDC can check it"
		}
	}
}

// maxShownGroups bounds a list of groups.
const maxShownGroups = 1024

func (x *inspection) logonInfo(c *InspectNode, l *LogonInfo) {
	account := c.Add("account", l.LogonDomainName+`\`+l.EffectiveName)
	account.Note = l.FullName
	if sid := l.user(); sid != "" {
		c.Add("SID", sid.String())
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"logon", l.LogonTime}, {"logoff", l.LogoffTime}, {"kick off", l.KickOffTime}, {"password set", l.PasswordLastSet}, {"password ends", l.PasswordMustChange}} {
		if !t.at.IsZero() {
			c.Add(t.name, x.when(t.at))
		}
	}
	c.Add("logon server", l.LogonServer)
	groups := l.groups()
	list := c.Addf("groups", "%d", len(groups))
	for _, sid := range groups[:min(len(groups), maxShownGroups)] {
		list.Add(sid.String(), "").Note = groupName(sid)
	}
}

// groupName is the name of a group that is the same in all domains (MS-DTYP 2.4.2.4), "" for others.
func groupName(sid SID) string {
	switch sid {
	case "S-1-18-1":
		return "identity asserted by the authentication authority"
	case "S-1-18-2":
		return "identity asserted by a service"
	case "S-1-5-21-0-0-0-497":
		return "claims valid"
	case "S-1-5-21-0-0-0-496":
		return "compounded authentication"
	}
	i := strings.LastIndexByte(string(sid), '-')
	rid, err := strconv.Atoi(string(sid[i+1:]))
	if err != nil || !strings.HasPrefix(string(sid), "S-1-5-21-") {
		return ""
	}
	return map[int]string{512: "Domain Admins", 513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers", 516: "Domain Controllers",
		517: "Cert Publishers", 518: "Schema Admins", 519: "Enterprise Admins", 520: "Group Policy Creator Owners", 521: "Read-only Domain Controllers",
		525: "Protected Users", 526: "Key Admins", 527: "Enterprise Key Admins", 572: "Denied RODC Password Replication Group"}[rid]
}

// judgePAC says what a route that asks for groups would say of the PAC, if that is not what others say.
func (x *inspection) judgePAC(v *InspectNode, token []byte) {
	if err := x.ask(token, x.now, PACWhenPresent); err != nil {
		c := v.Add("with allowed-groups", fmt.Sprintf("%v", err))
		if refusal, ok := err.(*Error); ok {
			c.Value = "refused: " + string(refusal.Code)
			c.Add("why", refusal.why())
		}
	}
}
