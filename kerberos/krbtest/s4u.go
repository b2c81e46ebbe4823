package krbtest

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/wssgate/wssgate/kerberos"
)

// delegationRules say who may act for users (MS-SFU). A KDC without rules issues
// services tickets to themselves in the names of users, forwardable ones, and
// lets no service go on with them.
type delegationRules struct {
	services  map[string][]string // to which services a service may delegate
	resources map[string][]string // from which services a service takes delegations
	any       map[string]bool     // services that may use any protocol
	sensitive map[string]bool     // users who are not delegated
}

// AllowDelegation lets a service act for users at another one, as
// msDS-AllowedToDelegateTo of Active Directory. Like there, the tickets that it
// gets in the names of users are not forwardable any more, unless
// [KDC.AllowAnyProtocol] is called.
func (k *KDC) AllowDelegation(service, to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules.services == nil {
		k.rules.services = make(map[string][]string)
	}
	k.rules.services[service] = append(k.rules.services[service], to)
}

// AllowAnyProtocol lets a service get forwardable tickets in the names of users,
// as TRUSTED_TO_AUTH_FOR_DELEGATION of Active Directory.
func (k *KDC) AllowAnyProtocol(service string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules.any == nil {
		k.rules.any = make(map[string]bool)
	}
	k.rules.any[service] = true
}

// AllowFrom lets a service take delegations from another one, as
// msDS-AllowedToActOnBehalfOfOtherIdentity of Active Directory: resource-based.
func (k *KDC) AllowFrom(service, from string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules.resources == nil {
		k.rules.resources = make(map[string][]string)
	}
	k.rules.resources[service] = append(k.rules.resources[service], from)
}

// DenyDelegation marks a user who must not be delegated.
func (k *KDC) DenyDelegation(user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules.sensitive == nil {
		k.rules.sensitive = make(map[string]bool)
	}
	k.rules.sensitive[user] = true
}

// Bits of MS-SFU: the KDC option cname-in-addl-tkt (2.2.3), the option of
// S4UUserID for a reply's key usage (2.2.2), and resource-based delegation in
// PA-PAC-OPTIONS (2.2.5).
const (
	optionClientInAddl = 1 << 17
	s4uReplyUsage      = 1 << 29
	pacResourceBased   = 1 << 28
)

// forUser changes the options of a ticket if the request is one of S4U2Self or
// S4U2Proxy, and returns the PA-DATA of the reply. key is the reply's.
func (k *KDC) forUser(req *messages.TGSReq, tgt *messages.EncTicketPart, key types.EncryptionKey,
	o *TicketOptions) (pa []byte, err error) {
	if flagsOf(tgt.Flags)&kerberos.FlagForwardable == 0 || requested(&req.ReqBody, kerberos.FlagForwardable) == 0 {
		if requested(&req.ReqBody, optionClientInAddl) != 0 || findPA(req.PAData, 129) != nil {
			o.Flags &^= kerberos.FlagForwardable
		}
	}
	if requested(&req.ReqBody, optionClientInAddl) != 0 {
		return nil, k.proxy(req, tgt, o)
	}
	if old := findPA(req.PAData, 129); old != nil || findPA(req.PAData, 130) != nil {
		return k.self(req, tgt, key, o)
	}
	return nil, nil
}

func findPA(pas types.PADataSequence, kind int32) []byte {
	for _, pa := range pas {
		if pa.PADataType == kind {
			return pa.PADataValue
		}
	}
	return nil
}

// account reports whether two names are of one account: the same, or with the
// same keys.
func (k *KDC) account(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	p, q := k.find(a), k.find(b)
	return p != nil && q != nil && len(p.keys) > 0 && len(q.keys) > 0 &&
		slices.Equal(p.keys[0].keys[18], q.keys[0].keys[18])
}

// self answers S4U2Self (MS-SFU 3.2.5.1).
func (k *KDC) self(req *messages.TGSReq, tgt *messages.EncTicketPart, key types.EncryptionKey,
	o *TicketOptions) (pa []byte, err error) {
	var user []string
	var realm string
	if old := findPA(req.PAData, 129); old != nil {
		if user, realm, err = readForUser(old, tgt.Key.KeyValue); err != nil {
			return nil, err
		}
	}
	if newer := findPA(req.PAData, 130); newer != nil {
		if user, realm, err = readS4UUser(newer, req.ReqBody.Nonce, key); err != nil {
			return nil, err
		}
		if pa, err = s4uReply(user, realm, req.ReqBody.Nonce, key); err != nil {
			return nil, err
		}
	}
	if !k.account(tgt.CName.NameString, req.ReqBody.SName.NameString) {
		return nil, &kdcError{code: errBadMatch, text: "a ticket in the name of a user is for the client itself"}
	}
	if realm != k.realm || k.find(user) == nil {
		return nil, &kdcError{code: errClientUnknown, text: "no such user"}
	}
	o.ClientName, o.ClientRealm = user, realm
	k.mu.Lock()
	defer k.mu.Unlock()
	service := strings.Join(tgt.CName.NameString, "/")
	if k.rules.sensitive[strings.Join(user, "/")] || len(k.rules.services[service]) > 0 && !k.rules.any[service] {
		o.Flags &^= kerberos.FlagForwardable
	}
	return pa, nil
}

// readForUser reads PA-FOR-USER (MS-SFU 2.2.1) and verifies its checksum.
func readForUser(b, session []byte) (user []string, realm string, err error) {
	s := cryptobyte.String(b)
	var n, sum cryptobyte.String
	var auth string
	ok := s.ReadASN1(&s, asn1.SEQUENCE) && s.ReadASN1(&n, tag(0)) && readText(&s, 1, &realm) &&
		s.ReadASN1(&sum, tag(2)) && readText(&s, 3, &auth) && s.Empty()
	if !ok {
		return nil, "", errors.New("malformed PA-FOR-USER")
	}
	kind, user := readNameString(n)
	_, octets := readChecksum(sum)
	data := binary.LittleEndian.AppendUint32(nil, uint32(kind))
	data = append(data, strings.Join(user, "")+realm+auth...)
	if !hmac.Equal(hmacMD5(session, 17, data), octets) {
		return nil, "", &kdcError{code: errModified, text: "checksum of PA-FOR-USER"}
	}
	return user, realm, nil
}

// hmacMD5 is the checksum of RFC 4757 4.
func hmacMD5(key []byte, usage uint32, data []byte) []byte {
	mac := hmac.New(md5.New, key)
	mac.Write([]byte("signaturekey\x00"))
	inner := md5.Sum(append(binary.LittleEndian.AppendUint32(nil, usage), data...))
	mac = hmac.New(md5.New, mac.Sum(nil))
	mac.Write(inner[:])
	return mac.Sum(nil)
}

// readS4UUser reads PA-S4U-X509-USER (MS-SFU 2.2.2) and verifies its checksum.
func readS4UUser(b []byte, nonce int, key types.EncryptionKey) (user []string, realm string, err error) {
	s := cryptobyte.String(b)
	var id, sum, n cryptobyte.String
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&id, tag(0)) || !s.ReadASN1(&sum, tag(1)) || !s.Empty() {
		return nil, "", errors.New("malformed PA-S4U-X509-USER")
	}
	et, err := crypto.GetEtype(key.KeyType)
	if err != nil {
		return nil, "", err
	}
	if _, octets := readChecksum(sum); !et.VerifyChecksum(key.KeyValue, id, octets, 26) {
		return nil, "", &kdcError{code: errModified, text: "checksum of PA-S4U-X509-USER"}
	}
	var number int64
	var seq cryptobyte.String
	if !id.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1(&seq, tag(0)) || !seq.ReadASN1Integer(&number) ||
		!id.ReadASN1(&n, tag(1)) || !readText(&id, 2, &realm) || number != int64(nonce) {
		return nil, "", &kdcError{code: errModified, text: "S4UUserID"}
	}
	_, user = readNameString(n)
	return user, realm, nil
}

// s4uReply returns the PA-S4U-X509-USER of a reply.
func s4uReply(user []string, realm string, nonce int, replyKey types.EncryptionKey) ([]byte, error) {
	id := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			integer(b, 0, int64(nonce))
			name(b, 1, user)
			str(b, 2, realm)
			bits(b, 4, s4uReplyUsage)
		})
	})
	et, err := crypto.GetEtype(replyKey.KeyType)
	if err != nil {
		return nil, err
	}
	sum, err := et.GetChecksumHash(replyKey.KeyValue, id, 27)
	return build(func(b *cryptobyte.Builder) {
		paData(b, 130, build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				explicit(b, 0, func(b *cryptobyte.Builder) { b.AddBytes(id) })
				key(b, 1, et.GetHashID(), sum)
			})
		}))
	}), err
}

func readText(s *cryptobyte.String, n uint8, text *string) bool {
	var field, content cryptobyte.String
	if !s.ReadASN1(&field, tag(n)) || !field.ReadASN1(&content, asn1.GeneralString) {
		return false
	}
	*text = string(content)
	return true
}

// readNameString reads a PrincipalName; the name is nil if it is none.
func readNameString(s cryptobyte.String) (kind int64, components []string) {
	var field, list, c cryptobyte.String
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&field, tag(0)) || !field.ReadASN1Integer(&kind) ||
		!s.ReadASN1(&list, tag(1)) || !list.ReadASN1(&list, asn1.SEQUENCE) {
		return 0, nil
	}
	for list.ReadASN1(&c, asn1.GeneralString) {
		components = append(components, string(c))
	}
	return kind, components
}

// readChecksum reads a Checksum; the sum is nil if it is none.
func readChecksum(s cryptobyte.String) (kind int64, sum []byte) {
	var field cryptobyte.String
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&field, tag(0)) || !field.ReadASN1Integer(&kind) ||
		!s.ReadASN1(&field, tag(1)) || !field.ReadASN1Bytes(&sum, asn1.OCTET_STRING) {
		return 0, nil
	}
	return kind, sum
}

// proxy answers S4U2Proxy (MS-SFU 3.2.5.2).
func (k *KDC) proxy(req *messages.TGSReq, tgt *messages.EncTicketPart, o *TicketOptions) error {
	body := &req.ReqBody
	if len(body.AdditionalTickets) != 1 {
		return &kdcError{code: errBadOption, text: "no additional ticket"}
	}
	evidence := &body.AdditionalTickets[0]
	if !k.account(evidence.SName.NameString, tgt.CName.NameString) {
		return &kdcError{code: errServerNoMatch, text: "the additional ticket is not for the client"}
	}
	key, err := k.longTermKey(k.find(evidence.SName.NameString), evidence.EncPart.EType)
	if err != nil || len(evidence.EncPart.Cipher) < 48 {
		return errors.Join(err, errors.New("bad additional ticket"))
	}
	if err := evidence.Decrypt(types.EncryptionKey{KeyType: evidence.EncPart.EType, KeyValue: key}); err != nil {
		return &kdcError{code: errModified, text: "additional ticket"}
	}
	user := &evidence.DecryptedEncPart
	if !user.EndTime.After(k.now()) {
		return &kdcError{code: kerberos.KRBErrTicketExpired, text: "additional ticket"}
	}
	forwardable := flagsOf(user.Flags)&kerberos.FlagForwardable != 0
	if why := k.mayDelegate(tgt.CName.NameString, body.SName.NameString, user.CName.NameString, forwardable,
		resourceBased(req.PAData)); why != "" {
		return &kdcError{code: errBadOption, text: why}
	}
	o.ClientName, o.ClientRealm, o.AuthTime = user.CName.NameString, user.CRealm, user.AuthTime
	if user.EndTime.Before(o.EndTime) {
		o.EndTime = user.EndTime
	}
	if resourceBased(req.PAData) {
		o.encPAData = build(func(b *cryptobyte.Builder) { paData(b, 167, findPA(req.PAData, 167)) })
	}
	return nil
}

// resourceBased reports whether PA-PAC-OPTIONS asks for resource-based
// delegation.
func resourceBased(pas types.PADataSequence) bool {
	s := cryptobyte.String(findPA(pas, 167))
	var flags []byte
	return s.ReadASN1(&s, asn1.SEQUENCE) && s.ReadASN1(&s, tag(0)) && s.ReadASN1BitStringAsBytes(&flags) &&
		len(flags) == 4 && binary.BigEndian.Uint32(flags)&pacResourceBased != 0
}

// mayDelegate returns why the rules do not let a service act for a user at
// another, or "".
func (k *KDC) mayDelegate(service, to, user []string, forwardable, resourceBased bool) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	from, target := strings.Join(service, "/"), strings.Join(to, "/")
	switch {
	case k.rules.sensitive[strings.Join(user, "/")]:
		return "the user is not delegated"
	case resourceBased && slices.Contains(k.rules.resources[target], from):
		return ""
	case !slices.Contains(k.rules.services[from], target):
		return "delegation is not allowed"
	case !forwardable:
		return "the additional ticket is not forwardable"
	}
	return ""
}
