package pac_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/pac"
)

func TestGroupsLeavesWithheldAndRepeatedOnesOut(t *testing.T) {
	t.Parallel()
	on := pac.GroupEnabled
	p := &pac.PAC{Logon: &pac.LogonInfo{LogonDomainID: "S-1-5-21-1-2-3",
		Groups: []pac.RelativeGroup{{ID: 1, Attributes: on}, {ID: 2, Attributes: on}, {ID: 1, Attributes: on}}}}
	if got := fmt.Sprint(p.Groups()); got != "[S-1-5-21-1-2-3-1 S-1-5-21-1-2-3-2]" {
		t.Error(got)
	}
	p.Withheld = []pac.SID{"S-1-5-21-1-2-3-1"}
	if got := fmt.Sprint(p.Groups()); got != "[S-1-5-21-1-2-3-2]" {
		t.Error(got)
	}
	for _, none := range []*pac.PAC{nil, {}} {
		if none.Groups() != nil || none.User() != "" {
			t.Errorf("%+v has groups or a user", none)
		}
	}
}

func TestUserPrefersLogonInfo(t *testing.T) {
	t.Parallel()
	p := pac.PAC{Requestor: "S-1-5-21-1-2-3-30"}
	if p.User() != "S-1-5-21-1-2-3-30" {
		t.Error(p.User())
	}
	p.UPN = &pac.UPNInfo{SID: "S-1-5-21-1-2-3-20"}
	if p.User() != "S-1-5-21-1-2-3-20" {
		t.Error(p.User())
	}
	p.Logon = &pac.LogonInfo{LogonDomainID: "S-1-5-21-1-2-3", UserID: 10}
	if p.User() != "S-1-5-21-1-2-3-10" {
		t.Error(p.User())
	}
}

func TestReadReadsSmallBuffers(t *testing.T) {
	t.Parallel()
	authTime := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	name := krbtest.UTF16("alice")
	info := binary.LittleEndian.AppendUint16(krbtest.FileTime(authTime), uint16(len(name)))
	info = append(info, name...)
	var p pac.PAC
	for kind, b := range map[uint32][]byte{
		pac.TypeClientInfo: info,
		pac.TypeAttributes: {2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, // two bits count
		pac.TypeRequestor:  krbtest.SIDBytes("S-1-5-32-544"),
		99:                 []byte("unknown"),
	} {
		if err := p.Read(kind, b); err != nil {
			t.Errorf("type %d: %v", kind, err)
		}
	}
	if p.ClientName != "alice" || !p.AuthTime.Equal(authTime) || p.Attributes != 3 || p.Requestor != "S-1-5-32-544" {
		t.Errorf("%+v", p)
	}
	for kind, b := range map[uint32][]byte{
		pac.TypeClientInfo: info[:len(info)-1],
		pac.TypeAttributes: {2, 0, 0, 0},
		pac.TypeRequestor:  krbtest.SIDBytes("S-1-5-32-544")[:11],
	} {
		if err := p.Read(kind, b); err == nil {
			t.Errorf("type %d is read from %x", kind, b)
		}
	}
}
