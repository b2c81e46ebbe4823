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

// VerifyToken is [Acceptor.AcceptBound] with the result as a [VerifiedToken],
// whose dynamic type is [*Authentication].
func (a *Acceptor) VerifyToken(ctx context.Context, token []byte, bindings [][]byte) (VerifiedToken, error) {
	c, err := a.AcceptBound(ctx, token, bindings)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Accept is [Acceptor.AcceptBound] without channel bindings.
func (a *Acceptor) Accept(ctx context.Context, token []byte) (*Authentication, error) {
	return a.AcceptBound(ctx, token, nil)
}

// AcceptBound verifies a token: a GSS-API initial token of the krb5 mechanism,
// or a bare AP-REQ. bindings are the application data of the channel that it
// came by, as in [AcceptConfig.ChannelBindings]; [AcceptorConfig.BindingRule]
// is the rule for them. It does not retain token. An accepted token is never
// accepted again. Errors are [*kerberos.Error], or ctx's.
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

// accept verifies an AP-REQ: with g one of a GSS-API context, else one of a
// message. bindings are the channel's.
func (a *Acceptor) accept(ctx context.Context, raw []byte, g *gssAcceptance,
	bindings [][]byte) (*Authentication, error) {
	r, err := krbmsg.ParseAPReq(raw)
	if err != nil {
		return nil, &kerberos.Error{Code: kerberos.CodeTokenMalformed, Detail: "token is not a Kerberos AP-REQ", Err: err}
	}
	s := acceptance{Acceptor: a, plain: a.plaintexts.get(), now: a.cfg.Time(), req: r, gss: g}
	s.bindings, s.rule = bindings, a.cfg.BindingRule
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

// gssAcceptance is what a GSS-API context demands of an AP-REQ and reads from
// it, besides what a message does.
type gssAcceptance struct {
	cfg       *AcceptConfig
	parsed    bool // req is set
	req       krbmsg.APReq
	flags     uint32 // asked for by the client and known to contexts, without GSSDeleg
	delegated []kerberos.Credential
}

// verify runs the checks; the first that fails ends it. They are spelled out,
// since a loop over the methods would put s on the heap.
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
		err = s.checkTicket() // flags, times: reported only to clients that have the key
	}
	if err == nil {
		err = s.checkAuthenticator() // same client, clock
	}
	if err == nil {
		err = s.checkAuthzData() // no unknown restrictions
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
		err = s.checkReplay(ctx) // last: only valid tokens take room in the store
	}
	return err
}

// acceptance is the state of one acceptance of an AP-REQ.
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
	gss      *gssAcceptance        // nil without a GSS-API context
	granted  []kerberos.Credential // delegated in a message
	rule     BindingRule
	bindings [][]byte // of the channel
	bound    bool     // the client's bindings are among them
}

// plaintexts are the buffers that one acceptance decrypts into.
type plaintexts struct{ ticket, authenticator []byte }

// plaintextPool holds unused plaintexts. The zero value is ready to use.
type plaintextPool struct{ pool sync.Pool }

func (p *plaintextPool) get() *plaintexts {
	if t, ok := p.pool.Get().(*plaintexts); ok {
		return t
	}
	return new(plaintexts)
}

// put returns t to the pool, wiped, unless it has become large.
func (p *plaintextPool) put(t *plaintexts) {
	clear(t.ticket)
	clear(t.authenticator)
	if cap(t.ticket)+cap(t.authenticator) <= 32<<10 {
		p.pool.Put(t)
	}
}

// checkRequest checks the cleartext (RFC 4120 5.5.1), before any decryption.
func (s *acceptance) checkRequest() error {
	if s.req.Options&krbmsg.APUseSessionKey != 0 {
		return kerberos.Errorf(kerberos.CodeUserToUser,
			"the ticket is encrypted in a session key (ap-options use-session-key); only service keys are accepted")
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
		return kerberos.Errorf(kerberos.CodeTokenMalformed, "%s: %d octets of ciphertext, %s has at least %d",
			what, len(e.Cipher), et.Name, et.MinCipher())
	}
	return nil
}

// allowed returns an encryption type, or an error if it is not on the
// allow-list.
func (s *acceptance) allowed(number int32, what string) (*etype.Type, error) {
	et, ok := etype.ByID(number)
	if ok && slices.Contains(s.cfg.Etypes, number) {
		return et, nil
	}
	hint := ""
	if number == etype.RC4 {
		hint = ": give the account AES keys; RC4 is accepted only when enabled"
	}
	return nil, kerberos.Errorf(kerberos.CodeEtype, "encryption type of the %s is %d (%s), allowed are %s%s",
		what, number, etype.Name(number), etypeNumbers(s.cfg.Etypes), hint)
}

// checkService checks that the ticket is for a principal of this view. The name
// is in clear and proves nothing until a key of that very principal has
// decrypted the ticket.
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
	return kerberos.Errorf(kerberos.CodeService, "ticket is for %s, this route accepts %s%s",
		s.service, strings.Join(names, ", "), hint)
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

// open decrypts the ticket with a key of the keytab.
func (s *acceptance) open(keytab *keytab.Keytab) ([]byte, *keytab.Entry, error) {
	t := &s.req.Ticket
	return keytab.OpenTicket(s.plain.ticket, s.service, t.Etype, t.Kvno, t.Cipher, s.cfg.ExactKvno)
}

// openRefreshed decrypts the ticket with a refreshed keytab. It returns err if
// the keytab cannot be refreshed or does not change. A keytab may change
// without the ticket's key, so it tries a few times.
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

// takeSessionKey reads the ticket's session key and checks its type.
func (s *acceptance) takeSessionKey() error {
	if _, err := s.allowed(s.ticket.Key.Etype, "session key"); err != nil {
		return err
	}
	var err error
	if s.session, err = etype.NewKey(s.ticket.Key.Etype, s.ticket.Key.Octets); err != nil {
		return &kerberos.Error{Code: kerberos.CodeTicketMalformed, Detail: "session key", Err: err}
	}
	if s.req.Authenticator.Etype != s.session.Etype() {
		return kerberos.Errorf(kerberos.CodeAuthIntegrity,
			"authenticator is encrypted with etype %d, the ticket's session key has %d", s.req.Authenticator.Etype,
			s.session.Etype())
	}
	return nil
}

// checkTicket checks flags and times (RFC 4120 3.2.3).
func (s *acceptance) checkTicket() error {
	switch t := &s.ticket; {
	case t.Flags&kerberos.FlagInvalid != 0:
		return kerberos.Errorf(kerberos.CodeTicketInvalid,
			"ticket has the INVALID flag: it is postdated and was not validated")
	case t.StartTime.Sub(s.now) > s.cfg.MaxSkew:
		return kerberos.Errorf(kerberos.CodeTicketNotYet, "ticket starts %s, our clock has %s (limit for skew %v)",
			kerberos.FormatTime(t.StartTime), kerberos.FormatTime(s.now), s.cfg.MaxSkew)
	case s.now.Sub(t.EndTime) > s.cfg.MaxSkew:
		return kerberos.Errorf(kerberos.CodeTicketExpired, "ticket ended %s, our clock has %s (limit for skew %v)",
			kerberos.FormatTime(t.EndTime), kerberos.FormatTime(s.now), s.cfg.MaxSkew)
	}
	return nil
}

func (s *acceptance) openAuthenticator() error {
	plain, err := etype.NewUsageKey(s.session, etype.UsageAuthenticator).Decrypt(s.plain.authenticator,
		s.req.Authenticator.Cipher)
	if err != nil {
		return &kerberos.Error{Code: kerberos.CodeAuthIntegrity,
			Detail: "authenticator does not decrypt with the ticket's session key", Err: err}
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

// checkAuthenticator checks that ticket and authenticator name the same client,
// with its realm, and that the clocks agree (RFC 4120 3.2.3).
func (s *acceptance) checkAuthenticator() error {
	if !bytes.Equal(s.auth.CName.Strings, s.ticket.CName.Strings) || !bytes.Equal(s.auth.CRealm, s.ticket.CRealm) {
		return kerberos.Errorf(kerberos.CodeClientMismatch, "ticket is %s@%s's, authenticator says %s@%s",
			s.ticket.CName.AppendText(nil), kerberos.AppendEscaped(nil, s.ticket.CRealm),
			s.auth.CName.AppendText(nil), kerberos.AppendEscaped(nil, s.auth.CRealm))
	}
	if s.skew = s.auth.CTime.Sub(s.now); s.skew.Abs() > s.cfg.MaxSkew {
		way := "ahead of"
		if s.skew < 0 {
			way = "behind"
		}
		return &kerberos.Error{Code: kerberos.CodeSkew, Skew: s.skew,
			Detail: fmt.Sprintf("client's clock is %v %s ours, limit %v (authenticator %s, our clock %s)",
				s.skew.Abs().Round(time.Millisecond), way, s.cfg.MaxSkew, kerberos.FormatTime(s.auth.CTime),
				kerberos.FormatTime(s.now))}
	}
	return nil
}

// checkAuthzData refuses authorization data that is not understood (RFC 4120
// 5.2.6).
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
			return kerberos.Errorf(kerberos.CodeAuthzData,
				"%s carries authorization data of type %d, which is not understood and not in AD-IF-RELEVANT", where, kind)
		}
	}
	return nil
}

// chooseKey chooses the effective key.
func (s *acceptance) chooseKey() error {
	s.key = s.session
	source := s.cfg.KeySource
	if s.gss != nil {
		source = KeyAuto // RFC 4121 2; KeySource is for peers of the token profile
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

// checkAddress checks the client's address against caddr (RFC 4120 3.2.3), if
// that is configured.
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
		kind, octets := krbmsg.ReadAddress(&p, &rest)
		a, legal := netip.AddrFromSlice(octets)
		if p.Err != nil || !legal || kind != krbmsg.AddressIPv4 && kind != krbmsg.AddressIPv6 {
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
	return kerberos.Errorf(kerberos.CodeAddress, "ticket is for a client at %s, this one is at %s",
		strings.Join(list, ", "), addr)
}

// checkReplay asks the replay store (RFC 4120 3.2.3). The replay key is the
// hash of the authenticator's ciphertext, in which a sender can vary nothing.
func (s *acceptance) checkReplay(ctx context.Context) error {
	if err := s.checkHistory(); err != nil {
		return err
	}
	s.replayID = sha256.Sum256(s.req.Authenticator.Cipher)
	// One second more, so that the store still knows a token at the edge of the
	// skew limit.
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
	return s.checkHistory() // the store may have lost records before it entered this one
}

// checkHistory refuses an authenticator of a time for which the replay store has
// no complete records.
func (s *acceptance) checkHistory() error {
	h, ok := s.cfg.Replay.(ReplayHistory)
	if !ok {
		return nil
	}
	if from := h.CompleteFrom(s.auth.CTime); s.auth.CTime.Before(from) {
		return &kerberos.Error{Code: kerberos.CodeBeforeStart, Skew: s.skew, Detail: s.beforeStart(from)}
	}
	return nil
}

// beforeStart returns the detail of CodeBeforeStart: the client is accepted at
// once with a new authenticator, or when its clock, if it is behind, reaches
// from.
func (s *acceptance) beforeStart(from time.Time) string {
	return fmt.Sprintf("authenticator is of %s, and which ones made before %s were accepted is not known: "+
		"a new one is accepted, at once if this one was %v on its way, and from %s on if the client's clock is so "+
		"much behind ours", s.auth.CTime.Format(time.RFC3339Nano), from.UTC().Format(time.RFC3339Nano),
		s.skew.Abs().Round(time.Millisecond), kerberos.FormatTime(s.now.Add(from.Sub(s.auth.CTime)+time.Second-1)))
}

// authentication returns the result, which shares no memory with the token.
func (s *acceptance) authentication() *Authentication {
	kvno := s.req.Ticket.Kvno
	c := &Authentication{service: s.service, key: s.key, session: s.session, pac: s.pac}
	c.name = string(s.ticket.CName.AppendText(make([]byte, 0, 128)))
	c.client.Realm = string(s.ticket.CRealm)
	c.client.Components = s.ticket.CName.Components()
	c.credentials.Delegated = s.granted
	if s.cfg.KeepTicket {
		c.credentials.Evidence = s.evidence(c.client)
	}
	c.facts = Facts{
		TicketEtype:  s.req.Ticket.Etype,
		SessionEtype: s.session.Etype(),
		KeyEtype:     s.key.Etype(),
		Subkey:       s.auth.HasSubkey && (s.gss != nil || s.cfg.KeySource != KeySession),
		TicketKvno:   kvno,
		KeytabKvno:   s.entry.Kvno,
		Fallback:     kvno != 0 && s.entry.Rank(kvno) != 0,
		TicketFlags:  s.ticket.Flags,
		AuthTime:     s.ticket.AuthTime,
		StartTime:    s.ticket.StartTime,
		EndTime:      s.ticket.EndTime,
		ClientTime:   s.auth.CTime,
		Skew:         s.skew,
		Mutual:       s.req.Options&krbmsg.APMutualRequired != 0 || s.checksum.Flags&kerberos.GSSMutual != 0,
		GSSFlags:     s.checksum.Flags,
		SeqNumber:    s.auth.SeqNumber,
		ReplayID:     s.replayID,
		ChannelBound: s.bound,
	}
	return c
}
