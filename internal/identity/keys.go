package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxKeyFile bounds a key file, in octets.
const maxKeyFile = 64 << 10

// Keys are the private keys of a key file, on the curve P-256. The first one
// signs. They never print themselves. The zero value has none.
type Keys struct{ list []key }

type key struct {
	private *ecdsa.PrivateKey
	public  jwk
}

// A jwk is the public part of a key, as RFC 7517 and 7518 §6.2.1 have it.
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// Load reads a key file; see [Parse].
func Load(path string) (Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return Keys{}, err
	}
	defer f.Close()
	octets, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(octets) > maxKeyFile {
		err = errors.New("is larger than 64 KiB")
	}
	var keys Keys
	if err == nil {
		keys, err = Parse(octets)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// Parse returns the keys of PEM blocks: PKCS #8 ("PRIVATE KEY"), or SEC 1 ("EC
// PRIVATE KEY"), beside which "EC PARAMETERS" may stand. It fails if there is
// none, one twice, or anything else.
func Parse(octets []byte) (Keys, error) {
	var keys Keys
	block, rest := pem.Decode(octets)
	for n := 1; block != nil; n++ {
		if block.Type != "EC PARAMETERS" {
			private, err := parsePrivate(block)
			if err != nil {
				return Keys{}, fmt.Errorf("its PEM block %d %w", n, err)
			}
			k, err := newKey(private)
			if err != nil {
				return Keys{}, fmt.Errorf("its PEM block %d %w", n, err)
			}
			if keys.has(k.public.ID) {
				return Keys{}, fmt.Errorf("its PEM block %d is a key that it has already", n)
			}
			keys.list = append(keys.list, k)
		}
		block, rest = pem.Decode(rest)
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("holds no PEM private key")
	}
	return keys, nil
}

func parsePrivate(block *pem.Block) (*ecdsa.PrivateKey, error) {
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("is an encrypted key, whose passphrase nobody could give")
	default:
		return nil, fmt.Errorf("is a %s, not a private key", block.Type)
	}
	if err != nil {
		return nil, errors.New("is not a private key that can be read")
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("is not a key of the curve P-256")
	}
	return private, nil
}

func newKey(private *ecdsa.PrivateKey) (key, error) {
	point, err := private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return key{}, err
	}
	half := (len(point) - 1) / 2
	p := jwk{Type: "EC", Curve: "P-256", Use: "sig", Algorithm: "ES256",
		X: encode(point[1 : 1+half]), Y: encode(point[1+half:])}
	p.ID = p.thumbprint()
	return key{private, p}, nil
}

// thumbprint returns the SHA-256 of the required members in their order, without
// white space (RFC 7638 §3.2).
func (p *jwk) thumbprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q,"y":%q}`, p.Curve, p.Type, p.X, p.Y))
	return encode(sum[:])
}

func encode(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

func (k Keys) has(id string) bool {
	for _, own := range k.list {
		if own.public.ID == id {
			return true
		}
	}
	return false
}

// Join returns the keys of several files. It leaves out those that are there
// already.
func Join(all ...Keys) (joined Keys) {
	for _, keys := range all {
		for _, k := range keys.list {
			if !joined.has(k.public.ID) {
				joined.list = append(joined.list, k)
			}
		}
	}
	return joined
}

// IDs returns the thumbprints of the keys; the first one signs.
func (k Keys) IDs() (ids []string) {
	for _, own := range k.list {
		ids = append(ids, own.public.ID)
	}
	return ids
}

// JWKS returns the public keys as a JWK Set, which anybody may have.
func (k Keys) JWKS() []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, own := range k.list {
		set.Keys = append(set.Keys, own.public)
	}
	octets, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		panic(err) // of strings alone
	}
	return append(octets, '\n')
}

// String returns the thumbprints.
func (k Keys) String() string { return "keys " + strings.Join(k.IDs(), ", ") }

// Format prints String for every verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }
