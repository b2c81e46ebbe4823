package kdc

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// fakeKDC answers for all realms, with tickets that hold nothing, and lies as it is told. It knows a request's session
// key by the ticket's octets.
type fakeKDC struct {
	lie   func(*fakeAnswer)                          // alters each answer; nil for none
	refer func(realm string, name []string) []string // whose ticket is given instead; nil for that asked for
	home  string                                     // the client's realm; "" is A
	hold  chan struct{}                              // each TGS exchange waits for it, or for ctx; nil for none

	mu       sync.Mutex
	keys     map[string]etype.Key // session keys by the ciphertext of the ticket
	requests []string             // "AS krbtgt/A" and "TGS a/b@A", with options in hexadecimal behind
}

type fakeAnswer struct {
	tag             byte // 11 or 13
	crealm, realm   string
	cname, sname    []string
	encRealm        string
	encName         []string
	nonce           uint32
	flags           uint32
	auth, start     time.Time
	end, renew      time.Time
	sessionEtype    int32
	sessionKey      []byte
	replyKey        etype.Key
	usage           uint32
	encTag          byte
	krbError        int32
	raw             []byte // instead of all that
	paData, trailer []byte
}

func (k *fakeKDC) Exchange(ctx context.Context, realm string, request []byte) ([]byte, error) {
	p := der.Parser{In: "request"}
	msgType := request[0] & 0x1f
	seq := p.Whole(p.Whole(request, request[0], "tag"), der.TagSequence, "sequence")
	p.Constant(&seq, 1, krbmsg.PVNO, "pvno")
	p.Constant(&seq, 2, int32(msgType), "msg-type")
	paData, _ := p.Optional(&seq, 3, der.TagSequence, "padata")
	bodyElement := p.Next(&seq, der.TagContext(4), "body")
	body := p.Whole(bodyElement, der.TagSequence, "body")
	options := p.Flags(p.Field(&body, 0, der.TagBitString, "options"), "options")
	if len(body) > 0 && body[0] == der.TagContext(1) {
		krbmsg.ReadName(&p, &body, 1, "cname")
	}
	asked := string(krbmsg.ReadRealm(&p, &body, 2, "realm"))
	sname := krbmsg.ReadName(&p, &body, 3, "sname").Components()
	p.TimeField(&body, 5, "till")
	renew, _ := p.OptionalTime(&body, 6, "rtime")
	nonce := uint32(p.Integer(p.Field(&body, 7, der.TagInteger, "nonce"), "nonce"))
	if p.Err != nil || asked != realm {
		return nil, fmt.Errorf("bad request: %w", p.Err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	a := &fakeAnswer{tag: msgType + 1, crealm: cmp.Or(k.home, "A"), cname: []string{"alice"}, realm: realm, sname: sname, nonce: nonce, auth: now, start: now,
		end: now.Add(10 * time.Hour), renew: renew, sessionEtype: 18, sessionKey: make([]byte, 32), encTag: 25, flags: options & (krbmsg.KDCForwardable | krbmsg.KDCForwarded | krbmsg.KDCRenewable)}
	rand.Read(a.sessionKey)
	kind := "AS"
	if msgType == 12 {
		kind = "TGS"
		if err := k.presented(a, paData, bodyElement); err != nil {
			return nil, err
		}
		if k.refer != nil {
			if a.sname = k.refer(realm, sname); a.sname == nil {
				a.krbError = krbErrServiceUnknown
			}
		}
	} else {
		a.usage = krbmsg.UsageASReply
		var err error
		if a.replyKey, err = etype.StringToKey(18, "secret", cmp.Or(k.home, "A")+"alice", nil); err != nil {
			return nil, err
		}
	}
	a.encRealm, a.encName = a.realm, a.sname
	k.mu.Lock()
	k.requests = append(k.requests, fmt.Sprintf("%s %s@%s", kind, strings.Join(sname, "/"), realm))
	if k.lie != nil {
		k.lie(a)
	}
	k.mu.Unlock()
	if k.hold != nil && msgType == 12 {
		select {
		case <-k.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return k.answer(a), nil
}

// presented checks PA-TGS-REQ and its checksum over the body.
func (k *fakeKDC) presented(a *fakeAnswer, paData, body []byte) error {
	p := der.Parser{In: "padata"}
	var ap []byte
	krbmsg.EachPAData(&p, paData, func(kind int32, value []byte) {
		if kind == krbmsg.PATGSReq {
			ap = value
		}
	})
	r, err := krbmsg.ParseAPReq(ap)
	if err != nil {
		return err
	}
	k.mu.Lock()
	session, ok := k.keys[string(r.Ticket.Cipher)]
	k.mu.Unlock()
	if !ok {
		return errors.New("a ticket that was not given")
	}
	plain, err := etype.NewUsageKey(session, krbmsg.UsageTGSAuthenticator).Decrypt(nil, r.Authenticator.Cipher)
	if err != nil {
		return err
	}
	auth, err := krbmsg.ParseAuthenticator(plain)
	if err != nil {
		return err
	}
	if kind, sum := etype.Checksum(session, krbmsg.UsageTGSChecksum, body); kind != auth.CksumType || !bytes.Equal(sum, auth.Cksum) {
		return errors.New("checksum of the body does not fit")
	}
	a.replyKey, err = etype.NewKey(auth.Subkey.Etype, auth.Subkey.Octets)
	a.usage, a.encTag = krbmsg.UsageTGSReplySubkey, 26
	return err
}

func (k *fakeKDC) answer(a *fakeAnswer) []byte {
	if a.raw != nil {
		return a.raw
	}
	if a.krbError != 0 {
		return der.Element(der.TagApplication(30), der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
			der.Field(4, der.TagGeneralizedTime, der.Time(time.Now())), der.Field(5, der.TagInteger, []byte{0}), der.Field(6, der.TagInteger, der.Integer(int64(a.krbError))),
			der.Field(9, der.TagGeneralString, []byte(a.realm)), der.Element(der.TagContext(10), krbmsg.EncodeName(2, a.sname))))
	}
	id := make([]byte, 48)
	rand.Read(id)
	if session, err := etype.NewKey(a.sessionEtype, a.sessionKey); err == nil {
		k.mu.Lock()
		if k.keys == nil {
			k.keys = make(map[string]etype.Key)
		}
		k.keys[string(id)] = session
		k.mu.Unlock()
	}
	plain := der.Element(der.TagApplication(a.encTag), der.Element(der.TagSequence,
		der.Field(0, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(a.sessionEtype))), der.Field(1, der.TagOctetString, a.sessionKey)),
		der.Field(1, der.TagSequence),
		der.Field(2, der.TagInteger, der.Integer(int64(a.nonce))),
		der.Field(4, der.TagBitString, der.Flags(a.flags)),
		der.Field(5, der.TagGeneralizedTime, der.Time(a.auth)), der.OptionalTime(6, a.start), der.Field(7, der.TagGeneralizedTime, der.Time(a.end)), der.OptionalTime(8, a.renew),
		der.Field(9, der.TagGeneralString, []byte(a.encRealm)), der.Element(der.TagContext(10), krbmsg.EncodeName(2, a.encName)), a.trailer))
	sealed := etype.NewUsageKey(a.replyKey, a.usage).AppendEncrypted(nil, plain)
	return der.Element(der.TagApplication(a.tag), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{a.tag}), a.paData,
		der.Field(3, der.TagGeneralString, []byte(a.crealm)), der.Element(der.TagContext(4), krbmsg.EncodeName(1, a.cname)),
		der.Element(der.TagContext(5), der.Element(der.TagApplication(1), der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}),
			der.Field(1, der.TagGeneralString, []byte(a.realm)), der.Element(der.TagContext(2), krbmsg.EncodeName(2, a.sname)), der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, id))))),
		der.Element(der.TagContext(6), krbmsg.EncodeEncryptedData(a.replyKey.Etype(), sealed))))
}

func fakeInitiator(t *testing.T, k *fakeKDC, cfg ClientConfig) *Client {
	t.Helper()
	if cfg.Client == "" {
		cfg.Client = "alice@A"
	}
	if cfg.Password == "" {
		cfg.Password = "secret"
	}
	cfg.KDC = k
	i, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// TestRepliesAreChecked: a reply that differs in one respect from the request is refused, of either exchange.
func TestRepliesAreChecked(t *testing.T) {
	lies := map[string]struct {
		lie  func(*fakeAnswer)
		says string
	}{
		"nonce":          {func(a *fakeAnswer) { a.nonce++ }, "nonce"},
		"client":         {func(a *fakeAnswer) { a.cname = []string{"bob"} }, "bob"},
		"client realm":   {func(a *fakeAnswer) { a.crealm = "EVIL" }, "EVIL"},
		"ticket's name":  {func(a *fakeAnswer) { a.sname = []string{"evil", "host"} }, "evil/host"},
		"ticket's realm": {func(a *fakeAnswer) { a.realm = "EVIL" }, "EVIL"},
		"other service": {func(a *fakeAnswer) {
			a.sname, a.encName = []string{krbmsg.KRBTGT, "A", "x"}, []string{krbmsg.KRBTGT, "A", "x"}
		}, "KDC gave one for krbtgt/A/x"},
		"other realm":         {func(a *fakeAnswer) { a.realm, a.encRealm = "EVIL", "EVIL" }, "EVIL"},
		"session key's etype": {func(a *fakeAnswer) { a.sessionEtype, a.sessionKey = 23, make([]byte, 16) }, "23"},
		"session key of 0":    {func(a *fakeAnswer) { a.sessionEtype, a.sessionKey = 0, nil }, "etype 0"},
		"session key's size":  {func(a *fakeAnswer) { a.sessionKey = make([]byte, 31) }, "31 octets"},
		"start":               {func(a *fakeAnswer) { a.start, a.auth = a.start.Add(-time.Hour), a.auth.Add(-time.Hour) }, "clock"},
		"end":                 {func(a *fakeAnswer) { a.end = a.auth.Add(-time.Minute) }, "ended"},
		"invalid":             {func(a *fakeAnswer) { a.flags |= kerberos.FlagInvalid }, "postdated"},
		"message type":        {func(a *fakeAnswer) { a.tag ^= 11 ^ 13 }, "tag"},
		"encrypted part":      {func(a *fakeAnswer) { a.encTag = 27 }, "tag"},
		"trailing field":      {func(a *fakeAnswer) { a.trailer = der.Field(13, der.TagInteger, []byte{1}) }, "more octets"},
		"key usage":           {func(a *fakeAnswer) { a.usage = 11 }, "integrity"},
		"not a reply":         {func(a *fakeAnswer) { a.raw = []byte("HTTP/1.1 400") }, "neither AS-REP"},
		"nothing":             {func(a *fakeAnswer) { a.raw = []byte{} }, "neither AS-REP"},
		"cut off":             {func(a *fakeAnswer) { a.raw = []byte{der.TagApplication(a.tag), 0} }, "missing or cut off"},
		"odd KRB-ERROR":       {func(a *fakeAnswer) { a.raw = []byte{der.TagApplication(30), 0} }, "missing or cut off"},
		"padata":              {func(a *fakeAnswer) { a.paData = der.Field(2, der.TagSequence, []byte("xx")) }, "PA-DATA"},
	}
	for name, c := range lies {
		for _, tag := range []byte{11, 13} {
			if tag == 13 && (name == "padata" || name == "other service") {
				continue // not read; an alias is taken
			}
			t.Run(fmt.Sprintf("%s/%d", name, tag), func(t *testing.T) {
				k := &fakeKDC{}
				k.lie = func(a *fakeAnswer) {
					if a.tag == tag {
						c.lie(a)
					}
				}
				i := fakeInitiator(t, k, ClientConfig{})
				_, err := i.ServiceTicket(t.Context(), "soap/gw")
				if _, ok := err.(*kerberos.Error); !ok || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v does not say %q", err, c.says)
				}
			})
		}
	}
	for name, lie := range map[string]func(*fakeAnswer){
		"truth":            func(*fakeAnswer) {},
		"TGS tag in AS":    func(a *fakeAnswer) { a.encTag = 26 },
		"no start":         func(a *fakeAnswer) { a.start = time.Time{} },
		"encrypted padata": func(a *fakeAnswer) { a.trailer = der.Field(12, der.TagSequence) },
	} {
		i := fakeInitiator(t, &fakeKDC{lie: lie}, ClientConfig{})
		if ticket, err := i.ServiceTicket(t.Context(), "soap/gw"); err != nil || ticket.Service.String() != "soap/gw@A" {
			t.Errorf("%s: %v, %v", name, ticket.Service, err)
		}
	}
}

// TestServiceOfReply: another service than the one asked for is taken only where the protocol has it: an alias or a
// referral for a service, another realm on the way for a ticket-granting ticket.
func TestServiceOfReply(t *testing.T) {
	for _, c := range []struct {
		wanted, got string
		options     uint32
		ok          bool
	}{
		{"soap/gw@A", "soap/gw@A", 0, true},
		{"soap/gw@A", "soap/alias@A", 0, false},
		{"soap/gw@A", "soap/alias@A", krbmsg.KDCCanonicalize, true},
		{"soap/gw@A", "krbtgt/B@A", 0, false},
		{"soap/gw@A", "krbtgt/B@A", krbmsg.KDCCanonicalize, true},
		{"soap/gw@A", "krbtgt/A@A", krbmsg.KDCCanonicalize, false},
		{"krbtgt/B@A", "krbtgt/C@A", 0, true},
		{"krbtgt/B@A", "krbtgt/A@A", 0, false},
		{"krbtgt/B@A", "soap/gw@A", krbmsg.KDCCanonicalize, false},
		{"krbtgt/A@A", "krbtgt/B@A", krbmsg.KDCForwarded, false},
		{"krbtgt/A@A", "krbtgt/B@A", krbmsg.KDCRenew, false},
		{"krbtgt/A@A", "krbtgt/A@A", krbmsg.KDCRenew, true},
	} {
		wanted, _ := kerberos.ParsePrincipal(c.wanted)
		got, _ := kerberos.ParsePrincipal(c.got)
		if err := checkService(&kerberos.Credential{Service: got}, wanted, c.options); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestReferrals: they are followed from realm to realm, and an end is put to those that go round or never stop.
func TestReferrals(t *testing.T) {
	chain := func(next map[string]string) func(string, []string) []string {
		return func(realm string, name []string) []string {
			if to := next[realm]; to != "" {
				return []string{krbmsg.KRBTGT, to}
			}
			return name
		}
	}
	endless := func(realm string, _ []string) []string { return []string{krbmsg.KRBTGT, realm + "X"} }
	for name, c := range map[string]struct {
		refer   func(string, []string) []string
		service string
		want    string // of the ticket, or what the error says
	}{
		"followed":           {chain(map[string]string{"A": "B", "B": "C"}), "soap/gw", "soap/gw@C"},
		"round":              {chain(map[string]string{"A": "B", "B": "C", "C": "B"}), "soap/gw", "go round: [A B C], then B again"},
		"back home":          {chain(map[string]string{"A": "B", "B": "A"}), "soap/gw", "go round"},
		"endless":            {endless, "soap/gw", "do not end"},
		"nearer on the way":  {chain(map[string]string{"A": "B"}), "soap/gw@C", "soap/gw@C"},
		"round on the way":   {chain(map[string]string{"A": "B", "B": "A"}), "soap/gw@C", "goes round"},
		"endless on the way": {endless, "soap/gw@C", "more than 10 realms"},
		"no way":             {func(string, []string) []string { return nil }, "soap/gw@C", "service-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			ticket, err := fakeInitiator(t, &fakeKDC{refer: c.refer}, ClientConfig{}).ServiceTicket(t.Context(), c.service)
			if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && ticket.Service.String() != c.want {
				t.Errorf("%v, %v; want %s", ticket.Service, err, c.want)
			}
			if err != nil && !errors.Is(err, &kerberos.Error{Code: kerberos.CodeRealmPath}) {
				t.Error(err)
			}
		})
	}
}

// TestWayBetweenRealms: what is asked for, in order, with the realms' names only and with capaths.
func TestWayBetweenRealms(t *testing.T) {
	known := map[string][]string{"X.A.COM": {"A.COM"}, "A.COM": {"COM", "Y.B.COM"}, "COM": {"B.COM"}, "B.COM": {"Y.B.COM"}}
	refer := func(realm string, name []string) []string {
		if name[0] == krbmsg.KRBTGT && !slices.Contains(known[realm], name[1]) {
			return nil
		}
		return name
	}
	for conf, want := range map[string]string{
		"": "krbtgt/Y.B.COM@X.A.COM krbtgt/B.COM@X.A.COM krbtgt/COM@X.A.COM krbtgt/A.COM@X.A.COM krbtgt/Y.B.COM@A.COM soap/gw@Y.B.COM",
		"[capaths]\nX.A.COM = {\nY.B.COM = A.COM\nY.B.COM = COM\nY.B.COM = B.COM\n}": "krbtgt/A.COM@X.A.COM krbtgt/COM@A.COM krbtgt/B.COM@COM krbtgt/Y.B.COM@B.COM soap/gw@Y.B.COM",
	} {
		k := &fakeKDC{home: "X.A.COM", refer: refer}
		i := fakeInitiator(t, k, ClientConfig{Client: "alice@X.A.COM", Krb5Conf: conf})
		for range 2 { // the second time all is known
			if _, err := i.ServiceTicket(t.Context(), "soap/gw@Y.B.COM"); err != nil {
				t.Error(err)
			}
		}
		if got := strings.ReplaceAll(strings.Join(k.requests[1:], " "), "TGS ", ""); got != want {
			t.Errorf("asked for %s\nwant %s", got, want)
		}
	}
}

// TestOneRequestForAll: concurrent callers share an exchange, which ends when nobody waits for it, and not before.
func TestOneRequestForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{hold: make(chan struct{})}
		i := fakeInitiator(t, k, ClientConfig{})
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		results := make([]error, 20)
		for n := range results {
			wg.Go(func() {
				ctx := ctx
				if n%2 == 0 {
					ctx = t.Context()
				}
				_, results[n] = i.ServiceTicket(ctx, "soap/gw")
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(k.hold)
		wg.Wait()
		for n, err := range results {
			if n%2 == 0 && err != nil || n%2 == 1 && !errors.Is(err, context.Canceled) {
				t.Errorf("%d: %v", n, err)
			}
		}
		if len(k.requests) != 2 {
			t.Errorf("%d requests: %v", len(k.requests), k.requests)
		}
		k.hold = make(chan struct{})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := i.ServiceTicket(short, "soap/other"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		synctest.Wait()
		i.mu.Lock()
		if len(i.open)+len(i.flights) != 0 {
			t.Errorf("%d exchanges go on for nobody", len(i.open))
		}
		i.mu.Unlock()
	})
}

// TestTicketLife: a ticket is used until shortly before its end, a ticket-granting ticket renewed or got anew before,
// and what was refused for the password's sake is not tried at once.
func TestTicketLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{}
		i := fakeInitiator(t, k, ClientConfig{RenewLifetime: 24 * time.Hour})
		get := func(service string, want ...string) {
			t.Helper()
			k.requests = nil
			if _, err := i.ServiceTicket(t.Context(), service); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			slices.Sort(k.requests) // a renewal goes on beside the request
			if !slices.Equal(k.requests, want) {
				t.Errorf("%v: %v, want %v", time.Now(), k.requests, want)
			}
		}
		get("soap/a", "AS krbtgt/A@A", "TGS soap/a@A")
		get("soap/a")
		time.Sleep(9 * time.Hour) // of 10
		get("soap/a")
		get("soap/b", "TGS krbtgt/A@A", "TGS soap/b@A")
		time.Sleep(59 * time.Minute) // a ends
		get("soap/a", "TGS soap/a@A")
		time.Sleep(15 * time.Hour) // all end, and so does renewing
		get("soap/a", "AS krbtgt/A@A", "TGS soap/a@A")
		k.lie = func(a *fakeAnswer) { a.krbError = krbErrPreauthFailed }
		time.Sleep(11 * time.Hour)
		for _, wait := range []time.Duration{0, 20 * time.Second, 20 * time.Second, 30 * time.Second, 40 * time.Second} {
			time.Sleep(wait)
			k.requests = nil
			if _, err := i.ServiceTicket(t.Context(), "soap/c"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodePreauth}) {
				t.Error(err)
			}
			if tried := len(k.requests) > 0; tried != (wait == 0 || wait == 20*time.Second && i.refused.hold > refusalHold || wait == 40*time.Second) {
				t.Errorf("after %v: tried %v", wait, tried)
			}
		}
		k.lie = nil
		time.Sleep(time.Hour)
		get("soap/c", "AS krbtgt/A@A", "TGS soap/c@A")
		i.Forget("soap/c")
		get("soap/c", "TGS soap/c@A")
	})
}

// TestStaleTGT: when a KDC does not take the ticket-granting ticket any more, as after a change of its keys, we log in
// anew.
func TestStaleTGT(t *testing.T) {
	k := &fakeKDC{}
	i := fakeInitiator(t, k, ClientConfig{})
	if _, err := i.ServiceTicket(t.Context(), "soap/a"); err != nil {
		t.Fatal(err)
	}
	refused := false
	k.lie = func(a *fakeAnswer) {
		if a.tag == 13 && !refused {
			refused, a.krbError = true, kerberos.KRBErrModified
		}
	}
	if _, err := i.ServiceTicket(t.Context(), "soap/b"); err != nil || strings.Join(k.requests[2:], ", ") != "TGS soap/b@A, AS krbtgt/A@A, TGS soap/b@A" {
		t.Error(err, k.requests)
	}
	k.lie = func(a *fakeAnswer) {
		if a.tag == 13 {
			a.krbError = kerberos.KRBErrModified
		}
	}
	if _, err := i.ServiceTicket(t.Context(), "soap/c"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodeKDCRefused}) {
		t.Error(err)
	}
}

// TestTicketsAreBounded: the ones not used for longest go, the ticket-granting ticket never.
func TestTicketsAreBounded(t *testing.T) {
	k := &fakeKDC{}
	i := fakeInitiator(t, k, ClientConfig{})
	if _, err := i.ServiceTicket(t.Context(), "soap/first"); err != nil {
		t.Fatal(err)
	}
	first, _ := i.cached("service soap/first")
	for n := range maxTickets + 10 {
		i.store(fmt.Sprintf("service %d", n), first)
		i.cached("service soap/first")
	}
	_, home := i.cached(homeKey)
	_, used := i.cached("service soap/first")
	_, unused := i.cached("service 3")
	if len(i.tickets) != maxTickets || !home || !used || unused {
		t.Error(len(i.tickets), home, used, unused)
	}
}

// TestClose ends what is under way, wipes what is kept, and leaves alone what was given.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKDC{}
		i := fakeInitiator(t, k, ClientConfig{})
		given, err := i.ServiceTicket(t.Context(), "soap/a")
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := i.cached(homeKey)
		k.hold = make(chan struct{})
		var waiting error
		go func() { _, waiting = i.ServiceTicket(t.Context(), "soap/b") }()
		synctest.Wait()
		i.Close()
		synctest.Wait()
		if !errors.Is(waiting, errClosed) {
			t.Error(waiting)
		}
		if _, err := i.ServiceTicket(t.Context(), "soap/a"); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if _, err := i.Forwarded(t.Context()); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		zero := make([]byte, 32)
		if !bytes.Equal(kept.SessionKey.ExposeKeyOctets(), zero) || bytes.Equal(given.SessionKey.ExposeKeyOctets(), zero) {
			t.Error("key kept, or taken from its owner")
		}
		i.Close()
	})
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	k := &fakeKDC{}
	i := fakeInitiator(t, k, ClientConfig{Forwardable: true})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for m := range 20 {
				ticket, err := i.ServiceTicket(t.Context(), fmt.Sprintf("soap/%d", (n+m)%5))
				if err == nil {
					_, _, err = gss.NewToken(ticket, gss.TokenOptions{})
				}
				if err == nil && m%7 == 0 {
					i.Forget("soap/1")
					_, err = i.Forwarded(t.Context())
				}
				if err != nil && !errors.Is(err, errClosed) {
					t.Error(err)
				}
				if n == 7 && m == 19 {
					i.Close()
				}
			}
		})
	}
	wg.Wait()
}

// TestInitiatorDoesNotPrintSecrets: neither password nor keys, in whatever way an initiator or its configuration is
// printed.
func TestInitiatorDoesNotPrintSecrets(t *testing.T) {
	cfg := ClientConfig{Client: "alice@A", Password: "secret"}
	i := fakeInitiator(t, &fakeKDC{}, cfg)
	ticket, err := i.ServiceTicket(t.Context(), "soap/gw")
	if err != nil {
		t.Fatal(err)
	}
	cc := ccache.Cache{Client: ticket.Client, Tickets: []kerberos.Credential{ticket}}
	secret := i.secret()
	var out strings.Builder
	for _, v := range []any{cfg, &cfg, i, secret, &secret, cc, &cc, []any{cfg, i, &cc}, struct{ i *Client }{i}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	octets := ticket.SessionKey.ExposeKeyOctets()
	for _, s := range []string{"secret", fmt.Sprintf("%x", "secret"), fmt.Sprintf("%x", octets[:8]), strings.Trim(fmt.Sprint(octets[:8]), "[]")} {
		if strings.Contains(out.String(), s) {
			t.Errorf("printed as %q:\n%s", s, out.String())
		}
	}
}

// TestNewKeytabIsTriedAtOnce: a refused key is not tried again for a while, another one of the same source is.
func TestNewKeytabIsTriedAtOnce(t *testing.T) {
	keytab := func(password string) *keytab.Keytab {
		key, err := etype.StringToKey(etype.AES256SHA1, password, "Aalice", nil)
		if err != nil {
			t.Fatal(err)
		}
		return keytab.New(keytab.Entry{Principal: kerberos.Principal{Components: []string{"alice"}, Realm: "A"}, Kvno: 1, Etype: etype.AES256SHA1, Key: key})
	}
	source, k := &changingKeytab{keytab("old")}, &fakeKDC{}
	i, err := NewClient(ClientConfig{Client: "alice@A", Keytab: source, KDC: k})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for range 3 {
		if _, err := i.ServiceTicket(t.Context(), "soap/gw"); !errors.Is(err, &kerberos.Error{Code: kerberos.CodePreauth}) || len(k.requests) != 1 {
			t.Errorf("%v after %d requests", err, len(k.requests))
		}
	}
	source.now = keytab("secret")
	if _, err := i.ServiceTicket(t.Context(), "soap/gw"); err != nil {
		t.Error(err)
	}
}

type changingKeytab struct{ now *keytab.Keytab }

func (c *changingKeytab) Keytab() *keytab.Keytab { return c.now }
