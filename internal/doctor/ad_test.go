package doctor_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/internal/doctor"
	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/kdc"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/krbtest"
)

// A fakeKDC answers as krbtest.KDC does, but for what a test wants otherwise.
type fakeKDC struct {
	*krbtest.KDC
	addr string
	// refuse returns an error code for a request, 0 to let it through.
	refuse func(request []byte) int32

	mu       sync.Mutex
	attempts int // requests with an encrypted timestamp
}

func startFakeKDC(t *testing.T, refuse func([]byte) int32) *fakeKDC {
	return startFakeKDCOf(t, krbtest.Config{}, refuse)
}

func startFakeKDCOf(t *testing.T, cfg krbtest.Config, refuse func([]byte) int32) *fakeKDC {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &fakeKDC{KDC: krbtest.New(cfg), addr: l.Addr().String(), refuse: refuse}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go k.serve(c)
		}
	}()
	return k
}

func (k *fakeKDC) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	var n [4]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		return
	}
	request, err := io.ReadAll(io.LimitReader(c, int64(binary.BigEndian.Uint32(n[:]))))
	if err != nil {
		return
	}
	if request[0] == 0x6a && bytes.Contains(request, []byte{0xa1, 3, 2, 1, 2, 0xa2}) { // padata-type 2
		k.mu.Lock()
		k.attempts++
		k.mu.Unlock()
	}
	reply := []byte(nil)
	if code := k.refuse(request); code != 0 {
		reply = krbError(code)
	} else {
		reply = k.Exchange(request)
	}
	c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
}

// krbError is KRB-ERROR (RFC 4120 5.9.1) at the present time.
func krbError(code int32) []byte {
	now := time.Now().UTC()
	b, err := asn1.MarshalWithParams(struct {
		Version int       `asn1:"explicit,tag:0"`
		Type    int       `asn1:"explicit,tag:1"`
		Time    time.Time `asn1:"generalized,explicit,tag:4"`
		Micro   int       `asn1:"explicit,tag:5"`
		Code    int       `asn1:"explicit,tag:6"`
	}{5, 30, now.Truncate(time.Second), now.Nanosecond() / 1000, int(code)}, "application,explicit,tag:30")
	if err != nil {
		panic(err)
	}
	// realm and sname, whose strings are of a type that asn1 does not write
	tail := []byte("\xa9\x0d\x1b\x0bEXAMPLE.COM" +
		"\xaa\x1f\x30\x1d\xa0\x03\x02\x01\x02\xa1\x16\x30\x14\x1b\x06krbtgt\x1b\x0aEXAMPLE.CO")
	b[1] += byte(len(tail))
	b[3] += byte(len(tail))
	return append(b, tail...)
}

// asksAs reports whether an AS-REQ is in the name of a client whose first part
// this is: cname comes before the realm.
func asksAs(request []byte, first string) bool {
	i := bytes.Index(request, []byte("EXAMPLE.COM"))
	return request[0] == 0x6a && i > 0 && bytes.Contains(request[:i], []byte(first))
}

// active is a KDC that knows services as attributes of accounts, as Active
// Directory does.
func active(request []byte) int32 {
	if asksAs(request, "soap") {
		return 6
	}
	return 0
}

// withFake points a clinic's world at a fake KDC: no MIT KDC runs.
func withFake(t *testing.T, k *fakeKDC, entries ...keytab.Entry) *clinic {
	t.Helper()
	c := offline(t)
	c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n[realms]\n EXAMPLE.COM = {\n  kdc = tcp/" + k.addr + "\n }\n"
	c.keytab("keytab", entries...)
	return c
}

// keytab writes a keytab and names it in a setting, or in none.
func (c *clinic) keytab(setting string, entries ...keytab.Entry) (path string) {
	c.t.Helper()
	octets, err := keytab.New(entries...).AppendBinary(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.keytabOctets(setting, octets)
}

func (c *clinic) keytabOctets(setting string, octets []byte) (path string) {
	c.t.Helper()
	path = filepath.Join(c.t.TempDir(), "keytab")
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		c.t.Fatal(err)
	}
	if setting != "" {
		c.set(setting, path)
	}
	return path
}

// Where services are no clients, the account in the keytab asks for them.
func TestGetTicketsAsksAsTheAccountOfTheKeytab(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, active)
	k.AddService("GW$")
	k.Alias("GW$", soap)
	c := withFake(t, k, k.Entries([]string{"GW$", soap}, 18)...)
	r := c.expect()
	if l := lines(r, "self-test"); len(l) != 1 || !strings.Contains(l[0].Found, "a token of GW$@EXAMPLE.COM is accepted") {
		t.Errorf("%+v", l)
	}
}

// Without one nothing is asked, and nothing is said to be wrong with the keys.
func TestGetTicketsReportsThatNobodyCanAsk(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, active)
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	r := c.expect("warn spn … does not know it as a client … on Windows it may still be an SPN … give --ccache … " +
		"setspn -Q soap/gw.example.com")
	if l := lines(r, "kvno"); len(l) != 1 || l[0].Status != "skip" ||
		!strings.Contains(l[0].Found, "kinit as anybody, and give --ccache") {
		t.Errorf("%+v", l)
	}
}

// A key without a version fits by its numbers whatever the KDC says, so it has
// to open a ticket of it: one that the KDC gives to everybody, without
// pre-authentication, or one for a credential cache.
func TestCheckKvnosOpensATicketWithAKeyOfNoVersion(t *testing.T) {
	t.Parallel()
	everybody := func([]byte) int32 { return 0 }
	for name, tt := range map[string]struct {
		key  string
		want []string
	}{
		"the KDC's": {"", []string{"warn keytab … kvno 0"}},
		"of another": {key2, []string{"warn keytab … kvno 0",
			"fail kvno … under kvno 1, aes256-cts-hmac-sha1-96; the keytab has kvno 0 (18), and does not open them … of " +
				"an older or another password"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cfg := range []krbtest.Config{{NoPreauth: true}, {}} {
				k := startFakeKDCOf(t, cfg, everybody)
				k.AddService(soap)
				entry := k.Entries([]string{soap}, 18)[0]
				entry.Kvno = 0
				if tt.key != "" {
					key, err := etype.NewKey(18, []byte(tt.key))
					if err != nil {
						t.Fatal(err)
					}
					entry.Key = key
				}
				c := withFake(t, k, entry)
				if !cfg.NoPreauth {
					k.AddUser("alice", "secret")
					c.cfg.CCache = c.kinit(k, "alice", "secret")
				}
				c.expect(tt.want...)
			}
		})
	}
}

// With a credential cache anybody asks.
func TestGetTicketsAsksAsTheCredentialCache(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, active)
	k.AddService(soap)
	old := k.Entries([]string{soap}, 18)
	k.AddService(soap)
	k.AddUser("alice", "secret")
	c := withFake(t, k, old...)
	c.cfg.CCache = c.kinit(k, "alice", "secret")
	c.expect("fail kvno … under kvno 2 … the keytab has kvno 1 (18), which is older")
	c.cfg.CCache = filepath.Join(t.TempDir(), "none")
	if l := lines(c.run(), "kvno"); len(l) != 1 || !strings.Contains(l[0].Found, "none") {
		t.Errorf("%+v", l)
	}
}

// kinit writes a credential cache.
func (c *clinic) kinit(k *fakeKDC, user, password string) (path string) {
	c.t.Helper()
	i, err := kdc.NewClient(kdc.ClientConfig{Client: user + "@EXAMPLE.COM", Password: password, Krb5Conf: c.conf})
	if err != nil {
		c.t.Fatal(err)
	}
	defer i.Close()
	tgt, err := i.ServiceTicket(c.t.Context(), "krbtgt/EXAMPLE.COM@EXAMPLE.COM")
	if err != nil {
		c.t.Fatal(err)
	}
	path = filepath.Join(c.t.TempDir(), "ccache")
	if err := (&ccache.Cache{Client: tgt.Client, Tickets: []kerberos.Credential{tgt}}).WriteFile(path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// A service name on two accounts: Windows then issues tickets for neither.
func TestCheckSPNsFindsDuplicates(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func(request []byte) int32 {
		if request[0] == 0x6c {
			return 8
		}
		return active(request)
	})
	k.AddService("GW$")
	k.Alias("GW$", soap)
	c := withFake(t, k, k.Entries([]string{"GW$", soap}, 18)...)
	c.expect("fail spn … on more than one account … setspn -X")
}

// A key that the KDC has refused is not tried again, by no name of the account:
// it would lock it.
func TestGetTicketsTriesARefusedKeyOnce(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService("GW$")
	for _, alias := range []string{soap, "HTTP/gw.example.com", "HOST/gw.example.com"} {
		k.Alias("GW$", alias)
	}
	old := k.Entries(nil, 18, 17)
	for _, name := range []string{"GW$", soap, "HTTP/gw.example.com", "HOST/gw.example.com"} {
		k.AddService(name)
	}
	c := withFake(t, k, old...)
	second := c.keytab("", old...)
	c.settings = append(c.settings, "routes:\n  - path: /a\n  - path: /b\n    keytab: "+second)
	c.expect("fail kvno soap/gw.example.com", "fail kvno soap/gw.example.com")
	if k.attempts != 1 {
		t.Errorf("%d logins with a key that is not the KDC's, want 1", k.attempts)
	}
}

// DNS has the KDCs if krb5.conf does not.
func TestLocateKDCsLooksInDNS(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n"
	_, port, _ := net.SplitHostPort(k.addr)
	number, _ := net.LookupPort("tcp", port)
	c.names.srv = map[string][]*net.SRV{"_kerberos._tcp.EXAMPLE.COM.": {{Target: "127.0.0.1.", Port: uint16(number)}}}
	c.expect()
}

// A resolver and a KDC that never answer do not hold doctor up.
func TestRunEndsWhenNothingAnswers(t *testing.T) {
	t.Parallel()
	c := offline(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	k := krbtest.New(krbtest.Config{})
	k.AddService(soap)
	c.keytab("keytab", k.Entries([]string{soap}, 18)...)
	c.set("backend", "http://"+l.Addr().String()+"/")
	c.conf = "[libdefaults]\n default_realm = EXAMPLE.COM\n[realms]\n EXAMPLE.COM = {\n  kdc = " + l.Addr().String() +
		"\n }\n"
	c.names.hangs, c.cfg.Timeout = true, 200*time.Millisecond
	began := time.Now()
	c.expect("warn dns gw.example.com: does not resolve here: no answer from DNS in time",
		"fail kdc … does not answer: over TCP no answer in time",
		"fail backend … does not answer within 200ms")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began = time.Now()
	c.runWith(ctx)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v after the end", took)
	}
}

// forgetful is a replay store that takes everything for new.
type forgetful struct{}

func (forgetful) Add(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// The self-test finds a store that does not remember.
func TestCheckReplayNoticesAStoreThatForgets(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 0 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.cfg.Replay = func(time.Time) gss.ReplayStore { return forgetful{} }
	c.expect("fail self-test … the same token is accepted twice … do not use this binary")
}

// A keytab with keys of a version that the KDC does not have yet.
func TestCheckKvnosFindsAKeytabAheadOfTheKDC(t *testing.T) {
	t.Parallel()
	k, other := startFakeKDC(t, func([]byte) int32 { return 0 }), krbtest.New(krbtest.Config{})
	k.AddService(soap)
	k.AddService("GW$")
	other.AddService(soap)
	other.AddService(soap)
	c := withFake(t, k, append(other.Entries([]string{soap}, 18), k.Entries([]string{"GW$"}, 18)...)...)
	c.expect("fail kvno … under kvno 1 … the keytab has kvno 2 (18), which is newer; a keytab of another KDC … wait " +
		"for replication")
}

// The KDC has nothing but an RC4 key, the keytab nothing but AES.
func TestCheckKvnosFindsAKDCWithRC4Alone(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func(request []byte) int32 { return 0 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	rc4, err := k.Ticket("alice", soap, krbtest.TicketOptions{Etype: 23})
	if err != nil {
		t.Fatal(err)
	}
	c.cfg.Login = func(kdc.ClientConfig) (doctor.Session, error) { return givenTicket{rc4}, nil }
	c.expect("fail kvno … arcfour-hmac; the keytab has kvno 1 (18); Windows domain controllers issue no RC4")
}

// givenTicket is a session with one ticket.
type givenTicket struct{ ticket kerberos.Credential }

func (g givenTicket) ServiceTicket(context.Context, string) (kerberos.Credential, error) {
	return g.ticket, nil
}
func (g givenTicket) Close() {}

// What a KDC says of an account that cannot log in is not held against the
// keys.
func TestGetTicketsReportsAccountsThatCannotLogIn(t *testing.T) {
	for code, want := range map[int32]string{23: "has an expired password", 14: "has no key of AES or RC4 at the KDC",
		12: "KDC_ERR_POLICY"} {
		k := startFakeKDC(t, func([]byte) int32 { return code })
		k.AddService(soap)
		c := withFake(t, k, k.Entries([]string{soap}, 18)...)
		if l := lines(c.expect(), "kvno"); len(l) != 1 || l[0].Status != doctor.Skip || !strings.Contains(l[0].Found, want) {
			t.Errorf("%d: %+v", code, l)
		}
	}
}

// A KDC that serves another realm says so.
func TestCheckKDCsFindsAKDCOfAnotherRealm(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, func([]byte) int32 { return 68 })
	k.AddService(soap)
	c := withFake(t, k, k.Entries([]string{soap}, 18)...)
	c.expectOf("kdc", "fail kdc … is a KDC of another realm; correct the realm's entry in krb5.conf")
}

// The key of an account was refused, and the service, which is no client, has
// the same one.
func TestCheckKvnosReportsARefusedKeyOfTheAccount(t *testing.T) {
	t.Parallel()
	k := startFakeKDC(t, active)
	k.AddService("GW$")
	k.Alias("GW$", soap)
	old := k.Entries([]string{"GW$", soap}, 18)
	k.AddService("GW$")
	c := withFake(t, k, old...)
	c.expect("fail kvno soap/gw.example.com@EXAMPLE.COM: the KDC has refused the keytab's key (kvno 1 (18)): it has "+
		"another", "warn spn … does not know it as a client")
	if k.attempts != 1 {
		t.Errorf("%d logins", k.attempts)
	}
}
