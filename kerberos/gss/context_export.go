package gss

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// A StateSealer encrypts and authenticates octets under keys of its own. It is
// safe for concurrent use. It is an alias of an interface literal, so that a
// package can declare the same and pass sealers on without importing this one.
type StateSealer = interface {
	// Seal returns the encrypted plaintext. It can be opened with the same
	// purpose only.
	Seal(purpose string, plaintext []byte) (sealed []byte, err error)
	// Open returns the plaintext, or an error if sealed was made under another
	// key or purpose, or was altered.
	Open(purpose string, sealed []byte) (plaintext []byte, err error)
}

// statePurpose returns the purpose that a state is sealed for: StateBinding,
// and the rules that were applied or must hold at the other node too.
func (cfg *AcceptConfig) statePurpose() string {
	return fmt.Sprintf("kerberos context v%d %q bindings %q delegation %t open %v", stateVersion, cfg.StateBinding,
		cfg.BindingRule, cfg.Delegation, cfg.maxOpen())
}

// maxStateBytes bounds a sealed state. A token of kerberos.MaxTokenBytes, with
// a large PAC and a delegated credential, takes half of it at most; the other
// half is for the sealer.
const maxStateBytes = 8 * kerberos.MaxTokenBytes

// stateVersion is the version of exportedContext. Only nodes of the same
// version share half-open contexts; a client whose negotiation spans an update
// begins again.
const stateVersion = 3

var errNoBinding = errors.New("kerberos: state of a context without AcceptConfig.StateBinding")

// exportedContext is an acceptor's half-open context. It holds keys: its JSON
// must be sealed.
type exportedContext struct {
	ID          [32]byte // by which a state with KRB5 is resumed once
	Made        time.Time
	Legs        int
	MechTypes   []byte // empty when SPNEGO has sent its hint only
	Mech        []byte
	MICRequired bool
	MICSent     bool
	KRB5        *exportedKRB5 // nil until the mechanism is done
}

// exportedKRB5 is a krb5Context whose AP-REP was sent and whose client owes a
// mechListMIC.
type exportedKRB5 struct {
	Client                       kerberos.Principal
	Service                      string
	Facts                        Facts
	PAC                          *pac.PAC
	Session, Key, AcceptorSubkey exportedKey
	Flags, Send, Receive         uint32
	Bound                        bool
	Credentials                  []byte
}

// exportedKey is an etype.Key that JSON can hold.
type exportedKey struct {
	Etype  int32
	Octets []byte
}

func exportKey(k etype.Key) exportedKey { return exportedKey{k.Etype(), k.ExposeKeyOctets()} }

func (e exportedKey) key() (etype.Key, error) {
	if e.Etype == 0 {
		return etype.Key{}, nil
	}
	return etype.NewKey(e.Etype, e.Octets)
}

// Export returns the state of an acceptor's half-open context for
// [Acceptor.Resume], in this process or another one with the same keys. It
// returns an error for a context that is established or has failed, and for an
// initiator's. The context takes no more tokens afterwards.
func (c *Context) Export(sealer StateSealer) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acceptor == nil || c.state != stateHalfOpen || c.neg == nil {
		return nil, kerberos.Errorf(kerberos.CodeContextState,
			"only an acceptor's context that waits for a further token of a negotiation can be exported")
	}
	if c.accept.StateBinding == "" {
		return nil, errNoBinding
	}
	e := exportedContext{Made: c.made, Legs: c.legs, MechTypes: c.neg.mechTypes, Mech: []byte(c.neg.mech),
		MICRequired: c.neg.micRequired, MICSent: c.neg.micSent}
	rand.Read(e.ID[:])
	if c.neg.mechDone {
		e.KRB5 = c.krb5.export()
	}
	plain, err := json.Marshal(&e)
	if err != nil {
		return nil, fmt.Errorf("kerberos: state of a context: %w", err)
	}
	defer clear(plain)
	if len(plain) > maxStateBytes/2 {
		return nil, kerberos.Errorf(kerberos.CodeContextState, "state of %d octets, limit %d", len(plain), maxStateBytes/2)
	}
	sealed, err := sealer.Seal(c.accept.statePurpose(), plain)
	if err != nil {
		return nil, fmt.Errorf("kerberos: state of a context: %w", err)
	}
	c.state, c.krb5 = stateFailed, nil
	return sealed, nil
}

func (k *krb5Context) export() *exportedKRB5 {
	return &exportedKRB5{Client: k.auth.client, Service: k.auth.service, Facts: k.auth.facts, PAC: k.auth.pac,
		Session: exportKey(k.session), Key: exportKey(k.key), AcceptorSubkey: exportKey(k.acceptorSubkey),
		Flags: k.flags, Send: k.messages.nextToSend(), Receive: k.receive, Bound: k.bound,
		Credentials: k.auth.ClientCredentials()}
}

// Resume returns a half-open context that this acceptor, or one like it at
// another node, exported with the same StateBinding, [BindingRule], Delegation
// and MaxOpen. A state is valid for MaxOpen from the context's first token on.
// A state that has a verified client can be resumed once: the replay store
// remembers it while it is valid. Other states hold only the client's list of
// mechanisms; they take no room in the store, which anyone could fill with
// them. Errors are [*kerberos.Error], ctx's, or about cfg.
func (a *Acceptor) Resume(ctx context.Context, cfg AcceptConfig, sealer StateSealer, sealed []byte) (*Context, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.StateBinding == "" {
		return nil, errNoBinding
	}
	if len(sealed) > maxStateBytes {
		return nil, kerberos.Errorf(kerberos.CodeContextState, "state of %d octets, limit %d", len(sealed), maxStateBytes)
	}
	plain, err := sealer.Open(cfg.statePurpose(), sealed)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeContextState, Detail: "state does not decrypt: " +
			"begun at another route, under other rules or under other keys, or altered", Err: err}
	}
	defer clear(plain)
	var e exportedContext
	if err := json.Unmarshal(plain, &e); err != nil {
		// the cause may hold octets of the plaintext
		return nil, kerberos.Errorf(kerberos.CodeContextState, "state opens and is not what this version writes")
	}
	c := a.NewContext(cfg)
	if err := c.restore(&e); err != nil {
		return nil, err
	}
	if err := a.once(ctx, &e, cfg.maxOpen()); err != nil {
		return nil, err
	}
	return c, nil
}

// restore fills c. The content of e is authentic; an error in it is a bug.
func (c *Context) restore(e *exportedContext) error {
	c.made, c.legs = e.Made, e.Legs
	c.neg = &negotiation{mechTypes: e.MechTypes, mech: string(e.Mech), mechDone: e.KRB5 != nil,
		micRequired: e.MICRequired, micSent: e.MICSent}
	if e.KRB5 == nil {
		return nil
	}
	if !c.acceptor.accepts(e.KRB5.Service) {
		return kerberos.Errorf(kerberos.CodeService, "state is of a context for %s, which this route does not accept",
			e.KRB5.Service)
	}
	k, err := e.KRB5.restore()
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeContextState, Detail: "state opens and has no usable keys", Err: err}
	}
	c.krb5 = k
	return k.protect(true, c.accept.SealedRRC, c.accept.IntegrityRRC)
}

func (e *exportedKRB5) restore() (*krb5Context, error) {
	k := &krb5Context{flags: e.Flags, send: e.Send, receive: e.Receive, bound: e.Bound, ctime: e.Facts.ClientTime}
	for _, key := range []struct {
		to   *etype.Key
		from exportedKey
	}{{&k.session, e.Session}, {&k.key, e.Key}, {&k.acceptorSubkey, e.AcceptorSubkey}} {
		var err error
		if *key.to, err = key.from.key(); err != nil {
			return nil, err
		}
	}
	k.auth = &Authentication{client: e.Client, name: e.Client.Name(), service: e.Service, key: k.key, session: k.session,
		facts: e.Facts, pac: e.PAC}
	var err error
	k.auth.credentials, err = ParseCredentials(e.Credentials)
	return k, err
}

// once refuses a state that is too old, was resumed before, or is of a time for
// which the replay store has no complete records.
func (a *Acceptor) once(ctx context.Context, e *exportedContext, maxOpen time.Duration) error {
	now := a.cfg.Time()
	if age := now.Sub(e.Made); age > maxOpen || age < -a.cfg.MaxSkew {
		return kerberos.Errorf(kerberos.CodeContextState, "the context was begun %v ago, limit %v",
			age.Round(time.Second), maxOpen)
	}
	if e.KRB5 == nil {
		return nil
	}
	if err := a.checkHistory(e); err != nil {
		return err
	}
	added, err := addFor(ctx, a.cfg.Replay, e.KRB5.Client.String(), e.ID, e.Made.Add(maxOpen+a.cfg.MaxSkew+time.Second))
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return replayError(err, "state cannot be remembered, so it is not resumed")
	case !added:
		return kerberos.Errorf(kerberos.CodeContextState, "the context was continued from this state before")
	}
	return a.checkHistory(e) // the store may have lost records before it entered this one
}

// checkHistory refuses a state of a time for which the replay store has no complete
// records.
func (a *Acceptor) checkHistory(e *exportedContext) error {
	h, ok := a.cfg.Replay.(ReplayHistory)
	if !ok {
		return nil
	}
	if from := h.CompleteFrom(e.Made); e.Made.Before(from) {
		return kerberos.Errorf(kerberos.CodeContextState,
			"the context was begun %s; which ones were continued is known from %s on only", kerberos.FormatTime(e.Made),
			kerberos.FormatTime(from))
	}
	return nil
}
