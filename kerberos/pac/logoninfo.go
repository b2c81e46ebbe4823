package pac

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A LogonInfo is KERB_VALIDATION_INFO (MS-PAC 2.5): what a domain knows about a
// client, without its scripts and directories. Times that the domain does not
// set are zero.
type LogonInfo struct {
	LogonTime          time.Time
	LogoffTime         time.Time
	KickOffTime        time.Time
	PasswordLastSet    time.Time
	PasswordCanChange  time.Time
	PasswordMustChange time.Time
	EffectiveName      string // the account, "alice"
	FullName           string // for people to read, may hold anything
	LogonServer        string // NetBIOS name of the KDC
	LogonDomainName    string // NetBIOS name of the domain, "EXAMPLE"
	LogonDomainID      SID    // of the domain
	UserID             uint32 // relative to LogonDomainID; 0: the first of ExtraSIDs is the account
	PrimaryGroupID     uint32 // relative to LogonDomainID
	Groups             []RelativeGroup
	UserFlags          uint32 // MS-PAC 2.5: 0x20 if ExtraSIDs is filled in, 0x200 if ResourceGroups is
	UserAccountControl uint32 // MS-SAMR 2.2.1.12
	ExtraSIDs          []GroupSID
	ResourceDomain     SID // of ResourceGroups
	ResourceGroups     []RelativeGroup
}

// A RelativeGroup is GROUP_MEMBERSHIP (MS-PAC 2.2.2): a group of a domain that
// another field names.
type RelativeGroup struct {
	ID         uint32
	Attributes uint32 // GroupEnabled and others
}

// A GroupSID is KERB_SID_AND_ATTRIBUTES (MS-PAC 2.2.1): a group by its full
// name.
type GroupSID struct {
	SID        SID
	Attributes uint32
}

// Attributes of a group (MS-PAC 2.2.1) that decide whether it counts.
const (
	GroupEnabled  uint32 = 1 << 2 // SE_GROUP_ENABLED
	GroupDenyOnly uint32 = 1 << 4 // SE_GROUP_USE_FOR_DENY_ONLY
)

// Bits of LogonInfo.UserFlags.
const (
	logonExtraSIDs      = 1 << 5 // LOGON_EXTRA_SIDS
	logonResourceGroups = 1 << 9 // LOGON_RESOURCE_GROUPS
)

// maxPACGroups bounds each list of groups. Windows gives a client 1,015 at
// most.
const maxPACGroups = 4096

// ndrText is an RPC_UNICODE_STRING (MS-DTYP 2.3.10) whose characters come
// later, or never.
type ndrText struct {
	octets  uint16
	pointer uint32
}

func (r *reader) ndrText(field string) (t ndrText) {
	t.octets = r.uint16(field)
	r.uint16(field) // MaximumLength
	t.pointer = r.uint32(field)
	if r.err == nil && (t.octets%2 != 0 || t.pointer == 0 && t.octets != 0) {
		r.fail(field, "odd length, or text without a pointer")
	}
	return t
}

// characters returns what an ndrText points to: a conformant varying array
// (C706 14.3.3.4).
func (r *reader) characters(t ndrText, field string) []byte {
	if t.pointer == 0 || r.err != nil {
		return nil
	}
	r.align(4, field)
	size, offset, count := r.uint32(field), r.uint32(field), r.uint32(field)
	if r.err == nil && (offset != 0 || count > size || count != uint32(t.octets/2)) {
		r.fail(field, "array is not the length that its header says")
	}
	return r.take(int(t.octets), field)
}

// count returns an array's size, which must be the number before its pointer.
// So many entries must fit into what is left.
func (r *reader) count(announced uint32, entry int, field string) int {
	r.align(4, field)
	size := r.uint32(field)
	switch {
	case r.err != nil:
		return 0
	case size != announced:
		r.fail(field, "array is not the length that its count says")
	case size > maxPACGroups:
		r.fail(field, fmt.Sprintf("%d groups, limit %d", size, maxPACGroups))
	case int(size) > r.left()/entry:
		r.fail(field, "missing or cut off")
	default:
		return int(size)
	}
	return 0
}

// relativeGroups reads an array of GROUP_MEMBERSHIP.
func (r *reader) relativeGroups(announced, pointer uint32, field string) []RelativeGroup {
	if !r.follow(announced, pointer, field) {
		return nil
	}
	list := make([]RelativeGroup, r.count(announced, 8, field))
	for i := range list {
		list[i] = RelativeGroup{r.uint32(field), r.uint32(field)}
	}
	return list
}

// follow reports whether there is an array behind the pointer.
func (r *reader) follow(announced, pointer uint32, field string) bool {
	if r.err == nil && pointer == 0 && announced != 0 {
		r.fail(field, "count without an array")
	}
	return r.err == nil && pointer != 0
}

// groupSIDs reads an array of KERB_SID_AND_ATTRIBUTES, then what its pointers
// point to.
func (r *reader) groupSIDs(announced, pointer uint32, field string) []GroupSID {
	if !r.follow(announced, pointer, field) {
		return nil
	}
	list := make([]GroupSID, r.count(announced, 8, field))
	for i := range list {
		if r.uint32(field) == 0 {
			r.fail(field, "entry without a SID")
		}
		list[i].Attributes = r.uint32(field)
	}
	for i := range list {
		list[i].SID = r.ndrSID(1, field)
	}
	return list
}

// ndrSID reads an RPC_SID (MS-DTYP 2.4.2.3), a conformant structure: the number
// of its subauthorities comes before it too.
func (r *reader) ndrSID(pointer uint32, field string) SID {
	if pointer == 0 || r.err != nil {
		return ""
	}
	r.align(4, field)
	size := r.uint32(field)
	if r.err == nil && size > maxSubAuthorities {
		r.fail(field, "no SID of revision 1, or of a wrong length")
	}
	return r.sid(r.take(8+4*int(size&15), field), field)
}

// ndrHeader reads the type serialization version 1 headers (MS-RPCE 2.2.6.1,
// 2.2.6.2) and cuts b to the object.
func (r *reader) ndrHeader() {
	common := r.take(8, "header")
	object := r.uint32("header")
	r.uint32("header") // filler
	if r.err != nil {
		return
	}
	if common[0] != 1 || common[1] != 0x10 || binary.LittleEndian.Uint16(common[2:]) != 8 {
		r.fail("header", "not NDR, little-endian, version 1")
		return
	}
	if int64(object) > int64(r.left()) {
		r.fail("header", "missing or cut off")
		return
	}
	r.b = r.b[:r.pos+int(object)]
}

// parseLogonInfo reads LOGON_INFO. The layout is the fixed part first, then
// what its pointers point to, in their order.
func parseLogonInfo(b []byte) (*LogonInfo, error) {
	r := reader{in: "PAC: LOGON_INFO", b: b}
	r.ndrHeader()
	if r.uint32("pointer") == 0 {
		r.fail("pointer", "is null")
	}
	l := new(LogonInfo)
	for _, t := range []*time.Time{&l.LogonTime, &l.LogoffTime, &l.KickOffTime, &l.PasswordLastSet, &l.PasswordCanChange,
		&l.PasswordMustChange} {
		*t = r.fileTime("times")
	}
	var texts [6]ndrText // EffectiveName, FullName, LogonScript, ProfilePath, HomeDirectory, HomeDirectoryDrive
	for i := range texts {
		texts[i] = r.ndrText("names")
	}
	r.uint32("LogonCount, BadPasswordCount")
	l.UserID, l.PrimaryGroupID = r.uint32("UserId"), r.uint32("PrimaryGroupId")
	groupCount, groups := r.uint32("GroupCount"), r.uint32("GroupIds")
	l.UserFlags = r.uint32("UserFlags")
	r.take(16, "UserSessionKey")
	server, domain, domainID := r.ndrText("LogonServer"), r.ndrText("LogonDomainName"), r.uint32("LogonDomainId")
	r.take(8, "Reserved1")
	l.UserAccountControl = r.uint32("UserAccountControl")
	r.take(7*4, "Reserved3") // SubAuthStatus, LastSuccessfulILogon, LastFailedILogon, FailedILogonCount, Reserved3
	sidCount, sids := r.uint32("SidCount"), r.uint32("ExtraSids")
	resourceDomain, resourceCount, resources := r.uint32("ResourceGroupDomainSid"), r.uint32("ResourceGroupCount"),
		r.uint32("ResourceGroupIds")

	l.EffectiveName = r.name(r.characters(texts[0], "EffectiveName"), "EffectiveName")
	l.FullName = r.utf16(r.characters(texts[1], "FullName"), "FullName")
	for _, t := range texts[2:] {
		r.characters(t, "names")
	}
	l.Groups = r.relativeGroups(groupCount, groups, "GroupIds")
	l.LogonServer = r.name(r.characters(server, "LogonServer"), "LogonServer")
	l.LogonDomainName = r.name(r.characters(domain, "LogonDomainName"), "LogonDomainName")
	l.LogonDomainID = r.ndrSID(domainID, "LogonDomainId")
	l.ExtraSIDs = r.groupSIDs(sidCount, sids, "ExtraSids")
	l.ResourceDomain = r.ndrSID(resourceDomain, "ResourceGroupDomainSid")
	l.ResourceGroups = r.relativeGroups(resourceCount, resources, "ResourceGroupIds")
	l.check(&r)
	return l, r.err
}

// check fails unless relative identifiers have a domain, with room for one more
// number, and the structure ends.
func (l *LogonInfo) check(r *reader) {
	if !l.LogonDomainID.isDomain() {
		r.fail("LogonDomainId", "missing, or no domain")
	}
	if len(l.ResourceGroups) > 0 && !l.ResourceDomain.isDomain() {
		r.fail("ResourceGroupDomainSid", "missing, or no domain")
	}
	if r.left() >= 8 {
		r.fail("end", "more octets than its fields")
	}
}

// TokenGroups returns every group that counts, as a Windows service of the
// domain has it in the client's token (MS-PAC 2.5, 4.1.2.2): lists that
// [LogonInfo.UserFlags] does not announce do not count, nor groups that are not
// enabled or for denying only.
func (l *LogonInfo) TokenGroups() (list []SID) {
	primary := l.PrimaryGroupID != 0
	for _, g := range l.Groups {
		if g.ID == l.PrimaryGroupID {
			primary = false // its attributes decide
		}
		if counts(g.Attributes) {
			list = append(list, l.LogonDomainID.member(g.ID))
		}
	}
	if primary {
		list = append(list, l.LogonDomainID.member(l.PrimaryGroupID))
	}
	for i, g := range l.ExtraSIDs {
		account := i == 0 && l.UserID == 0
		if l.UserFlags&logonExtraSIDs != 0 && counts(g.Attributes) && !account {
			list = append(list, g.SID)
		}
	}
	for _, g := range l.ResourceGroups {
		if l.UserFlags&logonResourceGroups != 0 && counts(g.Attributes) {
			list = append(list, l.ResourceDomain.member(g.ID))
		}
	}
	return list
}

func counts(attributes uint32) bool {
	return attributes&GroupEnabled != 0 && attributes&GroupDenyOnly == 0
}

// User returns the client's own SID, or "" if there is none.
func (l *LogonInfo) User() SID {
	switch {
	case l.UserID != 0:
		return l.LogonDomainID.member(l.UserID)
	case len(l.ExtraSIDs) > 0 && l.UserFlags&logonExtraSIDs != 0:
		return l.ExtraSIDs[0].SID
	}
	return ""
}

// sids returns every SID of a group and of the account, whatever its attributes
// and whether its list is announced.
func (l *LogonInfo) sids() []SID {
	list := []SID{l.User(), l.LogonDomainID.member(l.PrimaryGroupID)}
	for _, g := range l.Groups {
		list = append(list, l.LogonDomainID.member(g.ID))
	}
	for _, g := range l.ExtraSIDs {
		list = append(list, g.SID)
	}
	for _, g := range l.ResourceGroups {
		list = append(list, l.ResourceDomain.member(g.ID))
	}
	return list
}
