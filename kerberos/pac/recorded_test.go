package pac_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/test/testdata"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// windowsPACs are PACs that domain controllers of Windows wrote, as gokrb5 has
// them among its vectors: that of Microsoft's documentation, and one of a test
// domain.
func windowsPACs(t testing.TB) (microsoft, domain []byte) {
	t.Helper()
	list := unhex(t, testdata.MarshaledPAC_AuthorizationData_MS)
	microsoft, err := pac.Find(list[4:]) // behind the sequence's header
	if err != nil || microsoft == nil {
		t.Fatal(err)
	}
	return microsoft, unhex(t, testdata.MarshaledPAC_AD_WIN2K_PAC)
}

// TestParseReadsWindows verifies a PAC of a Windows domain controller with
// its service's key, and reads what is in it.
func TestParseReadsWindows(t *testing.T) {
	t.Parallel()
	_, pac := windowsPACs(t)
	kt, err := keytab.Parse(unhex(t, testdata.KEYTAB_SYSHTTP_TEST_GOKRB5))
	if err != nil {
		t.Fatal(err)
	}
	fits := 0
	for _, e := range kt.Entries() {
		if e.Etype == 18 && verifyWith(pac, e.Key) == nil {
			fits++
		}
	}
	if fits != 1 {
		t.Errorf("%d keys fit its signature", fits)
	}
	p, err := parse(pac)
	if err != nil {
		t.Fatal(err)
	}
	const domain = "S-1-5-21-3167651404-3865080224-2280184895"
	if p.User() != domain+"-1105" || p.ClientName != "testuser1" || p.SignatureType != 16 {
		t.Errorf("%+v", p)
	}
	if p.UPN.UPN != "testuser1@test.gokrb5" || p.UPN.DNSDomain != "TEST.GOKRB5" || p.UPN.Made || p.UPN.SID != "" {
		t.Errorf("%+v", p.UPN)
	}
	if l := p.Logon; l.EffectiveName != "testuser1" || l.FullName != "Test1 User1" || l.LogonServer != "ADDC" ||
		l.LogonDomainName != "TEST" ||
		!l.LogonTime.Equal(time.Date(2017, 5, 6, 15, 53, 11, 825766900, time.UTC)) || !l.KickOffTime.IsZero() ||
		l.UserAccountControl != 528 {
		t.Errorf("%+v", l)
	}
	groups := p.Groups()
	if len(groups) != 7 || !slices.Contains(groups, domain+"-513") || groups[5] != domain+"-1114" ||
		groups[6] != domain+"-1111" {
		t.Errorf("%v", groups)
	}
	sameLogon(t, pac, p.Logon)
}

// A signedPAC is one of ../testdata/heimdal-pacs.txt.
type signedPAC struct {
	name   string
	key    etype.Key // zero for a DES key
	client string    // of the ticket; "" if there is none
	server string
	pac    []byte
}

// heimdalPACs returns the PACs of Heimdal's tests, those of tickets decrypted.
func heimdalPACs(t testing.TB) (list []signedPAC) {
	t.Helper()
	text, err := os.ReadFile("../testdata/heimdal-pacs.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		et, err := strconv.ParseInt(f[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		c := signedPAC{name: f[1], pac: unhex(t, f[4])}
		if et != 3 {
			if c.key, err = etype.NewKey(int32(et), unhex(t, f[3])); err != nil {
				t.Fatal(err)
			}
		}
		if f[0] == "ticket" {
			c.open(t)
		}
		list = append(list, c)
	}
	return list
}

// open replaces a ticket by its PAC.
func (c *signedPAC) open(t testing.TB) {
	t.Helper()
	r, err := krbmsg.TicketInClear(c.pac)
	if err != nil {
		t.Fatal(c.name, err)
	}
	const usageTicket = 2
	plain, err := etype.NewUsageKey(c.key, usageTicket).Decrypt(nil, r.Ticket.Cipher)
	if err != nil {
		t.Fatal(c.name, err)
	}
	part, err := krbmsg.ParseEncTicketPart(plain)
	if err != nil {
		t.Fatal(c.name, err)
	}
	c.client, c.server = string(part.CName.AppendText(nil)), string(r.SName.AppendText(nil))
	if c.pac, err = pac.Find(part.AuthzData); err != nil || c.pac == nil {
		t.Fatal(c.name, err)
	}
}

// TestVerifyAcceptsThePACsOfHeimdalsTests: tickets of Windows domain controllers,
// of which only those for a service have a ticket signature, and those of a
// read-only one its number behind signatures. The number is zero when the PAC is
// signed, as the signature is (MS-PAC 2.8). Nothing else may change.
func TestVerifyAcceptsThePACsOfHeimdalsTests(t *testing.T) {
	t.Parallel()
	list := heimdalPACs(t)
	if len(list) != 10 {
		t.Fatalf("%d PACs", len(list))
	}
	for _, c := range list {
		p, err := parse(c.pac)
		if err != nil || p.ClientName == "" || len(p.Groups()) == 0 || c.client != "" && p.ClientName != c.client {
			t.Errorf("%s: client %s, %+v, %v", c.name, c.client, p, err)
			continue
		}
		const ticketSignature = 16
		if forService := c.client != "" && !strings.HasPrefix(c.server, "krbtgt/"); forService != slices.Contains(p.Types,
			ticketSignature) {
			t.Errorf("%s for %s has %v", c.name, c.server, p.Types)
		}
		if c.key.IsZero() {
			if p.SignatureType != -138 {
				t.Errorf("%s: signature of type %d", c.name, p.SignatureType)
			}
			continue // of a DES key
		}
		if err := verifyWith(c.pac, c.key); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		free := 0
		for i := range c.pac {
			altered := slices.Clone(c.pac)
			altered[i] ^= 0x10
			if verifyWith(altered, c.key) == nil {
				free++
			}
		}
		// KDC signatures are of 16 octets, or 12 with AES, and their two
		// numbers are free of the server's signature.
		if want := map[string]int{"service": 16}[c.name]; free > 20 || want != 0 && free != want {
			t.Errorf("%s: %d octets may change", c.name, free)
		}
	}
}

// TestParseReadsMicrosoftExample reads the PAC of Microsoft's documentation:
// 26 groups of the domain and 13 others.
func TestParseReadsMicrosoftExample(t *testing.T) {
	t.Parallel()
	pac, _ := windowsPACs(t)
	p, err := parse(pac)
	if err != nil {
		t.Fatal(err)
	}
	if l := p.Logon; l.EffectiveName != "lzhu" || l.FullName != "Liqiang(Larry) Zhu" || l.LogonServer != "NTDEV-DC-05" ||
		l.LogonDomainName != "NTDEV" ||
		len(l.Groups) != 26 || len(l.ExtraSIDs) != 13 || p.UPN != nil || p.SignatureType != -138 {
		t.Errorf("%+v", p)
	}
	groups := p.Groups()
	if len(groups) != 39 || groups[0] != "S-1-5-21-397955417-626881126-188441444-3392609" ||
		groups[26] != "S-1-5-21-773533881-1816936887-355810188-513" ||
		p.User() != "S-1-5-21-397955417-626881126-188441444-2914711" {
		t.Errorf("%s: %v", p.User(), groups)
	}
	sameLogon(t, pac, p.Logon)
}
