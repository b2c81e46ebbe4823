package kerberos

import (
	"strings"
	"time"
)

// A PACRule says what an acceptor does with the PAC of a ticket (MS-PAC): the privilege attribute certificate, in which an
// Active Directory, Samba, FreeIPA or MIT (1.20 or later) KDC says who the client is and of which groups.
type PACRule string

const (
	PACIgnore      PACRule = ""             // not looked at
	PACWhenPresent PACRule = "when-present" // verified and read; one that is wrong refuses the ticket
	PACRequired    PACRule = "required"     // a ticket without one is refused too
)

// A PAC is what a KDC says of a client in a ticket, verified: the KDC signed it with the service's key, and it is of this
// ticket's client. It is shared: do not change it.
//
// The signatures that a KDC makes with the key of krbtgt (types 7, 16 and 19) cannot be checked by a service. A PAC is thus
// as good as the secrecy of the service's key: whoever has that can write any, for this service.
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
	// Requestor is the SID of the client as the KDC knew it when it gave out the ticket-granting ticket (2.15); "" without.
	Requestor SID
	// Withheld are groups that LOGON_INFO tells of and that the client's realm may not; see AcceptorConfig.RealmSIDs. They are
	// not among Groups.
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

// Groups are the SIDs of all groups that the client is in, each once, in the KDC's order: groups of its domain with the
// primary group, extra SIDs (of other domains, of its history, and well-known ones), and resource groups (local to the
// service's domain). Groups that are disabled or for denying only are left out, and those in Withheld. The account's own SID is no group; see
// User. Groups which Windows adds at logon, such as Authenticated Users, no PAC has. A nil PAC has none.
func (p *PAC) Groups() []string {
	if p == nil || p.Logon == nil {
		return nil
	}
	var texts []string
	seen := make(map[SID]bool)
	for _, sid := range p.Withheld {
		seen[sid] = true
	}
	for _, sid := range p.Logon.groups() {
		if !seen[sid] {
			seen[sid] = true
			texts = append(texts, string(sid))
		}
	}
	return texts
}

// User is the client's own SID, "" when the PAC does not tell.
func (p *PAC) User() SID {
	switch {
	case p == nil:
		return ""
	case p.Logon != nil && p.Logon.user() != "":
		return p.Logon.user()
	case p.UPN != nil && p.UPN.SID != "":
		return p.UPN.SID
	}
	return p.Requestor
}

// maxAuthzDepth bounds lists in lists, such as AD-IF-RELEVANT in AD-IF-RELEVANT.
const maxAuthzDepth = 4

// findPAC gives the PAC in a ticket's AuthorizationData (MS-PAC 3.1), nil without one. That of an authenticator is the
// client's to write and never searched.
func findPAC(authzData []byte) ([]byte, error) {
	p := derParser{in: "authorization-data of the ticket"}
	var pac []byte
	walkAuthzData(&p, authzData, 0, &pac)
	return pac, p.err
}

func walkAuthzData(p *derParser, list []byte, depth int, pac *[]byte) {
	for len(list) > 0 && p.err == nil {
		switch kind, data := readAuthzElement(p, &list); {
		case p.err != nil:
		case kind == adWin2kPAC && *pac != nil:
			p.fail("AD-WIN2K-PAC", "there are two")
		case kind == adWin2kPAC:
			*pac = data
		case kind == adIfRelevant && depth == maxAuthzDepth:
			p.fail("AD-IF-RELEVANT", "nested too deep")
		case kind == adIfRelevant:
			walkAuthzData(p, p.whole(data, tagSequence, "AD-IF-RELEVANT"), depth+1, pac)
		}
	}
}

// checkPAC verifies and reads the ticket's PAC as the rule has it.
func (s *acceptance) checkPAC() error {
	raw, err := findPAC(s.ticket.authzData)
	if err != nil {
		return &Error{Code: CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if raw == nil {
		if s.cfg.PAC == PACRequired {
			return refuse(CodePACMissing, "ticket of %s has no PAC, and one is required", s.clientText())
		}
		return nil
	}
	buffers, err := parsePACBuffers(raw)
	if err != nil {
		return &Error{Code: CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if err := buffers.verify(s.entry.Key); err != nil {
		return err
	}
	pac, err := buffers.parse()
	if err != nil {
		return &Error{Code: CodePACMalformed, Detail: "ticket of " + s.clientText(), Err: err}
	}
	if err := s.checkPACClient(pac); err != nil {
		return err
	}
	s.withhold(pac)
	s.pac = pac
	return nil
}

func (s *acceptance) clientText() string {
	return string(appendEscaped(append(s.ticket.cname.appendText(nil), '@'), s.ticket.crealm))
}

// checkPACClient demands that a PAC is of its ticket (MS-PAC 2.7): same client, same authentication.
func (s *acceptance) checkPACClient(pac *PAC) error {
	if !pac.AuthTime.Truncate(time.Second).Equal(s.ticket.authTime) {
		return refuse(CodePACClient, "ticket of %s is of an authentication at %s, its PAC of one at %s", s.clientText(),
			stamp(s.ticket.authTime), stamp(pac.AuthTime))
	}
	name := string(s.ticket.cname.appendText(nil))
	if pac.ClientName == name {
		return nil
	}
	// Windows does not escape: an enterprise name has its @ in the PAC as it is.
	if parts := s.ticket.cname.components(); len(parts) == 1 && parts[0] == pac.ClientName && !strings.ContainsAny(pac.ClientName, `/\`) {
		return nil
	}
	return refuse(CodePACClient, "ticket is of %s, its PAC of %q", s.clientText(), pac.ClientName)
}
