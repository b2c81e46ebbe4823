package kdc

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// fakeKDC answers for all realms, with empty tickets, and makes the mistakes
// that a test wants. It finds a request's session key by the ticket's octets.
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
	request         uint32 // options of the request
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
	a := &fakeAnswer{tag: msgType + 1, crealm: cmp.Or(k.home, "A"), cname: []string{"alice"}, realm: realm, sname: sname,
		nonce: nonce, request: options, auth: now, start: now,
		end: now.Add(10 * time.Hour), renew: renew, sessionEtype: 18, sessionKey: make([]byte, 32), encTag: 25,
		flags: options & (krbmsg.KDCForwardable | krbmsg.KDCForwarded | krbmsg.KDCRenewable)}
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
	if kind, sum := etype.Checksum(session, krbmsg.UsageTGSChecksum, body); kind != auth.CksumType ||
		!bytes.Equal(sum, auth.Cksum) {
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
		return der.Element(der.TagApplication(30),
			der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{30}),
				der.Field(4, der.TagGeneralizedTime, der.Time(time.Now())), der.Field(5, der.TagInteger, []byte{0}),
				der.Field(6, der.TagInteger, der.Integer(int64(a.krbError))),
				der.Field(9, der.TagGeneralString, []byte(a.realm)),
				der.Element(der.TagContext(10), krbmsg.EncodeName(2, a.sname))))
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
		der.Field(0, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(int64(a.sessionEtype))),
			der.Field(1, der.TagOctetString, a.sessionKey)),
		der.Field(1, der.TagSequence),
		der.Field(2, der.TagInteger, der.Integer(int64(a.nonce))),
		der.Field(4, der.TagBitString, der.Flags(a.flags)),
		der.Field(5, der.TagGeneralizedTime, der.Time(a.auth)), der.OptionalTime(6, a.start),
		der.Field(7, der.TagGeneralizedTime, der.Time(a.end)), der.OptionalTime(8, a.renew),
		der.Field(9, der.TagGeneralString, []byte(a.encRealm)),
		der.Element(der.TagContext(10), krbmsg.EncodeName(2, a.encName)), a.trailer))
	sealed := etype.NewUsageKey(a.replyKey, a.usage).AppendEncrypted(nil, plain)
	return der.Element(der.TagApplication(a.tag), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, []byte{5}), der.Field(1, der.TagInteger, []byte{a.tag}), a.paData,
		der.Field(3, der.TagGeneralString, []byte(a.crealm)), der.Element(der.TagContext(4), krbmsg.EncodeName(1, a.cname)),
		der.Element(der.TagContext(5),
			der.Element(der.TagApplication(1), der.Element(der.TagSequence, der.Field(0, der.TagInteger, []byte{5}),
				der.Field(1, der.TagGeneralString, []byte(a.realm)), der.Element(der.TagContext(2), krbmsg.EncodeName(2, a.sname)),
				der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, id))))),
		der.Element(der.TagContext(6), krbmsg.EncodeEncryptedData(a.replyKey.Etype(), sealed))))
}

func fakeClient(t *testing.T, k *fakeKDC, cfg ClientConfig) *Client {
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
