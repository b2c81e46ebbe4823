package wssec

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/wssgate/wssgate/wssec/xmlenc"
)

// TestEncryptLeavesNoPlaintext: neither where it has encrypted, nor where it fails
// with the plaintext written.
func TestEncryptLeavesNoPlaintext(t *testing.T) {
	t.Parallel()
	const secret = "<x>what only the receiver may read</x>"
	for _, name := range []SuiteName{Basic128, Basic256GCMSha256} {
		suite, _ := LookupSuite(name)
		w := &writer{p: &Processor{suite: suite}, encKey: make([]byte, suite.EncryptionKey)}
		for _, random := range []*bytes.Reader{bytes.NewReader(make([]byte, 64)), bytes.NewReader(nil)} {
			w.p.cfg.Rand = iotest.OneByteReader(random)
			fails, wrote := random.Len() == 0, false
			dst := make([]byte, 0, 4<<10)
			out, err := w.encryptAs(dst, "ED", xmlenc.TypeElement, 2*len(secret), func(b []byte) []byte {
				wrote = true
				return append(b, secret...)
			})
			if (err != nil) != fails || !wrote {
				t.Errorf("%s: %v; the plaintext was written: %v", name, err, wrote)
			}
			if room := dst[:cap(dst)]; &out[0] != &room[0] || bytes.Contains(room, []byte("receiver")) {
				t.Errorf("%s, %v: the plaintext is there still", name, err)
			}
		}
	}
}
