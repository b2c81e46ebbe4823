package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	version   = 1
	keyLen    = 32
	idLen     = 8
	saltLen   = 24
	headerLen = 1 + idLen + saltLen
	tagLen    = 16

	maxKeys = 16
	maxFile = 16 << 10
)

// Overhead is how many octets longer than its plaintext a sealed state is.
const Overhead = headerLen + tagLen

// ErrOpen is the only error of Open: whoever presents a state learns nothing
// about why it does not open.
var ErrOpen = errors.New("sealed state does not open under any key")

// Keys seal and open. They are immutable, safe for concurrent use, and print
// nothing. The zero value has no key: Seal fails and nothing opens.
type Keys struct {
	// A func, because fmt looks into all else when Keys are an unexported field
	// of what it prints.
	all func() []key
}

type key struct {
	id     [idLen]byte
	octets [keyLen]byte
}

// Load reads a key file.
func Load(path string) (Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return Keys{}, fmt.Errorf("state keys: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Keys{}, fmt.Errorf("state keys: %w", err)
	}
	keys, err := Parse(b)
	if err != nil {
		return Keys{}, fmt.Errorf("state keys: %s: %w", path, err)
	}
	return keys, nil
}

// Parse reads the text of a key file. Errors tell lines, never their content.
func Parse(text []byte) (Keys, error) {
	if len(text) > maxFile {
		return Keys{}, fmt.Errorf("more than %d octets", maxFile)
	}
	var all []key
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		octets, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(octets) != keyLen {
			return Keys{}, fmt.Errorf("line %d is not %d octets in base64", i+1, keyLen)
		}
		k := key{octets: [keyLen]byte(octets)}
		sum := sha256.Sum256(append([]byte("wssgate state key id "), octets...))
		copy(k.id[:], sum[:])
		for _, other := range all {
			if other.id == k.id {
				return Keys{}, fmt.Errorf("line %d repeats a key", i+1)
			}
		}
		if all = append(all, k); len(all) > maxKeys {
			return Keys{}, fmt.Errorf("more than %d keys", maxKeys)
		}
	}
	if len(all) == 0 {
		return Keys{}, fmt.Errorf("no key")
	}
	return Keys{func() []key { return all }}, nil
}

// Random makes a key that lives with the process, for one node without a key
// file.
func Random() Keys {
	octets := make([]byte, keyLen)
	rand.Read(octets)
	keys, err := Parse([]byte(base64.StdEncoding.EncodeToString(octets)))
	if err != nil {
		panic("seal: " + err.Error()) // one line of the right length
	}
	return keys
}

// Seal encrypts plaintext under the first key. It opens under the same purpose
// only.
func (k Keys) Seal(purpose string, plaintext []byte) ([]byte, error) {
	if k.all == nil {
		return nil, errors.New("no key to seal state with")
	}
	first := &k.all()[0]
	sealed := make([]byte, headerLen, Overhead+len(plaintext))
	sealed[0] = version
	copy(sealed[1:], first.id[:])
	rand.Read(sealed[1+idLen:])
	aead, err := first.aead(purpose, sealed[1+idLen:headerLen])
	if err != nil {
		return nil, err
	}
	return aead.Seal(sealed, make([]byte, aead.NonceSize()), plaintext, sealed[:headerLen]), nil
}

// Open returns the plaintext of what Seal has made under the same purpose with
// one of the keys. The error is ErrOpen.
func (k Keys) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version || k.all == nil {
		return nil, ErrOpen
	}
	for i := range k.all() {
		candidate := &k.all()[i]
		if !bytes.Equal(candidate.id[:], sealed[1:1+idLen]) {
			continue
		}
		aead, err := candidate.aead(purpose, sealed[1+idLen:headerLen])
		if err != nil {
			return nil, ErrOpen
		}
		plaintext, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed[headerLen:], sealed[:headerLen])
		if err != nil {
			return nil, ErrOpen
		}
		return plaintext, nil
	}
	return nil, ErrOpen
}

// aead is the cipher for one message.
func (k *key) aead(purpose string, salt []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k.octets[:], salt, "wssgate state v1 "+purpose, keyLen)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	if fips140.Enforced() { // the nonce has to be the cipher's own, in front of the ciphertext
		return cipher.NewGCMWithRandomNonce(block)
	}
	return cipher.NewGCM(block)
}

// String counts the keys.
func (k Keys) String() string {
	n := 0
	if k.all != nil {
		n = len(k.all())
	}
	return strings.TrimSuffix(fmt.Sprintf("%d state keys", n), map[bool]string{true: "s"}[n == 1])
}

// Format prints String for every verb.
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// A Ring holds Keys that may be replaced while they are in use. It is safe for
// concurrent use.
type Ring struct{ keys atomic.Pointer[Keys] }

// NewRing returns a Ring with keys.
func NewRing(keys Keys) *Ring {
	r := new(Ring)
	r.keys.Store(&keys)
	return r
}

// Replace puts keys in the place of those in use. It returns how many of them are
// new, and how many are gone: what these have sealed does not open any more.
func (r *Ring) Replace(keys Keys) (added, removed int) {
	old := r.keys.Swap(&keys)
	return keys.without(*old), old.without(keys)
}

// without counts the keys that other does not have.
func (k Keys) without(other Keys) (n int) {
	if k.all == nil {
		return 0
	}
	for _, own := range k.all() {
		if other.all == nil || !slices.ContainsFunc(other.all(), func(o key) bool { return o.id == own.id }) {
			n++
		}
	}
	return n
}

// Seal is [Keys.Seal].
func (r *Ring) Seal(purpose string, plaintext []byte) ([]byte, error) {
	return r.keys.Load().Seal(purpose, plaintext)
}

// Open is [Keys.Open].
func (r *Ring) Open(purpose string, sealed []byte) ([]byte, error) {
	return r.keys.Load().Open(purpose, sealed)
}

// String counts the keys.
func (r *Ring) String() string { return r.keys.Load().String() }

// Format prints String for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }
