package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/internal/identity"
)

// block returns the PEM block of a new key.
func block(t *testing.T, curve elliptic.Curve) []byte {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return blockOf(t, private)
}

func blockOf(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func parse(t *testing.T, octets ...[]byte) identity.Keys {
	t.Helper()
	keys, err := identity.Parse([]byte(strings.Join(texts(octets), "")))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func texts(octets [][]byte) (list []string) {
	for _, o := range octets {
		list = append(list, string(o))
	}
	return list
}

var alice = door.Caller{Name: "alice", Realm: "EXAMPLE.COM", Known: true, Groups: []string{"S-1-5-21-1-2-3-512"}}

// An issuer is a Signer whose time and keys a test sets.
type issuer struct {
	*identity.Signer
	keys identity.CurrentKeys
	now  time.Time
}

func newIssuer(t *testing.T, keys identity.Keys, change func(*identity.Config)) *issuer {
	t.Helper()
	i := &issuer{now: time.Unix(1_800_000_000, 0)}
	i.keys.Store(keys)
	cfg := identity.Config{Keys: &i.keys, Issuer: "https://gw.example.com", Audience: []string{"quotes"},
		Groups: true, Route: "/quotes", Time: func() time.Time { return i.now }}
	if change != nil {
		change(&cfg)
	}
	var err error
	if i.Signer, err = identity.NewSigner(cfg); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *issuer) sign(t *testing.T, c door.Caller) string {
	t.Helper()
	token, err := i.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// part returns the JSON object in a part of a token.
func part(t *testing.T, token string, n int) (object map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	octets, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err == nil {
		err = json.Unmarshal(octets, &object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestAssertionSaysWhoTheClientIs(t *testing.T) {
	t.Parallel()
	keys := parse(t, block(t, elliptic.P256()))
	i := newIssuer(t, keys, nil)
	token := i.sign(t, alice)
	if d := cmp.Diff(map[string]any{"alg": "ES256", "typ": "wssgate+jwt", "kid": keys.IDs()[0]},
		part(t, token, 0)); d != "" {
		t.Error(d)
	}
	got := part(t, token, 1)
	if id, _ := got["jti"].(string); len(id) != 22 || id == part(t, i.sign(t, alice), 1)["jti"] {
		t.Errorf("jti %q", id)
	}
	delete(got, "jti")
	if d := cmp.Diff(map[string]any{"iss": "https://gw.example.com", "aud": "quotes", "sub": "alice@EXAMPLE.COM",
		"realm": "EXAMPLE.COM", "groups": []any{"S-1-5-21-1-2-3-512"}, "route": "/quotes",
		"iat": 1.8e9, "nbf": 1.8e9 - 30, "exp": 1.8e9 + 60}, got); d != "" {
		t.Error(d)
	}
}

// A backend whose clock is a little behind takes an assertion at once:
// https://github.com/TykTechnologies/tyk/issues/1670,
// https://github.com/auth0/node-jsonwebtoken/issues/141. Times are whole seconds, as
// not every reader knows others: https://github.com/lcobucci/jwt/issues/229.
func TestAssertionIsGoodForAClockThatIsBehind(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	i.now = i.now.Add(987 * time.Millisecond)
	got := part(t, i.sign(t, alice), 1)
	for _, name := range []string{"iat", "nbf", "exp"} {
		if at, _ := got[name].(float64); at != math.Trunc(at) || at == 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if nbf, _ := got["nbf"].(float64); int64(nbf) > i.now.Add(-30*time.Second).Unix() {
		t.Errorf("nbf is %v, iat %v", got["nbf"], got["iat"])
	}
}

func TestConfigurationOfAssertions(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), func(c *identity.Config) {
		c.Audience, c.Type, c.Lifetime, c.Groups = []string{"a", "b"}, "JWT", 10*time.Minute, false
	})
	i.now = i.now.Add(time.Hour)
	token := i.sign(t, alice)
	got := part(t, token, 1)
	if part(t, token, 0)["typ"] != "JWT" || fmt.Sprint(got["aud"]) != "[a b]" || got["groups"] != nil ||
		got["iat"] != 1.8e9+3600 || got["exp"] != 1.8e9+4200 {
		t.Errorf("%v", got)
	}
}

// Nobody is vouched for whom no door has authenticated.
func TestNoAssertionOfAnUnknownClient(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	for _, c := range []door.Caller{{}, {Name: "alice", Realm: "EXAMPLE.COM"}} {
		if token, err := i.Sign(c); err == nil {
			t.Errorf("%+v: %s", c, token)
		}
	}
	i.keys.Store(identity.Keys{})
	if token, err := i.Sign(alice); err == nil {
		t.Errorf("without a key: %s", token)
	}
}

// Keys are rotated in two steps: the new one is known before it signs, and the
// old one as long as its assertions live.
func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	old, next := block(t, elliptic.P256()), block(t, elliptic.P256())
	i := newIssuer(t, parse(t, old), nil)
	first := part(t, i.sign(t, alice), 0)["kid"]
	i.keys.Store(parse(t, old, next))
	if got := part(t, i.sign(t, alice), 0)["kid"]; got != first {
		t.Errorf("%v signs, not %v", got, first)
	}
	i.keys.Store(parse(t, next, old))
	got, known := part(t, i.sign(t, alice), 0)["kid"], string(i.keys.Load().JWKS())
	if got == first || !strings.Contains(known, fmt.Sprint(first)) {
		t.Errorf("%v signs; %s", got, known)
	}
}

// The thumbprint of RFC 9449 §6.1, whose key has these coordinates.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	if got := identity.ThumbprintOf(t, "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
		"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"); got != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Error(got)
	}
}

// RFC 7515 A.3 has a private key.
func TestKeyOfTheSpecificationIsRead(t *testing.T) {
	t.Parallel()
	number := func(text string) *big.Int {
		octets, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(octets)
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(),
		number("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI").Bytes())
	if err != nil {
		t.Fatal(err)
	}
	keys := parse(t, blockOf(t, private))
	for _, want := range []string{`"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"`,
		`"y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`, `"crv": "P-256"`, `"use": "sig"`, `"alg": "ES256"`} {
		if !strings.Contains(string(keys.JWKS()), want) {
			t.Errorf("no %s in %s", want, keys.JWKS())
		}
	}
	if strings.Contains(string(keys.JWKS()), `"d"`) {
		t.Error("the private key is shown")
	}
}

func TestKeyFilesThatAreOfNoUse(t *testing.T) {
	t.Parallel()
	good := block(t, elliptic.P256())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(kind string) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte{1, 2}}) }
	for want, octets := range map[string][]byte{
		"holds no PEM private key":                              []byte("junk"),
		"its PEM block 2 is a key that it has already":          append(good, good...),
		"its PEM block 1 is not a key of the curve P-256":       block(t, elliptic.P384()),
		"its PEM block 2 is not a key of the curve P-256":       append(good, blockOf(t, rsaKey)...),
		"its PEM block 1 is an encrypted key":                   wrap("ENCRYPTED PRIVATE KEY"),
		"its PEM block 1 is a CERTIFICATE, not a private key":   wrap("CERTIFICATE"),
		"its PEM block 1 is not a private key that can be read": wrap("EC PRIVATE KEY"),
	} {
		if _, err := identity.Parse(octets); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 65<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Load(large); err == nil || !strings.Contains(err.Error(), "larger than 64 KiB") {
		t.Error(err)
	}
}

// What openssl writes in its older form is read as well.
func TestKeyInTheFormOfSEC1(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keys := parse(t, pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 1, 1}}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if again := parse(t, blockOf(t, private)); keys.IDs()[0] != again.IDs()[0] {
		t.Error("another key")
	}
}

func TestKeysDoNotPrintThemselves(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := parse(t, blockOf(t, private))
	octets, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		text := fmt.Sprintf(format, keys)
		if text != "keys "+keys.IDs()[0] || strings.Contains(text, fmt.Sprintf("%x", octets)) {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// A base takes requests in place of a backend.
type base struct{ got *http.Request }

func (b *base) RoundTrip(r *http.Request) (*http.Response, error) {
	b.got = r
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestTransportReplacesTheHeader(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	for header, prefix := range map[string]string{"X-Identity": "eyJ", "authorization": "Bearer eyJ"} {
		b := &base{}
		r, _ := http.NewRequestWithContext(door.WithCaller(t.Context(), alice), http.MethodPost, "http://b/", nil)
		r.Header.Set(header, "mine")
		resp, err := (&identity.Transport{Base: b, Signer: i.Signer, Header: header}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got := b.got.Header.Values(header)
		if len(got) != 1 || !strings.HasPrefix(got[0], prefix) || r.Header.Get(header) != "mine" {
			t.Errorf("%s: %q", header, got)
		}
	}
}

// For a client that is not known nothing is sent.
func TestTransportSendsNothingForAnUnknownClient(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	ctx := door.WithCaller(t.Context(), door.Caller{})
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://b/", strings.NewReader("m"))
	b := &base{}
	resp, err := (&identity.Transport{Base: b, Signer: i.Signer, Header: "X-Identity"}).RoundTrip(r)
	if err == nil || b.got != nil {
		_ = resp.Body.Close()
		t.Error("it was sent")
	}
}

// A request that is for no client has no assertion, whoever wrote one.
func TestRequestForNobodyHasNoAssertion(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://b/?wsdl", nil)
	r.Header.Set("X-Identity", "forged")
	b := &base{}
	resp, err := (&identity.Transport{Base: b, Signer: i.Signer, Header: "X-Identity"}).RoundTrip(r)
	if err != nil || b.got.Header.Get("X-Identity") != "" {
		t.Error(err, b.got)
	}
	_ = resp.Body.Close()
}

// python verifies tokens by a JWK Set, as a backend would. Those with a ! before
// them are forged.
const python = `
import base64, hashlib, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives import hashes
try:
    import jwt
except ImportError:
    jwt = None
raw = lambda s: base64.urlsafe_b64decode(s + '=' * (-len(s) % 4))
number = lambda s: int.from_bytes(raw(s), 'big')

def verify(token):
    head, body, signature = token.split('.')
    header = json.loads(raw(head))
    [key] = [k for k in jwks['keys'] if k['kid'] == header['kid']]
    members = {name: key[name] for name in ('crv', 'kty', 'x', 'y')}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(',', ':'), sort_keys=True).encode()).digest()
    assert raw(key['kid']) == thumbprint, 'kid'
    public = ec.EllipticCurvePublicNumbers(number(key['x']), number(key['y']), ec.SECP256R1()).public_key()
    octets = raw(signature)
    assert len(octets) == 64 and header['alg'] == 'ES256', 'form'
    der = utils.encode_dss_signature(int.from_bytes(octets[:32], 'big'), int.from_bytes(octets[32:], 'big'))
    public.verify(der, (head + '.' + body).encode(), ec.ECDSA(hashes.SHA256()))
    if jwt:
        options = {'verify_exp': False, 'verify_nbf': False, 'verify_iat': False}
        jwt.decode(token, jwt.PyJWK(key).key, algorithms=['ES256'], audience='quotes',
                   issuer='https://gw.example.com', options=options)
    return json.loads(raw(body))['sub']

jwks = json.loads(sys.argv[1])
for token in sys.argv[2:]:
    try:
        print(verify(token.lstrip('!')), 'with PyJWT' if jwt else 'without PyJWT')
        assert token[0] != '!', 'a forged one is verified'
    except InvalidSignature:
        assert token[0] == '!', 'a good one is refused'
        print('refused')
`

// Another implementation verifies assertions by the JWK Set, and refuses them
// when they are changed.
func TestAnotherImplementationVerifies(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(path, "-c", "import cryptography").Run()
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-cryptography is not installed")
		}
		t.Skip("python3-cryptography is not installed")
	}
	i := newIssuer(t, parse(t, block(t, elliptic.P256()), block(t, elliptic.P256())), nil)
	args := []string{"-c", python, string(i.keys.Load().JWKS())}
	for range 20 { // numbers with leading zeros come by chance
		token := i.sign(t, alice)
		head, rest, _ := strings.Cut(token, ".")
		body, signature, _ := strings.Cut(rest, ".")
		forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(decoded(t, body), "alice", "admin", 1)))
		args = append(args, token, "!"+head+"."+forged+"."+signature)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil || strings.Count(string(out), "alice@EXAMPLE.COM") != 20 || strings.Count(string(out), "refused") != 20 {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%.40s", out)
}

// The recipe for Python in docs/recipes/backends.md takes an assertion, and refuses one
// that has ended or is of another type.
func TestRecipeForPython(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(path, "-c", "import jwt, cryptography").Run()
	}
	if err != nil {
		t.Skip("python3-jwt is not installed")
	}
	text, err := os.ReadFile("../../docs/recipes/backends.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(text), "```python\nimport json, jwt\n")
	recipe, _, found := strings.Cut(recipe, "```")
	if !found {
		t.Fatal("docs/recipes/backends.md has no recipe for Python")
	}
	dir := t.TempDir()
	i := newIssuer(t, parse(t, block(t, elliptic.P256())), nil)
	if err := os.WriteFile(filepath.Join(dir, "wssgate.jwks"), i.keys.Load().JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	other := newIssuer(t, i.keys.Load(), func(c *identity.Config) { c.Type = "JWT" })
	i.now, other.now = time.Now(), time.Now()
	good, wrongType := i.sign(t, alice), other.sign(t, alice)
	i.now = i.now.Add(-time.Hour)
	for token, want := range map[string]string{good: "alice@EXAMPLE.COM", wrongType: "typ", i.sign(t, alice): "expired"} {
		cmd := exec.CommandContext(t.Context(), path, "-c",
			"import json, jwt, sys\n"+recipe+"print(client('Bearer ' + sys.argv[1]))", token)
		cmd.Dir = dir
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s, want %s", out, want)
		}
	}
}

func decoded(t *testing.T, text string) string {
	t.Helper()
	octets, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(octets)
}
