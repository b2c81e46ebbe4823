package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckAssertionKeys(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err2 := x509.MarshalPKCS8PrivateKey(private)
	octets := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	dir := t.TempDir()
	good, open, junk := filepath.Join(dir, "good"), filepath.Join(dir, "open"), filepath.Join(dir, "junk")
	if err := errors.Join(err, err2, os.WriteFile(good, octets, 0o600), os.WriteFile(open, octets, 0o600),
		os.Chmod(open, 0o644), os.WriteFile(junk, []byte("junk"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		good: nil,
		open: {"fail assertion … can be read by everybody … taken for any client"},
		junk: {"fail assertion … holds no PEM private key; … openssl genpkey"},
	} {
		c := offline(t)
		c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
		c.set("assertion-key", path)
		c.set("assertion-header", "X-Identity")
		c.set("assertion-issuer", "https://gw.example.com")
		c.set("assertion-audience", "[quotes]")
		c.expectOf("assertion", want...)
	}
}
