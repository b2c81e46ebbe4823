package krbmsg

import (
	"cmp"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
)

// APReqOptions are the parameters of [NewAPReq].
type APReqOptions struct {
	Flags       uint32 // of the GSS-API checksum
	SubkeyEtype int32  // 0: the session key's
	NoSubkey    bool
	Bindings    []byte               // application data; nil for none
	Delegate    *kerberos.Credential // nil: none, and no GSSDeleg
	Now         time.Time
}

// An initiatedAPReq is an AP-REQ and what its AP-REP is checked against.
type initiatedAPReq struct {
	Message   []byte
	Key       etype.Key // subkey, else session key
	CTime     time.Time // of the authenticator, with microseconds
	SeqNumber uint32
}

// NewAPReq returns an AP-REQ (RFC 4120 5.5.1) with a new authenticator.
func NewAPReq(t *kerberos.Credential, o *APReqOptions) (r initiatedAPReq, err error) {
	r.Key, r.CTime, r.SeqNumber = t.SessionKey, t.SessionKey.AuthenticatorTime(o.Now), InitialSequence()
	var subkey []byte
	if !o.NoSubkey {
		if r.Key, err = etype.GenerateKey(cmp.Or(o.SubkeyEtype, t.SessionKey.Etype())); err != nil {
			return initiatedAPReq{}, fmt.Errorf("kerberos: subkey: %w", err)
		}
		subkey = EncodeEncryptionKey(6, r.Key)
	}
	cksum, err := apReqChecksum(t, o)
	if err != nil {
		return initiatedAPReq{}, err
	}
	options := uint32(0)
	if o.Flags&kerberos.GSSMutual != 0 {
		options |= APMutualRequired
	}
	plain := plainAuthenticator(t, &r, cksum, subkey)
	encrypted := etype.NewUsageKey(t.SessionKey, etype.UsageAuthenticator).AppendEncrypted(nil, plain)
	clear(plain)
	clear(subkey)
	r.Message = der.Element(der.TagApplication(14), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagInteger, der.Integer(14)),
		der.Field(2, der.TagBitString, der.Flags(options)),
		der.Element(der.TagContext(3), t.Ticket),
		der.Element(der.TagContext(4), EncodeEncryptedData(t.SessionKey.Etype(), encrypted))))
	return r, nil
}

// apReqChecksum returns the GSS-API checksum (RFC 4121 4.1.1). A delegated
// credential in it is encrypted under the session key.
func apReqChecksum(t *kerberos.Credential, o *APReqOptions) ([]byte, error) {
	if o.Delegate == nil {
		return appendGSSChecksum(nil, o.Bindings, o.Flags&^kerberos.GSSDeleg, nil)
	}
	krbCred, err := AppendKRBCred(nil, o.Delegate, t.SessionKey)
	if err != nil {
		return nil, err
	}
	return appendGSSChecksum(nil, o.Bindings, o.Flags|kerberos.GSSDeleg, krbCred)
}

// plainAuthenticator returns the plaintext of Authenticator (RFC 4120 5.5.1).
func plainAuthenticator(t *kerberos.Credential, r *initiatedAPReq, cksum, subkey []byte) []byte {
	return der.Element(der.TagApplication(2), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(PVNO)),
		der.Field(1, der.TagGeneralString, []byte(t.Client.Realm)),
		der.Element(der.TagContext(2), EncodeName(1, t.Client.Components)),
		der.Field(3, der.TagSequence, der.Field(0, der.TagInteger, der.Integer(ChecksumGSS)),
			der.Field(1, der.TagOctetString, cksum)),
		der.Field(4, der.TagInteger, der.Integer(int64(r.CTime.Nanosecond()/1000))),
		der.Field(5, der.TagGeneralizedTime, der.Time(r.CTime)),
		subkey,
		der.Field(7, der.TagInteger, der.Integer(int64(r.SeqNumber)))))
}
