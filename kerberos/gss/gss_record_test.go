package gss_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/krbtest/gsspeer"
)

var recordPeers = flag.Bool("record", false, "record tokens of the peers in ../testdata/tokens")

// A recorder writes lines of ../testdata/tokens/contexts.txt.
type recorder struct {
	*gssWorld
	t   *testing.T
	out bytes.Buffer
}

// TestRecordContexts makes ../testdata/tokens anew, with -record. Its README
// says what is in it.
func TestRecordContexts(t *testing.T) {
	if !*recordPeers {
		t.Skip("records only with -record")
	}
	r := &recorder{gssWorld: newGSSWorld(t), t: t}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("EXAMPLE:alice:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NTLM_USER_FILE", users)
	for _, p := range []*gsspeer.Peer{gsspeer.MIT(t, r.m, r.keytab), gsspeer.Heimdal(t, r.m, r.keytab),
		gsspeer.Java(t, r.m, r.keytab)} {
		for _, spnego := range []bool{true, false} {
			for _, e := range mitEnctypes {
				r.initiates(p, e.Etype, spnego)
				r.accepts(p, e.Etype, spnego)
			}
			if p.Name != "Java" {
				r.refuses(p, spnego)
			}
		}
		if p.Name == "MIT" {
			r.initiatesNTLM(p)
		}
	}
	keytab, err := os.ReadFile(r.keytab)
	if err == nil {
		err = os.WriteFile("../testdata/tokens/service.keytab", keytab, 0o644)
	}
	if err == nil {
		err = os.WriteFile("../testdata/tokens/contexts.txt", r.out.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func mechanismName(spnego bool) string { return string(gssKind{spnego: spnego}.mechanism()) }

// initiates: without a subkey of ours the key of the messages is known from the
// peer's token.
func (r *recorder) initiates(p *gsspeer.Peer, etype int32, spnego bool) {
	flags := "mutual,replay,sequence"
	if !spnego {
		flags += ",delegate"
	}
	p.Begin(gsspeer.Begin{Service: gssService(etype) + "@EXAMPLE.COM", SPNEGO: spnego, Flags: flags})
	r.converse(fmt.Sprintf("%s/initiates/%d/%s", p.Name, etype, mechanismName(spnego)), p,
		r.acceptor.NewContext(gss.AcceptConfig{NoAcceptorSubkey: true}), true)
}

func (r *recorder) initiatesNTLM(p *gsspeer.Peer) {
	p.Begin(gsspeer.Begin{Service: gssService(18) + "@EXAMPLE.COM",
		SPNEGO: true, Flags: "mutual,replay,sequence,ntlm-first"})
	r.converse(p.Name+"/initiates/18/spnego-ntlm-first",
		p, r.acceptor.NewContext(gss.AcceptConfig{NoAcceptorSubkey: true}), true)
}

func (r *recorder) accepts(p *gsspeer.Peer, etype int32, spnego bool) {
	c := r.initiate(r.t, gssService(etype), gss.InitConfig{Mechanism: gssKind{spnego: spnego}.mechanism()})
	p.Begin(gsspeer.Begin{Accept: true})
	r.converse(fmt.Sprintf("%s/accepts/%d/%s", p.Name, etype, mechanismName(spnego)), p, c, false)
}

// refuses: our clock is an hour behind.
func (r *recorder) refuses(p *gsspeer.Peer, spnego bool) {
	c := r.initiate(r.t, gssService(18),
		gss.InitConfig{Mechanism: gssKind{spnego: spnego}.mechanism(), Time: later(-time.Hour)})
	p.Begin(gsspeer.Begin{Accept: true})
	r.converse(fmt.Sprintf("%s/refuses/18/%s", p.Name, mechanismName(spnego)), p, c, false)
}

// converse records the tokens of both sides, and messages of the peer.
func (r *recorder) converse(name string, p *gsspeer.Peer, c *gss.Context, peersTurn bool) {
	at := time.Now().UTC()
	var wire [][]byte
	var token []byte
	for {
		var err error
		if peersTurn {
			token, _, err = p.Step(token)
			if e, ok := errors.AsType[*gsspeer.Error](err); ok {
				token = e.Token
			}
		} else {
			token, _, _ = c.Step(r.t.Context(), token)
		}
		if token == nil {
			break
		}
		wire = append(wire, token)
		peersTurn = !peersTurn
	}
	messages := make([][]byte, 3)
	if c.Established() {
		var err1, err2, err3 error
		messages[0], err1 = p.Wrap([]byte("a message"), true)
		messages[1], err2 = p.Wrap([]byte("a message"), false)
		messages[2], err3 = p.MIC([]byte("a message"))
		if err := errors.Join(err1, err2, err3); err != nil {
			r.t.Fatal(err)
		}
	}
	fmt.Fprintf(&r.out, "%s %s", name, at.Format(time.RFC3339))
	for _, b := range append(messages, wire...) {
		text := base64.StdEncoding.EncodeToString(b)
		if b == nil {
			text = "-"
		}
		fmt.Fprintf(&r.out, " %s", text)
	}
	fmt.Fprintln(&r.out)
}
