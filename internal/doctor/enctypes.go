package doctor

import (
	"slices"
	"strings"

	"github.com/wssgate/wssgate/kerberos/etype"
)

// enctypeNames are MIT's names of encryption types by number (IANA "Kerberos
// Encryption Type Numbers"), the usual first.
var enctypeNames = []struct {
	etype int32
	names []string
}{
	{1, []string{"des-cbc-crc"}},
	{2, []string{"des-cbc-md4"}},
	{3, []string{"des-cbc-md5", "des"}},
	{16, []string{"des3-cbc-sha1", "des3-hmac-sha1", "des3-cbc-sha1-kd", "des3"}},
	{17, []string{"aes128-cts-hmac-sha1-96", "aes128-cts", "aes128-sha1", "aes"}},
	{18, []string{"aes256-cts-hmac-sha1-96", "aes256-cts", "aes256-sha1", "aes"}},
	{19, []string{"aes128-cts-hmac-sha256-128", "aes128-sha2", "aes"}},
	{20, []string{"aes256-cts-hmac-sha384-192", "aes256-sha2", "aes"}},
	{23, []string{"arcfour-hmac", "rc4-hmac", "arcfour-hmac-md5", "rc4"}},
	{25, []string{"camellia128-cts-cmac", "camellia128-cts", "camellia"}},
	{26, []string{"camellia256-cts-cmac", "camellia256-cts", "camellia"}},
}

// defaultEnctypes are the types that "DEFAULT" stands for.
var defaultEnctypes = []int32{18, 17, 20, 19, 16, 23, 25, 26}

// etypeName returns MIT's name of a type, or "etype 99".
func etypeName(et int32) string {
	for _, e := range enctypeNames {
		if e.etype == et {
			return e.names[0]
		}
	}
	return etype.Name(et)
}

func etypeNames(list []int32) string {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = etypeName(e)
	}
	return strings.Join(names, " ")
}

// parseEnctypes parses a list in the form of permitted_enctypes, such as
// "aes256-cts aes -arcfour-hmac DEFAULT". It also returns the words that it
// does not know.
func parseEnctypes(text string) (list []int32, unknown []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		name, remove := strings.CutPrefix(strings.TrimPrefix(strings.ToLower(word), "+"), "-")
		found := enctypesNamed(name)
		switch {
		case found == nil:
			unknown = append(unknown, word)
		case remove:
			list = slices.DeleteFunc(list, func(e int32) bool { return slices.Contains(found, e) })
		default:
			for _, e := range found {
				if !slices.Contains(list, e) {
					list = append(list, e)
				}
			}
		}
	}
	return list, unknown
}

func enctypesNamed(name string) (found []int32) {
	if name == "default" {
		return slices.Clone(defaultEnctypes)
	}
	for _, e := range enctypeNames {
		if slices.Contains(e.names, name) {
			found = append(found, e.etype)
		}
	}
	return found
}
