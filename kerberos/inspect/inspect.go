package inspect

import (
	"bytes"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
)

// A Config says what an Inspector may use and show. The zero value shows what is in clear.
type Config struct {
	// Keytab opens tickets. With it the tree has what was encrypted and says what a gss.Acceptor with this keytab would
	// refuse, and why.
	Keytab *keytab.Keytab
	// Etypes are those that the acceptor allows, as in gss.AcceptorConfig.
	Etypes []int32
	// ShowKeys adds the octets of keys. Without it the tree has none, whatever the input is.
	ShowKeys bool
	// ShowMessages adds what per-message tokens hold, as far as it is text.
	ShowMessages bool
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// An Inspector explains tokens and files of Kerberos for people. What it learns of one it uses for those that follow:
// the keys of an AP-REQ open the AP-REP and the messages after it. It is not for concurrent use.
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
	Sound bool      // and all of it decodes
	Key   etype.Key // the effective key of an AP-REQ that the keytab opens, else the zero Key
	Made  time.Time // time of its authenticator; zero when it was not opened
	Err   error     // what a gss.Acceptor says; nil when it accepts, or there was nothing to accept
	// Message is what a Wrap token holds that opens with keys of an earlier token. It may be a key.
	Message []byte
}

// inspection is one run of Inspect.
type inspection struct {
	*Inspector
	now         time.Time
	out         Inspection
	failed      bool
	sealed      string    // the decrypted part that is being read, "" for the input
	ticketKey   etype.Key // that opened the ticket that is being read
	depth       int
	otherChoice bool // the token is for a mechanism that stands before Kerberos in the client's list
	nodes       int
	plaintexts  [][]byte // wiped at the end
}

// Limits of a tree.
const (
	maxInspectDepth = 8      // tokens in tokens
	maxInspectLines = 20_000 // of lists
	maxInspectBytes = 16 << 20
)

// Inspect explains one token or file, given as its octets, whatever it is. It keeps nothing of them.
func (x *Inspector) Inspect(octets []byte) Inspection {
	run := inspection{Inspector: x, now: x.cfg.Time()}
	root := &Node{}
	run.out = Inspection{Node: root, Known: true}
	if len(octets) > maxInspectBytes {
		root.Name, root.Problem = "input", fmt.Sprintf("%d octets, more than any token or file of Kerberos", len(octets))
		run.out.Known = false
		return run.out
	}
	run.any(root, part{octets, 0})
	run.out.Sound = run.out.Known && !run.failed
	for _, plain := range run.plaintexts {
		clear(plain)
	}
	return run.out
}

// titled says what the node is about.
func titled(n *Node, name, format string, args ...any) {
	n.Name, n.Value = name, fmt.Sprintf(format, args...)
}

// any looks at the first octets to see what it has before it, and explains it in n, to which it gives a name.
func (x *inspection) any(n *Node, p part) {
	if x.depth++; x.depth > maxInspectDepth {
		titled(n, "token", "%s", OctetCount(len(p.b)))
		x.fail(n, p.at, "tokens in tokens beyond any use")
		return
	}
	defer func() { x.depth-- }()
	b := p.b
	switch {
	case len(b) == 0:
		titled(n, "empty", "no octets at all")
		n.Note = "as SPNEGO token: the acceptor is asked to speak first"
	case bytes.HasPrefix(b, []byte("NTLMSSP\x00")):
		x.ntlm(n, p)
	case bytes.HasPrefix(b, []byte("NEGOEXTS")):
		titled(n, "NEGOEX token", "%s", OctetCount(len(b)))
		n.Note = "extended negotiation of Windows (MS-NEGOEX); not looked into"
	case isPerMessage(b):
		x.perMessage(n, p)
	case len(b) > 1 && b[0] == 5 && (b[1] == 1 || b[1] == 2):
		x.keytabFile(n, p)
	case len(b) > 1 && b[0] == 5 && (b[1] == 3 || b[1] == 4):
		x.ccacheFile(n, p)
	case b[0] == der.TagApplication(0):
		x.frame(n, p)
	case b[0] == der.TagContext(0) || b[0] == der.TagContext(1):
		x.spnego(n, p, p)
	case b[0]&0xe0 == 0x60:
		x.message(n, p)
	case len(b) > 4 && b[0] == 0 && b[4]&0xe0 == 0x60:
		x.recordMark(n, p)
	case b[0] == der.TagSequence:
		x.kdcProxy(n, p)
	default:
		titled(n, "unknown", "%s", OctetCount(len(b)))
		n.Problem = fmt.Sprintf("no token or file of Kerberos begins with %s", firstOctets(b))
		x.out.Known = x.depth > 1
		x.failed = true
	}
}

func firstOctets(b []byte) string { return fmt.Sprintf("% x", b[:min(len(b), 4)]) }

// isPerMessage tells a Wrap or MIC token of RFC 4121 4.2.6 by its filler from a credential cache, which may begin with
// 05 04 too and has the length of a short header there.
func isPerMessage(b []byte) bool {
	return len(b) >= krbmsg.CFXHeader && (string(b[:2]) == krbmsg.TokWrap && b[3] == 0xff || string(b[:2]) == krbmsg.TokMIC && string(b[3:8]) == "\xff\xff\xff\xff\xff")
}

// message explains a Kerberos message (RFC 4120 5.10) by its application tag.
func (x *inspection) message(n *Node, p part) {
	size := len(p.b)
	switch tag := p.b[0]; tag {
	case der.TagApplication(1):
		titled(n, "Ticket", "%s", OctetCount(size))
		x.bareTicket(n, p)
	case der.TagApplication(10), der.TagApplication(12):
		x.kdcRequest(n, p)
	case der.TagApplication(11), der.TagApplication(13):
		x.kdcReply(n, p)
	case der.TagApplication(14):
		titled(n, "AP-REQ", "%s", OctetCount(size))
		x.apReq(n, p)
	case der.TagApplication(15):
		titled(n, "AP-REP", "%s", OctetCount(size))
		x.apRep(n, p)
	case der.TagApplication(20), der.TagApplication(21):
		titled(n, map[byte]string{der.TagApplication(20): "KRB-SAFE", der.TagApplication(21): "KRB-PRIV"}[tag], "%s", OctetCount(size))
	case der.TagApplication(22):
		titled(n, "KRB-CRED", "%s", OctetCount(size))
		x.krbCred(n, p)
	case der.TagApplication(30):
		titled(n, "KRB-ERROR", "%s", OctetCount(size))
		x.krbError(n, p)
	default:
		titled(n, "unknown", "%s", OctetCount(size))
		n.Problem = fmt.Sprintf("a DER element with tag 0x%02x, which no message of Kerberos has in clear", tag)
		x.out.Known = x.depth > 1
		x.failed = true
	}
}

// recordMark is a message as it goes over TCP (RFC 4120 7.2.2).
func (x *inspection) recordMark(n *Node, p part) {
	length := int(p.b[0])<<24 | int(p.b[1])<<16 | int(p.b[2])<<8 | int(p.b[3])
	if length != len(p.b)-4 {
		x.fail(n, p.at, "record mark says %d octets, %d follow", length, len(p.b)-4)
	}
	x.message(n, p.skip(4))
	n.Note = "behind a TCP record mark"
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

// showKey appends the line of a key: its type, and only when asked its octets.
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
