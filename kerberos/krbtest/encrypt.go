package krbtest

import (
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/common"
	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/crypto/rfc4757"
	"github.com/jcmturner/gokrb5/v8/crypto/rfc8009"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const rc4HMAC = 23

// Encrypt encrypts with gokrb5's cryptography and a confounder from rand, so
// that tests compare our decryption with it (RFC 3961 5.3, RFC 8009 5, RFC 4757
// 4).
func Encrypt(rand io.Reader, etype int32, key, plain []byte, usage uint32) ([]byte, error) {
	e, err := crypto.GetEtype(etype)
	if err != nil {
		return nil, err
	}
	if len(key) != KeyLen(etype) {
		return nil, errors.New("krbtest: a key of another length than its type's")
	}
	text := make([]byte, e.GetConfounderByteSize(), e.GetConfounderByteSize()+len(plain))
	if _, err := io.ReadFull(rand, text); err != nil {
		return nil, err
	}
	text = append(text, plain...)
	if etype == rc4HMAC {
		return encryptRC4(e, rfc4757.HMAC(key, rfc4757.UsageToMSMsgType(usage)), text)
	}
	return encryptAES(e, key, text, usage)
}

func encryptRC4(e etype.EType, key, text []byte) ([]byte, error) {
	sum := rfc4757.HMAC(key, text)
	c, err := rfc4757.EncryptData(rfc4757.HMAC(key, sum), text, e)
	return append(sum, c...), err
}

func encryptAES(e etype.EType, key, text []byte, usage uint32) ([]byte, error) {
	ke, err := e.DeriveKey(key, common.GetUsageKe(usage))
	if err != nil {
		return nil, err
	}
	_, c, err := e.EncryptData(ke, text)
	if err != nil {
		return nil, err
	}
	var sum []byte
	if id := e.GetETypeID(); id == 19 || id == 20 { // over the ciphertext (RFC 8009 5)
		sum, err = rfc8009.GetIntegityHash(make([]byte, e.GetConfounderByteSize()), c, key, usage, e)
	} else {
		sum, err = common.GetIntegrityHash(text, key, usage, e)
	}
	return append(c, sum...), err
}

// Checksum returns the keyed checksum of data that goes with an encryption type
// (RFC 3961 6, RFC 8009 6, RFC 4757 4), by gokrb5's cryptography.
func Checksum(etype int32, key, data []byte, usage uint32) ([]byte, error) {
	e, err := crypto.GetEtype(etype)
	if err != nil {
		return nil, err
	}
	return e.GetChecksumHash(key, data, usage)
}

// Wrap returns a Wrap token of RFC 4121 4.2.6.2 with confidentiality, and MIC a
// MIC token of 4.2.6.1; flags are those of 4.2.2.
func Wrap(rand io.Reader, etype int32, key, plain []byte, flags byte, seq uint64, ec, rrc uint16) ([]byte, error) {
	usage := uint32(24) // initiator's seal
	if flags&1 != 0 {
		usage = 22
	}
	header := []byte{5, 4, flags, 0xff, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(header[4:], ec)
	header = binary.BigEndian.AppendUint64(header, seq)
	text := append(append(append([]byte{}, plain...), make([]byte, ec)...), header...)
	c, err := Encrypt(rand, etype, key, text, usage)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(header[6:], rrc)
	return append(header, rotate(c, int(rrc))...), nil
}

// WrapIntegrity is Wrap without confidentiality.
func WrapIntegrity(etype int32, key, plain []byte, flags byte, seq uint64, rrc uint16) ([]byte, error) {
	usage := uint32(24)
	if flags&1 != 0 {
		usage = 22
	}
	header := binary.BigEndian.AppendUint64([]byte{5, 4, flags, 0xff, 0, 0, 0, 0}, seq)
	sum, err := Checksum(etype, key, append(append([]byte{}, plain...), header...), usage)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(header[4:], uint16(len(sum)))
	binary.BigEndian.PutUint16(header[6:], rrc)
	return append(header, rotate(append(append([]byte{}, plain...), sum...), int(rrc))...), nil
}

// MIC returns a MIC token of RFC 4121 4.2.6.1.
func MIC(etype int32, key, message []byte, flags byte, seq uint64) ([]byte, error) {
	usage := uint32(25)
	if flags&1 != 0 {
		usage = 23
	}
	header := binary.BigEndian.AppendUint64([]byte{4, 4, flags, 0xff, 0xff, 0xff, 0xff, 0xff}, seq)
	sum, err := Checksum(etype, key, append(append([]byte{}, message...), header...), usage)
	return append(header, sum...), err
}

// rotate moves the last n octets of c before the others (RFC 4121 4.2.5).
func rotate(c []byte, n int) []byte {
	n %= len(c)
	return append(append([]byte{}, c[len(c)-n:]...), c[:len(c)-n]...)
}

// APRep returns an AP-REP, in its GSS-API frame, that answers an authenticator
// of the time t and with cusec, with a subkey unless that is nil (RFC 4120
// 5.5.2, RFC 4121 4.1).
func APRep(rand io.Reader, etype int32, session []byte, t time.Time, cusec int64, subkey []byte, seq int64) ([]byte,
	error) {
	plain := build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(27), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				stamp(b, 0, t)
				integer(b, 1, cusec)
				if subkey != nil {
					key(b, 2, etype, subkey)
				}
				integer(b, 3, seq)
			})
		})
	})
	cipher, err := Encrypt(rand, etype, session, plain, 12)
	if err != nil {
		return nil, err
	}
	return Frame(nil, []byte{2, 0}, build(func(b *cryptobyte.Builder) {
		b.AddASN1(app(15), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				integer(b, 0, 5)
				integer(b, 1, 15)
				encrypted(b, 2, etype, 0, true, cipher)
			})
		})
	})), nil
}
