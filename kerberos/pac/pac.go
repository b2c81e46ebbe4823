package pac

import (
	"slices"
	"time"
)

// A PAC is a verified privilege attribute certificate: a KDC signed it with the
// service's key, and it is about the ticket's client. It is shared: do not
// change it.
//
// The signatures that a KDC makes with the key of krbtgt (types 7, 16 and 19)
// cannot be checked by a service. Whoever has the service's key can thus forge
// any PAC for this service.
type PAC struct {
	// ClientName and AuthTime are CLIENT_INFO (2.7). They are the ticket's.
	ClientName string
	AuthTime   time.Time
	// Logon is LOGON_INFO, nil if the KDC writes none, as MIT's without a
	// directory.
	Logon *LogonInfo
	// UPN is UPN_DNS_INFO, nil when absent.
	UPN *UPNInfo
	// Attributes are the flags of PAC_ATTRIBUTES_INFO (2.14), 0 when absent: 1
	// the client asked for the PAC, 2 it got one unasked.
	Attributes uint32
	// Requestor is the SID of the client as the KDC knew it when it issued the
	// ticket-granting ticket (2.15); "" when absent.
	Requestor SID
	// Withheld are groups of LOGON_INFO that the client's realm may not name;
	// see gss.AcceptorConfig.RealmSIDs. They are not among Groups.
	Withheld []SID
	// Denied are those of gss.AcceptorConfig.DeniedSIDs that the PAC names; see
	// [PAC.Names]. They are among Groups.
	Denied []SID
	// Types are the types of all buffers, in their order (2.4), those that are
	// not read included.
	Types []uint32
	// SignatureType is the checksum type of the server signature (2.8): 15, 16,
	// 19, 20, or -138 with RC4.
	SignatureType int32
}

// UPNInfo is UPN_DNS_INFO (MS-PAC 2.10).
type UPNInfo struct {
	UPN        string // "alice@example.com"
	DNSDomain  string // "EXAMPLE.COM"
	Made       bool   // the account has no UPN: this one is made of account and domain
	SAMName    string // the account's name in the directory; "" when absent
	SID        SID    // the account's; "" when absent
	Extraneous uint32 // flags other than those
}

// Groups returns the SIDs of all groups that the client is in, each once, in
// the KDC's order: groups of its domain with the primary group, extra SIDs (of
// other domains, of its history, and well-known ones), and resource groups
// (local to the service's domain). Groups that are disabled or for denying only
// are left out, and those in Withheld, unless they are in Denied, which come
// last. The account's own SID is no group; see [PAC.User]. Groups that Windows
// adds at logon, such as Authenticated Users, are in no PAC. A nil PAC has no
// groups.
func (p *PAC) Groups() []string {
	if p == nil {
		return nil
	}
	var texts []string
	seen := make(map[SID]bool)
	for _, sid := range p.Withheld {
		seen[sid] = true
	}
	if p.Logon != nil {
		for _, sid := range p.Logon.TokenGroups() {
			if !seen[sid] {
				seen[sid] = true
				texts = append(texts, string(sid))
			}
		}
	}
	for _, sid := range p.Denied {
		if !slices.Contains(texts, string(sid)) {
			texts = append(texts, string(sid))
		}
	}
	return texts
}

// Names reports whether the PAC has a SID in any role: as the client's own, or
// as that of a group, even if it does not count as one of the client's: a group
// that is disabled or for denying only, one of a list that is not announced, or
// one that is withheld. Whoever denies the members of a group asks this. p may
// be nil.
func (p *PAC) Names(sid SID) bool {
	switch {
	case p == nil || sid == "":
		return false
	case sid == p.User(), sid == p.Requestor, p.UPN != nil && sid == p.UPN.SID:
		return true
	}
	return p.Logon != nil && slices.Contains(p.Logon.sids(), sid)
}

// User returns the client's own SID, or "" if the PAC has none. p may be nil.
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

// Read reads one buffer, of a type of MS-PAC 2.4, into the PAC. Unknown types
// are ignored.
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

// readClientInfo reads PAC_CLIENT_INFO (MS-PAC 2.7).
func (pac *PAC) readClientInfo(b []byte) error {
	r := reader{in: "PAC: CLIENT_INFO", b: b}
	pac.AuthTime = r.fileTime("ClientId")
	pac.ClientName = r.name(r.take(int(r.uint16("NameLength")), "Name"), "Name")
	return r.err
}
