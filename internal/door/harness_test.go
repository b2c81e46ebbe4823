package door_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/wssgate/wssgate/internal/door"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/soap"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

const (
	service = "soap/gw.example.com"
	payload = `<q:Ask xmlns:q="urn:q">what is it worth</q:Ask>`
	answer  = `<q:Answer xmlns:q="urn:q">42.50</q:Answer>`
)

// A world is a KDC, and what doors and clients of its service share.
type world struct {
	testing.TB
	kdc      *krbtest.KDC
	acceptor *gss.Acceptor
	replay   *replay.Memory
	tokens   *wssec.MemoryTokenCache
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, kdc: krbtest.New(krbtest.Config{})}
	w.kdc.AddService(service)
	w.replay = replay.NewMemory(replay.MemoryConfig{})
	w.tokens = wssec.NewMemoryTokenCache(wssec.TokenCacheConfig{})
	var err error
	w.acceptor, err = gss.NewAcceptor(gss.AcceptorConfig{Keytab: w.kdc.Keytab(nil), Replay: w.replay})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// preset returns a policy by its name.
func (w *world) preset(name string) wssec.Policy {
	w.Helper()
	p, ok := wssec.Preset(name)
	if !ok {
		w.Fatalf("no preset is called %s", name)
	}
	return p
}

// security returns the door of a policy.
func (w *world) security(p wssec.Policy) *door.Security {
	w.Helper()
	processor, err := wssec.NewProcessor(p, wssec.Config{Verifier: w.acceptor, Replay: w.replay, Tokens: w.tokens})
	w.must(err)
	return door.NewSecurity(p.Name, processor)
}

// client returns the client's side of a policy, which sends over anything.
func (w *world) client(p wssec.Policy) *wssec.Processor {
	w.Helper()
	p.AllowPlainHTTP = true
	processor, err := wssec.NewProcessor(p, wssec.Config{Replay: replay.NewMemory(replay.MemoryConfig{})})
	w.must(err)
	return processor
}

// envelope returns a plain message of SOAP 1.1.
func envelope(header, body string) string {
	return fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>`,
		soap.NS11, header, body)
}

func (w *world) parse(octets []byte) *soap.Envelope {
	w.Helper()
	env, err := soap.Parse(octets, xmltext.Options{})
	w.must(err)
	return env
}

// outgoing returns a fresh token of alice.
func (w *world) outgoing() wssec.OutgoingToken {
	w.Helper()
	token, key := w.token("alice")
	return wssec.OutgoingToken{Token: token, Key: key}
}

// protect protects a message with a fresh token of alice.
func (w *world) protect(client *wssec.Processor, message string) ([]byte, *wssec.Request) {
	w.Helper()
	out, request, err := client.ProtectRequest(nil, w.parse([]byte(message)), w.outgoing())
	w.must(err)
	return out, request
}

// arrival returns a message that came by TLS.
func (w *world) arrival(octets []byte) door.Arrival {
	w.Helper()
	return door.Arrival{Envelope: w.parse(octets), Channel: wssec.Channel{TLS: true}}
}

// admit calls a door that has to admit a message, and returns what it admitted.
func (w *world) admit(d door.Door, octets []byte) door.Admitted {
	w.Helper()
	in, err := d.Admit(w.Context(), w.arrival(octets))
	w.must(err)
	return in
}

// withBlock adds a header block to a message that is protected already.
func withBlock(message []byte, block string) []byte {
	at := bytes.LastIndex(message, []byte("</s:Header>"))
	return append(append(bytes.Clone(message[:at]), block...), message[at:]...)
}

// block returns the header block of a local name.
func (w *world) block(env *soap.Envelope, local string) xmltext.Node {
	w.Helper()
	for b := range env.Blocks() {
		if b.Local() == local {
			return b
		}
	}
	w.Fatalf("no header block %s", local)
	return xmltext.Node{}
}
