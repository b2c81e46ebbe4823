package explain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/inspect"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/wssec"
)

// Config is what an Inspector may use and show. The zero value shows
// what is in clear.
type Config struct {
	// Keytab opens tickets, and with their keys the messages. Nil: only what is
	// in clear is explained.
	Keytab *keytab.Keytab
	// AllowRC4 accepts RC4, as a gateway with allow-rc4 does.
	AllowRC4 bool
	// Policy is what a SOAP message is verified against; nil for the policy
	// that the message itself seems to follow.
	Policy *wssec.Policy
	// ShowKeys adds the octets of keys, Plaintext what messages hold.
	ShowKeys, Plaintext bool
	// Cure is what to do about an error code; nil for none.
	Cure func(code string) string
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// An Inspector explains what it is given, in the order of a
// conversation. It is not for concurrent use.
type Inspector struct {
	cfg      Config
	kerberos *inspect.Inspector
	tokens   map[wssec.TokenHash]*token // that were opened
	accepted knownTokens                // of messages that were accepted
	contexts map[string]securityContext // that were negotiated, by their Identifier
	asked    *contextRequest            // by the last request that verified; nil if it asked for no context
	sent     *wssec.Request             // the last request that verified, for its reply
	policy   wssec.Policy               // that it was verified with
	replied  bool                       // its reply was verified
}

// New makes an Inspector.
func New(cfg Config) *Inspector {
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	return &Inspector{
		cfg: cfg, tokens: map[wssec.TokenHash]*token{}, contexts: map[string]securityContext{},
		accepted: knownTokens{},
		kerberos: inspect.New(inspect.Config{Keytab: cfg.Keytab, Etypes: cfg.etypes(), ShowKeys: cfg.ShowKeys,
			ShowMessages: cfg.Plaintext, Time: cfg.Time}),
	}
}

func (c *Config) etypes() []int32 {
	all := etype.Supported(etype.AES128SHA1, etype.AES256SHA1, etype.AES128SHA2, etype.AES256SHA2)
	if c.AllowRC4 {
		all = append(all, etype.RC4)
	}
	return all
}

// Errors of Inspect about what it is given.
var (
	ErrEmpty   = errors.New("is empty")
	ErrUnknown = errors.New("neither XML nor a token or file of Kerberos, nor base64 or hexadecimal of one")
)

// Inspect explains what a file or an argument holds: one tree for each token in
// it. The error is what is wrong: ErrEmpty, ErrUnknown, that something cannot
// be read, or, with a keytab, the refusal; the trees have it too.
func (x *Inspector) Inspect(ctx context.Context, b []byte) (trees []*inspect.Node, err error) {
	if len(b) == 0 {
		return nil, ErrEmpty
	}
	list := decode(b)
	if len(list) == 0 {
		return nil, ErrUnknown
	}
	for _, in := range list {
		var tree *inspect.Node
		var problem error
		if in.xml {
			tree, problem = x.message(ctx, in.octets)
		} else {
			tree, problem = x.token(in.octets)
		}
		if in.form != "" {
			if tree.Note != "" {
				tree.Note = "; " + tree.Note
			}
			tree.Note = in.form + tree.Note
		}
		trees = append(trees, tree)
		err = errors.Join(err, problem)
	}
	return trees, err
}

// token explains what is no XML.
func (x *Inspector) token(octets []byte) (*inspect.Node, error) {
	r := x.kerberos.Inspect(octets)
	switch {
	case !r.Known:
		return r.Node, ErrUnknown
	case x.cfg.Keytab != nil && r.Err != nil:
		return r.Node, fmt.Errorf("refused: %w", r.Err)
	case !r.Sound:
		return r.Node, errors.New("it cannot be read to its end")
	}
	return r.Node, nil
}
