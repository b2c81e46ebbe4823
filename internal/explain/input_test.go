package explain

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// A token is found in every way in which people have it at hand.
func TestDecodeFindsATokenInEachForm(t *testing.T) {
	t.Parallel()
	token := []byte("\x60\x0d\x06\x0b\xfb\xef\xbe\x12\x01\x02\x02\x01\x00\x6e\x00")
	std, url := base64.StdEncoding.EncodeToString(token), base64.RawURLEncoding.EncodeToString(token)
	digits := hex.EncodeToString(token)
	if std == url+"==" || strings.ContainsAny(url, "+/") {
		t.Fatal("the alphabets do not differ for this token")
	}
	for form, list := range map[string][]string{
		"":       {string(token)},
		"base64": {std, url, std[:8] + "\r\n  " + std[8:] + "\n", "  " + std + "  "},
		"hexadecimal": {digits, strings.ToUpper(digits), "0x" + digits,
			"60:0d:06:0b:fb:ef:be:12:01:02:02:01:00:6e:00", "600d 060b fbef be12\n0102 0201 006e 00"},
		"header field Authorization, Negotiate token, base64": {"Authorization: Negotiate " + std,
			"GET / HTTP/1.1\r\nHost: x\r\nauthorization: negotiate " + std + "\r\nAccept: */*\r\n",
			"> Authorization: Negotiate " + std},
		"header field WWW-Authenticate, Negotiate token, base64": {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " +
			"Negotiate " + std + "\r\n"},
		"Negotiate token, base64": {"Negotiate " + std},
	} {
		for _, text := range list {
			got := decode([]byte(text))
			if len(got) != 1 || string(got[0].octets) != string(token) || !strings.EqualFold(got[0].form, form) ||
				got[0].xml {
				t.Errorf("%q: %+v", text, got)
			}
		}
	}
}

// The base64 of XML is XML; text that is nothing is nothing.
func TestDecodeFindsXMLAndNothingInWords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<a/>", " \n<a/>", "\ufeff<a/>", "\xff\xfe<\x00a\x00/\x00>\x00",
		base64.StdEncoding.EncodeToString([]byte("<a/>  "))} {
		if got := decode([]byte(text)); len(got) != 1 || !got[0].xml {
			t.Errorf("%q: %+v", text, got)
		}
	}
	for _, text := range []string{"", " ", "hello, world", "Negotiate", "WWW-Authenticate: Negotiate"} {
		if got := decode([]byte(text)); len(got) != 0 && text != "Negotiate" {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// Each token of an HTTP message is explained.
func TestDecodeFindsEachHeaderField(t *testing.T) {
	t.Parallel()
	got := decode([]byte("Authorization: Negotiate YAE=\nProxy-Authorization: NTLM TlRMTVNTUAA=\n"))
	if len(got) != 2 || string(got[0].octets) != "\x60\x01" || string(got[1].octets) != "NTLMSSP\x00" {
		t.Errorf("%+v", got)
	}
}
