package explain

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// pasted is a token of 70 octets, in all its forms: base64 of both alphabets
// differs, and has padding.
var pasted = []byte("\x60\x44\x06\x0b\xfb\xef\xbe\x12\x01\x02\x02\x01\x00\x6e\x00" +
	strings.Repeat("\xfb\xff\x3e", 18) + "\x01")

// TestDecodeFindsPastedTokens: tokens are found in what people paste, and
// nothing beside them.
func TestDecodeFindsPastedTokens(t *testing.T) {
	t.Parallel()
	std, url, digits := base64.StdEncoding.EncodeToString(pasted), base64.RawURLEncoding.EncodeToString(pasted),
		hex.EncodeToString(pasted)
	if !strings.Contains(std, "+") || !strings.Contains(std, "/") || !strings.HasSuffix(std, "=") {
		t.Fatal(std)
	}
	lines := func(s string, n int, prefix, suffix string) string {
		var b strings.Builder
		for ; len(s) > n; s = s[n:] {
			b.WriteString(prefix + s[:n] + suffix)
		}
		return b.String() + prefix + s + suffix
	}
	wide := func(s string, big bool) string {
		var b strings.Builder
		for _, c := range utf16.Encode([]rune(s)) {
			if big {
				b.WriteString(string([]byte{byte(c >> 8), byte(c)}))
			} else {
				b.WriteString(string([]byte{byte(c), byte(c >> 8)}))
			}
		}
		return b.String()
	}
	escaped := strings.NewReplacer("/", `\/`, "+", `\u002b`, "=", `\u003d`).Replace(std)
	percent := strings.NewReplacer("/", "%2F", "+", "%2b", "=", "%3D").Replace(std)
	const request, answer = "header field Authorization, Negotiate token, base64",
		"header field WWW-Authenticate, Negotiate token, base64"
	for form, list := range map[string][]string{
		request: {
			"curl -v -H 'Authorization: Negotiate " + std + "' https://gw.example.com/",
			`curl --header "Authorization: Negotiate ` + std + `" \` + "\n https://gw.example.com/",
			`{"headers":{"Authorization":"Negotiate ` + escaped + `","Accept":"*\/*"}}`,
			`{"name": "Authorization", "value": "Negotiate ` + std + `"},`,
			"> POST / HTTP/1.1\n> Host: gw\n> Authorization: Negotiate " + std + "\n> Accept: */*\n",
			"2026-11-28T20:00:00Z INFO authorization=\"Negotiate " + std + "\" status=401",
			"Authorization: Negotiate " + lines(std, 60, "", "\r\n "),
			"authorization: Negotiate%20" + percent,
			"\ufeffAuthorization: Negotiate " + std,
			"\x1b[1mAuthorization\x1b[0m: Negotiate " + std + "\r\n",
		},
		answer: {
			"< HTTP/1.1 401 Unauthorized\n< WWW-Authenticate: Negotiate " + std + "\n< Content-Length: 0\n",
			"WWW-Authenticate: Negotiate " + std + `, Basic realm="x"`,
			`WWW-Authenticate: Basic realm="Kerberos or NTLM", Negotiate ` + std,
			"www-authenticate: Negotiate " + std + ",Digest realm=x\r\n",
		},
		"Negotiate token, base64": {"Negotiate " + std, "\ufeffNegotiate " + std, "\xff\xfe" +
			wide("Negotiate "+std+"\r\n", false), "the client sent Negotiate " + std + " and then nothing"},
		"base64": {
			std, url, "\ufeff" + std + "\r\n", lines(std, 64, "", "\n"), lines(std, 76, "> ", "\r\n"), `"` +
				std + `"`, "`" + std + "`", percent, escaped,
			wide(std, false), wide(std, true), "\xfe\xff" + wide(std, true), lines(url, 40, "  ", "\n"),
		},
		"base64 in text": {
			"-----BEGIN KERBEROS TOKEN-----\n" + lines(std, 64, "", "\n") + "-----END KERBEROS TOKEN-----\n",
			"The token is " + std + ", and it is refused.", "token=" + url + "&next=1",
			"data:application/octet-stream;base64," + std,
			"<wsse:BinarySecurityToken wsu:Id=\"x\">" + std + "</wsse:BinarySecurityToken>", "const token = \"" +
				lines(std, 40, "", "\" +\n    \"") + "\"",
			`b'` + std + `'`,
		},
		"hexadecimal": {
			digits, strings.ToUpper(digits), "0x" + digits, lines(digits, 2, "", ":"),
			lines(digits, 2, "0x", ", "), lines(digits, 2, `\x`, ""), lines(digits, 32, "", "\n"),
			lines(digits, 2, "", "-"), `"` + lines(lines(digits, 2, `\x`, ""), 64, `"`, "\"\n") + `"`,
		},
		"hexadecimal in text": {"unsigned char token[] = {\n" + lines(digits, 2, "0x", ", ") +
			"};\nunsigned int token_len = 70;\n", "token: " + digits + " (70 octets)"},
		"hex dump": {
			dump("%08x: ", 2, " ", "  ", true), dump("%08x  ", 1, " ", "  |", true),
			dump("%04x   ", 1, " ", "", false), dump("0x%04x:  ", 2, " ", "  ", true),
			dump("%07o ", 1, " ", "", false) + "0000106\n", "# xxd token\n" + dump("%08x: ", 2, " ", "  ", true),
			"\xff\xfe" + wide(dump("%08x   ", 1, " ", "  ", true), false),
		},
	} {
		for _, text := range list {
			got := decode([]byte(text))
			if len(got) != 1 || string(got[0].octets) != string(pasted) || !strings.EqualFold(got[0].form, form) ||
				got[0].xml {
				t.Errorf("%s: %q\n%+v", form, text, got)
			}
		}
	}
}

// dump writes the token as tools do, its text beside it if there is something
// to part the two.
func dump(offset string, group int, space, bar string, text bool) string {
	var b strings.Builder
	for at := 0; at < len(pasted); at += 16 {
		row := pasted[at:min(at+16, len(pasted))]
		fmt.Fprintf(&b, offset, at)
		line := ""
		for i := 0; i < len(row); i += group {
			line += hex.EncodeToString(row[i:min(i+group, len(row))]) + space
			if i == 7 && group == 1 && text {
				line += " "
			}
		}
		if line = strings.TrimRight(line, " "); text {
			line = fmt.Sprintf("%-48s", line) + bar + strings.Map(func(r rune) rune {
				if r <= ' ' || r > '~' {
					return '.'
				}
				return r
			}, strings.ToValidUTF8(string(row), "ab")) // text that looks like octets
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// TestDecodeFindsSeveralTokens: each is found, in the order of the text.
func TestDecodeFindsSeveralTokens(t *testing.T) {
	t.Parallel()
	std := base64.StdEncoding.EncodeToString(pasted)
	for text, want := range map[string]string{
		"WWW-Authenticate: Negotiate " + std + ", NTLM TlRMTVNTUAACAAAA, Basic realm=x": "header field WWW-Authenticate, " +
			"Negotiate token, base64; header field WWW-Authenticate, NTLM token, base64",
		std + "\n" + std + "\n":                                   "base64 in text; base64 in text",
		"first " + hex.EncodeToString(pasted) + "\nsecond " + std: "hexadecimal in text; base64 in text",
		"POST / HTTP/1.1\nAuthorization: Negotiate " +
			std + "\n\n<s:Envelope xmlns:s=\"x\">é</s:Envelope>\n": "header field Authorization, Negotiate " +
			"token, base64; in text",
		"got <Envelope><Body/></Envelope>\nand that was all": "in text",
		dump16("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate " +
			std): "hex dump, header field WWW-Authenticate, Negotiate token, base64",
		dump16("\x00\x01\x02\x03GET / HTTP/1.1\r\nAuthorization: Negotiate " +
			std + "\r\n\r\n\x00"): "hex dump, header field Authorization, Negotiate token, base64",
	} {
		var forms []string
		for _, in := range decode([]byte(text)) {
			forms = append(forms, in.form)
			if in.xml != (in.form == "in text") || in.xml && !strings.HasSuffix(string(in.octets), "Envelope>") ||
				!in.xml && string(in.octets) != string(pasted) && string(in.octets[:7]) != "NTLMSSP" {
				t.Errorf("%q: %q", text, in.octets)
			}
		}
		if got := strings.Join(forms, "; "); got != want {
			t.Errorf("%q: %s\nwant %s", text, got, want)
		}
	}
}

func dump16(s string) string {
	var b strings.Builder
	for at := 0; at < len(s); at += 16 {
		fmt.Fprintf(&b, "%04x   % x\n", at, s[at:min(at+16, len(s))])
	}
	return b.String()
}

// TestDecodeFindsNothingInProse: prose, programs and random base64 hold none,
// whatever they speak of.
func TestDecodeFindsNothingInProse(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	files = append(files, "../../docs/architecture.md", "../../LICENSE", "../../go.sum")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue // they have tokens
		}
		if got := decode(b); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, text := range []string{
		"The Kerberos protocol, Negotiate authentication and NTLM passwords.", "Kerberos authentication\n",
		"WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"x\"\r\n",
		"WWW-Authenticate: Negotiate, Basic realm=\"x\"", "12:00:00 0000 nothing at all",
		"< HTTP/1.1 401 Unauthorized", "Negotiate realm=x",
	} {
		if got := decode([]byte(text)); len(got) != 0 {
			t.Errorf("%q: %+v", text, got)
		}
	}
	g := rand.New(rand.NewPCG(8, 9))
	for range 3000 {
		b := make([]byte, 6+g.IntN(60))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		if got := tokensIn("id " + base64.StdEncoding.EncodeToString(b) + " of " +
			hex.EncodeToString(b)); len(got) != 0 {
			t.Errorf("%x: %+v", b, got)
		}
	}
}

// TestSearchIsBounded: texts made to be looked at again and again are not.
// Without a bound they would take minutes.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("YIMBAAAGCSqGSIb3\n", 60_000),            // beginnings of tokens of 64 KiB, in each other
		strings.Repeat("60 82 ff ff 06 09 ", 60_000) + "z",      // the same in hexadecimal
		strings.Repeat("Negotiate YIMBAAAGCSqGSIb3 \n", 40_000), // and behind schemes
		strings.Repeat("0000   60 82\n", 80_000),
	} {
		if got := decode([]byte(text)); len(got) > maxInputs {
			t.Errorf("%d tokens", len(got))
		}
	}
}
