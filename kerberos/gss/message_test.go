package gss

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/types"
	"pgregory.net/rapid"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// messagePair is both sides of one context.
func messagePair(t testing.TB, et int32, acceptorSubkey bool,
	change func(*MessageConfig)) (initiator, acceptor *MessageProtection) {
	t.Helper()
	cfg := MessageConfig{SendSequence: 100, ReceiveSequence: 7}
	var err error
	if cfg.Key, err = etype.GenerateKey(et); err != nil {
		t.Fatal(err)
	}
	if acceptorSubkey {
		if cfg.AcceptorSubkey, err = etype.GenerateKey(et); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(&cfg)
	}
	return newMessages(t, cfg), newMessages(t, peerOf(cfg))
}

func peerOf(cfg MessageConfig) MessageConfig {
	cfg.Acceptor = !cfg.Acceptor
	cfg.SendSequence, cfg.ReceiveSequence = cfg.ReceiveSequence, cfg.SendSequence
	return cfg
}

func newMessages(t testing.TB, cfg MessageConfig) *MessageProtection {
	t.Helper()
	m, err := NewMessageProtection(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustWrap(t testing.TB, m *MessageProtection, text string, sealed bool) []byte {
	t.Helper()
	token, err := m.Wrap(nil, []byte(text), sealed)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantMessage unwraps and compares.
func wantMessage(t testing.TB, m *MessageProtection, token []byte, text string, sealed bool) {
	t.Helper()
	out, s, err := m.Unwrap([]byte("before "), token)
	if err != nil || s != sealed || string(out) != "before "+text {
		t.Fatalf("%.80q, sealed %t, %v; want %.80q, sealed %t", out, s, err, text, sealed)
	}
}

// wantRefused checks for a *MessageError of one kind, and that no plaintext is
// left behind dst.
func wantRefused(t testing.TB, m *MessageProtection, token []byte, want error) {
	t.Helper()
	room := make([]byte, 0, 2*len(token)+64)
	out, _, err := m.Unwrap(room, token)
	var e *MessageError
	if !errors.Is(err, want) || !errors.As(err, &e) || out != nil {
		t.Fatalf("%.40q, %v; want %v", out, err, want)
	}
	if rest := room[:cap(room)]; !bytes.Equal(rest, make([]byte, len(rest))) {
		t.Fatalf("a refused token leaves %x", rest)
	}
}

// TestMessageProtectionRoundTrips: every length, both directions, both kinds,
// with and without an acceptor's subkey; and the flags and sizes on the wire
// are what RFC 4121 4.2 says.
func TestMessageProtectionRoundTrips(t *testing.T) {
	t.Parallel()
	for _, et := range etype.All() {
		for _, subkey := range []bool{false, true} {
			if subkey && et.ID == etype.RC4 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%t", et.Name, subkey), func(t *testing.T) {
				a, b := messagePair(t, et.ID, subkey, nil)
				for n := range 70 {
					text := string(bytes.Repeat([]byte{byte(n)}, n))
					for _, sealed := range []bool{true, false} {
						token := mustWrap(t, a, text, sealed)
						checkHeader(t, et, token, n, false, sealed, subkey)
						wantMessage(t, b, token, text, sealed)
						token = mustWrap(t, b, text, sealed)
						checkHeader(t, et, token, n, true, sealed, subkey)
						wantMessage(t, a, token, text, sealed)
					}
					mic, err := b.MIC([]byte(text))
					if err != nil {
						t.Fatal(err)
					}
					if err := a.VerifyMIC([]byte(text+"x"), mic); !errors.Is(err, ErrMessageIntegrity) {
						t.Fatal(err)
					}
					if err := a.VerifyMIC([]byte(text), mic); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// TestMessageProtectionAgreesWithGokrb5 checks tokens without confidentiality,
// both ways.
func TestMessageProtectionAgreesWithGokrb5(t *testing.T) {
	t.Parallel()
	for _, et := range []int32{17, 18, 19, 20} {
		key, err := etype.GenerateKey(et)
		if err != nil {
			t.Fatal(err)
		}
		theirKey := types.EncryptionKey{KeyType: et, KeyValue: key.ExposeKeyOctets()}
		theirs, err := gssapi.NewInitiatorWrapToken([]byte("hello"), theirKey)
		if err != nil {
			t.Fatal(err)
		}
		token, err := theirs.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		acceptor := newMessages(t, MessageConfig{Key: key, Acceptor: true})
		wantMessage(t, acceptor, token, "hello", false)
		var back gssapi.WrapToken
		if err := back.Unmarshal(mustWrap(t, acceptor, "good day", false), true); err != nil {
			t.Fatal(err)
		}
		if ok, err := back.Verify(theirKey, 22); !ok || string(back.Payload) != "good day" {
			t.Errorf("etype %d: %q, %v", et, back.Payload, err)
		}
		mic, err := acceptor.MIC([]byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		var theirMIC gssapi.MICToken
		if err := theirMIC.Unmarshal(mic, true); err != nil {
			t.Fatal(err)
		}
		theirMIC.Payload = []byte("text")
		if ok, err := theirMIC.Verify(theirKey, 23); !ok {
			t.Errorf("etype %d: MIC: %v", et, err)
		}
	}
}

// TestMessageProtectionRejectsAlteredTokens: no octet of any token can be
// changed and no end cut off; afterwards the token still counts.
func TestMessageProtectionRejectsAlteredTokens(t *testing.T) {
	t.Parallel()
	for _, et := range etype.All() {
		a, b := messagePair(t, et.ID, false, nil)
		for _, sealed := range []bool{true, false} {
			token := mustWrap(t, a, "pay 1000", sealed)
			mic, err := a.MIC([]byte("pay 1000"))
			if err != nil {
				t.Fatal(err)
			}
			for n := range token {
				refused := func(altered []byte) {
					t.Helper()
					if out, _, err := b.Unwrap(nil, altered); err == nil {
						t.Fatalf("%s: altered at %d: %q", et.Name, n, out)
					}
				}
				refused(token[:n])
				for bit := range 8 {
					altered := bytes.Clone(token)
					altered[n] ^= 1 << bit
					if et.ID != etype.RC4 && int(binary.BigEndian.Uint16(altered[6:]))%(len(token)-16) == 0 && n>>1 == 3 {
						continue // an RRC that rotates all the way round: not protected, and the same token
					}
					refused(altered)
				}
				refused(append(bytes.Clone(token), token[:n+1]...))
			}
			for n := range mic {
				altered := bytes.Clone(mic)
				altered[n] ^= 0x80
				if b.VerifyMIC([]byte("pay 1000"), altered) == nil || b.VerifyMIC([]byte("pay 1000"), mic[:n]) == nil {
					t.Fatalf("%s: MIC altered or cut at %d", et.Name, n)
				}
			}
			if _, _, err := b.Unwrap(nil, mic); !errors.Is(err, ErrMessageToken) {
				t.Errorf("%s: a MIC token as a Wrap token: %v", et.Name, err)
			}
			if err := b.VerifyMIC([]byte("pay 1000"), token); !errors.Is(err, ErrMessageToken) {
				t.Errorf("%s: a Wrap token as a MIC token: %v", et.Name, err)
			}
			wantMessage(t, b, token, "pay 1000", sealed)
			if err := b.VerifyMIC([]byte("pay 1000"), mic); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestMessageProtectionRejectsReflectedTokens: what a side sent does not come
// back to it as the peer's, though numbers and key fit.
func TestMessageProtectionRejectsReflectedTokens(t *testing.T) {
	t.Parallel()
	for _, et := range etype.All() {
		want := ErrMessageDirection
		if et.ID == etype.RC4 {
			want = ErrMessageIntegrity
		}
		a, b := messagePair(t, et.ID, false, func(c *MessageConfig) { c.ReceiveSequence = c.SendSequence })
		for _, m := range []*MessageProtection{a, b} {
			wantRefused(t, m, mustWrap(t, m, "hello", true), want)
			wantRefused(t, m, mustWrap(t, m, "hello", false), want)
			mic, err := m.MIC([]byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			if err := m.VerifyMIC([]byte("hello"), mic); !errors.Is(err, want) {
				t.Errorf("%s: %v", et.Name, err)
			}
		}
		if et.ID != etype.RC4 { // the flag is under the checksum
			token := mustWrap(t, a, "hello", true)
			token[2] |= krbmsg.FlagSentByAcceptor
			wantRefused(t, a, token, ErrMessageIntegrity)
		}
	}
}

// TestMessageProtectionUsesSubkey: before the AP-REP an initiator may send
// under its own key; an acceptor that asserted a subkey never does, and a flag
// without a subkey is refused.
func TestMessageProtectionUsesSubkey(t *testing.T) {
	t.Parallel()
	var early MessageConfig
	a, b := messagePair(t, 18, true, func(c *MessageConfig) { early = *c; early.AcceptorSubkey = etype.Key{} })
	wantMessage(t, b, mustWrap(t, newMessages(t, early), "early", true), "early", true)
	wantRefused(t, a, mustWrap(t, newMessages(t, peerOf(early)), "downgraded", true), ErrMessageToken)
	wantRefused(t, newMessages(t, peerOf(early)), mustWrap(t, a, "no such key", true), ErrMessageToken)
}

// TestMessageProtectionChecksSequence: a replayed, a reordered and a very old
// token under each demand.
func TestMessageProtectionChecksSequence(t *testing.T) {
	t.Parallel()
	for _, etype := range []int32{18, 23} {
		var tokens [][]byte
		fresh := func(order MessageOrder) *MessageProtection {
			a, b := messagePair(t, etype, false, func(c *MessageConfig) { c.Order = order; c.SendSequence = 1<<32 - 3 })
			tokens = nil
			for n := range 100 {
				tokens = append(tokens, mustWrap(t, a, fmt.Sprint(n), n%2 == 0))
			}
			return b
		}
		want := func(m *MessageProtection, n int, want error) {
			t.Helper()
			if want != nil {
				wantRefused(t, m, tokens[n], want)
				return
			}
			wantMessage(t, m, tokens[n], fmt.Sprint(n), n%2 == 0)
		}
		b := fresh(InSequence)
		want(b, 1, ErrMessageGap)
		want(b, 0, nil)
		want(b, 0, ErrMessageReplay)
		for n := 1; n < 100; n++ {
			want(b, n, nil)
		}
		want(b, 99, ErrMessageReplay)
		want(b, 36, ErrMessageReplay)
		want(b, 35, ErrMessageOld)

		b = fresh(NoReplay)
		for _, n := range []int{1, 0, 10, 5, 73} {
			want(b, n, nil)
		}
		for _, n := range []int{0, 1, 5, 9} {
			want(b, n, ErrMessageOld)
		}
		want(b, 10, ErrMessageReplay)
		want(b, 11, nil)
		want(b, 11, ErrMessageReplay)
		want(b, 73, ErrMessageReplay)

		b = fresh(AnyOrder)
		for _, n := range []int{99, 0, 0, 99} {
			want(b, n, nil)
		}
	}
}

// TestWindowRecordsNumbers against a set of all numbers ever received: no
// number twice, none before the first, and whatever is within 64 of the newest
// and new is taken.
func TestWindowRecordsNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		mask := rapid.SampledFrom([]uint64{1<<32 - 1, 1<<64 - 1}).Draw(rt, "mask")
		first := rapid.SampledFrom([]uint64{0, 1, 63, 1<<31 - 2, 1<<32 - 5}).Draw(rt, "first")
		v, seen, newest := newWindow(first, mask), map[int]bool{}, -1
		for _, n := range rapid.SliceOfN(rapid.IntRange(-70, 300), 1, 200).Draw(rt, "numbers") {
			err := v.take((first+uint64(n))&mask, false)
			if want := n >= 0 && !seen[n] && n > newest-64; (err == nil) != want {
				rt.Fatalf("number %d after %d: %v", n, newest, err)
			}
			if err == nil {
				seen[n], newest = true, max(newest, n)
			}
		}
	})
}

// TestMessageProtectionIsSafeForConcurrentUse: each number is used once, and a
// token that many callers receive at once is accepted by one.
func TestMessageProtectionIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	a, b := messagePair(t, 18, false, func(c *MessageConfig) { c.Order = NoReplay })
	var mu sync.Mutex
	taken := map[string]int{}
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			token, err := a.Wrap(nil, []byte("hello"), true)
			if err != nil {
				t.Error(err)
			}
			var receivers sync.WaitGroup
			for range 3 {
				receivers.Go(func() {
					if _, _, err := b.Unwrap(nil, token); err == nil {
						mu.Lock()
						taken[string(token)]++
						mu.Unlock()
					}
				})
			}
			receivers.Wait()
		})
	}
	all.Wait()
	for _, n := range taken {
		if n != 1 {
			t.Errorf("a token was taken %d times", n)
		}
	}
	if len(taken) != 30 {
		t.Errorf("%d of 30 tokens were taken", len(taken))
	}
}

// TestNewMessageProtectionRejectsBadConfigs: what does not go together is
// refused, and an RC4 context ends before its keys repeat.
func TestNewMessageProtectionRejectsBadConfigs(t *testing.T) {
	t.Parallel()
	aes, _ := etype.GenerateKey(18)
	rc4, _ := etype.GenerateKey(23)
	for _, cfg := range []MessageConfig{{}, {AcceptorSubkey: aes}, {Key: rc4, AcceptorSubkey: aes},
		{Key: aes, AcceptorSubkey: rc4},
		{Key: rc4, AcceptorSubkey: rc4}, {Key: aes, Order: 3}, {Key: aes, Order: -1}} {
		if _, err := NewMessageProtection(cfg); err == nil {
			t.Errorf("%+v", cfg)
		}
	}
	m, peer := newMessages(t, MessageConfig{Key: rc4}), newMessages(t, MessageConfig{Key: rc4, Acceptor: true})
	if _, err := m.Wrap(nil, make([]byte, krbmsg.RC4MaxMessage+1), true); !errors.Is(err, ErrMessageLimit) {
		t.Error(err)
	}
	large := string(make([]byte, krbmsg.RC4MaxMessage))
	wantMessage(t, peer, mustWrap(t, m, large, true), large, true)
	m.left = 1
	mustWrap(t, m, "the last", true)
	if _, err := m.Wrap(nil, nil, true); !errors.Is(err, ErrMessageLimit) {
		t.Error(err)
	}
	if _, err := m.MIC(nil); !errors.Is(err, ErrMessageLimit) {
		t.Error(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
