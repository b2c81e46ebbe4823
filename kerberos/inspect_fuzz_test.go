package kerberos

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// inspectSeeds are what an Inspector can be given: tokens of CXF, files of MIT, our own messages. secrets are all keys that
// are in them.
func inspectSeeds(t testing.TB) (tokens [][]byte, keytab *Keytab, secrets [][]byte) {
	t.Helper()
	var files [][]byte
	for _, name := range []string{"cxf.keytab", "mit-3.ccache", "mit-4.ccache"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	tokens = append(tokens, files...)
	keytab, err := ParseKeytab(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range keytab.Entries() {
		secrets = append(secrets, e.Key.ExposeKeyOctets())
	}
	for _, b := range files[1:] {
		c, err := ParseCCache(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, ticket := range c.Tickets {
			secrets = append(secrets, ticket.SessionKey.ExposeKeyOctets())
		}
	}
	for _, name := range []string{"cxf-tokens.txt", "cxf-spnego.txt", "tokens/contexts.txt"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
			f := strings.Fields(lines.Text())
			if f[0] == "#" {
				continue
			}
			for _, text := range f[2:] {
				if token, err := base64.StdEncoding.DecodeString(text); err == nil {
					tokens = append(tokens, token)
				}
			}
		}
	}
	hint := negTokenInit{mechTypes: mechTypeList(oidNegoEx, oidMSKRB5, oidKRB5, oidNTLM), hints: true}
	tokens = append(tokens, hint.token(), []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2"), []byte("\x05\x04\x07\xff\x00\x00\x00\x1c"+"0123456789abcdef0123456789abcdef"))
	tokens = append(tokens, appendFrame(nil, tokError, appendKRBError(nil, krbErrSkew, time.Unix(1.7e9, 0), []byte("R"), wireName{appendDER(nil, tagGeneralString, []byte("s"))})))
	key, err := NewKey(EtypeAES256SHA1, bytes.Repeat([]byte{0x9c, 0x01, 0xfe, 0x8b}, 8))
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, key.ExposeKeyOctets())
	ticket := ServiceTicket{Client: Principal{[]string{"alice"}, "R"}, Service: Principal{[]string{"krbtgt", "R"}, "R"}, SessionKey: key,
		EndTime: time.Unix(1.9e9, 0).UTC(), Ticket: derElement(tagApplication(1), derElement(tagSequence,
			derField(0, tagInteger, derInteger(pvno)), derField(1, tagGeneralString, []byte("R")), derElement(tagContext(2), derName(2, []string{"krbtgt", "R"})),
			derElement(tagContext(3), derEncryptedData(18, make([]byte, 60)))))}
	tokens = append(tokens, ticket.Ticket, clearKRBCred(t, &ticket, key))
	request := kdcRequest{options: kdcForwardable, client: []string{"alice"}, clientType: 1, realm: "R", service: []string{"krbtgt", "R"}, till: noEnd(), etypes: []int32{18, 17}}
	asReq := kdcMessage(10, paTimestamp(key, time.Unix(1.7e9, 0)), request.body())
	tgsReq := kdcMessage(12, paTicket(&ticket, key, time.Unix(1.7e9, 0), request.body()), request.body())
	proxied := derElement(tagSequence, derField(0, tagOctetString, append([]byte{0, 0, byte(len(tgsReq) >> 8), byte(len(tgsReq))}, tgsReq...)), derField(1, tagGeneralString, []byte("R")))
	return append(tokens, asReq, tgsReq, proxied), keytab, secrets
}

// TestSeedsOfInspect: all of them decode.
func TestSeedsOfInspect(t *testing.T) {
	seeds, keytab, _ := inspectSeeds(t)
	x := NewInspector(InspectConfig{Keytab: keytab})
	for _, seed := range seeds {
		if r := x.Inspect(seed); !r.Known || !r.Sound {
			t.Errorf("%s", r.Node.AppendText(nil))
		}
	}
}

// forms are ways to write a secret down, in lower case, so that somebody could read it out.
func forms(secrets [][]byte) (list []string) {
	for _, secret := range secrets {
		var escaped strings.Builder
		for _, c := range secret {
			fmt.Fprintf(&escaped, `\x%02x`, c)
		}
		for _, form := range []string{string(secret), hex.EncodeToString(secret), fmt.Sprintf("% x", secret), escaped.String(),
			base64.RawStdEncoding.EncodeToString(secret)[:20], escape(string(secret), 1000, false)} {
			list = append(list, strings.ToLower(form))
		}
	}
	return list
}

// checkInspection holds what is shown to what must be so for any input.
func checkInspection(t *testing.T, r Inspection, secrets []string) {
	t.Helper()
	text := string(r.Node.AppendText(nil))
	j, err := json.Marshal(r.Node)
	if err != nil || !json.Valid(j) {
		t.Fatalf("JSON: %v", err)
	}
	for _, s := range []string{text, string(j)} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
			t.Fatalf("not fit for a terminal: %q", s)
		}
		lower := strings.ToLower(s)
		for _, secret := range secrets {
			if strings.Contains(lower, secret) {
				t.Fatalf("shows a key:\n%s", s)
			}
		}
	}
	if !r.Sound && !hasProblem(r.Node) {
		t.Fatalf("not sound, and no word why:\n%s", text)
	}
}

func hasProblem(n *InspectNode) bool {
	if n.Problem != "" {
		return true
	}
	for _, c := range n.Children {
		if hasProblem(c) {
			return true
		}
	}
	return false
}

// FuzzInspect: whatever comes is explained without keys, in harmless characters; what is called sound, strict parsers take.
func FuzzInspect(f *testing.F) {
	seeds, keytab, secrets := inspectSeeds(f)
	context := NewInspector(InspectConfig{Keytab: keytab})
	for _, seed := range append(seeds, seedResponses()...) {
		f.Add(seed)
		context.Inspect(seed)
	}
	for _, k := range context.learned {
		secrets = append(secrets, k.session.ExposeKeyOctets())
		if !k.subkey.IsZero() {
			secrets = append(secrets, k.subkey.ExposeKeyOctets())
		}
	}
	written := forms(secrets)
	now := func() time.Time { return time.Unix(1.79e9, 0).UTC() }
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, cfg := range []InspectConfig{{Time: now}, {Keytab: keytab, ShowMessages: true, Time: now}} {
			x := NewInspector(cfg)
			if cfg.Keytab != nil {
				x.learned = append(x.learned, context.learned[:2]...)
			}
			r := x.Inspect(b)
			checkInspection(t, r, written)
			if r.Sound && len(b) > 0 && b[0] == tagApplication(14) {
				if _, err := parseAPReq(b); err != nil {
					t.Errorf("sound to an Inspector, and not to an Acceptor: %v", err)
				}
			}
		}
		checkShown(NewInspector(InspectConfig{Keytab: keytab, ShowKeys: true, ShowMessages: true, Time: now}).Inspect(b))
	})
}

// checkShown renders, for what a panic would be.
func checkShown(r Inspection) { _ = r.Node.AppendText(nil) }

// A name that would speak to a terminal is shown as what it is, in text and JSON.
func TestInspectEscapes(t *testing.T) {
	const evil = "\x1b]0;owned\x07\x9b2J\u202ecod.exe\r\n"
	token := appendKRBError(nil, krbErrNotUs, time.Unix(1.7e9, 0), []byte("R"+evil), wireName{appendDER(nil, tagGeneralString, []byte("HTTP"+evil))})
	r := NewInspector(InspectConfig{}).Inspect(token)
	checkInspection(t, r, nil)
	text := string(r.Node.AppendText(nil))
	if !strings.Contains(text, `HTTP\x1b]0;owned\x07`) || !strings.Contains(text, `\u{202e}cod.exe`) {
		t.Errorf("%s", text)
	}
}

// TestInspectMechanismOrder: NTLM before Kerberos costs a leg and no more; without Kerberos it is refused, with the reason.
func TestInspectMechanismOrder(t *testing.T) {
	ntlm := []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2")
	for want, mechs := range map[string][]string{"request-mic": {oidNTLM, oidKRB5}, "refused: ntlm-token": {oidNegoEx, oidNTLM}} {
		init := negTokenInit{mechTypes: mechTypeList(mechs...), mechToken: ntlm}
		r := NewInspector(InspectConfig{}).Inspect(init.token())
		text := string(r.Node.AppendText(nil))
		if !strings.Contains(text, want) || (r.Err == nil) != (want == "request-mic") || strings.Contains(text, "refused") != (r.Err != nil) {
			t.Errorf("%v: %v\n%s", mechs, r.Err, text)
		}
	}
}
