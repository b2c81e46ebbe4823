package kdcproxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
)

// asReq returns an AS-REQ of alice for a realm.
func asReq(realm string) []byte { return kdcReq(10, realm, []string{"alice"}, "krbtgt", realm) }

func tgsReq(realm string) []byte { return kdcReq(12, realm, nil, "HTTP", "www.example.com") }

func kdcReq(msgType byte, realm string, client []string, service ...string) []byte {
	r := krbmsg.KDCRequest{Realm: realm, Client: client, ClientType: krbmsg.NamePrincipal, Service: service,
		Till: krbmsg.NoEnd(), Nonce: 7, Etypes: []int32{18, 17}}
	pa := krbmsg.EncodePAData(128, []byte("opaque"))
	return krbmsg.EncodeKDCRequest(msgType, pa, r.Body())
}

// passwordReq returns a request to change a password, with a ticket of the realm.
func passwordReq(realm string, service ...string) []byte {
	if service == nil {
		service = []string{"kadmin", "changepw"}
	}
	ticket := der.Element(der.TagApplication(1), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagGeneralString, []byte(realm)),
		der.Element(der.TagContext(2), krbmsg.EncodeName(2, service)),
		der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, []byte("ticket")))))
	apReq := der.Element(der.TagApplication(14), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagInteger, der.Integer(14)),
		der.Field(2, der.TagBitString, der.Flags(0)), der.Element(der.TagContext(3), ticket),
		der.Element(der.TagContext(4), krbmsg.EncodeEncryptedData(18, []byte("authenticator")))))
	return passwordMessage(apReq, der.Element(der.TagApplication(21), []byte("new")))
}

func passwordMessage(ap, rest []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(6+len(ap)+len(rest)))
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(ap)))
	return append(append(b, ap...), rest...)
}

// Replies of a KDC, to asReq, tgsReq and passwordReq.
var (
	asRep         = kdcRep(11, "krbtgt", "EXAMPLE.COM")
	tgsRep        = kdcRep(13, "HTTP", "www.example.com")
	passwordReply = passwordMessage(der.Element(der.TagApplication(15)), der.Element(der.TagApplication(21)))
)

// kdcRep returns a reply to a request of alice.
func kdcRep(msgType byte, service ...string) []byte {
	ticket := der.Element(der.TagApplication(1), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagGeneralString, []byte("EXAMPLE.COM")),
		der.Element(der.TagContext(2), krbmsg.EncodeName(2, service)),
		der.Element(der.TagContext(3), krbmsg.EncodeEncryptedData(18, []byte("ticket")))))
	return der.Element(der.TagApplication(msgType), der.Element(der.TagSequence,
		der.Field(0, der.TagInteger, der.Integer(5)), der.Field(1, der.TagInteger, der.Integer(int64(msgType))),
		der.Field(3, der.TagGeneralString, []byte("EXAMPLE.COM")),
		der.Element(der.TagContext(4), krbmsg.EncodeName(krbmsg.NamePrincipal, []string{"alice"})),
		der.Element(der.TagContext(5), ticket),
		der.Element(der.TagContext(6), krbmsg.EncodeEncryptedData(18, []byte("for the client")))))
}

// replyTo returns the reply to one of the requests.
func replyTo(request []byte) []byte {
	switch request[0] {
	case der.TagApplication(10):
		return asRep
	case der.TagApplication(12):
		return tgsRep
	}
	return passwordReply
}

func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// A fakeNet is what the relay dials and looks up.
type fakeNet struct {
	play func(network, address string, c net.Conn) // nil: answers

	mu       sync.Mutex
	dialled  []string
	lookups  []string
	received [][]byte
}

func (f *fakeNet) dial(_ context.Context, network, address string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dialled = append(f.dialled, network+"/"+address)
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		if f.play != nil {
			f.play(network, address, there)
			return
		}
		f.answer(network, there)
	}()
	return here, nil
}

// answer reads a request and writes its reply.
func (f *fakeNet) answer(network string, c net.Conn) { f.answerWith(network, c, replyTo) }

func (f *fakeNet) answerWith(network string, c net.Conn, replyTo func(request []byte) []byte) {
	buf := make([]byte, 200<<10)
	n, err := c.Read(buf)
	if err != nil {
		return
	}
	request := bytes.Clone(buf[:n])
	if network == "tcp" {
		request = request[4:]
	}
	reply := replyTo(request)
	if network == "tcp" {
		reply = framed(reply)
	}
	f.mu.Lock()
	f.received = append(f.received, request)
	f.mu.Unlock()
	c.Write(reply)
}

func (f *fakeNet) lookup(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookups = append(f.lookups, service+"."+proto+"."+name)
	if proto == "udp" {
		return "", nil, errors.New("no such host")
	}
	return "", []*net.SRV{{Target: "found.", Port: 88}}, nil
}

// seen returns what was dialled, looked up and received.
func (f *fakeNet) seen() (dialled, lookups []string, received [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dialled, f.lookups, f.received
}

// A events collects what a relay reports.
type events struct {
	mu   sync.Mutex
	list []Event
	more chan struct{}
}

func (e *events) report(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
	if e.more != nil {
		e.more <- struct{}{}
	}
}

func (e *events) all() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list
}

func (e *events) last() Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) == 0 {
		return Event{}
	}
	return e.list[len(e.list)-1]
}

// exampleRealms are the realms of most tests.
func exampleRealms() []Realm {
	return []Realm{
		{Name: "EXAMPLE.COM", Aliases: []string{"EXAMPLE"}, KDCs: []string{"kdc1"}, PasswordServers: []string{"pw1"}},
		{Name: "OTHER.TEST", KDCs: []string{"kdc2"}},
	}
}

// newRelay returns a relay on a fakeNet, and what it reports.
func newRelay(t testing.TB, f *fakeNet, cfg Config) (*Relay, *events) {
	t.Helper()
	e := new(events)
	if cfg.Realms == nil {
		cfg.Realms = exampleRealms()
	}
	if cfg.Report == nil {
		cfg.Report = e.report
	}
	cfg.Dial, cfg.LookupSRV = f.dial, f.lookup
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, e
}

// within fails the test unless a channel has something soon.
func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s does not happen", what)
	}
}

// inUse returns how many slots are taken, by how many clients.
func (s *slots) inUse() (n, clients int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, len(s.clients)
}
