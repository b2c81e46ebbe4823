package wstrust_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
	"github.com/wssgate/wssgate/wstrust"
)

// count is a source of randomness that has none.
type count struct{ n byte }

func (c *count) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n
		c.n++
	}
	return len(p), nil
}

// The RSTs that CXF's client sent, at the time that it did, with randomness that
// has none: what an initiator with the captured key makes of our answer, by
// other code than ours for GSS-API and hash, is the key and the CombinedHash.
func TestCapturedNegotiationsOfCXF(t *testing.T) {
	t.Parallel()
	kt, err := keytab.Load("../kerberos/testdata/cxf.keytab")
	if err != nil {
		t.Fatal(err)
	}
	for name, captured := range map[string]string{
		"SpnegoSymmetric": "2026-11-22T04:14:19Z", "SpnegoSymmetricDerived": "2026-11-22T04:14:25Z",
		"SpnegoTransportEndorsing": "2026-11-22T04:14:52Z",
	} {
		t.Run(name, func(t *testing.T) {
			clock, err := time.Parse(time.RFC3339, captured)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile("testdata/" + name + ".xml")
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, func(w *world) {
				w.clock = clock
				gssAcceptor, err := gss.NewAcceptor(gss.AcceptorConfig{Keytab: kt, Time: w.cfg.Time,
					Replay: replay.NewMemory(replay.MemoryConfig{CompleteSince: time.Unix(0, 0), Time: w.cfg.Time})})
				w.must(err)
				w.cfg.Acceptor, w.cfg.Rand = &peeking{acceptor: acceptor{gssAcceptor, gss.AcceptConfig{}}}, &count{}
			})
			env := w.parse(string(text))
			action := wstrust.V13.Trust() + "/RST/Issue"
			if !w.Recognizes(env, action) {
				t.Fatal("not recognized")
			}
			answered, err := w.Step(t.Context(), env, wssec.Channel{Client: here})
			w.must(err)
			octets, err := answered.Reply(t.Context())
			w.must(err)
			w.checkCaptured(string(text), string(octets), clock)
		})
	}
}

// peeking keeps the contexts that it makes, for their keys.
type peeking struct {
	acceptor
	last *gss.Context
}

func (p *peeking) NewContext(bindings [][]byte) wstrust.GSSContext {
	p.last = p.acceptor.Acceptor.NewContext(p.cfg)
	return p.last
}

// checkCaptured compares the answer with what it has to be, put together from
// the text of the request.
func (w *world) checkCaptured(request, answer string, clock time.Time) {
	w.Helper()
	between := func(text, start, end string) string {
		w.Helper()
		_, rest, ok := strings.Cut(text, start)
		found, _, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			w.Fatalf("no %s in %s", start, text)
		}
		return found
	}
	key := make([]byte, 32)
	(&count{}).Read(key)
	wrapped, err := base64.StdEncoding.DecodeString(between(answer, "<e:CipherValue>", "</e:CipherValue>"))
	w.must(err)
	if got := w.unwrap(wrapped); !bytes.Equal(got, key) {
		w.Errorf("the key token holds %x", got)
	}

	rst := "<wst:RequestSecurityToken" + between(request, "<wst:RequestSecurityToken", "</soap:Body>")
	rst = strings.Replace(rst, "<wst:Renewing/>", "<wst:Renewing></wst:Renewing>", 1)
	context := between(request, `Context="`, `"`)
	const id = "30313233-3435-4637-b839-3a3b3c3d3e3f" // octets 48 to 63 of count, as a UUID
	const identifier = "urn:uuid:20212223-2425-4627-a829-2a2b2c2d2e2f"
	final := fmt.Sprintf(`<t:RequestSecurityTokenResponse xmlns:t="%[1]s" Context="%[2]s">`+
		`<t:TokenType>%[3]s/sct</t:TokenType>%[4]s<t:RequestedAttachedReference><o:SecurityTokenReference xmlns:o="%[5]s">`+
		`<o:Reference URI="#uuid-%[6]s-1" ValueType="%[3]s/sct"></o:Reference>`+
		`</o:SecurityTokenReference></t:RequestedAttachedReference><t:RequestedUnattachedReference>`+
		`<o:SecurityTokenReference xmlns:o="%[5]s">`+
		`<o:Reference URI="%[7]s" ValueType="%[3]s/sct"></o:Reference></o:SecurityTokenReference>`+
		`</t:RequestedUnattachedReference><t:Lifetime><u:Created xmlns:u="%[8]s">%[9]s</u:Created>`+
		`<u:Expires xmlns:u="%[8]s">%[10]s</u:Expires></t:Lifetime>`+
		`<t:KeySize>256</t:KeySize>%[11]s</t:RequestSecurityTokenResponse>`,
		wstrust.NSTrust13, context, wssec.NSWSC13, between(rst, "</wst:RequestType>", "<wst:Renewing>"),
		wssec.NSWSSE, id, identifier, wssec.NSWSU,
		clock.Format("2006-01-02T15:04:05.000Z"), between(answer, "<u:Expires>", "</u:Expires>"),
		"<t:BinaryExchange"+between(answer, "<t:BinaryExchange", "</t:BinaryExchange>")+"</t:BinaryExchange>")
	h := sha1.Sum([]byte(rst + final))
	want := base64.StdEncoding.EncodeToString(pSHA1(key, append([]byte("AUTH-HASH"), h[:]...), 32))
	if got := between(answer, "<t:CombinedHash>", "</t:CombinedHash>"); got != want {
		w.Errorf("CombinedHash %s, want %s", got, want)
	}
	for _, part := range []string{
		`<a:RelatesTo xmlns:a="http://www.w3.org/2005/08/addressing">` + between(request,
			`<MessageID xmlns="http://www.w3.org/2005/08/addressing">`, "<"),
		`>http://docs.oasis-open.org/ws-sx/ws-trust/200512/RSTRC/IssueFinal</a:Action>`, `<c:Identifier>` +
			identifier + `</c:Identifier>`,
		` ValueType="http://docs.oasis-open.org/ws-sx/ws-trust/200512/spnego"`,
	} {
		if !strings.Contains(answer, part) {
			w.Errorf("no %s in %s", part, answer)
		}
	}
}

// unwrap opens a sealed token of RFC 4121 4.2.6.2 from the acceptor with
// gokrb5's cryptography. CXF asks for no AP-REP: the key is the initiator's.
func (w *world) unwrap(token []byte) []byte {
	w.Helper()
	key := w.cfg.Acceptor.(*peeking).last.Key()
	if !bytes.Equal(token[:8], []byte{5, 4, 3, 0xff, 0, 0, 0, 0}) {
		w.Fatalf("header %x: not the acceptor's, sealed, without a subkey of its own", token[:8])
	}
	plain, err := crypto.DecryptMessage(token[16:], types.EncryptionKey{KeyType: key.Etype(),
		KeyValue: key.ExposeKeyOctets()}, 22)
	w.must(err)
	if end := len(plain) - 16; !bytes.Equal(plain[end:], token[:16]) {
		w.Fatalf("header inside is %x", plain[end:])
	}
	return plain[:len(plain)-16]
}

// pSHA1 is P_SHA1 of RFC 4346 §5, from its description.
func pSHA1(secret, seed []byte, length int) (out []byte) {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(sha1.New, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	for a := mac(seed); len(out) < length; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:length]
}

// What CXF's own service answers can be read, so that our initiator can use it.
func TestResponsesOfCXFAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, name := range []string{"SpnegoSymmetric", "SpnegoSymmetric-rc4"} {
		text, err := os.ReadFile("testdata/" + name + "-response.xml")
		w.must(err)
		all, err := wstrust.ReadResponses(w.parse(string(text)).Body.FirstChild())
		w.must(err)
		r := all[0]
		if len(all) != 1 || r.Version != wstrust.V13 || r.KeySize != 256 || len(r.Proof.Wrapped) < 60 ||
			r.Expires.Sub(r.Created) != 5*time.Minute ||
			!strings.HasPrefix(r.Token.Identifier, "uuid:") || r.Authenticator != nil || r.Exchange != nil {
			t.Errorf("%+v", r)
		}
	}
}
