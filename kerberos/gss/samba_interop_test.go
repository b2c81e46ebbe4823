package gss_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
	"github.com/wssgate/wssgate/replay"
)

// sambaServices are the accounts whose tickets have one encryption type each.
// Samba knows none of AES with SHA-2.
var sambaServices = []struct {
	account, principal string
	etype              int32
	supported          int
}{
	{"web17", "HTTP/gw17.ad.example.com", 17, 8},
	{"web18", "HTTP/gw18.ad.example.com", 18, 16},
	{"web23", "HTTP/gw23.ad.example.com", 23, 4},
}

// sambaUPN is alice's in the directory; made of account and domain it would be
// alice@ad.example.com.
const sambaUPN = "alice.l@ad.example.com"

// TestInteropSamba: tickets of a Samba domain controller, an Active Directory
// as far as a service sees, whose PAC holds the groups of the directory, nested
// ones included, the UPN, and is signed with the service's key of every type
// that Samba has.
func TestInteropSamba(t *testing.T) {
	s := krbtest.StartSamba(t)
	s.AddUser("alice", "Secret.12345", sambaUPN)
	s.AddGroup("quotes", "alice")
	s.AddGroup("traders", "quotes") // nested
	s.AddGroup("unrelated")
	var principals []string
	for _, svc := range sambaServices {
		s.AddService(svc.account, svc.principal, svc.supported)
		principals = append(principals, svc.principal)
	}
	keys := s.KeytabFile(principals...)
	kt, err := keytab.Load(keys)
	if err != nil {
		t.Fatal(err)
	}
	i, err := kdc.NewClient(kdc.ClientConfig{Client: "alice@" + s.Realm, Password: "Secret.12345", Krb5Conf: s.Krb5Conf(),
		Etypes: []int32{18, 17, 23}})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()

	user, groups := s.SID("alice"), []string{s.SID("Domain Users"), s.SID("quotes"), s.SID("traders")}
	inDirectory := s.TokenGroups("alice")
	m := s.MIT(t)
	m.KinitWith("Secret.12345", "alice")
	mit := gsspeer.MIT(t, m, keys)
	recorded := map[string][]byte{}
	for _, svc := range sambaServices {
		t.Run(fmt.Sprint(svc.etype), func(t *testing.T) {
			a, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, PAC: gss.PACRequired,
				Services: []string{svc.principal},
				// MIT's clock can lag within a process: see "Habits" in
				// docs/interop.md.
				Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0)})})
			if err != nil {
				t.Fatal(err)
			}
			ticket, err := i.ServiceTicket(t.Context(), svc.principal)
			if err != nil {
				t.Fatal(err)
			}
			p := newPair(t, a, ticket, gss.InitConfig{}, gss.AcceptConfig{})
			p.establish(t)
			auth := p.acceptor.Authentication()
			if f := p.acceptor.Facts(); f.TicketEtype != svc.etype || !f.SPNEGO || !f.Mutual {
				t.Errorf("%+v", f)
			}
			checkSambaPAC(t, auth, user, groups, inDirectory)
			c := a.NewContext(gss.AcceptConfig{})
			mit.Begin(gsspeer.Begin{Service: svc.principal + "@" + s.Realm, SPNEGO: true, Flags: "mutual"})
			if theirs, ours := fromPeer(t, mit, c); theirs != nil || ours != nil {
				t.Fatalf("MIT's initiator: %v; we: %v", theirs, ours)
			}
			checkSambaPAC(t, c.Authentication(), user, groups, inDirectory)
			token, _, err := gss.NewToken(ticket, gss.TokenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			recorded[fmt.Sprint(svc.etype)] = token
		})
	}
	if *updateSamba && !t.Failed() {
		recordSamba(t, keys, recorded)
	}
}

func checkSambaPAC(t *testing.T, auth *gss.Authentication, user string, groups, inDirectory []string) {
	t.Helper()
	pac := auth.PAC()
	if string(pac.User()) != user || pac.Logon == nil || pac.Logon.EffectiveName != "alice" ||
		pac.Logon.LogonDomainName != "AD" ||
		!strings.HasPrefix(user, string(pac.Logon.LogonDomainID)+"-") {
		t.Errorf("user %s, want %s: %+v", pac.User(), user, pac.Logon)
	}
	if u := pac.UPN; u == nil || u.UPN != sambaUPN || u.Made || u.DNSDomain != "AD.EXAMPLE.COM" {
		t.Errorf("%+v", u)
	}
	listed := auth.Groups()
	for _, g := range groups {
		if !slices.Contains(listed, g) {
			t.Errorf("group %s is not among %v", g, listed)
		}
	}
	// S-1-18-1 says how the client authenticated itself; it is no group of the
	// directory. The built-in groups that the directory counts (S-1-5-32) are
	// each machine's own, and in no PAC.
	for _, g := range listed {
		if !slices.Contains(inDirectory, g) && !strings.HasPrefix(g, "S-1-18-") {
			t.Errorf("group %s is not the directory's: %v", g, inDirectory)
		}
	}
	for _, g := range inDirectory {
		if !slices.Contains(listed, g) && !strings.HasPrefix(g, "S-1-5-32-") {
			t.Errorf("the directory's group %s is not among %v", g, listed)
		}
	}
}

var updateSamba = flag.Bool("update-samba", false, "record tokens of a Samba domain controller anew")

const sambaRecord = "../testdata/samba-tokens.txt"

func recordSamba(t *testing.T, keytab string, tokens map[string][]byte) {
	t.Helper()
	text := "# Kerberos tokens with tickets of Samba's domain controller (4.17 of Debian 12) for alice, who is in\n" +
		"# the groups quotes and, by that, traders. samba.keytab opens them; its keys are throw-away. Made by\n" +
		"#   go test ./kerberos/gss -run InteropSamba -update-samba\n" +
		"# Fields: encryption type of the ticket, time of the recording, token in base64.\n"
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		text += fmt.Sprintf("%s %s %s\n", name, time.Now().UTC().Format(time.RFC3339),
			base64.StdEncoding.EncodeToString(tokens[name]))
	}
	octets, err := os.ReadFile(keytab)
	if err == nil {
		err = os.WriteFile("../testdata/samba.keytab", octets, 0o600)
	}
	if err == nil {
		err = os.WriteFile(sambaRecord, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAcceptorAcceptsRecordedSamba reads PACs of a real domain without one.
func TestAcceptorAcceptsRecordedSamba(t *testing.T) {
	kt, err := keytab.Load("../testdata/samba.keytab")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	readRecorded(t, sambaRecord, func(name string, at time.Time, tokens [][]byte) {
		count++
		a := newAcceptor(t, nil,
			gss.AcceptorConfig{Keytab: kt, Etypes: allEtypes, PAC: gss.PACRequired, Time: func() time.Time { return at }})
		c, err := a.Accept(t.Context(), tokens[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		user := string(c.PAC().User())
		domain := user[:strings.LastIndexByte(user, '-')]
		// As the directory numbers accounts and groups in the order in which
		// they are made.
		want := []string{"S-1-18-1", domain + "-1103", domain + "-1104", domain + "-513"}
		if g := slices.Sorted(slices.Values(c.Groups())); !slices.Equal(g, want) || user != domain+"-1102" ||
			c.PAC().Logon.EffectiveName != "alice" {
			t.Errorf("%s: %v in %v", name, user, g)
		}
		if u := c.PAC().UPN; u == nil || u.UPN != sambaUPN || u.Made || u.DNSDomain != "AD.EXAMPLE.COM" {
			t.Errorf("%s: %+v", name, u)
		}
		if int32(c.PAC().SignatureType) != map[string]int32{"17": 15, "18": 16, "23": -138}[name] {
			t.Errorf("%s: signature of type %d", name, c.PAC().SignatureType)
		}
	})
	if count != len(sambaServices) {
		t.Errorf("%d tokens", count)
	}
}
