package doctor_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckKeytabsFindsWrongFiles(t *testing.T) {
	t.Parallel()
	name := []string{"EXAMPLE.COM", "soap", "gw.example.com"}
	aes := rawEntry(3, 3, 18, key1, name...)
	tests := map[string]struct {
		octets   []byte
		settings []string
		want     []string
	}{
		"good":      {rawKeytab(aes), nil, nil},
		"empty":     {[]byte{5, 2}, nil, []string{"fail keytab … holds no keys; fetch"}},
		"no keytab": {[]byte("-----BEGIN"), nil, []string{"fail keytab … not a keytab"}},
		"cut off":   {rawKeytab(aes)[:20], nil, []string{"fail keytab … longer than the file"}},
		"base64": {[]byte(base64.StdEncoding.EncodeToString(rawKeytab(aes))), nil,
			[]string{"fail keytab … is the base64 of a keytab; decode it (base64 -d)"}},
		"no octets": {nil, nil, []string{"fail keytab … is empty; export"}},
		"kvno 0": {rawKeytab(rawEntry(0, 0, 18, key1, name...)), nil,
			[]string{"warn keytab … does not say the versions of its keys (kvno 0)"}},
		"DES too": {rawKeytab(aes, rawEntry(3, 3, 3, "12345678", name...)), nil,
			[]string{"warn keytab … keys of DES, which no KDC should have: des-cbc-md5"}},
		"only DES": {rawKeytab(rawEntry(3, 3, 3, "12345678", name...)), nil, []string{
			"fail keytab … kvno 3 (3): none that wssgate can use; give the account AES keys", "warn keytab … des-cbc-md5"}},
		"only Camellia": {rawKeytab(rawEntry(3, 3, 26, key1, name...)), nil,
			[]string{"fail keytab … kvno 3 (26): none that wssgate can use"}},
		"AES of old, RC4 now": {rawKeytab(aes, rawEntry(4, 4, 23, key1[:16], name...)), nil,
			[]string{"fail keytab … kvno 4 (23), kvno 3 (18): nothing but RC4 … CVE-2026-20833"}},
		"RC4 without need": {rawKeytab(aes), []string{"allow-rc4: true"},
			[]string{"warn keytab … has AES keys, and route / takes RC4 too (allow-rc4); remove allow-rc4 … KB5073381"}},
		"two keys of a kvno": {rawKeytab(aes, rawEntry(3, 3, 18, key2, name...)), nil,
			[]string{"warn keytab … two different keys of kvno 3 and type aes256-cts-hmac-sha1-96"}},
		"the same key twice": {rawKeytab(aes, aes), nil, nil},
		"names by case": {rawKeytab(aes, rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "SOAP", "gw.example.com")), nil,
			[]string{"warn keytab … differ only by case"}},
		"the realm by case": {rawKeytab(rawEntry(3, 3, 18, key1, "example.com", "soap", "gw.example.com")), nil,
			[]string{"fail keytab … soap/gw.example.com@example.com is there, which differs only by case"}},
		"by realm and case": {rawKeytab(rawEntry(3, 3, 18, key1, "OTHER.ORG", "SOAP", "gw.example.com")), nil,
			[]string{"fail keytab … differs by realm or case"}},
		"quite another": {rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "HTTP", "gw.example.com")), nil,
			[]string{"fail keytab … write one of these in service: HTTP/gw.example.com@EXAMPLE.COM"}},
		"in no realm that is": {rawKeytab(aes), []string{"service: soap/gw"},
			[]string{"fail keytab soap/gw: route / takes"}},
		"in whatever realm is": {rawKeytab(aes), []string{"service: " + soap}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			c.keytabOctets("keytab", test.octets)
			for _, line := range test.settings {
				setting, value, _ := strings.Cut(line, ": ")
				c.set(setting, value)
			}
			c.expectOf("keytab", test.want...)
		})
	}
}

// Permissions of a secret file, and those of a systemd unit, whose directory is
// its own.
func TestCheckSecretFileFindsWhatOthersMayRead(t *testing.T) {
	c := offline(t)
	path := c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o400: "",
		0o640: "warn keytab … can be read by its group (-rw-r-----)",
		0o604: "fail keytab … can be read by everybody (-rw----r--): whoever reads it can read and forge the messages " +
			"… chmod 600",
		0o620: "fail keytab … can be written by others",
	} {
		os.Chmod(path, mode)
		if want == "" {
			c.expectOf("keytab")
		} else {
			c.expectOf("keytab", want)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	c.expectOf("keytab")
	c.set("keytab", filepath.Join(t.TempDir(), "none"))
	c.expectOf("keytab", "fail keytab … no such file or directory; write the right path")
}

// Routes with services that cryptography does not tell apart, or that are one
// and differ.
func TestCheckSharedKeysOfSeveralRoutes(t *testing.T) {
	t.Parallel()
	first := rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")
	routes := func(c *clinic, second []byte, service string) {
		c.set("keytab", c.keytabOctets("", rawKeytab(first)))
		c.settings = append(c.settings,
			"routes:\n  - path: /a\n  - path: /b\n    service: "+service+"\n    keytab: "+c.keytabOctets("", rawKeytab(second)))
	}
	for name, test := range map[string]struct {
		second  []byte
		service string
		want    []string
	}{
		"one account": {rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "HTTP", "gw.example.com"),
			"HTTP/gw.example.com@EXAMPLE.COM", []string{
				"warn keytab HTTP/gw.example.com@EXAMPLE.COM: has the same key as soap/gw.example.com@EXAMPLE.COM … the " +
					"routes /a and /b trust the same clients"}},
		"two accounts": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "HTTP", "gw.example.com"),
			"HTTP/gw.example.com@EXAMPLE.COM", nil},
		"one service, two keytabs": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "gw.example.com"),
			soap + "@EXAMPLE.COM", []string{
				"fail spn soap/gw.example.com@EXAMPLE.COM: has other keys in"}},
		"by case": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "SOAP", "gw.example.com"), "SOAP/gw.example.com@EXAMPLE.COM",
			[]string{
				"warn spn SOAP/gw.example.com@EXAMPLE.COM: differs only by case from soap/gw.example.com@EXAMPLE.COM, the " +
					"service of /a"}},
		"capitals": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "GW2.example.com"),
			"soap/GW2.example.com@EXAMPLE.COM", []string{"warn spn … capitals in its host"}},
		"no domain": {rawEntry(3, 3, 18, key2, "EXAMPLE.COM", "soap", "gw2"), "soap/gw2@EXAMPLE.COM",
			[]string{"warn spn … has a host without a domain"}},
		"realm": {rawEntry(3, 3, 18, key2, "Example.com", "HTTP", "gw.example.com"), "HTTP/gw.example.com@Example.com",
			[]string{"warn spn … small letters in its realm"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := offline(t)
			routes(c, test.second, test.service)
			c.expectOf("keytab spn", test.want...)
		})
	}
}

// A secret file belongs to the user that runs wssgate, who is perhaps not the
// one that runs doctor.
func TestOwnerNamesAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	c := offline(t)
	path := c.keytabOctets("keytab", rawKeytab(rawEntry(3, 3, 18, key1, "EXAMPLE.COM", "soap", "gw.example.com")))
	if err := os.Chown(path, 998, 998); err != nil {
		t.Fatal(err)
	}
	if f := lines(c.run(), "keytab")[0].Found; f != "1 key of 1 principal, readable by its owner, user 998, alone" {
		t.Error(f)
	}
}
