package vectors

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/soap/xmltext"
	"github.com/wssgate/wssgate/wssec"
)

// canonicalForm runs a vector of canonical forms.
func (a *archive) canonicalForm(o *Outcome) {
	doc, err := xmltext.Scan(a.sections["input.xml"], xmltext.Options{})
	if o.decide(a.Expect, err); err != nil {
		return
	}
	apex := doc.Root()
	for n := range doc.Root().Descendants() {
		if _, ok := n.Attr("", "apex"); ok {
			apex = n
		}
	}
	form := apex.AppendCanonical(nil, xmltext.C14N{Prefixes: a.Prefixes})
	d1, d256 := sha1.Sum(form), sha256.Sum256(form)
	switch {
	case !bytes.Equal(form, a.sections["canonical"]):
		o.Problem = fmt.Sprintf("canonical form %q, expected %q", form, a.sections["canonical"])
	case !bytes.Equal(d1[:], a.SHA1) || !bytes.Equal(d256[:], a.SHA256):
		o.Problem = "the digests are not those of the canonical form"
	default:
		o.Second.compare(o, apex, form, a.Prefixes)
	}
}

// tokenAcceptor makes the acceptor of a token.
func (a *archive) tokenAcceptor() (*gss.Acceptor, error) {
	now := func() time.Time { return a.Time }
	return a.acceptor(now, a.newReplay(now))
}

// token runs a vector of an AP-REQ, or of a SPNEGO token with one.
func (a *archive) token(ctx context.Context, o *Outcome) {
	acceptor, err := a.tokenAcceptor()
	if err != nil {
		o.Problem = err.Error()
		return
	}
	ctx = a.withAddress(ctx, nil)
	var auth *gss.Authentication
	if a.Kind == "spnego" {
		c := acceptor.NewContext(gss.AcceptConfig{NoAcceptorSubkey: true})
		if _, _, err = c.Step(ctx, a.sections["token"]); err == nil {
			auth = c.Authentication()
		}
	} else {
		auth, err = acceptor.AcceptBound(ctx, a.sections["token"], a.bindings())
	}
	if o.decide(a.Expect, err); err != nil || o.Problem != "" {
		return
	}
	if !bytes.Equal(auth.ExposeKeyOctets(), a.Key) {
		o.Problem = "the key is not that of the vector"
	}
	if name, realm := auth.Client(); name+"@"+realm != a.Client {
		o.Problem = fmt.Sprintf("the client is %s@%s", name, realm)
	}
}

// protection returns the receiver's side of a context.
func (a *archive) protection() (*gss.MessageProtection, error) {
	cfg := gss.MessageConfig{Acceptor: a.From == "initiator", ReceiveSequence: a.Sequence, SendSequence: a.Sequence}
	var err error
	if cfg.Key, err = etype.NewKey(a.Etype, a.Key); err != nil {
		return nil, err
	}
	if len(a.AcceptorKey) > 0 {
		if cfg.AcceptorSubkey, err = etype.NewKey(a.Etype, a.AcceptorKey); err != nil {
			return nil, err
		}
	}
	return gss.NewMessageProtection(cfg)
}

// perMessage runs a vector of a Wrap or MIC token.
func (a *archive) perMessage(o *Outcome) {
	p, err := a.protection()
	if err != nil {
		o.Problem = err.Error()
		return
	}
	text, sealed := a.sections["text"], a.Sealed
	if a.Kind == "mic" {
		err = p.VerifyMIC(text, a.sections["token"])
	} else {
		text, sealed, err = p.Unwrap(nil, a.sections["token"])
	}
	if err != nil {
		err = &refused{err}
	}
	if o.decide(a.Expect, err); err == nil && (!bytes.Equal(text, a.sections["text"]) || sealed != a.Sealed) {
		o.Problem = "the text is another, or not protected as the vector says"
	}
}

// refused is a refusal for which there is no code.
type refused struct{ err error }

func (e *refused) Error() string     { return e.err.Error() }
func (e *refused) ErrorCode() string { return "refused" }

// A derivation is one of derivedkeys/p_sha1.json.
type derivation struct {
	Comment, Label     string
	Secret, Nonce, Key hexOctets
	Offset, Length     int
}

// runDerivations runs a list of derived keys.
func runDerivations(files fs.FS, name string) []Outcome {
	var list []derivation
	b, err := fs.ReadFile(files, name)
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil || len(list) == 0 {
		return []Outcome{{Name: trimEnding(name), Kind: "derivation", Problem: cmp.Or(err,
			errors.New("no vectors")).Error()}}
	}
	var all []Outcome
	for i, d := range list {
		o := Outcome{Name: fmt.Sprintf("%s/%d", trimEnding(name), i+1), Kind: "derivation", Flags: []string{"valid",
			"derived-key"},
			Expect: "ok", Got: "ok"}
		if key := wssec.DeriveKey(d.Secret, d.Label, d.Nonce, d.Offset, d.Length); !bytes.Equal(key, d.Key) {
			o.Problem = fmt.Sprintf("%s: the key is %s", d.Comment, hex.EncodeToString(key))
		}
		all = append(all, o)
	}
	return all
}
