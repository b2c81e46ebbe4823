package krbtest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/wssgate/wssgate/kerberos"
)

// Error codes of RFC 4120 7.5.9.
const (
	errClientUnknown   = 6
	errServiceUnknown  = 7
	errBadOption       = 13
	errNoEtype         = 14
	errPreauthFailed   = 24
	errPreauthRequired = 25
	errServerNoMatch   = 26
	errBadMatch        = 36
	errModified        = 41
	errGeneric         = 60
)

// kdcMaxRequest bounds a request in octets.
const kdcMaxRequest = 64 << 10

// A Server answers AS and TGS requests for a [KDC] on a loopback TCP port.
type Server struct {
	kdc      *KDC
	listener net.Listener
	closing  context.Context
	close    context.CancelFunc
	wg       sync.WaitGroup
}

// Start listens on a free loopback port and serves until [Server.Close].
func (k *KDC) Start() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("krbtest: %w", err)
	}
	s := &Server{kdc: k, listener: l}
	s.closing, s.close = context.WithCancel(context.Background())
	s.wg.Go(s.serve)
	return s, nil
}

// Addr returns the host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Krb5Conf returns the text of a krb5.conf with the server as the realm's KDC.
func (s *Server) Krb5Conf() string { return krb5Conf(s.kdc.realm, s.Addr(), "") }

func krb5Conf(realm, addr, enctypes string) string {
	if enctypes == "" {
		enctypes = "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 " +
			"aes128-cts-hmac-sha256-128 rc4-hmac"
	}
	return fmt.Sprintf(`[libdefaults]
 default_realm = %[1]s
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 allow_weak_crypto = true
 allow_rc4 = true
 default_tkt_enctypes = %[3]s
 default_tgs_enctypes = %[3]s
 permitted_enctypes = %[3]s
[realms]
 %[1]s = {
  kdc = %[2]s
 }
[domain_realm]
 .example.com = %[1]s
`, realm, addr, enctypes)
}

// Close stops serving and waits for requests under way.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.close()
	s.wg.Wait()
	return err
}

func (s *Server) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Minute)) // many may log in at once, on a machine with other work
			defer context.AfterFunc(s.closing, func() { c.SetReadDeadline(time.Unix(1, 0)) })()
			for s.exchange(c) == nil {
			}
		})
	}
}

// exchange reads one request and writes its reply (RFC 4120 7.2.2).
func (s *Server) exchange(c net.Conn) error {
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > kdcMaxRequest {
		return errors.New("request too long")
	}
	request := make([]byte, n)
	if _, err := io.ReadFull(c, request); err != nil {
		return err
	}
	reply := s.kdc.Exchange(request)
	_, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...))
	return err
}

// kdcError is an error that is sent as a KRB-ERROR.
type kdcError struct {
	code  int64
	text  string
	edata []byte
}

func (e *kdcError) Error() string { return e.text }

// Exchange returns the reply to one request, AS-REQ or TGS-REQ, or a KRB-ERROR.
func (k *KDC) Exchange(request []byte) (reply []byte) {
	reply, err := k.answer(request)
	if err != nil {
		var e *kdcError
		if !errors.As(err, &e) {
			e = &kdcError{code: errGeneric, text: err.Error()}
		}
		return k.krbError(e)
	}
	return reply
}

// answer returns the reply, and an error if gokrb5's decoding panics.
func (k *KDC) answer(request []byte) (reply []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed request: %v", r)
		}
	}()
	if len(request) > 0 && request[0] == 0x6a {
		return k.as(request)
	}
	if len(request) > 0 && request[0] == 0x6c {
		return k.tgs(request)
	}
	return nil, errors.New("neither AS-REQ nor TGS-REQ")
}

func (k *KDC) krbError(e *kdcError) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(30), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, 5)
				integer(b, 1, 30)
				stamp(b, 4, k.now())
				integer(b, 5, 0)
				integer(b, 6, e.code)
				str(b, 9, k.realm)
				name(b, 10, []string{"krbtgt", k.realm})
				str(b, 11, e.text)
				if e.edata != nil {
					octets(b, 12, e.edata)
				}
			})
		})
	})
}

// AddUser adds a principal with a password.
func (k *KDC) AddUser(name, password string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.principals[name] = &principal{name: strings.Split(name, "/"), password: password, kvno: 1}
}

// longTermKey returns the newest key of an encryption type; a user's is made
// from the password with the default salt.
func (k *KDC) longTermKey(p *principal, etype int32) ([]byte, error) {
	if p.password == "" {
		return p.keys[len(p.keys)-1].keys[etype], nil
	}
	e, err := crypto.GetEtype(etype)
	if err != nil {
		return nil, err
	}
	return e.StringToKey(p.password, k.salt(p), e.GetDefaultStringToKeyParams())
}

func (k *KDC) salt(p *principal) string { return k.realm + strings.Join(p.name, "") }

// chooseEtype returns the first encryption type of the client's list that is
// supported.
func chooseEtype(offered []int32) (int32, error) {
	for _, e := range offered {
		if KeyLen(e) != 0 {
			return e, nil
		}
	}
	return 0, &kdcError{code: errNoEtype, text: fmt.Sprintf("none of the encryption types %v is supported", offered)}
}

// as answers an AS-REQ (RFC 4120 3.1), with PA-ENC-TIMESTAMP.
func (k *KDC) as(request []byte) ([]byte, error) {
	var req messages.ASReq
	if err := req.Unmarshal(request); err != nil {
		return nil, err
	}
	body := &req.ReqBody
	client := k.find(body.CName.NameString)
	if client == nil || body.Realm != k.realm {
		return nil, &kdcError{code: errClientUnknown, text: "no such client"}
	}
	if p := k.find(body.SName.NameString); p == nil || len(p.keys) == 0 {
		return nil, &kdcError{code: errServiceUnknown, text: "no such service"}
	}
	etype, err := chooseEtype(body.EType)
	if err != nil {
		return nil, err
	}
	key, err := k.longTermKey(client, etype)
	if err != nil {
		return nil, err
	}
	if err := k.preauth(req.PAData, client, etype, key); err != nil && !k.noPreauth {
		return nil, err
	}
	der, o, err := k.ticket("", strings.Join(body.SName.NameString, "/"), TicketOptions{
		ClientName: body.CName.NameString, ClientRealm: k.realm, SessionEtype: etype,
		Flags: kerberos.FlagInitial | kerberos.FlagPreAuthent | kerberos.FlagForwardable |
			requested(body, kerberos.FlagRenewable),
		EndTime: k.endTime(body.Till), RenewTill: renewTill(body),
	})
	if err != nil {
		return nil, err
	}
	return kdcReply(11, 25, body.Nonce, der, &o, k.etypeInfo(19, client, etype), etype, key, 3)
}

// endTime returns the end that the client asks for, at most ten hours from now.
func (k *KDC) endTime(till time.Time) time.Time {
	longest := k.now().Add(10 * time.Hour)
	if till.After(k.now()) && till.Before(longest) {
		return till
	}
	return longest
}

// preauth checks PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2), which is required.
func (k *KDC) preauth(pas types.PADataSequence, client *principal, etype int32, key []byte) error {
	i := slices.IndexFunc(pas, func(pa types.PAData) bool { return pa.PADataType == 2 })
	if i < 0 {
		edata := build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(k.etypeInfo(19, client, etype))
				paData(b, 2, nil)
			})
		})
		return &kdcError{code: errPreauthRequired, text: "pre-authentication required", edata: edata}
	}
	var ed types.EncryptedData
	if err := ed.Unmarshal(pas[i].PADataValue); err != nil {
		return err
	}
	plain, err := decrypt(ed, etype, key, 1)
	var ts types.PAEncTSEnc
	if err == nil {
		err = ts.Unmarshal(plain)
	}
	if err != nil || k.now().Sub(ts.PATimestamp).Abs() > 5*time.Minute {
		return &kdcError{code: errPreauthFailed, text: "pre-authentication failed"}
	}
	return nil
}

// etypeInfo returns PA-ETYPE-INFO2 (RFC 4120 5.2.7.5).
func (k *KDC) etypeInfo(kind int64, p *principal, etype int32) []byte {
	return build(func(b *cryptobyte.Builder) {
		paData(b, kind, build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					integer(b, 0, int64(etype))
					str(b, 1, k.salt(p))
				})
			})
		}))
	})
}

func paData(b *cryptobyte.Builder, kind int64, value []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		integer(b, 1, kind)
		octets(b, 2, value)
	})
}

// decrypt guards gokrb5 against short ciphertexts.
func decrypt(ed types.EncryptedData, etype int32, key []byte, usage uint32) ([]byte, error) {
	if ed.EType != etype || len(ed.Cipher) < 48 {
		return nil, errors.New("wrong encryption type or short ciphertext")
	}
	return crypto.DecryptMessage(ed.Cipher, types.EncryptionKey{KeyType: etype, KeyValue: key}, usage)
}

// tgs answers a TGS-REQ (RFC 4120 3.3).
func (k *KDC) tgs(request []byte) ([]byte, error) {
	var req messages.TGSReq
	if err := req.Unmarshal(request); err != nil {
		return nil, err
	}
	ap, err := k.presented(req.PAData, request)
	if err != nil {
		return nil, err
	}
	body, tgt := &req.ReqBody, &ap.Ticket.DecryptedEncPart
	service := strings.Join(body.SName.NameString, "/")
	if p := k.find(body.SName.NameString); p == nil || len(p.keys) == 0 || body.Realm != k.realm {
		return nil, &kdcError{code: errServiceUnknown, text: "no service " + service}
	}
	etype, err := chooseEtype(body.EType)
	if err != nil {
		return nil, err
	}
	options := TicketOptions{
		ClientName: tgt.CName.NameString, ClientRealm: tgt.CRealm, SessionEtype: etype,
		Flags: kerberos.FlagPreAuthent | kerberos.FlagForwardable | kerberos.FlagTransitedPolicyChecked |
			requested(body, kerberos.FlagForwarded|kerberos.FlagRenewable) | flagsOf(tgt.Flags)&kerberos.FlagForwarded,
		AuthTime: tgt.AuthTime, StartTime: k.now(), EndTime: k.endTime(body.Till), RenewTill: renewTill(body),
		AuthzData: k.authzData,
	}
	if requested(body, optionRenew) != 0 {
		if flagsOf(tgt.Flags)&kerberos.FlagRenewable == 0 || tgt.RenewTill.Before(k.now()) {
			return nil, &kdcError{code: errBadOption, text: "not renewable"}
		}
		options.Flags, options.RenewTill = flagsOf(tgt.Flags), tgt.RenewTill
		if options.EndTime = k.now().Add(tgt.EndTime.Sub(tgt.StartTime)); options.EndTime.After(tgt.RenewTill) {
			options.EndTime = tgt.RenewTill
		}
	}
	key, usage := tgt.Key, uint32(8)
	if sub := ap.Authenticator.SubKey; sub.KeyType != 0 {
		key, usage = sub, 9
	}
	pa, err := k.forUser(&req, tgt, key, &options)
	if err != nil {
		return nil, err
	}
	der, o, err := k.ticket("", service, options)
	if err != nil {
		return nil, err
	}
	return kdcReply(13, 26, body.Nonce, der, &o, pa, key.KeyType, key.KeyValue, usage)
}

// optionRenew is the KDC option RENEW (RFC 4120 5.4.1).
const optionRenew = 1 << 1

// requested returns those of the KDC options that are set. Options have the
// bits of the ticket flags that they ask for.
func requested(body *messages.KDCReqBody, options uint32) uint32 {
	return flagsOf(body.KDCOptions) & options
}

// flagsOf returns KerberosFlags as a number, bit 0 the highest.
func flagsOf(b interface{ At(int) int }) uint32 {
	v := uint32(0)
	for bit := range 32 {
		v |= uint32(b.At(bit)) << (31 - bit)
	}
	return v
}

// renewTill returns the time that the client asks for, or zero.
func renewTill(body *messages.KDCReqBody) time.Time {
	if requested(body, kerberos.FlagRenewable) == 0 {
		return time.Time{}
	}
	return body.RTime
}

// presented verifies the AP-REQ in PA-TGS-REQ, and the authenticator's checksum
// over the body of the request.
func (k *KDC) presented(pas types.PADataSequence, request []byte) (*messages.APReq, error) {
	i := slices.IndexFunc(pas, func(pa types.PAData) bool { return pa.PADataType == 1 })
	if i < 0 {
		return nil, errors.New("no PA-TGS-REQ")
	}
	ap := new(messages.APReq)
	if err := ap.Unmarshal(pas[i].PADataValue); err != nil {
		return nil, err
	}
	krbtgt := k.find([]string{"krbtgt", k.realm})
	key, err := k.longTermKey(krbtgt, ap.Ticket.EncPart.EType)
	if err != nil || len(ap.Ticket.EncPart.Cipher) < 48 || len(ap.EncryptedAuthenticator.Cipher) < 48 {
		return nil, errors.Join(err, errors.New("bad ticket-granting ticket"))
	}
	if err := ap.Ticket.Decrypt(types.EncryptionKey{KeyType: ap.Ticket.EncPart.EType, KeyValue: key}); err != nil {
		return nil, err
	}
	session := ap.Ticket.DecryptedEncPart.Key
	if err := ap.DecryptAuthenticator(session); err != nil {
		return nil, err
	}
	et, err := crypto.GetEtype(session.KeyType)
	if err != nil {
		return nil, err
	}
	if !et.VerifyChecksum(session.KeyValue, requestBody(request), ap.Authenticator.Cksum.Checksum, 6) {
		return nil, errors.New("checksum of the request body does not fit")
	}
	return ap, nil
}

// requestBody returns the octets of req-body in a KDC-REQ.
func requestBody(request []byte) []byte {
	s, body := cryptobyte.String(request), cryptobyte.String(nil)
	s.ReadASN1(&s, asn1.Tag(request[0]))
	s.ReadASN1(&s, asn1.SEQUENCE)
	s.SkipASN1(tag(1))
	s.SkipASN1(tag(2))
	s.SkipOptionalASN1(tag(3))
	s.ReadASN1(&body, tag(4))
	return body
}

// kdcReply returns AS-REP (11, encrypted part 25) or TGS-REP (13, 26) (RFC 4120
// 5.4.2).
func kdcReply(msgType int64, encTag uint8, nonce int, ticket []byte, o *TicketOptions, pa []byte, etype int32,
	replyKey []byte, usage uint32) ([]byte, error) {
	cipher, err := Encrypt(rand.Reader, etype, replyKey, build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(encTag), func(b *cryptobyte.Builder) { b.AddASN1(asn1.SEQUENCE, o.replyPart(nonce)) })
	}), usage)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(uint8(msgType)), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, 5)
				integer(b, 1, msgType)
				if pa != nil {
					sequence(b, 2, func(b *cryptobyte.Builder) { b.AddBytes(pa) })
				}
				str(b, 3, o.ClientRealm)
				name(b, 4, o.ClientName)
				explicit(b, 5, func(b *cryptobyte.Builder) { b.AddBytes(ticket) })
				encrypted(b, 6, etype, 0, true, cipher)
			})
		})
	}), nil
}

// replyPart returns the content of EncKDCRepPart.
func (o *TicketOptions) replyPart(nonce int) func(*cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		key(b, 0, o.SessionEtype, o.SessionKey)
		sequence(b, 1, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, 0)
				stamp(b, 1, o.AuthTime)
			})
		})
		integer(b, 2, int64(nonce))
		bits(b, 4, o.Flags)
		stamp(b, 5, o.AuthTime)
		stamp(b, 6, o.StartTime)
		stamp(b, 7, o.EndTime)
		if !o.RenewTill.IsZero() {
			stamp(b, 8, o.RenewTill)
		}
		str(b, 9, o.Realm)
		name(b, 10, o.Name)
		if o.encPAData != nil {
			sequence(b, 12, func(b *cryptobyte.Builder) { b.AddBytes(o.encPAData) })
		}
	}
}
