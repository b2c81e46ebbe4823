package inspect

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

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/ccache"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/internal/seeds"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// inspectSeeds are what an Inspector can be given: tokens of CXF, files of MIT,
// our own messages. secrets are all keys that are in them.
func inspectSeeds(t testing.TB) (tokens [][]byte, kt *keytab.Keytab, secrets [][]byte) {
	t.Helper()
	var files [][]byte
	for _, name := range []string{"cxf.keytab", "mit-3.ccache", "mit-4.ccache"} {
		b, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	tokens = append(tokens, files...)
	kt, err := keytab.Parse(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range kt.Entries() {
		secrets = append(secrets, e.Key.ExposeKeyOctets())
	}
	for _, b := range files[1:] {
		c, err := ccache.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, ticket := range c.Tickets {
			secrets = append(secrets, ticket.SessionKey.ExposeKeyOctets())
		}
	}
	for _, name := range []string{"cxf-tokens.txt", "cxf-spnego.txt", "tokens/contexts.txt"} {
		b, err := os.ReadFile("../testdata/" + name)
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
	hint := krbmsg.NegTokenInit{Hints: true,
		MechTypes: krbmsg.MechTypeList(krbmsg.OIDNegoEx, krbmsg.OIDMSKRB5, krbmsg.OIDKRB5, krbmsg.OIDNTLM)}
	tokens = append(tokens, hint.Token(), []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2"),
		[]byte("\x05\x04\x07\xff\x00\x00\x00\x1c"+"0123456789abcdef0123456789abcdef"))
	tokens = append(tokens, krbmsg.AppendFrame(nil, krbmsg.TokError, krbError("R", "s")))
	key, err := etype.NewKey(etype.AES256SHA1, bytes.Repeat([]byte{0x9c, 0x01, 0xfe, 0x8b}, 8))
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, key.ExposeKeyOctets())
	ticket := kerberos.Credential{Client: kerberos.Principal{Components: []string{"alice"}, Realm: "R"},
		Service: kerberos.Principal{Components: []string{"krbtgt", "R"}, Realm: "R"}, SessionKey: key,
		EndTime: time.Unix(1.9e9, 0).UTC(), Ticket: der.Element(der.TagApplication(1), der.Element(der.TagSequence,
			der.Field(0, der.TagInteger, der.Integer(krbmsg.PVNO)), der.Field(1, der.TagGeneralString, []byte("R")),
			der.Element(der.TagContext(2), krbmsg.EncodeName(2, []string{"krbtgt", "R"})),
			der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, make([]byte, 60)))))}
	cred, err := seeds.ClearKRBCred(&ticket, key)
	if err != nil {
		t.Fatal(err)
	}
	tokens = append(tokens, ticket.Ticket, cred)
	request := krbmsg.KDCRequest{Options: krbmsg.KDCForwardable, Client: []string{"alice"}, ClientType: 1, Realm: "R",
		Service: []string{"krbtgt", "R"}, Till: krbmsg.NoEnd(), Etypes: []int32{18, 17}}
	asReq := krbmsg.EncodeKDCRequest(10, krbmsg.PATimestamp(key, time.Unix(1.7e9, 0)), request.Body())
	body := request.Body()
	tgsReq := krbmsg.EncodeKDCRequest(12, krbmsg.PATicket(&ticket, key, time.Unix(1.7e9, 0), body), body)
	marked := append([]byte{0, 0, byte(len(tgsReq) >> 8), byte(len(tgsReq))}, tgsReq...)
	proxied := der.Element(der.TagSequence, der.Field(0, der.TagOctetString, marked),
		der.Field(1, der.TagGeneralString, []byte("R")))
	return append(tokens, asReq, tgsReq, proxied), kt, secrets
}

// krbError is a KRB-ERROR about a service.
func krbError(realm, service string) []byte {
	name := krbmsg.Name{Strings: der.Append(nil, der.TagGeneralString, []byte(service))}
	return krbmsg.AppendKRBError(nil, kerberos.KRBErrSkew, time.Unix(1.7e9, 0), []byte(realm), name)
}

func TestInspectReadsAllSeeds(t *testing.T) {
	t.Parallel()
	seeds, keytab, _ := inspectSeeds(t)
	x := New(Config{Keytab: keytab})
	for _, seed := range seeds {
		if r := x.Inspect(seed); !r.Known || !r.Sound {
			t.Errorf("%s", r.Node.AppendText(nil))
		}
	}
}

// forms are ways to write a secret down, in lower case, so that somebody could
// read it out.
func forms(secrets [][]byte) (list []string) {
	for _, secret := range secrets {
		var escaped strings.Builder
		for _, c := range secret {
			fmt.Fprintf(&escaped, `\x%02x`, c)
		}
		for _, form := range []string{string(secret), hex.EncodeToString(secret), fmt.Sprintf("% x", secret),
			escaped.String(),
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
		if !utf8.ValidString(s) || strings.ContainsFunc(s,
			func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
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

func hasProblem(n *Node) bool {
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

// FuzzInspect: whatever comes is explained without keys, in harmless
// characters; what is called accepted an acceptor accepts, and nothing else.
func FuzzInspect(f *testing.F) {
	tokens, kt, secrets := inspectSeeds(f)
	context := New(Config{Keytab: kt})
	for _, seed := range append(tokens, seeds.NegTokenResps()...) {
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
	acceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Replay: anyReplay{}, Time: now})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, cfg := range []Config{{Time: now}, {Keytab: kt, ShowMessages: true, Time: now}} {
			x := New(cfg)
			if cfg.Keytab != nil {
				x.learned = append(x.learned, context.learned[:2]...)
			}
			r := x.Inspect(b)
			checkInspection(t, r, written)
			if cfg.Keytab == nil {
				continue
			}
			_, err := acceptor.VerifyToken(t.Context(), b, nil)
			if accepted := r.Asked && r.Err == nil && codeOf(err) != kerberos.CodeSPNEGO; accepted != (err == nil) {
				t.Errorf("accepted %t, by an acceptor: %v", accepted, err)
			}
		}
		checkShown(New(Config{Keytab: kt, ShowKeys: true, ShowMessages: true, Time: now}).Inspect(b))
	})
}

// checkShown renders, for what a panic would be.
func checkShown(r Inspection) { _ = r.Node.AppendText(nil) }

// TestInspectEscapesNames: one that would speak to a terminal is shown as what
// it is, in text and JSON.
func TestInspectEscapesNames(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;owned\x07\x9b2J\u202ecod.exe\r\n"
	r := New(Config{}).Inspect(krbError("R"+evil, "HTTP"+evil))
	checkInspection(t, r, nil)
	text := string(r.Node.AppendText(nil))
	if !strings.Contains(text, `R\x1b]0;owned\x07`) || !strings.Contains(text, `\u{202e}cod.exe`) {
		t.Errorf("%s", text)
	}
}

// TestInspectKnowsWithoutAKeytabWhatNoKeyChanges: NTLM before Kerberos costs a
// leg and no more; without Kerberos it is refused, with the reason.
func TestInspectKnowsWithoutAKeytabWhatNoKeyChanges(t *testing.T) {
	t.Parallel()
	ntlm := []byte("NTLMSSP\x00\x01\x00\x00\x00\x07\x82\x08\xa2")
	for want, mechs := range map[string][]string{
		"request-mic":         {krbmsg.OIDNTLM, krbmsg.OIDKRB5},
		"refused: ntlm-token": {krbmsg.OIDNegoEx, krbmsg.OIDNTLM},
	} {
		init := krbmsg.NegTokenInit{MechTypes: krbmsg.MechTypeList(mechs...), MechToken: ntlm}
		r := New(Config{}).Inspect(init.Token())
		text := string(r.Node.AppendText(nil))
		accepted := want == "request-mic"
		if !strings.Contains(text, want) || (r.Err == nil) != accepted ||
			strings.Contains(text, "refused") == accepted {
			t.Errorf("%v: %v\n%s", mechs, r.Err, text)
		}
	}
}
