package identity

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wssgate/wssgate/internal/door"
)

// DefaultType is the type of assertions (typ) where none is configured.
const DefaultType = "wssgate+jwt"

// clockSkew is by how much the clock of a backend may be behind ours before it
// finds an assertion too new (nbf): libraries that allow for no difference do so
// when a request takes no time.
const clockSkew = 30 * time.Second

// DefaultLifetime is the time from the signature to the end of an assertion
// where none is configured.
const DefaultLifetime = time.Minute

// Config configures a [Signer]. Keys, Issuer and Audience are required; zero
// values of the other fields mean what they document.
type Config struct {
	// Keys holds the keys. It may be replaced while the Signer is used.
	Keys *CurrentKeys
	// Issuer is who signs (iss): a URI or name by which backends know this
	// gateway.
	Issuer string
	// Audience is for whom assertions are (aud): names by which backends know
	// themselves.
	Audience []string
	// Type is the type in the header (typ). Empty means DefaultType.
	Type string
	// Lifetime is the time until an assertion ends. Zero means DefaultLifetime.
	Lifetime time.Duration
	// Groups adds the client's groups.
	Groups bool
	// Route is the name of the route.
	Route string
	// Time returns the current time. Nil means [time.Now].
	Time func() time.Time
}

// CurrentKeys are keys that can be replaced while they are used.
type CurrentKeys struct{ keys atomic.Pointer[Keys] }

// Store replaces the keys.
func (c *CurrentKeys) Store(k Keys) { c.keys.Store(&k) }

// Load returns the keys, none before the first Store.
func (c *CurrentKeys) Load() Keys {
	if k := c.keys.Load(); k != nil {
		return *k
	}
	return Keys{}
}

// A Signer signs assertions. It is safe for concurrent use.
type Signer struct{ cfg Config }

// NewSigner returns a [Signer]. It fails if cfg is incomplete.
func NewSigner(cfg Config) (*Signer, error) {
	if cfg.Keys == nil || cfg.Issuer == "" || len(cfg.Audience) == 0 {
		return nil, errors.New("identity: Config needs Keys, Issuer and Audience")
	}
	cfg.Type = cmp.Or(cfg.Type, DefaultType)
	cfg.Lifetime = cmp.Or(cfg.Lifetime, DefaultLifetime)
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &Signer{cfg}, nil
}

// A header is the JOSE header (RFC 7515 §4.1).
type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
}

// claims are those of an assertion (RFC 7519 §4.1), times in seconds.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	ID        string   `json:"jti"`
	Realm     string   `json:"realm"`
	Groups    []string `json:"groups,omitempty"`
	Route     string   `json:"route"`
}

// An audience is one name, or several.
type audience []string

// MarshalJSON returns a single name as a string, which every reader takes.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// Sign returns an assertion about a client. It fails for one that is not known,
// and without keys.
func (s *Signer) Sign(caller door.Caller) (string, error) {
	keys := s.cfg.Keys.Load().list
	switch {
	case !caller.Known:
		return "", errors.New("identity: the client is not known")
	case len(keys) == 0:
		return "", errors.New("identity: there is no key")
	}
	now := s.cfg.Time()
	c := claims{Issuer: s.cfg.Issuer, Subject: caller.Principal(), Audience: s.cfg.Audience, IssuedAt: now.Unix(),
		NotBefore: now.Add(-clockSkew).Unix(), Expires: now.Add(s.cfg.Lifetime).Unix(), ID: newID(), Realm: caller.Realm,
		Route: s.cfg.Route}
	if s.cfg.Groups {
		c.Groups = caller.Groups
	}
	return keys[0].sign(header{"ES256", s.cfg.Type, keys[0].public.ID}, c)
}

// sign returns the compact serialization of a JWS (RFC 7515 §7.1).
func (k key) sign(h header, c claims) (string, error) {
	first, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("identity: %w", err)
	}
	second, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("identity: %w", err)
	}
	input := encode(first) + "." + encode(second)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("identity: %w", err)
	}
	var signature [64]byte // both numbers in their full length (RFC 7518 §3.4)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(signature[:]), nil
}

// newID returns 128 random bits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return encode(b[:])
}
