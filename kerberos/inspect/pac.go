package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// pac explains a PAC (MS-PAC 2.3). Its signatures of the KDC cannot be checked
// here, that of the service's key can: zero for a PAC that is not a ticket's.
func (x *inspection) pac(n *Node, b []byte, service etype.Key) {
	buffers, err := pac.ParseBuffers(b)
	if err != nil {
		x.fail(n, err)
		return
	}
	if _, err := buffers.Parse(); err != nil {
		x.fail(n, err)
	}
	said := new(pac.PAC)
	for _, buffer := range buffers.List {
		octets := b[buffer.Start:buffer.End]
		c := n.Add(pacBufferName(buffer.Kind), OctetCount(len(octets)))
		if said.Read(buffer.Kind, octets) == nil {
			x.pacBuffer(c, said, buffer.Kind, octets)
		}
		if buffer.Kind != pac.TypeServerSignature || service.IsZero() {
			continue
		}
		if c.Note = "right: made with the key that opened the ticket"; buffers.Verify(service) != nil {
			c.Note, c.Problem = "", reason(buffers.Verify(service))
		}
	}
}

// reason returns an error's words without its code.
func reason(err error) string {
	if refusal, ok := errors.AsType[*kerberos.Error](err); ok {
		return refusal.Detail
	}
	return err.Error()
}

// pacBuffer explains a buffer that was read into pac.
func (x *inspection) pacBuffer(c *Node, logon *pac.PAC, kind uint32, octets []byte) {
	switch kind {
	case pac.TypeLogonInfo:
		x.logonInfo(c, logon.Logon)
	case pac.TypeClientInfo:
		c.Value = logon.ClientName + ", of " + kerberos.FormatTime(logon.AuthTime)
	case pac.TypeUPNDNSInfo:
		c.Value = logon.UPN.UPN
		if logon.UPN.Made {
			c.Note = "made of account and domain"
		}
		c.Add("domain", logon.UPN.DNSDomain)
		if logon.UPN.SAMName != "" {
			c.Add("account", logon.UPN.SAMName)
		}
		if logon.UPN.SID != "" {
			c.Add("SID", logon.UPN.SID.String())
		}
	case pac.TypeAttributes:
		c.Value = bitNames(logon.Attributes, []bit{{1, "asked-for"}, {2, "given-unasked"}})
	case pac.TypeRequestor:
		c.Value = logon.Requestor.String()
	case pac.TypeServerSignature, pac.TypeKDCSignature, 16, 19:
		if len(octets) >= 4 {
			c.Value = cksumText(int32(binary.LittleEndian.Uint32(octets)))
		}
		if kind != pac.TypeServerSignature {
			c.Note = "with the key of krbtgt: only the KDC can check it"
		}
	}
}

// maxShownGroups bounds a list of groups.
const maxShownGroups = 1024

func (x *inspection) logonInfo(c *Node, l *pac.LogonInfo) {
	account := c.Add("account", l.LogonDomainName+`\`+l.EffectiveName)
	account.Note = l.FullName
	if sid := l.User(); sid != "" {
		c.Add("SID", sid.String())
	}
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"logon", l.LogonTime}, {"logoff", l.LogoffTime}, {"kick off", l.KickOffTime},
		{"password set", l.PasswordLastSet}, {"password ends", l.PasswordMustChange}} {
		if !t.at.IsZero() {
			c.Add(t.name, x.when(t.at))
		}
	}
	c.Add("logon server", l.LogonServer)
	groups := l.TokenGroups()
	list := c.Addf("groups", "%d", len(groups))
	for _, sid := range groups[:min(len(groups), maxShownGroups)] {
		list.Add(sid.String(), "").Note = groupName(sid)
	}
}

// groupName is the name of a group that is the same in all domains (MS-DTYP
// 2.4.2.4), "" for others.
func groupName(sid pac.SID) string {
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
	return map[int]string{512: "Domain Admins", 513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers",
		516: "Domain Controllers", 517: "Cert Publishers", 518: "Schema Admins", 519: "Enterprise Admins",
		520: "Group Policy Creator Owners", 521: "Read-only Domain Controllers", 525: "Protected Users",
		526: "Key Admins", 527: "Enterprise Key Admins",
		572: "Denied RODC Password Replication Group"}[rid]
}

// pacBufferName is a type of PAC buffer (MS-PAC 2.4).
func pacBufferName(kind uint32) string {
	names := map[uint32]string{1: "LOGON_INFO", 2: "CREDENTIALS_INFO", 6: "SERVER_CHECKSUM", 7: "PRIVSVR_CHECKSUM",
		10: "CLIENT_INFO", 11: "S4U_DELEGATION_INFO", 12: "UPN_DNS_INFO", 13: "CLIENT_CLAIMS_INFO",
		14: "DEVICE_INFO", 15: "DEVICE_CLAIMS_INFO",
		16: "TICKET_CHECKSUM", 17: "ATTRIBUTES_INFO", 18: "REQUESTOR", 19: "FULL_CHECKSUM"}
	if name, ok := names[kind]; ok {
		return name
	}
	return fmt.Sprintf("buffer of type %d", kind)
}
