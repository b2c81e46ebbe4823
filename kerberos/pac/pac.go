package pac

import (
	"time"
)

// A PAC is what a KDC says of a client in a ticket, verified: the KDC signed it with the service's key, and it is of
// this ticket's client. It is shared: do not change it.
//
// The signatures that a KDC makes with the key of krbtgt (types 7, 16 and 19) cannot be checked by a service. A PAC is
// thus as good as the secrecy of the service's key: whoever has that can write any, for this service.
type PAC struct {
	// ClientName and AuthTime are CLIENT_INFO (2.7). They were compared with the ticket's.
	ClientName string
	AuthTime   time.Time
	// Logon is LOGON_INFO, nil when the KDC writes none: MIT's without a directory behind it.
	Logon *LogonInfo
	// UPN is UPN_DNS_INFO, nil without.
	UPN *UPNInfo
	// Attributes are the flags of PAC_ATTRIBUTES_INFO (2.14), 0 without: 1 the client asked for the PAC, 2 it was given
	// unasked.
	Attributes uint32
	// Requestor is the SID of the client as the KDC knew it when it gave out the ticket-granting ticket (2.15); ""
	// without.
	Requestor SID
	// Withheld are groups that LOGON_INFO tells of and that the client's realm may not; see gss.AcceptorConfig.RealmSIDs.
	// They are not among Groups.
	Withheld []SID
	// Types are the types of all buffers, in their order (2.4), those that are not read included.
	Types []uint32
	// SignatureType is the checksum type of the server signature (2.8): 15, 16, 19, 20, or -138 with RC4.
	SignatureType int32
}

// UPNInfo is UPN_DNS_INFO (MS-PAC 2.10).
type UPNInfo struct {
	UPN        string // "alice@example.com"
	DNSDomain  string // "EXAMPLE.COM"
	Made       bool   // the account has no UPN: this one is made of account and domain
	SAMName    string // the account's name in the directory; "" when the KDC does not tell
	SID        SID    // the account's; "" when the KDC does not tell
	Extraneous uint32 // flags other than those
}

// Groups returns the SIDs of all groups that the client is in, each once, in the KDC's order: groups of its domain with
// the primary group, extra SIDs (of other domains, of its history, and well-known ones), and resource groups (local to
// the service's domain). Groups that are disabled or for denying only are left out, and those in Withheld. The
// account's own SID is no group; see User. Groups which Windows adds at logon, such as Authenticated Users, no PAC has.
// A nil PAC has none.
func (p *PAC) Groups() []string {
	if p == nil || p.Logon == nil {
		return nil
	}
	var texts []string
	seen := make(map[SID]bool)
	for _, sid := range p.Withheld {
		seen[sid] = true
	}
	for _, sid := range p.Logon.TokenGroups() {
		if !seen[sid] {
			seen[sid] = true
			texts = append(texts, string(sid))
		}
	}
	return texts
}

// User returns the client's own SID, "" when the PAC does not tell.
func (p *PAC) User() SID {
	switch {
	case p == nil:
		return ""
	case p.Logon != nil && p.Logon.User() != "":
		return p.Logon.User()
	case p.UPN != nil && p.UPN.SID != "":
		return p.UPN.SID
	}
	return p.Requestor
}

// Read reads one buffer, of a type of MS-PAC 2.4, into the PAC. Types that it does not know leave the PAC as it is.
func (pac *PAC) Read(kind uint32, b []byte) (err error) {
	switch kind {
	case TypeLogonInfo:
		pac.Logon, err = parseLogonInfo(b)
	case TypeClientInfo:
		err = pac.readClientInfo(b)
	case TypeUPNDNSInfo:
		pac.UPN, err = parseUPNInfo(b)
	case TypeAttributes:
		r := reader{in: "PAC: ATTRIBUTES_INFO", b: b}
		bits := r.uint32("FlagsLength")
		if pac.Attributes = r.uint32("Flags"); bits < 32 {
			pac.Attributes &= 1<<bits - 1
		}
		err = r.err
	case TypeRequestor:
		r := reader{in: "PAC: REQUESTOR", b: b}
		pac.Requestor = r.sid(b, "UserSid")
		err = r.err
	}
	return err
}

// readClientInfo is PAC_CLIENT_INFO (MS-PAC 2.7).
func (pac *PAC) readClientInfo(b []byte) error {
	r := reader{in: "PAC: CLIENT_INFO", b: b}
	pac.AuthTime = r.fileTime("ClientId")
	pac.ClientName = r.name(r.take(int(r.uint16("NameLength")), "Name"), "Name")
	return r.err
}
