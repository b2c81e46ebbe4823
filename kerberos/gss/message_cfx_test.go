package gss

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// TestMessageProtectionMatchesVectors has tokens of other implementations, from
// gokrb5's tests, whose key is an aes128-sha1 one.
func TestMessageProtectionMatchesVectors(t *testing.T) {
	t.Parallel()
	key, err := etype.NewKey(etype.AES128SHA1, unhex(t, "14f9bde6b50ec508201a97f74c4e5bd3"))
	if err != nil {
		t.Fatal(err)
	}
	initiator := newMessages(t, MessageConfig{Key: key, ReceiveSequence: 0x575e85d6})
	wantMessage(t, initiator, unhex(t, "050401ff000c000000000000575e85d601010000853b728d5268525a1386c19f"),
		"\x01\x01\x00\x00", false)
	acceptor := newMessages(t, MessageConfig{Key: key, Acceptor: true})
	reply := unhex(t, "050400ff000c000000000000000000000101000079a033510b6f127212242b97")
	wantMessage(t, acceptor, reply, "\x01\x01\x00\x00", false)
	if got := mustWrap(t, initiator, "\x01\x01\x00\x00", false); !bytes.Equal(got, reply) {
		t.Errorf("%x", got)
	}
}

func checkHeader(t *testing.T, et *etype.Type, token []byte, n int, acceptor, sealed, subkey bool) {
	t.Helper()
	if et.ID == etype.RC4 {
		if want := der.Element(0x60, make([]byte, 11+24+8+n+1)); len(token) != len(want) ||
			!bytes.Equal(token[:2], want[:2]) {
			t.Fatalf("%d octets, want %d", len(token), len(want))
		}
		return
	}
	flags, ec, size := byte(0), et.MACLen, 16+n+et.MACLen
	if acceptor {
		flags |= 1
	}
	if sealed {
		flags, ec, size = flags|2, 0, size+16+16
	}
	if subkey {
		flags |= 4
	}
	if want := []byte{5, 4, flags, 0xff, 0, byte(ec), 0, 0}; !bytes.Equal(token[:8], want) || len(token) != size {
		t.Fatalf("%x, %d octets; want %x, %d", token[:8], len(token), want, size)
	}
}

// foreignWrap returns an encrypted token as any sender may make it: with
// filler, rotated by any count.
func foreignWrap(k *cfxKeys, flags byte, text, filler []byte, rrc uint16, seq uint64) []byte {
	var c cfxTokens
	header := c.appendHeader(nil, flags|krbmsg.FlagSealed, uint16(len(filler)), 0, seq)
	body := k.seal().AppendEncrypted(nil, text, filler, header)
	new(rotation).right(body, rrc)
	binary.BigEndian.PutUint16(header[6:], rrc)
	return append(header, body...)
}

// counts yields all counts of a token's header. With the race detector it is the
// first, the last and some between: .ci/run has all of them without it.
func counts(yield func(int) bool) {
	for n := 0; n < 1<<16; n++ {
		if n > 64 && n < 1<<16-64 {
			n += skippedCounts
		}
		if !yield(n) {
			return
		}
	}
}

// TestUnwrapAcceptsRotationAndFiller: every RRC, on each kind of token and each
// encryption type, for EC of all sizes.
func TestUnwrapAcceptsRotationAndFiller(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		etype := rapid.SampledFrom([]int32{17, 18, 19, 20}).Draw(rt, "etype")
		text := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "text")
		rrc := rapid.Uint16().Draw(rt, "rrc")
		filler := make([]byte, rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 65535)).Draw(rt, "ec"))
		a, b := messagePair(t, etype, rapid.Bool().Draw(rt, "subkey"), func(c *MessageConfig) {
			c.SealedRRC, c.IntegrityRRC = rrc, rapid.Uint16().Draw(rt, "unsealed rrc")
		})
		wantMessage(t, b, mustWrap(t, a, string(text), true), string(text), true)
		wantMessage(t, b, mustWrap(t, a, string(text), false), string(text), false)
		cfx := a.format.(*cfxTokens)
		wantMessage(t, b, foreignWrap(cfx.send, cfx.flags, text, filler, rrc, 102), string(text), true)
	})
	for _, etype := range []int32{17, 20} { // whatever the count
		a, b := messagePair(t, etype, false, func(c *MessageConfig) { c.Order = AnyOrder })
		send := a.format.(*cfxTokens)
		for rrc := range counts {
			send.sealedRRC, send.integrityRRC = uint16(rrc), uint16(rrc)
			for _, sealed := range []bool{true, false} {
				token := mustWrap(t, a, "a text of some length", sealed)
				if got := binary.BigEndian.Uint16(token[6:]); int(got) != rrc {
					t.Fatalf("RRC %d, want %d", got, rrc)
				}
				wantMessage(t, b, token, "a text of some length", sealed)
			}
		}
	}
}

// TestWrapRotatesAsWindowsDoes: with RRC 28 a sealed token of etype 18 begins
// as Windows' do, and its checksum and encrypted header stand before the
// confounder.
func TestWrapRotatesAsWindowsDoes(t *testing.T) {
	t.Parallel()
	a, b := messagePair(t, 18, true, func(c *MessageConfig) { c.SealedRRC, c.IntegrityRRC = 28, 12 })
	for _, v := range []struct {
		sealed bool
		rrc    int
		begin  string
	}{{true, 28, "\x05\x04\x06\xff\x00\x00\x00\x1c"}, {false, 12, "\x05\x04\x04\xff\x00\x0c\x00\x0c"}} {
		token := mustWrap(t, a, "0123456789abcdef", v.sealed)
		if string(token[:8]) != v.begin {
			t.Errorf("%x", token[:8])
		}
		straight := append(append(bytes.Clone(token[:16]), token[16+v.rrc:]...), token[16:16+v.rrc]...)
		straight[7] = 0
		wantMessage(t, b, straight, "0123456789abcdef", v.sealed)
	}
}

// TestUnwrapRejectsAlteredHeader alters EC of a sealed token, which moves the
// end of its message (CVE-2024-37370), all other octets of the header, and cuts
// tokens at all lengths (CVE-2024-37371).
func TestUnwrapRejectsAlteredHeader(t *testing.T) {
	t.Parallel()
	for _, etype := range []int32{17, 18, 19, 20} {
		a, b := messagePair(t, etype, true, nil)
		send := a.format.(*cfxTokens)
		token := foreignWrap(send.send, send.flags, []byte("pay 1000"), make([]byte, 4), 0, 100)
		for ec := range counts {
			altered := bytes.Clone(token)
			binary.BigEndian.PutUint16(altered[4:], uint16(ec))
			switch {
			case ec == 4:
			case ec <= len("pay 1000")+4:
				wantRefused(t, b, altered, ErrMessageIntegrity)
			default:
				wantRefused(t, b, altered, ErrMessageToken)
			}
		}
		plain := mustWrap(t, a, "pay 1000", false)
		for ec := range counts {
			altered := bytes.Clone(plain)
			binary.BigEndian.PutUint16(altered[4:], uint16(ec))
			if !bytes.Equal(altered, plain) {
				wantRefused(t, b, altered, ErrMessageToken)
			}
		}
		wantMessage(t, b, token, "pay 1000", true)
	}
}
