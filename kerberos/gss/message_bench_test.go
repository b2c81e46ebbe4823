package gss

import (
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// BenchmarkMessages is one message wrapped and unwrapped by its peer; the bytes
// are the message's.
func BenchmarkMessages(b *testing.B) {
	for _, size := range []int{32, 64 << 10} {
		text := make([]byte, size)
		for _, et := range etype.All() {
			for kind, sealed := range map[string]bool{"sealed": true, "integrity": false} {
				a, p := messagePair(b, et.ID, false, nil)
				var token, out []byte
				wrap := func() {
					var err error
					if token, err = a.Wrap(token[:0], text, sealed); err != nil {
						b.Fatal(err)
					}
				}
				b.Run(fmt.Sprintf("%s/%s/%d", et.Name, kind, size), func(b *testing.B) {
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for b.Loop() {
						wrap()
						var err error
						if out, _, err = p.Unwrap(out[:0], token); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkMessagesGokrb5 is the same with gokrb5, which has no confidentiality
// and no RC4 tokens.
func BenchmarkMessagesGokrb5(b *testing.B) {
	for _, size := range []int{32, 64 << 10} {
		text := make([]byte, size)
		for _, et := range []int32{17, 18, 19, 20} {
			key, err := etype.GenerateKey(et)
			if err != nil {
				b.Fatal(err)
			}
			theirKey := types.EncryptionKey{KeyType: et, KeyValue: key.ExposeKeyOctets()}
			b.Run(fmt.Sprintf("%s/integrity/%d", etype.Name(et), size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					wrapGokrb5(b, text, theirKey)
				}
			})
		}
	}
}

func wrapGokrb5(b *testing.B, text []byte, key types.EncryptionKey) {
	b.Helper()
	theirs, err := gssapi.NewInitiatorWrapToken(text, key)
	if err != nil {
		b.Fatal(err)
	}
	token, err := theirs.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	var back gssapi.WrapToken
	if err := back.Unmarshal(token, false); err != nil {
		b.Fatal(err)
	}
	if ok, err := back.Verify(key, 24); !ok {
		b.Fatal(err)
	}
}
