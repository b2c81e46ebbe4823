package gss

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wssgate/wssgate/kerberos"
	"github.com/wssgate/wssgate/kerberos/etype"
	"github.com/wssgate/wssgate/kerberos/internal/der"
	"github.com/wssgate/wssgate/kerberos/internal/krbmsg"
	"github.com/wssgate/wssgate/kerberos/keytab"
	"github.com/wssgate/wssgate/kerberos/pac"
)

// VerifyToken is AcceptBound with the result as a VerifiedToken. It is an *Authentication, so that what logs it finds
// its Facts.
func (a *Acceptor) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (VerifiedToken, error) {
	c, err := a.AcceptBound(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Accept is AcceptBound without a channel.
func (a *Acceptor) Accept(ctx context.Context, token []byte) (*Authentication, error) {
	return a.AcceptBound(ctx, token, nil)
}

// AcceptBound verifies a token: a GSS-API initial token of the krb5 mechanism, or a bare AP-REQ. bindings are the
// application data of the channel that it came by, as in AcceptConfig.ChannelBindings; AcceptorConfig.BindingRule says
// what is demanded of them. It keeps nothing of token. An accepted token is never accepted again. Errors are
// *kerberos.Error, except that of a done ctx.
func (a *Acceptor) AcceptBound(ctx context.Context, token []byte, bindings [][]byte) (*Authentication, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := krbmsg.Unframe(token)
	if err != nil {
		return nil, err
	}
	return a.accept(ctx, raw, nil, bindings)
}

// accept verifies an AP-REQ: that of a GSS-API context with g, else that of a message; bindings are those of the
// channel.
func (a *Acceptor) accept(ctx context.Context, raw []byte, g *gssAcceptance, bindings [][]byte) (*Authentication, error) {
	r, err := krbmsg.ParseAPReq(raw)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a Kerberos AP-REQ", Err: err}
	}
	s := acceptance{Acceptor: a, plain: a.plaintexts.get(), now: a.cfg.Time(), req: r, gss: g, bindings: bindings, rule: a.cfg.BindingRule}
	defer a.plaintexts.put(s.plain)
	if g != nil {
		g.req, g.parsed = r, true
		s.rule = g.cfg.BindingRule
	}
	if err := s.verify(ctx); err != nil {
		return nil, err
	}
	return s.authentication(), nil
}

// gssAcceptance is what a GSS-API context wants of an AP-REQ beyond what a message does, and gets.
type gssAcceptance struct {
	cfg       *AcceptConfig
	parsed    bool         // the token holds an AP-REQ:
	req       krbmsg.APReq // that
	flags     uint32       // that the client asks for and a context can have, without GSSDeleg
	delegated []kerberos.Credential
}

// verify is the list of checks; the first that fails ends it. It is spelled out, as a loop over the methods would put s
// on the heap.
func (s *acceptance) verify(ctx context.Context) error {
	err := s.checkRequest() // options, lengths, encryption types
	if err == nil {
		err = s.checkService() // the route accepts this service
	}
	if err == nil {
		err = s.openTicket(ctx) // under a key of the keytab
	}
	if err == nil {
		err = s.takeSessionKey() // of the ticket
	}
	if err == nil {
		err = s.openAuthenticator() // under the session key
	}
	if err == nil {
		err = s.checkTicket() // flags, times: told to clients only that have the key
	}
	if err == nil {
		err = s.checkAuthenticator() // same client, clock
	}
	if err == nil {
		err = s.checkAuthzData() // nothing that restricts and is unknown
	}
	if err == nil && s.cfg.PAC != PACIgnore {
		err = s.checkPAC()
	}
	if err == nil {
		err = s.checkClientRealm()
	}
	if err == nil {
		err = s.checkAddress(ctx)
	}
	if err == nil {
		err = s.chooseKey()
	}
	if err == nil {
		err = s.checkChecksum() // channel bindings, delegation
	}
	if err == nil {
		err = s.checkReplay(ctx) // last: only what is valid otherwise takes room in the store
	}
	return err
}

// acceptance is one run of Accept: what is known so far.
type acceptance struct {
	*Acceptor
	plain    *plaintexts
	now      time.Time
	req      krbmsg.APReq
	service  string // full principal
	entry    *keytab.Entry
	ticket   krbmsg.EncTicketPart
	session  etype.Key
	auth     krbmsg.Authenticator
	checksum krbmsg.GSSChecksum
	skew     time.Duration
	key      etype.Key
	replayID [32]byte
	pac      *pac.PAC
	gss      *gssAcceptance // nil without a GSS-API context
	rule     BindingRule
	bindings [][]byte // of the channel
	bound    bool     // the client's are among them
}

// plaintexts are the memory of what one run of Accept decrypts.
type plaintexts struct{ ticket, authenticator []byte }

// plaintextPool holds those that no run uses; the zero value is ready.
type plaintextPool struct{ pool sync.Pool }

func (p *plaintextPool) get() *plaintexts {
	if t, ok := p.pool.Get().(*plaintexts); ok {
		return t
	}
	return new(plaintexts)
}

// put gives t back, wiped, unless it has become large.
func (p *plaintextPool) put(t *plaintexts) {
	clear(t.ticket)
	clear(t.authenticator)
	if cap(t.ticket)+cap(t.authenticator) <= 32<<10 {
		p.pool.Put(t)
	}
}

// checkRequest looks at what is in clear (RFC 4120 5.5.1), before any work is done with it.
func (s *acceptance) checkRequest() error {
	if s.req.Options&krbmsg.APUseSessionKey != 0 {
		return kerberos.Errorf(kerberos.CodeUserToUser, "the ticket is encrypted in a session key (ap-options use-session-key); only service keys are accepted")
	}
	if err := s.checkCipher(&s.req.Ticket, "ticket"); err != nil {
		return err
	}
	return s.checkCipher(&s.req.Authenticator, "authenticator")
}

func (s *acceptance) checkCipher(e *krbmsg.EncryptedData, what string) error {
	et, err := s.allowed(e.Etype, what)
	if err != nil {
		return err
	}
	if len(e.Cipher) < et.MinCipher() {
		return kerberos.Errorf(kerberos.CodeTokenMalformed, "%s: %d octets of ciphertext, %s has at least %d", what, len(e.Cipher), et.Name, et.MinCipher())
	}
	return nil
}

// allowed looks an encryption type up and demands that it is on the allow-list.
func (s *acceptance) allowed(number int32, what string) (*etype.Type, error) {
	et, ok := etype.ByID(number)
	if ok && slices.Contains(s.cfg.Etypes, number) {
		return et, nil
	}
	hint := ""
	if number == etype.RC4 {
		hint = ": give the account AES keys; RC4 is accepted only when enabled"
	}
	return nil, kerberos.Errorf(kerberos.CodeEtype, "encryption type of the %s is %d (%s), allowed are %s%s", what, number, etype.Name(number),
		etypeNumbers(s.cfg.Etypes), hint)
}

// checkService demands that the ticket is for a principal of this view. The name is in clear and proves nothing until
// a key of that very principal has opened the ticket.
func (s *acceptance) checkService() error {
	text := append(s.req.SName.AppendText(make([]byte, 0, 128)), '@')
	n := len(text) - 1
	s.service = string(kerberos.AppendEscaped(text, s.req.Realm))
	if s.fits(s.service, n) {
		return nil
	}
	var names []string
	hint := ""
	for _, p := range s.services {
		names = append(names, p.String())
		if strings.EqualFold(p.text, s.service) || p.Realm == "" && strings.EqualFold(p.text, s.service[:n+1]) {
			hint = "; they differ by upper and lower case only: names must match exactly"
		}
	}
	return kerberos.Errorf(kerberos.CodeService, "ticket is for %s, this route accepts %s%s", s.service, strings.Join(names, ", "), hint)
}

func (s *acceptance) openTicket(ctx context.Context) error {
	keytab := s.cfg.Keytab.Keytab()
	plain, entry, err := s.open(keytab)
	if err != nil {
		plain, entry, err = s.openRefreshed(ctx, keytab, err)
	}
	if err != nil {
		return err
	}
	s.entry, s.plain.ticket = entry, plain
	if s.ticket, err = krbmsg.ParseEncTicketPart(plain); err != nil {
		return &kerberos.Error{Code: kerberos.CodeTicketMalformed, Detail: "ticket for " + s.service, Err: err}
	}
	return nil
}

// open decrypts the ticket with a keytab.
func (s *acceptance) open(keytab *keytab.Keytab) ([]byte, *keytab.Entry, error) {
	t := &s.req.Ticket
	return keytab.OpenTicket(s.plain.ticket, s.service, t.Etype, t.Kvno, t.Cipher, s.cfg.ExactKvno)
}

// openRefreshed is openTicket once more, if the keytab can be refreshed and becomes another; else the error is that of
// before. Should it change for another reason, it is asked again, few times.
func (s *acceptance) openRefreshed(ctx context.Context, kt *keytab.Keytab, err error) ([]byte, *keytab.Entry, error) {
	source, ok := s.cfg.Keytab.(keytab.Refresher)
	for range 3 {
		if !ok {
			break
		}
		next := source.RefreshKeytab(ctx, kt, kt.Awaits(s.service, s.req.Ticket.Kvno))
		if next == nil {
			break
		}
		var plain []byte
		var entry *keytab.Entry
		if plain, entry, err = s.open(next); err == nil {
			return plain, entry, nil
		}
		kt = next
	}
	return nil, nil, err
}

// takeSessionKey makes the session key.
func (s *acceptance) takeSessionKey() error {
	if _, err := s.allowed(s.ticket.Key.Etype, "session key"); err != nil {
		return err
	}
	var err error
	if s.session, err = etype.NewKey(s.ticket.Key.Etype, s.ticket.Key.Octets); err != nil {
		return &kerberos.Error{Code: kerberos.CodeTicketMalformed, Detail: "session key", Err: err}
	}
	if s.req.Authenticator.Etype != s.session.Etype() {
		return kerberos.Errorf(kerberos.CodeAuthIntegrity, "authenticator is encrypted with etype %d, the ticket's session key has %d", s.req.Authenticator.Etype, s.session.Etype())
	}
	return nil
}

// checkTicket is RFC 4120 3.2.3: flags and times.
func (s *acceptance) checkTicket() error {
	switch t := &s.ticket; {
	case t.Flags&kerberos.FlagInvalid != 0:
		return kerberos.Errorf(kerberos.CodeTicketInvalid, "ticket has the INVALID flag: it is postdated and was not validated")
	case t.StartTime.Sub(s.now) > s.cfg.MaxSkew:
		return kerberos.Errorf(kerberos.CodeTicketNotYet, "ticket starts %s, our clock has %s (limit for skew %v)", kerberos.FormatTime(t.StartTime), kerberos.FormatTime(s.now), s.cfg.MaxSkew)
	case s.now.Sub(t.EndTime) > s.cfg.MaxSkew:
		return kerberos.Errorf(kerberos.CodeTicketExpired, "ticket ended %s, our clock has %s (limit for skew %v)", kerberos.FormatTime(t.EndTime), kerberos.FormatTime(s.now), s.cfg.MaxSkew)
	}
	return nil
}

func (s *acceptance) openAuthenticator() error {
	plain, err := etype.NewUsageKey(s.session, etype.UsageAuthenticator).Decrypt(s.plain.authenticator, s.req.Authenticator.Cipher)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeAuthIntegrity, Detail: "authenticator does not open with the ticket's session key", Err: err}
	}
	s.plain.authenticator = plain
	if s.auth, err = krbmsg.ParseAuthenticator(plain); err == nil {
		s.checksum, err = s.auth.GSSChecksum()
	}
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeAuthMalformed, Detail: "authenticator", Err: err}
	}
	return nil
}

// checkAuthenticator demands the same client, name and realm, in ticket and authenticator, and clocks that agree
// (RFC 4120 3.2.3).
func (s *acceptance) checkAuthenticator() error {
	if !bytes.Equal(s.auth.CName.Strings, s.ticket.CName.Strings) || !bytes.Equal(s.auth.CRealm, s.ticket.CRealm) {
		return kerberos.Errorf(kerberos.CodeClientMismatch, "ticket is %s@%s's, authenticator says %s@%s", s.ticket.CName.AppendText(nil),
			kerberos.AppendEscaped(nil, s.ticket.CRealm), s.auth.CName.AppendText(nil), kerberos.AppendEscaped(nil, s.auth.CRealm))
	}
	if s.skew = s.auth.CTime.Sub(s.now); s.skew.Abs() > s.cfg.MaxSkew {
		way := "ahead of"
		if s.skew < 0 {
			way = "behind"
		}
		return &kerberos.Error{Code: kerberos.CodeSkew, Skew: s.skew, Detail: fmt.Sprintf("client's clock is %v %s ours, limit %v (authenticator %s, our clock %s)",
			s.skew.Abs().Round(time.Millisecond), way, s.cfg.MaxSkew, kerberos.FormatTime(s.auth.CTime), kerberos.FormatTime(s.now))}
	}
	return nil
}

// checkAuthzData is RFC 4120 5.2.6: with an element that is not understood, authentication fails.
func (s *acceptance) checkAuthzData() error {
	if err := checkAuthzData(s.ticket.AuthzData, "ticket"); err != nil {
		return err
	}
	return checkAuthzData(s.auth.AuthzData, "authenticator")
}

func checkAuthzData(list []byte, where string) error {
	p := der.Parser{In: where}
	for len(list) > 0 {
		kind, _ := krbmsg.ReadAuthzElement(&p, &list)
		if p.Err != nil {
			return &kerberos.Error{Code: kerberos.CodeAuthzData, Detail: "malformed authorization data", Err: p.Err}
		}
		if kind != krbmsg.ADIfRelevant && kind != krbmsg.ADMandatoryForKDC && kind != krbmsg.ADWin2kPAC {
			return kerberos.Errorf(kerberos.CodeAuthzData, "%s carries authorization data of type %d, which is not understood and not in AD-IF-RELEVANT", where, kind)
		}
	}
	return nil
}

// chooseKey takes the effective key.
func (s *acceptance) chooseKey() error {
	s.key = s.session
	source := s.cfg.KeySource
	if s.gss != nil {
		source = KeyAuto // as RFC 4121 2 has it; KeySource is for peers of the token profile
	}
	if !s.auth.HasSubkey {
		if source == KeySubkey {
			return kerberos.Errorf(kerberos.CodeNoSubkey, "authenticator carries no subkey, key source is %q", KeySubkey)
		}
		return nil
	}
	if _, err := s.allowed(s.auth.Subkey.Etype, "authenticator's subkey"); err != nil {
		return err
	}
	subkey, err := etype.NewKey(s.auth.Subkey.Etype, s.auth.Subkey.Octets)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeAuthMalformed, Detail: "subkey", Err: err}
	}
	if source != KeySession {
		s.key = subkey
	}
	return nil
}

// checkAddress is RFC 4120 3.2.3 on caddr; off by default.
func (s *acceptance) checkAddress(ctx context.Context) error {
	if !s.cfg.CheckAddresses || !s.ticket.HasAddrList {
		return nil
	}
	addr, ok := kerberos.RemoteAddr(ctx)
	if !ok {
		return kerberos.Errorf(kerberos.CodeAddress, "ticket is bound to addresses, and the client's is not known")
	}
	p := der.Parser{In: "EncTicketPart: caddr"}
	var list []string
	for rest := s.ticket.Addresses; len(rest) > 0 && p.Err == nil; {
		entry := p.Next(&rest, der.TagSequence, "entry")
		kind := p.Int32Field(&entry, 0, "addr-type")
		octets := p.Field(&entry, 1, der.TagOctetString, "address")
		p.End(entry, "entry")
		a, legal := netip.AddrFromSlice(octets)
		if p.Err != nil || !legal || kind != 2 && kind != 24 { // IPv4, IPv6 (RFC 4120 7.5.3)
			continue
		}
		if a.Unmap() == addr {
			return nil
		}
		if len(list) < 8 {
			list = append(list, a.String())
		}
	}
	if p.Err != nil {
		return &kerberos.Error{Code: kerberos.CodeTicketMalformed, Detail: "addresses", Err: p.Err}
	}
	if len(list) == 0 {
		list = []string{"addresses that are neither IPv4 nor IPv6"}
	}
	return kerberos.Errorf(kerberos.CodeAddress, "ticket is for a client at %s, this one is at %s", strings.Join(list, ", "), addr)
}

// checkReplay asks the replay cache (RFC 4120 3.2.3). The replay key is the hash
// of the authenticator's ciphertext, of which a sender can vary nothing.
func (s *acceptance) checkReplay(ctx context.Context) error {
	if h, ok := s.cfg.Replay.(ReplayHistory); ok {
		if from := h.CompleteFrom(s.auth.CTime); s.auth.CTime.Before(from) {
			return &kerberos.Error{Code: kerberos.CodeBeforeStart, Skew: s.skew, Detail: s.beforeStart(from)}
		}
	}
	s.replayID = sha256.Sum256(s.req.Authenticator.Cipher)
	// One second more, so that a token at the edge of the skew limit does not arrive too late at the store.
	added, err := addFor(ctx, s.cfg.Replay, s.clientText(), s.replayID, s.auth.CTime.Add(s.cfg.ReplayWindow+time.Second))
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return replayError(err, "authenticator cannot be remembered, so it is not accepted")
	case !added:
		return kerberos.Errorf(kerberos.CodeReplay, "authenticator of %s made %s was presented before", s.clientText(),
			s.auth.CTime.Format(time.RFC3339Nano))
	}
	return nil
}

// beforeStart is the error that says when the client is accepted: at once with a new authenticator, or when its clock,
// which is behind, has come to from.
func (s *acceptance) beforeStart(from time.Time) string {
	return fmt.Sprintf("authenticator is of %s, and which ones made before %s were accepted is not known: a new one is accepted, at once if this one was %v "+
		"on its way, and from %s on if the client's clock is so much behind ours", s.auth.CTime.Format(time.RFC3339Nano), from.UTC().Format(time.RFC3339Nano),
		s.skew.Abs().Round(time.Millisecond), kerberos.FormatTime(s.now.Add(from.Sub(s.auth.CTime)+time.Second-1)))
}

// authentication copies what was found.
func (s *acceptance) authentication() *Authentication {
	c := &Authentication{service: s.service, key: s.key, session: s.session, name: string(s.ticket.CName.AppendText(nil)), pac: s.pac}
	c.client.Realm = string(s.ticket.CRealm)
	c.client.Components = s.ticket.CName.Components()
	c.facts = Facts{
		TicketEtype: s.req.Ticket.Etype, SessionEtype: s.session.Etype(), KeyEtype: s.key.Etype(),
		Subkey:     s.auth.HasSubkey && (s.gss != nil || s.cfg.KeySource != KeySession),
		TicketKvno: s.req.Ticket.Kvno, KeytabKvno: s.entry.Kvno, Fallback: s.req.Ticket.Kvno != 0 && s.entry.Rank(s.req.Ticket.Kvno) != 0,
		TicketFlags: s.ticket.Flags, AuthTime: s.ticket.AuthTime, StartTime: s.ticket.StartTime, EndTime: s.ticket.EndTime,
		ClientTime: s.auth.CTime, Skew: s.skew,
		Mutual: s.req.Options&krbmsg.APMutualRequired != 0 || s.checksum.Flags&kerberos.GSSMutual != 0, GSSFlags: s.checksum.Flags,
		SeqNumber: s.auth.SeqNumber, ReplayID: s.replayID, ChannelBound: s.bound,
	}
	return c
}
