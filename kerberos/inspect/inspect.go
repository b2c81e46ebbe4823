package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A Config is what an Inspector may use and show. The zero value shows what
// is in clear.
type Config struct {
	// Keytab opens tickets. With it the tree has what was encrypted, and what a
	// gss.Acceptor with this keytab does with the token, and why.
	Keytab *keytab.Keytab
	// Etypes are those that the acceptor allows, as in gss.AcceptorConfig.
	Etypes []int32
	// ShowKeys adds the octets of keys. Without it the tree has none, whatever
	// the input is.
	ShowKeys bool
	// ShowMessages adds what per-message tokens hold, as far as it is text.
	ShowMessages bool
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// An Inspector explains tokens and files of Kerberos for people. What it learns
// of one it uses for those that follow: the keys of an AP-REQ open the AP-REP
// and the messages after it. It is not for concurrent use.
type Inspector struct {
	cfg     Config
	learned []learnedKeys // newest first
}

// learnedKeys are the keys of a security context, as far as they are known.
type learnedKeys struct {
	session, subkey, acceptor etype.Key
	ctime                     time.Time // of the authenticator
	client, service           string
}

// maxLearned bounds what an Inspector keeps.
const maxLearned = 16

// New makes an Inspector.
func New(cfg Config) *Inspector {
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &Inspector{cfg: cfg}
}

// An Inspection is what came of one input.
type Inspection struct {
	Node  *Node
	Known bool      // it is of a kind that an Inspector knows, sound or not
	Sound bool      // and all of it can be read
	Key   etype.Key // the effective key of an AP-REQ that the keytab opens, else the zero Key
	Made  time.Time // time of its authenticator; zero when it was not opened
	// Asked reports whether it is a client's token on which an acceptor has a
	// verdict. Err is that verdict: what gss.Acceptor.VerifyToken returns, and
	// of a SPNEGO token what gss.Context.Step does; nil when it accepts.
	// Without a keytab only what no key can change is a verdict.
	Asked bool
	Err   error
	// Message is what a Wrap token holds that opens with keys of an earlier
	// token. It may be a key. Client and Service are those of that token.
	Message         []byte
	Client, Service string
}

// inspection is one run of Inspect.
type inspection struct {
	*Inspector
	now        time.Time
	out        Inspection
	failed     bool
	initial    bool // it is what a client begins with
	depth      int
	nodes      int
	plaintexts [][]byte // wiped at the end
}

// Limits of a tree.
const (
	maxInspectDepth = 8      // tokens in tokens
	maxInspectLines = 20_000 // of lists
	maxInspectBytes = 16 << 20
)

// Inspect explains one token or file, given as its octets, whatever it is. It
// keeps nothing of them.
func (x *Inspector) Inspect(octets []byte) Inspection {
	run := inspection{Inspector: x, now: x.cfg.Time()}
	root := &Node{}
	run.out = Inspection{Node: root, Known: true}
	if len(octets) > maxInspectBytes {
		root.Name = "input"
		root.Problem = fmt.Sprintf("%d octets, more than any token or file of Kerberos", len(octets))
		run.out.Known = false
		return run.out
	}
	run.any(root, octets)
	run.out.Sound = run.out.Known && !run.failed
	if run.initial {
		run.askAcceptor(root, octets)
	}
	for _, plain := range run.plaintexts {
		clear(plain)
	}
	return run.out
}

// Tickets explains tickets of a client that are held in memory, as Inspect does
// those of a credential cache.
func (x *Inspector) Tickets(client kerberos.Principal, all []kerberos.Credential) *Node {
	run := inspection{Inspector: x, now: x.cfg.Time()}
	root := &Node{Name: "tickets", Value: client.String()}
	run.tickets(root, client, all)
	for _, plain := range run.plaintexts {
		clear(plain)
	}
	return root
}

// titled names a node after what it holds.
func titled(n *Node, name string, b []byte) { n.Name, n.Value = name, OctetCount(len(b)) }

// refuse notes that a reader does not take octets that came in clear, and shows
// their shape.
func (x *inspection) refuse(n *Node, b []byte, err error) {
	x.fail(n, err)
	dumpDER(n, b)
}

// fail notes at a node that a reader refuses what it stands for.
func (x *inspection) fail(n *Node, err error) { n.Problem, x.failed = err.Error(), true }

// any names n after what b begins with, and explains it.
func (x *inspection) any(n *Node, b []byte) {
	if x.depth++; x.depth > maxInspectDepth {
		titled(n, "token", b)
		x.fail(n, fmt.Errorf("tokens in tokens beyond any use"))
		return
	}
	defer func() { x.depth-- }()
	_, perMessage := krbmsg.ReadMessageHeader(b)
	switch {
	case len(b) == 0:
		n.Name, n.Value = "empty", "no octets at all"
		n.Note = "as SPNEGO token: the acceptor is asked to speak first"
	case bytes.HasPrefix(b, []byte("NTLMSSP\x00")):
		x.ntlm(n, b)
	case bytes.HasPrefix(b, []byte("NEGOEXTS")):
		titled(n, "NEGOEX token", b)
		n.Note = "extended negotiation of Windows (MS-NEGOEX); not looked into"
	case perMessage: // before a credential cache, which may begin with 05 04 too
		x.perMessage(n, b)
	case len(b) > 1 && b[0] == 5 && (b[1] == 1 || b[1] == 2):
		x.keytabFile(n, b)
	case len(b) > 1 && b[0] == 5 && (b[1] == 3 || b[1] == 4):
		x.ccacheFile(n, b)
	case b[0] == der.TagApplication(0):
		x.frame(n, b)
	case b[0] == der.TagContext(0) || b[0] == der.TagContext(1):
		x.spnego(n, b)
	case b[0]&0xe0 == 0x60:
		x.message(n, b)
	case len(b) > 4 && b[0] == 0 && b[4]&0xe0 == 0x60:
		x.recordMark(n, b)
	case b[0] == der.TagSequence:
		x.kdcProxy(n, b)
	default:
		x.unknown(n, b, fmt.Errorf("no token or file of Kerberos begins with % x", b[:min(len(b), 4)]))
	}
}

// unknown is what is of no kind that is known here.
func (x *inspection) unknown(n *Node, b []byte, err error) {
	titled(n, "unknown", b)
	x.fail(n, err)
	x.out.Known = x.depth > 1
}

// message explains a Kerberos message (RFC 4120 5.10) by its application tag.
func (x *inspection) message(n *Node, b []byte) {
	switch tag := b[0]; tag {
	case der.TagApplication(1):
		titled(n, "Ticket", b)
		x.ticket(n, b)
	case der.TagApplication(10):
		x.kdcRequest(n, "AS-REQ", b)
	case der.TagApplication(12):
		x.kdcRequest(n, "TGS-REQ", b)
	case der.TagApplication(11):
		x.kdcReply(n, "AS-REP", b)
	case der.TagApplication(13):
		x.kdcReply(n, "TGS-REP", b)
	case der.TagApplication(14):
		titled(n, "AP-REQ", b)
		x.initial = x.depth == 1
		x.apReq(n, b)
	case der.TagApplication(15):
		titled(n, "AP-REP", b)
		x.apRep(n, b)
	case der.TagApplication(20):
		titled(n, "KRB-SAFE", b)
	case der.TagApplication(21):
		titled(n, "KRB-PRIV", b)
	case der.TagApplication(22):
		titled(n, "KRB-CRED", b)
		x.krbCred(n, b)
	case der.TagApplication(30):
		titled(n, "KRB-ERROR", b)
		x.krbError(n, b)
	default:
		x.unknown(n, b, fmt.Errorf("a DER element with tag 0x%02x, which no message of Kerberos has in clear", tag))
	}
}

// recordMark explains a message as it goes over TCP (RFC 4120 7.2.2).
func (x *inspection) recordMark(n *Node, b []byte) {
	length, message := binary.BigEndian.Uint32(b), b[4:]
	x.message(n, message)
	x.initial = false
	n.Note = "behind a TCP record mark"
	if int64(length) != int64(len(message)) {
		x.fail(n, fmt.Errorf("record mark announces %d octets, %d follow", length, len(message)))
	}
}

// OctetCount returns "1,234 octets".
func OctetCount(n int) string {
	if n == 1 {
		return "1 octet"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + " octets"
}

// remember keeps keys for the tokens that follow.
func (x *Inspector) remember(k learnedKeys) {
	x.learned = append([]learnedKeys{k}, x.learned[:min(len(x.learned), maxLearned-1)]...)
}

// showKey appends the line of a key: its type, and its octets only when they
// are asked for.
func (x *inspection) showKey(n *Node, name string, et int32, octets []byte) *Node {
	c := n.Add(name, etypeText(et))
	if e, ok := etype.ByID(et); ok && len(octets) != e.KeyLen {
		c.Problem = fmt.Sprintf("has %d octets, this type has %d", len(octets), e.KeyLen)
	}
	if x.cfg.ShowKeys {
		c.Addf("octets", "%x", octets)
	}
	return c
}
